//! What makes ownership and occupancy exact: numbers that only grow.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One term of ownership of a room. Grows with every take-over; also the epoch of the room's streams.
///
/// Whoever holds the highest fence is the one writer; everything with a lower one is refused.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(transparent)]
pub struct Fence(pub u64);

impl Fence {
    /// The fence of the next owner.
    ///
    /// # Panics
    /// After 2^64 - 1 take-overs.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("no room is taken over 2^64 times"))
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One person's one stay in the seats of one room.
///
/// It survives a move between seats; a new stay gets a new one, also after a take-over. Never reused in a room.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(transparent)]
pub struct StintId(pub u64);

impl StintId {
    /// The stint that follows this one.
    ///
    /// # Panics
    /// After 2^64 - 1 stints.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("no room seats 2^64 people"))
    }
}

impl fmt::Display for StintId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a right to publish is bound to: this term of ownership and this stay in the seats.
///
/// The fan-out compares it as one opaque value; media under any other key is not forwarded.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct GrantKey {
    /// The term of ownership that issued the grant.
    pub fence: Fence,
    /// The stay in the seats it was issued for.
    pub stint: StintId,
}

impl fmt::Display for GrantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.fence, self.stint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_is_greater() {
        assert!(Fence(1).next() > Fence(1));
        assert!(StintId(1).next() > StintId(1));
        assert_eq!(GrantKey { fence: Fence(2), stint: StintId(3) }.to_string(), "2.3");
    }
}
