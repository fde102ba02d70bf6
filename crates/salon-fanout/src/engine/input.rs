//! What goes into a fan-out, and what comes out of it apart from packets.

use std::time::Duration;

use salon_core::{GrantKey, MediaTime, TrackId};

use crate::codec::{Codec, Medium};
use crate::layer::{Encoding, Layers};
use crate::packet::AudioLevel;
use crate::sink::{SinkId, Slot};

/// Something that changes who receives what.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Input {
    /// A track exists from now on, without layers yet: each begins with its first packet. Only packets under `key` are
    /// forwarded.
    AddSource {
        /// The new track.
        track: TrackId,
        /// The right to publish it.
        key: GrantKey,
        /// Its codec, for good.
        codec: Codec,
    },
    /// The track is gone: nothing of it is forwarded from this moment on, and its slots are detached.
    RemoveSource {
        /// The track.
        track: TrackId,
    },
    /// A receiver exists from now on, with nothing attached.
    AddSink {
        /// The new receiver.
        sink: SinkId,
        /// Chance: the first sequence number of each of its slots is drawn from it.
        seed: u64,
    },
    /// The receiver is gone.
    RemoveSink {
        /// The receiver.
        sink: SinkId,
    },
    /// The slot receives this track from now on, and nothing of what it received before. A video slot starts with
    /// a keyframe of its layer: from the cache if that is fresh, otherwise the publisher is asked for one, and another
    /// layer whose cache is fresh serves until it comes.
    Attach {
        /// The receiver.
        sink: SinkId,
        /// Its slot, of the medium of the track.
        slot: Slot,
        /// The track to receive.
        track: TrackId,
        /// The key it must be published under.
        key: GrantKey,
    },
    /// The slot receives nothing from now on.
    Detach {
        /// The receiver.
        sink: SinkId,
        /// Its slot.
        slot: Slot,
    },
    /// The receiver cannot decode what it has (it sent PLI or FIR). Ignored for a slot that receives nothing.
    KeyframeWanted {
        /// The receiver.
        sink: SinkId,
        /// Its slot.
        slot: Slot,
    },
    /// Somebody beyond this fan-out receives the layer too, and needs a keyframe: another fan-out that is given its
    /// packets, a recorder. Ignored for audio.
    KeyframeDemanded {
        /// The layer of the track.
        encoding: Encoding,
    },
    /// The receiver shows so many rows of pixels of what is in this slot: it gets the lowest layer that has them.
    /// Until it has said, it gets the best there is. It holds for whatever the slot is attached to.
    Tile {
        /// The receiver.
        sink: SinkId,
        /// Its slot, one for video.
        slot: Slot,
        /// How many rows.
        rows: u16,
    },
    /// The receiver tells what it lost of a slot (RTCP receiver report). After heavy losses the whole sink goes one
    /// layer lower, and comes back once there were next to none for a while.
    Reception {
        /// The receiver.
        sink: SinkId,
        /// Its slot, of either medium.
        slot: Slot,
        /// The fraction lost since its last report, in 256ths (RFC 3550, 6.4.1).
        lost: u8,
    },
    /// The publisher says what time it is in a layer (RTCP sender report). Slots go on at the right time with it when
    /// they are given another layer or source, and [`Fanout::clock`](super::Fanout::clock) can tell the time in them.
    SenderReport {
        /// The layer of the track.
        encoding: Encoding,
        /// The key it is published under.
        key: GrantKey,
        /// The report's NTP time on our clock: see [`Alignment`](crate::clock::Alignment).
        captured: MediaTime,
        /// The RTP timestamp of that moment.
        rtp_timestamp: u32,
    },
    /// How long the oldest packet for this receiver has been waiting to be sent. What follows from it is
    /// [`Overflow`](super::Overflow).
    Backlog {
        /// The receiver.
        sink: SinkId,
        /// The age of the oldest packet, zero if there is none.
        age: Duration,
    },
}

/// A receiver's wish for packets that it lost (RTCP generic NACK; RFC 4585, 6.2.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Nack {
    /// The receiver.
    pub sink: SinkId,
    /// Its slot.
    pub slot: Slot,
    /// The round trip time to the receiver, if known: no packet is sent again before a wish for it can be a new one.
    pub rtt: Option<Duration>,
}

/// What the driver must do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Output {
    /// Ask the publisher for a keyframe of this layer (PLI). Already coalesced: send it. The lowest layer stands for a
    /// track that has sent nothing yet.
    RequestKeyframe {
        /// The layer of the track.
        encoding: Encoding,
    },
    /// The layers of a video track that anybody wants have changed: the publisher need not send the others. At first it
    /// is taken to send all. A layer is wanted at once, and unwanted only after a
    /// [while](super::Simulcast::unwanted_hold); one that never began counts as wanted, as nothing is known of it.
    LayersWanted {
        /// The track.
        track: TrackId,
        /// Those that are wanted.
        layers: Layers,
    },
    /// How loud the person behind an audio track speaks. At most five times a second for each track.
    Speaking {
        /// The track.
        track: TrackId,
        /// The smoothed level, or `None`: fell silent.
        level: Option<AudioLevel>,
    },
}

impl Output {
    /// The track it is about.
    #[must_use]
    pub const fn track(&self) -> TrackId {
        match self {
            Self::RequestKeyframe { encoding } => encoding.track,
            Self::LayersWanted { track, .. } | Self::Speaking { track, .. } => *track,
        }
    }

    /// True if `newer` says all that this says, and is the later word.
    pub(crate) fn is_replaced_by(&self, newer: &Self) -> bool {
        match (self, newer) {
            (Self::RequestKeyframe { encoding }, Self::RequestKeyframe { encoding: other }) => {
                encoding == other
            }
            (Self::LayersWanted { track, .. }, Self::LayersWanted { track: other, .. })
            | (Self::Speaking { track, .. }, Self::Speaking { track: other, .. }) => track == other,
            _ => false,
        }
    }
}

/// Why the fan-out refused an input. Nothing has changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// There is a source with this track already.
    #[error("track {} exists already", .0.0)]
    TrackExists(TrackId),
    /// There is no such source.
    #[error("track {} does not exist", .0.0)]
    TrackUnknown(TrackId),
    /// The source is published under another key.
    #[error("track {} is not published under key {key}", .track.0)]
    KeyMismatch {
        /// The track.
        track: TrackId,
        /// The key that was expected.
        key: GrantKey,
    },
    /// There is a sink with this number already.
    #[error("sink {} exists already", .0.0)]
    SinkExists(SinkId),
    /// There is no such sink.
    #[error("sink {} does not exist", .0.0)]
    SinkUnknown(SinkId),
    /// Audio was to be attached to a video slot, or video to an audio slot.
    #[error("slot {} does not carry {medium:?}", .slot.index())]
    MediumMismatch {
        /// The slot.
        slot: Slot,
        /// The medium of the track.
        medium: Medium,
    },
    /// [`sources_max`](super::Config::sources_max) is reached.
    #[error("there are {0} sources already")]
    SourcesFull(usize),
    /// [`sinks_max`](super::Config::sinks_max) is reached.
    #[error("there are {0} sinks already")]
    SinksFull(usize),
}
