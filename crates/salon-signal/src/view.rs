//! The reducer every client runs: frames in, the state to show out.

mod room;
mod stage;
mod user;

use salon_core::{Fence, UserId};

use crate::conflated::{Conflated, Level};
use crate::event::Event;
use crate::server::{Capability, Frame, Grant, Withheld};
use crate::snapshot::{PURCHASES_MAX, RoomState, SeatState, StageState, State, UserState};
use crate::stream::{Position, Stream};

/// How many comments a view keeps: a snapshot's, and what came after it (a guess).
pub const COMMENTS_MAX: usize = 200;

/// What one client knows of one room.
///
/// Feed it every frame, in order. On an error nothing has changed: subscribe again without a position for
/// the stream that [`ViewError::stream`] names, and the snapshot that answers puts it right.
///
/// ```
/// use salon_signal::{RoomView, codec};
///
/// let mut view = RoomView::default();
/// let grants = codec::decode_server(br#"{"t":"grants","d":{"publish":null}}"#)?;
/// view.apply(grants).expect("grants need no earlier state");
/// assert!(view.publish().is_none() && view.room().is_none());
/// # Ok::<(), codec::DecodeError>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RoomView {
    room: Option<Held<RoomState>>,
    stage: Option<Held<StageState>>,
    user: Option<Held<UserState>>,
    publish: Option<Grant>,
    can: Vec<Capability>,
    withheld: Vec<Withheld>,
    speaking: Vec<Level>,
    layers: Option<Vec<u8>>,
    removed: bool,
    versions: Versions,
}

/// What a frame did to a view.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub enum Applied {
    /// The view is different, or says the same more recently.
    Changed,
    /// The view already held this or something newer: nothing to do.
    Duplicate,
    /// An event, or a value, of a later version: the position moved, the state did not.
    Unknown,
    /// Not about the state held: an answer, a sign of life, something to show once, a value the snapshot still
    /// to come will have.
    Passed,
}

/// Why a view cannot apply a frame. The view is unchanged, and its stream needs a snapshot.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ViewError {
    /// An event came before any snapshot of its stream.
    #[error("no snapshot of the {0:?} stream")]
    NoSnapshot(Stream),
    /// Events are missing.
    #[error("event {got} of the {stream:?} stream follows event {have}")]
    Gap {
        /// Of which stream.
        stream: Stream,
        /// The last event held.
        have: u64,
        /// The event that came.
        got: u64,
    },
    /// Another owner numbers the stream now.
    #[error("epoch {got} of the {stream:?} stream follows epoch {have}")]
    Epoch {
        /// Of which stream.
        stream: Stream,
        /// The epoch held.
        have: Fence,
        /// The epoch that came.
        got: Fence,
    },
    /// An event cannot happen in the state held.
    #[error("event {seq} of the {stream:?} stream contradicts the state: {why}")]
    Contradiction {
        /// Of which stream.
        stream: Stream,
        /// The event.
        seq: u64,
        /// How.
        why: Contradiction,
    },
}

/// How an event contradicts the state held.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Contradiction {
    /// The room has no such seat.
    #[error("there is no seat {0}")]
    NoSuchSeat(u8),
    /// The seat is empty, and the event is about who sits in it.
    #[error("nobody is in seat {0}")]
    NotOccupied(u8),
}

impl ViewError {
    /// The stream that needs a snapshot.
    #[must_use]
    pub fn stream(&self) -> Stream {
        match *self {
            Self::NoSnapshot(stream)
            | Self::Gap { stream, .. }
            | Self::Epoch { stream, .. }
            | Self::Contradiction { stream, .. } => stream,
        }
    }
}

/// The state of one stream at a position.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Held<T> {
    epoch: Fence,
    seq: u64,
    state: T,
}

/// The newest version seen of each conflated value on this connection.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Versions {
    audience: Option<u64>,
    hearts: Option<u64>,
    speaking: Option<u64>,
    layers: Option<u64>,
}

impl RoomView {
    /// Takes one frame.
    ///
    /// # Errors
    /// [`ViewError`] if a stream has to be snapshotted again; the view is unchanged.
    pub fn apply(&mut self, frame: Frame) -> Result<Applied, ViewError> {
        match frame {
            Frame::Snapshot(snapshot) => {
                let (epoch, seq) = (snapshot.epoch, snapshot.seq);
                match snapshot.state {
                    State::Room(state) => {
                        self.room = Some(Held { epoch, seq, state: *state });
                        self.versions = Versions::default();
                        self.speaking.clear();
                    }
                    State::Stage(state) => self.stage = Some(Held { epoch, seq, state }),
                    State::User(state) => self.user = Some(Held { epoch, seq, state }),
                }
                self.refresh_role();
            }
            Frame::Event { stream, epoch, seq, at_ms, body } => {
                return self.apply_event(Position { stream, epoch, seq }, at_ms, body);
            }
            Frame::Resumed { stream, epoch, from, .. } => {
                let have = self.position(stream).ok_or(ViewError::NoSnapshot(stream))?;
                if have.epoch != epoch {
                    return Err(ViewError::Epoch { stream, have: have.epoch, got: epoch });
                }
                if have.seq < from {
                    return Err(ViewError::Gap { stream, have: have.seq, got: from });
                }
                return Ok(Applied::Passed);
            }
            Frame::Conflated { version, body } => return Ok(self.apply_conflated(version, body)),
            Frame::Grants { publish } => self.publish = publish,
            Frame::Capabilities { can, withheld } => (self.can, self.withheld) = (can, withheld),
            // A new connection, and perhaps another server: versions count anew.
            Frame::Welcome { .. } => {
                self.versions = Versions::default();
                return Ok(Applied::Passed);
            }
            Frame::Ephemeral { .. }
            | Frame::Result { .. }
            | Frame::GoAway { .. }
            | Frame::Pong { .. }
            | Frame::Error { .. } => return Ok(Applied::Passed),
            Frame::Unknown(_) => return Ok(Applied::Unknown),
        }
        Ok(Applied::Changed)
    }

    /// What everybody sees, once its snapshot has come.
    #[must_use]
    pub fn room(&self) -> Option<&RoomState> {
        self.room.as_ref().map(|held| &held.state)
    }

    /// What the seated see, if this client is told.
    #[must_use]
    pub fn stage(&self) -> Option<&StageState> {
        self.stage.as_ref().map(|held| &held.state)
    }

    /// What this person alone sees.
    #[must_use]
    pub fn user(&self) -> Option<&UserState> {
        self.user.as_ref().map(|held| &held.state)
    }

    /// The right to publish, if this person has one.
    #[must_use]
    pub fn publish(&self) -> Option<&Grant> {
        self.publish.as_ref()
    }

    /// What this person may do.
    #[must_use]
    pub fn can(&self) -> &[Capability] {
        &self.can
    }

    /// What this person may not do now, and why.
    #[must_use]
    pub fn withheld(&self) -> &[Withheld] {
        &self.withheld
    }

    /// Who is audible.
    #[must_use]
    pub fn speaking(&self) -> &[Level] {
        &self.speaking
    }

    /// Which encodings of this person's picture anybody watches, if that was said; all, if not.
    #[must_use]
    pub fn layers(&self) -> Option<&[u8]> {
        self.layers.as_deref()
    }

    /// Whether this person was removed from the live.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        self.removed
    }

    /// The last event held of a stream, if its snapshot has come.
    #[must_use]
    pub fn position(&self, stream: Stream) -> Option<Position> {
        let (epoch, seq) = match stream {
            Stream::Room => self.room.as_ref().map(|held| (held.epoch, held.seq)),
            Stream::Stage => self.stage.as_ref().map(|held| (held.epoch, held.seq)),
            Stream::User => self.user.as_ref().map(|held| (held.epoch, held.seq)),
        }?;
        Some(Position { stream, epoch, seq })
    }

    /// The last event held of each stream: what to acknowledge, and where to resume.
    #[must_use]
    pub fn positions(&self) -> Vec<Position> {
        Stream::ALL.into_iter().filter_map(|stream| self.position(stream)).collect()
    }

    /// Names the first broken invariant.
    ///
    /// # Errors
    /// The invariant, as a sentence.
    #[doc(hidden)]
    pub fn check(&self) -> Result<(), &'static str> {
        if let Some(room) = self.room() {
            if room.seats.iter().enumerate().any(|(index, seat)| usize::from(seat.seat) != index) {
                return Err("seats are numbered from 0 without gaps");
            }
            if room.comments.len() > COMMENTS_MAX {
                return Err("no more comments are kept than the bound");
            }
            if !room.supporters.is_sorted_by(|a, b| a.hearts >= b.hearts) {
                return Err("supporters are sorted by hearts");
            }
        }
        if self.user().is_some_and(|user| user.purchases.len() > PURCHASES_MAX) {
            return Err("no more purchases are kept than a snapshot holds");
        }
        Ok(())
    }

    fn apply_event(
        &mut self,
        position: Position,
        at_ms: u64,
        body: Event,
    ) -> Result<Applied, ViewError> {
        let Position { stream, epoch, seq } = position;
        let have = self.position(stream).ok_or(ViewError::NoSnapshot(stream))?;
        if (epoch, seq) <= (have.epoch, have.seq) {
            return Ok(Applied::Duplicate);
        }
        if epoch != have.epoch {
            return Err(ViewError::Epoch { stream, have: have.epoch, got: epoch });
        }
        if have.seq.checked_add(1) != Some(seq) {
            return Err(ViewError::Gap { stream, have: have.seq, got: seq });
        }
        let is_unknown = matches!(body, Event::Unknown(_));
        match stream {
            Stream::Room => self
                .apply_to_room(at_ms, body)
                .map_err(|why| ViewError::Contradiction { stream, seq, why })?,
            Stream::Stage => {
                if let Some(held) = &mut self.stage {
                    stage::evolve(&mut held.state, body);
                }
            }
            Stream::User => {
                self.removed |= matches!(body, Event::Removed);
                if let Some(held) = &mut self.user {
                    user::evolve(&mut held.state, body);
                }
            }
        }
        // Nothing below can fail.
        match stream {
            Stream::Room => self.room.iter_mut().for_each(|held| held.seq = seq),
            Stream::Stage => self.stage.iter_mut().for_each(|held| held.seq = seq),
            Stream::User => self.user.iter_mut().for_each(|held| held.seq = seq),
        }
        Ok(if is_unknown { Applied::Unknown } else { Applied::Changed })
    }

    /// The stage and the person follow what the room sees of them.
    fn apply_to_room(&mut self, at_ms: u64, body: Event) -> Result<(), Contradiction> {
        let Some(held) = &mut self.room else { return Ok(()) };
        let moved = match &body {
            Event::SeatTaken { seat, person, .. } => Some((*seat, Some(person.user.clone()))),
            Event::SeatReleased { seat, .. } => Some((*seat, None)),
            _ => None,
        };
        let ended = matches!(body, Event::RoomEnded { .. });
        room::evolve(&mut held.state, at_ms, body)?;
        // Nothing below can fail.
        match &moved {
            _ if ended => self.speaking.clear(),
            Some((seat, None)) => self.speaking.retain(|level| level.seat != *seat),
            _ => {}
        }
        if let Some(held) = &mut self.stage {
            if ended {
                held.state = StageState::default();
            } else if let Some((seat, taken_by)) = &moved {
                stage::follow(&mut held.state, *seat, taken_by.as_ref());
            }
        }
        if let Some(held) = &mut self.user {
            if ended {
                (held.state.offer, held.state.request) = (None, None);
            } else if let Some((seat, taken_by)) = &moved {
                user::follow(&mut held.state, *seat, taken_by.as_ref());
            }
        }
        self.refresh_role();
        Ok(())
    }

    fn apply_conflated(&mut self, version: u64, body: Conflated) -> Applied {
        let newest = match &body {
            Conflated::Audience(_) => &mut self.versions.audience,
            Conflated::Hearts { .. } => &mut self.versions.hearts,
            Conflated::Speaking { .. } => &mut self.versions.speaking,
            Conflated::Layers { .. } => &mut self.versions.layers,
            Conflated::Unknown(_) => return Applied::Unknown,
        };
        if newest.is_some_and(|newest| version <= newest) {
            return Applied::Duplicate;
        }
        let room = self.room.as_mut().map(|held| &mut held.state);
        match (body, room) {
            (Conflated::Speaking { seats }, _) => self.speaking = seats,
            (Conflated::Layers { wanted }, _) => self.layers = Some(wanted),
            (Conflated::Audience(audience), Some(room)) => room.audience = audience,
            (Conflated::Hearts { total }, Some(room)) => room.hearts_total = total,
            (_, _) => return Applied::Passed,
        }
        *newest = Some(version);
        Applied::Changed
    }

    /// A person is what the seats say they are.
    fn refresh_role(&mut self) {
        if let (Some(room), Some(user)) = (&self.room, &mut self.user) {
            user.state.role = room::role(&room.state, &user.state.user);
        }
    }
}

/// Whether a seat holds this person.
fn occupies(state: &SeatState, who: &UserId) -> bool {
    matches!(state, SeatState::Occupied { person, .. } if person.user == *who)
}
