//! A track that somebody publishes: its layers, and which of them are live.

use std::time::Duration;

use salon_core::{GrantKey, MediaTime, TrackId};

use crate::choice::Ladder;
use crate::codec::Codec;
use crate::layer::Layer;
use crate::wanted::Wanted;

/// A track that somebody publishes.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) id: TrackId,
    pub(crate) key: GrantKey,
    pub(crate) codec: Codec,
    // Invariant: the lowest is made with the track, so that slots have something to wait for; the others with the first
    // that is heard of them.
    /// The stream of each layer.
    pub(crate) streams: [Option<u32>; Layer::COUNT],
    pub(crate) ladder: Ladder,
    activity: Activity,
    // Invariant: how many of the slots attached to it would be best served by each layer.
    pub(crate) ideals: [u32; Layer::COUNT],
    pub(crate) wanted: Wanted,
}

/// When anything was last heard.
#[derive(Debug, Default)]
struct Activity {
    layers: [MediaTime; Layer::COUNT],
    newest: MediaTime,
    /// The end of the last time that none of the layers was heard.
    resumed: MediaTime,
}

/// Whether it has become another choice.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub(crate) enum Change {
    Same,
    Other,
}

impl Track {
    pub(crate) fn new(id: TrackId, key: GrantKey, codec: Codec) -> Self {
        Self {
            id,
            key,
            codec,
            streams: [None; Layer::COUNT],
            ladder: Ladder::default(),
            activity: Activity::default(),
            ideals: [0; Layer::COUNT],
            wanted: Wanted::default(),
        }
    }

    /// A packet of a layer came, perhaps a keyframe that says how many rows its pictures have. A layer that has been
    /// silent for `silence_max` while others were heard is not live any more.
    pub(crate) fn hear(
        &mut self,
        now: MediaTime,
        layer: Layer,
        rows: Option<u16>,
        silence_max: Duration,
    ) -> Change {
        let Activity { layers, newest, resumed } = &mut self.activity;
        if now.since(*newest) >= silence_max {
            // Nobody was heard: that tells nothing of any of them.
            *resumed = now;
        }
        (*newest, layers[layer.index()]) = (now, now);
        let is_heard = |other: &Layer| {
            let heard = layers[other.index()].max(*resumed);
            now.since(heard) < silence_max
        };
        let before = self.ladder;
        let others = before.live.without(layer);
        if !others.is_empty() {
            self.ladder.live = others.iter().filter(is_heard).collect();
        }
        self.ladder.live = self.ladder.live.with(layer);
        self.ladder.begun = before.begun.with(layer);
        if rows.is_some() {
            self.ladder.rows[layer.index()] = rows;
        }
        if self.ladder == before { Change::Same } else { Change::Other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use salon_core::{Fence, StintId};

    /// Packets as (ms, layer); the live layers after each, as digits.
    #[track_caller]
    fn check(packets: &[(u64, u8)], expected: &str) {
        let key = GrantKey { fence: Fence(1), stint: StintId(1) };
        let mut track = Track::new(TrackId(1), key, Codec::Vp8);
        let hear = |(ms, number): &(u64, u8)| {
            let layer = Layer::new(*number).unwrap();
            let _ = track.hear(MediaTime(ms * 1_000), layer, None, Duration::from_secs(1));
            track.ladder.live.iter().map(|layer| layer.index().to_string()).collect::<String>()
        };
        assert_eq!(packets.iter().map(hear).collect::<Vec<_>>().join(" "), expected);
    }

    #[test]
    fn a_layer_that_falls_silent_alone_is_not_live() {
        check(&[(0, 0), (0, 1), (500, 0), (999, 0), (1_000, 0), (1_001, 1)], "0 01 01 01 0 01");
        check(&[(0, 0), (0, 1), (0, 2), (600, 1), (1_200, 1)], "0 01 012 012 1");
    }

    #[test]
    fn silence_of_all_tells_nothing_of_one() {
        check(&[(0, 0), (0, 1), (9_000, 1), (9_999, 1), (10_000, 1)], "0 01 01 01 1");
    }
}
