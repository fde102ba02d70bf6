//! Caps: how much one supporter may spend in one scope.
//!
//! A cap is reserved by the entry that opens a purchase, given back by its release, and by a refund if the policy
//! says so. A capture never asks: what was reserved is already counted, and money that arrives late counts anyway.

use salon_core::money::Currency;
use salon_core::{Money, Scope, UserId};
use serde::{Deserialize, Serialize};

use crate::purchase::{Purchase, State};

/// The limits of one supporter in one scope.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Caps {
    /// The most one supporter may spend in one scope; `None` is no limit.
    /// Default 250.00 USD, the limit badge buyers know from elsewhere.
    pub amount_max: Option<Money>,
    /// The most badges one supporter may buy in one scope; `None`, the default, is no limit.
    pub count_max: Option<u32>,
    /// Whether a refund gives its part of the caps back.
    pub on_refund: OnRefund,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            amount_max: Some(Money::new(25_000, Currency::USD)),
            count_max: None,
            on_refund: OnRefund::GivesBack,
        }
    }
}

/// What a refund does to the caps. Recorded in the refund's entry, so that a later change of policy alters nothing.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnRefund {
    /// The supporter may spend the amount again.
    #[default]
    GivesBack,
    /// The amount stays counted, which stops buying and refunding in circles.
    Keeps,
}

/// Which limit a purchase would have passed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Cap {
    /// [`Caps::amount_max`].
    Amount,
    /// [`Caps::count_max`].
    Count,
}

/// What one supporter has reserved and spent in one scope.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Used {
    /// Minor units.
    pub minor: i128,
    /// Purchases.
    pub count: u64,
}

impl Used {
    /// What a purchase in this state counts for.
    pub(crate) fn of(purchase: &Purchase) -> Self {
        let counts = match &purchase.state {
            State::Held | State::Captured(_) => true,
            State::Released { .. } => false,
            State::Refunded { cap, .. } => *cap == OnRefund::Keeps,
        };
        if counts { Self { minor: purchase.price.minor.into(), count: 1 } } else { Self::default() }
    }

    /// This, after a purchase went from counting `before` to counting `after`.
    pub(crate) fn replace(self, before: Self, after: Self) -> Self {
        Self {
            minor: self.minor - before.minor + after.minor,
            count: self.count - before.count + after.count,
        }
    }
}

impl Caps {
    /// The limit that `price` on top of `used` would pass, if any.
    pub(crate) fn passed(&self, used: Used, price: Money) -> Option<Cap> {
        let minor = used.minor + i128::from(price.minor);
        if self.amount_max.is_some_and(|limit| minor > limit.minor.into()) {
            return Some(Cap::Amount);
        }
        if self.count_max.is_some_and(|limit| used.count >= limit.into()) {
            return Some(Cap::Count);
        }
        None
    }
}

/// Whose caps: one supporter in one scope.
pub(crate) type Key = (Scope, UserId);
