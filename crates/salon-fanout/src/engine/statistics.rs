//! What a fan-out counts.

/// What a fan-out has counted since it was made.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Statistics {
    /// Packets that came in and were accepted, padding included.
    pub packets: u64,
    /// Bytes of payload in them.
    pub payload_bytes: u64,
    /// Packets put into an outbox, over all sinks.
    pub deliveries: u64,
    /// Packets that held nothing but padding and were left out, without a gap.
    pub padding_swallowed: u64,
    /// Packets that came after a later one, and were forwarded into the gap kept for them.
    pub late: u64,
    /// Keyframes that came in.
    pub keyframes: u64,
    /// Keyframes that publishers were asked for.
    pub keyframe_requests: u64,
    /// Video slots that started from the keyframe cache.
    pub starts_cached: u64,
    /// Video slots that started with a keyframe as it came in.
    pub starts_live: u64,
    /// Slots that went to a higher layer of their track.
    pub switches_up: u64,
    /// Slots that went to a lower layer of their track.
    pub switches_down: u64,
    /// Times that a layer was no longer wanted by anybody, and its publisher was told.
    pub layers_paused: u64,
    /// What was sent again, and what was not.
    pub repair: Repaired,
    /// Video slots that were stopped because their receiver could not keep up.
    pub overflows: u64,
    /// What was dropped, and why.
    pub dropped: Dropped,
}

/// Packets that were not forwarded to anybody.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Dropped {
    /// Of a track that is no source.
    pub track_unknown: u64,
    /// Under another key than the source's.
    pub key_mismatch: u64,
    /// Of an audio track, as another layer than [`Layer::ONLY`](crate::layer::Layer::ONLY).
    pub layer_mismatch: u64,
    /// Parsed as another codec than the source's.
    pub codec_mismatch: u64,
    /// With a sequence number seen before.
    pub duplicate: u64,
    /// With a sequence number too far from those before it.
    pub out_of_range: u64,
}

/// What became of the packets that receivers wished to have again.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Repaired {
    /// Sent again.
    pub answered: u64,
    /// Not kept any more, never come in, or never sent to this receiver.
    pub missing: u64,
    /// Sent again so shortly before that the wish cannot be a new one.
    pub guarded: u64,
    /// More than the receiver had earned.
    pub over_budget: u64,
}
