//! One number, measured several times.

use std::fmt;

use serde::Serialize;

/// What several measurements of one number say.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The middle one, or the mean of the two in the middle.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
}

impl Spread {
    /// The spread of some samples; `None` if there are none.
    #[must_use]
    pub fn of(samples: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut samples: Vec<f64> = samples.into_iter().collect();
        samples.sort_by(f64::total_cmp);
        let (min, max) = (*samples.first()?, *samples.last()?);
        let (low, high) = (samples[(samples.len() - 1) / 2], samples[samples.len() / 2]);
        Some(Self { median: f64::midpoint(low, high), min, max })
    }
}

impl fmt::Display for Spread {
    /// The median, and the range if it says more; the precision holds for all.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = f.precision().unwrap_or(2);
        let Self { median, min, max } = self;
        write!(f, "{median:.decimals$}")?;
        if min < max {
            write!(f, " [{min:.decimals$}-{max:.decimals$}]")?;
        }
        Ok(())
    }
}

/// A number that may not have been measured, for a table's cell.
#[must_use]
pub fn cell(value: Option<f64>, decimals: usize) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.decimals$}"))
}

/// The same for a spread.
#[must_use]
pub fn spread_cell(spread: Option<Spread>, decimals: usize) -> String {
    spread.map_or("-".to_owned(), |spread| format!("{spread:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_both_ends_are_found() {
        let of = |samples: &[f64]| Spread::of(samples.iter().copied());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(of(&[4.0, 1.0, 2.0, 3.0]).map(|spread| spread.median), Some(2.5));
    }

    #[test]
    fn a_single_sample_has_no_range() {
        let text = |samples: &[f64]| spread_cell(Spread::of(samples.iter().copied()), 1);
        assert_eq!([text(&[]), text(&[1.0]), text(&[1.0, 2.0])], ["-", "1.0", "1.5 [1.0-2.0]"]);
    }
}
