//! The legs of viewers: repair of losses, and peers that are wrong or mean.

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
    let viewer = Client::watch_changed(&server, |offer| {
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
