//! Commands to the room's owner. No owner is an instant answer, never a wait.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use salon_core::RoomId;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

/// Why a command has no answer. A command that was certainly not carried out is given back.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BusError<C> {
    /// Nobody owns the room at the moment.
    #[error("room has no owner")]
    NoOwner {
        /// The command that was not taken.
        command: C,
    },
    /// The owner's inbox is full.
    #[error("room's owner is busy")]
    Busy {
        /// The command that was not taken.
        command: C,
    },
    /// The owner took the command and ended before it answered: it may have been carried out.
    #[error("room's owner ended before it answered")]
    Unanswered,
}

/// Hands commands `C` to the owner of a room and brings back answers `A`.
#[async_trait]
pub trait CommandBus<C: Send + 'static, A: Send + 'static>: fmt::Debug + Send + Sync {
    /// Takes up the commands for `room` until the inbox is dropped. A later call takes over.
    ///
    /// At most `capacity` commands wait; more are refused with [`BusError::Busy`].
    fn serve(&self, room: RoomId, capacity: usize) -> Inbox<C, A>;

    /// Sends one command and waits for its answer.
    ///
    /// # Errors
    /// [`BusError`]; only [`BusError::Unanswered`] may have had an effect.
    async fn call(&self, room: RoomId, command: C) -> Result<A, BusError<C>>;
}

/// A command with the place its answer goes to.
#[derive(Debug)]
pub struct Call<C, A> {
    /// What is asked.
    pub command: C,
    /// Where the answer goes; dropping it answers [`BusError::Unanswered`].
    pub reply: Reply<A>,
}

/// Where one answer goes.
#[derive(Debug)]
pub struct Reply<A>(oneshot::Sender<A>);

impl<A> Reply<A> {
    /// Answers. A caller that has gone away is no error.
    pub fn send(self, answer: A) {
        let _gone = self.0.send(answer);
    }
}

/// The owner's end of the bus for one room.
#[derive(Debug)]
pub struct Inbox<C, A> {
    calls: mpsc::Receiver<Call<C, A>>,
}

impl<C, A> Inbox<C, A> {
    /// Joins a sender of calls to the inbox they arrive in; for implementations of [`CommandBus`].
    #[must_use]
    pub fn channel(capacity: usize) -> (mpsc::Sender<Call<C, A>>, Self) {
        let (sender, calls) = mpsc::channel(capacity);
        (sender, Self { calls })
    }

    /// The next call; `None` when another owner has taken over. Cancel safe.
    pub async fn next(&mut self) -> Option<Call<C, A>> {
        self.calls.recv().await
    }

    /// A call that is already waiting.
    pub fn try_next(&mut self) -> Option<Call<C, A>> {
        self.calls.try_recv().ok()
    }

    /// Refuses new calls; those already taken in can still be read.
    pub fn close(&mut self) {
        self.calls.close();
    }
}

/// The senders of one process's rooms.
type Owners<C, A> = BTreeMap<RoomId, mpsc::Sender<Call<C, A>>>;

/// The bus of a single process: a bounded channel to each room's owner.
#[derive(Debug)]
pub struct LocalBus<C, A> {
    owners: Mutex<Owners<C, A>>,
}

impl<C, A> LocalBus<C, A> {
    /// A bus that serves no room yet.
    #[must_use]
    pub fn new() -> Self {
        Self { owners: Mutex::new(BTreeMap::new()) }
    }

    fn owners(&self) -> MutexGuard<'_, Owners<C, A>> {
        // A panic while the lock was held cannot leave a row half written.
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C, A> Default for LocalBus<C, A> {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl<C, A> CommandBus<C, A> for LocalBus<C, A>
where
    C: fmt::Debug + Send + 'static,
    A: fmt::Debug + Send + 'static,
{
    fn serve(&self, room: RoomId, capacity: usize) -> Inbox<C, A> {
        let (sender, inbox) = Inbox::channel(capacity);
        let mut owners = self.owners();
        // Rooms that ended leave a closed sender behind; this is where those go.
        owners.retain(|_, owner| !owner.is_closed());
        owners.insert(room, sender);
        inbox
    }

    async fn call(&self, room: RoomId, command: C) -> Result<A, BusError<C>> {
        let Some(owner) = self.owners().get(&room).cloned() else {
            return Err(BusError::NoOwner { command });
        };
        let (reply, answer) = oneshot::channel();
        owner.try_send(Call { command, reply: Reply(reply) }).map_err(|refused| match refused {
            TrySendError::Full(call) => BusError::Busy { command: call.command },
            TrySendError::Closed(call) => BusError::NoOwner { command: call.command },
        })?;
        answer.await.map_err(|_| BusError::Unanswered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: RoomId = RoomId::from_u128(1);

    #[tokio::test]
    async fn answers_come_back_and_absence_is_instant() {
        let bus = LocalBus::<u32, u32>::new();
        assert_eq!(bus.call(ROOM, 1).await, Err(BusError::NoOwner { command: 1 }));
        let mut inbox = bus.serve(ROOM, 1);
        let owner = async {
            let call = inbox.next().await.expect("a call was made");
            call.reply.send(call.command + 1);
        };
        let (answer, ()) = tokio::join!(bus.call(ROOM, 41), owner);
        assert_eq!(answer, Ok(42));
        drop(inbox);
        assert_eq!(bus.call(ROOM, 1).await, Err(BusError::NoOwner { command: 1 }));
    }

    #[tokio::test]
    async fn a_full_inbox_refuses_and_a_dropped_call_is_unanswered() {
        let bus = LocalBus::<u32, u32>::new();
        let mut inbox = bus.serve(ROOM, 1);
        let first = bus.call(ROOM, 1);
        let second = async {
            let refused = bus.call(ROOM, 2).await;
            drop(inbox.next().await);
            refused
        };
        let (first, second) = tokio::join!(first, second);
        assert_eq!(
            (first, second),
            (Err(BusError::Unanswered), Err(BusError::Busy { command: 2 }))
        );
    }
}
