//! Which layer of a track a slot receives, and how it comes to another.

use salon_core::{MediaTime, TrackId};
use salon_fanout::engine::{Input, Output};
use salon_fanout::layer::{Encoding, Layer, Layers};
use salon_fanout::sink::SinkId;
use salon_fanout::{Codec, Slot};

use crate::stage::{AUDIO, Publisher, Received, Stage, VIDEO, key, marks};

const ROWS: [u16; 3] = [180, 360, 720];
const LOSSLESS: u32 = 0;

/// A stage where track 1 is published in three layers, all of which have begun with a keyframe, and sinks 1 to `sinks`
/// receive the best.
struct Room {
    stage: Stage,
    layers: [Publisher; 3],
}

impl Room {
    fn new(sinks: u64) -> Self {
        let (mut stage, layers) = (Stage::default(), Publisher::simulcast(1, Codec::Vp8, ROWS));
        stage.publish(&layers[0]);
        let mut room = Self { stage, layers };
        room.tick([true; 3]);
        for sink in 1..=sinks {
            room.stage.join(sink);
            assert_eq!(marks(&room.stage.attach(sink, VIDEO, &room.layers[2])), [2]);
        }
        room.stage.outputs();
        room
    }

    /// A thirtieth of a second: one frame of each layer, marked with its number.
    fn tick(&mut self, keyframes: [bool; 3]) -> Vec<Received> {
        self.send(&[0, 1, 2], keyframes)
    }

    /// The same, when a publisher sends only some of the layers.
    fn send(&mut self, layers: &[usize], keyframes: [bool; 3]) -> Vec<Received> {
        self.stage.wait_ms(33);
        let mut received = Vec::new();
        for (number, publisher) in self.layers.iter_mut().enumerate() {
            if layers.contains(&number) {
                let packets = publisher.frame(keyframes[number], 1, number as u8);
                received.extend(self.stage.send(publisher, packets));
            } else {
                publisher.pause();
            }
        }
        received
    }

    /// Frames for so long, without a keyframe unless one is asked for, as an encoder does it.
    fn run(&mut self, layers: &[usize], ms: u64) -> Vec<Received> {
        let mut received = Vec::new();
        for _ in 0..ms.div_ceil(33) {
            let outputs = self.stage.outputs();
            let asked = [0, 1, 2].map(|number| outputs.contains(&request(number)));
            received.extend(self.send(layers, asked));
        }
        received
    }

    /// What everybody is sent once all wishes for keyframes are answered.
    fn settled(&mut self) -> Vec<u8> {
        self.run(&[0, 1, 2], 660);
        marks(&self.tick([false; 3]))
    }
}

fn layer(number: u8) -> Layer {
    Layer::new(number).unwrap()
}

fn request(number: u8) -> Output {
    Output::RequestKeyframe { encoding: Encoding { track: TrackId(1), layer: layer(number) } }
}

fn wanted(numbers: &[u8]) -> Output {
    let layers = numbers.iter().map(|number| layer(*number)).collect();
    Output::LayersWanted { track: TrackId(1), layers }
}

#[test]
fn a_tile_gets_the_lowest_layer_that_has_its_rows() {
    let mut room = Room::new(1);
    assert_eq!(room.settled(), [2]);
    for (rows, expected) in [(90, 0), (181, 1), (180, 0), (720, 2), (360, 1), (361, 2), (0, 0)] {
        room.stage.tile(1, rows);
        assert_eq!(room.settled(), [expected], "{rows} rows");
    }
    assert_eq!(room.stage.fanout.statistics().switches_up, 3);
    assert_eq!(room.stage.fanout.statistics().switches_down, 4);
}

#[test]
fn a_slot_receives_what_it_has_until_the_keyframe_comes() {
    let mut room = Room::new(1);
    let before = room.tick([false; 3]);
    assert_eq!(room.stage.tile(1, 180), []);
    assert_eq!(room.stage.outputs(), [request(0)]);
    let waiting = room.tick([false; 3]);
    let moving = room.tick([true, false, false]);
    let after = room.tick([false; 3]);
    // At the moment of the keyframe, the lowest layer comes first.
    let all = [before, waiting, moving, after].concat();
    assert_eq!(marks(&all), [2, 2, 0, 0]);
    assert!(all.windows(2).all(|pair| pair[1].sequence == pair[0].sequence + 1));
    let (pictures, times): (Vec<_>, Vec<_>) =
        all.iter().map(|packet| (packet.vp8_numbers().0, packet.timestamp)).unzip();
    assert!(pictures.windows(2).all(|pair| pair[1] == pair[0] + 1));
    // It moved by when the packets came: nothing was said about the clocks.
    assert_eq!(
        times.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>(),
        [3_000, 2_970, 3_000]
    );
}

#[test]
fn sender_reports_of_both_layers_tell_the_time_over_a_switch() {
    let mut room = Room::new(1);
    let captured = room.stage.now;
    for publisher in &room.layers {
        room.stage.report(publisher, captured, publisher.timestamp);
    }
    let before = room.tick([false; 3]);
    let clock = |room: &Room| room.stage.fanout.clock(SinkId(1), VIDEO, room.stage.now).unwrap();
    let earlier = clock(&room);
    room.stage.tile(1, 180);
    // This keyframe is late by 40 ms, and that is not seen in its time.
    room.stage.wait_ms(40);
    let after = room.tick([true, false, false]);
    assert_eq!(marks(&[before.clone(), after.clone()].concat()), [2, 0]);
    // A microsecond may be lost, which is less than a tick.
    assert!((2_999..=3_000).contains(&(after[0].timestamp - before[0].timestamp)));
    assert!((clock(&room) - earlier).abs_diff(73 * 90) <= 1);
}

#[test]
fn a_keyframe_that_is_the_newest_frame_is_used_at_once() {
    let mut room = Room::new(1);
    assert_eq!(marks(&room.tick([true, false, false])), [2]);
    let moved = room.stage.tile(1, 180);
    assert_eq!(marks(&moved), [0]);
    assert_eq!(room.stage.outputs(), []);
    assert_eq!(marks(&room.tick([false; 3])), [0]);
    // One frame later it is the past: who receives something waits for another.
    room.tick([false, false, true]);
    room.tick([false; 3]);
    assert_eq!(room.stage.tile(1, 720), []);
    assert_eq!(room.stage.outputs(), [request(2)]);
    // Changing one's mind costs nothing.
    assert_eq!(room.stage.tile(1, 180), []);
    assert_eq!(marks(&room.tick([false, false, true])), [0]);
}

#[test]
fn a_joiner_starts_with_another_layer_if_that_is_sooner() {
    let mut room = Room::new(0);
    (0..5).for_each(|_| drop(room.tick([false; 3])));
    room.tick([false, true, false]);
    room.stage.join(1);
    let started = room.stage.attach(1, VIDEO, &room.layers[0]);
    assert_eq!(marks(&started), [1]);
    assert_eq!(room.stage.outputs(), [request(2)]);
    assert_eq!(marks(&room.tick([false; 3])), [1]);
    // The middle layer comes first at that moment, and is the last of it.
    assert_eq!(marks(&room.tick([false, false, true])), [1, 2]);
    assert_eq!(marks(&room.tick([false; 3])), [2]);
    assert_eq!(room.stage.fanout.statistics().starts_cached, 1);
    assert_eq!(room.stage.fanout.statistics().switches_up, 1);

    // No cache is of use to the next, and the keyframe of any layer is.
    (0..5).for_each(|_| drop(room.tick([false; 3])));
    room.stage.join(2);
    assert_eq!(room.stage.attach(2, VIDEO, &room.layers[0]), []);
    let of_second = |received: Vec<Received>| {
        received.iter().filter(|packet| packet.sink == 2).map(Received::mark).collect::<Vec<_>>()
    };
    assert_eq!(of_second(room.tick([true, false, false])), [0]);
    assert_eq!(of_second(room.tick([false; 3])), [0]);
    assert_eq!(of_second(room.tick([false, false, true])), [0, 2]);
}

#[test]
fn a_layer_that_falls_silent_is_left_and_comes_back() {
    let mut room = Room::new(1);
    assert_eq!(marks(&room.tick([false; 3])), [2]);
    // Not yet.
    assert_eq!(room.run(&[0, 1], 960), []);
    let moved = room.run(&[0, 1], 200);
    assert!(moved.iter().all(|packet| packet.mark() == 1) && !moved.is_empty());
    assert!(moved[0].starts_keyframe());
    assert_eq!(room.settled(), [2]);
    // The lowest is silent; the best live one is tall enough as well.
    room.stage.tile(1, 180);
    assert_eq!(room.settled(), [0]);
    let received = room.run(&[1, 2], 1_500);
    assert_eq!(received.last().unwrap().mark(), 1);
    // Silence of all is no reason to leave any.
    let switches = room.stage.fanout.statistics().switches_down;
    assert_eq!(room.settled(), [0]);
    room.stage.wait_ms(60_000);
    assert_eq!(marks(&room.tick([false; 3])), [0]);
    assert_eq!(room.stage.fanout.statistics().switches_down, switches + 1);
}

#[test]
fn a_layer_that_comes_back_is_not_shown_as_it_was() {
    let mut room = Room::new(1);
    assert_eq!(room.run(&[0, 1], 960), []);
    room.send(&[0, 1], [false; 3]);
    assert_eq!(marks(&room.send(&[0, 1], [false, true, false])), [1]);
    // The keyframe of two seconds ago is the newest frame that is kept of it.
    assert_eq!(marks(&room.send(&[0, 1], [false; 3])), [1]);
    assert_eq!(marks(&room.tick([false; 3])), [1]);
    assert_eq!(marks(&room.tick([false, false, true])), [1, 2]);
}

#[test]
fn losses_lower_a_sink_and_calm_raises_it() {
    let mut room = Room::new(2);
    // Percent in each report, one a second, and the layers of sinks 1 and 2 at the end.
    let mut check = |percents: &[u32], expected: [u8; 2]| {
        for percent in percents {
            room.run(&[0, 1, 2], 1_000);
            room.stage.reception(1, *percent);
        }
        let mut received = room.settled();
        received.sort_unstable();
        let mut expected = expected;
        expected.sort_unstable();
        assert_eq!(received, expected, "{percents:?}");
    };
    check(&[10], [2, 2]);
    check(&[9, 10], [2, 2]);
    check(&[10], [1, 2]);
    check(&[30, 30], [0, 2]);
    check(&[30, 30, 30], [0, 2]);
    check(&[LOSSLESS; 8], [0, 2]);
    check(&[LOSSLESS; 3], [1, 2]);
    // It failed: twice as long.
    check(&[30, 30], [0, 2]);
    check(&[LOSSLESS; 16], [0, 2]);
    check(&[1; 5], [1, 2]);
}

#[test]
fn with_one_layer_losses_change_nothing() {
    let mut publisher = Publisher::new(1, 1, Codec::Vp8);
    let mut stage = Stage::default();
    stage.publish(&publisher);
    stage.join(1);
    stage.attach(1, VIDEO, &publisher);
    let packets = publisher.frame(true, 1, 0);
    assert_eq!(stage.send(&publisher, packets).len(), 1);
    stage.outputs();
    for percent in [50, 50, 50, 50, 0] {
        stage.pass_ms(1_000);
        assert_eq!(stage.reception(1, percent), []);
        assert_eq!(stage.tile(1, 90), []);
        assert_eq!(stage.outputs(), []);
        let packets = publisher.frame(false, 1, 0);
        assert_eq!(stage.send(&publisher, packets).len(), 1);
    }
}

#[test]
fn a_sink_that_is_behind_goes_one_layer_lower_before_it_is_stopped() {
    let mut room = Room::new(1);
    room.tick([false; 3]);
    assert_eq!(room.stage.backlog(1, 124), []);
    assert_eq!(room.stage.outputs(), []);
    assert_eq!(room.stage.backlog(1, 125), []);
    assert_eq!(room.stage.outputs(), [request(1)]);
    assert_eq!(marks(&room.tick([false, true, false])), [1]);
    // A step takes a second to show.
    room.stage.backlog(1, 200);
    assert_eq!(room.stage.outputs(), []);
    room.stage.wait_ms(1_000);
    room.stage.backlog(1, 200);
    assert_eq!(room.settled(), [0]);
    assert_eq!(room.stage.fanout.statistics().overflows, 0);
    room.stage.backlog(1, 250);
    assert_eq!(room.settled(), []);
    assert_eq!(room.stage.fanout.statistics().overflows, 1);
    room.stage.backlog(1, 0);
    assert_eq!(room.settled(), [0]);
    // It comes back as after losses: when nothing has waited for ten seconds.
    for second in 0..=11 {
        room.stage.backlog(1, 0);
        let expected = if second < 10 { 0 } else { 1 };
        room.run(&[0, 1, 2], 1_000);
        assert_eq!(marks(&room.tick([false; 3])), [expected], "{second}");
    }
}

#[test]
fn publishers_are_told_which_layers_anybody_wants() {
    let mut room = Room::new(2);
    // Sink 1 wants the lowest, sink 2 the best; the layers are known to be there.
    room.stage.tile(1, 180);
    room.settled();
    room.run(&[0, 1, 2], 1_000);
    assert_eq!(room.stage.fanout.statistics().layers_paused, 0);
    room.stage.outputs();
    room.stage.pass_ms(1_000);
    assert_eq!(room.stage.outputs(), [wanted(&[0, 2])]);
    assert_eq!(room.stage.fanout.statistics().layers_paused, 1);
    room.send(&[0, 2], [false; 3]);
    // The publisher pauses it. Wanted again, it is wanted at once, and used when it is there.
    room.run(&[0, 2], 1_500);
    room.stage.tile(1, 360);
    assert_eq!(room.stage.outputs(), [request(2), wanted(&[0, 1, 2])]);
    let received = room.run(&[0, 1, 2], 300);
    assert_eq!(received.iter().rev().find(|packet| packet.sink == 1).unwrap().mark(), 1);
    // Nobody is left.
    for sink in 1..=2 {
        room.stage.handle(Input::RemoveSink { sink: SinkId(sink) });
    }
    room.stage.outputs();
    room.stage.pass_ms(2_000);
    assert_eq!(room.stage.outputs(), [wanted(&[])]);
    assert_eq!(room.stage.fanout.next_deadline(), None);
}

#[test]
fn a_layer_that_never_began_counts_as_wanted() {
    let mut publisher = Publisher::new(1, 1, Codec::Vp8);
    let mut stage = Stage::default();
    stage.publish(&publisher);
    let packets = publisher.frame(true, 1, 0);
    stage.send(&publisher, packets);
    stage.pass_ms(2_000);
    assert_eq!(stage.outputs(), [wanted(&[1, 2])]);
    stage.join(1);
    stage.attach(1, VIDEO, &publisher);
    let all = Output::LayersWanted { track: TrackId(1), layers: Layers::ALL };
    assert_eq!(stage.outputs(), [all]);
}

#[test]
fn nothing_under_an_old_key_is_forwarded_in_any_layer() {
    let mut room = Room::new(1);
    room.stage.tile(1, 180);
    assert_eq!(room.settled(), [0]);
    // The same person comes back under another key, while the old connection goes on sending.
    let mut old = room.layers.clone();
    let now = room.layers.clone().map(|layer| Publisher { key: key(9), ..layer });
    room.layers = now;
    room.stage.handle(Input::RemoveSource { track: TrackId(1) });
    room.stage.publish(&room.layers[0]);
    room.stage.attach(1, VIDEO, &room.layers[0]);
    assert_eq!(room.settled(), [0]);
    for rows in [720, 360, 180] {
        room.stage.tile(1, rows);
        for publisher in &mut old {
            let packets = publisher.frame(true, 3, 9);
            assert_eq!(room.stage.send(publisher, packets), []);
        }
        room.settled();
    }
    assert_eq!(room.stage.fanout.statistics().dropped.key_mismatch, 27);
    let report = Input::SenderReport {
        encoding: old[2].encoding(),
        key: old[2].key,
        captured: MediaTime(0),
        rtp_timestamp: 0,
    };
    assert!(room.stage.try_handle(report).is_err());
}

#[test]
fn packets_from_before_a_switch_are_sent_again() {
    let mut room = Room::new(1);
    let before = room.tick([false; 3]);
    room.stage.tile(1, 180);
    let after = room.tick([true, false, false]);
    let wanted: Vec<_> = [&before[0], &after[0]].map(|packet| packet.sequence).to_vec();
    let again = room.stage.nack(1, VIDEO, &wanted);
    assert_eq!(marks(&again), [2, 0]);
    for (again, first) in again.iter().zip([&before[0], &after[0]]) {
        assert_eq!(*again, Received { retransmission: true, ..first.clone() });
    }
}

#[test]
fn a_layer_that_starts_anew_is_waited_for() {
    let mut room = Room::new(1);
    room.layers[2].sequence += 30_000;
    room.layers[2].timestamp = 5;
    // Two packets show it, then a keyframe goes on.
    room.tick([false; 3]);
    assert_eq!(marks(&room.tick([false; 3])), []);
    assert_eq!(room.stage.outputs(), [request(2)]);
    assert_eq!(marks(&room.tick([true, false, false])), [0]);
    assert_eq!(marks(&room.tick([false, false, true])), [0, 2]);
}

#[test]
fn audio_has_one_layer() {
    let mut publisher = Publisher::new(1, 1, Codec::Opus);
    let mut stage = Stage::default();
    stage.publish(&publisher);
    stage.join(1);
    stage.attach(1, AUDIO, &publisher);
    publisher.layer = layer(1);
    let packets = publisher.frame(false, 1, 0);
    assert_eq!(stage.send(&publisher, packets), []);
    assert_eq!(stage.fanout.statistics().dropped.layer_mismatch, 1);
    stage.pass_ms(10_000);
    assert_eq!(stage.outputs(), []);
}

#[test]
fn each_slot_of_a_sink_has_its_own_layer() {
    let mut room = Room::new(1);
    let second = Slot::video(1).unwrap();
    room.stage.attach(1, second, &room.layers[0]);
    room.stage.handle(Input::Tile { sink: SinkId(1), slot: second, rows: 100 });
    room.run(&[0, 1, 2], 660);
    let received = room.tick([false; 3]);
    let by_slot: Vec<_> = received.iter().map(|packet| (packet.slot, packet.mark())).collect();
    assert_eq!(by_slot, [(second, 0), (VIDEO, 2)]);
}
