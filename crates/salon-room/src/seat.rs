//! Seats: who sits, who is about to, and on what ground.

use std::fmt;

use salon_core::{StintId, Time, UserId};
use serde::{Deserialize, Serialize};

use crate::person::Person;
use crate::request::RequestId;

/// The most people a room ever seats: the host and three guests.
pub const SEATS_MAX: usize = 4;

/// One of the seats, 0 to 3. The host's is 0.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct SeatNo(u8);

impl SeatNo {
    /// Where the host sits.
    pub const HOST: Self = Self(0);

    /// `None` from [`SEATS_MAX`] on.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if (number as usize) < SEATS_MAX { Some(Self(number)) } else { None }
    }

    /// As a number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// As an index into [`Room::seats`](crate::Room::seats).
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The first `count` seats, the host's first.
    pub(crate) fn first(count: u8) -> impl Iterator<Item = Self> {
        (0..count).filter_map(Self::new)
    }
}

/// A number that names no seat.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("there is no seat {0}")]
pub struct NoSuchSeat(pub u8);

impl TryFrom<u8> for SeatNo {
    type Error = NoSuchSeat;

    fn try_from(number: u8) -> Result<Self, NoSuchSeat> {
        Self::new(number).ok_or(NoSuchSeat(number))
    }
}

impl From<SeatNo> for u8 {
    fn from(seat: SeatNo) -> Self {
        seat.0
    }
}

impl fmt::Display for SeatNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One place on the stage.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Seat {
    /// Which one.
    pub no: SeatNo,
    /// Who has it.
    pub state: State,
}

impl Seat {
    pub(crate) const fn empty(no: SeatNo) -> Self {
        Self { no, state: State::Empty }
    }

    /// Who sits here.
    #[must_use]
    pub const fn occupant(&self) -> Option<&Occupant> {
        match &self.state {
            State::Occupied(occupant) => Some(occupant),
            State::Empty | State::Reserved(_) => None,
        }
    }

    /// Whom it waits for.
    #[must_use]
    pub const fn reservation(&self) -> Option<&Reservation> {
        match &self.state {
            State::Reserved(reservation) => Some(reservation),
            State::Empty | State::Occupied(_) => None,
        }
    }

    /// Whoever sits here or is waited for.
    #[must_use]
    pub const fn person(&self) -> Option<&Person> {
        match &self.state {
            State::Empty => None,
            State::Reserved(reservation) => Some(&reservation.person),
            State::Occupied(occupant) => Some(&occupant.person),
        }
    }

    /// Whether `user` sits here or is waited for.
    #[must_use]
    pub fn holds(&self, user: &UserId) -> bool {
        self.person().is_some_and(|person| person.user == *user)
    }

    /// Whether anybody could be given it.
    #[must_use]
    pub const fn is_free(&self) -> bool {
        matches!(self.state, State::Empty)
    }
}

/// Who has a seat.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub enum State {
    /// Nobody.
    Empty,
    /// It waits for one person, so that accepting late can never over-fill the room.
    Reserved(Reservation),
    /// Somebody is on the stage.
    Occupied(Occupant),
}

/// A seat kept for one person.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Reservation {
    /// Names this reservation.
    pub offer: OfferId,
    /// For whom.
    pub person: Person,
    /// Why: an invitation or an approved request, never [`Origin::Host`].
    pub origin: Origin,
    /// How far it has come.
    pub step: Step,
    /// From this moment on it is over.
    pub until: Time,
}

/// How far a reservation has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub enum Step {
    /// Invited, not answered.
    Offered,
    /// Accepted, or approved: the prepare window is running.
    Preparing,
}

/// Somebody on the stage.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Occupant {
    /// Who.
    pub person: Person,
    /// This stay in the seats.
    pub stint: StintId,
    /// Their connection.
    pub link: Link,
    /// What they send.
    pub media: SelfMedia,
}

/// The connection of somebody seated.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub enum Link {
    /// Connected.
    Up,
    /// Lost, and awaited.
    Lost {
        /// From this moment on the seat is given up; the host's ends the room.
        until: Time,
    },
}

/// What somebody seated has switched on, by their own choice.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct SelfMedia {
    /// The microphone.
    pub mic: bool,
    /// The camera.
    pub cam: bool,
}

/// Names one reservation of a seat. It is the sequence number of the record that made it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct OfferId(pub u64);

/// On what ground somebody is seated.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Origin {
    /// They went live.
    Host,
    /// The host invited them and they accepted.
    Invite(OfferId),
    /// They asked and the host approved.
    Request(RequestId),
}

/// What somebody is in this room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// The one whose room it is.
    Host,
    /// Somebody else in a seat.
    Guest,
    /// Anybody else, whether or not they are watching: the room does not keep the audience.
    Viewer,
}

/// Why a seat was given up.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum ReleaseReason {
    /// They left.
    Left,
    /// The host removed them.
    Removed,
    /// Their connection did not come back in time.
    LinkLost,
    /// They were not ready within the prepare window.
    JoinTimeout,
    /// The room ended.
    RoomEnded,
}
