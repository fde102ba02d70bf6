//! What happens to a receiver that cannot keep up.

use salon_core::TrackId;
use salon_fanout::engine::{Input, Output};
use salon_fanout::layer::Encoding;
use salon_fanout::sink::SinkId;
use salon_fanout::{Codec, Slot};

use crate::facts::staged;
use crate::stage::{AUDIO, Publisher, Stage, VIDEO, marks};

/// Who gets the next frame of a publisher.
fn receivers(stage: &mut Stage, publisher: &mut Publisher, keyframe: bool) -> Vec<u64> {
    stage.wait_ms(1_000);
    let packets = publisher.frame(keyframe, 1, 0);
    stage.send(publisher, packets).iter().map(|packet| packet.sink).collect()
}

#[test]
fn video_stops_at_a_quarter_of_a_second_and_goes_on_with_a_keyframe() {
    let mut video = Publisher::new(1, 1, Codec::Vp8);
    let mut audio = Publisher::new(2, 1, Codec::Opus);
    let mut stage = staged(&video, 2);
    stage.publish(&audio);
    stage.attach(1, AUDIO, &audio);
    assert_eq!(receivers(&mut stage, &mut video, true), [1, 2]);
    stage.outputs();

    stage.backlog(1, 249);
    assert_eq!(receivers(&mut stage, &mut video, false), [1, 2]);
    stage.backlog(1, 250);
    assert_eq!(stage.fanout.statistics().overflows, 1);
    for keyframe in [false, true] {
        assert_eq!(receivers(&mut stage, &mut video, keyframe), [2]);
        assert_eq!(receivers(&mut stage, &mut audio, false), [1]);
    }
    assert_eq!(receivers(&mut stage, &mut video, false), [2]);
    // Not yet, and nobody is asked for anything on behalf of a receiver that could not take it.
    stage.backlog(1, 125);
    stage.handle(Input::KeyframeWanted { sink: SinkId(1), slot: VIDEO });
    assert_eq!(stage.outputs(), []);

    assert_eq!(stage.backlog(1, 124), []);
    assert_eq!(stage.outputs(), [Output::RequestKeyframe { encoding: Encoding::only(TrackId(1)) }]);
    assert_eq!(receivers(&mut stage, &mut video, false), [2]);
    assert_eq!(receivers(&mut stage, &mut video, true), [2, 1]);
}

#[test]
fn a_stream_is_dense_over_what_it_missed() {
    let mut video = Publisher::new(1, 1, Codec::Vp8);
    let mut stage = staged(&video, 1);
    let packets = video.frame(true, 3, 1);
    let before = stage.send(&video, packets);
    stage.backlog(1, 1_000);
    let packets = video.frame(true, 3, 2);
    assert_eq!(stage.send(&video, packets), []);
    // The keyframe is fresh: it is not asked for again.
    let after = stage.backlog(1, 0);
    assert_eq!(marks(&after), [2; 3]);
    assert_eq!(after[0].sequence, before[2].sequence + 1);
    assert_eq!(after[0].vp8_numbers().0, before[2].vp8_numbers().0 + 1);
}

#[test]
fn what_is_attached_meanwhile_is_what_it_goes_on_with() {
    let mut first = Publisher::new(1, 1, Codec::Vp8);
    let mut second = Publisher::new(2, 2, Codec::Vp8);
    let third = Publisher::new(3, 3, Codec::Vp8);
    let mut stage = staged(&first, 1);
    let [other, gone] = [1, 2].map(|number| Slot::video(number).unwrap());
    stage.publish(&second);
    stage.publish(&third);
    stage.attach(1, other, &first);
    stage.backlog(1, 1_000);
    for publisher in [&mut first, &mut second] {
        let packets = publisher.frame(true, 1, publisher.track.0 as u8);
        assert_eq!(stage.send(publisher, packets), []);
    }
    assert_eq!(stage.attach(1, VIDEO, &second), []);
    stage.handle(Input::Detach { sink: SinkId(1), slot: other });
    stage.attach(1, gone, &third);
    stage.handle(Input::RemoveSource { track: TrackId(3) });
    assert_eq!(marks(&stage.backlog(1, 0)), [2]);
    assert_eq!(receivers(&mut stage, &mut first, true), []);
    assert_eq!(receivers(&mut stage, &mut second, true), [1]);
}
