//! Media: from a publisher's packet to the viewers' streams, and keyframe requests the other way.

use std::time::Instant;

use salon_core::{GrantKey, TrackId};
use salon_fanout::Slot;
use salon_fanout::codec::Medium;
use salon_fanout::engine::{Input, Nack, Output};
use salon_fanout::sink::SinkId;
use str0m::rtp::RtpPacket;

use crate::seat::{self, Belongs, Source};
use crate::session::Role;
use crate::table::Key;
use crate::world::{Forwarding, World};

/// The longest payload that is forwarded: what still fits a path of 1,500 bytes with every header
/// around it. Browsers stay below 1,200.
const PAYLOAD_BYTES_MAX: usize = 1_400;

impl World {
    /// A publisher sent a packet.
    pub(crate) fn on_packet(&mut self, now: Instant, key: Key, packet: &RtpPacket) {
        let Some(Role::Seat(seat)) = self.sessions.get(key).map(|session| &session.role) else {
            return;
        };
        self.counters.packets_in.add(1);
        let (grant, next) = (seat.key, TrackId(self.media.tracks_made));
        let source = match seat.belongs(packet, next) {
            Belongs::Known(source) => source,
            Belongs::New(source) => {
                self.add_source(now, key, source);
                source
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
        self.note_report(now, key, source, packet);
        let time = self.media_time(now);
        self.media.fanout.forward(time, source.track, grant, parsed, &mut self.media.outbox);
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
    fn note_report(&mut self, now: Instant, key: Key, source: Source, packet: &RtpPacket) {
        let Some(info) = packet.last_sender_info else { return };
        let time = self.media_time(now);
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Role::Seat(seat) = &mut session.role else { return };
        let Some(captured) = seat.captured(time, source.codec.medium(), info.ntp_time) else {
            return;
        };
        let (track, key) = (source.track, seat.key);
        let rtp_timestamp = info.rtp_time.numer() as u32;
        self.tell_fanout(now, Input::SenderReport { track, key, captured, rtp_timestamp });
    }

    /// The fan-out wants something done.
    pub(crate) fn on_output(&mut self, now: Instant, output: Output) {
        match output {
            Output::RequestKeyframe { track } => {
                let Some(key) = self.media.tracks.get(&track).copied() else { return };
                let Some(session) = self.sessions.get_mut(key) else { return };
                if let Role::Seat(seat) = &mut session.role
                    && seat.request_keyframe(now, track, key, &mut self.wire)
                {
                    self.counters.keyframes_requested.add(1);
                    self.arm(key);
                }
            }
            Output::Speaking { track, level } => {
                let Some(key) = self.media.tracks.get(&track) else { return };
                let Some(session) = self.sessions.get(*key) else { return };
                if let Role::Seat(seat) = &session.role {
                    self.set_level(session.stage, seat.slot, level);
                }
            }
        }
    }

    /// A viewer cannot decode what it has.
    pub(crate) fn on_keyframe_wanted(&mut self, now: Instant, key: Key, slot: Slot) {
        if self.sessions.get(key).is_some_and(|session| session.is_connected) {
            self.counters.keyframes_wanted.add(1);
            self.tell_fanout(now, Input::KeyframeWanted { sink: SinkId(key.to_u64()), slot });
        }
    }

    /// A viewer misses packets.
    pub(crate) fn on_packets_lost(&mut self, now: Instant, nack: Nack, sequences: &[u16]) {
        self.counters.packets_lost.add(sequences.len() as u64);
        let time = self.media_time(now);
        let Forwarding { fanout, outbox, .. } = &mut self.media;
        fanout.retransmit(time, nack, sequences.iter().copied(), outbox);
    }

    /// Points a viewer's slot at what is published there now, or at nothing. Before the viewer has
    /// connected it receives nothing, and once it has, every slot is attached.
    pub(crate) fn attach(&mut self, now: Instant, viewer: Key, slot: Slot) {
        let published = self.published_for(viewer, slot);
        let Some(session) = self.sessions.get_mut(viewer) else { return };
        let Role::Viewer(leg) = &mut session.role else { return };
        if !session.is_connected {
            return;
        }
        let Some((key, Source { track, codec, profile, .. })) = published else {
            self.detach(now, viewer, slot);
            return;
        };
        if leg.select(slot, codec, profile) {
            let sink = SinkId(viewer.to_u64());
            self.tell_fanout(now, Input::Attach { sink, slot, track, key });
        } else {
            self.detach(now, viewer, slot);
        }
    }

    /// A change for the fan-out. Whatever it is, the sessions have allowed it.
    pub(crate) fn tell_fanout(&mut self, now: Instant, input: Input) {
        let time = self.media_time(now);
        let result = self.media.fanout.handle(time, input, &mut self.media.outbox);
        result.expect("sources and sinks of the fan-out are those of the sessions");
    }

    /// The track is gone; what received it is detached.
    pub(crate) fn remove_track(&mut self, now: Instant, track: TrackId) {
        self.media.tracks.remove(&track);
        self.tell_fanout(now, Input::RemoveSource { track });
    }

    /// The first packet of a track came: everybody who watches its slot receives it from now on.
    fn add_source(&mut self, now: Instant, key: Key, source: Source) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Role::Seat(seat) = &mut session.role else { return };
        let (stage, number, grant) = (session.stage, seat.slot, seat.key);
        let replaced = seat.set_source(source);
        if let Some(replaced) = replaced {
            self.remove_track(now, replaced.track);
        }
        // What waits was written for what the slots carried so far.
        self.collect(now);
        self.flush(now);
        let Source { track, codec, .. } = source;
        self.media.tracks_made += 1;
        self.media.tracks.insert(track, key);
        self.tell_fanout(now, Input::AddSource { track, key: grant, codec });
        let slot = match codec.medium() {
            Medium::Audio => Slot::audio(number),
            Medium::Video => Slot::video(number),
        };
        let slot = slot.expect("a seat's slot is below SLOTS");
        let stage = self.stages.get(&stage).expect("a session's stage exists");
        let viewers: Vec<Key> = stage.viewers.iter().copied().collect();
        for viewer in viewers {
            self.attach(now, viewer, slot);
        }
    }

    /// What a viewer may receive in a slot now, and the right it is published under.
    fn published_for(&self, viewer: Key, slot: Slot) -> Option<(GrantKey, Source)> {
        let session = self.sessions.get(viewer)?;
        let Role::Viewer(leg) = &session.role else { return None };
        if leg.mask == Some(slot.number()) {
            return None;
        }
        let stage = self.stages.get(&session.stage)?;
        let publisher = stage.seats[usize::from(slot.number())]?;
        match &self.sessions.get(publisher)?.role {
            Role::Seat(seat) => Some((seat.key, *seat.source(slot.medium())?)),
            Role::Viewer(_) => None,
        }
    }

    fn detach(&mut self, now: Instant, viewer: Key, slot: Slot) {
        self.tell_fanout(now, Input::Detach { sink: SinkId(viewer.to_u64()), slot });
    }
}
