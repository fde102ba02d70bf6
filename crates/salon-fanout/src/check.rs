//! The invariants that tie tracks, streams and sinks together.

use crate::layer::Layer;
use crate::roster::Roster;
use crate::sink::{Entry, Sink, Slot};
use crate::stream::Stream;

impl Roster {
    /// The first broken invariant, if any.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let mut listed = 0;
        for (stream_at, stream) in self.streams.iter() {
            listed += stream.receivers.len() + stream.waiting.len();
            self.check_lists(stream_at, stream)?;
        }
        let attachments = || {
            let slots = self.sinks.iter().flat_map(|(_, sink)| &sink.slots);
            slots.filter_map(|slot| slot.attachment)
        };
        let entries = attachments().map(|attachment| {
            usize::from(attachment.receives.is_some()) + usize::from(attachment.awaits.is_some())
        });
        if entries.sum::<usize>() != listed {
            return Err("an attached slot is not listed");
        }
        for (track_at, track) in self.tracks.iter() {
            let own = attachments().filter(|attachment| attachment.track == track_at);
            let mut ideals = [0; Layer::COUNT];
            own.for_each(|attachment| ideals[attachment.ideal.index()] += 1);
            if ideals != track.ideals {
                return Err("slots are not counted by the layer that is best for them");
            }
        }
        for (_, sink) in self.sinks.iter() {
            sink.check()?;
            for slot in Slot::all() {
                self.check_slot(sink, slot)?;
            }
        }
        Ok(())
    }

    fn check_lists(&self, stream_at: u32, stream: &Stream) -> Result<(), &'static str> {
        let attachment = |sink_at: u32, slot: Slot| {
            self.sinks.get(sink_at).and_then(|sink| sink.slots[slot.index()].attachment)
        };
        for (position, receiver) in (0..).zip(&stream.receivers) {
            let attachment = attachment(receiver.sink_at, receiver.slot);
            let entry = Entry { stream: stream_at, position };
            if attachment.and_then(|attachment| attachment.receives) != Some(entry) {
                return Err("a listed slot does not receive the stream");
            }
            if receiver.slot.medium() != stream.codec.medium() {
                return Err("a slot receives another medium");
            }
        }
        for (position, waiter) in (0..).zip(&stream.waiting) {
            let attachment = attachment(waiter.sink_at, waiter.slot);
            let entry = Entry { stream: stream_at, position };
            if attachment.and_then(|attachment| attachment.awaits) != Some(entry) {
                return Err("a listed slot does not wait for the stream");
            }
        }
        if stream.newest.is_none() && !stream.receivers.is_empty() {
            return Err("a slot receives a stream that sent nothing");
        }
        Ok(())
    }

    fn check_slot(&self, sink: &Sink, slot: Slot) -> Result<(), &'static str> {
        let Some(attachment) = sink.slots[slot.index()].attachment else { return Ok(()) };
        let Some(track) = self.tracks.get(attachment.track) else {
            return Err("a slot is attached to a track that is gone");
        };
        let [receives, awaits] =
            [attachment.receives, attachment.awaits].map(|entry| entry.map(|entry| entry.stream));
        let is_own = |stream: u32| track.streams.contains(&Some(stream));
        if !receives.into_iter().chain(awaits).all(is_own) {
            return Err("a slot is served by a stream of another track");
        }
        if receives.is_some() && receives == awaits {
            return Err("a slot waits for what it receives");
        }
        let choice = track.ladder.choose(sink.want(slot));
        if choice.ideal != attachment.ideal {
            return Err("another layer is best for a slot");
        }
        if awaits.or(receives) != track.streams[choice.live.index()] {
            return Err("a slot is not on its way to its layer");
        }
        Ok(())
    }
}
