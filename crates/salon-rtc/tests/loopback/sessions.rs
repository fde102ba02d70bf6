//! The life of sessions: what is refused, what is survived, how it ends.

use salon_rtc::media::{OFFER_BYTES_MAX, Publish, Watch};
use salon_rtc::{Event, OfferError, SessionId, StageId};
use str0m::media::Direction;
use tokio::net::UdpSocket;

use crate::client::{self, Client, STAGE, Server, key};

fn publish(slot: u8, offer: impl Into<String>) -> Publish {
    Publish { stage: STAGE, slot, key: key(1), offer: offer.into() }
}

#[tokio::test]
async fn what_is_no_offer_is_refused_with_a_reason() {
    let server = Server::start();
    let media = &server.media;
    let long = "v=0\r\n".repeat(OFFER_BYTES_MAX);
    let length = long.len();
    let watching = client::offer(Direction::RecvOnly, 1).await.0;
    for (offer, expected) in [
        (String::new(), OfferError::NotAnOffer),
        ("hello".to_owned(), OfferError::NotAnOffer),
        ("v=0\r\n\u{0}\u{7f}".to_owned(), OfferError::NoMedia),
        (long, OfferError::TooLarge(length)),
        (watching.clone(), OfferError::NoMedia),
        (watching.replace("m=audio", "m=application"), OfferError::NotMedia),
    ] {
        assert_eq!(media.publish(publish(0, offer.clone())).await.err(), Some(expected));
    }
    assert_eq!(media.publish(publish(4, watching.clone())).await.err(), Some(OfferError::Slot(4)));
    let five = client::offer(Direction::RecvOnly, 5).await.0;
    let watch = |offer, mask| media.watch(Watch { stage: STAGE, offer, mask });
    assert_eq!(watch(five, None).await.err(), Some(OfferError::TooManySections));
    assert_eq!(watch(watching, Some(9)).await.err(), Some(OfferError::Slot(9)));

    let statistics = media.statistics();
    assert_eq!((statistics.publishers, statistics.viewers), (0, 0));
}

#[tokio::test]
async fn a_later_right_outranks_an_earlier_one() {
    let mut server = Server::start();
    let mut first = Client::publish(&mut server, 0, key(2)).await;
    let earlier = Client::try_publish(&server.media, 0, key(1)).await;
    assert_eq!(earlier.err(), Some(OfferError::Revoked(key(1))));
    Client::publish(&mut server, 0, key(3)).await;
    first.closed().await;
}

#[tokio::test]
async fn noise_is_counted_and_harmless() {
    let mut server = Server::start();
    let mut host = Client::publish(&mut server, 0, key(1)).await;
    let mut viewer = Client::watch(&mut server, None).await;
    let noise = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let stun = {
        let mut stun = vec![0, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42];
        stun.extend([0; 12]);
        stun.extend([0, 6, 0, 5]);
        stun.extend(b"ab:cd\0\0\0");
        stun
    };
    let datagrams: [&[u8]; 6] =
        [b"", b"\0", &[22, 254, 253, 0], &[0x80; 64], &stun, &[0xff; 1_400]];
    let address = server.media.local_addrs().next().unwrap();
    for datagram in datagrams {
        noise.send_to(datagram, address).await.unwrap();
    }
    server.until(|counted| counted.datagrams_unknown >= 5).await;
    host.send_audio(b"undisturbed").await;
    assert_eq!(viewer.packet().await.payload, b"undisturbed");
}

#[tokio::test]
async fn every_session_ends_once() {
    let mut server = Server::start();
    let host = Client::publish(&mut server, 0, key(1)).await;
    let mut viewer = Client::watch(&mut server, None).await;
    let session = host.session;

    // The peer ends it.
    host.close().await;
    assert_eq!(server.event_of(session).await, "disconnected");
    assert!(!server.media.close(session).await);

    // An order ends it.
    assert!(server.media.close(viewer.session).await);
    assert_eq!(server.event_of(viewer.session).await, "disconnected");
    viewer.closed().await;
    let statistics = server.media.statistics();
    assert_eq!((statistics.publishers, statistics.viewers), (0, 0));
}

#[tokio::test]
async fn a_session_that_never_connects_expires() {
    let server = &mut Server::start_with(|config| {
        config.handshake_max = std::time::Duration::from_millis(1);
    });
    let offer = client::offer(Direction::SendOnly, 1).await.0;
    let answer = server.media.publish(publish(0, offer)).await.unwrap();
    assert_eq!(server.event().await, Event::Disconnected { session: answer.session });
    assert_eq!(server.media.statistics().publishers, 0);
}

#[tokio::test]
async fn one_session_too_many_is_refused() {
    let mut server = Server::start_with(|config| config.sessions_max = 2);
    let _host = Client::publish(&mut server, 0, key(1)).await;
    let viewer = Client::watch(&mut server, None).await;
    let full = Client::try_publish(&server.media, 1, key(2)).await;
    assert_eq!(full.err(), Some(OfferError::Full(2)));
    // Whoever replaces itself needs no room.
    let _host = Client::publish(&mut server, 0, key(1)).await;
    assert!(server.media.close(viewer.session).await);
    Client::publish(&mut server, 1, key(2)).await;
}

#[tokio::test]
async fn a_closed_stage_is_empty_and_can_begin_again() {
    let mut server = Server::start();
    let mut host = Client::publish(&mut server, 0, key(1)).await;
    let mut viewer = Client::watch(&mut server, None).await;
    server.media.revoke(STAGE, key(9)).await;
    server.media.close_stage(StageId(8)).await;
    assert_eq!(server.media.statistics().publishers, 1);

    server.media.close_stage(STAGE).await;
    host.closed().await;
    viewer.closed().await;
    Client::publish(&mut server, 0, key(9)).await;
}

#[tokio::test]
async fn shutdown_says_goodbye_and_ends_the_driver() {
    let mut server = Server::start();
    let mut host = Client::publish(&mut server, 0, key(1)).await;
    let mut viewer = Client::watch(&mut server, None).await;
    server.media.shutdown().await;
    host.closed().await;
    viewer.closed().await;
    client::ended(&mut server.drivers).await;
    let mut ended: Vec<SessionId> = Vec::new();
    while let Some(event) = server.events.next().await {
        if let Event::Disconnected { session } = event {
            ended.push(session);
        }
    }
    ended.sort();
    let mut expected = [host.session, viewer.session];
    expected.sort();
    assert_eq!(ended, expected);

    let offer = client::offer(Direction::SendOnly, 1).await.0;
    assert_eq!(server.media.publish(publish(0, offer)).await.err(), Some(OfferError::Closed));
    assert!(!server.media.close(host.session).await);
}

#[tokio::test]
async fn the_driver_ends_with_its_last_handle() {
    let mut server = Server::start();
    let mut host = Client::publish(&mut server, 0, key(1)).await;
    drop(server.media);
    host.closed().await;
    client::ended(&mut server.drivers).await;
}
