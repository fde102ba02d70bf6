//! The answer to a viewer: always of one shape, whatever the offer (RFC 8829, 5.3).

use std::fmt::{self, Write};

use salon_fanout::codec::Medium;
use salon_fanout::{Codec, Slot};

use super::fingerprint::Fingerprint;
use super::offer::{Format, Offer, PROTOCOL, Section, Use};
use super::stream::Stream;
use super::transport;

/// What every section repeats, as they all share one transport.
pub(crate) struct Transport<'a> {
    pub(crate) ufrag: &'a str,
    pub(crate) password: &'a str,
    pub(crate) fingerprint: &'a Fingerprint,
    /// Attribute values, complete.
    pub(crate) candidates: Vec<String>,
}

/// Writes the answer.
///
/// The two sections of a slot share a media stream: without it a browser puts every section into a synchronisation
/// group of its own, and lips and voices drift apart. Candidates stand in every section, as some clients look for them
/// in the one they happen to know.
pub(crate) fn write(
    offer: &Offer<'_>,
    number: u64,
    transport: &Transport<'_>,
    streams: &[Option<Stream>; Slot::COUNT],
) -> String {
    let mut text = String::with_capacity(8 * 1_024);
    write_all(&mut text, offer, number, transport, streams).expect("a String takes everything");
    text
}

fn write_all(
    text: &mut String,
    offer: &Offer<'_>,
    number: u64,
    transport: &Transport<'_>,
    streams: &[Option<Stream>; Slot::COUNT],
) -> fmt::Result {
    // RFC 8829, 5.2.1: a number below 2^63.
    let number = number >> 1;
    write!(text, "v=0\r\no=- {number} 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-lite\r\n")?;
    write!(text, "a=group:BUNDLE")?;
    let accepted = offer.sections.iter().filter(|section| section.use_ != Use::Rejected);
    for mid in accepted.filter_map(|section| section.mid) {
        write!(text, " {mid}")?;
    }
    write!(text, "\r\na=msid-semantic: WMS *\r\n")?;
    for section in &offer.sections {
        write_section(text, section, transport, streams)?;
    }
    Ok(())
}

fn write_section(
    text: &mut String,
    section: &Section<'_>,
    transport: &Transport<'_>,
    streams: &[Option<Stream>; Slot::COUNT],
) -> fmt::Result {
    let kind = match section.medium {
        Medium::Audio => "audio",
        Medium::Video => "video",
    };
    if section.use_ == Use::Rejected {
        write!(text, "m={kind} 0 {PROTOCOL} {}\r\n", section.first_format)?;
        write!(text, "c=IN IP4 0.0.0.0\r\na=inactive\r\n")?;
        return section.mid.map_or(Ok(()), |mid| write!(text, "a=mid:{mid}\r\n"));
    }
    write!(text, "m={kind} 9 {PROTOCOL}")?;
    for format in &section.formats {
        write!(text, " {}", format.pt)?;
        format.rtx.map_or(Ok(()), |pt| write!(text, " {pt}"))?;
    }
    write!(text, "\r\nc=IN IP4 0.0.0.0\r\n")?;
    for candidate in &transport.candidates {
        write!(text, "a={candidate}\r\n")?;
    }
    let Transport { ufrag, password, fingerprint, .. } = transport;
    write!(text, "a=end-of-candidates\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\n")?;
    write!(text, "a=fingerprint:{fingerprint}\r\na=setup:passive\r\n")?;
    section.mid.map_or(Ok(()), |mid| write!(text, "a=mid:{mid}\r\n"))?;
    if let Some(number) = section.mid_extension {
        write!(text, "a=extmap:{number} urn:ietf:params:rtp-hdrext:sdes:mid\r\n")?;
    }
    if let Some(number) = section.transport_extension {
        write!(text, "a=extmap:{number} {}\r\n", transport::EXTENSION)?;
    }
    write!(text, "a=rtcp-mux\r\n")?;
    if section.allows_reduced_size {
        write!(text, "a=rtcp-rsize\r\n")?;
    }
    for format in &section.formats {
        write_format(text, format)?;
    }
    match section.use_ {
        Use::Slot(slot) => match &streams[slot.index()] {
            Some(stream) => write_stream(text, slot, kind, stream, ufrag),
            None => write!(text, "a=inactive\r\n"),
        },
        Use::Inactive | Use::Rejected => write!(text, "a=inactive\r\n"),
    }
}

fn write_format(text: &mut String, format: &Format<'_>) -> fmt::Result {
    let pt = format.pt;
    let name = match format.codec {
        Codec::Opus => "opus/48000/2",
        Codec::Vp8 => "VP8/90000",
        Codec::Vp9 => "VP9/90000",
        Codec::Av1 => "AV1/90000",
        Codec::H264 => "H264/90000",
    };
    write!(text, "a=rtpmap:{pt} {name}\r\n")?;
    if let Some(parameters) = format.parameters {
        write!(text, "a=fmtp:{pt} {parameters}\r\n")?;
    }
    // Without a stream to send again in, nothing is: a packet is never sealed twice.
    if format.wishes.nack && format.rtx.is_some() {
        write!(text, "a=rtcp-fb:{pt} nack\r\n")?;
    }
    if format.wishes.pli {
        write!(text, "a=rtcp-fb:{pt} nack pli\r\n")?;
    }
    if format.wishes.fir {
        write!(text, "a=rtcp-fb:{pt} ccm fir\r\n")?;
    }
    if format.wishes.transport {
        write!(text, "a=rtcp-fb:{pt} {}\r\n", transport::WISH)?;
    }
    match format.rtx {
        Some(rtx) => write!(text, "a=rtpmap:{rtx} rtx/90000\r\na=fmtp:{rtx} apt={pt}\r\n"),
        None => Ok(()),
    }
}

fn write_stream(
    text: &mut String,
    slot: Slot,
    kind: &str,
    stream: &Stream,
    name: &str,
) -> fmt::Result {
    let (seat, ssrc) = (slot.number(), stream.ssrc());
    write!(text, "a=sendonly\r\na=msid:seat{seat} seat{seat}-{kind}\r\n")?;
    let repair = stream.repair_ssrc();
    if let Some(repair) = repair {
        write!(text, "a=ssrc-group:FID {ssrc} {repair}\r\n")?;
    }
    for ssrc in [Some(ssrc), repair].into_iter().flatten() {
        write!(text, "a=ssrc:{ssrc} cname:{name}\r\n")?;
        write!(text, "a=ssrc:{ssrc} msid:seat{seat} seat{seat}-{kind}\r\n")?;
    }
    Ok(())
}
