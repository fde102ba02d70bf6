//! Tests of a peer connection.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::sdp::Direction;

const PUBLISH: &str = include_str!("../../tests/offers/chromium-publish.sdp");
const WATCH: &str = include_str!("../../tests/offers/chromium-watch.sdp");

static FACTORY: LazyLock<Factory> = LazyLock::new(|| Factory::new(Feedback::Reports).unwrap());

fn accept(offer: &str) -> Result<(Peer, String), OfferError> {
    let offer = sdp::prepare_offer(offer, Direction::In)?;
    let candidates = [SocketAddr::from(([127, 0, 0, 1], 4_000))];
    FACTORY.accept_seat(Instant::now(), &offer, &candidates)
}

fn accept_viewer(offer: &str) -> Result<String, OfferError> {
    let offer = sdp::prepare_offer(offer, Direction::Out)?;
    let candidates = ["127.0.0.1:4000".parse().unwrap(), "[::1]:4000".parse().unwrap()];
    FACTORY.accept_viewer(Instant::now(), &offer, &candidates).map(|(_, _, answer)| answer)
}

/// The sections of a description, each with its lines.
fn sections(text: &str) -> Vec<Vec<&str>> {
    let lines: Vec<&str> = text.lines().collect();
    let blocks = lines.chunk_by(|_, next| !next.starts_with("m="));
    blocks.skip(1).map(<[&str]>::to_vec).collect()
}

#[test]
fn a_browser_that_publishes_is_answered() {
    let (peer, answer) = accept(PUBLISH).unwrap();
    assert_eq!(answer.matches("a=recvonly").count(), 2, "{answer}");
    assert_eq!(answer.matches("a=candidate:").count(), 2, "{answer}");
    assert!(answer.contains(&format!("a=ice-ufrag:{}", peer.fragment)), "{answer}");
    for codec in ["opus/48000/2", "VP8/90000", "H264/90000", "VP9/90000", "AV1/90000"] {
        assert!(answer.contains(codec), "{codec} in {answer}");
    }
    assert!(answer.contains("ssrc-audio-level"), "{answer}");
    for feature in ["packetization-mode=0", "video-orientation", "simulcast"] {
        assert!(!answer.contains(feature), "{feature} in {answer}");
    }
}

#[test]
fn a_browser_with_several_encodings_is_answered_with_all_of_them() {
    let (layers, encodings) =
        ("a=sendonly\r\n", "a=rid:q send\r\na=rid:f send\r\na=simulcast:send q;f\r\n");
    let (audio, video) = PUBLISH.split_once("m=video").unwrap();
    let video = video.replacen(layers, &format!("{layers}{encodings}"), 1);
    let (_, answer) = accept(&format!("{audio}m=video{video}")).unwrap();
    assert!(answer.contains("a=simulcast:recv q;f\r\n"), "{answer}");
    for name in ["rtp-stream-id", "repaired-rtp-stream-id"] {
        assert!(answer.contains(name), "{name} in {answer}");
    }
}

#[test]
fn a_browser_that_watches_is_answered_in_every_section() {
    let answer = accept_viewer(WATCH).unwrap();
    let mut ssrcs = std::collections::BTreeSet::new();
    for (number, section) in sections(&answer).into_iter().enumerate() {
        let (slot, kind) = (number % 4, if number < 4 { "audio" } else { "video" });
        let stream = format!("a=msid:seat{slot} seat{slot}-{kind}");
        for line in [
            &stream,
            &format!("a=mid:{number}"),
            "a=sendonly",
            "a=setup:passive",
            "a=rtcp-mux",
            "a=rtcp-rsize",
            "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        ] {
            assert!(section.contains(&line), "{line} in {section:#?}");
        }
        let candidates = section.iter().filter(|line| line.starts_with("a=candidate:"));
        assert_eq!(candidates.count(), 2);
        let names =
            section.iter().filter_map(|line| line.strip_prefix("a=ssrc:")?.split_once(" cname:"));
        let names: Vec<_> = names.map(|(ssrc, _)| ssrc).collect();
        if kind == "audio" {
            assert!(section.contains(&"a=rtpmap:111 opus/48000/2") && names.len() == 1);
            assert!(!section.iter().any(|line| line.starts_with("a=rtcp-fb")), "{section:#?}");
        } else {
            let formats = section[0].split_once(" UDP/TLS/RTP/SAVPF ").unwrap().1;
            assert_eq!(
                formats,
                "96 97 98 99 100 101 35 36 37 38 102 103 108 109 116 117 41 42 45 46 47 48"
            );
            assert!(section.contains(&"a=fmtp:97 apt=96") && names.len() == 2);
            assert!(
                section.contains(&format!("a=ssrc-group:FID {} {}", names[0], names[1]).as_str())
            );
            for wish in ["a=rtcp-fb:96 nack", "a=rtcp-fb:96 nack pli", "a=rtcp-fb:96 ccm fir"] {
                assert!(section.contains(&wish), "{wish} in {section:#?}");
            }
        }
        ssrcs.extend(names.into_iter().map(str::to_owned));
    }
    assert_eq!(ssrcs.len(), 12);
    assert!(
        answer.contains("a=group:BUNDLE 0 1 2 3 4 5 6 7\r\n") && answer.contains("a=ice-lite\r\n")
    );
    for feature in ["transport-cc", "goog-remb", "packetization-mode=0", "red/", "abs-send"] {
        assert!(!answer.contains(feature), "{feature} in {answer}");
    }
}

#[test]
fn feedback_about_the_transport_is_accepted_where_it_is_offered() {
    const EXTENSION: &str =
        "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
    let factory = Factory::new(Feedback::TransportWide).unwrap();
    let accept = |offer: &str| {
        let offer = sdp::prepare_offer(offer, Direction::Out).unwrap();
        let candidates = ["127.0.0.1:4000".parse().unwrap()];
        factory.accept_viewer(Instant::now(), &offer, &candidates).unwrap().2
    };
    let answer = accept(WATCH);
    for section in sections(&answer) {
        let pt = if section[0].starts_with("m=audio") { 111 } else { 96 };
        let wish = format!("a=rtcp-fb:{pt} transport-cc");
        assert!(section.contains(&EXTENSION) && section.contains(&&*wish), "{section:#?}");
    }
    // One without the other is of no use, and neither is promised.
    let nameless = WATCH.replace(EXTENSION, "a=x");
    let silent = WATCH.replace(" transport-cc", " x");
    // Numbers of extensions are not to be used twice.
    let twice = WATCH.replace(EXTENSION, &EXTENSION.replace(":3", ":4"));
    for offer in [nameless, silent, twice] {
        let answer = accept(&offer);
        assert!(!answer.contains("transport"), "{answer}");
    }
    let every = WATCH.replace("a=rtcp-fb:96 transport-cc", "a=rtcp-fb:* transport-cc");
    assert!(accept(&every).contains("a=rtcp-fb:96 transport-cc\r\n"));
}

#[test]
fn a_section_without_a_served_codec_is_refused() {
    let served = ["VP8/", "VP9/", "AV1/", "H264/"];
    let offer = served.iter().fold(PUBLISH.to_owned(), |offer, name| offer.replace(name, "X/"));
    assert_eq!(accept(&offer).err(), Some(OfferError::NoMedia));
    let offer = PUBLISH.replace("opus/", "speex/");
    assert_eq!(accept(&offer).err(), Some(OfferError::NoMedia));
}

#[test]
fn a_payload_type_with_two_meanings_breaks_nothing_else() {
    // The first of four sections names a profile that does not exist, the others one that does.
    let offer = WATCH.replacen("profile-level-id=4d001f", "profile-level-id=4d001fg", 1);
    let _ = accept_viewer(&offer);
    assert!(accept_viewer(WATCH).is_ok());
}

#[test]
fn an_offer_that_cannot_be_secured_is_refused() {
    let lines: Vec<_> = PUBLISH.lines().filter(|line| !line.starts_with("a=fingerprint")).collect();
    let offer = lines.join("\r\n") + "\r\n";
    assert_eq!(accept(&offer).err(), Some(OfferError::NotAnOffer));
}

#[track_caller]
fn check_viewer(change: impl Fn(&str) -> Option<String>, expected: Result<usize, OfferError>) {
    let lines: Vec<_> = WATCH.lines().filter_map(change).collect();
    let answer = accept_viewer(&(lines.join("\r\n") + "\r\n"));
    // How many sections have a stream.
    assert_eq!(answer.map(|answer| answer.matches("a=sendonly").count()), expected);
}

#[test]
fn a_viewers_offer_that_cannot_be_served_is_refused() {
    let without =
        |name: &'static str| move |line: &str| (!line.starts_with(name)).then(|| line.to_owned());
    let instead = |name: &'static str, other: &'static str| {
        move |line: &str| Some(if line.starts_with(name) { other } else { line }.to_owned())
    };
    check_viewer(without("nothing"), Ok(8));
    for name in ["a=fingerprint", "a=ice-ufrag", "a=ice-pwd", "a=rtcp-mux", "a=group", "a=mid"] {
        check_viewer(without(name), Err(OfferError::NotAnOffer));
    }
    check_viewer(instead("a=setup", "a=setup:passive"), Err(OfferError::NotAnOffer));
    check_viewer(instead("a=setup", "a=setup:active"), Ok(8));
    check_viewer(instead("a=mid:1", "a=mid:0"), Err(OfferError::NotAnOffer));
    check_viewer(instead("a=mid:1", "a=mid:a b"), Err(OfferError::NotAnOffer));
    check_viewer(instead("a=fingerprint", "a=fingerprint:sha-1 AA"), Err(OfferError::NotAnOffer));
    check_viewer(without("a=rtpmap:111"), Err(OfferError::NoMedia));
    check_viewer(without("a=extmap"), Ok(8));
    check_viewer(instead("a=recvonly", "a=inactive"), Err(OfferError::NoMedia));
}

#[test]
fn sections_without_a_stream_keep_their_place() {
    // The first stays in the group without a stream, the last has been given up.
    let lines = WATCH.replacen("a=recvonly", "a=inactive", 1);
    let lines = lines
        .replace("m=video 50151", "m=video 0")
        .replace(" 6 7\r\n", " 6\r\n")
        .replace(" 6 7\n", " 6\n");
    let answer = accept_viewer(&lines).unwrap();
    let sections = sections(&answer);
    assert!(sections[0].contains(&"a=inactive") && sections[0][0].starts_with("m=audio 9 "));
    assert!(sections[1].contains(&"a=msid:seat0 seat0-audio"));
    assert!(sections[7].contains(&"a=inactive") && sections[7][0].starts_with("m=video 0 "));
    assert!(answer.contains("a=group:BUNDLE 0 1 2 3 4 5 6\r\n"), "{answer}");
}

#[test]
fn a_viewer_without_repair_is_not_promised_any() {
    let offer = WATCH.replace(" rtx/90000", " rtx/90001");
    let answer = accept_viewer(&offer).unwrap();
    assert!(!answer.contains("rtx") && !answer.contains("FID"));
    assert!(!answer.contains(" nack\r\n") && answer.contains(" nack pli\r\n"));
}

/// One way to spoil a text.
#[derive(Clone, Debug)]
enum Spoil {
    DropLine(Index),
    RepeatLine(Index),
    SwapLines(Index, Index),
    Truncate(Index),
    Overwrite(Index, char),
    Insert(Index, String),
    Number(Index, u64),
    CopyNumber(Index, Index),
}

fn spoils() -> impl Strategy<Value = Vec<Spoil>> {
    let at = any::<Index>;
    let spoil = prop_oneof![
        at().prop_map(Spoil::DropLine),
        at().prop_map(Spoil::RepeatLine),
        (at(), at()).prop_map(|(one, other)| Spoil::SwapLines(one, other)),
        at().prop_map(Spoil::Truncate),
        (at(), any::<char>()).prop_map(|(at, char)| Spoil::Overwrite(at, char)),
        (at(), "[a-z=:/ 0-9]{0,12}").prop_map(|(at, text)| Spoil::Insert(at, text)),
        (at(), prop_oneof![0..300_u64, any::<u64>()])
            .prop_map(|(at, number)| Spoil::Number(at, number)),
        (at(), at()).prop_map(|(from, to)| Spoil::CopyNumber(from, to)),
    ];
    prop::collection::vec(spoil, 1..6)
}

fn spoilt(text: &str, spoils: &[Spoil]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for spoil in spoils {
        if lines.is_empty() {
            break;
        }
        match spoil {
            Spoil::DropLine(at) => drop(lines.remove(at.index(lines.len()))),
            Spoil::RepeatLine(at) => {
                let at = at.index(lines.len());
                lines.insert(at, lines[at].clone());
            }
            Spoil::SwapLines(one, other) => {
                let (one, other) = (one.index(lines.len()), other.index(lines.len()));
                lines.swap(one, other);
            }
            Spoil::Truncate(at) => lines.truncate(at.index(lines.len())),
            Spoil::Overwrite(at, char) => {
                let line = at.index(lines.len());
                let mut chars: Vec<char> = lines[line].chars().collect();
                if !chars.is_empty() {
                    let place = at.index(chars.len());
                    chars[place] = *char;
                }
                lines[line] = chars.into_iter().collect();
            }
            Spoil::Insert(at, text) => {
                let line = at.index(lines.len());
                lines[line].push_str(text);
            }
            Spoil::Number(at, number) => {
                let line = at.index(lines.len());
                lines[line] = with_number(&lines[line], *at, &number.to_string());
            }
            Spoil::CopyNumber(from, to) => {
                // Two payload types that collide, two sections with one name, and the like.
                let number = numbers(&lines[from.index(lines.len())], *from).to_owned();
                let line = to.index(lines.len());
                lines[line] = with_number(&lines[line], *to, &number);
            }
        }
    }
    lines.join("\r\n") + "\r\n"
}

/// One of the numbers of a line, or nothing.
fn numbers(line: &str, at: Index) -> &str {
    let words = line.split(|char: char| !char.is_ascii_digit());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "" } else { words[at.index(words.len())] }
}

fn with_number(line: &str, at: Index, number: &str) -> String {
    match numbers(line, at) {
        "" => format!("{line}{number}"),
        old => line.replacen(old, number, 1),
    }
}

proptest! {
    #[test]
    fn a_spoilt_offer_is_answered_or_refused(spoils in spoils()) {
        let _ = accept(&spoilt(PUBLISH, &spoils));
        let _ = accept_viewer(&spoilt(WATCH, &spoils));
    }

    #[test]
    fn a_spoilt_offer_of_the_wrong_kind_is_answered_or_refused(spoils in spoils()) {
        let _ = accept_viewer(&spoilt(PUBLISH, &spoils));
        let _ = accept(&spoilt(WATCH, &spoils));
    }
}
