//! Time as a value. Nothing in Salon's pure crates reads a clock.

use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

macro_rules! microseconds {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// Microseconds as a number.
            #[must_use]
            pub const fn as_us(self) -> u64 {
                self.0
            }

            /// Whole milliseconds, rounded down.
            #[must_use]
            pub const fn as_ms(self) -> u64 {
                self.0 / 1_000
            }

            /// How long after `earlier` this is; zero if it is not after.
            #[must_use]
            pub const fn since(self, earlier: Self) -> Duration {
                Duration::from_micros(self.0.saturating_sub(earlier.0))
            }
        }

        impl Add<Duration> for $name {
            type Output = Self;

            /// Saturates at the end of time rather than wrapping into the past.
            fn add(self, duration: Duration) -> Self {
                let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
                Self(self.0.saturating_add(us))
            }
        }

        impl Sub<Duration> for $name {
            type Output = Self;

            /// Saturates at zero.
            fn sub(self, duration: Duration) -> Self {
                let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
                Self(self.0.saturating_sub(us))
            }
        }
    };
}

microseconds! {
    /// Unix microseconds. The driver makes it non-decreasing; it is stored and sent.
    Time
}
microseconds! {
    /// Microseconds since the process started its media clock. Monotonic, never stored.
    MediaTime
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Time(u64::MAX) + Duration::from_secs(1), Time(u64::MAX));
        assert_eq!(Time(5) - Duration::from_secs(1), Time(0));
        assert_eq!(Time(1).since(Time(2)), Duration::ZERO);
        assert_eq!((Time(1_000) + Duration::from_millis(2)).as_ms(), 3);
    }
}
