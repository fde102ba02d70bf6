//! The path of a packet: to those who receive its stream, and to those who wait for it.

use salon_core::MediaTime;

use super::{Fanout, Statistics};
use crate::history::Placed;
use crate::outbox::Outbox;
use crate::packet::Packet;
use crate::serve::Served;
use crate::stream::Media;
use crate::track::Change;

impl Fanout {
    /// Delivers a packet to those who receive, starts those who can start with it, and looks after the rest.
    pub(super) fn spread(
        &mut self,
        now: MediaTime,
        at: u32,
        place: u64,
        order: Order,
        packet: &Packet,
        outbox: &mut Outbox,
    ) {
        let is_late = order == Order::Late;
        self.note_layer(now, at, order, packet, outbox);
        let stream = self.roster.streams.at(at);
        let placed = stream.prepare(now, place, packet);
        let starts = stream.starts_at(place, is_late, packet);
        stream.keep(&placed, starts, &self.config);
        let counts = &mut self.statistics;
        counts.packets += 1;
        counts.payload_bytes += placed.payload.len() as u64;
        counts.late += u64::from(is_late);
        counts.deliveries += match order {
            Order::Next => outbox.deliver(stream.codec, &placed, &stream.receivers),
            Order::Late => outbox.deliver_late(stream.codec, &placed, &stream.receivers),
        };
        let starts_picture = starts && stream.is_video();
        counts.keyframes += u64::from(starts_picture);
        if let Media::Audio(meter) = &mut stream.media
            && let (Some(level), Order::Next) = (packet.header.audio_level, order)
        {
            meter.hear(now, level);
        }
        if starts_picture || !stream.waiting.is_empty() {
            self.serve_waiting(at, &placed, order, starts, outbox);
        }
        self.attend_stream(now, at);
        self.attend_touched(now);
    }

    /// Notes that a layer is live, and how tall its pictures are. If that makes other choices, they are made before the
    /// packet goes on its way.
    fn note_layer(
        &mut self,
        now: MediaTime,
        at: u32,
        order: Order,
        packet: &Packet,
        outbox: &mut Outbox,
    ) {
        let stream = self.roster.streams.at(at);
        let (track_at, layer) = (stream.track, stream.encoding.layer);
        let rows = packet.rows.filter(|_| order == Order::Next);
        let track = self.roster.tracks.at(track_at);
        let change = track.hear(now, layer, rows, self.config.simulcast.silence_max);
        if change == Change::Other {
            let served = self.roster.settle_all(track_at, &self.config.burst, outbox);
            self.statistics.count_cached(served);
            self.roster.touch(track_at);
        }
    }

    /// Serves the slots that wait for a stream, if its newest packet allows, or wishes for a keyframe.
    fn serve_waiting(
        &mut self,
        at: u32,
        placed: &Placed,
        order: Order,
        starts: bool,
        outbox: &mut Outbox,
    ) {
        let served = match (starts, order) {
            (true, Order::Next) => self.roster.serve_with(at, placed, outbox),
            // Packets that belong after it have passed already.
            (true, Order::Late) => self.roster.serve_late(at, &self.config.burst, outbox),
            (false, _) => Served::default(),
        };
        let stream = self.roster.streams.at(at);
        let counts = &mut self.statistics;
        counts.count_switches(served);
        counts.starts_live += if stream.is_video() { served.starts } else { 0 };
        if !stream.waiting.is_empty() {
            stream.want_keyframe();
        }
    }
}

impl Statistics {
    /// Counts slots that were served from a cache.
    pub(super) fn count_cached(&mut self, served: Served) {
        self.starts_cached += served.starts;
        self.count_switches(served);
    }

    fn count_switches(&mut self, served: Served) {
        self.deliveries += served.deliveries;
        self.switches_up += served.ups;
        self.switches_down += served.downs;
    }
}

/// Where a packet stands among those that came before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Order {
    Next,
    Late,
}
