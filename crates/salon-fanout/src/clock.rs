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
