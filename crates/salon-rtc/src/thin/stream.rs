//! One slot of a viewer: a stream with one SSRC for good, and one more for what is sent again.

use salon_fanout::Codec;
use salon_fanout::outbox::Delivery;

use super::offer::{self, Section};
use super::rtcp::SenderReport;
use super::srtp::Window;
use super::transport::Numbers;

/// The fixed part of an RTP header (RFC 3550, 5.1).
const HEADER_BYTES: usize = 12;
/// The longest name of a section that a header extension of one byte carries.
const MID_BYTES_MAX: usize = 16;
/// The longest header: the number in the transport and the name of the section, with what is around them.
pub(crate) const HEADER_BYTES_MAX: usize = HEADER_BYTES + EXTENSION_BYTES_MAX;
const EXTENSION_BYTES_MAX: usize = 4 + (3 + 1 + MID_BYTES_MAX).next_multiple_of(4);
/// Where in a header the number in the transport is, behind what introduces it; the block comes first, and it in it.
const TRANSPORT_NUMBER: std::ops::Range<usize> = HEADER_BYTES + 5..HEADER_BYTES + 7;
/// The padding bit, in the first byte of a header.
const HAS_PADDING: u8 = 0x20;
/// What precedes the payload of a packet that is sent again: its original number (RFC 4588, 4).
pub(crate) const ORIGINAL_NUMBER_BYTES: usize = 2;
/// How far behind the newest a packet may be sent; as far as the fan-out places late ones.
const LATE_WORDS: usize = 1_024 / 64;

/// One slot's stream.
#[derive(Debug)]
pub(crate) struct Stream {
    ssrc: u32,
    repair: Option<Repair>,
    formats: Box<[Format]>,
    /// The format of what it carries now.
    format: Option<Format>,
    extensions: Extensions,
    /// The numbers that packets have been sealed under.
    used: Window<LATE_WORDS>,
    packets: u32,
    octets: u32,
    /// Something was sent since the last report.
    has_news: bool,
}

/// The stream of what is sent again.
#[derive(Debug)]
struct Repair {
    ssrc: u32,
    /// The extended sequence number of its next packet.
    next: u64,
}

/// A format that the viewer can receive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Format {
    codec: Codec,
    pt: u8,
    rtx: Option<u8>,
    profile: Option<u32>,
}

/// The header extensions as they are on the wire, but for the number in the transport; empty without any.
#[derive(Clone, Copy, Debug)]
struct Extensions {
    bytes: [u8; EXTENSION_BYTES_MAX],
    length: usize,
    /// Each packet has its number in the transport written at its place.
    has_number: bool,
}

/// How one packet is written: its header, and under which number of which stream it is sealed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writing {
    pub(crate) ssrc: u32,
    pub(crate) index: u64,
    pub(crate) header: [u8; HEADER_BYTES_MAX],
    pub(crate) header_bytes: usize,
}

/// What goes into the header of a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields {
    pub(crate) codec: Codec,
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) is_retransmission: bool,
}

impl From<&Delivery> for Fields {
    fn from(delivery: &Delivery) -> Self {
        Self {
            codec: delivery.codec,
            sequence: delivery.sequence,
            timestamp: delivery.timestamp,
            marker: delivery.marker,
            is_retransmission: delivery.retransmission,
        }
    }
}

impl Stream {
    /// A stream for a section; `ssrcs` are drawn for it, `first` is where the numbers of its repair begin.
    pub(crate) fn new(section: &Section<'_>, ssrcs: [u32; 2], first: u64) -> Self {
        let formats = section.formats.iter().map(Format::from).collect::<Box<[_]>>();
        let can_repair = formats.iter().any(|format| format.rtx.is_some());
        // In the lower half: a receiver that misses the first packets still counts no roll-over (RFC 3711, 3.3.1).
        let repair = Repair { ssrc: ssrcs[1], next: first & 0x7fff };
        Self {
            ssrc: ssrcs[0],
            repair: can_repair.then_some(repair),
            formats,
            format: None,
            extensions: Extensions::new(section),
            used: Window::default(),
            packets: 0,
            octets: 0,
            has_news: false,
        }
    }

    pub(crate) const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    pub(crate) fn repair_ssrc(&self) -> Option<u32> {
        self.repair.as_ref().map(|repair| repair.ssrc)
    }

    /// Prepares for a codec, and for H264 a profile. Returns false if the viewer cannot decode it.
    pub(crate) fn select(&mut self, codec: Codec, profile: Option<u32>) -> bool {
        // The profile is in the upper two bytes (RFC 6184, 8.1). A decoder of another one most often copes, as encoders
        // in browsers keep to the constrained baseline.
        let upper = |id: Option<u32>| id.map(|id| id >> 8);
        let mut fitting = self.formats.iter().filter(|format| format.codec == codec);
        let alike = fitting.clone().find(|format| upper(format.profile) == upper(profile));
        // Among equals, the one that the viewer named first.
        self.format = alike.or_else(|| fitting.next()).copied();
        self.format.is_some()
    }

    /// How to write a packet of so many bytes of payload. `None` if it cannot be: its format is not the stream's any
    /// more, it cannot be repaired, or its number has been used. `numbers` are those of the transport.
    pub(crate) fn write(
        &mut self,
        fields: &Fields,
        payload_bytes: usize,
        numbers: &mut Numbers,
    ) -> Option<Writing> {
        let format = self.format.filter(|format| format.codec == fields.codec)?;
        let (pt, ssrc, index) = if fields.is_retransmission {
            let (repair, pt) = (self.repair.as_mut()?, format.rtx?);
            let index = repair.next;
            repair.next += 1;
            (pt, repair.ssrc, index)
        } else {
            if !self.used.take(fields.sequence) {
                debug_assert!(false, "packet {} is sealed twice", fields.sequence);
                return None;
            }
            self.packets = self.packets.wrapping_add(1);
            self.octets = self.octets.wrapping_add(payload_bytes as u32);
            self.has_news = true;
            (format.pt, self.ssrc, fields.sequence)
        };
        let mut header = [0; HEADER_BYTES_MAX];
        header[0] = 0x80 | u8::from(self.extensions.length > 0) << 4;
        header[1] = pt | u8::from(fields.marker) << 7;
        header[2..4].copy_from_slice(&(index as u16).to_be_bytes());
        header[4..8].copy_from_slice(&fields.timestamp.to_be_bytes());
        header[8..12].copy_from_slice(&ssrc.to_be_bytes());
        header[12..].copy_from_slice(&self.extensions.bytes);
        if self.extensions.has_number {
            header[TRANSPORT_NUMBER].copy_from_slice(&numbers.take().to_be_bytes());
        }
        Some(Writing { ssrc, index, header, header_bytes: self.header_bytes() })
    }

    /// How long the header of its packets is.
    pub(crate) const fn header_bytes(&self) -> usize {
        HEADER_BYTES + self.extensions.length
    }

    /// True if something was sent since the last report.
    pub(crate) const fn has_news(&self) -> bool {
        self.has_news
    }

    /// What it has to report: that now, at `ntp`, its timestamp is `rtp_timestamp`.
    pub(crate) fn report(&mut self, ntp: u64, rtp_timestamp: u32) -> SenderReport {
        self.has_news = false;
        let Self { ssrc, packets, octets, .. } = *self;
        SenderReport { ssrc, ntp, rtp_timestamp, packets, octets }
    }

    /// The SSRCs that something was sent under.
    pub(crate) fn used_ssrcs(&self) -> impl Iterator<Item = u32> {
        (self.packets > 0).then_some(self.ssrc).into_iter()
    }
}

impl From<&offer::Format<'_>> for Format {
    fn from(format: &offer::Format<'_>) -> Self {
        let offer::Format { codec, pt, rtx, profile, .. } = *format;
        Self { codec, pt, rtx, profile }
    }
}

impl Writing {
    /// Says in the header that padding follows the payload.
    pub(crate) const fn announce_padding(&mut self) {
        self.header[0] |= HAS_PADDING;
    }
}

impl Extensions {
    /// RFC 8285, 4.2: a magic number, how many words follow, then each extension behind its number and length.
    fn new(section: &Section<'_>) -> Self {
        let mut bytes = [0; EXTENSION_BYTES_MAX];
        let mut end = 4;
        if let Some(number) = section.transport_extension {
            bytes[end] = number << 4 | 1;
            end += 3;
        }
        let mid = section.mid.map(str::as_bytes).filter(|mid| mid.len() <= MID_BYTES_MAX);
        if let (Some(number), Some(mid)) = (section.mid_extension, mid) {
            bytes[end] = number << 4 | (mid.len() - 1) as u8;
            bytes[end + 1..end + 1 + mid.len()].copy_from_slice(mid);
            end += 1 + mid.len();
        }
        if end == 4 {
            return Self { bytes, length: 0, has_number: false };
        }
        let length = end.next_multiple_of(4);
        bytes[..2].copy_from_slice(&0xbede_u16.to_be_bytes());
        bytes[3] = (length / 4 - 1) as u8;
        Self { bytes, length, has_number: section.transport_extension.is_some() }
    }
}
