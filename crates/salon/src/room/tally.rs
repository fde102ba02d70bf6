//! What each recipient got in this live, at the prices paid, as far as the room has shown it.

use std::collections::BTreeMap;

use salon_core::{Money, UserId};

/// What one person received.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Received {
    pub(crate) hearts: u64,
    /// Minor units of the ledger's currency.
    pub(crate) minor: i64,
}

/// What everybody received.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    received: BTreeMap<UserId, Received>,
}

impl Tally {
    /// Counts one badge that has been awarded.
    ///
    /// # Panics
    /// If one live takes in more than 2^63 minor units, which no cap allows.
    pub(crate) fn count(&mut self, to: &UserId, hearts: u8, price: Money) {
        let received = self.received.entry(to.clone()).or_default();
        received.hearts += u64::from(hearts);
        let sum = received.minor.checked_add(price.minor);
        received.minor = sum.expect("caps keep a live's takings far below 2^63");
    }

    /// What one person received.
    pub(crate) fn of(&self, user: &UserId) -> Received {
        self.received.get(user).copied().unwrap_or_default()
    }

    /// Everybody who received something.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&UserId, Received)> {
        self.received.iter().map(|(user, received)| (user, *received))
    }
}
