//! What a fan-out promises, one fact at a time.

use std::time::Duration;

use salon_core::{MediaTime, TrackId};
use salon_fanout::Codec;
use salon_fanout::engine::{Input, InputError, Output};
use salon_fanout::layer::Encoding;
use salon_fanout::sink::SinkId;

use crate::stage::{self, AUDIO, Publisher, Stage, VIDEO, key, marks};

/// A stage where `publisher` is published and sinks 1 to `sinks` are attached to it.
pub(crate) fn staged(publisher: &Publisher, sinks: u64) -> Stage {
    let slot = if publisher.codec == Codec::Opus { AUDIO } else { VIDEO };
    let mut stage = Stage::default();
    stage.publish(publisher);
    for sink in 1..=sinks {
        stage.join(sink);
        stage.attach(sink, slot, publisher);
    }
    stage.outputs();
    stage
}

#[test]
fn audio_reaches_every_receiver_at_once() {
    let mut publisher = Publisher::new(1, 1, Codec::Opus);
    let mut stage = staged(&publisher, 3);
    let packets = publisher.frame(false, 1, 9);
    let received = stage.send(&publisher, packets);
    assert_eq!(received.iter().map(|packet| packet.sink).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(received.iter().all(|packet| packet.sequence < 0x8000 && packet.is_shared));
    assert_eq!(marks(&received), [9, 9, 9]);
}

#[test]
fn video_starts_with_a_keyframe_and_asks_for_one() {
    for codec in [Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1] {
        let mut publisher = Publisher::new(1, 1, codec);
        let mut stage = Stage::default();
        stage.publish(&publisher);
        stage.join(1);
        stage.attach(1, VIDEO, &publisher);
        assert_eq!(
            stage.outputs(),
            [Output::RequestKeyframe { encoding: Encoding::only(TrackId(1)) }]
        );
        let packets = publisher.frame(false, 2, 1);
        assert_eq!(stage.send(&publisher, packets), []);
        let packets = publisher.frame(true, 2, 2);
        assert_eq!(marks(&stage.send(&publisher, packets)), [2, 2]);
    }
}

#[test]
fn h264_parameters_in_packets_of_their_own_start_a_slot() {
    let mut publisher = Publisher::new(1, 1, Codec::H264);
    let mut stage = staged(&publisher, 1);
    let units: [(bool, &[u8]); 5] = [
        (true, &[0x41, 1]),
        (true, &[0x67, 1]),
        (false, &[0x67, 2]),
        (false, &[0x68, 1]),
        (false, &[0x65, 1]),
    ];
    let received = units.map(|(next_frame, payload)| {
        let packets = publisher.unit(next_frame, payload);
        stage.send(&publisher, packets).len()
    });
    assert_eq!(received, [0, 1, 1, 1, 1]);
    // A second slot joins within the same frame: it gets all of it.
    stage.join(2);
    assert_eq!(stage.attach(2, VIDEO, &publisher).len(), 4);
}

#[test]
fn an_h264_slice_starts_a_slot_if_it_is_the_first_of_its_frame() {
    let mut publisher = Publisher::new(1, 1, Codec::H264);
    let mut stage = staged(&publisher, 1);
    let units: [(bool, &[u8]); 4] =
        [(true, &[0x65, 1]), (false, &[0x65, 1]), (true, &[0x7c, 0x85]), (false, &[0x7c, 0x45])];
    let received = units.map(|(next_frame, payload)| {
        let packets = publisher.unit(next_frame, payload);
        stage.send(&publisher, packets).len()
    });
    // Of the first packet of all it is not known what came before.
    assert_eq!(received, [0, 0, 1, 1]);
}

#[test]
fn a_joiner_starts_from_the_cache_while_it_is_small() {
    let mut publisher = Publisher::new(1, 1, Codec::Vp8);
    let mut stage = staged(&publisher, 0);
    let packets = publisher.frame(true, 3, 1);
    stage.send(&publisher, packets);
    for frame in 2..=3 {
        stage.wait_ms(33);
        let packets = publisher.frame(false, 1, frame);
        stage.send(&publisher, packets);
        stage.join(frame.into());
        let received = stage.attach(frame.into(), VIDEO, &publisher);
        assert_eq!(marks(&received), [1, 1, 1, 2, 3][..2 + usize::from(frame)]);
        assert_eq!(stage.outputs(), []);
    }
    stage.wait_ms(33);
    let packets = publisher.frame(false, 1, 4);
    stage.send(&publisher, packets);
    stage.join(9);
    assert_eq!(stage.attach(9, VIDEO, &publisher), []);
    assert_eq!(stage.outputs(), [Output::RequestKeyframe { encoding: Encoding::only(TrackId(1)) }]);
}

#[test]
fn the_cache_is_bounded_by_packets_and_by_time() {
    let check = |keyframe_packets: usize, packets: usize, pause_ms: u64, expected: usize| {
        let mut publisher = Publisher::new(1, 1, Codec::Vp8);
        let mut stage = staged(&publisher, 0);
        let frame = publisher.frame(true, keyframe_packets, 1);
        stage.send(&publisher, frame);
        stage.wait_ms(pause_ms);
        if packets > 0 {
            let frame = publisher.frame(false, packets, 2);
            stage.send(&publisher, frame);
        }
        stage.join(1);
        assert_eq!(stage.attach(1, VIDEO, &publisher).len(), expected);
    };
    check(200, 0, 0, 200);
    check(201, 0, 0, 0);
    check(90, 6, 0, 96);
    check(90, 7, 0, 0);
    check(1, 1, 400, 2);
    check(1, 1, 401, 0);
    // A picture that does not move stays of use.
    check(1, 0, 60_000, 1);
}

#[test]
fn keyframe_requests_are_coalesced() {
    let mut publisher = Publisher::new(1, 1, Codec::Vp8);
    let mut stage = staged(&publisher, 5);
    let request = [Output::RequestKeyframe { encoding: Encoding::only(TrackId(1)) }];
    assert_eq!(stage.fanout.statistics().keyframe_requests, 1);
    let deadline = stage.fanout.next_deadline().unwrap();
    assert_eq!(deadline.as_us(), stage.now.as_us() + 500_000);

    stage.now = deadline;
    stage.fanout.on_deadline(deadline);
    assert_eq!(stage.outputs(), request);
    assert_eq!(stage.fanout.next_deadline(), None);

    // Those who still wait wish again with every packet that is of no use to them.
    for _ in 0..10 {
        let packets = publisher.frame(false, 1, 0);
        stage.send(&publisher, packets);
        assert_eq!(stage.outputs(), []);
        stage.wait_ms(40);
    }
    stage.wait_ms(100);
    let packets = publisher.frame(false, 1, 0);
    stage.send(&publisher, packets);
    assert_eq!(stage.outputs(), request);

    // The keyframe answers all; a receiver that lost it gets another, after the interval.
    let packets = publisher.frame(true, 1, 0);
    assert_eq!(stage.send(&publisher, packets).len(), 5);
    stage.handle(Input::KeyframeWanted { sink: SinkId(3), slot: VIDEO });
    stage.handle(Input::KeyframeWanted { sink: SinkId(4), slot: VIDEO });
    assert_eq!(stage.outputs(), []);
    let requested_at = stage.now;
    let mut outputs = Vec::new();
    while let Some(deadline) = stage.fanout.next_deadline() {
        stage.now = stage.now.max(deadline);
        stage.fanout.on_deadline(stage.now);
        outputs.extend(stage.outputs());
    }
    assert_eq!(outputs, request);
    assert_eq!(stage.now.as_us(), requested_at.as_us() + 500_000);
}

#[test]
fn nothing_is_forwarded_under_another_key() {
    let mut publisher = Publisher::new(1, 1, Codec::Vp8);
    let mut stage = staged(&publisher, 2);
    let mut impostor = Publisher { key: key(2), ..publisher.clone() };
    let packets = impostor.frame(true, 3, 1);
    assert_eq!(stage.send(&impostor, packets), []);
    assert_eq!(stage.fanout.statistics().dropped.key_mismatch, 3);
    // What was dropped leaves no trace.
    let packets = publisher.frame(true, 3, 2);
    assert_eq!(marks(&stage.send(&publisher, packets)), [2; 6]);

    let attach = Input::Attach { sink: SinkId(1), slot: VIDEO, track: TrackId(1), key: key(2) };
    let refusal = InputError::KeyMismatch { track: TrackId(1), key: key(2) };
    assert_eq!(stage.try_handle(attach), Err(refusal));
}

#[test]
fn a_removed_source_falls_silent_at_once() {
    let mut publisher = Publisher::new(1, 1, Codec::Vp8);
    let mut stage = staged(&publisher, 2);
    let packets = publisher.frame(true, 1, 1);
    stage.send(&publisher, packets);
    stage.handle(Input::KeyframeWanted { sink: SinkId(1), slot: VIDEO });
    stage.handle(Input::RemoveSource { track: TrackId(1) });
    let packets = publisher.frame(true, 1, 1);
    assert_eq!(stage.send(&publisher, packets), []);
    assert_eq!(stage.fanout.statistics().dropped.track_unknown, 1);
    assert_eq!(stage.outputs(), []);
}

#[test]
fn a_slot_goes_on_where_it_was_when_its_source_changes() {
    let mut first = Publisher { picture: 0x7ffd, tl0: 254, ..Publisher::new(1, 1, Codec::Vp8) };
    let mut second = Publisher { timestamp: 77, ..Publisher::new(2, 2, Codec::Vp8) };
    let mut stage = staged(&first, 1);
    stage.publish(&second);
    let packets = first.frame(true, 2, 1);
    let before = stage.send(&first, packets);
    assert!(before.iter().all(|packet| packet.is_shared));
    assert_eq!(before[1].vp8_numbers(), (0x7ffe, 255));

    stage.wait_ms(100);
    assert_eq!(stage.attach(1, VIDEO, &second), []);
    let packets = first.frame(true, 2, 1);
    assert_eq!(stage.send(&first, packets), []);
    let packets = second.frame(true, 1, 2);
    let after = stage.send(&second, packets);
    assert_eq!(after[0].sequence, before[1].sequence + 1);
    assert_eq!(after[0].timestamp, before[1].timestamp + 9_000);
    assert_eq!(after[0].vp8_numbers(), (0x7fff, 0));
    assert!(!after[0].is_shared);
    let packets = second.frame(false, 1, 3);
    let later = stage.send(&second, packets);
    assert_eq!(later[0].vp8_numbers(), (0, 1));
    assert_eq!(later[0].timestamp, after[0].timestamp + 3_000);

    // A second sink that never switched shares the payload of the same packet.
    stage.join(2);
    let joined = stage.attach(2, VIDEO, &second);
    assert!(joined.iter().all(|packet| packet.is_shared));
    assert_eq!(joined[0].vp8_numbers(), (1, 1));
}

#[test]
fn a_late_packet_fills_its_gap() {
    let mut publisher = Publisher::new(1, 1, Codec::Vp8);
    let mut stage = staged(&publisher, 1);
    let mut packets = publisher.frame(true, 4, 0);
    let held = packets.remove(2);
    let before = stage.send(&publisher, packets);
    let padding = publisher.padding();
    assert_eq!(stage.send(&publisher, vec![padding]), []);
    let packets = publisher.frame(false, 1, 0);
    let after = stage.send(&publisher, packets);
    let late = stage.send(&publisher, vec![held.clone()]);
    let first = before[0].sequence;
    assert_eq!(before.iter().map(|packet| packet.sequence - first).collect::<Vec<_>>(), [0, 1, 3]);
    assert_eq!(after[0].sequence - first, 4);
    assert_eq!(late[0].sequence - first, 2);
    assert_eq!(stage.send(&publisher, vec![held]), []);
    assert_eq!(stage.fanout.statistics().dropped.duplicate, 1);
}

#[test]
fn the_number_of_a_packet_that_only_padding_overtook_is_not_used_again() {
    let mut first = Publisher::new(1, 1, Codec::Vp8);
    let mut second = Publisher::new(2, 2, Codec::Vp8);
    let mut stage = staged(&first, 1);
    stage.publish(&second);
    let mut packets = first.frame(true, 2, 1);
    let held = packets.remove(1);
    packets.push(first.padding());
    let before = stage.send(&first, packets);
    let late = stage.send(&first, vec![held]);
    assert_eq!(late[0].sequence, before[0].sequence + 1);
    stage.attach(1, VIDEO, &second);
    let packets = second.frame(true, 1, 2);
    assert_eq!(stage.send(&second, packets)[0].sequence, late[0].sequence + 1);
}

#[test]
fn a_keyframe_whose_first_packet_is_late_starts_those_who_wait() {
    let mut publisher = Publisher::new(1, 1, Codec::Vp8);
    let mut stage = staged(&publisher, 2);
    let packets = publisher.frame(false, 1, 0);
    stage.send(&publisher, packets);
    let mut packets = publisher.frame(true, 3, 1);
    let first = packets.remove(0);
    assert_eq!(stage.send(&publisher, packets), []);
    let received = stage.send(&publisher, vec![first]);
    for sink in 1..=2 {
        let own: Vec<_> = received.iter().filter(|packet| packet.sink == sink).collect();
        assert_eq!(own.len(), 3);
        assert!(own[0].starts_keyframe());
        assert!(own.windows(2).all(|pair| pair[1].sequence == pair[0].sequence + 1));
    }
}

#[test]
fn a_source_that_starts_anew_is_picked_up_at_its_keyframe() {
    let mut publisher = Publisher { sequence: 50_000, ..Publisher::new(1, 1, Codec::Vp8) };
    let mut stage = staged(&publisher, 1);
    let packets = publisher.frame(true, 2, 1);
    let before = stage.send(&publisher, packets);
    let mut publisher = Publisher { sequence: 7, timestamp: 5, ..publisher };
    let packets = publisher.frame(false, 3, 2);
    assert_eq!(stage.send(&publisher, packets), []);
    let packets = publisher.frame(true, 1, 3);
    let after = stage.send(&publisher, packets);
    assert_eq!(after[0].sequence, before[1].sequence + 1);
    assert_eq!(after[0].timestamp, before[1].timestamp + 1);
}

#[test]
fn refused_inputs_are_named() {
    let video = Publisher::new(1, 1, Codec::Vp8);
    let mut stage = staged(&video, 1);
    let mut check = |input, expected| assert_eq!(stage.try_handle(input), Err(expected));
    let Publisher { track, key, codec, .. } = video;
    let (sink, nobody, nothing) = (SinkId(1), SinkId(9), TrackId(9));
    check(Input::AddSource { track, key, codec }, InputError::TrackExists(track));
    check(Input::RemoveSource { track: nothing }, InputError::TrackUnknown(nothing));
    check(Input::AddSink { sink, seed: 0 }, InputError::SinkExists(sink));
    check(Input::RemoveSink { sink: nobody }, InputError::SinkUnknown(nobody));
    check(Input::Detach { sink: nobody, slot: VIDEO }, InputError::SinkUnknown(nobody));
    check(Input::KeyframeWanted { sink: nobody, slot: VIDEO }, InputError::SinkUnknown(nobody));
    let attach = |sink, slot, track| Input::Attach { sink, slot, track, key };
    check(attach(nobody, VIDEO, track), InputError::SinkUnknown(nobody));
    check(attach(sink, VIDEO, nothing), InputError::TrackUnknown(nothing));
    let medium = codec.medium();
    check(attach(sink, AUDIO, track), InputError::MediumMismatch { slot: AUDIO, medium });
    let report = |track, key| {
        let encoding = Encoding::only(track);
        Input::SenderReport { encoding, key, captured: MediaTime(0), rtp_timestamp: 0 }
    };
    check(report(nothing, video.key), InputError::TrackUnknown(nothing));
    check(report(track, stage::key(9)), InputError::KeyMismatch { track, key: stage::key(9) });
    let age = Duration::from_secs(1);
    check(Input::Backlog { sink: nobody, age }, InputError::SinkUnknown(nobody));
    let tile = |sink, slot| Input::Tile { sink, slot, rows: 360 };
    check(tile(nobody, VIDEO), InputError::SinkUnknown(nobody));
    check(tile(sink, AUDIO), InputError::MediumMismatch { slot: AUDIO, medium });
    let reception = Input::Reception { sink: nobody, slot: VIDEO, lost: 0 };
    check(reception, InputError::SinkUnknown(nobody));
}

#[test]
fn speech_is_reported_until_it_ends() {
    let mut publisher = Publisher::new(1, 1, Codec::Opus);
    let mut stage = staged(&publisher, 0);
    let mut reports = Vec::new();
    for _ in 0..50 {
        let packet = publisher.speech(-25);
        stage.send(&publisher, vec![packet]);
        reports.extend(stage.outputs());
        stage.wait_ms(20);
    }
    assert!((1..=5).contains(&reports.len()), "{reports:?}");
    while let Some(deadline) = stage.fanout.next_deadline() {
        stage.now = deadline;
        stage.fanout.on_deadline(deadline);
        reports.extend(stage.outputs());
    }
    assert_eq!(reports.last(), Some(&Output::Speaking { track: TrackId(1), level: None }));
}
