//! What the time is in a receiver's streams.

use salon_core::MediaTime;
use salon_fanout::Codec;
use salon_fanout::clock::Alignment;
use salon_fanout::sink::SinkId;

use crate::facts::staged;
use crate::stage::{AUDIO, Publisher, Received, Stage, VIDEO};

const SECOND: u64 = 1_000_000;

/// When a receiver takes a packet to have been captured, from the last sender report before `now`.
fn captured_us(stage: &Stage, packet: &Received, now: MediaTime) -> i64 {
    let clock = stage.fanout.clock(SinkId(packet.sink), packet.slot, now).unwrap();
    let ticks = i64::from(packet.timestamp.wrapping_sub(clock) as i32);
    now.as_us() as i64 + ticks * 1_000_000 / i64::from(packet.codec.clock_hz())
}

#[test]
fn audio_and_video_captured_at_one_moment_have_one_time() {
    let other = Publisher { timestamp: 7, ..Publisher::new(3, 3, Codec::Vp8) };
    let mut audio = Publisher { timestamp: u32::MAX - 100, ..Publisher::new(1, 1, Codec::Opus) };
    let mut video = Publisher { timestamp: 0x7fff_ff00, ..Publisher::new(2, 1, Codec::Vp8) };
    // The video slot showed somebody else before.
    let mut stage = staged(&other, 1);
    let mut others = other.clone();
    let packets = others.frame(true, 1, 0);
    stage.send(&others, packets);
    stage.publish(&audio);
    stage.publish(&video);
    stage.attach(1, AUDIO, &audio);
    stage.attach(1, VIDEO, &video);
    assert_eq!(stage.fanout.clock(SinkId(1), VIDEO, stage.now), None);

    // Their clock says another year, and the reports take 15 and 45 ms to come.
    let theirs = |us: u64| (((us + 7 * SECOND) as u128) << 32).div_ceil(SECOND.into()) as u64;
    let mut alignment = Alignment::default();
    let origin = stage.now.as_us();
    for (publisher, delay_ms, clock_hz) in [(&audio, 15, 48_000), (&video, 45, 90_000)] {
        // Both begin at the origin; the report is made a second later.
        let timestamp = publisher.timestamp.wrapping_add(clock_hz);
        stage.now = MediaTime(origin + SECOND + 1_000 * delay_ms);
        let captured = alignment.captured(stage.now, theirs(origin + SECOND));
        stage.report(publisher, captured, timestamp);
    }
    // A thirtieth of a second after the origin, both capture something; it arrives at different times.
    stage.wait_ms(5);
    let packets = video.frame(true, 1, 1);
    let seen = stage.send(&video, packets);
    stage.wait_ms(80);
    let packets = audio.frame(false, 1, 1);
    let heard = stage.send(&audio, packets);
    for later_ms in [0, 1, 5_000, 3_600_000] {
        let now = MediaTime(stage.now.as_us() + 1_000 * later_ms);
        let [seen, heard] = [&seen[0], &heard[0]].map(|packet| captured_us(&stage, packet, now));
        assert!(seen.abs_diff(heard) <= 50, "{seen} {heard}");
        // The delay of the first report is what the two clocks are taken to differ by.
        assert!(seen.abs_diff((origin + SECOND / 30 + 15_000) as i64) <= 50, "{seen}");
    }
}

/// A slot goes from one source to another 100 ms later; each reports that its packet was captured so many milliseconds
/// before it arrived. Returns how far the slot's time moves on.
fn moved_ms(delays_ms: [Option<u64>; 2]) -> u32 {
    let mut publishers = [1, 2].map(|number| Publisher::new(number, number, Codec::Vp8));
    let mut stage = staged(&publishers[0], 1);
    stage.publish(&publishers[1]);
    let mut received = Vec::new();
    for (publisher, delay_ms) in publishers.iter_mut().zip(delays_ms) {
        let packets = publisher.frame(true, 1, 0);
        if let Some(ms) = delay_ms {
            let captured = MediaTime(stage.now.as_us() - 1_000 * ms);
            stage.report(publisher, captured, publisher.timestamp);
        }
        stage.attach(1, VIDEO, publisher);
        received.extend(stage.send(publisher, packets));
        stage.wait_ms(100);
    }
    received[1].timestamp.wrapping_sub(received[0].timestamp) / 90
}

#[test]
fn time_moves_on_over_a_switch_as_it_did_for_those_who_capture() {
    assert_eq!(moved_ms([None, None]), 100);
    assert_eq!(moved_ms([Some(10), Some(40)]), 70);
    assert_eq!(moved_ms([Some(40), Some(10)]), 130);
    // Half of the truth is no better than none.
    assert_eq!(moved_ms([Some(10), None]), 100);
    assert_eq!(moved_ms([None, Some(10)]), 100);
    // It never goes back, and what is not credible is not believed.
    assert_eq!(moved_ms([Some(0), Some(150)]), 0);
    assert_eq!(moved_ms([Some(0), Some(1_001)]), 100);
}

#[test]
fn a_source_that_starts_anew_has_no_known_time() {
    let mut publisher = Publisher { sequence: 50_000, ..Publisher::new(1, 1, Codec::Opus) };
    let mut stage = staged(&publisher, 1);
    let packets = publisher.frame(true, 1, 1);
    stage.send(&publisher, packets);
    stage.report(&publisher, stage.now, publisher.timestamp);
    assert!(stage.fanout.clock(SinkId(1), AUDIO, stage.now).is_some());
    assert!(stage.fanout.clock(SinkId(2), AUDIO, stage.now).is_none());
    publisher.sequence = 7;
    let packets = publisher.frame(true, 2, 1);
    assert_eq!(stage.send(&publisher, packets).len(), 1);
    assert!(stage.fanout.clock(SinkId(1), AUDIO, stage.now).is_none());
}
