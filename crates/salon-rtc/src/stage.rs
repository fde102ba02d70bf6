//! Who publishes into and who watches one stage.

use std::collections::BTreeSet;

use salon_core::{GrantKey, TrackId};
use salon_fanout::codec::Medium;
use salon_fanout::packet::AudioLevel;
use salon_fanout::{Codec, Slot};

use crate::media::SLOTS;
use crate::shard::Shard;
use crate::table::Key;

/// How many revoked rights one stage remembers; past that, the oldest are forgotten. Whoever hands
/// out offers checks them too: this is the second lock on the door.
const REVOKED_MAX: usize = 4_096;

/// One stage, as one shard knows it.
#[derive(Debug, Default)]
pub(crate) struct Stage {
    /// The session that feeds each slot. None anywhere but at home.
    pub(crate) seats: [Option<Key>; SLOTS],
    /// What the slots carry: here or, as far as it has been told, at home.
    // Invariant: exactly the stage's sources of the fan-out, none of them under a revoked key.
    pub(crate) slots: SlotTable,
    pub(crate) viewers: BTreeSet<Key>,
    /// The other shards that have viewers of it. None anywhere but at home.
    pub(crate) subscribers: BTreeSet<Shard>,
    // Invariant: at most REVOKED_MAX.
    revoked: BTreeSet<GrantKey>,
    /// Who speaks, and how loud.
    levels: [Option<AudioLevel>; SLOTS],
}

impl Stage {
    pub(crate) fn revoke(&mut self, key: GrantKey) {
        self.revoked.insert(key);
        if self.revoked.len() > REVOKED_MAX {
            self.revoked.pop_first();
        }
    }

    pub(crate) fn is_revoked(&self, key: GrantKey) -> bool {
        self.revoked.contains(&key)
    }

    /// True if forgetting it would lose nothing.
    pub(crate) fn is_forgettable(&self) -> bool {
        self.revoked.is_empty()
            && self.viewers.is_empty()
            && self.subscribers.is_empty()
            && self.seats.iter().all(Option::is_none)
    }

    /// Notes how loud a slot is. Returns who speaks now, loudest first, if that has changed.
    pub(crate) fn set_level(
        &mut self,
        slot: u8,
        level: Option<AudioLevel>,
    ) -> Option<Vec<(u8, i8)>> {
        let known = &mut self.levels[usize::from(slot)];
        if *known == level {
            return None;
        }
        *known = level;
        let levels = (0..).zip(self.levels);
        let mut speaking: Vec<(u8, i8)> =
            levels.filter_map(|(slot, level)| Some((slot, level?.dbov()))).collect();
        speaking.sort_by_key(|(slot, dbov)| (-dbov, *slot));
        Some(speaking)
    }
}

/// A track in a slot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Published {
    pub(crate) track: TrackId,
    pub(crate) key: GrantKey,
    pub(crate) codec: Codec,
    /// H264's profile, constraints and level.
    pub(crate) profile: Option<u32>,
}

/// What each slot carries: audio and video.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct SlotTable([Option<Published>; Slot::COUNT]);

impl SlotTable {
    pub(crate) const fn get(&self, slot: Slot) -> Option<Published> {
        self.0[slot.index()]
    }

    /// The same with another track in one slot.
    #[must_use]
    pub(crate) const fn with(mut self, slot: Slot, published: Option<Published>) -> Self {
        self.0[slot.index()] = published;
        self
    }

    /// The same without the tracks that `is_out`.
    #[must_use]
    pub(crate) fn without(mut self, is_out: impl Fn(&Published) -> bool) -> Self {
        for slot in &mut self.0 {
            *slot = slot.filter(|published| !is_out(published));
        }
        self
    }

    /// Every slot in which this table has a track and `other` has not the same one.
    pub(crate) fn beyond(&self, other: &Self) -> impl Iterator<Item = (Slot, Published)> {
        let changed = move |slot: &Slot| self.get(*slot) != other.get(*slot);
        Slot::all().filter(changed).filter_map(|slot| Some((slot, self.get(slot)?)))
    }
}

/// The slot of a seat that carries a medium.
pub(crate) fn slot_of(seat: u8, medium: Medium) -> Slot {
    let slot = match medium {
        Medium::Audio => Slot::audio(seat),
        Medium::Video => Slot::video(seat),
    };
    slot.expect("a seat's number is below SLOTS")
}

#[cfg(test)]
mod tests {
    use salon_core::{Fence, StintId};

    use super::*;

    #[test]
    fn the_loudest_comes_first() {
        let mut stage = Stage::default();
        let level = |dbov| Some(AudioLevel::from_dbov(dbov));
        assert_eq!(stage.set_level(2, level(-40)), Some(vec![(2, -40)]));
        assert_eq!(stage.set_level(0, level(-20)), Some(vec![(0, -20), (2, -40)]));
        assert_eq!(stage.set_level(0, level(-20)), None);
        assert_eq!(stage.set_level(2, None), Some(vec![(0, -20)]));
    }

    #[test]
    fn tables_differ_by_track() {
        let slot = |seat| slot_of(seat, Medium::Video);
        let published = |track| Published {
            track: TrackId(track),
            key: GrantKey { fence: Fence(1), stint: StintId(track) },
            codec: Codec::Vp8,
            profile: None,
        };
        let before = SlotTable::default()
            .with(slot(0), Some(published(1)))
            .with(slot(1), Some(published(2)));
        let after = before.with(slot(1), Some(published(3))).with(slot(2), Some(published(4)));
        let beyond = |a: &SlotTable, b| {
            a.beyond(b)
                .map(|(slot, published)| (slot.number(), published.track.0))
                .collect::<Vec<_>>()
        };
        assert_eq!(beyond(&after, &before), vec![(1, 3), (2, 4)]);
        assert_eq!(beyond(&before, &after), vec![(1, 2)]);
        let without = after.without(|published| published.track == TrackId(1));
        assert_eq!(beyond(&after, &without), vec![(0, 1)]);
    }

    #[test]
    fn the_oldest_revocation_is_forgotten_at_the_bound() {
        let mut stage = Stage::default();
        let key = |stint| GrantKey { fence: Fence(1), stint: StintId(stint) };
        for stint in 0..=REVOKED_MAX as u64 {
            stage.revoke(key(stint));
        }
        assert!(!stage.is_revoked(key(0)));
        assert!(stage.is_revoked(key(1)) && stage.is_revoked(key(REVOKED_MAX as u64)));
        assert!(!stage.is_forgettable());
    }
}
