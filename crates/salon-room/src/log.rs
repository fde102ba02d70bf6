//! Where records are kept: the trait, and the log that lives in memory.

use std::collections::BTreeMap;

use salon_core::{Fence, RoomId};

use crate::event::{Event, Record};

/// A durable log of many rooms.
///
/// One log has one writer process; the fence of the records keeps out a writer that has been replaced.
pub trait Log {
    /// Appends a batch. On return, every `Ok` of it is durable: the batch is one durability point.
    ///
    /// Each append succeeds whole or fails whole, and fails alone. Answers are in the order of the batch; of two
    /// appends to one room, the second sees the first.
    ///
    /// # Errors
    /// [`LogError`] if nothing of the batch is certain to be durable.
    fn append(&mut self, batch: &[Append]) -> Result<Vec<Result<(), AppendError>>, LogError>;

    /// The records of `room` after `after_seq`, in order, at most `records_max`.
    ///
    /// # Errors
    /// [`LogError`] if they cannot be read.
    fn read(
        &self,
        room: RoomId,
        after_seq: u64,
        records_max: usize,
    ) -> Result<Vec<Record>, LogError>;

    /// The rooms that have records and have not ended, in order of their ids.
    ///
    /// # Errors
    /// [`LogError`] if they cannot be read.
    fn live_rooms(&self) -> Result<Vec<RoomId>, LogError>;

    /// The epoch of the last record of `room`; `None` if it has no records.
    ///
    /// # Errors
    /// [`LogError`] if it cannot be read.
    fn last_fence(&self, room: RoomId) -> Result<Option<Fence>, LogError>;
}

/// The records of one decision.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Append {
    /// Whose.
    pub room: RoomId,
    /// In order; contiguous with each other and with the log.
    pub records: Vec<Record>,
}

/// Why one append was refused. Nothing of it was kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The writer has been replaced and must stop.
    #[error("a record has an older fence than {last}")]
    StaleFence {
        /// The fence of the log.
        last: Fence,
    },
    /// The writer's room is not the room of the log: reload it.
    #[error("record {found} comes where {expected} was expected")]
    Gap {
        /// The sequence number the log needs next.
        expected: u64,
        /// The one it was given.
        found: u64,
    },
}

/// Why a log could not be used. The details are for its operator, never for a client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// It cannot be read or written at present.
    #[error("the room log is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A record cannot be understood.
    #[error("record {seq} of room {room} is damaged")]
    Damaged {
        /// Whose.
        room: RoomId,
        /// Which.
        seq: u64,
    },
}

/// Whether `records` may follow a record with this sequence number and fence. Every log applies this rule.
///
/// # Errors
/// [`AppendError`] names the first record that may not.
pub fn follows(last_seq: u64, last_fence: Fence, records: &[Record]) -> Result<(), AppendError> {
    let (mut seq, mut fence) = (last_seq, last_fence);
    for record in records {
        if record.epoch < fence {
            return Err(AppendError::StaleFence { last: fence });
        }
        if record.seq != seq + 1 {
            return Err(AppendError::Gap { expected: seq + 1, found: record.seq });
        }
        (seq, fence) = (record.seq, record.epoch);
    }
    Ok(())
}

/// A log that is gone with the process: for tests, and for services that need no more.
#[derive(Clone, Debug, Default)]
pub struct MemoryLog {
    // Invariant: each list is contiguous from 1 and its epochs never fall.
    rooms: BTreeMap<RoomId, Vec<Record>>,
}

impl MemoryLog {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn records(&self, room: RoomId) -> &[Record] {
        self.rooms.get(&room).map_or(&[], Vec::as_slice)
    }
}

impl Log for MemoryLog {
    fn append(&mut self, batch: &[Append]) -> Result<Vec<Result<(), AppendError>>, LogError> {
        let one = |append: &Append| {
            let last = self.records(append.room).last();
            let (seq, fence) = last.map_or((0, Fence(0)), |last| (last.seq, last.epoch));
            follows(seq, fence, &append.records)?;
            self.rooms.entry(append.room).or_default().extend_from_slice(&append.records);
            Ok(())
        };
        Ok(batch.iter().map(one).collect())
    }

    fn read(
        &self,
        room: RoomId,
        after_seq: u64,
        records_max: usize,
    ) -> Result<Vec<Record>, LogError> {
        let skipped = usize::try_from(after_seq).unwrap_or(usize::MAX);
        Ok(self.records(room).iter().skip(skipped).take(records_max).cloned().collect())
    }

    fn live_rooms(&self) -> Result<Vec<RoomId>, LogError> {
        let live = self.rooms.iter().filter(|(_, records)| {
            let ended = |record: &Record| matches!(record.event, Event::RoomEnded { .. });
            !records.is_empty() && !records.iter().any(ended)
        });
        Ok(live.map(|(room, _)| *room).collect())
    }

    fn last_fence(&self, room: RoomId) -> Result<Option<Fence>, LogError> {
        Ok(self.records(room).last().map(|record| record.epoch))
    }
}

#[cfg(test)]
mod tests {
    use salon_core::Time;

    use super::*;
    use crate::event::EndReason;
    use crate::person::Actor;

    const ROOM: RoomId = RoomId::from_u128(1);
    const OTHER: RoomId = RoomId::from_u128(2);

    fn record(epoch: u64, seq: u64, event: Event) -> Record {
        let (epoch, at) = (Fence(epoch), Time(seq));
        Record { epoch, seq, at, actor: Actor::System, cause: None, event }
    }

    fn append(room: RoomId, records: &[(u64, u64)]) -> Append {
        let record = |(epoch, seq): &(u64, u64)| record(*epoch, *seq, Event::WentLive);
        Append { room, records: records.iter().map(record).collect() }
    }

    #[test]
    fn an_append_is_kept_whole_or_not_at_all_and_fails_alone() {
        let mut log = MemoryLog::new();
        let batch = [
            append(ROOM, &[(1, 1), (1, 2)]),
            append(ROOM, &[(1, 3), (1, 5)]),
            append(OTHER, &[(4, 1)]),
            append(ROOM, &[(2, 3)]),
            append(ROOM, &[(1, 4)]),
            append(ROOM, &[(3, 4), (2, 5)]),
            append(ROOM, &[]),
        ];
        let expected = [
            Ok(()),
            Err(AppendError::Gap { expected: 4, found: 5 }),
            Ok(()),
            Ok(()),
            Err(AppendError::StaleFence { last: Fence(2) }),
            Err(AppendError::StaleFence { last: Fence(3) }),
            Ok(()),
        ];
        assert_eq!(log.append(&batch).unwrap(), expected);
        let seqs = |after, max| -> Vec<u64> {
            log.read(ROOM, after, max).unwrap().iter().map(|record| record.seq).collect()
        };
        assert_eq!(seqs(0, 9), [1, 2, 3]);
        assert_eq!(seqs(1, 1), [2]);
        assert!(seqs(3, 9).is_empty());
        assert_eq!(log.last_fence(ROOM).unwrap(), Some(Fence(2)));
        assert_eq!(log.last_fence(RoomId::from_u128(3)).unwrap(), None);
    }

    #[test]
    fn an_ended_room_is_not_live_also_if_more_is_appended() {
        let mut log = MemoryLog::new();
        let end = record(1, 2, Event::RoomEnded { reason: EndReason::HostEnded });
        let late = record(2, 3, Event::Takeover);
        let batch = [
            append(ROOM, &[(1, 1)]),
            append(OTHER, &[(1, 1)]),
            Append { room: ROOM, records: vec![end, late] },
        ];
        log.append(&batch).unwrap();
        assert_eq!(log.live_rooms().unwrap(), [OTHER]);
    }
}
