//! What holds for every slot's stream while layers come, go and are chosen, next to a reference that remembers
//! everything that was sent and follows each slot packet by packet.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use salon_fanout::engine::Input;
use salon_fanout::sink::SinkId;
use salon_fanout::{Codec, Packet, Slot};

use crate::stage::{self, Publisher, Received, Stage, VIDEO};

const TRACKS: usize = 2;
const LAYERS: usize = 3;
const SINKS: u64 = 3;
const ROWS: [u16; LAYERS] = [180, 360, 720];

#[derive(Clone, Debug)]
enum Step {
    /// One moment of a track: a frame of each layer in `sends`, a keyframe in those of `keyframes`.
    Moment {
        track: usize,
        sends: [bool; LAYERS],
        keyframes: [bool; LAYERS],
        packets: usize,
    },
    Padding {
        track: usize,
        layer: usize,
    },
    Restart {
        track: usize,
        layer: usize,
    },
    /// Packets of all layers under another key.
    Impostor {
        track: usize,
    },
    Replace {
        track: usize,
    },
    Attach {
        sink: u64,
        number: u8,
        track: usize,
    },
    Detach {
        sink: u64,
        number: u8,
    },
    Tile {
        sink: u64,
        number: u8,
        rows: u16,
    },
    Reception {
        sink: u64,
        number: u8,
        lost: u8,
    },
    Backlog {
        sink: u64,
        ms: u64,
    },
    Report {
        track: usize,
        layer: usize,
        delay_ms: u64,
    },
    Wait {
        ms: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let (track, layer, sink, number) = (0..TRACKS, 0..LAYERS, 0..SINKS, 0..2u8);
    let rare = || prop::array::uniform3(prop::bool::weighted(0.15));
    let often = prop::array::uniform3(prop::bool::weighted(0.9));
    prop_oneof![
        24 => (track.clone(), often, rare(), 1..4usize).prop_map(|(track, sends, keyframes, packets)| {
            Step::Moment { track, sends, keyframes, packets }
        }),
        1 => (track.clone(), layer.clone()).prop_map(|(track, layer)| Step::Padding { track, layer }),
        1 => (track.clone(), layer.clone()).prop_map(|(track, layer)| Step::Restart { track, layer }),
        1 => track.clone().prop_map(|track| Step::Impostor { track }),
        1 => track.clone().prop_map(|track| Step::Replace { track }),
        4 => (sink.clone(), number.clone(), track.clone())
            .prop_map(|(sink, number, track)| Step::Attach { sink, number, track }),
        1 => (sink.clone(), number.clone()).prop_map(|(sink, number)| Step::Detach { sink, number }),
        6 => (sink.clone(), number.clone(), 0..800u16)
            .prop_map(|(sink, number, rows)| Step::Tile { sink, number, rows }),
        3 => (sink.clone(), number, prop_oneof![Just(0u8), any::<u8>()])
            .prop_map(|(sink, number, lost)| Step::Reception { sink, number, lost }),
        2 => (sink, 0..300u64).prop_map(|(sink, ms)| Step::Backlog { sink, ms }),
        2 => (track, layer, 0..1_500u64)
            .prop_map(|(track, layer, delay_ms)| Step::Report { track, layer, delay_ms }),
        4 => (0..1_500u64).prop_map(|ms| Step::Wait { ms }),
    ]
}

/// What the reference knows of a slot's stream.
#[derive(Default)]
struct Stream {
    last: Option<Received>,
    numbers: Option<(u16, u8)>,
    attached: Option<usize>,
    /// The layer whose packets it is served, and how many of them had been sent when the last one came.
    served: Option<(usize, u64)>,
}

/// What the fan-out knows of a layer's last new start.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Restart {
    /// Nothing: the next packet is out of range.
    Unseen,
    /// One packet was out of range; the next shows why, and nobody is served the layer from then on.
    Suspected,
    Known,
}

struct World {
    stage: Stage,
    codec: Codec,
    publishers: Vec<[Publisher; LAYERS]>,
    /// How many packets each layer has sent.
    sent: [[u64; LAYERS]; TRACKS],
    /// How a layer stands that started anew.
    restarts: [[Restart; LAYERS]; TRACKS],
    streams: BTreeMap<(u64, Slot), Stream>,
    behind: [bool; SINKS as usize],
    stint: u64,
}

impl World {
    /// Everything begins just before it wraps.
    fn new(codec: Codec, near_wrap: u32) -> Self {
        let mut stage = Stage::default();
        let publishers: Vec<_> = (0..TRACKS as u64)
            .map(|track| {
                Publisher::simulcast(track, codec, ROWS).map(|publisher| Publisher {
                    sequence: u64::from(u32::MAX - near_wrap % 512),
                    timestamp: publisher.timestamp.wrapping_sub(near_wrap),
                    picture: 0x7ff0,
                    tl0: 250,
                    ..publisher
                })
            })
            .collect();
        publishers.iter().for_each(|layers| stage.publish(&layers[0]));
        (0..SINKS).for_each(|sink| stage.join(sink));
        Self {
            stage,
            codec,
            publishers,
            sent: [[0; LAYERS]; TRACKS],
            restarts: [[Restart::Known; LAYERS]; TRACKS],
            streams: BTreeMap::new(),
            behind: [false; SINKS as usize],
            stint: TRACKS as u64,
        }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Moment { track, sends, keyframes, packets } => {
                for layer in 0..LAYERS {
                    let publisher = &mut self.publishers[track][layer];
                    let mark = (LAYERS * track + layer) as u8;
                    if sends[layer] {
                        let frame = publisher.frame(keyframes[layer], packets, mark);
                        self.send(track, layer, frame);
                    } else {
                        publisher.pause();
                    }
                }
            }
            Step::Padding { track, layer } => {
                let padding = self.publishers[track][layer].padding();
                let restart = &mut self.restarts[track][layer];
                if *restart == Restart::Unseen {
                    *restart = Restart::Suspected;
                }
                assert_eq!(self.stage.send(&self.publishers[track][layer], vec![padding]), []);
            }
            // What has sent nothing has nothing to start anew.
            Step::Restart { track, layer } if self.sent[track][layer] == 0 => {}
            Step::Restart { track, layer } => {
                self.publishers[track][layer].sequence += 30_000;
                self.restarts[track][layer] = Restart::Unseen;
            }
            Step::Impostor { track } => {
                for publisher in &self.publishers[track] {
                    let key = stage::key(u64::MAX);
                    let mut impostor = Publisher { key, ..publisher.clone() };
                    let frame = impostor.frame(true, 2, 0xff);
                    assert_eq!(self.stage.send(&impostor, frame), []);
                }
            }
            Step::Replace { track } => self.replace(track),
            Step::Attach { sink, number, track } => {
                let slot = Slot::video(number).unwrap();
                let stream = self.streams.entry((sink, slot)).or_default();
                if stream.attached.replace(track) != Some(track) {
                    stream.served = None;
                }
                let received = self.stage.attach(sink, slot, &self.publishers[track][0]);
                self.receive_burst(received);
            }
            Step::Detach { sink, number } => {
                let slot = Slot::video(number).unwrap();
                let stream = self.streams.entry((sink, slot)).or_default();
                (stream.attached, stream.served) = (None, None);
                self.change(Input::Detach { sink: SinkId(sink), slot });
            }
            Step::Tile { sink, number, rows } => {
                let slot = Slot::video(number).unwrap();
                self.change(Input::Tile { sink: SinkId(sink), slot, rows });
            }
            Step::Reception { sink, number, lost } => {
                let slot = Slot::video(number).unwrap();
                self.change(Input::Reception { sink: SinkId(sink), slot, lost });
            }
            Step::Backlog { sink, ms } => self.backlog(sink, ms),
            Step::Report { track, layer, delay_ms } => {
                let publisher = &self.publishers[track][layer];
                let captured = self.stage.now - Duration::from_millis(delay_ms);
                self.stage.report(publisher, captured, publisher.timestamp);
            }
            Step::Wait { ms } => self.stage.pass_ms(ms),
        }
        self.stage.outputs();
    }

    fn replace(&mut self, track: usize) {
        self.stint += 1;
        let gone = self.publishers[track][0].track;
        self.stage.handle(Input::RemoveSource { track: gone });
        for stream in self.streams.values_mut().filter(|stream| stream.attached == Some(track)) {
            (stream.attached, stream.served) = (None, None);
        }
        let stint = stage::key(self.stint);
        let layers = Publisher::simulcast(track as u64, self.codec, ROWS);
        self.publishers[track] = layers.map(|layer| Publisher { key: stint, ..layer });
        self.stage.publish(&self.publishers[track][0]);
        self.sent[track] = [0; LAYERS];
        self.restarts[track] = [Restart::Known; LAYERS];
    }

    fn backlog(&mut self, sink: u64, ms: u64) {
        let is_behind = &mut self.behind[sink as usize];
        *is_behind = ms >= 250 || *is_behind && ms >= 125;
        if *is_behind {
            let own = self.streams.iter_mut().filter(|((of, _), _)| *of == sink);
            own.for_each(|(_, stream)| stream.served = None);
        }
        let received = self.stage.backlog(sink, ms);
        self.receive_burst(received);
    }

    fn change(&mut self, input: Input) {
        let received = self.stage.handle(input);
        self.receive_burst(received);
    }

    /// Sends a frame packet by packet. Whoever is served its layer gets each of them, unless another layer's cache took
    /// over; others get all of a keyframe or nothing.
    fn send(&mut self, track: usize, layer: usize, frame: Vec<Packet>) {
        for packet in frame {
            if self.restarts[track][layer] == Restart::Suspected {
                self.forget(track, layer);
            }
            let before: Vec<_> = self
                .streams
                .iter()
                .filter(|(_, stream)| stream.attached == Some(track))
                .filter(|(_, stream)| matches!(stream.served, Some((of, _)) if of == layer))
                .map(|(of, _)| *of)
                .collect();
            let received = self.stage.send(&self.publishers[track][layer], vec![packet]);
            let restart = &mut self.restarts[track][layer];
            if *restart == Restart::Unseen {
                assert_eq!(received, []);
                *restart = Restart::Suspected;
                continue;
            }
            *restart = Restart::Known;
            let got: Vec<_> = received.iter().map(|packet| (packet.sink, packet.slot)).collect();
            for of in before {
                assert!(got.contains(&of), "a slot receives what it has while it waits");
            }
            // What comes from a cache comes before the packet itself, which is then the last for its slot.
            let is_live = |at: usize, packet: &Received| {
                let slot = (packet.sink, packet.slot);
                origin(packet) == (track, layer) && !got[at + 1..].contains(&slot)
            };
            let (live, cached): (Vec<_>, Vec<_>) =
                (0..).zip(received).partition(|(at, packet)| is_live(*at, packet));
            self.receive_burst(cached.into_iter().map(|(_, packet)| packet).collect());
            self.sent[track][layer] += 1;
            live.into_iter().for_each(|(_, packet)| self.receive(packet, None));
        }
    }

    /// Nobody is served a layer that started anew.
    fn forget(&mut self, track: usize, layer: usize) {
        let own = self.streams.values_mut().filter(|stream| stream.attached == Some(track));
        for stream in own.filter(|stream| stream.served.is_some_and(|(of, _)| of == layer)) {
            stream.served = None;
        }
    }

    /// What comes from a cache is the newest that its layer has sent.
    fn receive_burst(&mut self, received: Vec<Received>) {
        let mut left: BTreeMap<(u64, Slot), u64> = BTreeMap::new();
        for packet in &received {
            *left.entry((packet.sink, packet.slot)).or_default() += 1;
        }
        for packet in received {
            let left = left.get_mut(&(packet.sink, packet.slot)).unwrap();
            *left -= 1;
            let (track, layer) = origin(&packet);
            let number = self.sent[track][layer] - *left;
            self.receive(packet, Some(number));
        }
    }

    fn receive(&mut self, packet: Received, number: Option<u64>) {
        let (track, layer) = origin(&packet);
        let number = number.unwrap_or(self.sent[track][layer]);
        assert!(!self.behind[packet.sink as usize], "it keeps up");
        let stream = self.streams.get_mut(&(packet.sink, packet.slot)).unwrap();
        assert_eq!(stream.attached, Some(track), "it is attached to another source");
        let served = stream.served.replace((layer, number));
        let moves = served.is_none_or(|(of, _)| of != layer);
        match served {
            Some((of, last)) if of == layer => {
                assert_eq!(number, last + 1, "nothing is left out of a layer, or comes twice");
            }
            _ => assert!(packet.starts_keyframe(), "it moves at a keyframe"),
        }
        if let Some(last) = &stream.last {
            assert_eq!(packet.sequence, last.sequence + 1, "it is dense");
            let step = packet.timestamp.wrapping_sub(last.timestamp);
            assert!(step < 1 << 31, "time does not go back");
            let is_next = moves || last.marker;
            assert_eq!(step > 0, is_next, "a frame has one time, and the next another");
            if let (Some((picture, tl0)), Some(before)) = (packet.numbers(), stream.numbers) {
                // Frames that nobody was sent are not missed: pictures of one layer follow each other by its own count.
                let counted = (picture.wrapping_sub(before.0) & 0x7fff, tl0.wrapping_sub(before.1));
                if moves {
                    assert_eq!(counted, (1, 1), "pictures are counted on");
                } else {
                    assert_eq!(counted == (0, 0), !is_next);
                }
            }
        }
        stream.numbers = packet.numbers().or(stream.numbers);
        stream.last = Some(packet);
    }
}

/// The track and the layer that a packet is of.
fn origin(packet: &Received) -> (usize, usize) {
    let mark = usize::from(packet.mark());
    (mark / LAYERS, mark % LAYERS)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn slots_are_served_by_one_layer_at_a_time_without_a_gap(
        codec in prop_oneof![
            Just(Codec::Vp8), Just(Codec::H264), Just(Codec::Vp9), Just(Codec::Av1)
        ],
        near_wrap in 0..300_000u32,
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let mut world = World::new(codec, near_wrap);
        steps.into_iter().for_each(|step| world.apply(step));
    }
}

#[test]
fn numbers_go_on_over_every_wrap() {
    let mut stage = Stage::default();
    let mut layers = Publisher::simulcast(1, Codec::Vp8, ROWS);
    for (publisher, sequence) in layers.iter_mut().zip([0xfff0, 0xffff_fff0, 7]) {
        publisher.sequence = sequence;
    }
    stage.publish(&layers[0]);
    stage.join(1);
    stage.attach(1, VIDEO, &layers[0]);
    let mut received: Vec<Received> = Vec::new();
    for moment in 0..300 {
        stage.wait_ms(33);
        stage.tile(1, ROWS[moment / 3 % 3]);
        for publisher in &mut layers {
            let frame = publisher.frame(true, 300, 0);
            received.extend(stage.send(publisher, frame));
        }
        stage.outputs();
    }
    assert!(received.last().unwrap().sequence > 1 << 16);
    assert!(stage.fanout.statistics().switches_up > 50);
    for pair in received.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence + 1);
        let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!(step < 1 << 31);
        let pictures = [&pair[0], &pair[1]].map(|packet| packet.vp8_numbers().0);
        assert_eq!(step > 0, pictures[0] != pictures[1]);
        assert!(pictures[1].wrapping_sub(pictures[0]) & 0x7fff <= 1);
    }
}
