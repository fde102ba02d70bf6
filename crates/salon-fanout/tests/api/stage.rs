//! Publishers to feed a fan-out with, and a short way to its methods.

use std::time::Duration;

use bytes::Bytes;
use salon_core::{Fence, GrantKey, MediaTime, StintId, TrackId};
use salon_fanout::engine::{Config, Input, InputError, Nack, Output};
use salon_fanout::layer::{Encoding, Layer};
use salon_fanout::packet::{AudioLevel, Header};
use salon_fanout::sink::SinkId;
use salon_fanout::{Codec, Fanout, Outbox, Packet, Slot};

pub(crate) const VIDEO: Slot = match Slot::video(0) {
    Some(slot) => slot,
    None => panic!("there is a video slot 0"),
};
pub(crate) const AUDIO: Slot = match Slot::audio(0) {
    Some(slot) => slot,
    None => panic!("there is an audio slot 0"),
};

pub(crate) fn key(stint: u64) -> GrantKey {
    GrantKey { fence: Fence(1), stint: StintId(stint) }
}

/// One publisher's stream: what a browser would send next.
#[derive(Clone, Debug)]
pub(crate) struct Publisher {
    pub(crate) track: TrackId,
    pub(crate) layer: Layer,
    pub(crate) key: GrantKey,
    pub(crate) codec: Codec,
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) picture: u16,
    pub(crate) tl0: u8,
    /// How tall VP8 keyframes say they are; zero for those that do not say it.
    pub(crate) rows: u16,
}

impl Publisher {
    pub(crate) fn new(track: u64, stint: u64, codec: Codec) -> Self {
        Self {
            track: TrackId(track),
            layer: Layer::ONLY,
            key: key(stint),
            codec,
            sequence: 1_000 * track,
            timestamp: 0,
            picture: 0,
            tl0: 0,
            rows: 0,
        }
    }

    /// The three layers of a video, lowest first, each with numbers and timestamps of its own.
    pub(crate) fn simulcast(track: u64, codec: Codec, rows: [u16; 3]) -> [Self; 3] {
        [0, 1, 2].map(|number| Self {
            layer: Layer::new(number).unwrap(),
            sequence: 10_000 * u64::from(number),
            timestamp: 77_777 * u32::from(number),
            picture: 100 * u16::from(number),
            rows: rows[usize::from(number)],
            ..Self::new(track, track, codec)
        })
    }

    pub(crate) fn encoding(&self) -> Encoding {
        Encoding { track: self.track, layer: self.layer }
    }

    /// The packets of the next frame; the last byte of each payload is `mark`.
    pub(crate) fn frame(&mut self, keyframe: bool, packets: usize, mark: u8) -> Vec<Packet> {
        self.timestamp = self.timestamp.wrapping_add(self.codec.clock_hz() / 30);
        self.picture = (self.picture + 1) & 0x7fff;
        self.tl0 = self.tl0.wrapping_add(1);
        (0..packets)
            .map(|number| {
                let mut payload = match self.codec {
                    Codec::Opus => vec![0x78],
                    Codec::Vp8 => {
                        let [high, low] = (self.picture | 0x8000).to_be_bytes();
                        let first = if number == 0 { 0x90 } else { 0x80 };
                        let frame = if keyframe { 0 } else { 1 };
                        let mut payload = vec![first, 0xe0, high, low, self.tl0, 0x20, frame];
                        if keyframe && number == 0 && self.rows > 0 {
                            let [low, high] = self.rows.to_le_bytes();
                            payload.extend([0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, low, high]);
                        }
                        payload
                    }
                    Codec::H264 => match (keyframe, number) {
                        (true, 0) => vec![0x78, 0, 1, 0x67, 0, 1, 0x68, 0, 2, 0x65],
                        (true, _) => vec![0x7c, 0x05],
                        (false, _) => vec![0x41],
                    },
                    Codec::Vp9 => {
                        let [high, low] = (self.picture | 0x8000).to_be_bytes();
                        let begins = if number == 0 { 0x08 } else { 0 };
                        let inter = if keyframe { 0 } else { 0x40 };
                        vec![0xa0 | begins | inter, high, low, 0, self.tl0]
                    }
                    Codec::Av1 => {
                        let starts = if keyframe && number == 0 { 0x08 } else { 0 };
                        vec![0x10 | starts, 0x32]
                    }
                };
                payload.push(mark);
                self.packet(payload.into(), number + 1 == packets)
            })
            .collect()
    }

    /// Time passes for it, and it sends nothing.
    pub(crate) fn pause(&mut self) {
        self.timestamp = self.timestamp.wrapping_add(self.codec.clock_hz() / 30);
    }

    /// A packet with this payload, of the same frame as the one before or of the next.
    pub(crate) fn unit(&mut self, next_frame: bool, payload: &'static [u8]) -> Vec<Packet> {
        self.timestamp += if next_frame { 3_000 } else { 0 };
        vec![self.packet(Bytes::from_static(payload), false)]
    }

    pub(crate) fn padding(&mut self) -> Packet {
        self.packet(Bytes::new(), false)
    }

    pub(crate) fn speech(&mut self, dbov: i8) -> Packet {
        let packet = self.frame(false, 1, 0).remove(0);
        let audio_level = Some(AudioLevel::from_dbov(dbov));
        let header = Header { audio_level, ..packet.header() };
        Packet::parse(self.codec, header, packet.payload().clone()).unwrap()
    }

    fn packet(&mut self, payload: Bytes, marker: bool) -> Packet {
        self.sequence += 1;
        let header = Header {
            sequence: self.sequence,
            timestamp: self.timestamp,
            marker,
            audio_level: None,
        };
        Packet::parse(self.codec, header, payload).unwrap()
    }
}

/// A packet as one receiver gets it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Received {
    pub(crate) sink: u64,
    pub(crate) slot: Slot,
    pub(crate) codec: Codec,
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) payload: Vec<u8>,
    pub(crate) is_shared: bool,
    pub(crate) arrived: MediaTime,
    pub(crate) retransmission: bool,
}

impl Received {
    pub(crate) fn mark(&self) -> u8 {
        *self.payload.last().unwrap()
    }

    /// The picture number and the base layer's, of a payload as [`Publisher::frame`] makes it.
    pub(crate) fn numbers(&self) -> Option<(u16, u8)> {
        let at = match self.codec {
            Codec::Vp8 => 2,
            Codec::Vp9 => 1,
            Codec::Opus | Codec::H264 | Codec::Av1 => return None,
        };
        let picture = u16::from_be_bytes([self.payload[at], self.payload[at + 1]]) & 0x7fff;
        Some((picture, self.payload[4]))
    }

    pub(crate) fn vp8_numbers(&self) -> (u16, u8) {
        assert_eq!(self.payload[..2], [0x80 | self.payload[0] & 0x10, 0xe0]);
        self.numbers().unwrap()
    }

    pub(crate) fn starts_keyframe(&self) -> bool {
        match self.codec {
            Codec::Opus => true,
            Codec::Vp8 => self.payload[0] & 0x10 != 0 && self.payload[6] & 1 == 0,
            Codec::H264 => self.payload[0] == 0x78,
            Codec::Vp9 => self.payload[0] & 0x48 == 0x08,
            Codec::Av1 => self.payload[0] & 0x08 != 0,
        }
    }
}

/// A fan-out with a clock.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) fanout: Fanout,
    pub(crate) now: MediaTime,
    outbox: Outbox,
}

impl Default for Stage {
    fn default() -> Self {
        Self::new(Config::default())
    }
}

impl Stage {
    pub(crate) fn new(config: Config) -> Self {
        Self { fanout: Fanout::new(config), now: MediaTime(1_000_000), outbox: Outbox::new() }
    }

    pub(crate) fn wait_ms(&mut self, ms: u64) {
        self.now.0 += 1_000 * ms;
    }

    pub(crate) fn try_handle(&mut self, input: Input) -> Result<Vec<Received>, InputError> {
        self.fanout.handle(self.now, input, &mut self.outbox)?;
        Ok(self.take())
    }

    pub(crate) fn handle(&mut self, input: Input) -> Vec<Received> {
        self.try_handle(input).unwrap()
    }

    pub(crate) fn publish(&mut self, publisher: &Publisher) {
        let Publisher { track, key, codec, .. } = *publisher;
        self.handle(Input::AddSource { track, key, codec });
    }

    pub(crate) fn join(&mut self, sink: u64) {
        self.handle(Input::AddSink { sink: SinkId(sink), seed: sink });
    }

    pub(crate) fn attach(&mut self, sink: u64, slot: Slot, publisher: &Publisher) -> Vec<Received> {
        let Publisher { track, key, .. } = *publisher;
        self.handle(Input::Attach { sink: SinkId(sink), slot, track, key })
    }

    pub(crate) fn send(&mut self, publisher: &Publisher, packets: Vec<Packet>) -> Vec<Received> {
        for packet in packets {
            let (encoding, key) = (publisher.encoding(), publisher.key);
            self.fanout.forward(self.now, encoding, key, packet, &mut self.outbox);
        }
        self.take()
    }

    /// A receiver wants packets again, by its own numbers.
    pub(crate) fn nack(&mut self, sink: u64, slot: Slot, sequences: &[u64]) -> Vec<Received> {
        self.nack_after(sink, slot, None, sequences)
    }

    pub(crate) fn nack_after(
        &mut self,
        sink: u64,
        slot: Slot,
        rtt: Option<Duration>,
        sequences: &[u64],
    ) -> Vec<Received> {
        let nack = Nack { sink: SinkId(sink), slot, rtt };
        let wire = sequences.iter().map(|sequence| *sequence as u16);
        let answered = self.fanout.retransmit(self.now, nack, wire, &mut self.outbox);
        let received = self.take();
        assert_eq!(received.len(), answered);
        received
    }

    /// The publisher says that what has `rtp_timestamp` was captured then.
    pub(crate) fn report(
        &mut self,
        publisher: &Publisher,
        captured: MediaTime,
        rtp_timestamp: u32,
    ) {
        let (encoding, key) = (publisher.encoding(), publisher.key);
        self.handle(Input::SenderReport { encoding, key, captured, rtp_timestamp });
    }

    pub(crate) fn tile(&mut self, sink: u64, rows: u16) -> Vec<Received> {
        self.handle(Input::Tile { sink: SinkId(sink), slot: VIDEO, rows })
    }

    /// A receiver reports that it lost so many of a hundred packets, rounded up.
    pub(crate) fn reception(&mut self, sink: u64, percent: u32) -> Vec<Received> {
        let lost = (256 * percent).div_ceil(100) as u8;
        self.handle(Input::Reception { sink: SinkId(sink), slot: VIDEO, lost })
    }

    /// Time passes; what is due then is done.
    pub(crate) fn pass_ms(&mut self, ms: u64) {
        self.wait_ms(ms);
        if self.fanout.next_deadline().is_some_and(|deadline| deadline <= self.now) {
            self.fanout.on_deadline(self.now);
        }
    }

    pub(crate) fn backlog(&mut self, sink: u64, ms: u64) -> Vec<Received> {
        let age = Duration::from_millis(ms);
        self.handle(Input::Backlog { sink: SinkId(sink), age })
    }

    pub(crate) fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.fanout.poll()).collect()
    }

    fn take(&mut self) -> Vec<Received> {
        assert_eq!(self.fanout.check(), Ok(()));
        let received = self
            .outbox
            .deliveries()
            .map(|(delivery, payload)| Received {
                sink: delivery.sink.0,
                slot: delivery.slot,
                codec: delivery.codec,
                sequence: delivery.sequence,
                timestamp: delivery.timestamp,
                marker: delivery.marker,
                payload: payload.to_vec(),
                is_shared: payload.shared().is_some(),
                arrived: delivery.arrived,
                retransmission: delivery.retransmission,
            })
            .collect();
        self.outbox.clear();
        received
    }
}

/// The marks of packets, in order.
pub(crate) fn marks(received: &[Received]) -> Vec<u8> {
    received.iter().map(Received::mark).collect()
}
