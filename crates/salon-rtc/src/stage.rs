//! Who publishes into and who watches one stage.

use std::collections::BTreeSet;

use salon_core::GrantKey;
use salon_fanout::packet::AudioLevel;

use crate::media::SLOTS;
use crate::table::Key;

/// How many revoked rights one stage remembers; past that, the oldest are forgotten. Whoever hands
/// out offers checks them too: this is the second lock on the door.
const REVOKED_MAX: usize = 4_096;

/// One stage, as the driver knows it.
#[derive(Debug, Default)]
pub(crate) struct Stage {
    /// The session that feeds each slot.
    pub(crate) seats: [Option<Key>; SLOTS],
    pub(crate) viewers: BTreeSet<Key>,
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
        self.revoked.is_empty() && self.viewers.is_empty() && self.seats.iter().all(Option::is_none)
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
