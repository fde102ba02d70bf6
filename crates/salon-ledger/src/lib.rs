//! Badge and tip accounting: a double-entry journal with caps, holds and statements.
//!
//! A [`Ledger`] is a plain value: the state of one book, which is one currency. [`Ledger::decide`] answers a
//! [`Command`] without changing anything, [`Ledger::evolve`] applies the [`Entry`] it decided, and replaying the
//! journal gives the same value again. A [`Book`] is a ledger and the [`Store`] that keeps its journal: its
//! [`Book::commit`] takes a batch, makes it durable in one step and only then answers.
//!
//! What always holds, and is tested as such:
//!
//! * Every entry balances, so all balances together are zero after every entry.
//! * Opening a purchase reserves the caps in that same entry; a capture never fails on a cap.
//! * Money that arrived is booked, also after the purchase was released.
//! * The same command again gets the same answer and makes no second entry; the same purchase with another
//!   body is refused.
//! * Sequence numbers have no gap, times never go back, and each entry's hash covers all entries before it.
//!
//! ```
//! use salon_core::money::Currency;
//! use salon_core::{Fence, PurchaseId, Scope, StintId, Time, UserId};
//! use salon_ledger::badge::Sku;
//! use salon_ledger::command::ProviderRef;
//! use salon_ledger::store::MemoryStore;
//! use salon_ledger::{Book, Command, Terms};
//!
//! let mut book = Book::open(Currency::USD, Terms::default(), MemoryStore::default())?;
//! let purchase = PurchaseId::from_u128(1);
//! let scope = Scope::from_u128(7);
//! let open = Command::Open {
//!     purchase,
//!     supporter: UserId::parse("sam")?,
//!     scope,
//!     recipient: UserId::parse("ada")?,
//!     stint: StintId(1),
//!     sku: Sku::parse("heart-3")?,
//! };
//! let capture = Command::Capture { purchase, provider_ref: ProviderRef::parse("ch_1")? };
//! let answers = book.commit(Time(1), Fence(1), &[open, capture])?;
//! assert!(answers.iter().all(Result::is_ok));
//! let total = book.ledger().total(scope, &UserId::parse("ada")?);
//! assert_eq!((total.hearts, total.minor), (3, 499));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod account;
pub mod badge;
pub mod book;
pub mod cap;
pub mod command;
mod decide;
pub mod entry;
pub mod fee;
mod ledger;
pub mod purchase;
mod stage;
pub mod statement;
pub mod store;
mod terms;

pub use book::Book;
pub use command::{Command, Posted, Refusal};
pub use entry::Entry;
pub use ledger::Ledger;
pub use store::Store;
pub use terms::{Terms, TermsError};
