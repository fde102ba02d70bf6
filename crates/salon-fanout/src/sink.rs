//! Who receives, and in which slot.

use salon_core::{GrantKey, TrackId};

use crate::cap::Cap;
use crate::choice::Want;
use crate::codec::Medium;
use crate::layer::Layer;
use crate::repair::{Account, Runs};
use crate::rewrite::{Mapping, Tail};

/// One receiver: a number its owner hands out. Never reused while the receiver exists.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SinkId(pub u64);

/// One of the eight streams of a sink: four for audio, four for video.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Slot(u8);

impl Slot {
    /// How many slots a sink has.
    pub const COUNT: usize = 8;
    /// How many of them are for each medium.
    pub const PER_MEDIUM: u8 = 4;

    /// The audio slot with this number, 0 to 3.
    #[must_use]
    pub const fn audio(number: u8) -> Option<Self> {
        if number < Self::PER_MEDIUM { Some(Self(number)) } else { None }
    }

    /// The video slot with this number, 0 to 3.
    #[must_use]
    pub const fn video(number: u8) -> Option<Self> {
        if number < Self::PER_MEDIUM { Some(Self(Self::PER_MEDIUM + number)) } else { None }
    }

    /// All eight: audio 0 to 3, then video 0 to 3.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..2 * Self::PER_MEDIUM).map(Self)
    }

    /// Whether it carries audio or video.
    #[must_use]
    pub const fn medium(self) -> Medium {
        if self.0 < Self::PER_MEDIUM { Medium::Audio } else { Medium::Video }
    }

    /// Its number among the slots of its medium, 0 to 3.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0 % Self::PER_MEDIUM
    }

    /// Its number among all slots, 0 to 7: audio first.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A sink: its slots, whether attached or not.
#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) id: SinkId,
    pub(crate) slots: [SlotState; Slot::COUNT],
    pub(crate) cap: Cap,
    pub(crate) runs: Runs,
    /// Its packets wait too long to be sent: its video slots receive nothing.
    pub(crate) is_behind: bool,
    // Invariant: empty unless it is behind; a slot is in it once at most, and is then attached to nothing.
    pub(crate) parked: Vec<Parked>,
}

impl Sink {
    pub(crate) fn new(id: SinkId, seed: u64) -> Self {
        // In the lower half of the range: a receiver that misses the first packets still counts no roll-over
        // (RFC 3711, 3.3.1 has it guess).
        let first = |index: usize| mix(seed.wrapping_add(index as u64)) & 0x7fff;
        let slots = std::array::from_fn(|index| SlotState {
            tail: Tail::Fresh(first(index)),
            attachment: None,
            rows: None,
            account: None,
        });
        let cap = Cap::default();
        Self { id, slots, cap, runs: Runs::default(), is_behind: false, parked: Vec::new() }
    }

    /// While it is behind, notes what a video slot goes on with later; false if the slot can go on now.
    pub(crate) fn park(&mut self, slot: Slot, track: TrackId, key: GrantKey) -> bool {
        if !self.is_behind || slot.medium() == Medium::Audio {
            return false;
        }
        self.parked.retain(|parked| parked.slot != slot);
        self.parked.push(Parked { slot, track, key });
        true
    }

    /// Bytes that it takes, with what it has on the heap.
    pub(crate) fn bytes(&self) -> usize {
        let accounts = self.slots.iter().filter(|slot| slot.account.is_some()).count();
        size_of::<Self>()
            + self.runs.heap_bytes()
            + self.parked.capacity() * size_of::<Parked>()
            + accounts * size_of::<Account>()
    }

    /// The track that a slot is attached to.
    pub(crate) fn attached_to(&self, slot: Slot) -> Option<u32> {
        self.slots[slot.index()].attachment.map(|attachment| attachment.track)
    }

    /// What a slot that is known to be attached is attached to.
    pub(crate) fn attachment_of(&mut self, slot: Slot) -> &mut Attachment {
        self.slots[slot.index()].attachment.as_mut().expect("what is listed is attached")
    }

    /// What a slot may make of its track.
    pub(crate) fn want(&self, slot: Slot) -> Want {
        Want { rows: self.slots[slot.index()].rows, cap: self.cap.layer() }
    }

    pub(crate) fn check(&self) -> Result<(), &'static str> {
        self.runs.check()?;
        if !self.is_behind && !self.parked.is_empty() {
            return Err("a slot is parked, and its sink keeps up");
        }
        if self.parked.iter().any(|parked| self.attached_to(parked.slot).is_some()) {
            return Err("a slot is parked and attached");
        }
        Ok(())
    }
}

/// One slot.
#[derive(Debug)]
pub(crate) struct SlotState {
    /// Where its stream goes on; while it receives, where it went on when it started to.
    pub(crate) tail: Tail,
    pub(crate) attachment: Option<Attachment>,
    /// The rows that its receiver shows of it, if it has said.
    pub(crate) rows: Option<u16>,
    /// From the first time that it wants something again.
    pub(crate) account: Option<Box<Account>>,
}

/// What a slot goes on with once its sink has caught up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parked {
    pub(crate) slot: Slot,
    pub(crate) track: TrackId,
    pub(crate) key: GrantKey,
}

/// What a slot is attached to: entries in the lists of a track's streams.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Attachment {
    pub(crate) track: u32,
    /// The layer that would be best for it if all were live.
    pub(crate) ideal: Layer,
    // Invariant: never the same stream. A slot that waits goes on receiving what it has.
    pub(crate) receives: Option<Entry>,
    pub(crate) awaits: Option<Entry>,
}

/// Where a slot is in one of the two lists of a stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Entry {
    pub(crate) stream: u32,
    pub(crate) position: u32,
}

/// A slot that waits, in the list of the stream it waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiter {
    pub(crate) sink_at: u32,
    pub(crate) slot: Slot,
}

/// A slot that receives, in the list of its stream: all that is needed to write its packets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Receiver {
    pub(crate) sink: SinkId,
    pub(crate) sink_at: u32,
    pub(crate) slot: Slot,
    pub(crate) mapping: Mapping,
}

/// The output function of SplitMix64: spreads a seed over all bits.
const fn mix(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_is_small() {
        // What every receiver costs; docs and benches state it.
        assert_eq!(size_of::<Sink>(), 872);
        assert_eq!(size_of::<Receiver>(), 40);
        assert_eq!(size_of::<Waiter>(), 8);
    }
}
