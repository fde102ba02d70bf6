//! Forwards a second of video with no network at all: one publisher, a few receivers, one of which loses packets.
//!
//! `cargo run -p salon-fanout --example relay`

use bytes::Bytes;
use salon_core::{Fence, GrantKey, MediaTime, StintId, TrackId};
use salon_fanout::engine::{Config, Input, Nack};
use salon_fanout::layer::Encoding;
use salon_fanout::{Codec, Fanout, Outbox, Packet, Slot, packet::Header, sink::SinkId};

const TRACK: TrackId = TrackId(1);
const KEY: GrantKey = GrantKey { fence: Fence(1), stint: StintId(1) };
const PACKETS_PER_FRAME: u64 = 7;

/// What one receiver has got.
#[derive(Clone, Copy, Default)]
struct Row {
    first: Option<u64>,
    packets: u64,
    bytes: usize,
    again: u64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let slot = Slot::video(0).ok_or("a sink has a first video slot")?;
    let (mut fanout, mut outbox) = (Fanout::new(Config::default()), Outbox::new());
    let mut rows = [Row::default(); 4];
    let source = Input::AddSource { track: TRACK, key: KEY, codec: Codec::Vp8 };
    fanout.handle(MediaTime(0), source, &mut outbox)?;

    for frame in 0..30u64 {
        let now = MediaTime(frame * 33_333);
        // Somebody joins every fifth frame.
        if let (0, join @ 0..4) = (frame % 5, frame / 5) {
            let sink = SinkId(join);
            fanout.handle(now, Input::AddSink { sink, seed: 7 * join }, &mut outbox)?;
            let attach = Input::Attach { sink, slot, track: TRACK, key: KEY };
            fanout.handle(now, attach, &mut outbox)?;
        }
        // What the publisher is asked for: a keyframe for those who wait.
        let wants_keyframe = std::iter::from_fn(|| fanout.poll()).count() > 0;
        for number in 0..PACKETS_PER_FRAME {
            let mut payload = vec![if number == 0 { 0x10 } else { 0 }, u8::from(!wants_keyframe)];
            payload.resize(1_160, 0);
            let header = Header {
                sequence: frame * PACKETS_PER_FRAME + number,
                timestamp: frame as u32 * 3_000,
                marker: number + 1 == PACKETS_PER_FRAME,
                audio_level: None,
            };
            let packet = Packet::parse(Codec::Vp8, header, Bytes::from(payload))?;
            fanout.forward(now, Encoding::only(TRACK), KEY, packet, &mut outbox);
        }
        // Receiver 2 loses every tenth packet, and asks for it.
        let lost = outbox.deliveries().map(|(delivery, _)| delivery);
        let lost =
            lost.filter(|delivery| delivery.sink == SinkId(2) && delivery.sequence % 10 == 0);
        let lost: Vec<_> = lost.map(|delivery| delivery.sequence as u16).collect();
        fanout.retransmit(now, Nack { sink: SinkId(2), slot, rtt: None }, lost, &mut outbox);

        for (delivery, payload) in outbox.deliveries() {
            let row = &mut rows[delivery.sink.0 as usize];
            row.first.get_or_insert(delivery.sequence);
            row.packets += 1;
            row.bytes += payload.len();
            row.again += u64::from(delivery.retransmission);
        }
        outbox.clear();
    }

    println!("receiver  first number  packets      kB  again  state bytes");
    for (sink, Row { first, packets, bytes, again }) in (0..).zip(rows) {
        let (first, state) = (first.unwrap_or_default(), fanout.sink_bytes(SinkId(sink)));
        let (kb, state) = (bytes / 1_000, state.unwrap_or_default());
        println!("{sink:>8} {first:>13} {packets:>8} {kb:>7} {again:>6} {state:>12}");
    }
    println!("{:#?}", fanout.statistics());
    Ok(())
}
