//! WHIP and WHEP: only a grant that holds publishes, and only an offer is answered.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use salon_signal::command::Command;

use crate::client::{Client, live};
use crate::world::World;

struct Offer<'a> {
    path: String,
    token: &'a str,
    content_type: &'a str,
    body: &'a str,
}

async fn post(world: &World, offer: Offer<'_>) -> (StatusCode, String) {
    let Offer { path, token, content_type, body } = offer;
    let request = Request::post(path)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", content_type)
        .body(Body::from(body.to_owned()))
        .unwrap();
    let (status, body) = world.request(request).await;
    (status, body["name"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_need_a_token_that_holds_and_sdp_that_is_an_offer() {
    const SDP: &str = "application/sdp";
    let world = World::start().await;
    let (mut host, room) = live(&world, "Ada", 4).await;
    let grant = host.view.publish().unwrap().token.expose().to_owned();
    let whip = |token, content_type, body| Offer {
        path: format!("/rooms/{room}/whip"),
        token,
        content_type,
        body,
    };
    let garbage = post(&world, whip(&grant, SDP, "v=0 garbage")).await;
    assert_eq!(garbage, (StatusCode::BAD_REQUEST, "offer_refused".to_owned()));
    let (status, _) = post(&world, whip(&grant, "text/plain", "v=0")).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let token = host.token.clone();
    let (status, _) = post(&world, whip(&token, SDP, "v=0")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let viewer = Client::watch(&world, "Vera", room).await;
    let whep = Offer {
        path: format!("/rooms/{room}/whep"),
        token: &viewer.token,
        content_type: SDP,
        body: "not an offer",
    };
    assert_eq!(post(&world, whep).await.0, StatusCode::BAD_REQUEST);

    // The grant ends with the stay in the seat.
    host.command(Command::EndRoom).await.unwrap();
    let (status, _) = post(&world, whip(&grant, SDP, "v=0 garbage")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_unguessable_and_other_methods_are_not_allowed() {
    let world = World::start().await;
    let ask = |method: Method, path: &str| {
        Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
    };
    let session = format!("/sessions/{}", "0".repeat(32));
    assert_eq!(world.request(ask(Method::DELETE, &session)).await.0, StatusCode::NOT_FOUND);
    assert_eq!(world.request(ask(Method::PATCH, &session)).await.0, StatusCode::METHOD_NOT_ALLOWED);
    let whip = "/rooms/00000000000000000000000001/whip";
    assert_eq!(world.request(ask(Method::OPTIONS, whip)).await.0, StatusCode::NO_CONTENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn sizes_of_tiles_are_taken_for_sessions_that_exist() {
    let world = World::start().await;
    let put = async |path: String, body: &str| {
        let request = Request::put(path).header("content-type", "application/json");
        let (status, body) =
            world.request(request.body(Body::from(body.to_owned())).unwrap()).await;
        (status, body["name"].as_str().unwrap_or_default().to_owned())
    };
    let session = "0123456789abcdef0123456789abcd00";
    let unknown = (StatusCode::NOT_FOUND, "not_found".to_owned());
    for name in [session, "nonsense", "0123456789abcdef0123456789abcdff"] {
        let path = format!("/sessions/{name}/tiles");
        assert_eq!(put(path, r#"{"rows":[720,0,0,180]}"#).await, unknown, "{name}");
    }
    for body in ["", "{}", r#"{"rows":[1,2,3]}"#, r#"{"rows":[1,2,3,70000]}"#] {
        let (status, _) = put(format!("/sessions/{session}/tiles"), body).await;
        assert!(status.is_client_error() && status != StatusCode::NOT_FOUND, "{body}: {status}");
    }
}
