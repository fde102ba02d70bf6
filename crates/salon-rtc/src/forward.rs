//! Media: from a publisher's packet to the viewers' streams, and keyframe requests the other way.

use std::time::Instant;

use salon_core::GrantKey;
use salon_fanout::codec::Medium;
use salon_fanout::engine::{Input, Nack, Output};
use salon_fanout::layer::{Encoding, Layer};
use salon_fanout::sink::SinkId;
use salon_fanout::{Packet, Slot};
use str0m::rtp::RtpPacket;

use crate::media::{SLOTS, StageId};
use crate::mesh::Crossing;
use crate::seat::{self, Belongs, Source};
use crate::session::Role;
use crate::stage::slot_of;
use crate::table::Key;
use crate::tracks::Origin;
use crate::world::{Forwarding, World};

/// The longest payload that is forwarded: what still fits a path of 1,500 bytes with every header
/// around it. Browsers stay below 1,200.
const PAYLOAD_BYTES_MAX: usize = 1_400;

impl World {
    /// A publisher sent a packet.
    pub(crate) fn on_packet(&mut self, now: Instant, key: Key, packet: &RtpPacket) {
        let Some(session) = self.sessions.get(key) else { return };
        let Role::Seat(seat) = &session.role else { return };
        self.counters.packets_in.add(1);
        let (stage, grant, next) = (session.stage, seat.key, self.media.next_track());
        let (source, layer) = match seat.belongs(packet, next) {
            Belongs::Known(source, layer) => (source, layer),
            Belongs::NewLayer(source, layer) => {
                self.add_layer(key, source);
                (source, layer)
            }
            Belongs::New(source, layer) => {
                self.add_source(now, key, source);
                (source, layer)
            }
            Belongs::Nothing => {
                self.counters.packets_refused.add(1);
                return;
            }
        };
        let parsed = seat::parse(source.codec, packet);
        let (Ok(parsed), true) = (parsed, packet.payload.len() <= PAYLOAD_BYTES_MAX) else {
            self.counters.packets_refused.add(1);
            return;
        };
        self.note_report(now, key, source, layer, packet);
        let encoding = Encoding { track: source.track, layer };
        self.cross(stage, encoding, grant, &parsed);
        let time = self.media_time(now);
        self.media.fanout.forward(time, encoding, grant, parsed, &mut self.media.outbox);
    }

    /// Hands a packet to the other shards that watch its stage.
    fn cross(&self, stage: StageId, encoding: Encoding, key: GrantKey, packet: &Packet) {
        let Some(known) = self.stages.get(&stage) else { return };
        for shard in &known.subscribers {
            let packet = packet.clone();
            if !self.mesh.send(*shard, Crossing::Packet { encoding, key, packet }) {
                self.counters.packets_uncrossed.add(1);
            }
        }
    }

    /// Moves what the fan-out has put into the outbox to the queue.
    pub(crate) fn collect(&mut self, now: Instant) {
        let Forwarding { outbox, queue, .. } = &mut self.media;
        if outbox.is_empty() {
            return;
        }
        let base = queue.share(now, outbox.payloads());
        for (delivery, payload) in outbox.deliveries() {
            let key = Key::from_u64(delivery.sink.0);
            let Some(session) = self.sessions.get_mut(key) else { continue };
            if let Role::Viewer(viewer) = &mut session.role {
                queue.push(key, &mut viewer.waiting, base, delivery, payload);
            }
        }
        outbox.clear();
        if queue.is_full() {
            self.flush(now);
        }
    }

    /// Sends everything that waits in the queue.
    pub(crate) fn flush(&mut self, now: Instant) {
        self.wire.socket.begin_batch();
        let Forwarding { queue, run, .. } = &mut self.media;
        let mut number = 0;
        while let Some(key) = queue.viewer(number) {
            number += 1;
            // Who left meanwhile is owed nothing.
            let Some(session) = self.sessions.get_mut(key) else { continue };
            if let Role::Viewer(viewer) = &mut session.role {
                viewer.send(now, queue, run, &mut self.wire);
                self.deadlines.arm(key, session);
            }
        }
        queue.clear();
        self.wire.socket.end_batch();
    }

    /// The streams of a viewer report if it is time to.
    pub(crate) fn report(&mut self, now: Instant, key: Key) {
        let time = self.media_time(now);
        let Some(session) = self.sessions.get_mut(key) else { return };
        if let Role::Viewer(viewer) = &mut session.role {
            let (fanout, sink) = (&self.media.fanout, SinkId(key.to_u64()));
            viewer.report(now, &mut self.wire, |slot| fanout.clock(sink, slot, time));
        }
    }

    /// What a publisher says of its clock is the base of what viewers are told.
    fn note_report(
        &mut self,
        now: Instant,
        key: Key,
        source: Source,
        layer: Layer,
        packet: &RtpPacket,
    ) {
        let Some(info) = packet.last_sender_info else { return };
        let time = self.media_time(now);
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Role::Seat(seat) = &mut session.role else { return };
        let medium = source.codec.medium();
        let Some(captured) = seat.captured(time, medium, layer, info.ntp_time) else { return };
        let (stage, key) = (session.stage, seat.key);
        let encoding = Encoding { track: source.track, layer };
        let rtp_timestamp = info.rtp_time.numer() as u32;
        self.tell_fanout(now, Input::SenderReport { encoding, key, captured, rtp_timestamp });
        for shard in self.subscribers(stage) {
            let report = Crossing::SenderReport { encoding, key, captured, rtp_timestamp };
            // The next report says the same.
            let _dropped = self.mesh.send(shard, report);
        }
    }

    /// The fan-out wants something done.
    pub(crate) fn on_output(&mut self, now: Instant, output: Output) {
        match output {
            Output::RequestKeyframe { encoding } => match self.origin_of(encoding.track) {
                Some(Origin::Seat(key)) => self.request_keyframe(now, key, encoding),
                // Whoever still waits for one wishes again.
                Some(Origin::Shard(home)) => {
                    let _dropped = self.mesh.send(home, Crossing::KeyframeWanted { encoding });
                }
                None => {}
            },
            Output::LayersWanted { track, layers } => {
                self.want_layers(track, self.mesh.own(), layers);
            }
            Output::Speaking { track, level } => {
                // Home tells about those who are elsewhere.
                let Some(Origin::Seat(key)) = self.origin_of(track) else { return };
                let Some(session) = self.sessions.get(key) else { return };
                if let Role::Seat(seat) = &session.role {
                    self.set_level(session.stage, seat.slot, level);
                }
            }
        }
    }

    fn request_keyframe(&mut self, now: Instant, key: Key, encoding: Encoding) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        if let Role::Seat(seat) = &mut session.role
            && seat.request_keyframe(now, encoding, key, &mut self.wire)
        {
            self.counters.keyframes_requested.add(1);
            self.arm(key);
        }
    }

    /// A viewer cannot decode what it has.
    pub(crate) fn on_keyframe_wanted(&mut self, now: Instant, key: Key, slot: Slot) {
        if self.sessions.get(key).is_some_and(|session| session.is_connected) {
            self.counters.keyframes_wanted.add(1);
            self.tell_fanout(now, Input::KeyframeWanted { sink: SinkId(key.to_u64()), slot });
        }
    }

    /// A viewer reports how a slot arrives.
    pub(crate) fn on_reception(&mut self, now: Instant, key: Key, slot: Slot, lost: u8) {
        if self.sessions.get(key).is_some_and(|session| session.is_connected) {
            self.tell_fanout(now, Input::Reception { sink: SinkId(key.to_u64()), slot, lost });
        }
    }

    /// A viewer shows so many rows of pixels of each slot.
    pub(crate) fn show(&mut self, now: Instant, key: Key, rows: [u16; SLOTS]) {
        let sink = SinkId(key.to_u64());
        for (seat, rows) in (0..).zip(rows) {
            let slot = slot_of(seat, Medium::Video);
            self.tell_fanout(now, Input::Tile { sink, slot, rows });
        }
    }

    /// A viewer misses packets.
    pub(crate) fn on_packets_lost(&mut self, now: Instant, nack: Nack, sequences: &[u16]) {
        self.counters.packets_lost.add(sequences.len() as u64);
        let time = self.media_time(now);
        let Forwarding { fanout, outbox, .. } = &mut self.media;
        fanout.retransmit(time, nack, sequences.iter().copied(), outbox);
    }

    /// A change for the fan-out. Whatever it is, the sessions have allowed it.
    pub(crate) fn tell_fanout(&mut self, now: Instant, input: Input) {
        let time = self.media_time(now);
        let result = self.media.fanout.handle(time, input, &mut self.media.outbox);
        result.expect("sources and sinks of the fan-out are those of the sessions");
    }
}
