//! Fees: what the operator keeps of a badge.

use serde::{Deserialize, Deserializer, Serialize, de};

/// Hundredths of a percent: 0 to 10 000.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct BasisPoints(u16);

/// The whole, in basis points.
const WHOLE: u16 = 10_000;

impl BasisPoints {
    /// `points` hundredths of a percent; nothing if that is more than the whole.
    #[must_use]
    pub const fn new(points: u16) -> Option<Self> {
        if points <= WHOLE { Some(Self(points)) } else { None }
    }

    /// Hundredths of a percent.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Divides `minor` into this part of it, rounded down, and exactly the rest.
    ///
    /// # Panics
    /// If `minor` is negative: prices are not.
    #[must_use]
    pub fn split(self, minor: i64) -> Split {
        assert!(minor >= 0, "a price is never negative");
        let part = i128::from(minor) * i128::from(self.0) / i128::from(WHOLE);
        let part = i64::try_from(part).expect("a part is at most the whole");
        Split { part, rest: minor - part }
    }
}

impl<'de> Deserialize<'de> for BasisPoints {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let points = u16::deserialize(deserializer)?;
        Self::new(points).ok_or_else(|| de::Error::custom("more than 10000 basis points"))
    }
}

/// An amount in two parts, which add up to it exactly.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Split {
    /// The asked part, rounded down to a whole minor unit.
    pub part: i64,
    /// What is left.
    pub rest: i64,
}

/// What is taken from each badge before its recipient is credited.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Fees {
    /// What the operator keeps of the price. Default: nothing, so that everything reaches the recipient.
    pub platform: BasisPoints,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_fee_is_rounded_down_and_the_recipient_gets_the_rest() {
        let fee = |points| BasisPoints::new(points).unwrap();
        assert_eq!(fee(3_000).split(99), Split { part: 29, rest: 70 });
        assert_eq!(fee(0).split(499), Split { part: 0, rest: 499 });
        assert_eq!(fee(10_000).split(499), Split { part: 499, rest: 0 });
        assert_eq!(BasisPoints::new(10_001), None);
        assert!(serde_json::from_str::<BasisPoints>("10001").is_err());
    }

    proptest! {
        #[test]
        fn a_split_conserves_every_minor_unit(minor in 0..=i64::MAX, points in 0..=WHOLE) {
            let Split { part, rest } = BasisPoints::new(points).unwrap().split(minor);
            prop_assert!(part >= 0 && rest >= 0);
            prop_assert_eq!(part + rest, minor);
            let exact = i128::from(minor) * i128::from(points);
            prop_assert!((i128::from(part) * 10_000 - exact).abs() < 10_000);
        }
    }
}
