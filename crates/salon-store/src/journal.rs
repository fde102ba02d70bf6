//! The journal of one ledger book, as rows.

use rusqlite::{OptionalExtension, Row};
use salon_core::Fence;
use salon_core::chain::ChainHash;
use salon_ledger::store::{self, StoreError};
use salon_ledger::{Entry, Store};

use crate::database::{Database, DatabaseError, column};

/// The journal of one ledger book. A batch is one transaction, durable on return.
///
/// [`Book::open`](salon_ledger::Book::open) verifies it; reading alone does not.
#[derive(Debug)]
pub struct Journal {
    database: Database,
}

impl Journal {
    pub(crate) const fn new(database: Database) -> Self {
        Self { database }
    }
}

impl Store for Journal {
    fn append(&mut self, fence: Fence, entries: &[Entry]) -> Result<(), StoreError> {
        let written = self.database.write(|transaction| {
            let last: Option<(u64, u64)> = transaction
                .prepare_cached("SELECT fence, seq FROM entries ORDER BY seq DESC LIMIT 1")?
                .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let (current, last_seq) = last.unwrap_or_default();
            if let Err(refused) = store::admit(Fence(current), last_seq, fence, entries) {
                return Ok(Err(refused));
            }
            let mut insert = transaction.prepare_cached(
                "INSERT INTO entries (seq, fence, hash, body) VALUES (?1, ?2, ?3, ?4)",
            )?;
            for entry in entries {
                let body = String::from_utf8(entry.encode()).expect("JSON is UTF-8");
                let (seq, fence) = (column(entry.seq)?, column(entry.fence.0)?);
                insert.execute((seq, fence, entry.hash.0, body))?;
            }
            Ok(Ok(()))
        });
        written.map_err(failed)?
    }

    fn read(&self, after_seq: u64, max: usize) -> Result<Vec<Entry>, StoreError> {
        let select = || {
            let (after_seq, max) = (column(after_seq)?, i64::try_from(max).unwrap_or(i64::MAX));
            self.database
                .connection()
                .prepare_cached(
                    "SELECT seq, hash, body FROM entries WHERE seq > ?1 ORDER BY seq LIMIT ?2",
                )?
                .query_map((after_seq, max), row)?
                .collect::<rusqlite::Result<Vec<(u64, [u8; 32], String)>>>()
        };
        let rows = select().map_err(|error| failed(error.into()))?;
        rows.into_iter()
            .map(|(seq, hash, body)| {
                let entry = Entry::decode(body.as_bytes(), ChainHash(hash));
                entry.ok().filter(|entry| entry.seq == seq).ok_or(StoreError::Damaged { seq })
            })
            .collect()
    }
}

fn row(row: &Row<'_>) -> rusqlite::Result<(u64, [u8; 32], String)> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

fn failed(error: DatabaseError) -> StoreError {
    StoreError::Failed(Box::new(error))
}
