//! Who receives what: sources, sinks, and the lists that tie them together.

use crate::engine::Burst;
use crate::history::Placed;
use crate::outbox::Outbox;
use crate::rewrite::Mapping;
use crate::sink::{Attachment, List, Receiver, Sink, Slot, Waiter};
use crate::slab::Slab;
use crate::source::Source;

/// Every source and every sink, by their numbers.
///
/// A source lists the slots that receive it, and each slot knows its entry in that list: a packet walks one list, and
/// a slot leaves it without a search.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    pub(crate) sources: Slab<Source>,
    pub(crate) sinks: Slab<Sink>,
}

/// What starting some slots came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Started {
    pub(crate) slots: u64,
    pub(crate) deliveries: u64,
}

impl Roster {
    /// Takes a source out; nobody is attached to it any more.
    pub(crate) fn remove_source(&mut self, at: u32) {
        let source = self.sources.remove(at);
        for receiver in &source.receivers {
            let state = &mut self.sinks.at(receiver.sink_at).slots[receiver.slot.index()];
            state.tail = source.end_of(receiver, &state.tail);
            state.attachment = None;
        }
        for waiter in source.waiting {
            self.sinks.at(waiter.sink_at).slots[waiter.slot.index()].attachment = None;
        }
    }

    /// Takes a sink out; it is attached to nothing any more.
    pub(crate) fn remove_sink(&mut self, at: u32) {
        for slot in Slot::all() {
            self.detach(at, slot);
        }
        self.sinks.remove(at);
    }

    /// Puts a slot that is attached to nothing among those that wait for a source.
    pub(crate) fn wait(&mut self, sink_at: u32, slot: Slot, source_at: u32) {
        let sink = self.sinks.at(sink_at);
        let waiting = &mut self.sources.at(source_at).waiting;
        sink.slots[slot.index()].attachment = Some(Attachment {
            source: source_at,
            list: List::Waiting,
            position: waiting.len() as u32,
        });
        waiting.push(Waiter { sink: sink.id, sink_at, slot });
    }

    /// Detaches a slot, and notes where its stream goes on.
    pub(crate) fn detach(&mut self, sink_at: u32, slot: Slot) {
        let sink = self.sinks.at(sink_at);
        let state = &mut sink.slots[slot.index()];
        let Some(Attachment { source: source_at, list, position }) = state.attachment.take() else {
            return;
        };
        let source = self.sources.at(source_at);
        let at = position as usize;
        // The last entry takes the place of the one that leaves.
        let moved = match list {
            List::Receivers => {
                let receiver = source.receivers.swap_remove(at);
                state.tail = source.end_of(&receiver, &state.tail);
                sink.runs.push(source.run_of(&receiver, source_at));
                source.receivers.get(at).map(|moved| (moved.sink_at, moved.slot))
            }
            List::Waiting => {
                source.waiting.swap_remove(at);
                source.waiting.get(at).map(|moved| (moved.sink_at, moved.slot))
            }
        };
        if let Some((sink_at, slot)) = moved {
            let attachment = &mut self.sinks.at(sink_at).slots[slot.index()].attachment;
            attachment.as_mut().expect("what is listed is attached").position = position;
        }
    }

    /// Makes all receivers of a source that starts anew wait, as if they had just been attached.
    pub(crate) fn suspend(&mut self, source_at: u32) {
        let source = self.sources.at(source_at);
        for receiver in std::mem::take(&mut source.receivers) {
            let sink = self.sinks.at(receiver.sink_at);
            let state = &mut sink.slots[receiver.slot.index()];
            state.tail = source.end_of(&receiver, &state.tail);
            sink.runs.push(source.run_of(&receiver, source_at));
            state.attachment = Some(Attachment {
                source: source_at,
                list: List::Waiting,
                position: source.waiting.len() as u32,
            });
            let Receiver { sink, sink_at, slot, .. } = receiver;
            source.waiting.push(Waiter { sink, sink_at, slot });
        }
        source.forget_keyframe();
        source.reference = None;
    }

    /// Starts every slot that waits for a source, with a packet that just came in.
    pub(crate) fn start_with(
        &mut self,
        source_at: u32,
        first: &Placed,
        outbox: &mut Outbox,
    ) -> Started {
        let source = self.sources.at(source_at);
        let begun = source.receivers.len();
        start(source, source_at, first, &mut self.sinks);
        let started = &source.receivers[begun..];
        let deliveries = outbox.deliver(source.codec, first, started);
        Started { slots: started.len() as u64, deliveries }
    }

    /// Starts every slot that waits for a video, with the packets that are kept of its newest keyframe; none if there
    /// are none, or too many.
    pub(crate) fn start_from_cache(
        &mut self,
        source_at: u32,
        limits: &Burst,
        outbox: &mut Outbox,
    ) -> Started {
        let source = self.sources.at(source_at);
        let Some(place) = source.burst_start(limits) else { return Started::default() };
        let first =
            source.history.get(place).cloned().expect("a burst starts with a packet that is kept");
        let begun = source.receivers.len();
        start(source, source_at, &first, &mut self.sinks);
        let started = &source.receivers[begun..];
        let burst = source.history.since(place);
        let deliveries = burst.map(|packet| outbox.deliver(source.codec, packet, started)).sum();
        Started { slots: started.len() as u64, deliveries }
    }

    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let attachment = |sink_at: u32, slot: Slot| {
            self.sinks.get(sink_at).and_then(|sink| sink.slots[slot.index()].attachment)
        };
        let mut listed = 0;
        for (source_at, source) in self.sources.iter() {
            let receivers =
                source.receivers.iter().map(|entry| (List::Receivers, entry.sink_at, entry.slot));
            let waiting =
                source.waiting.iter().map(|entry| (List::Waiting, entry.sink_at, entry.slot));
            for (position, (list, sink_at, slot)) in (0..).zip(receivers).chain((0..).zip(waiting))
            {
                listed += 1;
                if attachment(sink_at, slot)
                    != Some(Attachment { source: source_at, list, position })
                {
                    return Err("a listed slot is not attached there");
                }
                if slot.medium() != source.codec.medium() {
                    return Err("a slot receives another medium");
                }
            }
            if source.newest.is_none() && !source.receivers.is_empty() {
                return Err("a slot receives a source that sent nothing");
            }
        }
        let slots = self.sinks.iter().flat_map(|(_, sink)| &sink.slots);
        if slots.filter(|slot| slot.attachment.is_some()).count() != listed {
            return Err("an attached slot is not listed");
        }
        for (_, sink) in self.sinks.iter() {
            sink.runs.check()?;
            if !sink.is_behind && !sink.parked.is_empty() {
                return Err("a slot is parked, and its sink keeps up");
            }
            if sink.parked.iter().any(|parked| sink.attached_to(parked.slot).is_some()) {
                return Err("a slot is parked and attached");
            }
        }
        Ok(())
    }
}

/// Moves every slot that waits for a source to those that receive it.
fn start(source: &mut Source, source_at: u32, first: &Placed, sinks: &mut Slab<Sink>) {
    let clock_hz = source.codec.clock_hz();
    let captured = source.captured(first.timestamp);
    for Waiter { sink, sink_at, slot } in source.waiting.drain(..) {
        let state = &mut sinks.at(sink_at).slots[slot.index()];
        state.attachment = Some(Attachment {
            source: source_at,
            list: List::Receivers,
            position: source.receivers.len() as u32,
        });
        let mapping = Mapping::begin(&state.tail, first, captured, clock_hz);
        source.receivers.push(Receiver { sink, sink_at, slot, mapping });
    }
}
