//! What no browser would send: the server says what is wrong, in a form programs can read, and the room lives.

use std::net::UdpSocket;

use anyhow::{Context as _, Result, ensure};
use salon_e2e::http::Response;
use salon_e2e::person::SOON;
use salon_e2e::websocket::{Message, WebSocket};
use salon_e2e::{Person, Server, scenario};
use serde_json::{Value, json};

#[test]
fn bad_input_is_refused() {
    scenario::run("bad_input_is_refused", |scenario| {
        let server = scenario.server()?;
        let studio = scenario.browser()?;
        let host = scenario.person(&studio, &server, "Ada")?;
        let room = host.go_live("Still here")?;
        let viewer = scenario.person(&scenario.browser()?, &server, "Emeka")?;
        viewer.open_room(&room)?;
        viewer.receives(&[0])?;

        no_session_without_a_greeting(&server)?;
        a_session_survives_its_mistakes(&server, &viewer, &room)?;
        http_says_what_is_wrong(&server, &host, &room)?;
        noise_reaches_the_media_port(&server)?;

        viewer.receives(&[0])?;
        host.comment("still here")?;
        viewer.page().see("comment", "still here", SOON)?;
        viewer.negotiated_once()?;
        host.negotiated_once()?;
        assert_eq!(server.get("healthz")?.status, 200);
        assert_eq!(server.metric("salon_ledger_trial_balance")?, 0.0);
        Ok(())
    });
}

/// Each first frame that is not a good `hello` is answered by an error of this name and a close for good.
fn no_session_without_a_greeting(server: &Server) -> Result<()> {
    let hello = |versions: &[u32], token: &str| {
        json!({ "t": "hello", "d": { "versions": versions, "token": token } }).to_string()
    };
    let deep = "[".repeat(5_000);
    let cases = [
        ("}{", "malformed"),
        (deep.as_str(), "malformed"),
        (r#"{"t":"ping","d":{"at_ms":1}}"#, "hello_expected"),
        (r#"{"t":"from_the_future"}"#, "hello_expected"),
        (&hello(&[], "x"), "unsupported_version"),
        (&hello(&[999], "x"), "unsupported_version"),
        (&hello(&[1], "nobody"), "unauthenticated"),
    ];
    for (frame, name) in cases {
        let mut socket = WebSocket::connect(server.address())?;
        socket.text(frame)?;
        let shown = frame.chars().take(60).collect::<String>();
        let error = error_frame(&mut socket).with_context(|| shown.clone())?;
        ensure!(error["name"] == name, "{shown}: {error}");
        ensure!(error["code"].is_u64() && error["class"].is_string(), "{shown}: {error}");
        let Message::Close(code, _) = socket.receive()? else {
            anyhow::bail!("{shown}: no close frame");
        };
        ensure!((4_200..5_000).contains(&code), "{shown}: closed with {code}");
    }

    let mut binary = WebSocket::connect(server.address())?;
    binary.binary(&[0xff; 100])?;
    ensure!(error_frame(&mut binary)?["name"] == "malformed");
    // Too large to be read at all, and bytes that are no frame: the connection just ends.
    let mut large = WebSocket::connect(server.address())?;
    // The server may hang up before everything is written.
    let _ = large.text(&"x".repeat(1 << 20));
    ends(&mut large)?;
    let mut raw = WebSocket::connect(server.address())?;
    raw.raw(&[0xff; 64])?;
    ends(&mut raw)
}

/// After a good greeting a mistake is told, and the next good frame is still answered.
fn a_session_survives_its_mistakes(server: &Server, viewer: &Person, room: &str) -> Result<()> {
    let mut socket = WebSocket::connect(server.address())?;
    let hello = json!({ "t": "hello", "d": { "versions": [1], "token": viewer.token()? } });
    socket.text(&hello.to_string())?;
    frame(&mut socket, "welcome")?;
    socket.text("}{")?;
    ensure!(error_frame(&mut socket)?["name"] == "malformed");
    socket.text(r#"{"t":"command","d":{"id":1,"body":{"t":"go_live"}}}"#)?;
    ensure!(rejection(&mut socket)?["name"] == "not_subscribed");
    let unknown = json!({ "t": "subscribe", "d": { "room": "0".repeat(26), "from": [] } });
    socket.text(&unknown.to_string())?;
    ensure!(error_frame(&mut socket)?["name"] == "room_not_found");
    socket.text(&json!({ "t": "subscribe", "d": { "room": room, "from": [] } }).to_string())?;
    frame(&mut socket, "snapshot")?;
    for (id, body, name) in [
        (1, json!({ "t": "bake_a_cake" }), "unknown_command"),
        (2, json!({ "t": "end_room" }), "not_host"),
        (3, json!({ "t": "leave_seat" }), "not_seated"),
        (4, json!({ "t": "approve_request", "d": { "request": "1" } }), "not_host"),
    ] {
        let command = json!({ "t": "command", "d": { "id": id, "body": body } });
        socket.text(&command.to_string())?;
        let rejected = rejection(&mut socket)?;
        ensure!(rejected["name"] == name, "{command}: {rejected}");
    }
    Ok(())
}

/// The status expected, then method, path, authorization, content type and body.
type Case<'a> = (u16, &'a str, &'a str, Option<&'a str>, &'a str, &'a [u8]);

fn http_says_what_is_wrong(server: &Server, host: &Person, room: &str) -> Result<()> {
    let grant = host.page().eval_as::<String>("window.salon.room.grant.token")?;
    let (user, grant) = (format!("Bearer {}", host.token()?), format!("Bearer {grant}"));
    let (whip, whep) = (format!("rooms/{room}/whip"), format!("rooms/{room}/whep"));
    let sdp = "application/sdp";
    let garbage = "v=0\r\no=- garbage\r\nm=video 9 X 0\r\n\u{0}\u{1}".as_bytes();
    let cases: [Case<'_>; 10] = [
        (401, "POST", &whip, None, sdp, garbage),
        (401, "POST", &whip, Some("Bearer nobody"), sdp, garbage),
        (401, "POST", &whip, Some(&user), sdp, garbage),
        (400, "POST", &whip, Some(&grant), sdp, garbage),
        (401, "POST", &whep, Some(&grant), sdp, garbage),
        (400, "POST", &whep, Some(&user), sdp, garbage),
        (400, "POST", "api/tokens", None, "application/json", b"}{"),
        (400, "POST", "api/tokens", None, "application/json", br#"{"name":""}"#),
        (401, "POST", "api/rooms", None, "application/json", br#"{"title":"x"}"#),
        (404, "GET", "api/rooms/00000000000000000000000000", Some(&user), sdp, b""),
    ];
    for (status, method, path, token, kind, body) in cases {
        let mut headers = vec![("content-type", kind)];
        headers.extend(token.map(|token| ("authorization", token)));
        let response = server.request(method, path, &headers, body)?;
        problem(&response, status).with_context(|| format!("{method} {path}"))?;
    }
    let kind = ("content-type", "application/json");
    let forged = server.request("POST", "hooks/payments", &[kind], br#"{"purchase":"x"}"#)?;
    ensure!((400..500).contains(&forged.status), "a forged webhook: {}", forged.status);
    let large = server.request("POST", "api/tokens", &[kind], &vec![b' '; 70 << 10])?;
    ensure!(large.status == 413, "a large body: {}", large.status);
    ensure!(server.request("GET", "assets/..%2f..%2fCargo.toml", &[], b"")?.status == 404);
    Ok(())
}

/// Sends datagrams of every kind that the media port tells apart, none of them good.
fn noise_reaches_the_media_port(server: &Server) -> Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    // The first byte decides (RFC 7983): STUN 0 to 3, DTLS 20 to 63, RTP and RTCP 128 to 191.
    let stun = [&[0, 1, 0, 80, 0x21, 0x12, 0xa4, 0x42][..], &[7; 92]].concat();
    for round in 0..=255_u8 {
        let lengths = [0, 1, 12, 20, 100, 1_200, 1_472];
        for length in lengths {
            socket.send_to(&vec![round; length], server.media_address())?;
        }
        socket.send_to(&stun, server.media_address())?;
    }
    Ok(())
}

/// An error answer: the status, and a body that programs can read.
fn problem(response: &Response, status: u16) -> Result<()> {
    ensure!(
        response.status == status,
        "{} instead of {status}: {}",
        response.status,
        response.text()
    );
    let body = response.json()?;
    for field in ["name", "class", "message"] {
        ensure!(body[field].is_string(), "no {field} in {body}");
    }
    ensure!(body["code"].is_u64(), "no code in {body}");
    Ok(())
}

fn error_frame(socket: &mut WebSocket) -> Result<Value> {
    frame(socket, "error")
}

/// Why the next command that is answered was rejected.
fn rejection(socket: &mut WebSocket) -> Result<Value> {
    let mut result = frame(socket, "result")?;
    ensure!(result["outcome"]["t"] == "rejected", "accepted: {result}");
    Ok(result["outcome"]["d"].take())
}

/// The content of the next frame of this kind; others are passed over.
fn frame(socket: &mut WebSocket, kind: &str) -> Result<Value> {
    // A busy room sends other frames in between, but not this many.
    for _ in 0..100 {
        match socket.receive()? {
            Message::Text(text) => {
                let mut frame = serde_json::from_str::<Value>(&text)?;
                if frame["t"] == kind {
                    return Ok(frame["d"].take());
                }
            }
            other => anyhow::bail!("{other:?} instead of {kind}"),
        }
    }
    anyhow::bail!("no {kind} in 100 frames")
}

/// The connection ends, with whatever is said before.
fn ends(socket: &mut WebSocket) -> Result<()> {
    for _ in 0..10 {
        match socket.receive()? {
            Message::Close(..) | Message::End => return Ok(()),
            Message::Text(_) => {}
        }
    }
    anyhow::bail!("the connection goes on")
}
