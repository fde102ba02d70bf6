//! A ledger together with the store that keeps its journal.

use salon_core::money::Currency;
use salon_core::{Fence, Time};

use crate::command::{Command, Posted, Refusal};
use crate::entry::Entry;
use crate::ledger::Ledger;
use crate::stage::Stage;
use crate::store::{Store, StoreError};
use crate::terms::{Terms, TermsError};

/// How many entries are read at a time when a book is opened. A guess: about half a megabyte.
const PAGE: usize = 1_024;

/// A ledger and its store: decides, makes durable, answers, in this order.
///
/// After a store failure the book is poisoned: it shows what was durable before and answers nothing more, because
/// nobody knows what reached the disk. Open it again to find out.
#[derive(Debug)]
pub struct Book<S> {
    ledger: Ledger,
    writer: Writer<S>,
}

impl<S: Store> Book<S> {
    /// Replays and verifies the journal in `store`.
    ///
    /// # Errors
    /// [`OpenError::Damaged`] names the first entry that is wrong.
    pub fn open(currency: Currency, terms: Terms, store: S) -> Result<Self, OpenError> {
        let mut ledger = Ledger::new(currency, terms)?;
        loop {
            let page = store.read(ledger.last_seq(), PAGE)?;
            for entry in &page {
                let seq = ledger.last_seq() + 1;
                ledger.verify(entry).map_err(|damage| OpenError::Damaged { seq, damage })?;
                ledger.evolve(entry);
            }
            if page.len() < PAGE {
                return Ok(Self { ledger, writer: Writer { store, poisoned: false } });
            }
        }
    }

    /// Decides `commands` in order, each on top of those before it, and makes what they do durable in one step.
    /// Each succeeds or fails alone; the answers are in the order of the commands.
    ///
    /// # Errors
    /// [`CommitError`]: nothing was answered, and the book is poisoned.
    pub fn commit(
        &mut self,
        now: Time,
        fence: Fence,
        commands: &[Command],
    ) -> Result<Vec<Answer>, CommitError> {
        let Committed { answers, entries } =
            self.writer.commit(&self.ledger, now, fence, commands)?;
        for entry in &entries {
            self.ledger.evolve(entry);
        }
        Ok(answers)
    }

    /// The state after the last durable entry.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Takes the book apart, for a driver that lets others read the ledger while the writer waits for the disk.
    #[must_use]
    pub fn into_parts(self) -> (Ledger, Writer<S>) {
        (self.ledger, self.writer)
    }
}

/// What one command of a batch got.
pub type Answer = Result<Posted, Refusal>;

/// The writing half of a book.
#[derive(Debug)]
pub struct Writer<S> {
    store: S,
    poisoned: bool,
}

/// A batch that is durable.
#[derive(Debug)]
#[must_use = "the ledger must evolve with the entries before anything else is committed"]
pub struct Committed {
    /// The answers, in the order of the commands.
    pub answers: Vec<Answer>,
    /// What the ledger has to evolve with, in order.
    pub entries: Vec<Entry>,
}

impl<S: Store> Writer<S> {
    /// As [`Book::commit`], but leaves it to the caller to evolve `ledger` with the entries.
    ///
    /// # Errors
    /// As [`Book::commit`].
    pub fn commit(
        &mut self,
        ledger: &Ledger,
        now: Time,
        fence: Fence,
        commands: &[Command],
    ) -> Result<Committed, CommitError> {
        if self.poisoned {
            return Err(CommitError::Poisoned);
        }
        let mut stage = Stage::new(ledger);
        let answers = commands.iter().map(|command| stage.decide(now, fence, command)).collect();
        let entries = stage.into_entries();
        if !entries.is_empty() {
            // Poisoned first: a store that panics must not be written to again either.
            self.poisoned = true;
            self.store.append(fence, &entries)?;
            self.poisoned = false;
        }
        Ok(Committed { answers, entries })
    }
}

/// Why a batch was not committed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// The store failed now. Whether the batch is durable is unknown.
    #[error("the batch may not be durable")]
    Store(#[from] StoreError),
    /// The store failed earlier.
    #[error("the store failed before and must be opened again")]
    Poisoned,
}

/// Why a book could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The terms do not fit the currency.
    #[error(transparent)]
    Terms(#[from] TermsError),
    /// The journal could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal was altered, or belongs to another book.
    #[error("entry {seq} of the journal is not as it was written: {damage}")]
    Damaged {
        /// The first entry that is wrong.
        seq: u64,
        /// What is wrong with it.
        damage: Damage,
    },
}

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// Another entry stands in its place.
    #[error("entry {found} stands in its place")]
    Gap {
        /// Which one.
        found: u64,
    },
    /// It does not have the hash it had when it was written.
    #[error("it does not match the hash chain")]
    Chain,
    /// It creates or destroys money.
    #[error("its legs do not add up to zero")]
    Unbalanced,
    /// It is in another currency than the book.
    #[error("it is in {0}")]
    Currency(Currency),
    /// It cannot follow the entries before it.
    #[error("it cannot follow the entries before it")]
    Impossible,
}
