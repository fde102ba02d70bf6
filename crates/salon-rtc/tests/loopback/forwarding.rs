//! Publishers and viewers over loopback: who receives what, in which slot, in which order.

use std::collections::BTreeSet;

use salon_rtc::Event;
use str0m::media::Mid;

use crate::client::{self, Client, Path, STAGE, Server, key, vp8_body};

/// Says something that proves, once it has arrived, that all before it has been dealt with.
async fn last_word(publisher: &mut Client, viewer: &mut Client, mid: Mid) -> Vec<client::Received> {
    publisher.send_audio(b"last word").await;
    let mut before = Vec::new();
    loop {
        let packet = viewer.packet().await;
        if packet.mid == mid && packet.payload == b"last word" {
            return before;
        }
        before.push(packet);
    }
}

#[tokio::test]
async fn everybody_receives_everything_in_order_and_in_its_slot() {
    let mut server = Server::start();
    let mut host = Client::publish(&mut server, 0, key(1)).await;
    let mut guest = Client::publish(&mut server, 2, key(2)).await;
    let mut viewers =
        [Client::watch(&mut server, None).await, Client::watch(&mut server, None).await];

    for number in 0..50_u8 {
        host.send_audio(&[0, number]).await;
        host.send_video(number == 0, &[0, number]).await;
        guest.send_audio(&[2, number]).await;
        guest.send_video(number == 0, &[2, number]).await;
    }
    for viewer in &mut viewers {
        let packets = viewer.packets(200).await;
        for slot in [0, 2] {
            let audio = &packets[&viewer.audio_mid(slot)];
            let video = &packets[&viewer.video_mid(slot)];
            for (stream, ticks) in [(audio, 960), (video, 3_000)] {
                assert_eq!(stream.len(), 50);
                for pair in stream.windows(2) {
                    assert_eq!(pair[1].sequence, pair[0].sequence + 1);
                    assert_eq!(pair[1].timestamp.wrapping_sub(pair[0].timestamp), ticks);
                }
            }
            let expected = (0..50).map(|number| vec![slot as u8, number]);
            assert!(audio.iter().map(|packet| packet.payload.clone()).eq(expected.clone()));
            let bodies = video.iter().map(|packet| vp8_body(&packet.payload).to_vec());
            assert!(bodies.eq(expected));
            assert!(video.iter().all(|packet| packet.marker));
        }
    }
    let statistics = server.media.statistics();
    assert_eq!((statistics.packets_in, statistics.packets_out), (200, 400));
    assert_eq!((statistics.publishers, statistics.viewers), (2, 2));
    assert_eq!((statistics.packets_refused, statistics.datagrams_unknown), (0, 0));
}

#[tokio::test]
async fn a_lost_picture_is_sent_again() {
    let mut server = Server::start();
    let mut host = Client::publish(&mut server, 0, key(1)).await;
    let mut viewer = Client::watch_over(&mut server, None, Path::LosesOneIn(10)).await;
    for number in 0..60_u8 {
        host.send_video(number == 0, &[number]).await;
    }
    let mut missing: BTreeSet<u8> = (0..50).collect();
    while !missing.is_empty() {
        let packet = viewer.packet().await;
        missing.remove(&vp8_body(&packet.payload)[0]);
    }
}

#[tokio::test]
async fn a_viewer_that_joins_late_starts_with_a_keyframe() {
    let mut server = Server::start();
    let mut host = Client::publish(&mut server, 0, key(1)).await;
    host.send_video(true, b"first").await;
    host.send_video(false, b"second").await;
    server.until(|counted| counted.packets_in == 2).await;

    let mut viewer = Client::watch(&mut server, None).await;
    let mut bodies = Vec::new();
    while bodies.last().is_none_or(|body| body != b"third") {
        if bodies.is_empty() {
            // If the cache does not serve the viewer, the publisher is asked.
            host.send_video(true, b"third").await;
        }
        let packet = viewer.packet().await;
        assert_eq!(packet.mid, viewer.video_mid(0));
        bodies.push(vp8_body(&packet.payload).to_vec());
    }
    assert!(bodies[0] == b"first" || bodies[0] == b"third", "{bodies:?}");
}

#[tokio::test]
async fn a_masked_slot_is_silent() {
    let mut server = Server::start();
    let mut host = Client::publish(&mut server, 0, key(1)).await;
    let mut guest = Client::publish(&mut server, 1, key(2)).await;
    let mut viewer = Client::watch(&mut server, Some(1)).await;

    guest.send_audio_if_open(b"unheard").await;
    guest.send_video(true, b"unseen").await;
    server.until(|counted| counted.packets_in == 2).await;
    let slot = viewer.audio_mid(0);
    assert_eq!(last_word(&mut host, &mut viewer, slot).await, []);

    server.media.mask(viewer.session, Some(0)).await;
    guest.send_audio(b"heard").await;
    let packet = viewer.packet().await;
    // The picture may be sent again from the beginning; the sound is new.
    let packet = if packet.mid == viewer.video_mid(1) { viewer.packet().await } else { packet };
    assert_eq!((packet.mid, packet.payload), (viewer.audio_mid(1), b"heard".to_vec()));

    host.send_audio(b"unheard").await;
    server.until(|counted| counted.packets_in == 5).await;
    let slot = viewer.audio_mid(1);
    assert_eq!(last_word(&mut guest, &mut viewer, slot).await, []);
}

#[tokio::test]
async fn a_revoked_right_stops_at_once_and_for_good() {
    let mut server = Server::start();
    let mut host = Client::publish(&mut server, 0, key(1)).await;
    let mut guest = Client::publish(&mut server, 1, key(2)).await;
    let mut viewer = Client::watch(&mut server, None).await;
    guest.send_audio(b"heard").await;
    assert_eq!(viewer.packet().await.payload, b"heard");

    server.media.revoke(STAGE, key(2)).await;
    guest.send_audio_if_open(b"unheard").await;
    assert_eq!(server.event_of(guest.session).await, "disconnected");
    guest.closed().await;
    let slot = viewer.audio_mid(0);
    assert_eq!(last_word(&mut host, &mut viewer, slot).await, []);

    let again = Client::try_publish(&server.media, 1, key(2)).await;
    assert_eq!(again.err(), Some(salon_rtc::OfferError::Revoked(key(2))));
    Client::publish(&mut server, 1, key(3)).await;
}

#[tokio::test]
async fn a_publisher_that_returns_continues_its_slot() {
    let mut server = Server::start();
    let mut viewer = Client::watch(&mut server, None).await;
    let mut streams: Vec<(u64, u32)> = Vec::new();
    let mut before = None;
    for visit in 0..3_u8 {
        let mut host = Client::publish(&mut server, 3, key(1)).await;
        for number in 0..5 {
            host.send_video(number == 0, &[visit, number]).await;
            let packet = viewer.packet().await;
            assert_eq!(packet.mid, viewer.video_mid(3));
            assert_eq!(vp8_body(&packet.payload), [visit, number]);
            streams.push((packet.sequence, packet.timestamp));
        }
        if let Some(earlier) = before.replace(host) {
            let mut earlier: Client = earlier;
            earlier.closed().await;
        }
    }
    for pair in streams.windows(2) {
        assert_eq!(pair[1].0, pair[0].0 + 1, "{streams:?}");
        assert!(pair[1].1.wrapping_sub(pair[0].1) < 90_000 * 30, "{streams:?}");
    }
    assert_eq!(server.media.statistics().publishers, 1);
}

#[tokio::test]
async fn nothing_of_an_older_publisher_comes_after_a_newer_one() {
    let mut server = Server::start();
    let mut viewers =
        [Client::watch(&mut server, None).await, Client::watch(&mut server, None).await];
    let mut older = Client::publish(&mut server, 0, key(1)).await;
    for viewer in &mut viewers {
        older.send_until_seen(viewer).await;
    }
    let (sent, newer) = tokio::join!(
        async {
            let mut sent = 0_u32;
            while sent < 500 && older.send_audio_if_open(b"older").await {
                sent += 1;
                tokio::task::yield_now().await;
            }
            sent
        },
        async {
            let mut newer = Client::publish(&mut server, 0, key(2)).await;
            for _ in 0..20 {
                newer.send_audio(b"newer").await;
                tokio::task::yield_now().await;
            }
            newer
        }
    );
    assert!(sent > 0);
    // What the older one sent after it was replaced went nowhere, on neither shard.
    for viewer in &mut viewers {
        let mut newer = 0;
        while newer < 20 {
            match &*viewer.packet().await.payload {
                b"newer" => newer += 1,
                b"older" => assert_eq!(newer, 0),
                _picture => {}
            }
        }
    }
    older.closed().await;
    drop(newer);
}

#[tokio::test]
async fn a_person_that_moves_leaves_its_old_slot() {
    let mut server = Server::start();
    let mut guest = Client::publish(&mut server, 1, key(2)).await;
    let mut viewer = Client::watch(&mut server, None).await;
    guest.send_audio(b"here").await;
    assert_eq!(viewer.packet().await.mid, viewer.audio_mid(1));

    let mut moved = Client::publish(&mut server, 2, key(2)).await;
    guest.closed().await;
    moved.send_audio(b"there").await;
    assert_eq!(viewer.packet().await.mid, viewer.audio_mid(2));
}

#[tokio::test]
async fn requests_for_keyframes_reach_the_publisher() {
    let mut server = Server::start();
    let mut host = Client::publish(&mut server, 0, key(1)).await;
    let mut viewers =
        [Client::watch(&mut server, None).await, Client::watch(&mut server, None).await];
    host.send_video(false, b"undecodable").await;
    host.keyframe_wanted().await;
    host.send_video(true, b"decodable").await;
    for viewer in &mut viewers {
        assert_eq!(vp8_body(&viewer.packet().await.payload), b"decodable");
        viewer.request_keyframe(0).await;
    }
    server.until(|counted| counted.keyframes_wanted == 2).await;
    host.keyframe_wanted().await;
    assert!(server.media.statistics().keyframes_requested >= 2);
}

#[tokio::test]
async fn whoever_speaks_is_told() {
    let mut server = Server::start();
    let mut host = Client::publish(&mut server, 2, key(1)).await;
    let slots = client::within(async {
        loop {
            tokio::select! {
                biased;
                event = server.events.next() => match event {
                    Some(Event::Speaking { stage: STAGE, slots }) => break slots,
                    event => panic!("{event:?}"),
                },
                () = tokio::task::yield_now() => host.send_audio(b"loud").await,
            }
        }
    })
    .await;
    assert!(matches!(slots[..], [(2, -60..=0)]), "{slots:?}");
}
