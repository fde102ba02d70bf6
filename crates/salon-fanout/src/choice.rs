//! Which layer of a track a slot is to receive.

use crate::layer::{Layer, Layers};

/// What a slot may make of a track.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Want {
    /// The rows that are shown of it; if its receiver has not said, as many as there are.
    pub(crate) rows: Option<u16>,
    /// The highest layer that its path seems to carry.
    pub(crate) cap: Layer,
}

/// The layers of a track, as far as choosing goes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Ladder {
    /// Those that ever sent something.
    pub(crate) begun: Layers,
    // Invariant: some of those that have begun, and not none of them.
    /// Those that go on sending.
    pub(crate) live: Layers,
    /// How many rows the pictures of each have, as its keyframes say.
    pub(crate) rows: [Option<u16>; Layer::COUNT],
}

/// What was chosen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Choice {
    /// The layer that would be best if all that have begun were live.
    pub(crate) ideal: Layer,
    /// The best live one.
    pub(crate) live: Layer,
}

impl Ladder {
    pub(crate) fn choose(&self, want: Want) -> Choice {
        Choice { ideal: self.best_of(self.begun, want), live: self.best_of(self.live, want) }
    }

    /// The smallest of `layers` that is tall enough, otherwise the largest; below the cap while there is one. By their
    /// rows, as far as they are known: not every publisher lists the lowest first.
    fn best_of(&self, layers: Layers, want: Want) -> Layer {
        let allowed = || layers.iter().filter(|layer| *layer <= want.cap);
        let is_tall = |layer: &Layer| {
            want.rows.is_some_and(|wanted| self.rows_of(*layer).is_some_and(|rows| rows >= wanted))
        };
        let size = |layer: &Layer| (self.rows_of(*layer), *layer);
        let best = allowed().filter(is_tall).min_by_key(size);
        let best = best.or_else(|| allowed().max_by_key(size));
        best.or_else(|| layers.iter().next()).unwrap_or(Layer::ONLY)
    }

    /// The rows of a layer. Where it has not said: half those of the nearest above that has, halved again for each
    /// layer between them, or likewise twice those of the nearest below. Unknown if none has said.
    fn rows_of(&self, layer: Layer) -> Option<u16> {
        let at = layer.index();
        let above = (0..).zip(&self.rows[at..]).find_map(|(steps, rows)| Some((*rows)? >> steps));
        let below = || {
            let mut below = (0..).zip(self.rows[..=at].iter().rev());
            below.find_map(|(steps, rows)| Some((*rows)?.saturating_mul(1 << steps)))
        };
        above.or_else(below)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(numbers: &[u8]) -> Layers {
        numbers.iter().filter_map(|number| Layer::new(*number)).collect()
    }

    /// For each number of rows wanted, zero for the best, the layer that is chosen.
    #[track_caller]
    fn check(live: &[u8], rows: [u16; 3], cap: u8, expected: &[(u16, usize)]) {
        let rows = rows.map(|rows| (rows > 0).then_some(rows));
        let ladder = Ladder { begun: Layers::ALL, live: layers(live), rows };
        for (wanted, layer) in expected {
            let rows = (*wanted != 9_999).then_some(*wanted);
            let choice = ladder.choose(Want { rows, cap: Layer::new(cap).unwrap() });
            assert_eq!(choice.live.index(), *layer, "{wanted} rows");
        }
    }

    const BEST: u16 = 9_999;

    #[test]
    fn the_lowest_that_is_tall_enough_is_chosen() {
        let all = [(0, 0), (180, 0), (181, 1), (360, 1), (361, 2), (720, 2), (1_080, 2), (BEST, 2)];
        check(&[0, 1, 2], [180, 360, 720], 2, &all);
        check(&[0, 2], [180, 360, 720], 2, &[(180, 0), (181, 2), (BEST, 2)]);
        check(&[0, 1], [180, 360, 720], 2, &[(181, 1), (700, 1), (BEST, 1)]);
        check(&[1], [180, 360, 720], 2, &[(0, 1), (BEST, 1)]);
    }

    #[test]
    fn layers_may_be_listed_highest_first() {
        let all = [(0, 2), (180, 2), (181, 1), (361, 0), (1_080, 0), (BEST, 0)];
        check(&[0, 1, 2], [720, 360, 180], 2, &all);
        check(&[1, 2], [720, 360, 180], 2, &[(100, 2), (720, 1), (BEST, 1)]);
    }

    #[test]
    fn never_above_the_cap_unless_there_is_nothing_below() {
        check(&[0, 1, 2], [180, 360, 720], 1, &[(100, 0), (361, 1), (BEST, 1)]);
        check(&[0, 1, 2], [180, 360, 720], 0, &[(361, 0), (BEST, 0)]);
        check(&[1, 2], [180, 360, 720], 0, &[(361, 1), (BEST, 1)]);
    }

    #[test]
    fn unknown_rows_are_half_of_those_above() {
        check(&[0, 1, 2], [0, 0, 720], 2, &[(180, 0), (181, 1), (361, 2), (721, 2)]);
        check(&[0, 1, 2], [180, 0, 0], 2, &[(180, 0), (181, 1), (361, 2), (721, 2)]);
        // Nothing is known: only the highest is sure to be tall enough.
        check(&[0, 1, 2], [0, 0, 0], 2, &[(0, 2), (90, 2), (BEST, 2)]);
    }

    #[test]
    fn what_would_be_best_is_known_while_it_is_not_live() {
        let rows = [Some(180), Some(360), Some(720)];
        let ladder = Ladder { begun: Layers::ALL, live: layers(&[0]), rows };
        let choice = ladder.choose(Want { rows: None, cap: Layer::TOP });
        assert_eq!(choice, Choice { ideal: Layer::TOP, live: Layer::ONLY });
        let nothing = Ladder::default().choose(Want { rows: None, cap: Layer::TOP });
        assert_eq!(nothing, Choice { ideal: Layer::ONLY, live: Layer::ONLY });
    }
}
