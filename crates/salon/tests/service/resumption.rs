//! A connection that comes back: the tail it missed, or a snapshot, and never a hole.

use salon_core::Fence;
use salon_signal::command::Command;
use salon_signal::{Position, Stream, client, server};

use crate::client::{Client, live};
use crate::world::World;

/// What answered a subscription: the streams resumed with how many events, and those with a snapshot.
async fn resubscribe(
    client: &mut Client,
    room: salon_core::RoomId,
    from: Vec<Position>,
) -> (Vec<(Stream, u64)>, Vec<Stream>) {
    client.send(&client::Frame::Subscribe { room, from }).await;
    let (mut resumed, mut snapshots) = (Vec::new(), Vec::new());
    loop {
        match client.receive().await.unwrap() {
            server::Frame::Resumed { stream, from, to, .. } => resumed.push((stream, to - from)),
            server::Frame::Snapshot(snapshot) => snapshots.push(snapshot.position().stream),
            server::Frame::Capabilities { .. } => return (resumed, snapshots),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_returning_session_gets_exactly_what_it_missed() {
    let world = World::start().await;
    let (mut host, room) = live(&world, "Ada", 4).await;
    let viewer = Client::watch(&world, "Vera", room).await;
    let held = viewer.view.positions();
    let (token, person) = (viewer.token.clone(), viewer.person.clone());
    drop(viewer);
    for text in ["one", "two", "three"] {
        host.command(Command::PostComment { text: text.into() }).await.unwrap();
    }
    let mut back = Client::connect_as(&world, token.clone(), person.clone()).await;
    let (resumed, snapshots) = resubscribe(&mut back, room, held.clone()).await;
    assert_eq!((resumed, snapshots), (vec![(Stream::Room, 3)], vec![Stream::User]));

    let mut other_epoch = held;
    other_epoch[0].epoch = Fence(99);
    let mut lost = Client::connect_as(&world, token, person).await;
    let (resumed, snapshots) = resubscribe(&mut lost, room, other_epoch).await;
    assert_eq!((resumed, snapshots), (vec![], vec![Stream::Room, Stream::User]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_repeated_under_its_number_is_carried_out_once() {
    let world = World::start().await;
    let (mut host, room) = live(&world, "Ada", 4).await;
    let comment = Command::PostComment { text: "once".into() };
    let first = host.command_as(90_001, comment.clone()).await.unwrap();
    let again = host.command_as(90_001, comment).await.unwrap();
    assert_eq!(first, again);
    let viewer = Client::watch(&world, "Vera", room).await;
    assert_eq!(viewer.view.room().unwrap().comments.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_never_see_what_only_the_host_may() {
    let world = World::start().await;
    let (mut host, room) = live(&world, "Ada", 4).await;
    let mut viewer = Client::watch(&world, "Vera", room).await;
    let mut guest = Client::watch(&world, "Cleo", room).await;
    guest.sit_down(&mut host).await;
    host.command(Command::PostComment { text: "welcome".into() }).await.unwrap();
    viewer.until(|view| view.room().is_some_and(|room| room.comments.len() == 1)).await;
    assert!(viewer.view.stage().is_none() && guest.view.stage().is_none());
    let told = viewer.told.iter().map(|event| event.tag()).collect::<Vec<_>>();
    assert_eq!(told, ["seat_reserved", "seat_taken", "comment_posted"]);
}
