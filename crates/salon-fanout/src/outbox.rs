//! What to send: the fan-out writes deliveries here, the caller sends them.

use bytes::Bytes;
use salon_core::MediaTime;

use crate::codec::Codec;
use crate::history::Placed;
use crate::sink::{Receiver, SinkId, Slot};

/// Deliveries in the order they were made, with the payloads they share.
///
/// Owned by the caller and reused: once it has grown to the size of a batch, filling it allocates nothing. It is
/// not bounded by itself: one packet adds at most one delivery for each slot attached to its source (and, for a slot
/// that starts here, its share of the keyframe cache), so [`Outbox::clear`] it at least after every few packets.
#[derive(Debug, Default)]
pub struct Outbox {
    // Invariant: every delivery's `payload` is an index into `payloads`.
    deliveries: Vec<Delivery>,
    payloads: Vec<Bytes>,
}

impl Outbox {
    /// An empty outbox.
    #[must_use]
    pub const fn new() -> Self {
        Self { deliveries: Vec::new(), payloads: Vec::new() }
    }

    /// Each delivery with its payload, oldest first. Within one slot, this is the order to send in.
    #[inline]
    pub fn deliveries(&self) -> impl ExactSizeIterator<Item = (&Delivery, Payload<'_>)> {
        self.deliveries.iter().map(|delivery| {
            let shared = &self.payloads[delivery.payload as usize];
            (
                delivery,
                Payload {
                    prefix: delivery.prefix.as_slice(),
                    skip: delivery.prefix.replaces(),
                    shared,
                },
            )
        })
    }

    /// The payloads that the deliveries share, at their [`Delivery::payload_index`]: for a driver that needs them in
    /// another form, and wants to make it once for each packet.
    #[must_use]
    pub fn payloads(&self) -> &[Bytes] {
        &self.payloads
    }

    /// How many deliveries it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.deliveries.len()
    }

    /// True if there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deliveries.is_empty()
    }

    /// Forgets everything, and keeps the memory for the next batch.
    pub fn clear(&mut self) {
        self.deliveries.clear();
        self.payloads.clear();
    }

    /// Adds one delivery of `packet` for each of `receivers`, and returns how many there are. Their streams have begun
    /// at its place or before.
    pub(crate) fn deliver(&mut self, codec: Codec, packet: &Placed, receivers: &[Receiver]) -> u64 {
        if receivers.is_empty() {
            return 0;
        }
        let payload = self.share(&packet.payload);
        let delivery = |receiver| Delivery::new(codec, packet, payload, receiver);
        self.deliveries.extend(receivers.iter().map(delivery));
        receivers.len() as u64
    }

    /// As [`Outbox::deliver`], for a packet that came after later ones: leaves out streams that began after it.
    pub(crate) fn deliver_late(
        &mut self,
        codec: Codec,
        packet: &Placed,
        receivers: &[Receiver],
    ) -> u64 {
        let before = self.deliveries.len();
        let payload = self.share(&packet.payload);
        let begun = receivers.iter().filter(|receiver| receiver.mapping.first <= packet.place);
        let delivery = |receiver| Delivery::new(codec, packet, payload, receiver);
        self.deliveries.extend(begun.map(delivery));
        (self.deliveries.len() - before) as u64
    }

    /// Adds `packet` for a slot that was sent it before.
    pub(crate) fn deliver_again(&mut self, codec: Codec, packet: &Placed, receiver: &Receiver) {
        let payload = self.share(&packet.payload);
        let delivery = Delivery::new(codec, packet, payload, receiver);
        self.deliveries.push(Delivery { retransmission: true, ..delivery });
    }

    fn share(&mut self, payload: &Bytes) -> u32 {
        let index =
            u32::try_from(self.payloads.len()).expect("a batch has fewer than 2^32 packets");
        self.payloads.push(payload.clone());
        index
    }
}

/// One packet for one slot of one sink.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// Who receives it.
    pub sink: SinkId,
    /// In which of the receiver's streams.
    pub slot: Slot,
    /// The codec of the payload, from which the receiver's payload type follows.
    pub codec: Codec,
    /// The marker bit.
    pub marker: bool,
    /// The slot's own timestamp, in ticks of the codec's clock.
    pub timestamp: u32,
    /// The slot's own sequence number, extended: the wire carries the low 16 bits, the rest is the roll-over count.
    /// A slot's first one is below 65,536.
    pub sequence: u64,
    /// When the packet came in: the `now` that [`Fanout::forward`](crate::Fanout::forward) was given with it, also if it
    /// was kept since.
    pub arrived: MediaTime,
    /// The receiver was sent this packet before, and asked for it again.
    pub retransmission: bool,
    payload: u32,
    prefix: Prefix,
}

impl Delivery {
    fn new(codec: Codec, packet: &Placed, payload: u32, receiver: &Receiver) -> Self {
        Self {
            sink: receiver.sink,
            slot: receiver.slot,
            codec,
            marker: packet.marker,
            timestamp: receiver.mapping.timestamp(packet.timestamp),
            sequence: receiver.mapping.sequence(packet.place),
            arrived: packet.arrived,
            retransmission: false,
            payload,
            prefix: receiver.mapping.prefix(packet),
        }
    }

    /// Which of [`Outbox::payloads`] it has, apart from bytes that are replaced for this receiver.
    #[inline]
    #[must_use]
    pub const fn payload_index(&self) -> usize {
        self.payload as usize
    }
}

/// The payload of one delivery: the shared bytes, with the first few replaced where this receiver needs others.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    prefix: &'a [u8],
    skip: u8,
    shared: &'a Bytes,
}

impl<'a> Payload<'a> {
    /// The two parts to put on the wire, one after the other. The first is empty unless bytes were replaced.
    #[inline]
    #[must_use]
    pub fn parts(&self) -> (&'a [u8], &'a [u8]) {
        (self.prefix, &self.shared[usize::from(self.skip)..])
    }

    /// The payload as one handle if it is the source's own, without a copy.
    #[inline]
    #[must_use]
    pub fn shared(&self) -> Option<&'a Bytes> {
        (self.skip == 0).then_some(self.shared)
    }

    /// Its length in bytes.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.prefix.len() + self.shared.len() - usize::from(self.skip)
    }

    /// True if there is nothing in it: a packet that only fills its place in the sequence.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A copy in one piece.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let (prefix, body) = self.parts();
        [prefix, body].concat()
    }
}

/// The longest VP8 payload descriptor (RFC 7741, 4.2): nothing longer is ever replaced. That of VP9 has its numbers
/// in the first five bytes (RFC 9628, 4.2).
pub(crate) const PREFIX_BYTES_MAX: usize = 6;

/// Bytes that replace the beginning of a shared payload.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Prefix(
    // Invariant: up to PREFIX_BYTES_MAX bytes; then how many there are, and how many they replace. In one piece, as
    // one is written for every delivery.
    [u8; PREFIX_BYTES_MAX + 2],
);

impl Prefix {
    /// The first `len` bytes of `bits`, lowest first.
    pub(crate) const fn new(bits: u64, len: u8, replaces: u8) -> Self {
        debug_assert!(len as usize <= PREFIX_BYTES_MAX, "no descriptor is longer");
        let counts = (len as u64) << 48 | (replaces as u64) << 56;
        Self((bits & 0xffff_ffff_ffff | counts).to_le_bytes())
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        let [bytes @ .., len, _] = &self.0;
        &bytes[..usize::from(*len)]
    }

    #[inline]
    pub(crate) const fn replaces(&self) -> u8 {
        self.0[PREFIX_BYTES_MAX + 1]
    }
}
