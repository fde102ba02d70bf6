//! The wall clock, as reports tell it: read once, then as steady as the clock that everything else goes by.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// From 1900, where NTP begins, to 1970.
const UNIX_EPOCH_S: u64 = 2_208_988_800;

/// Tells the time as NTP writes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    began: Instant,
    began_ntp: u64,
}

impl Clock {
    pub(crate) fn new(now: Instant) -> Self {
        Self { began: now, began_ntp: ntp_of(SystemTime::now()) }
    }

    pub(crate) const fn began(&self) -> Instant {
        self.began
    }

    /// Seconds since 1900 in the upper half, their fraction in the lower.
    pub(crate) fn ntp(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.began);
        self.began_ntp.wrapping_add(fixed(passed.as_secs(), passed.subsec_nanos()))
    }
}

/// A time of day as NTP writes it. Before 1970 nobody has sent anything.
pub(crate) fn ntp_of(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    fixed(since.as_secs().wrapping_add(UNIX_EPOCH_S), since.subsec_nanos())
}

fn fixed(seconds: u64, nanos: u32) -> u64 {
    (seconds << 32).wrapping_add((u64::from(nanos) << 32) / 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn time_is_told_in_seconds_and_their_fraction() {
        assert_eq!(ntp_of(UNIX_EPOCH + Duration::from_millis(1_500)), 0x83aa_7e81_8000_0000);
        let now = Instant::now();
        let clock = Clock { began: now, began_ntp: 5 << 32 };
        assert_eq!(clock.ntp(now + Duration::from_millis(250)), (5 << 32) + (1 << 30));
    }
}
