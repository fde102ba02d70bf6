//! A connection's place in a room, and what passes from the connection to the room's owner.

use salon_core::RoomId;
use salon_room::Person;
use salon_rtc::SessionId as MediaSession;
use salon_signal::Position;
use salon_signal::server::Rejected;
use tokio::sync::{mpsc, oneshot};

use super::hub::{Out, SessionId};

/// How many messages may wait for one room. Joins wait their turn; hearts beyond it are dropped,
/// because they are worth nothing late.
pub(crate) const PRESENCE_MAX: usize = 1_024;

/// What a room hears from its connections and from media.
#[derive(Debug)]
pub(crate) enum Presence {
    /// Somebody wants to be here.
    Join(Box<Join>),
    /// Hearts.
    React { person: Person, hearts: u32 },
    /// Who speaks: seats, loudest first, with their levels in dBov.
    Speaking { seats: Vec<(u8, i8)> },
    /// Which encodings of a seat's picture anybody watches, lowest first.
    Layers { seat: u8, wanted: Vec<u8> },
    /// A media session is over.
    MediaEnded { session: MediaSession },
    /// The service stops.
    Stop,
}

/// A connection that wants to be in a room.
#[derive(Debug)]
pub(crate) struct Join {
    pub(crate) session: SessionId,
    pub(crate) person: Person,
    pub(crate) outbox: mpsc::Sender<Out>,
    /// The last event it holds of each stream.
    pub(crate) from: Vec<Position>,
    /// Resolves when the connection lets go of its place.
    pub(crate) gone: oneshot::Receiver<()>,
    /// Resolves, for the connection, when the room lets go of it.
    pub(crate) reply: oneshot::Sender<Result<oneshot::Receiver<()>, Rejected>>,
}

/// A connection's place. Dropping it leaves the room.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) room: RoomId,
    pub(crate) person: Person,
    pub(crate) presence: mpsc::Sender<Presence>,
    pub(crate) out: oneshot::Receiver<()>,
    /// Dropped with the place, which tells the room.
    pub(crate) _here: oneshot::Sender<()>,
}

impl Place {
    /// In which room.
    pub(crate) fn room(&self) -> RoomId {
        self.room
    }

    /// Sends hearts.
    pub(crate) fn react(&self, hearts: u32) {
        let _full = self.presence.try_send(Presence::React { person: self.person.clone(), hearts });
    }

    /// Waits until the room lets go of this connection. Cancel safe.
    pub(crate) async fn dropped(&mut self) {
        let _closed = (&mut self.out).await;
    }
}
