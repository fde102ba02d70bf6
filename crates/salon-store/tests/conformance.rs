//! What every store must do, asked of the stores in memory and of SQLite alike.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use proptest::prelude::*;
use salon_core::money::Currency;
use salon_core::{Fence, PurchaseId, RoomId, Scope, StintId, Time, UserId};
use salon_ledger::badge::Sku;
use salon_ledger::store::{MemoryStore, StoreError};
use salon_ledger::{Command, Entry, Ledger, Store, Terms};
use salon_room::event::{EndReason, Event, Record};
use salon_room::log::{Append, AppendError, Log, MemoryLog};
use salon_room::person::Actor;
use salon_store::SqliteStore;

fn each_store(test: impl Fn(&mut dyn Store)) {
    test(&mut MemoryStore::default());
    let directory = tempfile::tempdir().unwrap();
    test(&mut SqliteStore::open(directory.path()).unwrap().journal);
}

fn each_log(test: impl Fn(&mut dyn Log)) {
    test(&mut MemoryLog::new());
    let directory = tempfile::tempdir().unwrap();
    test(&mut SqliteStore::open(directory.path()).unwrap().rooms);
}

/// `count` entries, each under the fence that `fence` gives for its number.
fn entries(count: u64, fence: impl Fn(u64) -> u64) -> Vec<Entry> {
    let mut ledger = Ledger::new(Currency::USD, Terms::default()).unwrap();
    let one = |seq: u64| {
        let open = Command::Open {
            purchase: PurchaseId::from_u128(seq.into()),
            supporter: UserId::parse(&format!("sam-{seq}")).unwrap(),
            scope: Scope::from_u128(7),
            recipient: UserId::parse("zoé").unwrap(),
            stint: StintId(1),
            sku: Sku::parse("heart-1").unwrap(),
        };
        let posting = ledger.decide(Time(seq), Fence(fence(seq)), &open).unwrap();
        let entry = posting.entry.unwrap();
        ledger.evolve(&entry);
        entry
    };
    (1..=count).map(one).collect()
}

fn stored(store: &dyn Store) -> Vec<Entry> {
    store.read(0, usize::MAX).unwrap()
}

#[test]
fn entries_read_back_as_they_were_written_page_by_page() {
    let entries = entries(5, |_| 1);
    each_store(|store| {
        assert_eq!(stored(store), []);
        store.append(Fence(1), &entries[..2]).unwrap();
        store.append(Fence(1), &entries[2..]).unwrap();
        assert_eq!(stored(store), entries);
        assert_eq!(store.read(1, 2).unwrap(), entries[1..3]);
        assert_eq!(store.read(4, 2).unwrap(), entries[4..]);
        assert_eq!(store.read(5, 2).unwrap(), []);
        assert_eq!(store.read(99, 2).unwrap(), []);
        assert_eq!(store.read(0, 0).unwrap(), []);
    });
}

#[test]
fn entries_that_leave_a_gap_or_come_again_are_refused_whole() {
    let entries = entries(4, |_| 1);
    each_store(|store| {
        store.append(Fence(1), &entries[..1]).unwrap();
        let mut check = |batch: &[Entry], expected: (u64, u64)| {
            let Err(StoreError::Gap { last, found }) = store.append(Fence(1), batch) else {
                panic!("no gap was seen");
            };
            assert_eq!((last, found), expected);
            assert_eq!(stored(store), entries[..1]);
        };
        check(&entries[2..], (1, 3));
        check(&entries[..1], (1, 1));
        check(&[entries[1].clone(), entries[3].clone()], (2, 4));
        check(&[entries[1].clone(), entries[1].clone()], (2, 2));
        store.append(Fence(1), &entries[1..]).unwrap();
    });
}

#[test]
fn a_replaced_writer_of_the_journal_is_refused() {
    let entries = entries(3, |seq| seq + 4);
    each_store(|store| {
        store.append(Fence(5), &entries[..1]).unwrap();
        store.append(Fence(6), &entries[1..2]).unwrap();
        for batch in [&entries[2..], &[]] {
            let refused = store.append(Fence(5), batch);
            assert!(matches!(refused, Err(StoreError::StaleFence { current: Fence(6) })));
        }
        store.append(Fence(7), &entries[2..]).unwrap();
        assert_eq!(stored(store), entries);
    });
}

const ROOM: RoomId = RoomId::from_u128(1);
const OTHER: RoomId = RoomId::from_u128(2);

fn record(epoch: u64, seq: u64) -> Record {
    Record {
        epoch: Fence(epoch),
        seq,
        at: Time(seq),
        actor: Actor::System,
        cause: None,
        event: Event::HostReturned,
    }
}

fn records(epoch: u64, seqs: std::ops::RangeInclusive<u64>) -> Vec<Record> {
    seqs.map(|seq| record(epoch, seq)).collect()
}

fn append(room: RoomId, records: Vec<Record>) -> Append {
    Append { room, records }
}

fn kept(log: &dyn Log, room: RoomId) -> Vec<Record> {
    log.read(room, 0, usize::MAX).unwrap()
}

#[test]
fn records_read_back_as_they_were_written_page_by_page() {
    each_log(|log| {
        assert_eq!(kept(log, ROOM), []);
        let batch = [append(ROOM, records(1, 1..=2)), append(OTHER, records(3, 1..=1))];
        assert_eq!(log.append(&batch).unwrap(), [Ok(()), Ok(())]);
        assert_eq!(log.append(&[append(ROOM, records(1, 3..=5))]).unwrap(), [Ok(())]);
        assert_eq!(kept(log, ROOM), records(1, 1..=5));
        assert_eq!(kept(log, OTHER), records(3, 1..=1));
        assert_eq!(log.read(ROOM, 1, 2).unwrap(), records(1, 2..=3));
        assert_eq!(log.read(ROOM, 5, 2).unwrap(), []);
        assert_eq!(log.read(ROOM, 99, 2).unwrap(), []);
    });
}

#[test]
fn an_append_that_is_refused_fails_alone() {
    each_log(|log| {
        log.append(&[append(ROOM, records(2, 1..=2))]).unwrap();
        let batch = [
            append(ROOM, records(1, 3..=3)),
            append(OTHER, records(1, 1..=2)),
            append(ROOM, records(2, 4..=4)),
            append(ROOM, records(2, 3..=3)),
            append(ROOM, records(2, 4..=4)),
            append(OTHER, vec![record(1, 3), record(1, 5)]),
            append(OTHER, vec![record(2, 3), record(1, 4)]),
            append(OTHER, vec![]),
        ];
        let answers = log.append(&batch).unwrap();
        let gap = |expected, found| Err(AppendError::Gap { expected, found });
        let stale = Err(AppendError::StaleFence { last: Fence(2) });
        let expected = [stale, Ok(()), gap(3, 4), Ok(()), Ok(()), gap(4, 5), stale, Ok(())];
        assert_eq!(answers, expected);
        assert_eq!(kept(log, ROOM), records(2, 1..=4));
        assert_eq!(kept(log, OTHER), records(1, 1..=2));
    });
}

#[test]
fn the_last_fence_is_that_of_the_last_record() {
    each_log(|log| {
        assert_eq!(log.last_fence(ROOM).unwrap(), None);
        log.append(&[append(ROOM, records(2, 1..=1))]).unwrap();
        log.append(&[append(ROOM, records(5, 2..=2))]).unwrap();
        assert_eq!(log.last_fence(ROOM).unwrap(), Some(Fence(5)));
        assert_eq!(log.last_fence(OTHER).unwrap(), None);
    });
}

#[test]
fn rooms_are_live_until_they_end_also_when_records_follow_the_end() {
    each_log(|log| {
        assert_eq!(log.live_rooms().unwrap(), []);
        let third = RoomId::from_u128(u128::MAX);
        for room in [third, OTHER, ROOM] {
            log.append(&[append(room, records(1, 1..=1))]).unwrap();
        }
        log.append(&[append(RoomId::from_u128(9), vec![])]).unwrap();
        assert_eq!(log.live_rooms().unwrap(), [ROOM, OTHER, third]);
        let end =
            Record { event: Event::RoomEnded { reason: EndReason::HostEnded }, ..record(1, 2) };
        log.append(&[append(OTHER, vec![end]), append(OTHER, records(1, 3..=3))]).unwrap();
        assert_eq!(log.live_rooms().unwrap(), [ROOM, third]);
    });
}

/// Batches of appends, most of which could follow one another, and some of which never can.
fn batches() -> impl Strategy<Value = Vec<Vec<Append>>> {
    let one = (0..3_u128, 0..3_u64, 1..6_u64, 0..4_u64).prop_map(|(room, epoch, from, count)| {
        append(RoomId::from_u128(room), records(epoch, from..=from + count - 1))
    });
    prop::collection::vec(prop::collection::vec(one, 0..8), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn sqlite_keeps_what_memory_keeps_also_after_opening_again(batches in batches()) {
        let directory = tempfile::tempdir().unwrap();
        let mut memory = MemoryLog::new();
        for batch in batches {
            let mut rooms = SqliteStore::open(directory.path()).unwrap().rooms;
            prop_assert_eq!(rooms.append(&batch).unwrap(), memory.append(&batch).unwrap());
            prop_assert_eq!(rooms.live_rooms().unwrap(), memory.live_rooms().unwrap());
            for room in (0..3).map(RoomId::from_u128) {
                prop_assert_eq!(kept(&rooms, room), kept(&memory, room));
                prop_assert_eq!(rooms.last_fence(room).unwrap(), memory.last_fence(room).unwrap());
            }
        }
    }
}
