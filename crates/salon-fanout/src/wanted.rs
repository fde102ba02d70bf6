//! What a publisher is told of the layers that anybody wants.

use std::time::Duration;

use salon_core::MediaTime;

use crate::layer::{Layer, Layers};

/// Which layers of one track are wanted: at once when they are, only after a while when they are not any more.
#[derive(Debug)]
pub(crate) struct Wanted {
    told: Layers,
    // Invariant: none for a layer that is wanted.
    unwanted_since: [Option<MediaTime>; Layer::COUNT],
}

impl Default for Wanted {
    /// Publishers send what they can until they are told otherwise.
    fn default() -> Self {
        Self { told: Layers::ALL, unwanted_since: [None; Layer::COUNT] }
    }
}

impl Wanted {
    /// These are wanted now, and no others.
    pub(crate) fn update(&mut self, now: MediaTime, wanted: Layers) {
        for layer in Layer::all() {
            let since = &mut self.unwanted_since[layer.index()];
            if wanted.contains(layer) {
                *since = None;
            } else {
                since.get_or_insert(now);
            }
        }
    }

    /// What the publisher is to be told now, if it is anything new; it counts as told. Then how many layers of those
    /// that it was sending are left out.
    #[must_use]
    pub(crate) fn take_change(
        &mut self,
        now: MediaTime,
        hold: Duration,
    ) -> Option<(Layers, usize)> {
        let is_due = |layer: &Layer| match self.unwanted_since[layer.index()] {
            None => true,
            Some(since) => self.told.contains(*layer) && now < since + hold,
        };
        let due: Layers = Layer::all().filter(is_due).collect();
        if due == self.told {
            return None;
        }
        let paused = self.told.iter().filter(|layer| !due.contains(*layer)).count();
        self.told = due;
        Some((due, paused))
    }

    /// When a layer will have been unwanted for long enough.
    #[must_use]
    pub(crate) fn deadline(&self, hold: Duration) -> Option<MediaTime> {
        let since = self.told.iter().filter_map(|layer| self.unwanted_since[layer.index()]);
        since.min().map(|since| since + hold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_secs(2);

    #[test]
    fn unwanted_after_the_hold_and_wanted_at_once() {
        let mut wanted = Wanted::default();
        let at = |ms: u64| MediaTime(ms * 1_000);
        let (low, rest) = (Layer::ONLY, Layers::ALL.without(Layer::ONLY));
        wanted.update(at(0), rest);
        wanted.update(at(500), rest);
        assert_eq!(wanted.deadline(HOLD), Some(at(2_000)));
        assert_eq!(wanted.take_change(at(1_999), HOLD), None);
        assert_eq!(wanted.take_change(at(2_000), HOLD), Some((rest, 1)));
        assert_eq!((wanted.deadline(HOLD), wanted.take_change(at(9_000), HOLD)), (None, None));
        wanted.update(at(9_000), rest.with(low));
        assert_eq!(wanted.take_change(at(9_000), HOLD), Some((Layers::ALL, 0)));
        // Wanted again within the hold: nobody is told anything.
        wanted.update(at(10_000), rest);
        wanted.update(at(11_000), Layers::ALL);
        assert_eq!((wanted.deadline(HOLD), wanted.take_change(at(13_000), HOLD)), (None, None));
    }
}
