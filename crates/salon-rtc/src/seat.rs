//! A session that publishes: one audio and one video track at most.

use std::time::{Instant, SystemTime};

use bytes::Bytes;
use salon_core::{GrantKey, MediaTime, TrackId};
use salon_fanout::clock::Alignment;
use salon_fanout::codec::Medium;
use salon_fanout::packet::{AudioLevel, Header, ParseError};
use salon_fanout::{Codec, Packet};
use str0m::format::PayloadParams;
use str0m::media::{KeyframeRequestKind, Pt};
use str0m::rtp::{RtpPacket, Ssrc};

use crate::clock::ntp_of;
use crate::peer::{Peer, Wire, codec_of};
use crate::table::Key;

/// A publishing session.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) peer: Peer,
    pub(crate) slot: u8,
    pub(crate) key: GrantKey,
    audio: Option<Source>,
    video: Option<Source>,
    /// The publisher's wall clock against ours.
    alignment: Alignment,
    /// The time in the latest report of each medium.
    reported: [Option<SystemTime>; 2],
}

/// A track that has sent something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    pub(crate) track: TrackId,
    pub(crate) codec: Codec,
    /// H264's profile, constraints and level.
    pub(crate) profile: Option<u32>,
    pt: Pt,
    ssrc: Ssrc,
}

/// What a packet of a publisher belongs to.
#[derive(Debug)]
pub(crate) enum Belongs {
    /// To a track that is known.
    Known(Source),
    /// To a track that begins with it, perhaps in place of another.
    New(Source),
    /// To nothing that is forwarded.
    Nothing,
}

impl Seat {
    pub(crate) fn new(peer: Peer, slot: u8, key: GrantKey) -> Self {
        let (alignment, reported) = (Alignment::default(), [None; 2]);
        Self { peer, slot, key, audio: None, video: None, alignment, reported }
    }

    fn sources(&self) -> impl Iterator<Item = &Source> {
        self.audio.iter().chain(&self.video)
    }

    /// Which track a packet belongs to; `track` is the number of the next new one.
    pub(crate) fn belongs(&self, packet: &RtpPacket, track: TrackId) -> Belongs {
        let (pt, ssrc) = (packet.header.payload_type, packet.header.ssrc);
        let known = self.sources().find(|source| source.pt == pt && source.ssrc == ssrc);
        if let Some(source) = known {
            return Belongs::Known(*source);
        }
        let params = self.peer.rtc.codec_config().find(|params| params.pt() == pt);
        let profile_of = |params: &PayloadParams| params.spec().format.profile_level_id;
        match params.and_then(|params| Some((codec_of(params)?, profile_of(params)))) {
            Some((codec, profile)) => Belongs::New(Source { track, codec, profile, pt, ssrc }),
            None => Belongs::Nothing,
        }
    }

    /// Makes `source` the track of its medium.
    pub(crate) fn set_source(&mut self, source: Source) {
        match source.codec.medium() {
            Medium::Audio => self.audio = Some(source),
            Medium::Video => self.video = Some(source),
        }
    }

    /// When on our clock a report's time was, if it is a new report.
    pub(crate) fn captured(
        &mut self,
        now: MediaTime,
        medium: Medium,
        reported: SystemTime,
    ) -> Option<MediaTime> {
        let known = &mut self.reported[usize::from(medium == Medium::Video)];
        if known.replace(reported) == Some(reported) {
            return None;
        }
        Some(self.alignment.captured(now, ntp_of(reported)))
    }

    /// Asks the publisher to begin its picture anew.
    pub(crate) fn request_keyframe(
        &mut self,
        now: Instant,
        track: TrackId,
        key: Key,
        wire: &mut Wire,
    ) -> bool {
        let Some(source) = self.sources().find(|source| source.track == track) else {
            return false;
        };
        let ssrc = source.ssrc;
        let mut api = self.peer.rtc.direct_api();
        let Some(stream) = api.stream_rx(&ssrc) else {
            return false;
        };
        stream.request_keyframe(KeyframeRequestKind::Pli);
        self.peer.advance(now, key, wire);
        true
    }
}

/// Reads a packet as the fan-out wants it; the payload is not copied.
pub(crate) fn parse(codec: Codec, packet: &RtpPacket) -> Result<Packet, ParseError> {
    let header = Header {
        sequence: *packet.seq_no,
        timestamp: packet.header.timestamp,
        marker: packet.header.marker,
        audio_level: packet.header.ext_vals.audio_level.map(AudioLevel::from_dbov),
    };
    Packet::parse(codec, header, Bytes::from_owner(packet.payload.clone()))
}
