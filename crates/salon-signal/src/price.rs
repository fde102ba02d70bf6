//! Amounts as a page shows them.

use salon_core::Money;
use salon_core::money::Currency;
use serde::{Deserialize, Serialize};

use crate::Person;

/// What a badge costs. Carries the exponent, so that a page needs no table of currencies.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Price {
    /// Minor units, such as cents.
    pub minor: i64,
    /// Whose minor units.
    pub currency: Currency,
    /// How many digits the minor unit has.
    pub exponent: u8,
}

impl From<Money> for Price {
    fn from(money: Money) -> Self {
        let Money { minor, currency } = money;
        Self { minor, currency, exponent: currency.exponent() }
    }
}

/// What one person has received in this live, in the currency of the room's badges.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Total {
    /// Hearts of all badges together.
    pub hearts: u64,
    /// Minor units.
    pub minor: i64,
}

/// What one person has received in this live, with who and in which currency.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PersonTotal {
    /// Who received it.
    pub person: Person,
    /// Hearts of all badges together.
    pub hearts: u64,
    /// Minor units.
    pub minor: i64,
    /// Whose minor units.
    pub currency: Currency,
    /// How many digits the minor unit has.
    pub exponent: u8,
}

/// What one person has given in this live.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Supporter {
    /// Who gave.
    pub person: Person,
    /// Hearts of all their badges together.
    pub hearts: u64,
}
