//! Who receives what: tracks, their streams, sinks, and the lists that tie them together.

use crate::history::Placed;
use crate::layer::{Encoding, Layer};
use crate::rewrite::Mapping;
use crate::sink::{Attachment, Entry, Receiver, Sink, Slot, Waiter};
use crate::slab::Slab;
use crate::stream::Stream;
use crate::track::Track;

/// Every track, every stream and every sink, by their numbers.
///
/// A stream lists the slots that receive it, and each slot knows its entry in that list: a packet walks one list, and
/// a slot leaves it without a search. The same goes for the slots that wait for it.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    pub(crate) tracks: Slab<Track>,
    pub(crate) streams: Slab<Stream>,
    pub(crate) sinks: Slab<Sink>,
    streams_made: u64,
    /// Tracks whose slots have changed, to be looked after before the input is done with.
    pub(crate) touched: Vec<u32>,
}

/// How a slot came to receive a stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Turn {
    /// It received nothing before.
    Start,
    /// It received a lower layer of the track.
    Up,
    /// It received a higher one.
    Down,
}

impl Roster {
    /// Puts in a track that has sent nothing yet. Each of its streams will keep so many packets.
    pub(crate) fn add_track(&mut self, track: Track, packets_max: usize) -> u32 {
        let at = self.tracks.insert(track);
        self.stream_of(at, Layer::ONLY, packets_max);
        at
    }

    /// The stream of a layer, which may be new.
    pub(crate) fn stream_of(&mut self, track_at: u32, layer: Layer, packets_max: usize) -> u32 {
        let track = self.tracks.at(track_at);
        let stream = &mut track.streams[layer.index()];
        *stream.get_or_insert_with(|| {
            self.streams_made += 1;
            let of = (Encoding { track: track.id, layer }, track_at);
            self.streams.insert(Stream::new(self.streams_made, of, track.codec, packets_max))
        })
    }

    /// Takes a track out with its streams; nobody is attached to it any more.
    pub(crate) fn remove_track(&mut self, at: u32) {
        let track = self.tracks.remove(at);
        for stream_at in track.streams.into_iter().flatten() {
            let stream = self.streams.remove(stream_at);
            for receiver in &stream.receivers {
                let state = &mut self.sinks.at(receiver.sink_at).slots[receiver.slot.index()];
                state.tail = stream.end_of(receiver, &state.tail);
                state.attachment = None;
            }
            for waiter in stream.waiting {
                self.sinks.at(waiter.sink_at).slots[waiter.slot.index()].attachment = None;
            }
        }
    }

    /// Takes a sink out; it is attached to nothing any more.
    pub(crate) fn remove_sink(&mut self, at: u32) {
        for slot in Slot::all() {
            self.detach(at, slot);
        }
        self.sinks.remove(at);
    }

    /// Attaches a slot that is attached to nothing, without a stream yet: choose one next.
    pub(crate) fn attach(&mut self, sink_at: u32, slot: Slot, track_at: u32) {
        let ideal = Layer::ONLY;
        self.tracks.at(track_at).ideals[ideal.index()] += 1;
        let attachment = Attachment { track: track_at, ideal, receives: None, awaits: None };
        self.sinks.at(sink_at).slots[slot.index()].attachment = Some(attachment);
        self.touch(track_at);
    }

    /// Detaches a slot, and notes where its stream goes on.
    pub(crate) fn detach(&mut self, sink_at: u32, slot: Slot) {
        self.stop_waiting(sink_at, slot);
        let _ = self.leave(sink_at, slot);
        let state = &mut self.sinks.at(sink_at).slots[slot.index()];
        if let Some(Attachment { track, ideal, .. }) = state.attachment.take() {
            self.tracks.at(track).ideals[ideal.index()] -= 1;
            self.touch(track);
        }
    }

    /// Puts a slot among those that wait for a stream; it waits for no other.
    pub(crate) fn wait(&mut self, sink_at: u32, slot: Slot, stream_at: u32) {
        let waiting = &mut self.streams.at(stream_at).waiting;
        let entry = Entry { stream: stream_at, position: waiting.len() as u32 };
        self.sinks.at(sink_at).attachment_of(slot).awaits = Some(entry);
        waiting.push(Waiter { sink_at, slot });
    }

    /// A slot waits for nothing any more.
    pub(crate) fn stop_waiting(&mut self, sink_at: u32, slot: Slot) {
        let state = &mut self.sinks.at(sink_at).slots[slot.index()];
        let awaits = state.attachment.as_mut().and_then(|attachment| attachment.awaits.take());
        let Some(Entry { stream, position }) = awaits else { return };
        let waiting = &mut self.streams.at(stream).waiting;
        // The last entry takes the place of the one that leaves.
        waiting.swap_remove(position as usize);
        if let Some(moved) = waiting.get(position as usize) {
            let attachment = self.sinks.at(moved.sink_at).attachment_of(moved.slot);
            attachment.awaits = Some(Entry { stream, position });
        }
    }

    /// A slot receives `stream_at` from `first` on, and nothing else.
    pub(crate) fn receive(
        &mut self,
        sink_at: u32,
        slot: Slot,
        stream_at: u32,
        first: &Placed,
    ) -> Turn {
        let before = self.leave(sink_at, slot);
        let stream = self.streams.at(stream_at);
        let sink = self.sinks.at(sink_at);
        let tail = &sink.slots[slot.index()].tail;
        let captured = stream.captured(first.timestamp);
        let mapping = Mapping::begin(tail, first, captured, stream.codec.clock_hz());
        let entry = Entry { stream: stream_at, position: stream.receivers.len() as u32 };
        sink.attachment_of(slot).receives = Some(entry);
        stream.receivers.push(Receiver { sink: sink.id, sink_at, slot, mapping });
        let Encoding { layer, .. } = stream.encoding;
        match before {
            None => Turn::Start,
            Some(before) if before < layer => Turn::Up,
            Some(_) => Turn::Down,
        }
    }

    /// A slot receives nothing any more, and its stream goes on from here. Returns the layer that it received.
    fn leave(&mut self, sink_at: u32, slot: Slot) -> Option<Layer> {
        let sink = self.sinks.at(sink_at);
        let state = &mut sink.slots[slot.index()];
        let attachment = state.attachment.as_mut()?;
        let track_at = attachment.track;
        let Entry { stream: stream_at, position } = attachment.receives.take()?;
        let stream = self.streams.at(stream_at);
        let receiver = stream.receivers.swap_remove(position as usize);
        state.tail = stream.end_of(&receiver, &state.tail);
        sink.runs.push(stream.run_of(&receiver, stream_at));
        let layer = stream.encoding.layer;
        if let Some(moved) = stream.receivers.get(position as usize) {
            let attachment = self.sinks.at(moved.sink_at).attachment_of(moved.slot);
            attachment.receives = Some(Entry { stream: stream_at, position });
        }
        self.touch(track_at);
        Some(layer)
    }

    /// Makes all receivers of a stream that starts anew wait for it, unless they wait for another layer anyway.
    pub(crate) fn suspend(&mut self, stream_at: u32) {
        while let Some(receiver) = self.streams.at(stream_at).receivers.last() {
            let Receiver { sink_at, slot, .. } = *receiver;
            let _ = self.leave(sink_at, slot);
            if self.sinks.at(sink_at).attachment_of(slot).awaits.is_none() {
                self.wait(sink_at, slot, stream_at);
            }
        }
        let stream = self.streams.at(stream_at);
        stream.forget_keyframe();
        stream.reference = None;
    }

    /// The slots attached to a track; one that waits for another layer than it receives comes twice.
    pub(crate) fn attached_to(&self, track_at: u32) -> impl Iterator<Item = (u32, Slot)> {
        let streams = self.tracks.get(track_at).map(|track| track.streams).into_iter().flatten();
        let streams = streams.flatten().filter_map(|stream_at| self.streams.get(stream_at));
        streams.flat_map(|stream| {
            let receivers = stream.receivers.iter().map(|entry| (entry.sink_at, entry.slot));
            receivers.chain(stream.waiting.iter().map(|entry| (entry.sink_at, entry.slot)))
        })
    }

    /// The highest layer that a sink receives, if it receives any video.
    pub(crate) fn received(&self, sink_at: u32) -> Option<Layer> {
        let sink = self.sinks.get(sink_at)?;
        let entries = sink.slots.iter().filter_map(|slot| slot.attachment?.receives);
        let streams = entries.filter_map(|entry| self.streams.get(entry.stream));
        streams.filter(|stream| stream.is_video()).map(|stream| stream.encoding.layer).max()
    }

    /// All tracks have to be looked after.
    pub(crate) fn touch_all(&mut self) {
        self.touched.extend(self.tracks.iter().map(|(at, _)| at));
    }

    /// A track has to be looked after.
    pub(crate) fn touch(&mut self, track_at: u32) {
        if self.touched.last() != Some(&track_at) {
            self.touched.push(track_at);
        }
    }
}
