//! Tests of a peer connection.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::sdp::Direction;

const PUBLISH: &str = include_str!("../../tests/offers/chromium-publish.sdp");
const WATCH: &str = include_str!("../../tests/offers/chromium-watch.sdp");

static FACTORY: LazyLock<Factory> = LazyLock::new(|| Factory::new().unwrap());

fn accept(offer: &str, direction: Direction) -> Result<(Peer, String), OfferError> {
    let offer = sdp::prepare_offer(offer, direction)?;
    let candidates = [SocketAddr::from(([127, 0, 0, 1], 4_000))];
    FACTORY.accept(Instant::now(), &offer, direction, &candidates)
}

#[test]
fn a_browser_that_publishes_is_answered() {
    let (peer, answer) = accept(PUBLISH, Direction::In).unwrap();
    assert_eq!(answer.matches("a=recvonly").count(), 2, "{answer}");
    assert_eq!(answer.matches("a=candidate:").count(), 2, "{answer}");
    assert!(answer.contains(&format!("a=ice-ufrag:{}", peer.fragment)), "{answer}");
    for feature in ["opus/48000/2", "VP8/90000", "H264/90000", "ssrc-audio-level"] {
        assert!(answer.contains(feature), "{feature} in {answer}");
    }
    for feature in ["packetization-mode=0", "VP9", "AV1", "video-orientation", "simulcast"] {
        assert!(!answer.contains(feature), "{feature} in {answer}");
    }
}

#[test]
fn a_browser_that_watches_is_answered_with_both_codecs_in_every_section() {
    let (peer, answer) = accept(WATCH, Direction::Out).unwrap();
    assert_eq!(answer.matches("a=sendonly").count(), 8, "{answer}");
    for slot in 0..4 {
        for medium in ["audio", "video"] {
            let stream = format!("a=msid:seat{slot} seat{slot}-{medium}\r\n");
            assert_eq!(answer.matches(&stream).count(), 1, "{answer}");
        }
    }
    for mid in 4..8 {
        let codecs: Vec<_> =
            peer.formats(mid.to_string().as_str().into()).filter_map(codec_of).collect();
        assert!(codecs.contains(&Codec::Vp8) && codecs.contains(&Codec::H264), "{codecs:?}");
    }
}

#[test]
fn a_section_without_a_served_codec_is_refused() {
    let offer = PUBLISH.replace("VP8/", "VP7/").replace("H264/", "H263/");
    assert_eq!(accept(&offer, Direction::In).err(), Some(OfferError::NoMedia));
    let offer = PUBLISH.replace("opus/", "speex/");
    assert_eq!(accept(&offer, Direction::In).err(), Some(OfferError::NoMedia));
}

#[test]
fn a_payload_type_with_two_meanings_breaks_nothing_else() {
    // The first of four sections names a profile that does not exist, the others one that does.
    let offer = WATCH.replacen("profile-level-id=4d001f", "profile-level-id=4d001fg", 1);
    let _ = accept(&offer, Direction::Out);
    assert!(accept(WATCH, Direction::Out).is_ok());
}

#[test]
fn an_offer_that_cannot_be_secured_is_refused() {
    let lines: Vec<_> = PUBLISH.lines().filter(|line| !line.starts_with("a=fingerprint")).collect();
    let offer = lines.join("\r\n") + "\r\n";
    assert_eq!(accept(&offer, Direction::In).err(), Some(OfferError::NotAnOffer));
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
        let _ = accept(&spoilt(PUBLISH, &spoils), Direction::In);
        let _ = accept(&spoilt(WATCH, &spoils), Direction::Out);
    }

    #[test]
    fn a_spoilt_offer_of_the_wrong_kind_is_answered_or_refused(spoils in spoils()) {
        let _ = accept(&spoilt(PUBLISH, &spoils), Direction::Out);
        let _ = accept(&spoilt(WATCH, &spoils), Direction::In);
    }
}
