//! When to ask a publisher for a keyframe: everybody's wishes, made into few requests.

use std::time::Duration;

use salon_core::MediaTime;

/// The wish for a keyframe of one layer.
#[derive(Debug, Default)]
pub(crate) struct Demand {
    wanted: bool,
    requested_at: Option<MediaTime>,
}

impl Demand {
    /// Somebody wants a keyframe.
    pub(crate) fn want(&mut self) {
        self.wanted = true;
    }

    /// A keyframe begins: that answers everybody.
    pub(crate) fn satisfy(&mut self) {
        self.wanted = false;
    }

    /// True if a request is to be made now; it counts as made.
    #[must_use]
    pub(crate) fn take_request(&mut self, now: MediaTime, interval: Duration) -> bool {
        let is_due = self.deadline(interval).is_some_and(|deadline| deadline <= now);
        if is_due {
            self.wanted = false;
            self.requested_at = Some(now);
        }
        is_due
    }

    /// When the next request is due, if one is wanted.
    #[must_use]
    pub(crate) fn deadline(&self, interval: Duration) -> Option<MediaTime> {
        let earliest = self.requested_at.map_or(MediaTime(0), |at| at + interval);
        self.wanted.then_some(earliest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(500);

    #[test]
    fn wishes_within_the_interval_become_one_request() {
        let mut demand = Demand::default();
        let at = |ms: u64| MediaTime(ms * 1_000);
        assert!(!demand.take_request(at(0), INTERVAL));
        demand.want();
        assert!(demand.take_request(at(0), INTERVAL));
        demand.want();
        demand.want();
        assert!(!demand.take_request(at(499), INTERVAL));
        assert_eq!(demand.deadline(INTERVAL), Some(at(500)));
        assert!(demand.take_request(at(500), INTERVAL));
        assert_eq!(demand.deadline(INTERVAL), None);
    }

    #[test]
    fn a_keyframe_answers_every_wish() {
        let mut demand = Demand::default();
        demand.want();
        demand.satisfy();
        assert!(!demand.take_request(MediaTime(0), INTERVAL));
    }
}
