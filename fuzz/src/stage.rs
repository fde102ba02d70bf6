//! A fan-out with two sources and one receiver, and everything that the receiver was sent.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use salon_core::{Fence, GrantKey, MediaTime, StintId, TrackId};
use salon_fanout::codec::Medium;
use salon_fanout::engine::{Config, Input, Nack};
use salon_fanout::layer::{Encoding, Layer};
use salon_fanout::outbox::Delivery;
use salon_fanout::packet::Header;
use salon_fanout::sink::SinkId;
use salon_fanout::{Codec, Fanout, Outbox, Packet, Slot};

use crate::descriptor::without_numbers;
use crate::script::Step;

const SINK: SinkId = SinkId(7);
const KEY: GrantKey = GrantKey { fence: Fence(1), stint: StintId(1) };
/// Where every layer begins: far enough from zero to go back a while.
const SEQUENCE_FIRST: u64 = 40_000;
/// What the two longest steps of a sequence number stand for: out of every window, forwards and backwards.
const JUMP: u64 = 20_000;
/// A picture's time at 30 a second; any will do.
const FRAME_TICKS: u32 = 3_000;

/// A fan-out, and what came out of it.
#[derive(Debug)]
pub struct Stage {
    codec: Codec,
    fanout: Fanout,
    outbox: Outbox,
    now: MediaTime,
    sources: [[Source; Layer::COUNT]; 2],
    sent: BTreeMap<(Slot, u64), Sent>,
}

/// Where one layer of a source has got to.
#[derive(Clone, Copy, Debug)]
struct Source {
    sequence: u64,
    timestamp: u32,
}

/// A packet as the receiver got it.
#[derive(Debug, Eq, PartialEq)]
struct Sent {
    timestamp: u32,
    marker: bool,
    payload: Vec<u8>,
}

impl Stage {
    /// Two sources of this codec, and a receiver with nothing attached.
    #[must_use]
    pub fn new(codec: Codec) -> Self {
        let source = Source { sequence: SEQUENCE_FIRST, timestamp: 0 };
        let mut stage = Self {
            codec,
            fanout: Fanout::new(Config::default()),
            outbox: Outbox::new(),
            now: MediaTime(1_000_000),
            sources: [[source; Layer::COUNT]; 2],
            sent: BTreeMap::new(),
        };
        for track in [track(0), track(1)] {
            stage.handle(Input::AddSource { track, key: KEY, codec });
        }
        stage.handle(Input::AddSink { sink: SINK, seed: 42 });
        stage
    }

    /// Does one step, and checks everything that came of it.
    pub fn step(&mut self, step: Step<'_>) {
        match step {
            Step::Packet { source, layer, marker, begins_frame, step, payload } => {
                let layer = if self.codec.medium() == Medium::Audio { Layer::ONLY } else { layer };
                let header = self.sources[source][layer.index()].next(begins_frame, step, marker);
                self.forward(Encoding { track: track(source), layer }, header, payload);
            }
            Step::Attach { slot, source } => {
                let slot = self.slot(slot);
                self.handle(Input::Attach { sink: SINK, slot, track: track(source), key: KEY });
            }
            Step::Detach { slot } => {
                self.handle(Input::Detach { sink: SINK, slot: self.slot(slot) });
            }
            Step::Wait { ticks } => {
                self.now.0 += u64::from(ticks) * 1_000_000 / 64;
                if self.fanout.next_deadline().is_some_and(|deadline| deadline <= self.now) {
                    self.fanout.on_deadline(self.now);
                    self.take();
                }
            }
            Step::Say { slot, what, number } => self.say(slot, what, number),
        }
    }

    fn say(&mut self, slot: u8, what: u8, number: u8) {
        let layer = Layer::new(slot).unwrap_or(Layer::ONLY);
        let encoding = Encoding { track: track(usize::from(number & 1)), layer };
        let (sink, slot) = (SINK, self.slot(slot));
        let age = Duration::from_millis(2 * u64::from(number));
        match what {
            0 | 1 => self.nack(slot, number),
            2 => self.handle(Input::Tile { sink, slot, rows: 8 * u16::from(number) }),
            3 => self.handle(Input::Reception { sink, slot, lost: number }),
            4 => self.handle(Input::Backlog { sink, age }),
            5 => self.handle(Input::KeyframeWanted { sink, slot }),
            6 => {
                let source = self.sources[usize::from(number & 1)][layer.index()];
                let captured = MediaTime(self.now.0.saturating_sub(5_000 * u64::from(number)));
                let rtp_timestamp = source.timestamp;
                self.handle(Input::SenderReport { encoding, key: KEY, captured, rtp_timestamp });
            }
            _ => self.handle(Input::RemoveSource { track: encoding.track }),
        }
        if what == 7 {
            let Encoding { track, .. } = encoding;
            self.handle(Input::AddSource { track, key: KEY, codec: self.codec });
        }
    }

    /// The receiver wants the packet so many before its newest of a slot, and those around it.
    fn nack(&mut self, slot: Slot, behind: u8) {
        let newest = self.sent.range((slot, 0)..=(slot, u64::MAX)).next_back();
        let newest = newest.map_or(0, |((_, sequence), _)| *sequence);
        let wanted = newest.wrapping_sub(u64::from(behind)) as u16;
        let nack = Nack { sink: SINK, slot, rtt: None };
        let wanted = [wanted, wanted.wrapping_add(1), wanted];
        self.fanout.retransmit(self.now, nack, wanted.into_iter(), &mut self.outbox);
        assert!(self.outbox.deliveries().all(|(delivery, _)| delivery.retransmission));
        self.take();
    }

    fn handle(&mut self, input: Input) {
        // What is refused changes nothing, and is as good a step as any.
        let _refused = self.fanout.handle(self.now, input, &mut self.outbox);
        self.take();
    }

    fn forward(&mut self, encoding: Encoding, header: Header, payload: &[u8]) {
        let shared = Bytes::copy_from_slice(payload);
        let Ok(packet) = Packet::parse(self.codec, header, shared) else { return };
        assert_eq!(packet.is_padding(), payload.is_empty());
        assert_eq!(packet.payload(), payload);
        self.fanout.forward(self.now, encoding, KEY, packet, &mut self.outbox);
        self.take();
    }

    /// Takes what is to be sent, and what is to be done.
    fn take(&mut self) {
        assert_eq!(self.fanout.check(), Ok(()));
        while self.fanout.poll().is_some() {}
        assert_eq!(self.fanout.check(), Ok(()));
        let outbox = std::mem::take(&mut self.outbox);
        for (delivery, payload) in outbox.deliveries() {
            self.receive(delivery, payload.to_vec(), &outbox.payloads()[delivery.payload_index()]);
        }
        self.outbox = outbox;
        self.outbox.clear();
    }

    fn receive(&mut self, delivery: &Delivery, payload: Vec<u8>, original: &Bytes) {
        let Delivery { sequence, timestamp, marker, .. } = *delivery;
        assert_eq!((delivery.sink, delivery.codec), (SINK, self.codec));
        assert_eq!(delivery.slot.medium(), self.codec.medium());
        let header = Header { sequence, timestamp, marker, audio_level: None };
        let parsed = Packet::parse(self.codec, header, Bytes::copy_from_slice(&payload));
        assert!(parsed.is_ok_and(|packet| packet.is_padding() == original.is_empty()));
        let kept = without_numbers(self.codec, &payload);
        assert_eq!(kept, without_numbers(self.codec, original), "{payload:x?} of {original:x?}");

        let sent = Sent { timestamp, marker, payload };
        let key = (delivery.slot, sequence);
        if delivery.retransmission {
            assert_eq!(self.sent.get(&key), Some(&sent), "{key:?} was not sent before");
        } else {
            // Two different packets under one number would be sealed with one nonce.
            assert_eq!(self.sent.insert(key, sent), None, "{key:?} was sent before");
        }
    }

    fn slot(&self, number: u8) -> Slot {
        let slot = match self.codec.medium() {
            Medium::Audio => Slot::audio(number),
            Medium::Video => Slot::video(number),
        };
        slot.expect("two bits are a number below four")
    }
}

impl Source {
    fn next(&mut self, begins_frame: bool, step: i8, marker: bool) -> Header {
        self.sequence = match step {
            0 => self.sequence + 1,
            i8::MIN => self.sequence.saturating_sub(JUMP),
            i8::MAX => self.sequence + JUMP,
            step => self.sequence.saturating_add_signed(i64::from(step)),
        };
        if begins_frame {
            self.timestamp = self.timestamp.wrapping_add(FRAME_TICKS);
        }
        let (sequence, timestamp) = (self.sequence, self.timestamp);
        Header { sequence, timestamp, marker, audio_level: None }
    }
}

const fn track(source: usize) -> TrackId {
    TrackId(source as u64)
}
