//! The wall clock, made non-decreasing: the one place where `salon` reads time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use salon_core::Time;

/// A clock that never goes back, whatever the system clock does.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    latest_us: AtomicU64,
}

impl Clock {
    /// Now, at least as late as every earlier answer.
    pub(crate) fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let us = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
        Time(self.latest_us.fetch_max(us, Ordering::Relaxed).max(us))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_goes_back() {
        let clock = Clock::default();
        let first = clock.now();
        clock.latest_us.store(first.0 + 1_000_000, Ordering::Relaxed);
        assert!(clock.now().0 >= first.0 + 1_000_000);
    }
}
