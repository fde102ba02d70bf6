//! The last packets of a video source, by place.

use std::time::Duration;

use bytes::Bytes;
use salon_core::MediaTime;

use crate::codec::vp8::{Numbers, Template};

/// How many packets a source keeps: a power of two, above any burst that a joiner is started with.
pub(crate) const PACKETS_MAX: usize = 256;

/// A packet as every receiver needs it, in its place.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    /// Its number among the packets of the source that are forwarded.
    pub(crate) place: u64,
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

/// The last [`PACKETS_MAX`] packets, less those that are too old.
#[derive(Debug)]
pub(crate) struct History {
    // Invariant: PACKETS_MAX long; a packet is at its place modulo PACKETS_MAX.
    ring: Vec<Option<Placed>>,
    /// Everything before this place has been let go.
    oldest: u64,
    /// The place after the newest packet.
    end: u64,
}

impl History {
    pub(crate) fn new() -> Self {
        Self { ring: vec![None; PACKETS_MAX], oldest: 0, end: 0 }
    }

    /// Keeps a packet, and lets go of those that arrived more than `span` before it.
    pub(crate) fn insert(&mut self, packet: Placed, span: Duration) {
        let place = packet.place;
        if self.end == 0 || place >= self.end + PACKETS_MAX as u64 {
            // Nothing kept is near: begin anew.
            self.clear();
            self.oldest = place;
        }
        self.end = self.end.max(place + 1);
        self.oldest = self.oldest.max(self.end.saturating_sub(PACKETS_MAX as u64));
        if place < self.oldest {
            return;
        }
        let expiry = packet.arrived - span;
        self.ring[slot(place)] = Some(packet);
        self.expire(expiry);
    }

    pub(crate) fn get(&self, place: u64) -> Option<&Placed> {
        self.ring[slot(place)].as_ref().filter(|packet| packet.place == place)
    }

    /// The packets from `place` on, in order, without those that are missing.
    pub(crate) fn since(&self, place: u64) -> impl Iterator<Item = &Placed> {
        (place.max(self.oldest)..self.end).filter_map(|place| self.get(place))
    }

    pub(crate) fn clear(&mut self) {
        self.ring.fill(None);
        self.oldest = 0;
        self.end = 0;
    }

    fn expire(&mut self, expiry: MediaTime) {
        // The newest always stays, so this ends; each turn lets go of a place for good.
        while self.oldest + 1 < self.end {
            let kept = &mut self.ring[slot(self.oldest)];
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
}

fn slot(place: u64) -> usize {
    (place % PACKETS_MAX as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(place: u64, ms: u64) -> Placed {
        Placed {
            place,
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
    fn packets_are_kept_by_number_and_by_age() {
        let mut history = History::new();
        let span = Duration::from_millis(100);
        for place in 10..400 {
            history.insert(packet(place, 0), span);
        }
        assert_eq!(places(&history, 0), (400 - PACKETS_MAX as u64..400).collect::<Vec<_>>());
        history.insert(packet(400, 101), span);
        assert_eq!(places(&history, 0), [400]);
    }

    #[test]
    fn late_packets_take_their_place() {
        let mut history = History::new();
        for place in [5, 7, 9, 8] {
            history.insert(packet(place, 0), Duration::from_millis(100));
        }
        assert_eq!(places(&history, 6), [7, 8, 9]);
        history.insert(packet(3, 0), Duration::from_millis(100));
        assert_eq!(places(&history, 0), [5, 7, 8, 9]);
    }

    #[test]
    fn a_far_jump_begins_anew() {
        let mut history = History::new();
        history.insert(packet(5, 0), Duration::from_secs(1));
        history.insert(packet(5 + PACKETS_MAX as u64, 0), Duration::from_secs(1));
        assert_eq!(places(&history, 0), [5 + PACKETS_MAX as u64]);
        assert!(history.get(5).is_none());
    }
}
