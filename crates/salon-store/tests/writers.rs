//! Group commit: who waits, who is answered, and when.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Waker};

use salon_core::money::Currency;
use salon_core::{Fence, Money, PurchaseId, RoomId, Scope, StintId, Time, UserId};
use salon_ledger::badge::Sku;
use salon_ledger::store::{MemoryStore, StoreError};
use salon_ledger::{Book, Command, Entry, Refusal, Store, Terms};
use salon_room::event::{Event, Record};
use salon_room::log::{AppendError, MemoryLog};
use salon_room::person::Actor;
use salon_store::appender::AppendFailed;
use salon_store::poster::PostError;
use salon_store::{Appender, Driver, DriverError, Poster, SqliteStore};

const LIVE: Scope = Scope::from_u128(7);

fn open(number: u128) -> Command {
    Command::Open {
        purchase: PurchaseId::from_u128(number),
        supporter: UserId::parse("sam").unwrap(),
        scope: LIVE,
        recipient: UserId::parse("ada").unwrap(),
        stint: StintId(1),
        sku: Sku::parse("heart-3").unwrap(),
    }
}

fn record(seq: u64) -> Record {
    Record {
        epoch: Fence(1),
        seq,
        at: Time(seq),
        actor: Actor::System,
        cause: None,
        event: Event::HostReturned,
    }
}

fn poster<S: Store + Send + 'static>(store: S) -> (Poster, Driver) {
    let mut terms = Terms::default();
    // Room for exactly a hundred.
    terms.caps.amount_max = Some(Money::new(49_900, Currency::USD));
    let book = Book::open(Currency::USD, terms, store).unwrap();
    Poster::new(book, Fence(1), || Time(1))
}

/// Begins to wait: what is returned has put its job in the queue.
fn begun<F: Future>(future: F) -> Pin<Box<F>> {
    let mut future = Box::pin(future);
    let mut context = Context::from_waker(Waker::noop());
    assert!(future.as_mut().poll(&mut context).is_pending());
    future
}

/// Counts its appends, and fails from a given one on.
#[derive(Debug)]
struct Counting {
    store: MemoryStore,
    appends: Arc<AtomicU64>,
    fail_from: u64,
}

impl Store for Counting {
    fn append(&mut self, fence: Fence, entries: &[Entry]) -> Result<(), StoreError> {
        let number = self.appends.fetch_add(1, Ordering::Relaxed) + 1;
        if number >= self.fail_from {
            return Err(StoreError::Failed("no answer from the disk".into()));
        }
        self.store.append(fence, entries)
    }

    fn read(&self, after_seq: u64, max: usize) -> Result<Vec<Entry>, StoreError> {
        self.store.read(after_seq, max)
    }
}

fn counting(fail_from: u64) -> (Counting, Arc<AtomicU64>) {
    let appends = Arc::new(AtomicU64::new(0));
    let store = MemoryStore::default();
    (Counting { store, appends: Arc::clone(&appends), fail_from }, appends)
}

#[tokio::test]
async fn the_cap_holds_however_many_buy_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let (poster, driver) = poster(SqliteStore::open(directory.path()).unwrap().journal);
    let writer = std::thread::spawn(|| driver.run());
    let buyers: Vec<_> = (0..300)
        .map(|number| {
            let poster = poster.clone();
            tokio::spawn(async move { poster.submit(open(number)).await })
        })
        .collect();
    let mut sold = 0;
    for buyer in buyers {
        match buyer.await.unwrap() {
            Ok(_) => sold += 1,
            Err(PostError::Refused(Refusal::CapReached(_))) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(sold, 100);
    poster.read(|ledger| {
        assert_eq!(ledger.check(), Ok(()));
        assert_eq!(ledger.used(LIVE, &UserId::parse("sam").unwrap()).minor, 49_900);
    });
    drop(poster);
    writer.join().unwrap().unwrap();
}

#[tokio::test]
async fn all_that_wait_share_one_commit_and_it_is_there_before_the_answer() {
    let (store, appends) = counting(u64::MAX);
    let (poster, driver) = poster(store);
    let buyers: Vec<_> = (0..50).map(|number| begun(poster.submit(open(number)))).collect();
    assert_eq!(poster.read(|ledger| ledger.last_seq()), 0);
    let writer = std::thread::spawn(|| driver.run());
    for buyer in buyers {
        let posted = buyer.await.unwrap();
        poster.read(|ledger| assert!(ledger.last_seq() >= posted.seq));
    }
    assert_eq!(appends.load(Ordering::Relaxed), 1);
    drop(poster);
    writer.join().unwrap().unwrap();
}

#[tokio::test]
async fn one_more_than_can_wait_is_told_that_the_ledger_is_busy() {
    let (poster, driver) = poster(MemoryStore::default());
    let waiting: Vec<_> =
        (0..1_024).map(|number| begun(poster.submit(open(number % 10)))).collect();
    assert_eq!(poster.submit(open(1)).await, Err(PostError::Busy));
    let writer = std::thread::spawn(|| driver.run());
    for one in waiting {
        one.await.unwrap();
    }
    poster.submit(open(1)).await.unwrap();
    drop(poster);
    writer.join().unwrap().unwrap();
}

#[tokio::test]
async fn a_store_failure_answers_everyone_and_nobody_is_acknowledged_again() {
    let (store, _) = counting(2);
    let (poster, driver) = poster(store);
    let writer = std::thread::spawn(|| driver.run());
    poster.submit(open(1)).await.unwrap();
    assert_eq!(poster.submit(open(2)).await, Err(PostError::Poisoned));
    assert_eq!(poster.submit(open(1)).await, Err(PostError::Poisoned));
    assert!(matches!(writer.join().unwrap(), Err(DriverError::Ledger(_))));
    assert_eq!(poster.submit(open(3)).await, Err(PostError::Poisoned));
    assert_eq!(poster.read(|ledger| ledger.last_seq()), 1);
}

#[tokio::test]
async fn a_driver_that_is_dropped_answers_everyone() {
    let (poster, driver) = poster(MemoryStore::default());
    let waiting = begun(poster.submit(open(1)));
    drop(driver);
    assert_eq!(waiting.await, Err(PostError::Poisoned));
    assert_eq!(poster.submit(open(1)).await, Err(PostError::Poisoned));
}

#[tokio::test]
async fn a_caller_that_stops_waiting_does_not_stop_its_command() {
    let (poster, driver) = poster(MemoryStore::default());
    drop(begun(poster.submit(open(1))));
    let writer = std::thread::spawn(|| driver.run());
    // The second is behind the first, which nobody waits for.
    assert_eq!(poster.submit(open(2)).await.unwrap().seq, 2);
    assert!(poster.read(|ledger| ledger.purchase(PurchaseId::from_u128(1)).is_some()));
    drop(poster);
    writer.join().unwrap().unwrap();
}

#[tokio::test]
async fn appends_of_many_rooms_are_kept_in_order_and_fail_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (appender, driver) = Appender::new(SqliteStore::open(directory.path()).unwrap().rooms);
    let writer = std::thread::spawn(|| driver.run());
    let rooms: Vec<_> = (1..=20_u128)
        .map(|number| {
            let appender = appender.clone();
            tokio::spawn(async move {
                let room = RoomId::from_u128(number);
                for seq in 1..=10 {
                    appender.append(room, vec![record(seq)]).await.unwrap();
                }
                let again = appender.append(room, vec![record(10)]).await;
                let gap = AppendError::Gap { expected: 11, found: 10 };
                assert_eq!(again, Err(AppendFailed::Refused(gap)));
                let kept = appender.read(room, 0, 99).await.unwrap();
                assert_eq!(kept, (1..=10).map(record).collect::<Vec<_>>());
            })
        })
        .collect();
    for room in rooms {
        room.await.unwrap();
    }
    drop(appender);
    writer.join().unwrap().unwrap();
}

#[tokio::test]
async fn one_more_than_can_wait_is_told_that_the_room_log_is_busy() {
    let (appender, driver) = Appender::new(MemoryLog::new());
    let waiting: Vec<_> = (0..1_024)
        .map(|number| begun(appender.append(RoomId::from_u128(number), vec![record(1)])))
        .collect();
    let one_more = appender.append(RoomId::from_u128(9_999), vec![record(1)]).await;
    assert_eq!(one_more, Err(AppendFailed::Busy));
    let writer = std::thread::spawn(|| driver.run());
    for one in waiting {
        one.await.unwrap();
    }
    drop(appender);
    writer.join().unwrap().unwrap();
}
