//! The legs of viewers: repair of losses, and peers that are wrong or mean.

use salon_rtc::config::Feedback;
use tokio::task::JoinSet;

use crate::client::{Client, Path, Server, key, vp8_body};

#[tokio::test]
async fn losses_are_repaired_without_a_new_picture() {
    let mut server = Server::start();
    let mut host = Client::publish(&mut server, 0, key(1)).await;
    let mut viewer = Client::watch_over(&mut server, None, Path::LosesOneIn(30)).await;
    // What follows a loss shows it. So few are lost that none of those that repair it is.
    for number in 0..120 {
        host.send_video(number == 0, &[number]).await;
    }
    let mut bodies = std::collections::BTreeMap::new();
    while bodies.len() < 100 {
        let packet = viewer.packet().await;
        if let [body @ 0..100] = *vp8_body(&packet.payload) {
            bodies.insert(packet.sequence, body);
        }
    }
    // Each is where it belongs, whichever stream it came in.
    let sequences: Vec<u64> = bodies.keys().copied().collect();
    assert!(sequences.windows(2).all(|pair| pair[1] == pair[0] + 1), "{bodies:?}");
    assert!(bodies.values().copied().eq(0..100), "{bodies:?}");
    let counted = server.media.statistics();
    assert!(counted.packets_repaired >= 3, "{counted:?}");
    assert!(counted.packets_lost >= counted.packets_repaired, "{counted:?}");
    assert_eq!((counted.keyframes_wanted, counted.reports_refused), (0, 0));
}

#[tokio::test]
async fn a_peer_with_another_certificate_than_its_offers_is_refused() {
    let mut server = Server::start();
    let viewer = Client::watch_changed(&server.media, |offer| {
        let (before, rest) = offer.split_once("a=fingerprint:sha-256 ").unwrap();
        let digit = if rest.starts_with('A') { 'B' } else { 'A' };
        format!("{before}a=fingerprint:sha-256 {digit}{}", &rest[1..])
    })
    .await;
    assert_eq!(server.event_of(viewer.session).await, "disconnected");
    let counted = server.media.statistics();
    assert_eq!((counted.handshakes_refused, counted.viewers), (1, 0));
    assert!(!server.media.close(viewer.session).await);
}

#[tokio::test]
async fn forged_reports_are_counted_and_harmless() {
    let mut server = Server::start();
    let mut host = Client::publish(&mut server, 0, key(1)).await;
    let mut viewer = Client::watch(&mut server, None).await;
    let address = viewer.server;
    let forged: [&[u8]; 5] = [
        &[0x80, 201],
        &[0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2],
        &[0x80; 40],
        &[0xbf, 200, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0],
        &[
            0x80, 203, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0,
            0, 1,
        ],
    ];
    for bytes in forged {
        viewer.send_raw(address, bytes.to_vec()).await;
    }
    // One is media, which a viewer does not send.
    server.until(|counted| counted.reports_refused == 4 && counted.datagrams_unknown == 1).await;
    host.send_audio(b"undisturbed").await;
    assert_eq!(viewer.packet().await.payload, b"undisturbed");
    assert_eq!(server.media.statistics().keyframes_wanted, 0);
}

#[tokio::test]
async fn whoever_closes_its_page_is_gone_at_once() {
    let mut server = Server::start();
    let viewer = Client::watch(&mut server, None).await;
    let session = viewer.session;
    viewer.close().await;
    assert_eq!(server.event_of(session).await, "disconnected");
    assert_eq!(server.media.statistics().viewers, 0);
}

#[tokio::test]
async fn feedback_about_the_transport_is_counted() {
    for (feedback, path) in [
        (Feedback::Reports, Path::Perfect),
        (Feedback::TransportWide, Path::Perfect),
        (Feedback::TransportWide, Path::LosesOneIn(10)),
    ] {
        let mut server = Server::start_with(|config| config.feedback = feedback);
        let mut host = Client::publish(&mut server, 0, key(1)).await;
        let mut viewer = Client::watch_over(&mut server, None, path).await;
        for number in 0..60 {
            host.send_video(number == 0, &[number]).await;
            host.send_audio(&[number]).await;
        }
        let mut seen = 0;
        while seen < 60 {
            let packet = viewer.packet().await;
            let is_new = packet.mid == viewer.video_mid(0) && packet.payload.len() > 5;
            seen += u64::from(is_new);
            if matches!(path, Path::LosesOneIn(_)) && seen == 50 {
                break;
            }
        }
        if feedback == Feedback::Reports {
            assert_eq!(server.media.statistics().feedback_messages, 0);
            continue;
        }
        // Sound, pictures and what was sent again: numbers count on over all of it.
        server
            .until(|counted| {
                let told = counted.packets_reported_received + counted.packets_reported_lost;
                told >= counted.packets_out
            })
            .await;
        let counted = server.media.statistics();
        assert_eq!(counted.packets_out, 120);
        assert!(counted.feedback_messages > 0 && counted.reports_refused == 0, "{counted:?}");
        match path {
            Path::Perfect => assert_eq!(counted.packets_reported_lost, 0, "{counted:?}"),
            Path::LosesOneIn(_) => assert!(counted.packets_reported_lost >= 10, "{counted:?}"),
        }
    }
}

#[tokio::test]
async fn packets_that_differ_by_bytes_share_runs() {
    let mut server = Server::start_with(|config| config.shards = std::num::NonZeroU8::MIN);
    let mut host = Client::publish(&mut server, 0, key(1)).await;
    let mut viewer = Client::watch(&mut server, None).await;
    let bodies: Vec<Vec<u8>> =
        (0..200_u8).map(|number| vec![number; 1_000 + usize::from(number % 7)]).collect();
    // No more at once than the viewer's socket holds.
    for some in bodies.chunks(20) {
        for body in some {
            host.send_video(body[0] == 0, body).await;
        }
        for body in some {
            assert_eq!(vp8_body(&viewer.packet().await.payload), body);
        }
    }
    let counted = server.media.statistics();
    assert_eq!((counted.packets_out, counted.packets_lost), (200, 0));
    // What the client sends in one go comes together. Each packet differs from the next, so without padding each would
    // be alone, but for every seventh.
    assert!(counted.runs_out < 150, "{counted:?}");
}

#[tokio::test]
async fn a_viewer_that_stops_reading_harms_nobody() {
    let mut server = Server::start_with(|config| config.shards = std::num::NonZeroU8::MIN);
    let mut host = Client::publish(&mut server, 0, key(1)).await;
    let frozen = Client::watch(&mut server, None).await;
    let mut viewers =
        [Client::watch(&mut server, None).await, Client::watch(&mut server, None).await];
    frozen.freeze().await;
    // Far more than its socket holds.
    for number in 0..400_u16 {
        let body = [&number.to_be_bytes()[..], &[0; 1_100]].concat();
        host.send_video(number == 0, &body).await;
        // Each is there before the next one is sent: none waits for another, or for whoever is frozen.
        for viewer in &mut viewers {
            let packet = viewer.packet().await;
            assert_eq!(vp8_body(&packet.payload), body);
        }
    }
    let counted = server.media.statistics();
    assert_eq!((counted.viewers, counted.packets_out), (3, 1_200));
    assert_eq!((counted.packets_lost, counted.datagrams_unsent), (0, 0));
    assert!(server.media.close(frozen.session).await);
}

#[tokio::test]
async fn a_crowd_that_joins_disturbs_nobody() {
    const CROWD: usize = 60;
    let mut server = Server::start_with(|config| config.shards = std::num::NonZeroU8::MIN);
    let mut host = Client::publish(&mut server, 0, key(1)).await;
    let mut early = Client::watch(&mut server, None).await;
    let mut joining = JoinSet::new();
    for _ in 0..CROWD {
        let media = server.media.clone();
        joining.spawn(async move {
            let mut client = Client::watch_changed(&media, str::to_owned).await;
            client.connected().await;
            client
        });
    }
    let (mut crowd, mut number) = (Vec::new(), 0_u32);
    while crowd.len() < CROWD {
        host.send_audio(&number.to_be_bytes()).await;
        assert_eq!(early.packet().await.payload, number.to_be_bytes());
        number += 1;
        while let Some(client) = joining.try_join_next() {
            crowd.push(client.unwrap());
        }
    }
    let counted = server.media.statistics();
    assert_eq!((counted.viewers, counted.packets_lost), (1 + CROWD as u64, 0));
    assert_eq!((counted.handshakes_refused, counted.datagrams_unsent), (0, 0));
}
