//! One connection, and the rule that a failed commit is its last.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};

/// How long a connection waits for another process, such as a backup with the `sqlite3` shell. A guess.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What all connections of one directory share; dropped with the last of them.
#[derive(Debug)]
pub(crate) struct Directory {
    /// The file they are connected to.
    pub(crate) path: PathBuf,
    /// Held exclusively, so that no second server opens the directory. The system lets go of it when the process dies.
    pub(crate) _lock: File,
    /// Whose turn it is to write: SQLite would wait by sleeping, this wakes at once.
    pub(crate) turn: Mutex<()>,
}

/// A connection, until a commit fails.
#[derive(Debug)]
pub(crate) struct Database {
    connection: Connection,
    directory: Arc<Directory>,
    // Invariant: once set, never cleared. What reached the disk then is known only to whoever opens the file again.
    poisoned: bool,
}

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseError {
    /// SQLite says no.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// It said no before, to something that changed the file.
    #[error("an earlier write did not succeed; open the store again")]
    Poisoned,
}

/// Opens a connection with every setting that durability needs.
pub(crate) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

/// Makes a commit mean "on the disk".
pub(crate) fn make_durable(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // On macOS, `fsync` alone leaves data in the drive's cache; elsewhere this changes nothing.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)
}

impl Database {
    pub(crate) fn open(directory: Arc<Directory>) -> rusqlite::Result<Self> {
        let connection = connect(&directory.path)?;
        make_durable(&connection)?;
        Ok(Self { connection, directory, poisoned: false })
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Runs `work` in one transaction, durable on return. After an error nothing more is ever written: neither
    /// a failed commit nor a failed roll-back tells what is on the disk.
    pub(crate) fn write<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, DatabaseError> {
        if self.poisoned {
            return Err(DatabaseError::Poisoned);
        }
        // It guards nothing but the order: a panic elsewhere leaves nothing half done.
        let _turn = self.directory.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.poisoned = true;
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&transaction)?;
        transaction.commit()?;
        self.poisoned = false;
        Ok(done)
    }
}

/// A sequence number or fence as SQLite keeps it.
pub(crate) fn column(number: u64) -> rusqlite::Result<i64> {
    i64::try_from(number).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}
