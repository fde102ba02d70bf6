//! Durable stores: embedded SQLite with group commit.
//!
//! [`SqliteStore::open`] takes a directory and gives three parts, each with its own connection to one file: the
//! [`RoomLog`] of all rooms, the [`Journal`] of one ledger book, and [`Secrets`]. Durable means on the disk: WAL
//! with `synchronous=FULL`, so an answer that was given survives the loss of power as far as the disk is honest.
//!
//! Two writers put many waiting callers into one transaction: a [`Poster`] in front of a ledger book and an
//! [`Appender`] in front of a room log. Both are a handle to clone and a [`Driver`] to run on a thread of the
//! caller's; both answer only after the durable commit, and answer *busy* when their queue is full.
//!
//! ```
//! use salon_core::money::Currency;
//! use salon_core::{Fence, PurchaseId, Scope, StintId, Time, UserId};
//! use salon_ledger::badge::Sku;
//! use salon_ledger::{Book, Command, Terms};
//! use salon_store::{Poster, SqliteStore};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let directory = tempfile::tempdir()?;
//! let store = SqliteStore::open(directory.path())?;
//! let book = Book::open(Currency::USD, Terms::default(), store.journal)?;
//! let fence = book.ledger().fence().next();
//! let (poster, driver) = Poster::new(book, fence, || Time(1));
//! let writer = std::thread::spawn(|| driver.run());
//!
//! let open = Command::Open {
//!     purchase: PurchaseId::from_u128(1),
//!     supporter: UserId::parse("sam")?,
//!     scope: Scope::from_u128(7),
//!     recipient: UserId::parse("ada")?,
//!     stint: StintId(1),
//!     sku: Sku::parse("heart-1")?,
//! };
//! let posted = poster.submit(open).await?;
//! assert_eq!(posted.seq, 1);
//! assert_eq!(poster.read(|ledger| ledger.held().count()), 1);
//!
//! drop(poster);
//! writer.join().expect("the driver does not panic")?;
//! # Ok(())
//! # }
//! ```

pub mod appender;
mod database;
pub mod journal;
mod open;
pub mod poster;
mod queue;
pub mod room_log;
mod schema;
pub mod secrets;

pub use appender::Appender;
pub use journal::Journal;
pub use open::{OpenError, SqliteStore};
pub use poster::Poster;
pub use queue::{Driver, DriverError};
pub use room_log::RoomLog;
pub use secrets::Secrets;
