//! What one delivered packet costs in the fan-out, next to a broadcast channel with a receiver for each sink.
//!
//! Both do the same work: every delivery has the sink's own sequence number and timestamp, and is handed on with its
//! header and its payload. Encryption and sending are left out of both. They take turns in one thread, and the median of
//! the rounds is printed. The receivers of the channel are polled in a loop, with no task to wake, which flatters the
//! channel. *Switched* is the fan-out with slots that were attached to another source before, so that the VP8 picture
//! numbers of each delivery are rewritten as well.
//!
//! `cargo bench -p benches --bench fanout`

use std::fmt;
use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use salon_core::{Fence, GrantKey, MediaTime, StintId, TrackId};
use salon_fanout::engine::{Config, Input};
use salon_fanout::packet::Header;
use salon_fanout::sink::SinkId;
use salon_fanout::{Codec, Fanout, Outbox, Packet, Slot};
use tokio::sync::broadcast;

const KEY: GrantKey = GrantKey { fence: Fence(1), stint: StintId(1) };
/// Packets handed over at once: a frame of a busy video.
const BATCH: u64 = 8;
/// Deliveries in one round of one variant: a few milliseconds.
const ROUND_DELIVERIES: u64 = 400_000;
const PAYLOAD_BYTES: usize = 1_160;

fn main() {
    // Without this flag it is a test, which only has to show that it runs.
    let rounds = if std::env::args().any(|argument| argument == "--bench") { 41 } else { 1 };
    let clock = Clock::new();
    println!("{clock}");
    println!(
        "ns per delivered packet, median of {rounds} rounds; in brackets: allocations per delivered packet"
    );
    println!(
        "{:>6}  {:>16}  {:>16}  {:>16}  {:>7}",
        "sinks", "fan-out", "switched", "broadcast", "ratio"
    );
    for sinks in [10, 100, 1_000] {
        let mut variants: [Box<dyn Variant>; 3] = [
            Box::new(Engine::new(sinks, false)),
            Box::new(Engine::new(sinks, true)),
            Box::new(Channel::new(sinks)),
        ];
        let batches = ROUND_DELIVERIES / BATCH / sinks;
        let mut times = [(); 3].map(|()| Vec::with_capacity(rounds));
        let allocations = variants.each_mut().map(|variant| {
            // Once before, so that everything has grown to its size.
            run(&mut **variant, batches);
            let info = allocation_counter::measure(|| run(&mut **variant, batches));
            info.count_total as f64 / (batches * BATCH * sinks) as f64
        });
        for _ in 0..rounds {
            for (variant, times) in variants.iter_mut().zip(&mut times) {
                let start = clock.now_ns();
                run(&mut **variant, batches);
                let elapsed = clock.now_ns() - start;
                times.push(elapsed as f64 / (batches * BATCH * sinks) as f64);
            }
        }
        let medians = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        });
        let cells: Vec<_> = medians
            .iter()
            .zip(allocations)
            .map(|(ns, count)| format!("{ns:.1} [{count:.4}]"))
            .collect();
        let ratio = medians[2] / medians[0];
        println!("{sinks:>6}  {:>16}  {:>16}  {:>16}  {ratio:>6.1}x", cells[0], cells[1], cells[2]);
    }
}

/// Counts this thread's own time on Linux, so that other work on the machine weighs little; elsewhere time that passes.
enum Clock {
    Thread,
    Wall(Instant),
}

impl Clock {
    fn new() -> Self {
        if Self::thread_ns().is_some() { Self::Thread } else { Self::Wall(Instant::now()) }
    }

    fn now_ns(&self) -> u128 {
        match self {
            Self::Thread => Self::thread_ns().expect("it was there before"),
            Self::Wall(start) => start.elapsed().as_nanos(),
        }
    }

    /// How long the scheduler has let this thread run.
    fn thread_ns() -> Option<u128> {
        let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        schedstat.split(' ').next()?.parse().ok()
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Thread => "clock: this thread's time on a processor",
            Self::Wall(_) => "clock: the time that passes",
        })
    }
}

fn run(variant: &mut dyn Variant, batches: u64) {
    for _ in 0..batches {
        variant.batch();
    }
}

/// One way to bring packets to many sinks.
trait Variant {
    /// Takes [`BATCH`] packets in and hands on one delivery of each to every sink.
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
        let payload = |frame| {
            // A descriptor with a picture number of 15 bits and a base layer number, then the frame's first byte.
            let mut payload = vec![0x90, 0xe0, 0x80, 0x01, 0x01, 0x20, frame];
            payload.resize(PAYLOAD_BYTES, 0);
            Bytes::from(payload)
        };
        Self { sequence: 0, keyframe: payload(0), delta: payload(1) }
    }

    fn next(&mut self) -> Packet {
        self.sequence += 1;
        let header = Header {
            sequence: self.sequence,
            timestamp: (self.sequence / BATCH) as u32 * 3_000,
            marker: self.sequence.is_multiple_of(BATCH),
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
}

impl Engine {
    const TRACK: TrackId = TrackId(1);

    fn new(sinks: u64, switched: bool) -> Self {
        let mut engine = Self {
            fanout: Fanout::new(Config::default()),
            outbox: Outbox::new(),
            stream: Stream::new(),
            now: MediaTime(0),
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
                engine.fanout.forward(engine.now, earlier, KEY, packet, &mut engine.outbox);
            }
            for sink in (0..sinks).map(SinkId) {
                engine.handle(Input::Attach { sink, slot, track: Self::TRACK, key: KEY });
            }
        }
        let first = engine.stream.next();
        engine.outbox.clear();
        engine.fanout.forward(engine.now, Self::TRACK, KEY, first, &mut engine.outbox);
        assert_eq!(engine.outbox.len() as u64, sinks, "every sink has started");
        assert!(
            engine.outbox.deliveries().all(|(_, payload)| payload.shared().is_none() == switched)
        );
        engine.outbox.clear();
        engine
    }

    fn handle(&mut self, input: Input) {
        self.fanout.handle(self.now, input, &mut self.outbox).expect("what is named exists");
    }
}

impl Variant for Engine {
    fn batch(&mut self) {
        self.now.0 += 33_000;
        for _ in 0..BATCH {
            let packet = self.stream.next();
            self.fanout.forward(self.now, Self::TRACK, KEY, packet, &mut self.outbox);
        }
        for (delivery, payload) in self.outbox.deliveries() {
            black_box((delivery.sink, delivery.sequence, delivery.timestamp, delivery.marker));
            black_box(payload.parts());
        }
        self.outbox.clear();
        while let Some(output) = self.fanout.poll() {
            black_box(output);
        }
    }
}

struct Channel {
    sender: broadcast::Sender<Packet>,
    receivers: Vec<Receiver>,
    stream: Stream,
}

struct Receiver {
    sink: SinkId,
    packets: broadcast::Receiver<Packet>,
    sequence_offset: u64,
    timestamp_offset: u32,
}

impl Channel {
    fn new(sinks: u64) -> Self {
        let (sender, _) = broadcast::channel(2 * BATCH as usize);
        let receivers = (0..sinks)
            .map(|sink| Receiver {
                sink: SinkId(sink),
                packets: sender.subscribe(),
                sequence_offset: sink,
                timestamp_offset: sink as u32,
            })
            .collect();
        Self { sender, receivers, stream: Stream::new() }
    }
}

impl Variant for Channel {
    fn batch(&mut self) {
        for _ in 0..BATCH {
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
