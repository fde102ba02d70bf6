//! The file on the disk: what is refused, what is found out, what survives.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use salon_core::money::Currency;
use salon_core::{Fence, PurchaseId, RoomId, Scope, StintId, Time, UserId};
use salon_ledger::badge::Sku;
use salon_ledger::book::{CommitError, Damage, OpenError as BookError};
use salon_ledger::{Book, Command, Terms};
use salon_room::event::{Event, Record};
use salon_room::log::{Append, Log, LogError};
use salon_room::person::Actor;
use salon_store::{Journal, OpenError, SqliteStore};

const ROOM: RoomId = RoomId::from_u128(1);

fn open(number: u128) -> Command {
    Command::Open {
        purchase: PurchaseId::from_u128(number),
        supporter: UserId::parse("sam").unwrap(),
        scope: Scope::from_u128(7),
        recipient: UserId::parse("ada").unwrap(),
        stint: StintId(1),
        sku: Sku::parse("heart-1").unwrap(),
    }
}

fn append(seqs: std::ops::RangeInclusive<u64>) -> Append {
    let record = |seq| Record {
        epoch: Fence(1),
        seq,
        at: Time(seq),
        actor: Actor::System,
        cause: None,
        event: Event::HostReturned,
    };
    Append { room: ROOM, records: seqs.map(record).collect() }
}

fn book(journal: Journal) -> Result<Book<Journal>, BookError> {
    Book::open(Currency::USD, Terms::default(), journal)
}

/// A directory with five entries and five records in it.
fn filled() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(directory.path()).unwrap();
    let commands: Vec<Command> = (1..=5).map(open).collect();
    book(store.journal).unwrap().commit(Time(1), Fence(1), &commands).unwrap();
    assert_eq!(store.rooms.append(&[append(1..=5)]).unwrap(), [Ok(())]);
    directory
}

/// Does something to the file behind the store's back.
fn tamper(directory: &Path, sql: &str) {
    Connection::open(directory.join("salon.db")).unwrap().execute_batch(sql).unwrap();
}

#[track_caller]
fn refusal(directory: &Path) -> (OpenError, String) {
    let error = SqliteStore::open(directory).unwrap_err();
    let text = error.to_string();
    (error, text.replace(&directory.display().to_string(), "DIR"))
}

#[test]
fn everything_is_there_after_opening_again() {
    let directory = filled();
    let mut store = SqliteStore::open(directory.path()).unwrap();
    assert_eq!(store.rooms.read(ROOM, 0, 99).unwrap(), append(1..=5).records);
    assert_eq!(store.rooms.append(&[append(6..=6)]).unwrap(), [Ok(())]);
    let mut book = book(store.journal).unwrap();
    assert_eq!(book.ledger().last_seq(), 5);
    assert!(book.commit(Time(1), Fence(1), &[open(6)]).unwrap()[0].is_ok());
}

#[test]
fn a_secret_is_made_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut secrets = SqliteStore::open(directory.path()).unwrap().secrets;
    assert_eq!(secrets.get_or_create("tokens", || vec![1]).unwrap(), [1]);
    assert_eq!(secrets.get_or_create("tokens", || vec![2]).unwrap(), [1]);
    drop(secrets);
    let mut secrets = SqliteStore::open(directory.path()).unwrap().secrets;
    assert_eq!(secrets.get_or_create("tokens", || vec![3]).unwrap(), [1]);
    assert_eq!(secrets.get_or_create("webhooks", || vec![4]).unwrap(), [4]);
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(directory.path()).unwrap();
    store.secrets.get_or_create("tokens", || vec![1]).unwrap();
    for file in ["salon.db", "salon.db-wal"] {
        let mode = fs::metadata(directory.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn a_second_opener_is_refused_until_the_last_part_is_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let SqliteStore { rooms, journal, secrets } = SqliteStore::open(directory.path()).unwrap();
    drop((rooms, journal));
    let (error, text) = refusal(directory.path());
    assert!(matches!(error, OpenError::InUse { .. }));
    assert_eq!(text, "the data directory DIR is in use by another process");
    drop(secrets);
    assert!(SqliteStore::open(directory.path()).is_ok());
}

#[test]
fn a_directory_that_cannot_be_made_is_refused() {
    // A path below a regular file: refused to everyone, root included.
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    let (error, text) = refusal(&file.join("data"));
    assert!(matches!(error, OpenError::Unwritable { .. }));
    assert!(text.starts_with("cannot write to the data directory DIR: "), "{text}");
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("salon.db");
    let letter = "Dear reader, this is a letter. ".repeat(300);
    fs::write(&file, &letter).unwrap();
    let (error, text) = refusal(directory.path());
    assert!(matches!(error, OpenError::Damaged { .. }));
    let expected =
        "DIR/salon.db is not an intact database: file is not a database; restore it from a backup";
    assert_eq!(text, expected);
    assert_eq!(fs::read_to_string(&file).unwrap(), letter);
}

#[test]
fn a_damaged_page_is_found_when_opening() {
    let directory = filled();
    let file = directory.path().join("salon.db");
    let mut bytes = fs::read(&file).unwrap();
    let pages = bytes.len() / 4_096;
    assert!(pages > 2);
    // The first page holds the schema and stays; every other one is overwritten.
    bytes[4_096..].fill(0xa5);
    fs::write(&file, bytes).unwrap();
    let (error, _) = refusal(directory.path());
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
}

#[test]
fn a_truncated_file_is_found_when_opening() {
    let directory = filled();
    let file = directory.path().join("salon.db");
    let length = fs::metadata(&file).unwrap().len();
    fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(length - 4_096).unwrap();
    let (error, _) = refusal(directory.path());
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
}

#[test]
fn the_database_of_another_program_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    tamper(directory.path(), "CREATE TABLE recipes (name TEXT)");
    let (error, text) = refusal(directory.path());
    assert!(matches!(error, OpenError::Foreign { .. }));
    assert_eq!(text, "DIR/salon.db is the database of another program");
    let file = Connection::open(directory.path().join("salon.db")).unwrap();
    let mode: String = file.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "delete");
}

#[test]
fn a_newer_version_is_refused() {
    let directory = filled();
    tamper(directory.path(), "PRAGMA user_version = 99");
    let (error, text) = refusal(directory.path());
    assert!(matches!(error, OpenError::NewerVersion { found: 99, known: 1, .. }));
    let expected =
        "DIR/salon.db has version 99 and this program knows versions up to 1: use a newer program";
    assert_eq!(text, expected);
}

/// Changes the journal, and compares what opening the book says.
#[track_caller]
fn check_journal(sql: &str, expected: &str) {
    let directory = filled();
    tamper(directory.path(), sql);
    let journal = SqliteStore::open(directory.path()).unwrap().journal;
    assert_eq!(book(journal).map(drop).unwrap_err().to_string(), expected, "{sql}");
}

#[test]
fn an_altered_journal_is_not_opened_and_the_entry_is_named() {
    let altered = "UPDATE entries SET body = replace(body, 'ada', 'eve') WHERE seq = 3";
    let damage = Damage::Chain;
    check_journal(altered, &format!("entry 3 of the journal is not as it was written: {damage}"));
    let dropped = "DELETE FROM entries WHERE seq = 2";
    let damage = Damage::Gap { found: 3 };
    check_journal(dropped, &format!("entry 2 of the journal is not as it was written: {damage}"));
    check_journal("UPDATE entries SET body = '{}' WHERE seq = 4", "entry 4 is damaged");
    let swapped = "UPDATE entries SET seq = -seq WHERE seq IN (2, 3);
        UPDATE entries SET seq = 5 + seq WHERE seq < 0";
    check_journal(swapped, "entry 2 is damaged");
}

/// Changes the records, and compares the number of the one that reading calls damaged.
#[track_caller]
fn check_records(sql: &str, expected: u64) {
    let directory = filled();
    tamper(directory.path(), sql);
    let rooms = SqliteStore::open(directory.path()).unwrap().rooms;
    let Err(LogError::Damaged { room: ROOM, seq }) = rooms.read(ROOM, 1, 99) else {
        panic!("{sql}: not found");
    };
    assert_eq!(seq, expected, "{sql}");
}

#[test]
fn an_altered_room_log_is_not_read_and_the_record_is_named() {
    check_records("UPDATE records SET body = replace(body, 'System', 'Operator') WHERE seq = 3", 3);
    check_records("UPDATE records SET body = '{}' WHERE seq = 4", 4);
    check_records("DELETE FROM records WHERE seq = 2", 2);
    check_records("UPDATE records SET hash = zeroblob(32) WHERE seq = 5", 5);
}

#[test]
fn after_a_write_that_failed_nothing_is_written_any_more() {
    let directory = filled();
    let mut store = SqliteStore::open(directory.path()).unwrap();
    tamper(
        directory.path(),
        "CREATE TRIGGER full BEFORE INSERT ON entries BEGIN SELECT RAISE(ABORT, 'full'); END;
         CREATE TRIGGER full_too BEFORE INSERT ON records BEGIN SELECT RAISE(ABORT, 'full'); END",
    );
    let mut book = book(store.journal).unwrap();
    let failed = book.commit(Time(1), Fence(1), &[open(6)]);
    assert!(matches!(failed, Err(CommitError::Store(_))));
    assert!(store.rooms.append(&[append(6..=6)]).is_err());

    tamper(directory.path(), "DROP TRIGGER full; DROP TRIGGER full_too");
    let refused = book.commit(Time(1), Fence(1), &[open(6)]);
    assert!(matches!(refused, Err(CommitError::Poisoned)));
    assert!(store.rooms.append(&[append(6..=6)]).is_err());
    assert_eq!(book.ledger().last_seq(), 5);

    drop((book, store.rooms, store.secrets));
    let store = SqliteStore::open(directory.path()).unwrap();
    assert_eq!(store.rooms.read(ROOM, 0, 99).unwrap(), append(1..=5).records);
}
