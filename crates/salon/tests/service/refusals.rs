//! What is not as it should be gets an answer that says so, and the room goes on.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use salon_core::RoomId;
use salon_signal::command::Command;
use salon_signal::server::{Frame, Outcome};

use crate::client::{Client, live};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn malformed_and_unknown_frames_are_answered_and_the_session_goes_on() {
    let world = World::start().await;
    let (mut host, room) = live(&world, "Ada", 4).await;
    let mut viewer = Client::watch(&world, "Vera", room).await;
    let deep = "[".repeat(100);
    for (text, name) in [
        ("{", "malformed"),
        (deep.as_str(), "malformed"),
        (r#"{"t":"react","d":{"hearts":"many"}}"#, "malformed"),
        (r#"{"t":"dance"}"#, "unknown_frame"),
        (r#"{"t":"hello","d":{"versions":[1],"token":"x"}}"#, "hello_expected"),
    ] {
        viewer.send_raw(text).await;
        let answer = loop {
            if let Frame::Error { name, .. } = viewer.next().await {
                break name;
            }
        };
        assert_eq!(answer, name, "{text}");
    }
    for (text, name) in [
        (r#"{"t":"command","d":{"id":7,"body":{"t":"dance"}}}"#, "unknown_command"),
        (r#"{"t":"command","d":{"id":7,"body":{"t":"post_comment","d":{}}}}"#, "malformed"),
        (
            r#"{"t":"command","d":{"id":7,"body":{"t":"post_comment","d":{"text":""}}}}"#,
            "malformed",
        ),
        (r#"{"t":"command","d":{"id":7,"body":{"t":"go_live"}}}"#, "not_host"),
    ] {
        viewer.send_raw(text).await;
        let answer = loop {
            if let Frame::Result { id: 7, outcome: Outcome::Rejected(why) } = viewer.next().await {
                break why.name;
            }
        };
        assert_eq!(answer, name, "{text}");
    }
    host.command(Command::PostComment { text: "still here".into() }).await.unwrap();
    viewer.until(|view| view.room().is_some_and(|room| room.comments.len() == 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_unknown_rooms_are_told_so() {
    let world = World::start().await;
    let (mut token, person) = world.sign_in("Ada").await;
    let nowhere = RoomId::from_u128(1);
    let mut ada = Client::connect_as(&world, token.clone(), person).await;
    assert_eq!(ada.subscribe(nowhere, Vec::new()).await, Err("room_not_found".to_owned()));
    let not_subscribed = ada.command(Command::GoLive).await.unwrap_err();
    assert_eq!(not_subscribed.name, "not_subscribed");

    token.insert(0, 'x');
    let request = |path: String, token: &str| {
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        request.body(Body::empty()).unwrap()
    };
    let (status, body) = world.request(request("/api/me".into(), &token)).await;
    let name = body["name"].as_str();
    assert_eq!((status, name), (StatusCode::UNAUTHORIZED, Some("unauthenticated")));
    let (status, body) = world.request(request(format!("/api/rooms/{nowhere}"), &token)).await;
    assert_eq!((status, body["name"].as_str()), (StatusCode::NOT_FOUND, Some("room_not_found")));
    let (status, _) = world.request(request("/api/rooms/nonsense".into(), &token)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
