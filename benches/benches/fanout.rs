//! What one delivered packet costs in the fan-out, next to a broadcast channel with a receiver for each sink.
//!
//! Both do the same work: every delivery has the sink's own sequence number and timestamp, and is handed on with its
//! header and its payload. Encryption and sending are left out of both. They take turns in one thread, and the mean of
//! the middle half of the rounds is printed. The receivers of the channel are polled in a loop, with no task to wake, which flatters the
//! channel. *Switched* is the fan-out with slots that were attached to another source before, so that the VP8 picture
//! numbers of each delivery are rewritten as well. *Layers* is the fan-out with a source of three layers and the sinks
//! spread over them: each layer sends the batch, and each sink is delivered one of them.
//!
//! Packets are handed over one at a time (`K` is 1) and a frame at a time (`K` is 7). *State* is what the fan-out keeps
//! for one sink with one slot attached, before and after the slot has wanted a packet again.
//!
//! `cargo bench -p benches --bench fanout`, and with ` -- 1000` behind it for so many sinks only.

use std::fmt;
use std::hint::black_box;
use std::time::Instant;

use benches::cpu::Thread;
use bytes::Bytes;
use salon_core::{Fence, GrantKey, MediaTime, StintId, TrackId};
use salon_fanout::engine::{Config, Input, Nack};
use salon_fanout::layer::{Encoding, Layer};
use salon_fanout::packet::Header;
use salon_fanout::sink::SinkId;
use salon_fanout::{Codec, Fanout, Outbox, Packet, Slot};
use tokio::sync::broadcast;

const KEY: GrantKey = GrantKey { fence: Fence(1), stint: StintId(1) };
/// How many sinks there are, and how many packets are handed over at once: a frame of a busy video has seven.
const SIZES: [(u64, u64); 8] =
    [(10, 1), (10, 7), (100, 1), (100, 7), (1_000, 1), (1_000, 7), (10_000, 1), (10_000, 7)];
const FRAME_PACKETS: u64 = 7;
/// Deliveries in one round of one variant: some tens of milliseconds, as the clock may move in steps of four.
const ROUND_DELIVERIES: u64 = 1_400_000;
/// More packets than a source keeps: after these its memory does not grow any more.
const KEPT: u64 = 2_048;
const PAYLOAD_BYTES: usize = 1_160;

fn main() {
    // Without this flag it is a test, which only has to show that it runs.
    let rounds = if std::env::args().any(|argument| argument == "--bench") { 20 } else { 1 };
    let chosen: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let is_chosen = |sinks: u64| chosen.is_empty() || chosen.contains(&sinks);
    let clock = Clock::new();
    println!("{clock}");
    println!(
        "ns per delivered packet, middle half of {rounds} rounds; in brackets: allocations per delivered packet"
    );
    println!(
        "{:>6} {:>2}  {:>16}  {:>16}  {:>16}  {:>16}  {:>6}  {:>14}",
        "sinks", "K", "fan-out", "switched", "layers", "broadcast", "ratio", "state, bytes"
    );
    for (sinks, batch) in SIZES.into_iter().filter(|(sinks, _)| is_chosen(*sinks)) {
        let state = Engine::new(sinks, batch, false).state_bytes();
        let mut variants: [Box<dyn Variant>; 4] = [
            Box::new(Engine::new(sinks, batch, false)),
            Box::new(Engine::new(sinks, batch, true)),
            Box::new(Simulcast::new(sinks, batch)),
            Box::new(Channel::new(sinks, batch)),
        ];
        let batches = ROUND_DELIVERIES / batch / sinks;
        let deliveries = (batches * batch * sinks) as f64;
        let mut times = [(); 4].map(|()| Vec::with_capacity(rounds));
        let allocations = variants.each_mut().map(|variant| {
            // Once before, so that everything has grown to its size.
            run(&mut **variant, batches.max(KEPT / batch));
            let info = allocation_counter::measure(|| run(&mut **variant, batches));
            info.count_total as f64 / deliveries
        });
        for _ in 0..rounds {
            for (variant, times) in variants.iter_mut().zip(&mut times) {
                let start = clock.now_ns();
                run(&mut **variant, batches);
                times.push((clock.now_ns() - start) as f64 / deliveries);
            }
        }
        let means = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            let middle = &times[rounds / 4..rounds - rounds / 4];
            middle.iter().sum::<f64>() / middle.len() as f64
        });
        let cells: Vec<_> = means
            .iter()
            .zip(allocations)
            .map(|(ns, count)| format!("{ns:.1} [{count:.4}]"))
            .collect();
        let ratio = means[3] / means[0];
        println!(
            "{sinks:>6} {batch:>2}  {:>16}  {:>16}  {:>16}  {:>16}  {ratio:>5.1}x  {:>5} to {:>5}",
            cells[0], cells[1], cells[2], cells[3], state.0, state.1
        );
    }
}

/// Counts this thread's own time on Linux, so that other work on the machine weighs little; elsewhere time that passes.
enum Clock {
    Thread(Thread),
    Wall(Instant),
}

impl Clock {
    fn new() -> Self {
        let this = Thread::this();
        if this.ns().is_ok() { Self::Thread(this) } else { Self::Wall(Instant::now()) }
    }

    fn now_ns(&self) -> u64 {
        match self {
            Self::Thread(this) => this.ns().expect("it was there before"),
            Self::Wall(start) => start.elapsed().as_nanos() as u64,
        }
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Thread(_) => "clock: this thread's time on a processor",
            Self::Wall(_) => "clock: the time that passes",
        })
    }
}

fn run(variant: &mut dyn Variant, batches: u64) {
    for _ in 0..batches {
        variant.batch();
    }
}

/// Looks at every delivery as a driver does, and forgets it.
fn hand_on(outbox: &mut Outbox) {
    for (delivery, payload) in outbox.deliveries() {
        black_box((delivery.sink, delivery.sequence, delivery.timestamp, delivery.marker));
        black_box(payload.parts());
    }
    outbox.clear();
}

/// One way to bring packets to many sinks.
trait Variant {
    /// Takes a batch of packets in and hands on one delivery of each to every sink.
    fn batch(&mut self);
}

/// A stream of packets, all alike but for their numbers.
struct Stream {
    sequence: u64,
    keyframe: Bytes,
    delta: Bytes,
}

impl Stream {
    fn new() -> Self {
        Self::of_rows(720)
    }

    fn of_rows(rows: u16) -> Self {
        let [low, high] = rows.to_le_bytes();
        let payload = |frame| {
            // A descriptor with a picture number of 15 bits and a base layer number, then the beginning of a keyframe,
            // which in other frames means something else.
            let mut payload = vec![0x90, 0xe0, 0x80, 0x01, 0x01, 0x20, frame];
            payload.extend([0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, low, high]);
            payload.resize(PAYLOAD_BYTES, 0);
            Bytes::from(payload)
        };
        Self { sequence: 0, keyframe: payload(0), delta: payload(1) }
    }

    fn next(&mut self) -> Packet {
        self.sequence += 1;
        let header = Header {
            sequence: self.sequence,
            timestamp: (self.sequence / FRAME_PACKETS) as u32 * 3_000,
            marker: self.sequence.is_multiple_of(FRAME_PACKETS),
            audio_level: None,
        };
        let payload = if self.sequence == 1 { &self.keyframe } else { &self.delta };
        Packet::parse(Codec::Vp8, header, payload.clone()).expect("the descriptor is whole")
    }
}

struct Engine {
    fanout: Fanout,
    outbox: Outbox,
    stream: Stream,
    now: MediaTime,
    batch: u64,
}

impl Engine {
    const TRACK: TrackId = TrackId(1);
    const ENCODING: Encoding = Encoding::only(Self::TRACK);

    fn new(sinks: u64, batch: u64, switched: bool) -> Self {
        let mut engine = Self {
            fanout: Fanout::new(Config::default()),
            outbox: Outbox::new(),
            stream: Stream::new(),
            now: MediaTime(0),
            batch,
        };
        let earlier = TrackId(0);
        for track in [earlier, Self::TRACK] {
            engine.handle(Input::AddSource { track, key: KEY, codec: Codec::Vp8 });
        }
        let slot = Slot::video(0).expect("there is a video slot 0");
        for sink in (0..sinks).map(SinkId) {
            engine.handle(Input::AddSink { sink, seed: sink.0 });
            let track = if switched { earlier } else { Self::TRACK };
            engine.handle(Input::Attach { sink, slot, track, key: KEY });
        }
        if switched {
            let mut stream = Stream::new();
            for packet in [stream.next(), stream.next()] {
                engine.fanout.forward(
                    engine.now,
                    Encoding::only(earlier),
                    KEY,
                    packet,
                    &mut engine.outbox,
                );
            }
            for sink in (0..sinks).map(SinkId) {
                engine.handle(Input::Attach { sink, slot, track: Self::TRACK, key: KEY });
            }
        }
        let first = engine.stream.next();
        engine.outbox.clear();
        engine.fanout.forward(engine.now, Self::ENCODING, KEY, first, &mut engine.outbox);
        assert_eq!(engine.outbox.len() as u64, sinks, "every sink has started");
        assert!(
            engine.outbox.deliveries().all(|(_, payload)| payload.shared().is_none() == switched)
        );
        engine.outbox.clear();
        engine
    }

    /// What is kept for a sink, before and after a packet was sent to it again.
    fn state_bytes(mut self) -> (usize, usize) {
        let (sink, slot) = (SinkId(0), Slot::video(0).expect("there is a video slot 0"));
        let bytes = |engine: &Self| engine.fanout.sink_bytes(sink).expect("the sink exists");
        let before = bytes(&self);
        let packet = self.stream.next();
        self.fanout.forward(self.now, Self::ENCODING, KEY, packet, &mut self.outbox);
        let sequence = self.outbox.deliveries().next().expect("it was delivered").0.sequence;
        let nack = Nack { sink, slot, rtt: None };
        let again = [sequence as u16];
        assert_eq!(self.fanout.retransmit(self.now, nack, again, &mut self.outbox), 1);
        (before, bytes(&self))
    }

    fn handle(&mut self, input: Input) {
        self.fanout.handle(self.now, input, &mut self.outbox).expect("what is named exists");
    }
}

impl Variant for Engine {
    fn batch(&mut self) {
        // Seven packets in a thirtieth of a second.
        self.now.0 += 4_760 * self.batch;
        for _ in 0..self.batch {
            let packet = self.stream.next();
            self.fanout.forward(self.now, Self::ENCODING, KEY, packet, &mut self.outbox);
        }
        hand_on(&mut self.outbox);
        while let Some(output) = self.fanout.poll() {
            black_box(output);
        }
    }
}

/// A source of three layers, whose sinks have tiles of three sizes.
struct Simulcast {
    fanout: Fanout,
    outbox: Outbox,
    layers: [(Layer, Stream); Layer::COUNT],
    now: MediaTime,
    batch: u64,
    sinks: u64,
}

impl Simulcast {
    const TRACK: TrackId = TrackId(1);

    fn new(sinks: u64, batch: u64) -> Self {
        let layer = |number: u8| Layer::new(number).expect("there are three");
        let mut simulcast = Self {
            fanout: Fanout::new(Config::default()),
            outbox: Outbox::new(),
            layers: [0, 1, 2].map(|number| (layer(number), Stream::of_rows(180 << number))),
            now: MediaTime(0),
            batch,
            sinks,
        };
        simulcast.handle(Input::AddSource { track: Self::TRACK, key: KEY, codec: Codec::Vp8 });
        simulcast.send(1);
        let slot = Slot::video(0).expect("there is a video slot 0");
        for sink in 0..sinks {
            let rows = 180 << (sink % Layer::COUNT as u64);
            let sink = SinkId(sink);
            simulcast.handle(Input::AddSink { sink, seed: sink.0 });
            simulcast.handle(Input::Tile { sink, slot, rows });
            simulcast.handle(Input::Attach { sink, slot, track: Self::TRACK, key: KEY });
        }
        assert_eq!(simulcast.outbox.len() as u64, sinks, "every sink has started");
        simulcast.outbox.clear();
        simulcast
    }

    fn handle(&mut self, input: Input) {
        self.fanout.handle(self.now, input, &mut self.outbox).expect("what is named exists");
    }

    fn send(&mut self, packets: u64) {
        for (layer, stream) in &mut self.layers {
            let encoding = Encoding { track: Self::TRACK, layer: *layer };
            for _ in 0..packets {
                let packet = stream.next();
                self.fanout.forward(self.now, encoding, KEY, packet, &mut self.outbox);
            }
        }
    }
}

impl Variant for Simulcast {
    fn batch(&mut self) {
        self.now.0 += 4_760 * self.batch;
        self.send(self.batch);
        assert_eq!(self.outbox.len() as u64, self.batch * self.sinks, "each has one layer");
        hand_on(&mut self.outbox);
        while let Some(output) = self.fanout.poll() {
            black_box(output);
        }
    }
}

struct Channel {
    sender: broadcast::Sender<Packet>,
    receivers: Vec<Receiver>,
    stream: Stream,
    batch: u64,
}

struct Receiver {
    sink: SinkId,
    packets: broadcast::Receiver<Packet>,
    sequence_offset: u64,
    timestamp_offset: u32,
}

impl Channel {
    fn new(sinks: u64, batch: u64) -> Self {
        let (sender, _) = broadcast::channel(2 * batch as usize);
        let receivers = (0..sinks)
            .map(|sink| Receiver {
                sink: SinkId(sink),
                packets: sender.subscribe(),
                sequence_offset: sink,
                timestamp_offset: sink as u32,
            })
            .collect();
        Self { sender, receivers, stream: Stream::new(), batch }
    }
}

impl Variant for Channel {
    fn batch(&mut self) {
        for _ in 0..self.batch {
            let packet = self.stream.next();
            assert!(self.sender.send(packet).is_ok(), "the receivers are there");
        }
        for receiver in &mut self.receivers {
            while let Ok(packet) = receiver.packets.try_recv() {
                let header = packet.header();
                let sequence = header.sequence.wrapping_add(receiver.sequence_offset);
                let timestamp = header.timestamp.wrapping_add(receiver.timestamp_offset);
                black_box((receiver.sink, sequence, timestamp, header.marker));
                black_box(&packet.payload()[..]);
            }
        }
    }
}
