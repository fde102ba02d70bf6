//! A picture in several encodings: each viewer receives the one that its tile needs.

use std::time::Duration;

use salon_rtc::Event;
use salon_rtc::event::{Layer, Layers};

use crate::client::{Client, LAYERS, Received, STAGE, Server, key, within};

/// Between two pictures.
const INTERVAL: Duration = Duration::from_millis(20);

/// The name of the encoding that a picture is of.
fn name(packet: &Received) -> &'static str {
    let of = |(name, _): &&(&str, u16)| packet.payload.ends_with(name.as_bytes());
    LAYERS.iter().find(of).expect("only pictures are sent").0
}

/// Sends pictures until a viewer sees one of that encoding; every picture that it sees on the way continues its stream.
async fn until_seen(host: &mut Client, viewer: &mut Client, wanted: &str, last: &mut Option<u64>) {
    within(async {
        loop {
            host.send_layers().await;
            while let Ok(packet) = tokio::time::timeout(INTERVAL, viewer.packet()).await {
                assert!(last.is_none_or(|last| packet.sequence == last + 1), "a hole or a repeat");
                *last = Some(packet.sequence);
                if name(&packet) == wanted {
                    return;
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_viewer_gets_the_smallest_encoding_that_fills_its_tile() {
    let mut server = Server::start();
    let mut host = Client::publish_layers(&mut server, 2, key(1)).await;
    // One elsewhere than the seat is, one beside it.
    for _ in 0..2 {
        let mut viewer = Client::watch(&mut server, None).await;
        let mut last = None;
        until_seen(&mut host, &mut viewer, "f", &mut last).await;
        for (rows, expected) in [(100, "q"), (360, "h"), (361, "f"), (180, "q"), (2_160, "f")] {
            assert!(server.media.tiles(viewer.session, [0, 0, rows, 0]).await);
            until_seen(&mut host, &mut viewer, expected, &mut last).await;
        }
    }
    assert!(!server.media.tiles(host.session, [0; 4]).await);
}

#[tokio::test]
async fn the_publisher_is_told_which_encodings_nobody_wants() {
    let mut server = Server::start();
    let mut host = Client::publish_layers(&mut server, 1, key(1)).await;
    let (mut elsewhere, mut beside) =
        (Client::watch(&mut server, None).await, Client::watch(&mut server, None).await);
    assert!(server.media.tiles(elsewhere.session, [0, 180, 0, 0]).await);
    assert!(server.media.tiles(beside.session, [0, 360, 0, 0]).await);
    let (mut last_elsewhere, mut last_beside) = (None, None);
    until_seen(&mut host, &mut elsewhere, "q", &mut last_elsewhere).await;
    until_seen(&mut host, &mut beside, "h", &mut last_beside).await;

    let [low, middle] = [0, 1].map(|number| Layer::new(number).unwrap());
    let wanted = wanted_after(&mut server, &mut host, Layers::NONE.with(low).with(middle)).await;
    assert_eq!(wanted, (STAGE, 1));
    assert!(server.media.close(beside.session).await);
    wanted_after(&mut server, &mut host, Layers::NONE.with(low)).await;
    assert!(server.media.tiles(elsewhere.session, [0, 720, 0, 0]).await);
    wanted_after(&mut server, &mut host, Layers::NONE.with(low).with(Layer::TOP)).await;
}

/// Sends pictures until the publisher is told that these are wanted and no others, and returns of what.
async fn wanted_after(
    server: &mut Server,
    host: &mut Client,
    expected: Layers,
) -> (salon_rtc::StageId, u8) {
    within(async {
        loop {
            host.send_layers().await;
            let event = tokio::time::timeout(INTERVAL, server.events.next()).await;
            if let Ok(Some(Event::LayersWanted { stage, slot, layers })) = event
                && layers == expected
            {
                return (stage, slot);
            }
        }
    })
    .await
}
