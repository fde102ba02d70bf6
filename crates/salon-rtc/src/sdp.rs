//! What is changed in an offer before it is parsed, and in an answer before it is sent.
//!
//! Lines are dropped and added, never understood further than that: whoever accepts the offer
//! has the last word on it.

use salon_fanout::codec::Medium;

use crate::media::{OfferError, SLOTS};

/// Sections in one offer at most: what a viewer needs, and a few that a client has left over.
const SECTIONS_MAX: usize = 16;

/// Which way media goes, seen from here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Direction {
    /// The peer publishes.
    In,
    /// The peer watches.
    Out,
}

/// An offer ready to be parsed.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Offer {
    pub(crate) text: String,
    /// The sections that carry media in the direction asked for, in the order of the offer.
    // Invariant: not empty; at most one of each medium inwards, SLOTS of each outwards.
    pub(crate) sections: Vec<Section>,
}

/// One such section.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Section {
    pub(crate) medium: Medium,
    /// Which of its medium it is, from 0.
    pub(crate) number: u8,
    pub(crate) mid: String,
    /// The names of its encodings, lowest first, if it sends several (RFC 8853).
    pub(crate) rids: Vec<String>,
}

/// Makes an offer one-way and plain.
///
/// * Sections that could go both ways go in `direction` alone; those of the other one are inactive.
/// * Simulcast is taken up inwards; its encodings are listed lowest first, as browsers list them. Outwards one encoding goes.
/// * The peer's candidates are dropped: nothing is ever sent to an address that has not sent first.
pub(crate) fn prepare_offer(offer: &str, direction: Direction) -> Result<Offer, OfferError> {
    if !offer.starts_with("v=0") {
        return Err(OfferError::NotAnOffer);
    }
    let lines: Vec<&str> = offer.lines().collect();
    let mut blocks = lines.chunk_by(|_, next| !next.starts_with("m="));
    let session = blocks.next().ok_or(OfferError::NotAnOffer)?;

    let mut prepared = Offer { text: String::with_capacity(2 * offer.len()), sections: vec![] };
    prepared.keep(session, direction);
    for (index, block) in blocks.enumerate() {
        if index == SECTIONS_MAX {
            return Err(OfferError::TooManySections);
        }
        prepared.push_section(block, direction)?;
    }
    if prepared.sections.is_empty() { Err(OfferError::NoMedia) } else { Ok(prepared) }
}

/// Repeats the candidates of the first section in every other one.
///
/// Some clients look for them in the section they happen to know, bundled or not.
pub(crate) fn repeat_candidates(answer: &str) -> String {
    let lines: Vec<&str> = answer.lines().collect();
    let candidates: Vec<&str> = lines.iter().copied().filter(|line| is_candidate(line)).collect();
    let mut text = String::with_capacity(2 * answer.len());
    for (index, block) in lines.chunk_by(|_, next| !next.starts_with("m=")).enumerate() {
        for line in block.iter().filter(|line| !is_candidate(line)) {
            push_line(&mut text, line);
        }
        if index > 0 {
            for line in &candidates {
                push_line(&mut text, line);
            }
        }
    }
    text
}

impl Offer {
    fn keep(&mut self, block: &[&str], direction: Direction) {
        for line in block.iter().filter(|line| !is_dropped(line, direction)) {
            push_line(&mut self.text, line);
        }
    }

    fn push_section(&mut self, block: &[&str], direction: Direction) -> Result<(), OfferError> {
        let medium = match block[0] {
            line if line.starts_with("m=audio ") => Medium::Audio,
            line if line.starts_with("m=video ") => Medium::Video,
            _ => return Err(OfferError::NotMedia),
        };
        self.keep(block, direction);
        if !is_wanted(block, direction) {
            push_line(&mut self.text, "a=inactive");
            return Ok(());
        }
        let number = self.sections.iter().filter(|known| known.medium == medium).count();
        let allowed = match direction {
            Direction::In => 1,
            Direction::Out => SLOTS,
        };
        if number == allowed {
            return Err(OfferError::TooManySections);
        }
        push_line(
            &mut self.text,
            match direction {
                Direction::In => "a=sendonly",
                Direction::Out => "a=recvonly",
            },
        );
        let mid = block.iter().find_map(|line| line.strip_prefix("a=mid:"));
        self.sections.push(Section {
            medium,
            number: u8::try_from(number).expect("a number below SLOTS fits"),
            mid: mid.ok_or(OfferError::NotAnOffer)?.trim().to_owned(),
            rids: rids(block),
        });
        Ok(())
    }
}

/// Whether a section of an offer can carry media in this direction.
fn is_wanted(block: &[&str], direction: Direction) -> bool {
    // A port of 0 means a rejected section, unless it only means that it is bundled (RFC 9143, 6).
    let port = block[0].split(' ').nth(1);
    if port == Some("0") && !block.contains(&"a=bundle-only") {
        return false;
    }
    // RFC 8866, 6.7: both ways unless said otherwise.
    let offered = block.iter().find(|line| is_direction(line)).unwrap_or(&"a=sendrecv");
    match direction {
        Direction::In => matches!(*offered, "a=sendrecv" | "a=sendonly"),
        Direction::Out => matches!(*offered, "a=sendrecv" | "a=recvonly"),
    }
}

/// The encodings that a section sends, by name (RFC 8853, 5.1): of alternatives the first, paused or not.
fn rids(block: &[&str]) -> Vec<String> {
    let simulcast = block.iter().find_map(|line| line.strip_prefix("a=simulcast:"));
    let mut words = simulcast.unwrap_or_default().split_ascii_whitespace();
    let _direction = words.find(|word| *word == "send");
    let streams = words.next().unwrap_or_default().split(';');
    let first = streams.filter_map(|stream| stream.split(',').next());
    first
        .map(|name| name.trim_start_matches('~').to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

fn is_dropped(line: &str, direction: Direction) -> bool {
    let is_simulcast = line.starts_with("a=simulcast:") || line.starts_with("a=rid:");
    is_direction(line)
        || is_candidate(line)
        || line.is_empty()
        || is_simulcast && direction == Direction::Out
}

fn is_direction(line: &str) -> bool {
    matches!(line, "a=sendrecv" | "a=sendonly" | "a=recvonly" | "a=inactive")
}

fn is_candidate(line: &str) -> bool {
    line.starts_with("a=candidate:") || line == "a=end-of-candidates"
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SESSION: &str =
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n";

    fn section(kind: &str, mid: &str, rest: &str) -> String {
        format!("m={kind} 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:{mid}\r\n{rest}")
    }

    #[track_caller]
    fn check(direction: Direction, sections: &[String], expected: Result<&str, OfferError>) {
        let prepared = prepare_offer(&format!("{SESSION}{}", sections.concat()), direction);
        let summary = prepared.map(|offer| {
            let words = offer.sections.iter();
            let words = words.map(|s| format!("{}:{:?}{}", s.mid, s.medium, s.number));
            words.collect::<Vec<_>>().join(" ")
        });
        assert_eq!(summary, expected.map(str::to_owned));
    }

    #[test]
    fn slots_are_counted_by_medium() {
        let sections = ["audio", "video", "video", "audio"].iter().zip(0..);
        let sections: Vec<_> = sections
            .map(|(kind, mid)| section(kind, &format!("{mid}"), "a=recvonly\r\n"))
            .collect();
        check(Direction::Out, &sections, Ok("0:Audio0 1:Video0 2:Video1 3:Audio1"));
        check(Direction::In, &sections, Err(OfferError::NoMedia));
    }

    #[test]
    fn sections_of_the_other_direction_are_inactive() {
        let sections =
            [section("audio", "0", ""), section("video", "1", "a=recvonly\r\na=candidate:1\r\n")];
        check(Direction::In, &sections, Ok("0:Audio0"));
        let offer = format!("{SESSION}{}", sections.concat());
        let text = prepare_offer(&offer, Direction::In).unwrap().text;
        assert!(text.contains("a=mid:0\r\na=sendonly\r\n"), "{text}");
        assert!(text.ends_with("a=mid:1\r\na=inactive\r\n"), "{text}");
    }

    #[test]
    fn encodings_are_listed_as_offered() {
        let listed = |lines: &str| {
            let offer = format!("{SESSION}{}", section("video", "0", lines));
            let prepared = prepare_offer(&offer, Direction::In).unwrap();
            (prepared.sections[0].rids.join(" "), prepared.text.contains("a=simulcast"))
        };
        let expected = |rids: &str, is_taken| (rids.to_owned(), is_taken);
        assert_eq!(listed("a=sendonly\r\n"), expected("", false));
        let browser = "a=sendonly\r\na=rid:q send\r\na=rid:f send\r\na=simulcast:send q;f\r\n";
        assert_eq!(listed(browser), expected("q f", true));
        assert_eq!(listed("a=simulcast:recv 9 send ~1,2;3\r\n"), expected("1 3", true));
        assert_eq!(listed("a=simulcast:recv 9\r\n"), expected("", true));
        let watching = section("video", "0", "a=simulcast:send q;f\r\n");
        let text = prepare_offer(&format!("{SESSION}{watching}"), Direction::Out).unwrap().text;
        assert!(!text.contains("simulcast"), "{text}");
    }

    #[test]
    fn what_cannot_be_served_is_refused() {
        let video = |mid: usize| section("video", &mid.to_string(), "a=sendrecv\r\n");
        check(Direction::In, &[video(0), video(1)], Err(OfferError::TooManySections));
        let five: Vec<_> = (0..5).map(video).collect();
        check(Direction::Out, &five, Err(OfferError::TooManySections));
        check(Direction::Out, &[section("application", "0", "")], Err(OfferError::NotMedia));
        check(Direction::In, &[], Err(OfferError::NoMedia));
        let rejected = "m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n".to_owned();
        check(Direction::In, &[rejected], Err(OfferError::NoMedia));
        let nameless = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n".to_owned();
        check(Direction::In, &[nameless], Err(OfferError::NotAnOffer));
        assert_eq!(prepare_offer("hello", Direction::In), Err(OfferError::NotAnOffer));
        assert_eq!(prepare_offer("", Direction::In), Err(OfferError::NotAnOffer));
    }

    #[test]
    fn candidates_are_repeated_in_every_section() {
        let answer = "v=0\r\nm=audio 9\r\na=candidate:1\r\na=mid:0\r\nm=video 9\r\na=mid:1\r\n";
        assert_eq!(
            repeat_candidates(answer),
            "v=0\r\nm=audio 9\r\na=mid:0\r\na=candidate:1\r\nm=video 9\r\na=mid:1\r\na=candidate:1\r\n"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_prepared_or_refused(tail: String) {
            let _ = prepare_offer(&tail, Direction::In);
            let _ = prepare_offer(&format!("v=0\r\n{tail}"), Direction::Out);
            let _ = prepare_offer(&format!("v=0\r\nm=audio {tail}"), Direction::Out);
        }
    }
}
