//! What is to be sent to viewers: collected as it comes, then written and sent viewer by viewer.
//!
//! The fan-out puts out a packet for all of its viewers, then the next packet. The kernel is cheapest when it gets all
//! packets of one viewer at once: one system call, one walk through its layers, one datagram cut into segments at the
//! end (UDP_SEGMENT). So deliveries wait in a [`Queue`], in one list for each viewer, and a [`Run`] takes as many as
//! fit one system call.

use std::time::{Duration, Instant};

use bytes::Bytes;
use salon_fanout::Slot;
use salon_fanout::codec::Medium;
use salon_fanout::outbox::{Delivery, Payload};

use crate::table::Key;
use crate::thin::{Fields, HEAD_BYTES_MAX};

/// How long packets are collected at most while more keep coming in. Less costs system calls, more is felt: 2 ms is
/// where a whole frame fits and nobody notices.
pub(crate) const BATCH_MAX: Duration = Duration::from_millis(2);
/// How many packets of publishers wait at most: what one system call can carry for one viewer.
const PACKETS_MAX: usize = 64;
/// How many deliveries wait at most before all are sent: 6 MiB of them.
const ENTRIES_MAX: usize = 64 * 1_024;

/// Deliveries that wait to be sent.
///
/// Reused: once it has grown to the size of a batch, filling it allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    entries: Vec<Entry>,
    // Invariant: every entry's `payload` is an index into it.
    payloads: Vec<Bytes>,
    /// Those who have something waiting, in the order it came.
    viewers: Vec<Key>,
    /// When the first of it came.
    since: Option<Instant>,
    /// The last packet of a picture is among it.
    ends_frame: bool,
    /// Who is first, as a fraction of all, of 2^32.
    turn: u32,
}

/// A delivery that waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) slot: Slot,
    pub(crate) fields: Fields,
    /// How long the payload is, head and all.
    pub(crate) payload_bytes: usize,
    payload: u32,
    head: [u8; HEAD_BYTES_MAX],
    head_bytes: u8,
    skip: u8,
    /// The viewer's next one.
    next: Option<Link>,
}

/// The place of an entry.
type Link = std::num::NonZeroU32;

/// The waiting entries of one viewer: a list through the queue.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Waiting {
    // Invariant: both or none; entries of the queue they were pushed to.
    first: Option<Link>,
    last: Option<Link>,
}

impl Queue {
    /// Shares the payloads of an outbox, and returns where they begin.
    pub(crate) fn share(&mut self, now: Instant, payloads: &[Bytes]) -> u32 {
        self.since.get_or_insert(now);
        let base = u32::try_from(self.payloads.len()).expect("a batch is bounded");
        self.payloads.extend(payloads.iter().cloned());
        base
    }

    /// Adds a delivery of an outbox that was shared at `base` to what waits for a viewer.
    pub(crate) fn push(
        &mut self,
        viewer: Key,
        waiting: &mut Waiting,
        base: u32,
        delivery: &Delivery,
        payload: Payload<'_>,
    ) {
        let (own, shared) = payload.parts();
        let payload = base + delivery.payload_index() as u32;
        let whole = &self.payloads[payload as usize];
        let mut head = [0; HEAD_BYTES_MAX];
        head[..own.len()].copy_from_slice(own);
        self.ends_frame |= delivery.marker && delivery.slot.medium() == Medium::Video;
        self.entries.push(Entry {
            slot: delivery.slot,
            fields: delivery.into(),
            payload_bytes: own.len() + shared.len(),
            payload,
            head,
            head_bytes: own.len() as u8,
            skip: (whole.len() - shared.len()) as u8,
            next: None,
        });
        let link = u32::try_from(self.entries.len()).ok().and_then(Link::new);
        match waiting.last {
            Some(last) => self.entries[last.get() as usize - 1].next = link,
            None => {
                waiting.first = link;
                self.viewers.push(viewer);
            }
        }
        waiting.last = link;
    }

    /// True if no more should be collected.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.ends_frame || self.is_full() || self.deadline(BATCH_MAX).is_some_and(|due| due <= now)
    }

    /// True if no more may be collected.
    pub(crate) fn is_full(&self) -> bool {
        self.payloads.len() >= PACKETS_MAX || self.entries.len() >= ENTRIES_MAX
    }

    /// When what waits has waited for so long.
    pub(crate) fn deadline(&self, patience: Duration) -> Option<Instant> {
        self.since.map(|since| since + patience)
    }

    /// Whose turn it is, by number from 0: everybody who waits, beginning with another one each time.
    ///
    /// Whoever is served last waits for all others. So over a few batches everybody comes early and late, however many
    /// they are.
    pub(crate) fn viewer(&self, number: usize) -> Option<Key> {
        let count = self.viewers.len();
        let first = (u64::from(self.turn) * count as u64) >> 32;
        (number < count).then(|| self.viewers[(first as usize + number) % count])
    }

    /// What waits for a viewer, oldest first.
    pub(crate) fn entries(&self, waiting: Waiting) -> impl Iterator<Item = &Entry> + Clone {
        let at = |link: Link| &self.entries[link.get() as usize - 1];
        std::iter::successors(waiting.first.map(at), move |entry| entry.next.map(at))
    }

    /// The payload of an entry: the viewer's own beginning, and the shared rest.
    pub(crate) fn payload<'a>(&'a self, entry: &'a Entry) -> [&'a [u8]; 2] {
        let shared = &self.payloads[entry.payload as usize];
        [&entry.head[..usize::from(entry.head_bytes)], &shared[usize::from(entry.skip)..]]
    }

    /// Forgets everything, and keeps the memory.
    pub(crate) fn clear(&mut self) {
        /// The golden ratio: its multiples are spread evenly over the circle after any number of steps (Knuth, The Art
        /// of Computer Programming, 6.4).
        const STEP: u32 = 0x9e37_79b9;
        self.entries.clear();
        self.payloads.clear();
        self.viewers.clear();
        self.since = None;
        self.ends_frame = false;
        self.turn = self.turn.wrapping_add(STEP);
    }
}

/// The most bytes in one system call: the largest datagram there could be (IPv4, 65,535 less its headers).
const RUN_BYTES_MAX: usize = 65_507;

/// Datagrams for one destination, one behind the other: all of the same length, but for the last, which may be shorter.
#[derive(Debug)]
pub(crate) struct Run {
    buffer: Box<[u8]>,
    length: usize,
    /// How long each is.
    segment: usize,
    count: usize,
    // Invariant: at least 1.
    segments_max: usize,
    /// Nothing went to this destination before it.
    is_first: bool,
}

impl Run {
    pub(crate) fn new() -> Self {
        let buffer = vec![0; RUN_BYTES_MAX].into_boxed_slice();
        Self { buffer, length: 0, segment: 0, count: 0, segments_max: 1, is_first: true }
    }

    /// Begins with a destination; the kernel takes so many segments in one call.
    pub(crate) fn begin(&mut self, segments_max: usize) {
        self.go_on();
        self.segments_max = segments_max.max(1);
        self.is_first = true;
    }

    /// Goes on with the same destination, in another call.
    pub(crate) fn go_on(&mut self) {
        self.length = 0;
        self.count = 0;
        self.is_first = false;
    }

    /// The datagram, if there is but one for this destination.
    pub(crate) fn single(&self) -> Option<&[u8]> {
        (self.is_first && self.count == 1).then(|| &self.buffer[..self.length])
    }

    /// Room for one more datagram of so many bytes; `None` if it needs a run of its own.
    pub(crate) fn room(&mut self, bytes: usize) -> Option<&mut [u8]> {
        let is_first = self.count == 0;
        // One that was shorter ended it.
        let is_whole = self.length == self.count * self.segment;
        let fits = is_first || is_whole && bytes <= self.segment && self.count < self.segments_max;
        if !fits {
            return None;
        }
        self.buffer.get_mut(self.length..self.length + bytes)
    }

    /// The datagram that was written into the room is part of it.
    pub(crate) fn add(&mut self, bytes: usize) {
        if self.count == 0 {
            self.segment = bytes;
        }
        self.length += bytes;
        self.count += 1;
    }

    /// The datagrams, and how long each but the last is. `None` if there are none.
    pub(crate) fn datagrams(&self) -> Option<(&[u8], usize)> {
        (self.count > 0).then(|| (&self.buffer[..self.length], self.segment))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::table::Table;

    /// The lengths of datagrams in each run, as they are cut by the kernel.
    pub(crate) fn runs(lengths: &[usize], segments_max: usize) -> Vec<Vec<usize>> {
        let (mut run, mut runs) = (Run::new(), Vec::new());
        let mut end = |run: &Run| {
            if let Some((bytes, segment)) = run.datagrams() {
                runs.push(bytes.chunks(segment).map(<[u8]>::len).collect());
            }
        };
        run.begin(segments_max);
        for length in lengths {
            if run.room(*length).is_none() {
                end(&run);
                run.go_on();
                assert!(run.room(*length).is_some());
            }
            run.add(*length);
        }
        end(&run);
        runs
    }

    #[test]
    fn a_datagram_is_single_if_there_is_no_other_for_its_destination() {
        let mut run = Run::new();
        run.begin(64);
        assert_eq!(run.single(), None);
        for expected in [Some(3), None] {
            assert!(run.room(3).is_some());
            run.add(3);
            assert_eq!(run.single().map(<[u8]>::len), expected);
        }
        run.go_on();
        run.add(3);
        assert_eq!(run.single(), None);
    }

    #[test]
    fn everybody_comes_first_within_a_few_batches() {
        let mut table = Table::default();
        for count in 1..=300 {
            let viewers: Vec<Key> = (0..count).map(|_| table.insert(())).collect();
            let mut queue = Queue::default();
            let mut first = std::collections::BTreeSet::new();
            // As many batches as viewers are the least; with the golden ratio it takes up to twice as many and a half.
            for _ in 0..3 * count {
                queue.viewers.clone_from(&viewers);
                let order: Vec<Key> = (0..).map_while(|number| queue.viewer(number)).collect();
                // Everybody comes once, in the order that they came in.
                assert_eq!(order.len(), count);
                let at = viewers.iter().position(|viewer| *viewer == order[0]).unwrap();
                assert_eq!(order, [&viewers[at..], &viewers[..at]].concat());
                first.insert(order[0]);
                queue.clear();
            }
            assert_eq!(first.len(), count);
        }
    }

    #[test]
    fn equal_lengths_share_a_run_and_a_shorter_one_ends_it() {
        assert_eq!(runs(&[9, 9, 9, 5, 9, 12, 12], 64), [vec![9, 9, 9, 5], vec![9], vec![12, 12]]);
        assert_eq!(runs(&[9, 9, 9], 1), [[9], [9], [9]]);
        assert_eq!(runs(&[9, 9, 9], 2), [vec![9, 9], vec![9]]);
        assert_eq!(runs(&[1_400; 60], 64).len(), 2);
        assert_eq!(runs(&[], 64), Vec::<Vec<usize>>::new());
    }

    proptest! {
        #[test]
        fn every_datagram_is_sent_as_it_is(
            lengths in prop::collection::vec(1_usize..1_500, 0..200),
            segments_max in 0_usize..70,
        ) {
            let runs = runs(&lengths, segments_max);
            prop_assert!(runs.iter().all(|run| run.len() <= segments_max.max(1)));
            prop_assert_eq!(runs.concat(), lengths);
        }
    }
}
