//! The committed bytes of every message: an older client or server reads exactly these.
//!
//! `SALON_BLESS=1 cargo test -p salon-signal` rewrites them, which is right only for a message that no
//! release has carried yet.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{env, fs};

use salon_signal::codec::{decode_client, decode_server, encode};
use salon_signal::command::Command;
use salon_signal::conflated::Conflated;
use salon_signal::ephemeral::Ephemeral;
use salon_signal::event::Event;
use salon_signal::{client, server};

use crate::samples::{self, Any};

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1")
}

#[test]
fn every_message_is_written_and_read_as_committed() {
    let bless = env::var_os("SALON_BLESS").is_some();
    for (name, sample) in samples::all() {
        let path = directory().join(format!("{name}.json"));
        let bytes = match &sample {
            Any::Client(frame) => encode(frame),
            Any::Server(frame) => encode(frame),
        };
        let line = [&bytes[..], b"\n"].concat();
        if bless {
            fs::write(&path, &line).unwrap();
        }
        let golden = fs::read(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(String::from_utf8_lossy(&golden), String::from_utf8_lossy(&line), "{name}");
        match &sample {
            Any::Client(frame) => assert_eq!(decode_client(&golden).as_ref(), Ok(frame), "{name}"),
            Any::Server(frame) => assert_eq!(decode_server(&golden).as_ref(), Ok(frame), "{name}"),
        }
    }
}

#[test]
fn there_is_no_golden_file_without_a_message() {
    let names: BTreeSet<String> =
        samples::all().into_iter().map(|(name, _)| format!("{name}.json")).collect();
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(directory()).unwrap() {
        files.insert(entry.unwrap().file_name().into_string().unwrap());
    }
    assert_eq!(files, names);
}

#[test]
fn every_tag_has_a_golden_file() {
    let mut seen = BTreeSet::new();
    for (_, sample) in samples::all() {
        match sample {
            Any::Client(frame) => {
                seen.insert(("client", frame.tag().to_owned()));
                if let client::Frame::Command { body, .. } = frame {
                    seen.insert(("command", body.tag().to_owned()));
                }
            }
            Any::Server(frame) => {
                seen.insert(("server", frame.tag().to_owned()));
                let body = match frame {
                    server::Frame::Event { body, .. } => ("event", body.tag().to_owned()),
                    server::Frame::Conflated { body, .. } => ("conflated", body.tag().to_owned()),
                    server::Frame::Ephemeral { body } => ("ephemeral", body.tag().to_owned()),
                    server::Frame::Result { outcome, .. } => ("outcome", outcome.tag().to_owned()),
                    _ => continue,
                };
                seen.insert(body);
            }
        }
    }
    let all = [
        ("client", client::Frame::TAGS),
        ("command", Command::TAGS),
        ("server", server::Frame::TAGS),
        ("event", Event::TAGS),
        ("conflated", Conflated::TAGS),
        ("ephemeral", Ephemeral::TAGS),
        ("outcome", server::Outcome::TAGS),
    ];
    let all: BTreeSet<(&str, String)> = all
        .into_iter()
        .flat_map(|(kind, tags)| tags.iter().map(move |tag| (kind, (*tag).to_owned())))
        .collect();
    assert_eq!(seen, all);
}
