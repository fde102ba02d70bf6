//! The front of a ledger book: many callers, one writer.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use salon_core::{Fence, Time};
use salon_ledger::book::{Answer, Book, Committed, Writer};
use salon_ledger::{Command, Ledger, Posted, Refusal, Store};
use tokio::sync::oneshot;

use crate::queue::{self, Driver, DriverError, Handle, Unanswered, Work};

/// Posts to one ledger book and reads it. Cheap to clone; every clone posts to the same book.
#[derive(Clone)]
pub struct Poster {
    handle: Handle<Job>,
    ledger: Arc<RwLock<Ledger>>,
}

/// Why a command was not posted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PostError {
    /// Too many commands wait. Nothing was done; try again a little later.
    #[error("the ledger has too much to do")]
    Busy,
    /// The ledger says no. Nothing was done.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The writer is gone. Whether the command was posted is unknown until the book is opened again; repeating the
    /// command then is safe.
    #[error("the ledger's writer stopped")]
    Poisoned,
}

impl Poster {
    /// Puts a queue in front of `book`, whose entries will carry `fence` and the times of `clock`.
    ///
    /// Nothing is posted unless the driver runs.
    pub fn new<S: Store + Send + 'static>(
        book: Book<S>,
        fence: Fence,
        clock: impl FnMut() -> Time + Send + 'static,
    ) -> (Self, Driver) {
        let (ledger, writer) = book.into_parts();
        let ledger = Arc::new(RwLock::new(ledger));
        let work = Posting { ledger: Arc::clone(&ledger), writer, fence, clock };
        let (handle, driver) = queue::queue(work);
        (Self { handle, ledger }, driver)
    }

    /// Posts one command; durable on return. A caller that stops waiting does not stop the command.
    ///
    /// # Errors
    /// [`PostError`] says whether something was done.
    pub async fn submit(&self, command: Command) -> Result<Posted, PostError> {
        match self.handle.ask(|answer| Job { command, answer }).await {
            Ok(answer) => Ok(answer?),
            Err(Unanswered::Busy) => Err(PostError::Busy),
            Err(Unanswered::Gone) => Err(PostError::Poisoned),
        }
    }

    /// Reads the book as of its last durable entry. The writer waits meanwhile: take what is needed and leave.
    pub fn read<T>(&self, look: impl FnOnce(&Ledger) -> T) -> T {
        look(&self.ledger.read().expect("the writer does not panic between two entries"))
    }

    /// Whether the writer is still there; once it is not, nothing is kept any more.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.handle.is_alive()
    }
}

impl fmt::Debug for Poster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poster").finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Job {
    command: Command,
    answer: oneshot::Sender<Answer>,
}

struct Posting<S, C> {
    ledger: Arc<RwLock<Ledger>>,
    writer: Writer<S>,
    fence: Fence,
    clock: C,
}

impl<S, C> Work for Posting<S, C>
where
    S: Store + Send + 'static,
    C: FnMut() -> Time + Send + 'static,
{
    type Job = Job;

    fn commit(&mut self, jobs: Vec<Job>) -> Result<(), DriverError> {
        let now = (self.clock)();
        let (commands, waiting): (Vec<Command>, Vec<_>) =
            jobs.into_iter().map(|Job { command, answer }| (command, answer)).unzip();
        let Committed { answers, entries } = {
            // Shared: the book can be read while the disk works.
            let ledger = self.ledger.read().unwrap_or_else(PoisonError::into_inner);
            self.writer.commit(&ledger, now, self.fence, &commands)?
        };
        {
            let mut ledger = self.ledger.write().unwrap_or_else(PoisonError::into_inner);
            for entry in &entries {
                ledger.evolve(entry);
            }
        }
        for (sender, answer) in waiting.into_iter().zip(answers) {
            // A caller that stopped waiting is no error.
            let _ = sender.send(answer);
        }
        Ok(())
    }
}
