//! What is not read: the truncated, the oversized, the malformed, the garbled.

use proptest::prelude::*;
use salon_signal::client::Frame;
use salon_signal::codec::{DecodeError, Kind, decode_client, decode_server, encode};
use salon_signal::command::Command;
use salon_signal::error::{Class, Code};
use salon_signal::event::{EndReason, Event};
use salon_signal::{Raw, Unknown, server};

use crate::samples::{self, Any};

fn golden() -> Vec<(String, Vec<u8>)> {
    let bytes = |sample| match sample {
        Any::Client(frame) => encode(&frame).to_vec(),
        Any::Server(frame) => encode(&frame).to_vec(),
    };
    samples::all().into_iter().map(|(name, sample)| (name, bytes(sample))).collect()
}

#[test]
fn every_truncation_is_refused() {
    for (name, bytes) in golden() {
        for length in 0..bytes.len() {
            let truncated = &bytes[..length];
            assert!(decode_client(truncated).is_err(), "{name} to {length}");
            assert!(decode_server(truncated).is_err(), "{name} to {length}");
        }
    }
}

/// Where and why a client's frame is refused.
#[track_caller]
fn check(json: &str, path: &str, why: &str) -> DecodeError {
    let error = decode_client(json.as_bytes()).expect_err(json);
    assert_eq!(error.path, path, "{json}: {error}");
    assert!(error.kind.to_string().contains(why), "{json}: {error}");
    assert_eq!(error.class(), Class::Fix);
    error
}

#[test]
fn malformed_known_messages_are_not_unknown_ones() {
    check(r#"{"t":"react","d":{"hearts":"NaN"}}"#, "$.d.hearts", "expected u32");
    check(r#"{"t":"react","d":{"hearts":-1}}"#, "$.d.hearts", "expected u32");
    check(r#"{"t":"react","d":{"hearts":1.0}}"#, "$.d.hearts", "expected u32");
    check(r#"{"t":"react","d":{}}"#, "$.d", "missing field `hearts`");
    check(r#"{"t":"react"}"#, "$", "missing field `d`");
    check(r#"{"t":"react","d":{"hearts":1,"hearts":2}}"#, "$.d.hearts", "duplicate field");
    check(r#"{"t":"react","t":"bye"}"#, "$.t", "duplicate field `t`");
    check(r#"{"d":{"hearts":1}}"#, "$", "missing field `t`");
    check(r#"{"t":7}"#, "$.t", "expected a tag");
    check(r#"["react"]"#, "$", "expected an object with the tag");
    check(r#"{"t":"bye","d":[]}"#, "$.d", "expected an object");
    check(r#"{"t":"react","d":[5]}"#, "$.d", "expected an object");
    check(
        r#"{"t":"subscribe","d":{"room":"zzz","from":[]}}"#,
        "$.d.room",
        "identifier is 3 bytes long",
    );
    check(
        r#"{"t":"ack","d":{"positions":[{"stream":"attic","epoch":1,"seq":1}]}}"#,
        "$.d.positions[0].stream",
        "unknown variant `attic`",
    );
}

#[test]
fn a_malformed_command_keeps_its_number() {
    let invite = r#"{"t":"command","d":{"id":31,"body":{"t":"invite_guests","d":{"users":["bob","a b"],"mode":"atomic"}}}}"#;
    let error = check(invite, "$.d.body.d.users[1]", "identifier contains ' '");
    assert_eq!(error.command, Some(31));
    assert_eq!(error.code(), Code::Malformed);
    let reordered = r#"{"d":{"body":{"d":{"offer":1},"t":"accept_invite"},"id":32},"t":"command"}"#;
    assert_eq!(check(reordered, "$", "decimal digits").command, Some(32));
    assert_eq!(check(r#"{"t":"command","d":{"id":"x"}}"#, "$.d.id", "u64").command, None);
}

#[test]
fn the_tag_may_come_after_the_content() {
    let frame = decode_client(br#"{"x":[{}],"d":{"hearts":3,"later":null},"t":"react"}"#);
    assert_eq!(frame, Ok(Frame::React { hearts: 3 }));
    let golden = encode(&server::Frame::Snapshot(salon_signal::snapshot::Snapshot {
        epoch: salon_core::Fence(1),
        seq: 2,
        state: salon_signal::snapshot::State::Stage(samples::stage_state()),
    }));
    let ordered = r#"{"stream":"stage","epoch":1,"seq":2,"state":"#;
    let text = String::from_utf8(golden.to_vec()).unwrap();
    let state = text.split_once(ordered).unwrap().1.strip_suffix("}}").unwrap();
    let reordered =
        format!(r#"{{"d":{{"state":{state},"seq":2,"epoch":1,"stream":"stage"}},"t":"snapshot"}}"#);
    assert_eq!(decode_server(reordered.as_bytes()), decode_server(&golden));
}

#[test]
fn messages_without_content_may_have_an_empty_one() {
    for json in [r#"{"t":"bye"}"#, r#"{"t":"bye","d":null}"#, r#"{"t":"bye","d":{}}"#] {
        assert_eq!(decode_client(json.as_bytes()), Ok(Frame::Bye));
    }
    assert_eq!(encode(&Frame::Bye), br#"{"t":"bye"}"#.as_slice());
}

#[test]
fn messages_of_later_versions_are_kept_as_they_came() {
    let json = br#"{"t":"command","d":{"id":1,"body":{"t":"dance","d":{"b": 1, "a":[2]}}}}"#;
    let raw = Raw::parse(r#"{"b": 1, "a":[2]}"#);
    let body = Command::Unknown(Unknown { tag: "dance".into(), raw });
    let frame = Frame::Command { id: 1, body };
    assert_eq!(decode_client(json), Ok(frame.clone()));
    assert_eq!(encode(&frame), json.as_slice());

    let bare = br#"{"t":"wave"}"#;
    let frame = Frame::Unknown(Unknown { tag: "wave".into(), raw: None });
    assert_eq!(decode_client(bare), Ok(frame.clone()));
    assert_eq!(encode(&frame), bare.as_slice());
}

#[test]
fn words_of_later_versions_are_kept_as_they_came() {
    let json = br#"{"t":"event","d":{"stream":"room","epoch":1,"seq":1,"at_ms":1,"body":{"t":"room_ended","d":{"reason":"flood"}}}}"#;
    let frame = decode_server(json).unwrap();
    let server::Frame::Event { body, .. } = &frame else { panic!("{frame:?}") };
    let reason = EndReason::Unknown("flood".into());
    assert_eq!(*body, Event::RoomEnded { reason });
    assert_eq!(encode(&frame), json.as_slice());
}

#[test]
fn limits_hold_before_anything_is_read() {
    let large = vec![b' '; 16 * 1024 + 1];
    let error = decode_client(&large).unwrap_err();
    assert_eq!(error.kind, Kind::FrameTooLarge { bytes: 16 * 1024 + 1, max: 16 * 1024 });
    assert_eq!(error.code(), Code::FrameTooLarge);

    let deep = format!(r#"{{"t":"x","d":{}{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
    assert_eq!(check(&deep, &format!("$.d{}", "[0]".repeat(15)), "deeper than 16").command, None);

    let users = vec![r#""u""#; 65].join(",");
    let many = format!(
        r#"{{"t":"command","d":{{"id":1,"body":{{"t":"invite_guests","d":{{"users":[{users}]}}}}}}}}"#
    );
    check(&many, "$.d.body.d.users[64]", "more than 64 elements");

    let long = format!(r#"{{"t":"hello","d":{{"versions":[1],"token":"{}"}}}}"#, "x".repeat(8_193));
    check(&long, "$.d.token", "more than 8192");
    let longish =
        format!(r#"{{"t":"hello","d":{{"versions":[1],"token":"{}"}}}}"#, "x".repeat(4_097));
    check(&longish, "$.d.token", "secret has 4097 bytes, more than 4096");

    check(r#"{"t":"ping","d":{"at_ms":9007199254740993}}"#, "$.d.at_ms", "above 2^53");
}

#[test]
fn explanations_quote_little_of_what_was_sent() {
    let json = format!(r#"{{"t":"ack","d":{{"positions":"{}"}}}}"#, "x".repeat(8_000));
    let error = decode_client(json.as_bytes()).unwrap_err();
    assert!(error.to_string().len() < 300, "{error}");
}

#[test]
fn secrets_are_not_printed() {
    for (name, sample) in samples::all() {
        let text = format!("{sample:?}");
        for secret in ["c2VjcmV0", "sandbox:approve"] {
            assert!(!text.contains(secret), "{name}");
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let _client = decode_client(&bytes);
        let _server = decode_server(&bytes);
    }

    #[test]
    fn no_brackets_panic(json in r#"([\[\]{},:"\\]|t|d|[0-9eE.+-]|null|"t":"react"){0,200}"#) {
        let _client = decode_client(json.as_bytes());
        let _server = decode_server(json.as_bytes());
    }

    #[test]
    fn no_damage_to_a_frame_panics(
        index in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let golden = golden();
        let mut bytes = golden[index.index(golden.len())].1.clone();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _client = decode_client(&bytes);
        let _server = decode_server(&bytes);
    }
}
