//! Opening a directory: one server at a time, one file that is whole and of a known version.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rusqlite::{Connection, ErrorCode};

use crate::database::{self, Database, Directory};
use crate::journal::Journal;
use crate::room_log::RoomLog;
use crate::schema;
use crate::secrets::Secrets;

const DATABASE: &str = "salon.db";
const LOCK: &str = "salon.lock";

/// Everything in one directory, in the file `salon.db`. Each part has its own connection and may go to its own thread.
///
/// The directory stays locked until the last part is dropped.
#[derive(Debug)]
pub struct SqliteStore {
    /// The records of all rooms.
    pub rooms: RoomLog,
    /// The journal of the ledger book.
    pub journal: Journal,
    /// What must survive a restart and never be shown.
    pub secrets: Secrets,
}

/// Why a directory could not be opened; each is one sentence for the operator.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory cannot be made or written to.
    #[error("cannot write to the data directory {}: {source}", path.display())]
    Unwritable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another server has it open.
    #[error("the data directory {} is in use by another process", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The file is not a database, or no longer a whole one.
    #[error("{} is not an intact database: {found}; restore it from a backup", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite found.
        found: String,
    },
    /// The file is a database, but of another program.
    #[error("{} is the database of another program", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer version of this program.
    #[error(
        "{} has version {found} and this program knows versions up to {known}: use a newer program",
        path.display()
    )]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: usize,
        /// The newest version this program can read.
        known: usize,
    },
    /// Something else.
    #[error("cannot use the database {}: {source}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl SqliteStore {
    /// Opens `directory`, making it if there is none, and checks that its file is whole; the check reads all of it.
    ///
    /// On Unix a new file can be read by its owner only, because of the secrets in it.
    ///
    /// # Errors
    /// [`OpenError`] says what to do about it.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, OpenError> {
        let directory = directory.as_ref();
        let lock = lock(directory)?;
        let path = directory.join(DATABASE);
        create(&path).map_err(|source| unwritable(directory, source))?;
        prepare(&path)?;
        let turn = Mutex::new(());
        let shared = Arc::new(Directory { path: path.clone(), _lock: lock, turn });
        let connect =
            || Database::open(Arc::clone(&shared)).map_err(|error| classify(&path, error));
        Ok(Self {
            rooms: RoomLog::new(connect()?),
            journal: Journal::new(connect()?),
            secrets: Secrets::new(connect()?),
        })
    }
}

fn unwritable(directory: &Path, source: io::Error) -> OpenError {
    OpenError::Unwritable { path: directory.to_owned(), source }
}

fn lock(directory: &Path) -> Result<File, OpenError> {
    let open = || {
        fs::create_dir_all(directory)?;
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).open(directory.join(LOCK))
    };
    let file = open().map_err(|source| unwritable(directory, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: directory.to_owned() }),
        Err(TryLockError::Error(source)) => Err(unwritable(directory, source)),
    }
}

/// Makes an empty file if there is none. SQLite gives its side files the same permissions.
fn create(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Looks at the file before anything is written to it, then brings it to this version.
fn prepare(path: &Path) -> Result<(), OpenError> {
    let usable = |error| classify(path, error);
    let mut connection = database::connect(path).map_err(usable)?;
    let version = schema::version(&connection).map_err(usable)?;
    if !is_ours(&connection).map_err(usable)? {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    if version > schema::VERSION {
        let known = schema::VERSION;
        return Err(OpenError::NewerVersion { path: path.to_owned(), found: version, known });
    }
    let found: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(usable)?;
    if found != "ok" {
        return Err(OpenError::Damaged { path: path.to_owned(), found });
    }
    database::make_durable(&connection).map_err(usable)?;
    schema::migrate(&mut connection, version).map_err(usable)
}

/// Whether the file is new or carries our mark.
fn is_ours(connection: &Connection) -> rusqlite::Result<bool> {
    let mark: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(mark == schema::APPLICATION_ID || (mark == 0 && tables == 0))
}

fn classify(path: &Path, error: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    let directory = || path.parent().unwrap_or(&path).to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            OpenError::Damaged { found: error.to_string(), path }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            OpenError::InUse { path: directory() }
        }
        Some(
            ErrorCode::ReadOnly
            | ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure,
        ) => OpenError::Unwritable { path: directory(), source: io::Error::other(error) },
        _ => OpenError::Unusable { path, source: Box::new(error) },
    }
}
