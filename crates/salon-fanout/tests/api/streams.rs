//! What holds for every slot's stream, whatever happens to it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use salon_fanout::codec::Medium;
use salon_fanout::engine::Input;
use salon_fanout::packet::Header;
use salon_fanout::sink::SinkId;
use salon_fanout::{Codec, Packet, Slot};

use crate::stage::{self, Publisher, Received, Stage, VIDEO};

const TRACKS: usize = 4;
const SINKS: u64 = 3;

#[derive(Clone, Debug)]
enum Step {
    Frame { track: usize, keyframe: bool, packets: usize },
    Padding { track: usize },
    Impostor { track: usize },
    Replace { track: usize, codec: Codec },
    Attach { sink: u64, number: u8, track: usize },
    Detach { sink: u64, number: u8 },
    Rejoin { sink: u64 },
    Wait { ms: u64 },
    Report { track: usize, delay_ms: u64 },
    Backlog { sink: u64, ms: u64 },
}

fn codec() -> impl Strategy<Value = Codec> {
    prop_oneof![
        Just(Codec::Opus),
        Just(Codec::Vp8),
        Just(Codec::H264),
        Just(Codec::Vp9),
        Just(Codec::Av1)
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let (track, sink, number) = (0..TRACKS, 0..SINKS, 0..2u8);
    prop_oneof![
        8 => (track.clone(), any::<bool>(), 1..4usize)
            .prop_map(|(track, keyframe, packets)| Step::Frame { track, keyframe, packets }),
        1 => track.clone().prop_map(|track| Step::Padding { track }),
        1 => track.clone().prop_map(|track| Step::Impostor { track }),
        1 => (track.clone(), codec()).prop_map(|(track, codec)| Step::Replace { track, codec }),
        4 => (sink.clone(), number.clone(), track)
            .prop_map(|(sink, number, track)| Step::Attach { sink, number, track }),
        1 => (sink.clone(), number).prop_map(|(sink, number)| Step::Detach { sink, number }),
        1 => sink.clone().prop_map(|sink| Step::Rejoin { sink }),
        1 => (0..TRACKS, 0..1_500u64)
            .prop_map(|(track, delay_ms)| Step::Report { track, delay_ms }),
        1 => (sink, 0..500u64).prop_map(|(sink, ms)| Step::Backlog { sink, ms }),
        3 => (0..600u64).prop_map(|ms| Step::Wait { ms }),
    ]
}

/// What is known of one slot's stream: its last packet of all, and of each codec with numbers its last ones.
#[derive(Default)]
struct Stream {
    last: Option<Received>,
    numbers: Option<(u16, u8)>,
    attached: Option<usize>,
    begun: bool,
}

struct World {
    stage: Stage,
    publishers: Vec<Publisher>,
    streams: BTreeMap<(u64, Slot), Stream>,
    /// The sinks that have been too slow.
    behind: BTreeSet<u64>,
    stint: u64,
}

impl World {
    /// Everything begins just before it wraps.
    fn new(codecs: &[Codec], near_wrap: u32) -> Self {
        let mut stage = Stage::default();
        let publishers: Vec<_> = (0..)
            .zip(codecs)
            .map(|(track, codec)| Publisher {
                sequence: 0xffff - u64::from(near_wrap % 64),
                timestamp: u32::MAX - near_wrap,
                picture: 0x7ffe,
                tl0: 250,
                ..Publisher::new(track, 0, *codec)
            })
            .collect();
        publishers.iter().for_each(|publisher| stage.publish(publisher));
        (0..SINKS).for_each(|sink| stage.join(sink));
        Self { stage, publishers, streams: BTreeMap::new(), behind: BTreeSet::new(), stint: 0 }
    }

    fn apply(&mut self, step: Step) {
        let received = match step {
            Step::Frame { track, keyframe, packets } => {
                let publisher = &mut self.publishers[track];
                let frame = publisher.frame(keyframe, packets, track as u8);
                self.stage.send(&self.publishers[track], frame)
            }
            Step::Padding { track } => {
                let padding = self.publishers[track].padding();
                self.stage.send(&self.publishers[track], vec![padding])
            }
            Step::Impostor { track } => {
                let key = stage::key(u64::MAX);
                let mut impostor = Publisher { key, ..self.publishers[track].clone() };
                let frame = impostor.frame(true, 1, 0xff);
                self.stage.send(&impostor, frame)
            }
            Step::Replace { track, codec } => self.replace(track, codec),
            Step::Attach { sink, number, track } => {
                let slot = self.slot(number, track);
                let stream = self.streams.entry((sink, slot)).or_default();
                if stream.attached != Some(track) {
                    *stream =
                        Stream { attached: Some(track), begun: false, ..std::mem::take(stream) };
                }
                self.stage.attach(sink, slot, &self.publishers[track])
            }
            Step::Detach { sink, number } => {
                for slot in [Slot::audio(number), Slot::video(number)].into_iter().flatten() {
                    self.streams.entry((sink, slot)).or_default().attached = None;
                    self.stage.handle(Input::Detach { sink: SinkId(sink), slot });
                }
                Vec::new()
            }
            Step::Rejoin { sink } => {
                self.streams.retain(|(other, _), _| *other != sink);
                self.behind.remove(&sink);
                self.stage.handle(Input::RemoveSink { sink: SinkId(sink) });
                self.stage.join(sink);
                Vec::new()
            }
            Step::Report { track, delay_ms } => {
                let captured = self.stage.now - Duration::from_millis(delay_ms);
                let publisher = &self.publishers[track];
                self.stage.report(publisher, captured, publisher.timestamp);
                Vec::new()
            }
            Step::Backlog { sink, ms } => {
                match ms {
                    250.. => {
                        self.behind.insert(sink);
                        let own = self.streams.iter_mut().filter(|((of, _), _)| *of == sink);
                        own.filter(|((_, slot), _)| slot.medium() == Medium::Video)
                            .for_each(|(_, stream)| stream.begun = false);
                    }
                    125..250 => {}
                    ..125 => drop(self.behind.remove(&sink)),
                }
                self.stage.backlog(sink, ms)
            }
            Step::Wait { ms } => {
                self.stage.wait_ms(ms);
                let now = self.stage.now;
                if self.stage.fanout.next_deadline().is_some_and(|deadline| deadline <= now) {
                    self.stage.fanout.on_deadline(now);
                }
                Vec::new()
            }
        };
        self.stage.outputs();
        received.into_iter().for_each(|packet| self.receive(packet));
    }

    fn replace(&mut self, track: usize, codec: Codec) -> Vec<Received> {
        self.stint += 1;
        let gone = self.publishers[track].track;
        self.stage.handle(Input::RemoveSource { track: gone });
        for stream in self.streams.values_mut().filter(|stream| stream.attached == Some(track)) {
            stream.attached = None;
        }
        let publisher = Publisher::new(track as u64, self.stint, codec);
        self.stage.publish(&publisher);
        self.publishers[track] = publisher;
        Vec::new()
    }

    fn slot(&self, number: u8, track: usize) -> Slot {
        match self.publishers[track].codec {
            Codec::Opus => Slot::audio(number).unwrap(),
            _ => Slot::video(number).unwrap(),
        }
    }

    fn receive(&mut self, packet: Received) {
        let stream = self.streams.get_mut(&(packet.sink, packet.slot)).unwrap();
        assert_eq!(
            stream.attached,
            Some(usize::from(packet.mark())),
            "it is attached to another source"
        );
        let is_video = packet.slot.medium() == Medium::Video;
        assert!(!is_video || !self.behind.contains(&packet.sink), "it keeps up");
        let starts = !std::mem::replace(&mut stream.begun, true);
        assert!(!starts || packet.starts_keyframe(), "it starts with a keyframe");
        match &stream.last {
            None => assert!(packet.sequence < 65_536),
            Some(last) => {
                assert_eq!(packet.sequence, last.sequence + 1, "it is dense");
                let step = packet.timestamp.wrapping_sub(last.timestamp);
                assert!(step < 1 << 31, "time does not go back");
                assert!(!(starts || last.marker) || step > 0, "a new frame has a new time");
                assert!(starts || last.marker || step == 0, "a frame has one time");
            }
        }
        if let Some((picture, tl0)) = packet.numbers() {
            if let (Some((picture_before, tl0_before)), Some(last)) = (stream.numbers, &stream.last)
            {
                let is_next = starts || last.marker;
                let expected = picture_before.wrapping_add(u16::from(is_next)) & 0x7fff;
                assert_eq!(picture, expected, "pictures are counted on");
                assert_eq!(tl0, tl0_before.wrapping_add(u8::from(is_next)), "so is the base layer");
            }
            stream.numbers = Some((picture, tl0));
        }
        stream.last = Some(packet);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn streams_are_continuous_across_any_changes(
        codecs in prop::collection::vec(codec(), TRACKS),
        near_wrap in 0..300_000u32,
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut world = World::new(&codecs, near_wrap);
        steps.into_iter().for_each(|step| world.apply(step));
    }

    #[test]
    fn loss_and_disorder_keep_every_packet_in_its_place(
        fates in prop::collection::vec((0..10u8, 0..40usize), 50..300),
        second_join in 0..300usize,
    ) {
        let mut publisher = Publisher { sequence: 0xff80, ..Publisher::new(1, 1, Codec::Vp8) };
        let mut stage = Stage::default();
        stage.publish(&publisher);
        stage.join(1);
        stage.join(2);
        stage.attach(1, VIDEO, &publisher);
        // Each packet is lost, on time, or late by so many packets; the first keyframe comes through.
        let frames: Vec<_> =
            (0..fates.len()).flat_map(|number| publisher.frame(number % 20 == 0, 1, 0)).collect();
        let mut arrivals: Vec<_> = (0..fates.len())
            .filter(|number| *number == 0 || fates[*number].0 > 0)
            .map(|number| (number + if fates[number].0 == 1 { fates[number].1 } else { 0 }, number))
            .collect();
        arrivals.sort_unstable();
        let mut received = Vec::new();
        for (turn, (_, number)) in arrivals.iter().enumerate() {
            if turn == second_join {
                received.extend(stage.attach(2, VIDEO, &publisher));
            }
            received.extend(stage.send(&publisher, vec![frames[*number].clone()]));
        }
        for sink in 1..=2 {
            let own: Vec<_> = received.iter().filter(|packet| packet.sink == sink).collect();
            let Some(first) = own.first() else { continue };
            prop_assert!(first.starts_keyframe());
            // There is one packet a frame, so its picture number says which one it is.
            let picture = |packet: &Received| u64::from(packet.vp8_numbers().0);
            let offset = first.sequence - picture(first);
            prop_assert!(own.iter().all(|packet| packet.sequence - picture(packet) == offset));
            let mut pictures: Vec<_> = own.iter().map(|packet| picture(packet)).collect();
            pictures.sort_unstable();
            let mut expected: Vec<_> = arrivals.iter().map(|(_, number)| *number as u64 + 1).collect();
            expected.retain(|number| *number >= picture(first));
            expected.sort_unstable();
            prop_assert_eq!(pictures, expected);
        }
    }

    #[test]
    fn any_bytes_are_forwarded_or_refused(
        codec in codec(),
        payloads in prop::collection::vec((any::<Vec<u8>>(), 0..1u64 << 48, any::<u32>()), 1..20),
    ) {
        let publisher = Publisher::new(1, 1, codec);
        let mut stage = Stage::default();
        stage.publish(&publisher);
        stage.join(1);
        let slot = if codec == Codec::Opus { stage::AUDIO } else { VIDEO };
        stage.attach(1, slot, &publisher);
        for (payload, sequence, timestamp) in payloads {
            let header = Header { sequence, timestamp, marker: false, audio_level: None };
            if let Ok(packet) = Packet::parse(codec, header, Bytes::from(payload)) {
                stage.send(&publisher, vec![packet]);
            }
        }
    }
}
