//! How the packets of one layer after another become the one continuous stream of a slot.
//!
//! Nothing here changes with a packet: a [`Mapping`] is a handful of offsets, made when a slot starts, and where the
//! slot's stream has got to follows from where its layer has got to.

use salon_core::MediaTime;

use crate::codec::numbers::{Numbers, PICTURE_MASK};
use crate::history::Placed;
use crate::outbox::Prefix;

/// The most a timestamp moves on over a pause, in ticks: far enough below 2^31 that no receiver takes it for the past.
const PAUSE_TICKS_MAX: u64 = 1 << 30;
/// The most that a packet may have arrived after it was captured, or before, for the time to be believed: it is what
/// the publisher says. A guess: longer than any delay that lets people talk.
const DELAY_US_MAX: u64 = 1_000_000;

/// Where a stream has got to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) arrived: MediaTime,
    /// Known where a stream ends, if its publisher has said what time it is.
    pub(crate) captured: Option<MediaTime>,
    pub(crate) numbers: Numbers,
}

/// Where a slot's stream goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tail {
    /// It has not begun; this is its first sequence number.
    Fresh(u64),
    /// After this packet.
    After(Position),
}

/// From the packets of a layer to those of one slot. All sums are modulo the width of their field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mapping {
    /// The first place that the slot receives.
    pub(crate) first: u64,
    sequence_offset: u64,
    timestamp_offset: u32,
    picture_offset: u16,
    tl0_offset: u8,
}

impl Mapping {
    /// Continues `tail` with `first`, which was captured then, if that is known.
    pub(crate) fn begin(
        tail: &Tail,
        first: &Placed,
        captured: Option<MediaTime>,
        clock_hz: u32,
    ) -> Self {
        let numbers = first.numbers();
        let mut mapping = Self {
            first: first.place,
            sequence_offset: 0,
            timestamp_offset: 0,
            picture_offset: 0,
            tl0_offset: 0,
        };
        match tail {
            Tail::Fresh(sequence) => {
                mapping.sequence_offset = sequence.wrapping_sub(first.place);
            }
            Tail::After(last) => {
                let pause = pause(last, first.arrived, captured, clock_hz);
                mapping.sequence_offset = (last.sequence + 1).wrapping_sub(first.place);
                mapping.timestamp_offset =
                    last.timestamp.wrapping_add(pause).wrapping_sub(first.timestamp);
                if let (Some(before), Some(after)) = (last.numbers.picture, numbers.picture) {
                    mapping.picture_offset =
                        before.wrapping_add(1).wrapping_sub(after) & PICTURE_MASK;
                }
                if let (Some(before), Some(after)) = (last.numbers.tl0, numbers.tl0) {
                    mapping.tl0_offset = before.wrapping_add(1).wrapping_sub(after);
                }
            }
        }
        mapping
    }

    /// Where the slot's stream is when the layer is at `newest`, captured then if that is known; `tail` is where it
    /// began.
    pub(crate) fn end(&self, tail: &Tail, newest: &Position, captured: Option<MediaTime>) -> Tail {
        let before = match tail {
            Tail::Fresh(_) => Numbers::default(),
            Tail::After(last) => last.numbers,
        };
        let numbers = newest.numbers.shifted(self.picture_offset, self.tl0_offset);
        Tail::After(Position {
            sequence: self.sequence(newest.sequence),
            timestamp: self.timestamp(newest.timestamp),
            arrived: newest.arrived,
            captured,
            // A codec without these numbers does not make the receiver forget them.
            numbers: numbers.or(before),
        })
    }

    pub(crate) fn sequence(&self, place: u64) -> u64 {
        place.wrapping_add(self.sequence_offset)
    }

    /// The place that a sequence number of the slot stands for.
    pub(crate) fn place(&self, sequence: u64) -> u64 {
        sequence.wrapping_sub(self.sequence_offset)
    }

    pub(crate) fn timestamp(&self, timestamp: u32) -> u32 {
        timestamp.wrapping_add(self.timestamp_offset)
    }

    /// What replaces the beginning of the payload.
    pub(crate) fn prefix(&self, packet: &Placed) -> Prefix {
        match &packet.template {
            Some(template) if self.picture_offset != 0 || self.tl0_offset != 0 => {
                template.shifted(self.picture_offset, self.tl0_offset)
            }
            _ => Prefix::default(),
        }
    }
}

/// How far a timestamp moves on from `last` to the first packet of another layer or source: as far as capturing did, or
/// if that is not known, or not credible, as arriving did.
fn pause(last: &Position, arrived: MediaTime, captured: Option<MediaTime>, clock_hz: u32) -> u32 {
    if let (Some(before), Some(after)) = (last.captured, captured) {
        let delays = [
            last.arrived.as_us().abs_diff(before.as_us()),
            arrived.as_us().abs_diff(after.as_us()),
        ];
        if delays.iter().all(|delay| *delay <= DELAY_US_MAX) {
            return ticks(before, after, clock_hz);
        }
    }
    ticks(last.arrived, arrived, clock_hz)
}

/// The time between two packets in ticks of a clock: at least one, so that a timestamp is never used twice.
fn ticks(earlier: MediaTime, later: MediaTime, clock_hz: u32) -> u32 {
    let us = later.as_us().saturating_sub(earlier.as_us());
    let ticks = u128::from(us) * u128::from(clock_hz) / 1_000_000;
    ticks.clamp(1, u128::from(PAUSE_TICKS_MAX)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_bounded_on_both_sides() {
        assert_eq!(ticks(MediaTime(5), MediaTime(5), 90_000), 1);
        assert_eq!(ticks(MediaTime(9), MediaTime(5), 90_000), 1);
        assert_eq!(ticks(MediaTime(0), MediaTime(20_000), 48_000), 960);
        assert_eq!(ticks(MediaTime(0), MediaTime(u64::MAX), 90_000), PAUSE_TICKS_MAX as u32);
    }
}
