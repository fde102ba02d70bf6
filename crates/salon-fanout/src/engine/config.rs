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
    /// The least time between two keyframe requests to one layer of a source. A guess: longer than a round trip and
    /// the time an encoder takes to answer, so that one request is answered before the next is made.
    pub keyframe_request_interval: Duration,
    /// How much of a source's past a joiner may be started with.
    pub burst: Burst,
    /// What is sent again to those who lost it.
    pub repair: Repair,
    /// When a layer is taken to be there, and to be needed.
    pub simulcast: Simulcast,
    /// What happens to a receiver that cannot keep up.
    pub overflow: Overflow,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sources_max: 8_192,
            sinks_max: 65_536,
            keyframe_request_interval: Duration::from_millis(500),
            burst: Burst::default(),
            repair: Repair::default(),
            simulcast: Simulcast::default(),
            overflow: Overflow::default(),
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
    /// The most packets of a keyframe alone. What a source does not keep ([`Repair::packets_max`]) starts nobody.
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

/// What is sent again to those who lost it, and how much of it.
///
/// The packets are kept once for each track, whoever receives it. A receiver earns what it may have again by what it is
/// sent: a flood of wishes brings it `share_percent` of its stream at most, and `saved_max` packets.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Repair {
    /// The most packets of a track that are kept, made up to a power of two. Enough for `span_max` of 6 Mbit/s in
    /// packets of 1,200 bytes.
    pub packets_max: usize,
    /// The longest that a packet is kept. Receivers ask again and again for about a second; after that they ask for a
    /// keyframe instead. Packets are kept for [`Burst::span_max`] in any case.
    pub span_max: Duration,
    /// The least time between two answers to one receiver with the same packet, if its round trip time is not known or
    /// shorter. A guess: what a browser waits at least before it asks again.
    pub rtt_guard: Duration,
    /// How many packets are sent again for a hundred sent, at most. A guess: a path that loses half is beyond repair.
    pub share_percent: u32,
    /// How many packets may be sent again at once, if that was earned or nothing was wanted so far. A guess: an outage
    /// of half a second at 2 Mbit/s. Above 128, which is how many answers are remembered, it takes a guard's time more.
    pub saved_max: u32,
}

impl Default for Repair {
    fn default() -> Self {
        Self {
            packets_max: 1_024,
            span_max: Duration::from_millis(1_500),
            rtt_guard: Duration::from_millis(20),
            share_percent: 50,
            saved_max: 128,
        }
    }
}

/// When a layer of a track is taken to be there, and to be needed.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Simulcast {
    /// How long a layer may send nothing, while others of its track do, before its receivers move on. A guess: longer
    /// than any pause between two pictures, and no longer than people wait.
    pub silence_max: Duration,
    /// How long nobody has wanted a layer before that is said. A guess: longer than it takes to open another window.
    pub unwanted_hold: Duration,
}

impl Default for Simulcast {
    fn default() -> Self {
        Self { silence_max: Duration::from_secs(1), unwanted_hold: Duration::from_secs(2) }
    }
}

/// What happens to a receiver whose packets wait too long to be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Overflow {
    /// First its video goes one layer lower, if there is one, as it does after heavy losses. If that does not help, its
    /// video slots receive nothing more; once its oldest packet is younger than half of `drop_age`, they go on with a
    /// keyframe. Audio always goes on. Nobody else notices.
    LowerThenDropToKeyframe {
        /// How late a packet is when one layer lower is tried.
        lower_age: Duration,
        /// The most a packet may be late.
        drop_age: Duration,
    },
}

impl Default for Overflow {
    /// A quarter of a second at most: later than that, people talk over each other. Half of it for the first step.
    fn default() -> Self {
        Self::LowerThenDropToKeyframe {
            lower_age: Duration::from_millis(125),
            drop_age: Duration::from_millis(250),
        }
    }
}
