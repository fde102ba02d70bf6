//! The limits of a fan-out.

use std::time::Duration;

/// The limits of a fan-out.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// How many sources there may be. A guess: a thousand rooms of four people, with audio and video.
    pub sources_max: usize,
    /// How many sinks there may be. A guess, far above what one core can send to.
    pub sinks_max: usize,
    /// The least time between two keyframe requests to one source. A guess: longer than a round trip and the time
    /// an encoder takes to answer, so that one request is answered before the next is made.
    pub keyframe_request_interval: Duration,
    /// How much of a source's past a joiner may be started with.
    pub burst: Burst,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sources_max: 8_192,
            sinks_max: 65_536,
            keyframe_request_interval: Duration::from_millis(500),
            burst: Burst::default(),
        }
    }
}

/// What the keyframe cache may hold: a joiner is sent all of it at once, so it is kept small.
///
/// A keyframe that has outgrown any of these serves nobody any more; the next joiner waits for a new one.
/// All of these are guesses: three frames are a tenth of a second at 30 frames a second.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Burst {
    /// The most frames, the keyframe included.
    pub frames_max: usize,
    /// The most packets, unless the keyframe alone is longer.
    pub packets_max: usize,
    /// The most packets of a keyframe alone. Above 256, which is how many packets a source keeps, it is 256.
    pub keyframe_packets_max: usize,
    /// The most time between the first and the last packet.
    pub span_max: Duration,
}

impl Default for Burst {
    fn default() -> Self {
        Self {
            frames_max: 3,
            packets_max: 96,
            keyframe_packets_max: 200,
            span_max: Duration::from_millis(400),
        }
    }
}
