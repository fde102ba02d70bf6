//! The records of all rooms, as rows.

use rusqlite::{OptionalExtension, Transaction};
use salon_core::chain::{ChainHash, HashChain};
use salon_core::id::ParseIdError;
use salon_core::{Fence, RoomId};
use salon_room::event::{Event, Record};
use salon_room::log::{self, Append, AppendError, Log, LogError};

use crate::database::{Database, DatabaseError, column};

/// The records of all rooms, each room with its own hash chain over the bytes stored. A batch is one transaction,
/// durable on return; an append that is refused leaves the others of its batch as they are.
#[derive(Debug)]
pub struct RoomLog {
    database: Database,
}

/// Where the log of one room ends.
#[derive(Clone, Copy, Debug)]
struct Tail {
    epoch: u64,
    seq: u64,
    head: [u8; 32],
    live: bool,
}

impl Tail {
    const START: Self = Self { epoch: 0, seq: 0, head: ChainHash::GENESIS.0, live: true };
}

impl RoomLog {
    pub(crate) const fn new(database: Database) -> Self {
        Self { database }
    }

    fn unavailable(error: impl Into<DatabaseError>) -> LogError {
        LogError::Unavailable(Box::new(error.into()))
    }

    /// The hash of record `seq`, which the chain goes on from; that of no record before the first.
    fn head(&self, room: &str, seq: u64) -> rusqlite::Result<Option<[u8; 32]>> {
        if seq == 0 {
            return Ok(Some(ChainHash::GENESIS.0));
        }
        self.database
            .connection()
            .prepare_cached("SELECT hash FROM records WHERE room = ?1 AND seq = ?2")?
            .query_row((room, column(seq)?), |row| row.get(0))
            .optional()
    }

    fn rows(
        &self,
        room: &str,
        after_seq: u64,
        max: usize,
    ) -> rusqlite::Result<Vec<(u64, [u8; 32], String)>> {
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        self.database
            .connection()
            .prepare_cached(
                "SELECT seq, hash, body FROM records WHERE room = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
            )?
            .query_map((room, column(after_seq)?, max), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?
            .collect()
    }
}

impl Log for RoomLog {
    fn append(&mut self, batch: &[Append]) -> Result<Vec<Result<(), AppendError>>, LogError> {
        self.database
            .write(|transaction| batch.iter().map(|append| one(transaction, append)).collect())
            .map_err(Self::unavailable)
    }

    /// Also verifies the chain from `after_seq` on.
    fn read(
        &self,
        room: RoomId,
        after_seq: u64,
        records_max: usize,
    ) -> Result<Vec<Record>, LogError> {
        let name = room.to_string();
        let Some(head) = self.head(&name, after_seq).map_err(Self::unavailable)? else {
            // Nothing is stored at `after_seq`, so nothing is stored after it.
            return Ok(Vec::new());
        };
        let rows = self.rows(&name, after_seq, records_max).map_err(Self::unavailable)?;
        let mut chain = HashChain::resume(ChainHash(head));
        let mut records = Vec::with_capacity(rows.len());
        for (expected, (seq, hash, body)) in (after_seq + 1..).zip(rows) {
            let damaged = || LogError::Damaged { room, seq: expected };
            if seq != expected || chain.append(body.as_bytes()).0 != hash {
                return Err(damaged());
            }
            let record: Record = serde_json::from_str(&body).map_err(|_| damaged())?;
            records.push(record);
        }
        Ok(records)
    }

    fn live_rooms(&self) -> Result<Vec<RoomId>, LogError> {
        let select = || {
            self.database
                .connection()
                // The text of identifiers sorts as their numbers do.
                .prepare_cached("SELECT room FROM rooms WHERE live = 1 ORDER BY room")?
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<Vec<String>>>()
        };
        let rooms = select().map_err(Self::unavailable)?;
        let parse = |room: String| {
            room.parse().map_err(|error: ParseIdError| LogError::Unavailable(Box::new(error)))
        };
        rooms.into_iter().map(parse).collect()
    }

    fn last_fence(&self, room: RoomId) -> Result<Option<Fence>, LogError> {
        let tail = tail(self.database.connection(), &room.to_string());
        Ok(tail.map_err(Self::unavailable)?.map(|tail| Fence(tail.epoch)))
    }
}

fn tail(connection: &rusqlite::Connection, room: &str) -> rusqlite::Result<Option<Tail>> {
    connection
        .prepare_cached("SELECT epoch, seq, head, live FROM rooms WHERE room = ?1")?
        .query_row([room], |row| {
            let (epoch, seq, head) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(Tail { epoch, seq, head, live: row.get(3)? })
        })
        .optional()
}

/// Appends the records of one decision, or says why not. An error of SQLite ends the whole batch.
fn one(
    transaction: &Transaction<'_>,
    append: &Append,
) -> rusqlite::Result<Result<(), AppendError>> {
    let room = append.room.to_string();
    let before = tail(transaction, &room)?.unwrap_or(Tail::START);
    if let Err(refused) = log::follows(before.seq, Fence(before.epoch), &append.records) {
        return Ok(Err(refused));
    }
    let Some(last) = append.records.last() else { return Ok(Ok(())) };
    let mut insert = transaction.prepare_cached(
        "INSERT INTO records (room, seq, epoch, hash, body) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let mut chain = HashChain::resume(ChainHash(before.head));
    for record in &append.records {
        let body = serde_json::to_string(record)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        let hash = chain.append(body.as_bytes());
        let (seq, epoch) = (column(record.seq)?, column(record.epoch.0)?);
        insert.execute((&room, seq, epoch, hash.0, body))?;
    }
    let ended = |record: &Record| matches!(record.event, Event::RoomEnded { .. });
    let live = before.live && !append.records.iter().any(ended);
    transaction
        .prepare_cached(
            "INSERT INTO rooms (room, epoch, seq, head, live) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (room) DO UPDATE SET
                epoch = excluded.epoch, seq = excluded.seq, head = excluded.head, live = excluded.live",
        )?
        .execute((&room, column(last.epoch.0)?, column(last.seq)?, chain.head().0, live))?;
    Ok(Ok(()))
}
