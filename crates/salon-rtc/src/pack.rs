//! From what waits for one viewer to the runs that are sent to it.

use salon_fanout::codec::Medium;

use crate::egress::{Entry, Queue, Run, Waiting};
use crate::even::Even;
use crate::statistics::Counters;
use crate::thin::Leg;

/// What goes to a viewer in one call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Datagrams<'a> {
    /// All there is for it now: one datagram.
    Single(&'a [u8]),
    /// Datagrams one behind the other, each but the last so long.
    Run { bytes: &'a [u8], segment: usize },
}

/// Writes what waits for one viewer.
#[derive(Debug)]
pub(crate) struct Packer<'a> {
    pub(crate) leg: &'a mut Leg,
    pub(crate) queue: &'a Queue,
    pub(crate) run: &'a mut Run,
    /// How many datagrams the kernel takes in one call.
    pub(crate) segments_max: usize,
    pub(crate) counters: &'a Counters,
}

impl Packer<'_> {
    /// Writes all of it, and hands it to `send`.
    pub(crate) fn pack(mut self, waiting: Waiting, mut send: impl FnMut(Datagrams<'_>)) {
        self.run.begin(self.segments_max);
        // Pictures first: their packets are of a length, and each shorter one of sound would end their run.
        for medium in [Medium::Video, Medium::Audio] {
            let entries = self.queue.entries(waiting);
            let mut entries = entries.filter(|entry| entry.slot.medium() == medium);
            let mut even = Even::default();
            loop {
                let lengths = entries.clone().map_while(|entry| self.paddable_bytes(entry));
                let bytes = even.next(lengths);
                let Some(entry) = entries.next() else { break };
                self.write(entry, bytes, &mut send);
            }
        }
        match self.run.single() {
            Some(bytes) => send(Datagrams::Single(bytes)),
            None => self.end_run(&mut send),
        }
    }

    /// How long a packet is, if it may be made longer. Sound is of a few bytes, what is sent again is late as it is, and
    /// where there are no runs padding gains nothing.
    fn paddable_bytes(&self, entry: &Entry) -> Option<usize> {
        let is_picture = entry.slot.medium() == Medium::Video;
        let may_be = is_picture && !entry.fields.is_retransmission && self.segments_max > 1;
        if may_be { self.bytes(entry) } else { None }
    }

    fn bytes(&self, entry: &Entry) -> Option<usize> {
        self.leg.packet_bytes(entry.slot, entry.fields.is_retransmission, entry.payload_bytes)
    }

    /// Writes a packet, and makes it as long as `bytes_min` if it is shorter.
    fn write(&mut self, entry: &Entry, bytes_min: usize, send: &mut impl FnMut(Datagrams<'_>)) {
        let Some(bytes) = self.bytes(entry).map(|bytes| bytes.max(bytes_min)) else { return };
        if self.run.room(bytes).is_none() {
            self.end_run(send);
        }
        let Some(room) = self.run.room(bytes) else { return };
        if self.leg.seal(entry.slot, &entry.fields, self.queue.payload(entry), room) {
            self.run.add(bytes);
            let counter = match entry.fields.is_retransmission {
                false => &self.counters.packets_out,
                true => &self.counters.packets_repaired,
            };
            counter.add(1);
        }
    }

    fn end_run(&mut self, send: &mut impl FnMut(Datagrams<'_>)) {
        if let Some((bytes, segment)) = self.run.datagrams() {
            self.counters.runs_out.add(1);
            send(Datagrams::Run { bytes, segment });
        }
        self.run.go_on();
    }
}

#[cfg(test)]
mod tests;
