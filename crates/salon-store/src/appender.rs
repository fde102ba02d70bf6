//! The front of a room log: many rooms, one writer.

use std::fmt;

use salon_core::RoomId;
use salon_room::event::Record;
use salon_room::log::{Append, AppendError, Log, LogError};
use tokio::sync::oneshot;

use crate::queue::{self, Driver, DriverError, Handle, Unanswered, Work};

/// Appends to a room log and reads it. Cheap to clone; every clone appends to the same log.
#[derive(Clone)]
pub struct Appender {
    handle: Handle<Job>,
}

/// Why records were not appended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AppendFailed {
    /// Too many appends wait. Nothing was done; try again a little later.
    #[error("the room log has too much to do")]
    Busy,
    /// The log says no. Nothing was done.
    #[error(transparent)]
    Refused(#[from] AppendError),
    /// The writer is gone. Whether the records are kept is unknown until the log is opened again.
    #[error("the room log's writer stopped")]
    Poisoned,
}

/// Why records were not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadFailed {
    /// Too much waits; try again a little later.
    #[error("the room log has too much to do")]
    Busy,
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The writer is gone.
    #[error("the room log's writer stopped")]
    Poisoned,
}

impl Appender {
    /// Puts a queue in front of `log`. Nothing is appended unless the driver runs.
    pub fn new<L: Log + Send + 'static>(log: L) -> (Self, Driver) {
        let (handle, driver) = queue::queue(Appending { log });
        (Self { handle }, driver)
    }

    /// Appends the records of one decision; durable on return. A caller that stops waiting does not stop it.
    ///
    /// Appends of one room that were asked for one after the other are kept in that order.
    ///
    /// # Errors
    /// [`AppendFailed`] says whether something was done.
    pub async fn append(&self, room: RoomId, records: Vec<Record>) -> Result<(), AppendFailed> {
        let append = Append { room, records };
        match self.handle.ask(|answer| Job::Append(append, answer)).await {
            Ok(answer) => Ok(answer?),
            Err(Unanswered::Busy) => Err(AppendFailed::Busy),
            Err(Unanswered::Gone) => Err(AppendFailed::Poisoned),
        }
    }

    /// Up to `max` records of `room` after `after_seq`, including every append answered before.
    ///
    /// # Errors
    /// [`ReadFailed`] says why not.
    pub async fn read(
        &self,
        room: RoomId,
        after_seq: u64,
        max: usize,
    ) -> Result<Vec<Record>, ReadFailed> {
        let read = Read { room, after_seq, max };
        match self.handle.ask(|answer| Job::Read(read, answer)).await {
            Ok(answer) => Ok(answer?),
            Err(Unanswered::Busy) => Err(ReadFailed::Busy),
            Err(Unanswered::Gone) => Err(ReadFailed::Poisoned),
        }
    }

    /// Whether the writer is still there; once it is not, nothing is kept any more.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.handle.is_alive()
    }
}

impl fmt::Debug for Appender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Appender").finish_non_exhaustive()
    }
}

enum Job {
    Append(Append, oneshot::Sender<Result<(), AppendError>>),
    Read(Read, oneshot::Sender<Result<Vec<Record>, LogError>>),
}

struct Read {
    room: RoomId,
    after_seq: u64,
    max: usize,
}

struct Appending<L> {
    log: L,
}

impl<L: Log + Send + 'static> Work for Appending<L> {
    type Job = Job;

    fn commit(&mut self, jobs: Vec<Job>) -> Result<(), DriverError> {
        let (mut batch, mut waiting, mut reads) = (Vec::new(), Vec::new(), Vec::new());
        for job in jobs {
            match job {
                Job::Append(append, sender) => {
                    batch.push(append);
                    waiting.push(sender);
                }
                Job::Read(read, sender) => reads.push((read, sender)),
            }
        }
        if !batch.is_empty() {
            let answers = self.log.append(&batch)?;
            for (sender, answer) in waiting.into_iter().zip(answers) {
                // A caller that stopped waiting is no error.
                let _ = sender.send(answer);
            }
        }
        for (Read { room, after_seq, max }, sender) in reads {
            let _ = sender.send(self.log.read(room, after_seq, max));
        }
        Ok(())
    }
}
