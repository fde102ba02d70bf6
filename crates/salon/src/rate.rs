//! How often somebody may do something: a token bucket.

use tokio::time::Instant;

/// A burst, refilled at a steady rate.
#[derive(Debug)]
pub(crate) struct Bucket {
    capacity: f64,
    per_second: f64,
    /// How many may be taken now, as of `refilled`.
    level: f64,
    refilled: Option<Instant>,
}

impl Bucket {
    /// Full, with room for `burst`.
    pub(crate) fn new(burst: u32, per_second: u32) -> Self {
        let capacity = f64::from(burst);
        Self { capacity, per_second: f64::from(per_second), level: capacity, refilled: None }
    }

    /// Takes one, if there is one.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let elapsed = self.refilled.replace(now).map(|then| now.saturating_duration_since(then));
        let refill = elapsed.unwrap_or_default().as_secs_f64() * self.per_second;
        self.level = (self.level + refill).min(self.capacity);
        let allowed = self.level >= 1.0;
        if allowed {
            self.level -= 1.0;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let start = Instant::now();
        let mut bucket = Bucket::new(3, 2);
        let allowed = (0..5).filter(|_| bucket.take(start)).count();
        assert_eq!(allowed, 3);
        assert!(bucket.take(start + Duration::from_millis(500)));
        assert!(!bucket.take(start + Duration::from_millis(500)));
    }
}
