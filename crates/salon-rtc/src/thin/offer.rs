//! What a viewer's offer says of its transport and of the formats it can receive (RFC 8866, RFC 8829).
//!
//! Sections have been counted and given slots before (`sdp.rs`); here each line is looked at for one fact, and what is
//! not understood is passed over. Only what is checked here is ever repeated in an answer.

use is::IceCreds;
use salon_fanout::codec::Medium;
use salon_fanout::{Codec, Slot};

use super::fingerprint::Fingerprint;
use super::transport;
use crate::config::Feedback;
use crate::media::OfferError;
use crate::sdp;

/// The only transport there is: RTP over SRTP with keys from DTLS (RFC 8829, 5.1.2).
pub(super) const PROTOCOL: &str = "UDP/TLS/RTP/SAVPF";
const MID_EXTENSION: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
/// Longer names than any client gives.
const MID_BYTES_MAX: usize = 64;
/// How many certificates or hashes of one are compared. A browser names one.
const FINGERPRINTS_MAX: usize = 4;

/// An offer, as far as an answer to it depends on it.
#[derive(Debug)]
pub(crate) struct Offer<'a> {
    pub(crate) credentials: IceCreds,
    // Invariant: not empty.
    pub(crate) fingerprints: Vec<Fingerprint>,
    pub(crate) sections: Vec<Section<'a>>,
}

/// One section.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    pub(crate) medium: Medium,
    pub(crate) mid: Option<&'a str>,
    pub(crate) use_: Use,
    /// The first format of the section, to repeat when it is rejected.
    pub(crate) first_format: u8,
    // Invariant: empty only if it is rejected.
    pub(crate) formats: Vec<Format<'a>>,
    /// The number of the header extension that carries the section's name.
    pub(crate) mid_extension: Option<u8>,
    /// The number of the one that carries packets' numbers in the transport, if the viewer tells which of them arrive.
    pub(crate) transport_extension: Option<u8>,
    /// Control packets may come without a report before them (RFC 5506).
    pub(crate) allows_reduced_size: bool,
}

/// What becomes of a section.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Use {
    Slot(Slot),
    /// Its transport is kept, nothing is sent.
    Inactive,
    Rejected,
}

/// A format of a codec that is served.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Format<'a> {
    pub(crate) codec: Codec,
    pub(crate) pt: u8,
    /// The payload type that packets of this format are sent again under (RFC 4588).
    pub(crate) rtx: Option<u8>,
    /// H264: profile, constraints and level (RFC 6184, 8.1).
    pub(crate) profile: Option<u32>,
    pub(crate) parameters: Option<&'a str>,
    pub(crate) wishes: Wishes,
}

/// What the receiver may ask for, of what is served.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Wishes {
    pub(crate) nack: bool,
    pub(crate) pli: bool,
    pub(crate) fir: bool,
    /// Not asked for but given: feedback about the transport.
    pub(crate) transport: bool,
}

impl<'a> Offer<'a> {
    /// Reads an offer; `feedback` is what is taken of the feedback that it has.
    pub(crate) fn read(offer: &'a sdp::Offer, feedback: Feedback) -> Result<Self, OfferError> {
        let lines: Vec<&str> = offer.text.lines().collect();
        let mut blocks = lines.chunk_by(|_, next| !next.starts_with("m="));
        let session = blocks.next().ok_or(OfferError::NotAnOffer)?;
        let bundle = attribute(session, "a=group:BUNDLE ");
        let bundle: Option<Vec<&str>> = bundle.map(|names| names.split(' ').collect());

        let mut sections = Vec::new();
        let mut transport = None;
        let mut slots = offer.sections.iter();
        for block in blocks {
            let mut section = Section::read(block, feedback)?;
            if section.use_ == Use::Inactive && block.contains(&"a=recvonly") {
                let known = slots.next().ok_or(OfferError::NotAnOffer)?;
                section.use_ = Use::Slot(known.slot());
            }
            let is_bundled = match (&bundle, section.mid) {
                (Some(bundle), Some(mid)) => bundle.contains(&mid),
                // Without a group every section has a transport of its own; the first may have ours.
                _ => sections.is_empty(),
            };
            match section.use_ {
                Use::Slot(_) if section.formats.is_empty() => return Err(OfferError::NoMedia),
                // RFC 8843: sections outside the group would need a transport of their own.
                Use::Slot(_) if !is_bundled || !block.contains(&"a=rtcp-mux") => {
                    return Err(OfferError::NotAnOffer);
                }
                Use::Inactive if !is_bundled || section.formats.is_empty() => {
                    section.use_ = Use::Rejected;
                }
                Use::Slot(_) | Use::Inactive | Use::Rejected => {}
            }
            if section.use_ != Use::Rejected && transport.is_none() {
                transport = Some(block);
            }
            sections.push(section);
        }
        let transport = transport.ok_or(OfferError::NoMedia)?;
        if has_twins(&sections) {
            return Err(OfferError::NotAnOffer);
        }
        let find = |name| attribute(transport, name).or_else(|| attribute(session, name));
        // RFC 8842, 5.3: whoever answers as the server needs a peer that can be the client.
        if !matches!(find("a=setup:"), None | Some("actpass" | "active")) {
            return Err(OfferError::NotAnOffer);
        }
        let ufrag = find("a=ice-ufrag:").filter(|text| is_ice_text(text, 4));
        let pass = find("a=ice-pwd:").filter(|text| is_ice_text(text, 22));
        let (Some(ufrag), Some(pass)) = (ufrag, pass) else { return Err(OfferError::NotAnOffer) };
        let fingerprints: Vec<Fingerprint> = transport
            .iter()
            .chain(session)
            .filter_map(|line| line.strip_prefix("a=fingerprint:"))
            .filter_map(Fingerprint::parse)
            .take(FINGERPRINTS_MAX)
            .collect();
        if fingerprints.is_empty() {
            return Err(OfferError::NotAnOffer);
        }
        let credentials = IceCreds { ufrag: ufrag.to_owned(), pass: pass.to_owned() };
        Ok(Self { credentials, fingerprints, sections })
    }
}

impl<'a> Section<'a> {
    fn read(block: &[&'a str], feedback: Feedback) -> Result<Self, OfferError> {
        let mut words = block[0].split(' ');
        let medium = match words.next() {
            Some("m=audio") => Medium::Audio,
            Some("m=video") => Medium::Video,
            _ => return Err(OfferError::NotMedia),
        };
        let (port, protocol) = (words.next(), words.next());
        if protocol != Some(PROTOCOL) {
            return Err(OfferError::NotAnOffer);
        }
        let mut pts: Vec<u8> = words.filter_map(payload_type).collect();
        let first_format = *pts.first().ok_or(OfferError::NotAnOffer)?;
        // A payload type means one thing in a section.
        let mut seen = [false; 128];
        pts.retain(|pt| !std::mem::replace(&mut seen[usize::from(*pt)], true));
        let is_rejected = port == Some("0") && !block.contains(&"a=bundle-only");
        let mid = attribute(block, "a=mid:").map(str::trim);
        if mid.is_some_and(|mid| !is_token(mid) || mid.len() > MID_BYTES_MAX) {
            return Err(OfferError::NotAnOffer);
        }
        let mut formats = formats(block, &pts, medium);
        let mid_extension = extension(block, MID_EXTENSION);
        let transport_extension = extension(block, transport::EXTENSION)
            .filter(|number| feedback == Feedback::TransportWide && mid_extension != Some(*number))
            .filter(|_| formats.iter().any(|format| format.wishes.transport));
        if transport_extension.is_none() {
            formats.iter_mut().for_each(|format| format.wishes.transport = false);
        }
        Ok(Self {
            medium,
            mid,
            use_: if is_rejected { Use::Rejected } else { Use::Inactive },
            first_format,
            formats,
            mid_extension,
            transport_extension,
            allows_reduced_size: block.contains(&"a=rtcp-rsize"),
        })
    }
}

impl sdp::Section {
    pub(super) fn slot(&self) -> Slot {
        let slot = match self.medium {
            Medium::Audio => Slot::audio(self.number),
            Medium::Video => Slot::video(self.number),
        };
        slot.expect("an offer has at most as many sections of a kind as slots")
    }
}

/// The formats of a section that are served, in the order of the offer.
fn formats<'a>(block: &[&'a str], pts: &[u8], medium: Medium) -> Vec<Format<'a>> {
    let known = pts.iter().filter(|pt| is_for_media(**pt)).filter_map(|pt| {
        let name = of_format(block, "a=rtpmap:", *pt)?;
        let parameters = of_format(block, "a=fmtp:", *pt).filter(|text| is_printable(text));
        let codec = codec_of(name).filter(|codec| codec.medium() == medium)?;
        let profile = match codec {
            // Packetization mode 1 alone: mode 0 cannot carry a keyframe.
            Codec::H264 if parameter(parameters?, "packetization-mode") != Some("1") => {
                return None;
            }
            Codec::H264 => Some(profile_of(parameters?)?),
            // Of VP9 and AV1 the first that is listed: profile 0 in every browser.
            Codec::Opus | Codec::Vp8 | Codec::Vp9 | Codec::Av1 => None,
        };
        let wishes = Wishes {
            nack: wishes(block, *pt, "nack"),
            pli: wishes(block, *pt, "nack pli"),
            fir: wishes(block, *pt, "ccm fir"),
            transport: wishes(block, *pt, transport::WISH),
        };
        let rtx = if codec.medium() == Medium::Video { rtx_of(block, pts, *pt) } else { None };
        Some(Format { codec, pt: *pt, rtx, profile, parameters, wishes })
    });
    known.collect()
}

fn codec_of(name: &str) -> Option<Codec> {
    // RFC 8866, 6.6: names of encodings do not depend on case.
    match name.to_ascii_lowercase().as_str() {
        "opus/48000/2" => Some(Codec::Opus),
        "vp8/90000" => Some(Codec::Vp8),
        "vp9/90000" => Some(Codec::Vp9),
        "av1/90000" => Some(Codec::Av1),
        "h264/90000" => Some(Codec::H264),
        _ => None,
    }
}

/// The payload type that repairs another one.
fn rtx_of(block: &[&str], pts: &[u8], repaired: u8) -> Option<u8> {
    pts.iter().copied().filter(|pt| is_for_media(*pt)).find(|pt| {
        let is_rtx = of_format(block, "a=rtpmap:", *pt)
            .is_some_and(|name| name.eq_ignore_ascii_case("rtx/90000"));
        let apt = of_format(block, "a=fmtp:", *pt).and_then(|text| parameter(text, "apt"));
        is_rtx && apt.and_then(payload_type) == Some(repaired)
    })
}

/// H264's profile-level-id, or what it is without (RFC 6184, 8.1: baseline, level 1).
fn profile_of(parameters: &str) -> Option<u32> {
    match parameter(parameters, "profile-level-id") {
        None => Some(0x42_00_0a),
        Some(text) if text.len() == 6 => u32::from_str_radix(text, 16).ok(),
        Some(_) => None,
    }
}

/// The number of a header extension.
fn extension(block: &[&str], wanted: &str) -> Option<u8> {
    block.iter().filter_map(|line| line.strip_prefix("a=extmap:")).find_map(|text| {
        let (number, name) = text.split_once(' ')?;
        // One with a direction is not for us to send, or not worth understanding.
        let number: u8 = number.parse().ok()?;
        // RFC 8285, 4.2: the numbers that one byte has room for.
        (name == wanted && (1..15).contains(&number)).then_some(number)
    })
}

/// The value of an attribute, at its first place.
fn attribute<'a>(block: &[&'a str], name: &str) -> Option<&'a str> {
    block.iter().find_map(|line| line.strip_prefix(name))
}

/// The value of an attribute that names a payload type.
fn of_format<'a>(block: &[&'a str], name: &str, pt: u8) -> Option<&'a str> {
    block.iter().filter_map(|line| line.strip_prefix(name)).find_map(|text| {
        let (number, value) = text.split_once(' ')?;
        (payload_type(number)? == pt).then_some(value)
    })
}

fn wishes(block: &[&str], pt: u8, wish: &str) -> bool {
    block.iter().filter_map(|line| line.strip_prefix("a=rtcp-fb:")).any(|text| {
        text.split_once(' ').is_some_and(|(number, value)| {
            value == wish && (number == "*" || payload_type(number) == Some(pt))
        })
    })
}

/// One parameter of a format.
fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    parameters.split(';').find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}

fn payload_type(text: &str) -> Option<u8> {
    text.parse().ok().filter(|pt| *pt < 128)
}

/// True if a payload type cannot be taken for a control packet's (RFC 5761, 4).
fn is_for_media(pt: u8) -> bool {
    !(64..96).contains(&pt)
}

fn has_twins(sections: &[Section<'_>]) -> bool {
    let names = sections.iter().map(|section| section.mid);
    names
        .clone()
        .enumerate()
        .any(|(at, mid)| mid.is_some() && names.clone().take(at).any(|earlier| earlier == mid))
}

/// RFC 8839, 5.4: letters, digits, plus and slash; at least so many.
fn is_ice_text(text: &str, bytes_min: usize) -> bool {
    let is_ice =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
    (bytes_min..=256).contains(&text.len()) && text.bytes().all(is_ice)
}

/// RFC 8866, 9.
fn is_token(text: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]".contains(&byte);
    !text.is_empty() && text.bytes().all(is_token)
}

fn is_printable(text: &str) -> bool {
    text.len() <= 256 && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}
