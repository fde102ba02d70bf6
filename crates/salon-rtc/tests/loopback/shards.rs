//! Several shards: any viewer of any stage on any of them, and nothing that is theirs together goes wrong.

use std::collections::BTreeSet;
use std::num::NonZeroU8;
use std::time::Duration;

use salon_rtc::media::{Publish, Watch};
use salon_rtc::{BindError, OfferError, StageId};
use str0m::media::Direction;

use crate::client::{self, Client, STAGE, Server, key, vp8_body};

/// Between two wishes. On loopback and an idle machine the first is enough.
const INTERVAL: Duration = Duration::from_millis(200);
const THREE: NonZeroU8 = NonZeroU8::new(3).unwrap();

fn start() -> Server {
    Server::start_with(|config| config.shards = THREE)
}

/// Watches from every shard: new viewers go where the fewest are.
async fn watch_from_all(server: &mut Server) -> Vec<Client> {
    let mut viewers = Vec::new();
    for _ in 0..6 {
        viewers.push(Client::watch(server, None).await);
    }
    let ports: BTreeSet<_> = viewers.iter().map(|viewer| viewer.server).collect();
    assert_eq!(ports, server.media.local_addrs().collect());
    viewers
}

/// A host, and viewers on every shard who see it.
async fn live() -> (Server, Client, Vec<Client>) {
    let mut server = start();
    let mut host = Client::publish(&mut server, 0, key(1)).await;
    let mut viewers = watch_from_all(&mut server).await;
    // What the slots carry is told to other shards, and takes its time.
    for viewer in &mut viewers {
        host.send_until_seen(viewer).await;
    }
    (server, host, viewers)
}

#[tokio::test]
async fn every_shard_serves_every_stage() {
    let (server, mut host, mut viewers) = live().await;
    for number in 0..40 {
        host.send_video(number == 0, &[number]).await;
    }
    for viewer in &mut viewers {
        let mut expected = 0;
        while expected < 40 {
            let packet = viewer.packet().await;
            if packet.mid == viewer.video_mid(0) {
                let body = vp8_body(&packet.payload);
                assert!(body == [expected] || body == client::CALL, "{body:?}");
                expected += u8::from(body == [expected]);
            }
        }
    }
    assert_eq!(server.media.statistics().packets_uncrossed, 0);
}

#[tokio::test]
async fn a_wish_for_a_keyframe_reaches_the_publisher_from_anywhere() {
    let (server, mut host, mut viewers) = live().await;
    for viewer in &mut viewers {
        let wanted = server.media.statistics().keyframes_requested;
        // A call that was still on its way answers a wish; so it is repeated, as browsers do.
        client::within(async {
            while server.media.statistics().keyframes_requested == wanted {
                viewer.request_keyframe(0).await;
                let _not_yet = tokio::time::timeout(INTERVAL, host.keyframe_wanted()).await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn once_a_right_is_revoked_no_shard_forwards_under_it() {
    let (server, mut host, _viewers) = live().await;
    for number in 0..40 {
        host.send_video(number == 0, &[number]).await;
    }
    // Some of it is under way.
    server.media.revoke(STAGE, key(1)).await;
    let out = server.media.statistics().packets_out;
    host.closed().await;
    // Whatever was on its way between shards has arrived.
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.media.statistics().packets_out, out);
    let again = Client::try_publish(&server.media, 0, key(1)).await;
    assert_eq!(again.err(), Some(OfferError::Revoked(key(1))));
}

#[tokio::test]
async fn places_are_counted_over_all_shards() {
    let mut server = Server::start_with(|config| {
        config.shards = THREE;
        config.sessions_max = 4;
    });
    let _host = Client::publish(&mut server, 0, key(1)).await;
    let mut viewers = Vec::new();
    for _ in 0..3 {
        viewers.push(Client::watch(&mut server, None).await);
    }
    let offer = client::offer(Direction::RecvOnly, 1).await.0;
    let watch = Watch { stage: STAGE, offer, mask: None };
    assert_eq!(server.media.watch(watch.clone()).await.err(), Some(OfferError::Full(4)));
    // Whoever replaces itself needs no place, and gives none away.
    let _host = Client::publish(&mut server, 0, key(1)).await;
    assert_eq!(server.media.watch(watch.clone()).await.err(), Some(OfferError::Full(4)));
    assert!(server.media.close(viewers[0].session).await);
    assert!(server.media.watch(watch).await.is_ok());
}

#[tokio::test]
async fn every_shard_ends_with_the_stage_and_with_the_server() {
    let mut server = start();
    let mut host = Client::publish(&mut server, 0, key(1)).await;
    let viewers = watch_from_all(&mut server).await;
    host.send_audio(b"hello").await;
    server.media.close_stage(STAGE).await;
    host.closed().await;
    for mut viewer in viewers {
        viewer.closed().await;
    }
    let counted = server.media.statistics();
    assert_eq!((counted.publishers, counted.viewers), (0, 0));
    server.media.shutdown().await;
    let offer = String::from("v=0");
    let publish = Publish { stage: StageId(1), slot: 0, key: key(1), offer };
    assert_eq!(server.media.publish(publish).await.err(), Some(OfferError::Closed));
    client::ended(&mut server.drivers).await;
}

#[test]
fn shards_without_a_port_are_refused() {
    let mut config = salon_rtc::Config::default();
    config.udp = ([127, 0, 0, 1], u16::MAX).into();
    config.shards = THREE;
    let error = salon_rtc::bind(config).map(drop).unwrap_err();
    // The last port may be somebody's.
    match error {
        BindError::Address { address, .. } => assert_eq!(address.port(), u16::MAX),
        error => assert_eq!(error.to_string(), "3 shards do not fit above UDP port 65535"),
    }
}
