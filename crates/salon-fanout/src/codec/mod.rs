//! What the fan-out reads of each codec: just enough to start, switch and rewrite.

pub(crate) mod av1;
mod bits;
pub(crate) mod h264;
pub(crate) mod numbers;
mod sps;
pub(crate) mod vp8;
pub(crate) mod vp9;

/// The codec of one track.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Codec {
    /// Opus audio (RFC 7587).
    Opus,
    /// VP8 video (RFC 7741).
    Vp8,
    /// H.264 video, packetization modes 0 and 1 (RFC 6184).
    H264,
    /// VP9 video (RFC 9628). Spatial and temporal layers of one stream are forwarded as they are.
    Vp9,
    /// AV1 video (RTP Payload Format For AV1 1.0). Without a dependency descriptor.
    Av1,
}

impl Codec {
    /// Ticks of the RTP clock in a second.
    #[must_use]
    pub const fn clock_hz(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::Vp8 | Self::H264 | Self::Vp9 | Self::Av1 => 90_000,
        }
    }

    /// Whether it is heard or seen.
    #[must_use]
    pub const fn medium(self) -> Medium {
        match self {
            Self::Opus => Medium::Audio,
            Self::Vp8 | Self::H264 | Self::Vp9 | Self::Av1 => Medium::Video,
        }
    }
}

/// Whether something is heard or seen.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Medium {
    /// Heard.
    Audio,
    /// Seen.
    Video,
}
