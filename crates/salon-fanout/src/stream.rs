//! One layer of a track: its packets, and the slots that receive it.

use std::time::Duration;

use salon_core::MediaTime;

use crate::clock::Reference;
use crate::codec::numbers::Template;
use crate::codec::{Codec, Medium, h264};
use crate::demand::Demand;
use crate::engine::{Burst, Config};
use crate::history::{History, Placed};
use crate::layer::Encoding;
use crate::packet::{Content, Packet};
use crate::repair::Run;
use crate::rewrite::{Position, Tail};
use crate::sequence::Sequencer;
use crate::sink::{Receiver, Waiter};
use crate::speaker::Meter;

/// How far apart two layers' frames of one moment may come in. A guess: the time between two frames of a slow camera.
const MOMENT_MAX: Duration = Duration::from_millis(50);

/// One layer of a track as it comes in: one RTP stream.
#[derive(Debug)]
pub(crate) struct Stream {
    /// No two streams of a fan-out ever have the same, not even of one track.
    pub(crate) serial: u64,
    pub(crate) encoding: Encoding,
    /// Where its track is.
    pub(crate) track: u32,
    pub(crate) codec: Codec,
    pub(crate) sequencer: Sequencer,
    /// The newest packet; its `sequence` is its place.
    pub(crate) newest: Option<Position>,
    /// How many packets it has accepted.
    pub(crate) accepted: u64,
    pub(crate) history: History,
    /// What its publisher last said about the time.
    pub(crate) reference: Option<Reference>,
    pub(crate) media: Media,
    // Invariant: each of these is where its slot's attachment says.
    pub(crate) receivers: Vec<Receiver>,
    pub(crate) waiting: Vec<Waiter>,
}

/// What is kept for one medium and not for the other.
#[derive(Debug)]
pub(crate) enum Media {
    Audio(Meter),
    Video(Video),
}

/// What starts those who join a video track.
#[derive(Debug)]
pub(crate) struct Video {
    pub(crate) keyframe: Option<Keyframe>,
    pub(crate) demand: Demand,
}

/// Where the newest keyframe begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keyframe {
    pub(crate) place: u64,
    timestamp: u32,
}

impl Stream {
    pub(crate) fn new(
        serial: u64,
        (encoding, track): (Encoding, u32),
        codec: Codec,
        packets_max: usize,
    ) -> Self {
        let media = match codec.medium() {
            Medium::Audio => Media::Audio(Meter::new()),
            Medium::Video => Media::Video(Video { keyframe: None, demand: Demand::default() }),
        };
        Self {
            serial,
            encoding,
            track,
            codec,
            sequencer: Sequencer::default(),
            newest: None,
            accepted: 0,
            history: History::new(packets_max),
            reference: None,
            media,
            receivers: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// Where it has got to, for those who receive it.
    pub(crate) fn position(&self) -> &Position {
        self.newest.as_ref().expect("a slot receives from the first packet on")
    }

    pub(crate) const fn is_video(&self) -> bool {
        matches!(self.media, Media::Video(_))
    }

    /// Where a receiver's stream goes on when it stops now; `tail` is where it began.
    pub(crate) fn end_of(&self, receiver: &Receiver, tail: &Tail) -> Tail {
        let newest = self.position();
        receiver.mapping.end(tail, newest, self.captured(newest.timestamp))
    }

    /// What a receiver that stops now may have again.
    pub(crate) fn run_of(&self, receiver: &Receiver, stream_at: u32) -> Run {
        Run {
            slot: receiver.slot,
            stream: stream_at,
            serial: self.serial,
            mapping: receiver.mapping,
            last: self.position().sequence,
            accepted: self.accepted,
        }
    }

    /// When a packet with this timestamp was captured, as far as its publisher has said.
    pub(crate) fn captured(&self, timestamp: u32) -> Option<MediaTime> {
        self.reference.map(|reference| reference.time_of(timestamp, self.codec.clock_hz()))
    }

    /// Puts a packet in its place, as every receiver needs it.
    pub(crate) fn prepare(&self, now: MediaTime, place: u64, packet: &Packet) -> Placed {
        let near = self.newest.and_then(|newest| newest.numbers.picture);
        let numbered = packet.content.numbered();
        let template = numbered.map(|numbered| Template::new(&packet.payload, numbered, near));
        Placed {
            place,
            ordinal: self.accepted,
            arrived: now,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            payload: packet.payload.clone(),
            template,
        }
    }

    /// True if slots that wait can start at this packet: any audio that is not late, the beginning of the newest
    /// keyframe of a video. Ask before [`Stream::keep`].
    pub(crate) fn starts_at(&self, place: u64, is_late: bool, packet: &Packet) -> bool {
        let timestamp = packet.header.timestamp;
        let can_start = match &packet.content {
            Content::Padding => false,
            Content::Opus => !is_late,
            Content::Vp8(descriptor) => descriptor.starts_keyframe,
            Content::Vp9(descriptor) => descriptor.starts_keyframe,
            Content::Av1(aggregate) => aggregate.starts_sequence,
            Content::H264(h264::Kind::Parameters) => true,
            // Nothing of its frame came before, and nothing is missing that might have.
            Content::H264(h264::Kind::KeyframeSlice) => self.newest.is_some_and(|newest| {
                newest.sequence + 1 == place && newest.timestamp != timestamp
            }),
            Content::H264(h264::Kind::Other) => false,
        };
        let is_newest = match &self.media {
            Media::Audio(_) => true,
            Media::Video(video) => video.keyframe.is_none_or(|keyframe| {
                // Within one frame the first beginning counts; among frames the last.
                let is_same_frame = keyframe.timestamp == timestamp;
                if is_same_frame { place < keyframe.place } else { place > keyframe.place }
            }),
        };
        can_start && is_newest
    }

    /// Notes where the stream has got to, and keeps the packet for those who join or lose it.
    pub(crate) fn keep(&mut self, packet: &Placed, starts: bool, config: &Config) {
        self.accepted += 1;
        // A late packet may be the newest: nothing but padding came after it. Its number is used from now on.
        if self.newest.is_none_or(|newest| packet.place > newest.sequence) {
            let earlier = self.newest.map(|newest| newest.numbers).unwrap_or_default();
            self.newest = Some(Position {
                sequence: packet.place,
                timestamp: packet.timestamp,
                arrived: packet.arrived,
                captured: None,
                numbers: packet.numbers().or(earlier),
            });
        }
        if let Media::Video(video) = &mut self.media
            && starts
        {
            video.keyframe = Some(Keyframe { place: packet.place, timestamp: packet.timestamp });
            video.demand.satisfy();
        }
        let span = config.repair.span_max.max(config.burst.span_max);
        self.history.insert(packet.clone(), span);
    }

    /// Somebody needs a keyframe.
    pub(crate) fn want_keyframe(&mut self) {
        if let Media::Video(video) = &mut self.media {
            video.demand.want();
        }
    }

    /// Where a joiner can start among the packets kept of a video, if the burst is within its limits.
    pub(crate) fn burst_start(&mut self, limits: &Burst) -> Option<Placed> {
        let Media::Video(Video { keyframe, .. }) = &self.media else { return None };
        let place = keyframe.as_ref()?.place;
        if !self.is_within(place, limits) {
            // It only grows.
            self.forget_keyframe();
            return None;
        }
        self.history.get(place).cloned()
    }

    /// True if who is served by `other` can move here by what is kept, and goes back in time by no more than a frame:
    /// nothing came after the newest keyframe, and what `other` sent last is as old.
    pub(crate) fn is_as_far_as(&self, other: &Self) -> bool {
        let Media::Video(Video { keyframe: Some(keyframe), .. }) = &self.media else {
            return false;
        };
        let (Some(here), Some(there)) = (self.newest, other.newest) else { return false };
        here.timestamp == keyframe.timestamp && here.arrived + MOMENT_MAX >= there.arrived
    }

    /// Nobody can start with what is kept.
    pub(crate) fn forget_keyframe(&mut self) {
        if let Media::Video(video) = &mut self.media {
            video.keyframe = None;
        }
    }

    fn is_within(&self, place: u64, limits: &Burst) -> bool {
        let Some(first) = self.history.get(place) else { return false };
        let (mut packets, mut frames, mut last) = (0, 1, first);
        for packet in self.history.since(place) {
            packets += 1;
            frames += usize::from(packet.timestamp != last.timestamp);
            last = packet;
        }
        let packets_max =
            if frames == 1 { limits.keyframe_packets_max } else { limits.packets_max };
        packets <= packets_max
            && frames <= limits.frames_max
            && last.arrived.since(first.arrived) <= limits.span_max
    }
}
