//! Serving slots with the layer that is chosen for them: at once from a cache, or with the next keyframe.

use std::ops::AddAssign;

use crate::engine::Burst;
use crate::history::Placed;
use crate::layer::Encoding;
use crate::outbox::Outbox;
use crate::roster::{Roster, Turn};
use crate::sink::{Attachment, Slot, Waiter};
use crate::track::Track;

/// What serving some slots came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Served {
    /// Slots that received nothing before.
    pub(crate) starts: u64,
    /// Slots that received a lower layer before, and a higher one.
    pub(crate) ups: u64,
    pub(crate) downs: u64,
    pub(crate) deliveries: u64,
}

impl AddAssign for Served {
    fn add_assign(&mut self, other: Self) {
        self.starts += other.starts;
        self.ups += other.ups;
        self.downs += other.downs;
        self.deliveries += other.deliveries;
    }
}

impl Served {
    fn count(&mut self, turn: Turn) {
        match turn {
            Turn::Start => self.starts += 1,
            Turn::Up => self.ups += 1,
            Turn::Down => self.downs += 1,
        }
    }

    /// How many slots it is about.
    pub(crate) const fn slots(&self) -> u64 {
        self.starts + self.ups + self.downs
    }
}

impl Roster {
    /// Chooses the layer for a slot anew, and sees that the slot comes to it.
    pub(crate) fn settle(
        &mut self,
        sink_at: u32,
        slot: Slot,
        limits: &Burst,
        outbox: &mut Outbox,
    ) -> Served {
        let Some((target, attachment)) = self.choose(sink_at, slot) else {
            return Served::default();
        };
        let receives = attachment.receives.map(|entry| entry.stream);
        let awaits = attachment.awaits.map(|entry| entry.stream);
        if awaits == Some(target) {
            return Served::default();
        }
        self.stop_waiting(sink_at, slot);
        if receives == Some(target) {
            return Served::default();
        }
        // From a cache, who receives something already would be shown what has passed a second time.
        if receives.is_none_or(|current| self.is_as_far_as(target, current)) {
            let served = self.serve_from_cache(sink_at, slot, target, limits, outbox);
            if served.slots() > 0 {
                return served;
            }
        }
        self.wait(sink_at, slot, target);
        self.streams.at(target).want_keyframe();
        match receives {
            Some(_) => Served::default(),
            None => self.serve_meanwhile(sink_at, slot, target, limits, outbox),
        }
    }

    fn is_as_far_as(&self, target: u32, current: u32) -> bool {
        match (self.streams.get(target), self.streams.get(current)) {
            (Some(target), Some(current)) => target.is_as_far_as(current),
            _ => false,
        }
    }

    /// Chooses the layer for a slot, and notes which would be best for it. Returns its stream and what the slot is
    /// attached to, if it is.
    fn choose(&mut self, sink_at: u32, slot: Slot) -> Option<(u32, Attachment)> {
        let sink = self.sinks.at(sink_at);
        let want = sink.want(slot);
        let attachment = sink.slots[slot.index()].attachment.as_mut()?;
        let track = self.tracks.at(attachment.track);
        let choice = track.ladder.choose(want);
        track.ideals[attachment.ideal.index()] -= 1;
        track.ideals[choice.ideal.index()] += 1;
        attachment.ideal = choice.ideal;
        let attachment = *attachment;
        let target = track.streams[choice.live.index()].expect("a live layer has a stream");
        self.touch(attachment.track);
        Some((target, attachment))
    }

    /// Serves a slot that waits and receives nothing from the cache of another live layer: the next lower one if it can.
    fn serve_meanwhile(
        &mut self,
        sink_at: u32,
        slot: Slot,
        target: u32,
        limits: &Burst,
        outbox: &mut Outbox,
    ) -> Served {
        let Encoding { layer, .. } = self.streams.at(target).encoding;
        let track_at = self.streams.at(target).track;
        let cap = self.sinks.at(sink_at).cap.layer();
        let Track { ladder, streams, .. } = self.tracks.at(track_at);
        let (live, streams) = (ladder.live, *streams);
        let lower = live.iter().rev().filter(|other| *other < layer);
        let higher = live.iter().filter(|other| *other > layer && *other <= cap);
        for other in lower.chain(higher) {
            let other = streams[other.index()].expect("a live layer has a stream");
            let served = self.serve_from_cache(sink_at, slot, other, limits, outbox);
            if served.slots() > 0 {
                return served;
            }
        }
        Served::default()
    }

    /// Chooses anew for all slots of a track.
    pub(crate) fn settle_all(
        &mut self,
        track_at: u32,
        limits: &Burst,
        outbox: &mut Outbox,
    ) -> Served {
        let slots: Vec<_> = self.attached_to(track_at).collect();
        let mut served = Served::default();
        for (sink_at, slot) in slots {
            served += self.settle(sink_at, slot, limits, outbox);
        }
        served
    }

    /// Serves everybody who waits for a stream, and who waits for another layer and receives nothing, with a packet
    /// that just came in.
    pub(crate) fn serve_with(
        &mut self,
        stream_at: u32,
        first: &Placed,
        outbox: &mut Outbox,
    ) -> Served {
        let begun = self.streams.at(stream_at).receivers.len();
        let mut served = self.serve_waiting(stream_at, first);
        let stream = self.streams.at(stream_at);
        served.deliveries = outbox.deliver(stream.codec, first, &stream.receivers[begun..]);
        served
    }

    /// As [`Roster::serve_with`], with the packets that are kept of the newest keyframe; nobody if there are none, or
    /// too many.
    pub(crate) fn serve_late(
        &mut self,
        stream_at: u32,
        limits: &Burst,
        outbox: &mut Outbox,
    ) -> Served {
        let stream = self.streams.at(stream_at);
        let Some(first) = stream.burst_start(limits) else { return Served::default() };
        let begun = stream.receivers.len();
        let mut served = self.serve_waiting(stream_at, &first);
        served.deliveries = self.deliver_burst(stream_at, begun, first.place, outbox);
        served
    }

    fn serve_from_cache(
        &mut self,
        sink_at: u32,
        slot: Slot,
        stream_at: u32,
        limits: &Burst,
        outbox: &mut Outbox,
    ) -> Served {
        let stream = self.streams.at(stream_at);
        let Some(first) = stream.burst_start(limits) else { return Served::default() };
        let begun = stream.receivers.len();
        let mut served = Served::default();
        served.count(self.receive(sink_at, slot, stream_at, &first));
        served.deliveries = self.deliver_burst(stream_at, begun, first.place, outbox);
        served
    }

    fn serve_waiting(&mut self, stream_at: u32, first: &Placed) -> Served {
        let mut served = Served::default();
        for (sink_at, slot) in self.idle_elsewhere(stream_at) {
            served.count(self.receive(sink_at, slot, stream_at, first));
        }
        let mut waiting = std::mem::take(&mut self.streams.at(stream_at).waiting);
        for Waiter { sink_at, slot } in waiting.drain(..) {
            self.sinks.at(sink_at).attachment_of(slot).awaits = None;
            served.count(self.receive(sink_at, slot, stream_at, first));
        }
        // Its memory is for the next who wait.
        self.streams.at(stream_at).waiting = waiting;
        served
    }

    /// The slots that receive nothing, wait for another layer of the same track, and may have this one.
    fn idle_elsewhere(&mut self, stream_at: u32) -> Vec<(u32, Slot)> {
        let stream = self.streams.at(stream_at);
        let (layer, track_at) = (stream.encoding.layer, stream.track);
        let others = self.tracks.at(track_at).streams.into_iter().flatten();
        let others = others.filter(|other| *other != stream_at);
        let waiting = others.filter_map(|other| self.streams.get(other));
        let waiting = waiting.flat_map(|other| &other.waiting);
        let is_idle = |waiter: &&Waiter| {
            self.sinks.get(waiter.sink_at).is_some_and(|sink| {
                let attachment = sink.slots[waiter.slot.index()].attachment;
                let receives = attachment.and_then(|attachment| attachment.receives);
                receives.is_none() && layer <= sink.cap.layer()
            })
        };
        waiting.filter(is_idle).map(|waiter| (waiter.sink_at, waiter.slot)).collect()
    }

    /// Sends what is kept from `place` on to the receivers of a stream from the `begun`th on.
    fn deliver_burst(
        &mut self,
        stream_at: u32,
        begun: usize,
        place: u64,
        outbox: &mut Outbox,
    ) -> u64 {
        let stream = self.streams.at(stream_at);
        let receivers = &stream.receivers[begun..];
        let burst = stream.history.since(place);
        burst.map(|packet| outbox.deliver(stream.codec, packet, receivers)).sum()
    }
}
