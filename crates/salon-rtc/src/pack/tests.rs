//! What is packed is what waited, in order, and sealed as it should be.

use std::sync::LazyLock;
use std::time::Instant;

use bytes::Bytes;
use proptest::prelude::*;
use salon_core::{Fence, GrantKey, MediaTime, StintId, TrackId};
use salon_fanout::engine::{self, Input, Nack};
use salon_fanout::layer::Encoding;
use salon_fanout::packet::Header;
use salon_fanout::sink::SinkId;
use salon_fanout::{Codec, Fanout, Outbox, Packet, Slot};

use super::*;
use crate::config::Feedback;
use crate::peer::Factory;
use crate::sdp::{self, Direction};
use crate::table::{Key, Table};
use crate::thin::{MasterKeys, Opener, Profile, Sealer};

const WATCH: &str = include_str!("../../tests/offers/chromium-watch.sdp");
const FEEDBACKS: [Feedback; 2] = [Feedback::Reports, Feedback::TransportWide];
const KEY: GrantKey = GrantKey { fence: Fence(1), stint: StintId(1) };
const SINK: SinkId = SinkId(1);
const NOW: MediaTime = MediaTime(0);

static FACTORIES: LazyLock<[Factory; 2]> =
    LazyLock::new(|| FEEDBACKS.map(|feedback| Factory::new(feedback).unwrap()));

fn slots() -> [(Slot, Codec); 3] {
    [
        (Slot::video(0).unwrap(), Codec::Vp8),
        (Slot::video(3).unwrap(), Codec::Vp8),
        (Slot::audio(0).unwrap(), Codec::Opus),
    ]
}

fn keys(profile: Profile) -> (Sealer, Opener) {
    let material: Vec<u8> = (0..128).collect();
    let bytes = match profile {
        Profile::Aes256Gcm => 88,
        Profile::Aes128Gcm => 56,
        Profile::Aes128CmSha1 => 60,
    };
    let (client, server) = MasterKeys::split(profile, &material[..bytes]).unwrap();
    (Sealer::new(&server).unwrap(), Opener::new(&client).unwrap())
}

/// A leg that has its keys.
fn leg(feedback: Feedback, profile: Profile) -> Leg {
    let offer = sdp::prepare_offer(WATCH, Direction::Out).unwrap();
    let at = FEEDBACKS.iter().position(|known| *known == feedback).unwrap();
    let candidates = ["127.0.0.1:4000".parse().unwrap()];
    let (mut leg, ..) = FACTORIES[at].accept_viewer(Instant::now(), &offer, &candidates).unwrap();
    leg.set_keys(keys(profile));
    for (slot, codec) in slots() {
        assert!(leg.select(slot, codec, None));
    }
    leg
}

/// What waits for one viewer.
struct Batch {
    queue: Queue,
    waiting: Waiting,
    viewer: Key,
}

impl Batch {
    fn take(&mut self, outbox: &mut Outbox) {
        let base = self.queue.share(Instant::now(), outbox.payloads());
        for (delivery, payload) in outbox.deliveries() {
            self.queue.push(self.viewer, &mut self.waiting, base, delivery, payload);
        }
        outbox.clear();
    }
}

/// Packets of these slots and lengths, as the fan-out delivers them, and then so many of them again.
fn batch(packets: &[(usize, usize)], again: u16) -> Batch {
    let (mut fanout, mut outbox) = (Fanout::new(engine::Config::default()), Outbox::new());
    let mut handle = |input, outbox: &mut Outbox| fanout.handle(NOW, input, outbox).unwrap();
    handle(Input::AddSink { sink: SINK, seed: 7 }, &mut outbox);
    for ((slot, codec), track) in slots().into_iter().zip((0..).map(TrackId)) {
        handle(Input::AddSource { track, key: KEY, codec }, &mut outbox);
        handle(Input::Attach { sink: SINK, slot, track, key: KEY }, &mut outbox);
    }
    let (queue, waiting) = (Queue::default(), Waiting::default());
    let mut batch = Batch { queue, waiting, viewer: Table::default().insert(()) };
    for (sequence, (place, bytes)) in (100_u64..).zip(packets) {
        let (codec, encoding) = (slots()[*place].1, Encoding::only(TrackId(*place as u64)));
        let timestamp = sequence as u32 * 3_000;
        let header = Header { sequence, timestamp, marker: true, audio_level: None };
        // A keyframe each (RFC 7741, 4.2 and 4.3).
        let [high, low] = (sequence as u16 | 0x8000).to_be_bytes();
        let mut payload = vec![0x90, 0x80, high, low, 0];
        payload.resize(*bytes, sequence as u8);
        let packet = Packet::parse(codec, header, Bytes::from(payload)).unwrap();
        fanout.forward(NOW, encoding, KEY, packet, &mut outbox);
        batch.take(&mut outbox);
    }
    let sequences: Vec<u16> = {
        let entries = batch.queue.entries(batch.waiting);
        let first = entries.filter(|entry| entry.slot == slots()[0].0);
        first.map(|entry| entry.fields.sequence as u16).collect()
    };
    let nack = Nack { sink: SINK, slot: slots()[0].0, rtt: None };
    let wanted = sequences.into_iter().take(again.into());
    fanout.retransmit(NOW, nack, wanted, &mut outbox);
    batch.take(&mut outbox);
    batch
}

/// The datagrams of each run.
fn packed(leg: &mut Leg, batch: &Batch, segments_max: usize) -> Vec<Vec<Vec<u8>>> {
    let (mut run, counters) = (Run::new(), Counters::default());
    let mut runs: Vec<Vec<Vec<u8>>> = Vec::new();
    let packer =
        Packer { leg, queue: &batch.queue, run: &mut run, segments_max, counters: &counters };
    let mut singles = 0;
    packer.pack(batch.waiting, |datagrams| match datagrams {
        Datagrams::Single(bytes) => {
            singles += 1;
            runs.push(vec![bytes.to_vec()]);
        }
        Datagrams::Run { bytes, segment } => {
            runs.push(bytes.chunks(segment).map(<[u8]>::to_vec).collect());
        }
    });
    let counted = counters.read();
    assert_eq!(counted.runs_out + singles, runs.len() as u64);
    assert!(singles == 0 || runs.len() == 1, "a single is all there is");
    let datagrams = runs.iter().map(Vec::len).sum::<usize>() as u64;
    assert_eq!(counted.packets_out + counted.packets_repaired, datagrams);
    runs
}

/// The length of a header with its extensions (RFC 3550, 5.3.1).
fn header_bytes(datagram: &[u8]) -> usize {
    16 + 4 * usize::from(u16::from_be_bytes([datagram[14], datagram[15]]))
}

/// Whether a datagram is what waited, with some padding or none. Returns how much.
fn check_one(sealer: &Sealer, batch: &Batch, entry: &Entry, datagram: &[u8]) -> usize {
    let Entry { fields, .. } = entry;
    let (header, sealed) = datagram.split_at(header_bytes(datagram));
    let mut plain = Vec::new();
    if fields.is_retransmission {
        plain.extend((fields.sequence as u16).to_be_bytes());
    }
    plain.extend(batch.queue.payload(entry).concat());
    let padding_bytes = sealed.len() - plain.len() - sealer.tag_bytes();
    plain.resize(plain.len() + padding_bytes, 0);
    if padding_bytes > 0 {
        *plain.last_mut().unwrap() = padding_bytes as u8;
    }
    assert_eq!(header[0] & 0x20 != 0, padding_bytes > 0);
    assert_eq!(header[1] & 0x80 != 0, fields.marker);
    let sequence = u16::from_be_bytes([header[2], header[3]]);
    assert!(fields.is_retransmission || sequence == fields.sequence as u16);
    assert_eq!(header[4..8], fields.timestamp.to_be_bytes());
    // Numbers of repair begin below what rolls over.
    let index = if fields.is_retransmission { u64::from(sequence) } else { fields.sequence };
    let ssrc = u32::from_be_bytes(header[8..12].try_into().unwrap());
    let mut expected = datagram.to_vec();
    expected[header.len()..].fill(0);
    sealer.seal_media(ssrc, index, &mut expected, [&[], &plain, &[]]).unwrap();
    assert_eq!(expected, datagram);
    padding_bytes
}

#[track_caller]
fn check(feedback: Feedback, profile: Profile, batch: &Batch, segments_max: usize) -> Vec<usize> {
    let runs = packed(&mut leg(feedback, profile), batch, segments_max);
    let (sealer, _) = keys(profile);
    let of = |medium| {
        batch.queue.entries(batch.waiting).filter(move |entry| entry.slot.medium() == medium)
    };
    let entries: Vec<&Entry> = of(Medium::Video).chain(of(Medium::Audio)).collect();
    let datagrams: Vec<&Vec<u8>> = runs.iter().flatten().collect();
    assert_eq!(entries.len(), datagrams.len());
    for (number, (entry, datagram)) in entries.iter().zip(&datagrams).enumerate() {
        let padding_bytes = check_one(&sealer, batch, entry, datagram);
        let may_be = entry.slot.medium() == Medium::Video && !entry.fields.is_retransmission;
        assert!(padding_bytes == 0 || may_be && segments_max > 1);
        assert!(padding_bytes * 64 <= datagram.len());
        if feedback == Feedback::TransportWide {
            // Element 3 of two bytes, first in the block: numbers count on over all streams, repair too.
            let [high, low] = (number as u16).to_be_bytes();
            assert_eq!(datagram[16..19], [0x31, high, low]);
        } else {
            assert!(datagram[16] >> 4 == 4, "the section's name alone: {:x?}", &datagram[12..24]);
        }
    }
    runs.iter().map(Vec::len).collect()
}

#[test]
fn a_picture_with_sound_is_one_run() {
    let video: Vec<_> = (0..9).map(|number| (0, 1_100 + usize::from(number > 5))).collect();
    let batch = batch(&[&video[..], &[(2, 120)]].concat(), 0);
    let profile = Profile::Aes256Gcm;
    assert_eq!(check(Feedback::Reports, profile, &batch, 64), [10]);
    assert_eq!(check(Feedback::TransportWide, profile, &batch, 64), [10]);
    assert_eq!(check(Feedback::Reports, profile, &batch, 1), [1; 10]);
}

#[test]
fn what_is_sent_again_is_never_padded() {
    let batch = batch(&[(0, 1_100), (0, 1_101), (0, 1_100)], 3);
    // Those sent again are two bytes longer, and not equal.
    assert_eq!(check(Feedback::TransportWide, Profile::Aes128Gcm, &batch, 64), [3, 1, 2]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_packed_is_what_waited(
        packets in prop::collection::vec(
            (0_usize..3, prop_oneof![1_100_usize..1_130, 6_usize..1_400]), 1..40
        ),
        again in 0_u16..4,
        segments_max in 1_usize..65,
        feedback in prop::sample::select(&FEEDBACKS[..]),
        profile in prop::sample::select(
            &[Profile::Aes256Gcm, Profile::Aes128Gcm, Profile::Aes128CmSha1][..]
        ),
    ) {
        let runs = check(feedback, profile, &batch(&packets, again), segments_max);
        prop_assert!(runs.iter().all(|count| *count <= segments_max));
    }
}
