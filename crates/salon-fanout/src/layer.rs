//! The encodings of one track: simulcast layers, lowest first.

use salon_core::TrackId;

/// One of the encodings of a track, counted from the lowest: simulcast, as WebRTC has it (RFC 8853).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Layer(u8);

impl Layer {
    /// How many layers a track has at most: what browsers send.
    pub const COUNT: usize = 3;
    /// The lowest layer, and the only one of a track that has one encoding: all audio, for example.
    pub const ONLY: Self = Self(0);
    /// The highest layer that there may be.
    pub const TOP: Self = Self(Self::COUNT as u8 - 1);

    /// The layer with this number, 0 to 2.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number <= Self::TOP.0 { Some(Self(number)) } else { None }
    }

    /// All of them, lowest first.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        (0..=Self::TOP.0).map(Self)
    }

    /// Its number, 0 for the lowest.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The next one down; the lowest has itself.
    #[must_use]
    pub(crate) const fn lower(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The next one up; the top has itself.
    #[must_use]
    pub(crate) const fn higher(self) -> Self {
        if self.0 < Self::TOP.0 { Self(self.0 + 1) } else { self }
    }
}

/// A set of layers.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Layers(u8);

impl Layers {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// All that there may be.
    pub const ALL: Self = Self((1 << Layer::COUNT) - 1);

    /// True if `layer` is one of them.
    #[must_use]
    pub const fn contains(self, layer: Layer) -> bool {
        self.0 & 1 << layer.0 != 0
    }

    /// These and `layer`.
    #[must_use]
    pub const fn with(self, layer: Layer) -> Self {
        Self(self.0 | 1 << layer.0)
    }

    /// These without `layer`.
    #[must_use]
    pub const fn without(self, layer: Layer) -> Self {
        Self(self.0 & !(1 << layer.0))
    }

    /// How many there are.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// True if there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them, lowest first.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = Layer> {
        Layer::all().filter(move |layer| self.contains(*layer))
    }
}

impl FromIterator<Layer> for Layers {
    fn from_iter<T: IntoIterator<Item = Layer>>(layers: T) -> Self {
        layers.into_iter().fold(Self::NONE, Self::with)
    }
}

/// One layer of one track: what its publisher sends as one RTP stream, with an SSRC or a rid of its own.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Encoding {
    /// The track.
    pub track: TrackId,
    /// Which of its layers.
    pub layer: Layer,
}

impl Encoding {
    /// The encoding of a track that has only one.
    #[must_use]
    pub const fn only(track: TrackId) -> Self {
        Self { track, layer: Layer::ONLY }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_a_set_in_order() {
        let [low, middle, high] = [0, 1, 2].map(|number| Layer::new(number).unwrap());
        assert_eq!(Layer::new(3), None);
        assert_eq!([Layer::ONLY, Layer::TOP], [low, high]);
        let layers: Layers = [high, low].into_iter().collect();
        assert_eq!(layers.iter().collect::<Vec<_>>(), [low, high]);
        assert_eq!(layers.with(middle), Layers::ALL);
        assert_eq!(layers.without(low).without(high), Layers::NONE);
        assert_eq!((layers.len(), layers.is_empty(), layers.contains(middle)), (2, false, false));
    }
}
