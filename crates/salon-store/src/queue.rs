//! Group commit: many callers wait, one driver takes all that wait into one durable step.

use std::fmt;

use salon_ledger::book::CommitError;
use salon_room::log::LogError;
use tokio::sync::{mpsc, oneshot};

/// How many jobs may wait. More callers than that are told that the writer is busy: with a disk that syncs in a few
/// milliseconds this is a fraction of a second of work, and waiting longer helps nobody. Also the largest batch.
pub(crate) const WAITING_MAX: usize = 1_024;

/// What a driver does with all jobs that wait.
pub(crate) trait Work: Send + 'static {
    /// One job, with the sender of its answer in it.
    type Job: Send + 'static;

    /// Makes the batch durable, and then answers each job. After an error no job of it has been answered with success,
    /// and the driver ends.
    fn commit(&mut self, jobs: Vec<Self::Job>) -> Result<(), DriverError>;
}

/// The callers' end.
#[derive(Debug)]
pub(crate) struct Handle<J> {
    jobs: mpsc::Sender<J>,
}

impl<J> Clone for Handle<J> {
    fn clone(&self) -> Self {
        Self { jobs: self.jobs.clone() }
    }
}

/// Why a job got no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unanswered {
    /// The queue is full; the job was not taken.
    Busy,
    /// The driver is gone. Whether the job was done is unknown.
    Gone,
}

impl<J> Handle<J> {
    /// Whether the driver still takes jobs.
    pub(crate) fn is_alive(&self) -> bool {
        !self.jobs.is_closed()
    }

    /// Puts a job in the queue and waits for its answer. A caller that stops waiting does not stop the job.
    pub(crate) async fn ask<R>(
        &self,
        job: impl FnOnce(oneshot::Sender<R>) -> J,
    ) -> Result<R, Unanswered> {
        let (sender, answer) = oneshot::channel();
        self.jobs.try_send(job(sender)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Unanswered::Busy,
            mpsc::error::TrySendError::Closed(_) => Unanswered::Gone,
        })?;
        answer.await.map_err(|_| Unanswered::Gone)
    }
}

/// Does the writing. To be run on a thread of its own: it waits for the disk.
#[must_use = "nothing is written unless the driver runs"]
pub struct Driver {
    run: Box<dyn FnOnce() -> Result<(), DriverError> + Send>,
}

impl Driver {
    /// Writes until every handle is dropped and everything taken is durable.
    ///
    /// # Errors
    /// [`DriverError`] if the store failed. Every caller that waits, and every later one, learns that the writer is
    /// poisoned; the store has to be opened again.
    ///
    /// # Panics
    /// If called from within an asynchronous task.
    pub fn run(self) -> Result<(), DriverError> {
        (self.run)()
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

/// Why a driver ended before its handles did.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriverError {
    /// The journal failed.
    #[error("the ledger's writer stopped")]
    Ledger(#[from] CommitError),
    /// The room log failed.
    #[error("the room log's writer stopped")]
    Rooms(#[from] LogError),
}

/// A bounded queue in front of `work`.
pub(crate) fn queue<W: Work>(mut work: W) -> (Handle<W::Job>, Driver) {
    let (sender, mut jobs) = mpsc::channel(WAITING_MAX);
    let run = move || {
        while let Some(first) = jobs.blocking_recv() {
            let mut batch = vec![first];
            while batch.len() < WAITING_MAX
                && let Ok(job) = jobs.try_recv()
            {
                batch.push(job);
            }
            // On error the queue is dropped with all its jobs, which tells every caller.
            work.commit(batch)
                .inspect_err(|error| tracing::error!(%error, "nothing more is written"))?;
        }
        Ok(())
    };
    (Handle { jobs: sender }, Driver { run: Box::new(run) })
}
