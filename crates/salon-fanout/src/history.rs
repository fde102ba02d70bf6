//! The last packets of a layer, by place: for those who join, and for those who lost some.

use std::time::Duration;

use bytes::Bytes;
use salon_core::MediaTime;

use crate::codec::numbers::{Numbers, Template};

/// A packet as every receiver needs it, in its place.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    /// Its number among the packets of the layer that are forwarded.
    pub(crate) place: u64,
    /// How many packets of the layer were accepted before it.
    pub(crate) ordinal: u64,
    pub(crate) arrived: MediaTime,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) payload: Bytes,
    /// How to rewrite its descriptor, if it has numbers in it.
    pub(crate) template: Option<Template>,
}

impl Placed {
    /// The numbers in its descriptor.
    pub(crate) fn numbers(&self) -> Numbers {
        self.template.map_or_else(Numbers::default, |template| template.numbers)
    }
}

/// The last packets, less those that are too old. Its memory grows with what it keeps, to the most that it may.
#[derive(Debug)]
pub(crate) struct History {
    // Invariant: empty or a power of two long, up to `packets_max`; a packet is at its place modulo that.
    ring: Vec<Option<Placed>>,
    packets_max: usize,
    /// Everything before this place has been let go.
    oldest: u64,
    /// The place after the newest packet.
    end: u64,
}

impl History {
    /// Room for this many packets, made up to a power of two.
    pub(crate) fn new(packets_max: usize) -> Self {
        let packets_max = packets_max.max(1).next_power_of_two();
        Self { ring: Vec::new(), packets_max, oldest: 0, end: 0 }
    }

    /// Keeps a packet, and lets go of those that arrived more than `span` before it.
    pub(crate) fn insert(&mut self, packet: Placed, span: Duration) {
        let (place, reach) = (packet.place, self.packets_max as u64);
        if self.end == 0 || place >= self.end + reach {
            // Nothing kept is near: begin anew.
            self.ring.fill(None);
            self.oldest = place;
        }
        self.end = self.end.max(place + 1);
        self.oldest = self.oldest.max(self.end.saturating_sub(reach));
        self.expire(packet.arrived - span);
        if place < self.oldest {
            return;
        }
        self.grow();
        let at = self.at(place);
        self.ring[at] = Some(packet);
    }

    pub(crate) fn get(&self, place: u64) -> Option<&Placed> {
        self.ring.get(self.at(place))?.as_ref().filter(|packet| packet.place == place)
    }

    /// The packets from `place` on, in order, without those that are missing.
    pub(crate) fn since(&self, place: u64) -> impl Iterator<Item = &Placed> {
        (place.max(self.oldest)..self.end).filter_map(|place| self.get(place))
    }

    fn at(&self, place: u64) -> usize {
        // The length is a power of two; of an empty ring there is no place, whatever the answer.
        place as usize & self.ring.len().wrapping_sub(1)
    }

    fn expire(&mut self, expiry: MediaTime) {
        // The newest always stays, so this ends; each turn lets go of a place for good.
        while self.oldest + 1 < self.end {
            let at = self.at(self.oldest);
            let Some(kept) = self.ring.get_mut(at) else { return };
            let is_fresh = kept
                .as_ref()
                .is_some_and(|packet| packet.place == self.oldest && packet.arrived >= expiry);
            if is_fresh {
                return;
            }
            *kept = None;
            self.oldest += 1;
        }
    }

    /// Makes room for all places from the oldest to the newest.
    fn grow(&mut self) {
        let places = (self.end - self.oldest) as usize;
        if places <= self.ring.len() {
            return;
        }
        let mut ring = vec![None; places.next_power_of_two()];
        let mask = ring.len() - 1;
        for packet in self.ring.drain(..).flatten().filter(|packet| packet.place >= self.oldest) {
            let at = packet.place as usize & mask;
            ring[at] = Some(packet);
        }
        self.ring = ring;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKETS_MAX: usize = 256;

    fn packet(place: u64, ms: u64) -> Placed {
        Placed {
            place,
            ordinal: 0,
            arrived: MediaTime(ms * 1_000),
            timestamp: 0,
            marker: false,
            payload: Bytes::new(),
            template: None,
        }
    }

    fn places(history: &History, from: u64) -> Vec<u64> {
        history.since(from).map(|packet| packet.place).collect()
    }

    #[test]
    fn entries_are_small() {
        assert_eq!(size_of::<Option<Placed>>(), 88);
    }

    #[test]
    fn packets_are_kept_by_number_and_by_age() {
        let mut history = History::new(PACKETS_MAX);
        let span = Duration::from_millis(100);
        for place in 10..400 {
            history.insert(packet(place, 0), span);
        }
        assert_eq!(places(&history, 0), (400 - PACKETS_MAX as u64..400).collect::<Vec<_>>());
        history.insert(packet(400, 101), span);
        assert_eq!(places(&history, 0), [400]);
    }

    #[test]
    fn memory_follows_what_is_kept() {
        let mut history = History::new(1_000);
        for place in 0..5_000 {
            history.insert(packet(place, 5 * place), Duration::from_millis(100));
        }
        assert_eq!(places(&history, 0), (4_979..5_000).collect::<Vec<_>>());
        assert_eq!(history.ring.len(), 32);
        // A jump leaves room for what may come late.
        history.insert(packet(5_900, 25_000), Duration::from_millis(100));
        assert_eq!(history.ring.len(), 1_024);
        assert_eq!(places(&history, 0).len(), 21);
    }

    #[test]
    fn late_packets_take_their_place() {
        let mut history = History::new(PACKETS_MAX);
        for place in [5, 7, 9, 8] {
            history.insert(packet(place, 0), Duration::from_millis(100));
        }
        assert_eq!(places(&history, 6), [7, 8, 9]);
        history.insert(packet(3, 0), Duration::from_millis(100));
        assert_eq!(places(&history, 0), [5, 7, 8, 9]);
    }

    #[test]
    fn a_far_jump_begins_anew() {
        let mut history = History::new(PACKETS_MAX);
        history.insert(packet(5, 0), Duration::from_secs(1));
        history.insert(packet(5 + PACKETS_MAX as u64, 0), Duration::from_secs(1));
        assert_eq!(places(&history, 0), [5 + PACKETS_MAX as u64]);
        assert!(history.get(5).is_none());
    }
}
