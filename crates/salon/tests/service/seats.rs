//! Who gets a seat, who does not, and what the others see of it.

use salon_signal::command::{Command, Destination, InviteMode};
use salon_signal::event::{Event, ReleaseReason};
use salon_signal::snapshot::{Phase, SeatState};
use salon_signal::{RoomView, command::RequestPolicy};

use crate::client::{Client, live};
use crate::world::World;

fn seated(view: &RoomView) -> Vec<String> {
    let seats = view.room().into_iter().flat_map(|room| &room.seats);
    seats
        .filter_map(|seat| match &seat.state {
            SeatState::Occupied { person, .. } => Some(person.name.clone()),
            _ => None,
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn four_people_sit_and_a_fifth_is_refused() {
    let world = World::start().await;
    let (mut host, room) = live(&world, "Ada", 4).await;
    let mut viewer = Client::watch(&world, "Vera", room).await;
    for name in ["Bob", "Cleo", "Dan"] {
        Client::watch(&world, name, room).await.sit_down_and_stay(&mut host).await;
    }
    viewer.until(|view| seated(view) == ["Ada", "Bob", "Cleo", "Dan"]).await;
    let refused = viewer.command(Command::RequestSeat { note: String::new() }).await.unwrap_err();
    assert_eq!((refused.code, refused.name.as_str()), (1012, "seats_full"));
    let invite =
        Command::InviteGuests { users: vec![viewer.person.user.clone()], mode: InviteMode::Atomic };
    assert_eq!(host.command(invite).await.unwrap_err().name, "seats_full");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_for_two_is_the_same_room_with_two_seats() {
    let world = World::start().await;
    let (mut host, room) = live(&world, "Ada", 2).await;
    let mut guest = Client::watch(&world, "Cleo", room).await;
    guest.sit_down(&mut host).await;
    let mut third = Client::watch(&world, "Dan", room).await;
    let refused = third.command(Command::RequestSeat { note: String::new() }).await.unwrap_err();
    assert_eq!(refused.name, "seats_full");
    assert_eq!(seated(&third.view), ["Ada", "Cleo"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_guest_watches_on_or_is_out_for_good() {
    let world = World::start().await;
    let (mut host, room) = live(&world, "Ada", 4).await;
    let mut guest = Client::watch(&world, "Cleo", room).await;
    guest.sit_down(&mut host).await;
    let user = guest.person.user.clone();
    let remove = |to| Command::RemoveGuest { user: user.clone(), to };
    host.command(remove(Destination::Audience)).await.unwrap();
    guest.until(|view| view.publish().is_none() && seated(view) == ["Ada"]).await;
    let removed =
        |event: &Event| matches!(event, Event::SeatReleased { reason: ReleaseReason::Removed, .. });
    guest.hears(removed).await;

    guest.sit_down(&mut host).await;
    host.command(remove(Destination::OutOfRoom)).await.unwrap();
    let code = loop {
        if let Err(code) = guest.receive().await {
            break code;
        }
    };
    assert_eq!(code, 4600);
    let mut again = Client::connect_as(&world, guest.token.clone(), guest.person.clone()).await;
    assert_eq!(again.subscribe(room, Vec::new()).await, Err("not_available".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_queue_and_the_end_reach_everyone() {
    let world = World::start().await;
    let (mut host, room) = live(&world, "Ada", 4).await;
    let mut viewer = Client::watch(&world, "Vera", room).await;
    viewer.command(Command::RequestSeat { note: "please".into() }).await.unwrap();
    let close = Command::SetRequestPolicy { policy: RequestPolicy::Closed };
    host.command(close).await.unwrap();
    viewer.until(|view| view.user().is_some_and(|user| user.request.is_none())).await;
    let refused = viewer.command(Command::RequestSeat { note: String::new() }).await.unwrap_err();
    assert_eq!(refused.name, "requests_closed");
    host.command(Command::EndRoom).await.unwrap();
    let ended = |view: &RoomView| view.room().is_some_and(|room| room.phase == Phase::Ended);
    viewer.until(ended).await;
    assert!(seated(&viewer.view).is_empty());
    let summary = world.get(&format!("/api/rooms/{room}")).await;
    assert_eq!((summary["phase"].as_str(), &summary["peak_viewers"]), (Some("ended"), &1.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_blocked_is_evicted_without_learning_why() {
    let world = World::start().await;
    let (mut host, room) = live(&world, "Ada", 4).await;
    let mut eve = Client::watch(&world, "Eve", room).await;
    let mut bob = Client::watch(&world, "Bob", room).await;
    bob.sit_down(&mut host).await;
    let code = loop {
        if let Err(code) = eve.receive().await {
            break code;
        }
    };
    assert_eq!(code, 4603);
    let mut again = Client::connect_as(&world, eve.token.clone(), eve.person.clone()).await;
    assert_eq!(again.subscribe(room, Vec::new()).await, Err("not_available".to_owned()));
}

impl Client {
    /// Sits down and keeps the connection open in the background.
    async fn sit_down_and_stay(mut self, host: &mut Self) {
        self.sit_down(host).await;
        tokio::spawn(async move { while self.receive().await.is_ok() {} });
    }
}
