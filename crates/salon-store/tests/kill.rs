//! A process that is killed while it writes: whatever it was told is durable, is there.
//!
//! This shows what a crash of the process does. What a loss of power does, it cannot show.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Command as Process, Stdio};

use salon_core::money::Currency;
use salon_core::{PurchaseId, RoomId, Scope, StintId, Time, UserId};
use salon_ledger::badge::Sku;
use salon_ledger::{Book, Command, Terms};
use salon_room::event::{Event, Record};
use salon_room::log::Log;
use salon_room::person::Actor;
use salon_store::{Appender, Poster, SqliteStore};

/// Set for the process that writes, to the directory it writes to.
const DIRECTORY: &str = "SALON_KILLED_WRITER_DIRECTORY";
const ROUNDS: u64 = 10;

fn terms() -> Terms {
    let mut terms = Terms::default();
    terms.caps.amount_max = None;
    terms
}

fn open(purchase: u128) -> Command {
    Command::Open {
        purchase: PurchaseId::from_u128(purchase),
        supporter: UserId::parse("sam").unwrap(),
        scope: Scope::from_u128(7),
        recipient: UserId::parse("ada").unwrap(),
        stint: StintId(1),
        sku: Sku::parse("heart-1").unwrap(),
    }
}

/// Says on one line what was acknowledged.
fn acknowledge(what: &str, id: u128, seq: u64) {
    let line = format!("\n{what} {id} {seq}\n");
    std::io::stdout().lock().write_all(line.as_bytes()).expect("the test listens");
}

/// The process that is killed: four buyers and four rooms, writing for ever.
async fn write_until_killed(directory: &str) {
    let store = SqliteStore::open(directory).unwrap();
    let book = Book::open(Currency::USD, terms(), store.journal).unwrap();
    let fence = book.ledger().fence().next();
    let (poster, posting) = Poster::new(book, fence, || Time(1));
    let (appender, appending) = Appender::new(store.rooms);
    let drivers = [posting, appending].map(|driver| std::thread::spawn(|| driver.run()));
    for lane in 1..=4_u128 {
        let poster = poster.clone();
        tokio::spawn(async move {
            for number in 0.. {
                let id = u128::from(fence.0) << 64 | lane << 32 | number;
                let posted = poster.submit(open(id)).await.unwrap();
                acknowledge("posted", id, posted.seq);
            }
        });
        let appender = appender.clone();
        tokio::spawn(async move {
            let room = RoomId::from_u128(lane);
            let first = appender.read(room, 0, usize::MAX).await.unwrap().len() as u64 + 1;
            for seq in first.. {
                let record = Record {
                    epoch: fence,
                    seq,
                    at: Time(seq),
                    actor: Actor::System,
                    cause: None,
                    event: Event::HostReturned,
                };
                appender.append(room, vec![record]).await.unwrap();
                acknowledge("appended", lane, seq);
            }
        });
    }
    // The writers never end: this waits to be killed.
    for driver in drivers {
        driver.join().unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_write_survives_a_kill() {
    if let Ok(directory) = std::env::var(DIRECTORY) {
        return write_until_killed(&directory).await;
    }
    let directory = tempfile::tempdir().unwrap();
    for round in 1..=ROUNDS {
        let acknowledged = kill_after(directory.path(), 40 + 37 * round);
        let store = SqliteStore::open(directory.path()).unwrap();
        let book = Book::open(Currency::USD, terms(), store.journal).unwrap();
        assert_eq!(book.ledger().check(), Ok(()));
        for (what, id, seq) in acknowledged {
            if what == "posted" {
                let purchase = book.ledger().purchase(PurchaseId::from_u128(id));
                assert_eq!(purchase.map(|purchase| purchase.opened_seq), Some(seq), "{round}");
            } else {
                let records = store.rooms.read(RoomId::from_u128(id), seq - 1, 1).unwrap();
                assert_eq!(records.first().map(|record| record.seq), Some(seq), "{round}");
            }
        }
        for room in 1..=4 {
            store.rooms.read(RoomId::from_u128(room), 0, usize::MAX).unwrap();
        }
    }
}

/// Starts the writer, kills it after so many acknowledgements, and returns all that it gave.
fn kill_after(directory: &std::path::Path, count: u64) -> Vec<(String, u128, u64)> {
    let mut child = Process::new(std::env::current_exe().unwrap())
        .args(["every_acknowledged_write_survives_a_kill", "--exact", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut acknowledged = Vec::new();
    let mut killed = false;
    let mut line = String::new();
    // After the kill, what is left in the pipe was acknowledged too; a line cut short was not.
    while output.read_line(&mut line).unwrap() > 0 {
        let words: Vec<&str> = line.strip_suffix('\n').unwrap_or_default().split(' ').collect();
        if let [what @ ("posted" | "appended"), id, seq] = words[..]
            && let (Ok(id), Ok(seq)) = (id.parse(), seq.parse())
        {
            acknowledged.push((what.to_owned(), id, seq));
        }
        if !killed && acknowledged.len() as u64 >= count {
            child.kill().unwrap();
            killed = true;
        }
        line.clear();
    }
    child.wait().unwrap();
    assert!(killed, "the writer ended by itself");
    acknowledged
}
