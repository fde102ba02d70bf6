//! What a receiver asks for again, and what time it is in its streams.

use std::time::Duration;

use salon_core::MediaTime;

use super::{Fanout, Nack, Repaired};
use crate::codec::Codec;
use crate::history::Placed;
use crate::outbox::Outbox;
use crate::repair::{Account, Refusal, Runs};
use crate::rewrite::Tail;
use crate::roster::Roster;
use crate::sink::{Receiver, Sink, SinkId, Slot, SlotState};
use crate::slab::Slab;
use crate::stream::Stream;

impl Fanout {
    /// A receiver wishes to have packets again: adds a delivery for each that it was sent, is still kept and has been
    /// earned ([`Repair`](super::Repair)), and returns how many there are. The deliveries are as they were the first
    /// time, but for [`Delivery::retransmission`](crate::outbox::Delivery::retransmission).
    ///
    /// `sequences` are the slot's own numbers as they are on the wire; they may be from before its source or layer was
    /// changed, as long as that source exists. A wish of an unknown sink, or for a packet that this slot was never sent, is
    /// counted as missing.
    pub fn retransmit(
        &mut self,
        now: MediaTime,
        nack: Nack,
        sequences: impl IntoIterator<Item = u16>,
        outbox: &mut Outbox,
    ) -> usize {
        let (limits, counts) = (&self.config.repair, &mut self.statistics.repair);
        let Some(&sink_at) = self.sink_ids.get(&nack.sink) else {
            counts.missing += sequences.into_iter().count() as u64;
            return 0;
        };
        let Roster { streams, sinks, .. } = &mut self.roster;
        let Sink { slots, runs, .. } = sinks.at(sink_at);
        let state = &mut slots[nack.slot.index()];
        let current = receiving(state, streams);
        let newest = current.map_or_else(
            || end(&state.tail),
            |(stream, receiver)| Some(receiver.mapping.sequence(stream.position().sequence)),
        );
        let Some(newest) = newest else {
            counts.missing += sequences.into_iter().count() as u64;
            return 0;
        };
        let past = Past { streams, sink: nack.sink, sink_at, slot: nack.slot, current, runs };
        let account =
            state.account.get_or_insert_with(|| Box::new(Account::new(now, newest, limits)));
        account.earn(newest, limits);
        let guard = limits.rtt_guard.max(nack.rtt.unwrap_or(Duration::ZERO)).min(limits.span_max);
        let oldest = now - limits.span_max;
        let before = counts.answered;
        for wire in sequences {
            let found = resolve(newest, wire)
                .and_then(|sequence| Some((sequence, past.find(sequence)?)))
                .filter(|(_, (_, packet, _))| packet.arrived >= oldest);
            let Some((sequence, (codec, packet, receiver))) = found else {
                counts.missing += 1;
                continue;
            };
            match account.spend(now, sequence, guard) {
                Ok(()) => {
                    outbox.deliver_again(codec, packet, &receiver);
                    counts.answered += 1;
                }
                Err(refusal) => counts.refuse(refusal),
            }
        }
        (counts.answered - before) as usize
    }

    /// The RTP timestamp that a slot would give to what is captured `now`: what a sender report to the receiver says
    /// beside the time of `now`. `None` while the slot receives nothing, or nothing is known of the clock of its layer.
    #[must_use]
    pub fn clock(&self, sink: SinkId, slot: Slot, now: MediaTime) -> Option<u32> {
        let sink = self.roster.sinks.get(*self.sink_ids.get(&sink)?)?;
        let (stream, receiver) = receiving(&sink.slots[slot.index()], &self.roster.streams)?;
        let timestamp = stream.reference?.timestamp_at(now, stream.codec.clock_hz());
        Some(receiver.mapping.timestamp(timestamp))
    }
}

impl Repaired {
    fn refuse(&mut self, refusal: Refusal) {
        match refusal {
            Refusal::Guarded => self.guarded += 1,
            Refusal::OverBudget => self.over_budget += 1,
        }
    }
}

/// What one slot was sent, as far as it is kept.
#[derive(Debug)]
struct Past<'a> {
    streams: &'a Slab<Stream>,
    sink: SinkId,
    sink_at: u32,
    slot: Slot,
    current: Option<(&'a Stream, &'a Receiver)>,
    runs: &'a Runs,
}

impl<'a> Past<'a> {
    /// A packet by the slot's own number, and how the slot receives it.
    fn find(&self, sequence: u64) -> Option<(Codec, &'a Placed, Receiver)> {
        if let Some((stream, receiver)) = self.current {
            let place = receiver.mapping.place(sequence);
            if sequence >= receiver.mapping.sequence(receiver.mapping.first) {
                return Some((stream.codec, stream.history.get(place)?, *receiver));
            }
        }
        let run = self.runs.find(self.slot, sequence)?;
        let stream = self.streams.get(run.stream).filter(|stream| stream.serial == run.serial)?;
        let packet = stream.history.get(run.mapping.place(sequence))?;
        let Self { sink, sink_at, slot, .. } = *self;
        let receiver = Receiver { sink, sink_at, slot, mapping: run.mapping };
        (packet.ordinal < run.accepted).then_some((stream.codec, packet, receiver))
    }
}

/// The stream that a slot receives, and how.
fn receiving<'a>(
    slot: &SlotState,
    streams: &'a Slab<Stream>,
) -> Option<(&'a Stream, &'a Receiver)> {
    let entry = slot.attachment?.receives?;
    let stream = streams.get(entry.stream)?;
    Some((stream, stream.receivers.get(entry.position as usize)?))
}

/// The last number of a stream that has stopped, if it ever began.
fn end(tail: &Tail) -> Option<u64> {
    match tail {
        Tail::Fresh(_) => None,
        Tail::After(last) => Some(last.sequence),
    }
}

/// The number nearest below or at `newest` that ends with `wire`.
fn resolve(newest: u64, wire: u16) -> Option<u64> {
    newest.checked_sub((newest as u16).wrapping_sub(wire).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_on_the_wire_are_the_nearest_that_were_sent() {
        assert_eq!(resolve(65_540, 4), Some(65_540));
        assert_eq!(resolve(65_540, 65_535), Some(65_535));
        assert_eq!(resolve(65_540, 5), Some(5));
        assert_eq!(resolve((1 << 32) + 2, 0xfffe), Some((1 << 32) - 2));
        // Not yet sent.
        assert_eq!(resolve(3, 9), None);
    }
}
