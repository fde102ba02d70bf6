//! The numbers a room lives by: chosen when it is created, recorded with it, never read from elsewhere.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::seat::SEATS_MAX;

/// How a room behaves. It is part of the log, so a replay of an old room keeps the old rules.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Policy {
    /// How many people sit, the host included. Default: all the seats there are.
    pub seats: SeatLimit,
    /// Whether viewers may ask for a seat. The host can change it at any time. Default: open.
    pub requests: Requests,
    /// How many requests may wait at once. Default 500: more than a host will ever read.
    pub requests_max: u16,
    /// How long a request waits for the host. Default 10 min.
    pub request_lifetime: Duration,
    /// How long a declined person cannot ask again. Default 60 s.
    pub decline_cooldown: Duration,
    /// How long an invitation, and the seat it reserves, waits for an answer. Default 60 s.
    pub invite_lifetime: Duration,
    /// From accepting to being ready. Default 15 s: enough to allow a camera and look at oneself.
    pub prepare_window: Duration,
    /// How long a guest's seat survives the loss of their connection. Default 20 s.
    pub guest_grace: Duration,
    /// How long the room survives the loss of its host's connection. Default 60 s.
    pub host_grace: Duration,
    /// The longest live. Default 4 h.
    pub live_max: Duration,
    /// How long a room may wait to go live. Default 24 h: it bounds what abandoned drafts cost.
    pub draft_max: Duration,
    /// How many comments the room keeps for those who join later. Default 200.
    pub comments_max: u16,
    /// Whether badges are sold. Default: yes.
    pub badges: bool,
    /// How many purchases may be under way at once, over all buyers. Default 1,000 (a guess).
    pub purchases_max: u16,
    /// How many of them may be one person's. Default 3: a person confirms one at a time.
    pub purchases_each_max: u16,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            seats: SeatLimit::MAX,
            requests: Requests::Open,
            requests_max: 500,
            request_lifetime: Duration::from_secs(600),
            decline_cooldown: Duration::from_secs(60),
            invite_lifetime: Duration::from_secs(60),
            prepare_window: Duration::from_secs(15),
            guest_grace: Duration::from_secs(20),
            host_grace: Duration::from_secs(60),
            live_max: Duration::from_secs(4 * 3_600),
            draft_max: Duration::from_secs(24 * 3_600),
            comments_max: 200,
            badges: true,
            purchases_max: 1_000,
            purchases_each_max: 3,
        }
    }
}

/// Whether viewers may ask for a seat.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Requests {
    /// Anybody watching may ask.
    Open,
    /// Nobody may; closing voids the requests that wait.
    Closed,
}

/// How many people a room seats, the host included: 2 to [`SEATS_MAX`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct SeatLimit(u8);

impl SeatLimit {
    /// Every seat there is.
    pub const MAX: Self = Self(SEATS_MAX as u8);
    /// The host and one guest.
    pub const MIN: Self = Self(2);

    /// `None` outside 2 to [`SEATS_MAX`].
    #[must_use]
    pub const fn new(seats: u8) -> Option<Self> {
        if seats < Self::MIN.0 || seats > Self::MAX.0 { None } else { Some(Self(seats)) }
    }

    /// As a number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// A number of seats that no room can have.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a room cannot have {0} seats")]
pub struct SeatLimitError(pub u8);

impl TryFrom<u8> for SeatLimit {
    type Error = SeatLimitError;

    fn try_from(seats: u8) -> Result<Self, SeatLimitError> {
        Self::new(seats).ok_or(SeatLimitError(seats))
    }
}

impl From<SeatLimit> for u8 {
    fn from(limit: SeatLimit) -> Self {
        limit.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_seats_two_to_four() {
        let seated = |seats| SeatLimit::new(seats).map(SeatLimit::get);
        assert_eq!([1, 2, 4, 5].map(seated), [None, Some(2), Some(4), None]);
        assert!(serde_json::from_str::<SeatLimit>("5").is_err());
    }

    #[test]
    fn the_policy_round_trips() {
        let json = serde_json::to_string(&Policy::default()).unwrap();
        assert_eq!(serde_json::from_str::<Policy>(&json).unwrap(), Policy::default());
    }
}
