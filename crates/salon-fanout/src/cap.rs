//! How high a layer a sink's path seems to carry, from what its receiver reports lost and from what waits to be sent.

use std::time::Duration;

use salon_core::MediaTime;

use crate::layer::Layer;
use crate::sink::Slot;

/// What to compare a fraction lost with (RFC 3550, 6.4.1: in 256ths). Google congestion control's loss-based controller
/// (draft-ietf-rmcat-gcc-02, 6) lowers its estimate above 10 % and raises it below 2 %.
const HEAVY_PERCENT: u32 = 10;
const LIGHT_PERCENT: u32 = 2;
/// How long all has to be well before one layer more is tried, at first.
const WAIT: Duration = Duration::from_secs(10);
/// How long at most, however often that has failed.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// What is reported so soon after a step down is of what was sent before it. A guess: as often as browsers report.
const REACTION: Duration = Duration::from_secs(1);

/// The highest layer that a sink is to receive.
#[derive(Debug)]
pub(crate) struct Cap {
    layer: Layer,
    /// The slots whose last report was of heavy loss, a bit each.
    strained: u8,
    /// How many times in a row a step up has failed.
    failures: u8,
    /// Since when all is well.
    calm_since: Option<MediaTime>,
    last: Move,
}

/// The last time that the cap moved.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Move {
    Never,
    Lowered(MediaTime),
    Raised(MediaTime),
}

const _: () = assert!(Slot::COUNT <= u8::BITS as usize, "a slot has a bit");

/// What became of the cap.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub(crate) enum Step {
    Stays,
    Moved,
}

impl Default for Cap {
    fn default() -> Self {
        Self { layer: Layer::TOP, strained: 0, failures: 0, calm_since: None, last: Move::Never }
    }
}

impl Cap {
    pub(crate) const fn layer(&self) -> Layer {
        self.layer
    }

    /// A receiver reports what a slot lost; `received` is the highest layer that the sink receives.
    pub(crate) fn report(&mut self, now: MediaTime, slot: Slot, lost: u8, received: Layer) -> Step {
        let bit = 1 << slot.index();
        let hundredfold = 100 * u32::from(lost);
        if self.is_reacting(now) {
            return Step::Stays;
        }
        if hundredfold < 256 * LIGHT_PERCENT {
            self.strained &= !bit;
            return self.ease(now);
        }
        self.calm_since = None;
        if hundredfold < 256 * HEAVY_PERCENT {
            self.strained &= !bit;
            return Step::Stays;
        }
        // One report may be of an accident.
        let is_second = self.strained & bit != 0;
        self.strained |= bit;
        if is_second { self.lower(now, received) } else { Step::Stays }
    }

    /// More waits to be sent than should.
    pub(crate) fn strain(&mut self, now: MediaTime, received: Layer) -> Step {
        self.calm_since = None;
        if self.is_reacting(now) { Step::Stays } else { self.lower(now, received) }
    }

    /// All is well, as far as somebody can tell.
    pub(crate) fn ease(&mut self, now: MediaTime) -> Step {
        let since = *self.calm_since.get_or_insert(now);
        if self.layer == Layer::TOP || now.since(since) < self.wait() {
            return Step::Stays;
        }
        self.layer = self.layer.higher();
        self.last = Move::Raised(now);
        self.calm_since = Some(now);
        Step::Moved
    }

    fn lower(&mut self, now: MediaTime, received: Layer) -> Step {
        let layer = self.layer.min(received).lower();
        if layer == self.layer {
            return Step::Stays;
        }
        let has_failed = matches!(self.last, Move::Raised(at) if now.since(at) < self.wait());
        self.failures = if has_failed { self.failures.saturating_add(1) } else { 0 };
        self.layer = layer;
        self.strained = 0;
        self.last = Move::Lowered(now);
        Step::Moved
    }

    fn is_reacting(&self, now: MediaTime) -> bool {
        matches!(self.last, Move::Lowered(at) if now.since(at) < REACTION)
    }

    fn wait(&self) -> Duration {
        let doubled = 1u32.checked_shl(self.failures.into()).unwrap_or(u32::MAX);
        WAIT.saturating_mul(doubled).min(WAIT_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reports once a second, in percent, each from one video slot that receives what it may; the cap after each.
    fn caps(cap: &mut Cap, start_s: u64, percents: &[u32]) -> String {
        let step = |(second, percent): (u64, &u32)| {
            let now = MediaTime((start_s + second) * 1_000_000);
            let slot = Slot::video(0).unwrap();
            // Rounded up, as a report of exactly so much is the case of interest.
            let _ = cap.report(now, slot, (percent * 256).div_ceil(100) as u8, cap.layer());
            cap.layer().index().to_string()
        };
        (0..).zip(percents).map(step).collect()
    }

    #[track_caller]
    fn check(percents: &[u32], expected: &str) {
        assert_eq!(caps(&mut Cap::default(), 0, percents), expected);
    }

    #[test]
    fn two_reports_of_heavy_loss_in_a_row_lower_it() {
        check(&[10, 10, 10, 10, 10, 10], "211000");
        check(&[10, 9, 10, 9, 10], "22222");
        check(&[50, 0, 50, 0, 50, 50], "222221");
        check(&[5; 30], &"2".repeat(30));
    }

    #[test]
    fn ten_seconds_of_light_loss_raise_it() {
        let mut percents = vec![20, 20];
        percents.extend([1; 21]);
        check(&percents, "21111111111122222222222");
        // Loss between the two thresholds is no reason to try more.
        let mut percents = vec![20, 20];
        percents.extend([1, 1, 1, 1, 1, 3].repeat(10));
        check(&percents, &format!("2{}", "1".repeat(61)));
    }

    #[test]
    fn a_step_up_that_fails_doubles_the_wait() {
        let mut cap = Cap::default();
        let _ = caps(&mut cap, 0, &[20, 20]);
        let mut now_s = 2;
        let mut wait = || {
            // Calm until it rises, then two reports of loss.
            let mut waited = 0;
            while cap.layer() != Layer::TOP {
                let _ = caps(&mut cap, now_s, &[0]);
                (now_s, waited) = (now_s + 1, waited + 1);
            }
            let _ = caps(&mut cap, now_s, &[20, 20]);
            now_s += 2;
            waited - 1
        };
        assert_eq!([(); 6].map(|()| wait()), [10, 20, 40, 60, 60, 60]);
    }

    #[test]
    fn a_step_up_that_held_is_forgotten() {
        let mut cap = Cap::default();
        let failed = [vec![20, 20], vec![0; 12], vec![20, 20]].concat();
        let _ = caps(&mut cap, 0, &failed);
        assert_eq!(cap.wait(), 2 * WAIT);
        let _ = caps(&mut cap, 16, &[vec![0; 60], vec![20, 20]].concat());
        assert_eq!((cap.layer().index(), cap.wait()), (1, WAIT));
    }

    #[test]
    fn it_is_lowered_from_what_is_received() {
        let mut cap = Cap::default();
        let (at, second) = (|ms: u64| MediaTime(ms * 1_000), Layer::new(1).unwrap());
        assert_eq!(cap.strain(at(0), second), Step::Moved);
        assert_eq!(cap.layer(), Layer::ONLY);
        assert_eq!(cap.strain(at(5_000), Layer::ONLY), Step::Stays);
    }

    #[test]
    fn slots_are_counted_apart_and_a_step_takes_time_to_show() {
        let mut cap = Cap::default();
        let at = |ms: u64| MediaTime(ms * 1_000);
        let mut report = |ms, number| {
            let _ = cap.report(at(ms), Slot::video(number).unwrap(), 128, cap.layer());
            cap.layer().index()
        };
        assert_eq!([0, 1, 2, 3].map(|number| report(0, number)), [2; 4]);
        assert_eq!([0, 1, 2, 3].map(|number| report(500, number)), [1; 4]);
        assert_eq!([0, 1].map(|number| report(1_000, number)), [1; 2]);
        assert_eq!([0, 1].map(|number| report(1_500, number)), [1; 2]);
        assert_eq!(report(2_000, 1), 0);
    }
}
