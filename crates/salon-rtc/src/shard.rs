//! Which shard serves what, and how many sessions they may serve together.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::media::StageId;

/// The number of a shard: one thread and one UDP port.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Shard(pub(crate) u8);

impl Shard {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    /// Every shard of so many.
    pub(crate) fn all(count: usize) -> impl Iterator<Item = Self> {
        (0..=u8::MAX).take(count).map(Self)
    }

    /// Where the seats of a stage publish. Its viewers may be anywhere.
    ///
    /// Follows from the stage's number alone, so that nobody has to be asked; numbers that count up are spread, and so
    /// are those that differ in any 64 bits.
    pub(crate) fn home_of(stage: StageId, count: usize) -> Self {
        /// 2^64 divided by the golden ratio: multiples of it are far apart (Knuth, TAOCP 3, 6.4).
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        let folded = stage.0 as u64 ^ (stage.0 >> 64) as u64;
        let scaled = u128::from(folded.wrapping_mul(SPREAD)) * count as u128;
        Self((scaled >> 64) as u8)
    }
}

/// How many more sessions there may be, over all shards. Below zero while one takes over a place that is not free yet.
#[derive(Clone, Debug)]
pub(crate) struct Places(Arc<AtomicI64>);

impl Places {
    pub(crate) fn new(max: usize) -> Self {
        Self(Arc::new(AtomicI64::new(i64::try_from(max).unwrap_or(i64::MAX))))
    }

    /// Takes a place for one session. False if none is left.
    #[must_use]
    pub(crate) fn take(&self) -> bool {
        let one_less = |left| (left > 0).then(|| left - 1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok()
    }

    /// Takes the place of a session that is about to end.
    pub(crate) fn take_over(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// A session has ended.
    pub(crate) fn give_back(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_spread_over_all_shards() {
        for count in [1, 2, 3, 8] {
            let mut homes = vec![0_usize; count];
            for number in 0..1_000_u128 {
                homes[Shard::home_of(StageId(number), count).index()] += 1;
                homes[Shard::home_of(StageId(number << 64), count).index()] += 1;
            }
            let fair = 2_000 / count;
            assert!(homes.iter().all(|homes| homes.abs_diff(fair) <= fair / 4), "{homes:?}");
        }
    }

    #[test]
    fn no_more_places_are_taken_than_there_are() {
        let places = Places::new(2);
        assert!(places.take() && places.clone().take() && !places.take());
        places.give_back();
        assert!(places.take() && !places.take());
        places.take_over();
        places.give_back();
        assert!(!places.take());
    }
}
