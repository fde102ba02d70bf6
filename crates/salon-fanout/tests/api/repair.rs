//! What receivers are sent again, next to a reference that remembers everything each of them was sent.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use salon_core::{MediaTime, TrackId};
use salon_fanout::engine::{Config, Input, Repaired};
use salon_fanout::sink::SinkId;
use salon_fanout::{Codec, Packet, Slot};

use crate::facts::staged;
use crate::stage::{Publisher, Received, Stage, VIDEO, marks};

const PACKETS_MAX: u64 = 32;
const SPAN_MS: u64 = 300;
const GUARD_MS: u64 = 20;
const SINKS: u64 = 2;
const TRACKS: usize = 2;
/// How many runs of a slot are remembered after they ended.
const RUNS_MAX: usize = 4;

fn config() -> Config {
    let mut config = Config::default();
    config.repair.packets_max = PACKETS_MAX as usize;
    config.repair.span_max = Duration::from_millis(SPAN_MS);
    config.burst.span_max = Duration::from_millis(SPAN_MS);
    config.repair.rtt_guard = Duration::from_millis(GUARD_MS);
    // Not the subject here.
    config.repair.share_percent = 100_000;
    config
}

#[derive(Clone, Debug)]
enum Step {
    /// A frame; one of its packets may be held back.
    Frame {
        track: usize,
        keyframe: bool,
        packets: usize,
        held: usize,
    },
    /// What is held back comes after all.
    Late {
        track: usize,
    },
    Padding {
        track: usize,
    },
    Restart {
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
    Wait {
        ms: u64,
    },
    Nack {
        sink: u64,
        number: u8,
        back: Vec<u64>,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let (track, sink, number) = (0..TRACKS, 0..SINKS, 0..2u8);
    prop_oneof![
        12 => (track.clone(), any::<bool>(), 1..4usize, 0..12usize)
            .prop_map(|(track, keyframe, packets, held)| Step::Frame { track, keyframe, packets, held }),
        2 => track.clone().prop_map(|track| Step::Late { track }),
        1 => track.clone().prop_map(|track| Step::Padding { track }),
        1 => track.clone().prop_map(|track| Step::Restart { track }),
        1 => track.clone().prop_map(|track| Step::Replace { track }),
        4 => (sink.clone(), number.clone(), track)
            .prop_map(|(sink, number, track)| Step::Attach { sink, number, track }),
        1 => (sink.clone(), number.clone()).prop_map(|(sink, number)| Step::Detach { sink, number }),
        2 => (0..150u64).prop_map(|ms| Step::Wait { ms }),
        6 => (sink, number, prop::collection::vec(0..40u64, 1..6))
            .prop_map(|(sink, number, back)| Step::Nack { sink, number, back }),
    ]
}

/// What the reference remembers of a packet that a slot was sent.
struct Sent {
    packet: Received,
    track: usize,
    /// Which of the track's publications it is of.
    stint: u64,
    /// How many packets the track had sent before its frame.
    published: u64,
    is_late: bool,
    /// How many changes had come that may each have ended a run of its slot.
    changes: usize,
    answered: Option<MediaTime>,
}

struct World {
    stage: Stage,
    publishers: Vec<Publisher>,
    held: [Vec<Packet>; TRACKS],
    published: [u64; TRACKS],
    stint: u64,
    changes: BTreeMap<(u64, Slot), usize>,
    sent: BTreeMap<(u64, Slot), BTreeMap<u64, Sent>>,
}

impl World {
    fn new() -> Self {
        let mut stage = Stage::new(config());
        let publishers: Vec<_> = (0..TRACKS as u64)
            .map(|track| Publisher {
                sequence: 0xfff0,
                picture: 0x7ff0,
                ..Publisher::new(track, 0, Codec::Vp8)
            })
            .collect();
        publishers.iter().for_each(|publisher| stage.publish(publisher));
        (0..SINKS).for_each(|sink| stage.join(sink));
        let (held, published) = ([vec![], vec![]], [0; TRACKS]);
        Self {
            stage,
            publishers,
            held,
            published,
            stint: 0,
            changes: slots().map(|of| (of, 0)).collect(),
            sent: BTreeMap::new(),
        }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Attach { sink, number, .. } | Step::Detach { sink, number } => {
                *self.changes.entry((sink, slot(number))).or_default() += 1;
            }
            Step::Restart { .. } => self.changes.values_mut().for_each(|changes| *changes += 1),
            _ => {}
        }
        match step {
            Step::Frame { track, keyframe, packets, held } => {
                self.stage.wait_ms(5);
                let mut frame = self.publishers[track].frame(keyframe, packets, track as u8);
                if held < frame.len() {
                    self.held[track] = vec![frame.remove(held)];
                }
                self.send(track, frame, false);
                self.published[track] += packets as u64;
            }
            Step::Late { track } => {
                let late = std::mem::take(&mut self.held[track]);
                self.send(track, late, true);
            }
            Step::Padding { track } => {
                let padding = self.publishers[track].padding();
                self.send(track, vec![padding], false);
                self.published[track] += 1;
            }
            Step::Restart { track } => {
                self.publishers[track].sequence += 30_000;
                self.held[track].clear();
            }
            Step::Replace { track } => {
                self.stint += 1;
                let gone = self.publishers[track].track;
                self.stage.handle(Input::RemoveSource { track: gone });
                let publisher = Publisher::new(track as u64, self.stint, Codec::Vp8);
                self.stage.publish(&publisher);
                self.publishers[track] = publisher;
                self.held[track].clear();
            }
            Step::Attach { sink, number, track } => {
                let received = self.stage.attach(sink, slot(number), &self.publishers[track]);
                // From the cache: of older frames, but how much older does not matter for these limits.
                let published = self.published[track].saturating_sub(PACKETS_MAX);
                self.remember(received, track, published, false);
            }
            Step::Detach { sink, number } => {
                self.stage.handle(Input::Detach { sink: SinkId(sink), slot: slot(number) });
            }
            Step::Wait { ms } => self.stage.wait_ms(ms),
            Step::Nack { sink, number, back } => self.nack(sink, slot(number), &back),
        }
        self.stage.outputs();
    }

    fn send(&mut self, track: usize, packets: Vec<Packet>, is_late: bool) {
        let received = self.stage.send(&self.publishers[track], packets);
        self.remember(received, track, self.published[track], is_late);
    }

    fn remember(&mut self, received: Vec<Received>, track: usize, published: u64, is_late: bool) {
        let stint = self.publishers[track].key.stint.0;
        for packet in received {
            assert!(!packet.retransmission);
            let (of, sequence) = ((packet.sink, packet.slot), packet.sequence);
            let sent = Sent {
                packet,
                track,
                stint,
                published,
                is_late,
                changes: self.changes[&of],
                answered: None,
            };
            let earlier = self.sent.entry(of).or_default().insert(sequence, sent);
            assert!(earlier.is_none(), "no number is used twice");
        }
    }

    fn nack(&mut self, sink: u64, slot: Slot, back: &[u64]) {
        let mut nothing = BTreeMap::new();
        let sent = self.sent.get_mut(&(sink, slot)).unwrap_or(&mut nothing);
        let newest = sent.keys().next_back().copied().unwrap_or(9);
        let wanted: Vec<_> = back.iter().map(|back| newest.saturating_sub(*back)).collect();
        let mut received = self.stage.nack(sink, slot, &wanted).into_iter().peekable();
        let now = self.stage.now;
        let within = |at: MediaTime, ms: u64| now.since(at) < Duration::from_millis(ms);
        for sequence in wanted {
            let answer = received.next_if(|answer| answer.sequence == sequence);
            let sent = sent.get_mut(&sequence);
            let Some(sent) = sent else {
                assert!(answer.is_none(), "it was never sent {sequence}");
                continue;
            };
            let publisher = &self.publishers[sent.track];
            let is_gone = publisher.key.stint.0 != sent.stint;
            let is_guarded = sent.answered.is_some_and(|at| within(at, GUARD_MS));
            let is_old = !within(sent.packet.arrived, SPAN_MS + 1);
            let is_near = self.published[sent.track] - sent.published <= PACKETS_MAX;
            match answer {
                Some(answer) => {
                    assert!(!is_gone && !is_guarded && !is_old);
                    assert_eq!(answer, Received { retransmission: true, ..sent.packet.clone() });
                    sent.answered = Some(now);
                }
                None => {
                    let changes = self.changes[&(sink, slot)] - sent.changes;
                    // A track may have started anew before, and only show it now.
                    let is_near = is_near && changes + TRACKS <= RUNS_MAX;
                    let is_kept = is_near && !sent.is_late && !is_old && !is_gone;
                    assert!(is_guarded || !is_kept, "{sequence} should have been sent again");
                }
            }
        }
        assert_eq!(received.next(), None);
    }
}

fn slots() -> impl Iterator<Item = (u64, Slot)> {
    (0..SINKS).flat_map(|sink| (0..2).map(move |number| (sink, slot(number))))
}

fn slot(number: u8) -> Slot {
    Slot::video(number).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_sent_again_is_what_was_sent(steps in prop::collection::vec(step(), 1..150)) {
        let mut world = World::new();
        steps.into_iter().for_each(|step| world.apply(step));
    }
}

/// A stage where sink 1 was sent `packets` packets, all at once.
fn watched(packets: usize) -> (Stage, Publisher, Vec<Received>) {
    let mut publisher = Publisher::new(1, 1, Codec::Vp8);
    let mut stage = staged(&publisher, 1);
    let packets = publisher.frame(true, packets, 1);
    let received = stage.send(&publisher, packets);
    (stage, publisher, received)
}

fn sequences(received: &[Received]) -> Vec<u64> {
    received.iter().map(|packet| packet.sequence).collect()
}

#[test]
fn a_wish_is_answered_once_in_a_round_trip() {
    let (mut stage, _, received) = watched(3);
    let wanted = sequences(&received)[1..2].to_vec();
    let rtt = Some(Duration::from_millis(80));
    assert_eq!(stage.nack(1, VIDEO, &[wanted[0], wanted[0]]).len(), 1);
    stage.wait_ms(20);
    assert_eq!(stage.nack_after(1, VIDEO, rtt, &wanted), []);
    assert_eq!(stage.nack(1, VIDEO, &wanted).len(), 1);
    stage.wait_ms(80);
    assert_eq!(stage.nack_after(1, VIDEO, rtt, &wanted).len(), 1);
    assert_eq!(stage.fanout.statistics().repair.guarded, 2);
}

#[test]
fn a_flood_of_wishes_brings_no_more_than_was_earned() {
    let (mut stage, mut publisher, received) = watched(1_000);
    let flood = |stage: &mut Stage, received: &[Received]| {
        let wanted = sequences(received);
        let mut answered = 0;
        for _ in 0..20 {
            stage.wait_ms(21);
            answered += stage.nack(1, VIDEO, &wanted).len();
        }
        answered
    };
    assert_eq!(flood(&mut stage, &received), 128);
    let packets = publisher.frame(false, 100, 2);
    let received = stage.send(&publisher, packets);
    assert_eq!(flood(&mut stage, &received), 50);
    let Repaired { answered, missing, guarded, over_budget, .. } = stage.fanout.statistics().repair;
    assert_eq!((answered, missing, guarded), (178, 0, 0));
    assert_eq!(answered + over_budget, 20 * 1_100);
}

#[test]
fn what_is_kept_is_bounded_by_packets_and_by_time() {
    let (mut stage, _, received) = watched(1_100);
    let wanted = sequences(&received);
    assert_eq!(stage.nack(1, VIDEO, &wanted[70..80]).len(), 4);
    assert_eq!(stage.fanout.statistics().repair.missing, 6);
    stage.wait_ms(1_500);
    assert_eq!(stage.nack(1, VIDEO, &wanted[1_099..]).len(), 1);
    stage.wait_ms(1);
    assert_eq!(stage.nack(1, VIDEO, &wanted[1_098..1_099]), []);
}

#[test]
fn nobody_and_a_slot_that_never_received_are_sent_nothing() {
    let (mut stage, _, received) = watched(3);
    let wanted = sequences(&received);
    assert_eq!(stage.nack(9, VIDEO, &wanted), []);
    assert_eq!(stage.nack(1, slot(1), &wanted), []);
    assert_eq!(stage.fanout.statistics().repair.missing, 6);
}

#[test]
fn numbers_from_before_a_switch_lead_to_the_source_of_then() {
    let (mut stage, _, before) = watched(3);
    let mut second = Publisher { picture: 500, ..Publisher::new(2, 2, Codec::Vp8) };
    stage.publish(&second);
    stage.attach(1, VIDEO, &second);
    let packets = second.frame(true, 2, 2);
    let after = stage.send(&second, packets);
    assert!(!after[0].is_shared);
    let wanted = [sequences(&before)[2], sequences(&after)[0]];
    let again = stage.nack(1, VIDEO, &wanted);
    assert_eq!(marks(&again), [1, 2]);
    assert_eq!(again[1].payload, after[0].payload);
    assert_eq!(again[1].timestamp, after[0].timestamp);
    // Once its source is gone, nothing of it is sent any more.
    stage.handle(Input::RemoveSource { track: TrackId(1) });
    stage.wait_ms(30);
    assert_eq!(marks(&stage.nack(1, VIDEO, &wanted)), [2]);
}

#[test]
fn what_came_after_a_slot_was_detached_is_never_sent_to_it() {
    let mut publisher = Publisher::new(1, 1, Codec::Vp8);
    let mut stage = staged(&publisher, 2);
    let mut packets = publisher.frame(true, 4, 1);
    let held = packets.remove(2);
    let received = stage.send(&publisher, packets);
    let missing = received[0].sequence + 2;
    stage.handle(Input::Detach { sink: SinkId(1), slot: VIDEO });
    let late = stage.send(&publisher, vec![held]);
    assert_eq!(late.len(), 1);
    assert_eq!(stage.nack(1, VIDEO, &[missing]), []);
    assert_eq!(stage.nack(2, VIDEO, &[late[0].sequence]).len(), 1);
}
