//! One RTP packet, parsed once where it comes in and shared by every receiver.

use bytes::Bytes;

use crate::codec::numbers::Numbered;
use crate::codec::{Codec, av1, h264, vp8, vp9};

/// A packet of a source. Cheap to clone: the payload is shared.
#[derive(Clone, Debug)]
pub struct Packet {
    pub(crate) codec: Codec,
    pub(crate) header: Header,
    pub(crate) payload: Bytes,
    pub(crate) content: Content,
    /// How tall the pictures are from here on, where it says so.
    pub(crate) rows: Option<u16>,
}

impl Packet {
    /// Reads as much of the payload as forwarding needs. An empty payload is padding.
    ///
    /// # Errors
    /// [`ParseError`] if the payload is not one of this codec; nothing of it is worth forwarding.
    pub fn parse(codec: Codec, header: Header, payload: Bytes) -> Result<Self, ParseError> {
        let content = if payload.is_empty() {
            Content::Padding
        } else {
            match codec {
                Codec::Opus => Content::Opus,
                Codec::Vp8 => Content::Vp8(vp8::Descriptor::parse(&payload)?),
                Codec::H264 => Content::H264(h264::Kind::parse(&payload)?),
                Codec::Vp9 => Content::Vp9(vp9::Descriptor::parse(&payload)?),
                Codec::Av1 => Content::Av1(av1::Aggregate::parse(&payload)?),
            }
        };
        let rows = content.rows(&payload);
        Ok(Self { codec, header, payload, content, rows })
    }

    /// The fields of its RTP header.
    #[must_use]
    pub const fn header(&self) -> Header {
        self.header
    }

    /// What follows the RTP header, without padding.
    #[must_use]
    pub const fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// True if there is nothing in it to decode: it only fills the line.
    #[must_use]
    pub const fn is_padding(&self) -> bool {
        matches!(self.content, Content::Padding)
    }
}

/// The fields of an RTP header that the fan-out reads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    /// The sequence number, extended by the receiver so that it does not wrap. Below 2^63.
    pub sequence: u64,
    /// The RTP timestamp, in ticks of the codec's clock.
    pub timestamp: u32,
    /// The marker bit: for video, the last packet of a frame.
    pub marker: bool,
    /// How loud the packet is, if its sender says so (RFC 6464).
    pub audio_level: Option<AudioLevel>,
}

/// A loudness between -127 dBov (silence) and 0 dBov (the loudest the system can carry), as in RFC 6464.
///
/// Ordered by loudness.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AudioLevel(i8);

impl AudioLevel {
    /// Digital silence.
    pub const SILENCE: Self = Self(-127);

    /// Takes a level in dBov; what lies outside -127..=0 is moved to the nearer end.
    #[must_use]
    pub const fn from_dbov(dbov: i8) -> Self {
        match dbov {
            ..-127 => Self(-127),
            1.. => Self(0),
            level => Self(level),
        }
    }

    /// The level in dBov, -127 to 0.
    #[must_use]
    pub const fn dbov(self) -> i8 {
        self.0
    }
}

/// Why a payload is not one of its codec.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// It ends inside a header.
    #[error("payload of {0} bytes ends inside its header")]
    Truncated(usize),
}

/// What the fan-out has to know of a payload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Content {
    Padding,
    Opus,
    Vp8(vp8::Descriptor),
    H264(h264::Kind),
    Vp9(vp9::Descriptor),
    Av1(av1::Aggregate),
}

impl Content {
    /// The numbers to move in it, if it has any.
    pub(crate) const fn numbered(&self) -> Option<&Numbered> {
        match self {
            Self::Vp8(descriptor) => Some(&descriptor.numbered),
            Self::Vp9(descriptor) => Some(&descriptor.numbered),
            Self::Padding | Self::Opus | Self::H264(_) | Self::Av1(_) => None,
        }
    }

    fn rows(&self, payload: &[u8]) -> Option<u16> {
        match self {
            Self::Vp8(descriptor) => descriptor.rows,
            Self::Vp9(descriptor) => descriptor.rows,
            Self::Av1(aggregate) => aggregate.rows,
            Self::H264(h264::Kind::Parameters) => h264::Kind::rows(payload),
            Self::H264(_) | Self::Padding | Self::Opus => None,
        }
    }
}
