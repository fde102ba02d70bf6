//! When media was captured: publishers' sender reports, brought to one clock.

use salon_core::MediaTime;

/// How fast a participant's clock may move against ours: far above the drift of a crystal (100 parts in a million), so
/// that drift is followed; and so slow that two reports seconds apart differ by a millisecond at most.
const SLEW_PER_MILLION: u64 = 200;
/// A greater step is not drift: their clock was set. A guess: longer than any delay that lets people talk.
const STEP_US_MIN: u64 = 1_000_000;

/// The wall clock of one participant against ours.
///
/// Keep one for each publishing connection and share it between its tracks: then what was captured at one moment has
/// one time here, whichever track it is in. The delay on the way to us is part of the difference, and stays in it.
///
/// ```
/// use salon_core::MediaTime;
/// use salon_fanout::clock::Alignment;
///
/// let mut alignment = Alignment::default();
/// let (second, ntp) = (1 << 32, 3_900_000_000 << 32);
/// assert_eq!(alignment.captured(MediaTime(5_000_000), ntp), MediaTime(5_000_000));
/// // The next report was on its way for longer; what it tells of was captured two seconds after the first.
/// let late = alignment.captured(MediaTime(7_030_000), ntp + 2 * second);
/// assert!(late.since(MediaTime(7_000_000)).as_micros() < 500);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Alignment {
    /// What to add to their time, and when that was found.
    offset_us: Option<(i64, MediaTime)>,
}

impl Alignment {
    /// The moment on our clock that a report which came in `now` calls `ntp` on theirs: seconds since 1900 in the
    /// upper 32 bits, the fraction in the lower ones (RFC 3550, 4).
    #[must_use]
    pub fn captured(&mut self, now: MediaTime, ntp: u64) -> MediaTime {
        let theirs_us = ((u128::from(ntp) * 1_000_000) >> 32) as i64;
        let sample = (now.as_us() as i64).wrapping_sub(theirs_us);
        let offset = match self.offset_us {
            Some((offset, at)) if offset.abs_diff(sample) < STEP_US_MIN => {
                let elapsed = now.as_us().saturating_sub(at.as_us());
                let step = (elapsed / 1_000_000 * SLEW_PER_MILLION).min(STEP_US_MIN) as i64;
                offset.wrapping_add(sample.wrapping_sub(offset).clamp(-step, step))
            }
            _ => sample,
        };
        self.offset_us = Some((offset, now));
        MediaTime(theirs_us.wrapping_add(offset).max(0) as u64)
    }
}

/// One moment of a layer: what its publisher last said about the time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reference {
    pub(crate) captured: MediaTime,
    pub(crate) timestamp: u32,
}

impl Reference {
    /// The timestamp of what is captured `now`.
    pub(crate) fn timestamp_at(&self, now: MediaTime, clock_hz: u32) -> u32 {
        let us = i128::from(now.as_us()) - i128::from(self.captured.as_us());
        let ticks = (us * i128::from(clock_hz)).div_euclid(1_000_000);
        self.timestamp.wrapping_add(ticks as u32)
    }

    /// When a packet with this timestamp was captured, which lies within half the range of timestamps.
    pub(crate) fn time_of(&self, timestamp: u32, clock_hz: u32) -> MediaTime {
        let ticks = i64::from(timestamp.wrapping_sub(self.timestamp) as i32);
        let us = ticks * 1_000_000 / i64::from(clock_hz);
        MediaTime(self.captured.as_us().saturating_add_signed(us))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn ntp(us: u64) -> u64 {
        ((u128::from(us) << 32) / u128::from(SECOND)) as u64
    }

    /// Reports five seconds apart, each `delays_us` on its way; what is captured, less when it truly was.
    fn errors(drift_per_million: u64, delays_us: &[u64]) -> Vec<i64> {
        let mut alignment = Alignment::default();
        (0..)
            .zip(delays_us)
            .map(|(number, delay)| {
                let truth = 100 * SECOND + number * 5 * SECOND;
                let theirs = 3_000_000_000 * SECOND + truth + truth * drift_per_million / SECOND;
                let captured = alignment.captured(MediaTime(truth + delay), ntp(theirs));
                captured.as_us() as i64 - truth as i64
            })
            .collect()
    }

    #[test]
    fn a_delayed_report_moves_time_by_a_millisecond_at_most() {
        let found = errors(0, &[5_000, 5_000, 90_000, 5_000, 40_000, 5_000]);
        assert!(found.iter().all(|error| (5_000..=7_050).contains(error)), "{found:?}");
    }

    #[test]
    fn drift_is_followed() {
        let found = errors(100, &[5_000; 1_000]);
        assert!(found.iter().all(|error| (4_000..=6_000).contains(error)), "{found:?}");
    }

    #[test]
    fn a_clock_that_is_set_is_followed_at_once() {
        let mut alignment = Alignment::default();
        assert_eq!(alignment.captured(MediaTime(7), ntp(900)), MediaTime(7));
        assert_eq!(alignment.captured(MediaTime(8), ntp(60 * SECOND)), MediaTime(8));
        assert_eq!(alignment.captured(MediaTime(9), u64::MAX), MediaTime(9));
        assert_eq!(alignment.captured(MediaTime(u64::MAX), 0), MediaTime(0));
    }

    #[test]
    fn timestamps_and_times_are_two_ways_to_say_one_thing() {
        let reference = Reference { captured: MediaTime(10 * SECOND), timestamp: 100 };
        assert_eq!(reference.timestamp_at(MediaTime(11 * SECOND), 90_000), 90_100);
        assert_eq!(
            reference.timestamp_at(MediaTime(9 * SECOND), 48_000),
            100u32.wrapping_sub(48_000)
        );
        assert_eq!(reference.time_of(90_100, 90_000), MediaTime(11 * SECOND));
        assert_eq!(reference.time_of(100u32.wrapping_sub(48_000), 48_000), MediaTime(9 * SECOND));
    }
}
