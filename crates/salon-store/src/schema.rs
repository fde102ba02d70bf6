//! The tables, and how a file of an older version becomes one of this version.

use rusqlite::{Connection, TransactionBehavior};

/// Marks a file as ours: `SALN`.
pub(crate) const APPLICATION_ID: i32 = 0x5341_4c4e;

/// What each version adds; the version of a file is how many of these it has. Never changed, only added to.
///
/// Bodies are JSON text, so that anyone with the `sqlite3` shell can read them; hashes cover exactly these bytes.
const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE rooms (
        room  TEXT    NOT NULL PRIMARY KEY,
        epoch INTEGER NOT NULL,
        seq   INTEGER NOT NULL,
        head  BLOB    NOT NULL,
        live  INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX rooms_live ON rooms (room) WHERE live = 1;
    CREATE TABLE records (
        room  TEXT    NOT NULL,
        seq   INTEGER NOT NULL,
        epoch INTEGER NOT NULL,
        hash  BLOB    NOT NULL,
        body  TEXT    NOT NULL,
        PRIMARY KEY (room, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE entries (
        seq   INTEGER NOT NULL PRIMARY KEY,
        fence INTEGER NOT NULL,
        hash  BLOB    NOT NULL,
        body  TEXT    NOT NULL
    ) STRICT;
    CREATE TABLE secrets (
        name  TEXT    NOT NULL PRIMARY KEY,
        value BLOB    NOT NULL
    ) STRICT, WITHOUT ROWID;
"];

/// The version this program writes.
pub(crate) const VERSION: usize = MIGRATIONS.len();

/// The version of a file: 0 if it is new.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<usize> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    // A negative version is none we ever wrote: it reads as a newer one.
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

/// Brings a file of version `from` to [`VERSION`], in one transaction.
pub(crate) fn migrate(connection: &mut Connection, from: usize) -> rusqlite::Result<()> {
    let missing = MIGRATIONS.get(from..).unwrap_or_default();
    if missing.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for migration in missing {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", i64::try_from(VERSION).unwrap_or(i64::MAX))?;
    transaction.commit()
}
