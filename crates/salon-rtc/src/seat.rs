//! A session that publishes: one audio and one video track at most.

use std::time::Instant;

use bytes::Bytes;
use salon_core::{GrantKey, TrackId};
use salon_fanout::codec::Medium;
use salon_fanout::packet::{AudioLevel, Header, ParseError};
use salon_fanout::{Codec, Packet};
use str0m::format::CodecSpec;
use str0m::media::{KeyframeRequestKind, Pt};
use str0m::rtp::{RtpPacket, Ssrc};

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
}

/// A track that has sent something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    pub(crate) track: TrackId,
    pub(crate) codec: Codec,
    pub(crate) spec: CodecSpec,
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
        Self { peer, slot, key, audio: None, video: None }
    }

    pub(crate) fn source(&self, medium: Medium) -> Option<&Source> {
        match medium {
            Medium::Audio => self.audio.as_ref(),
            Medium::Video => self.video.as_ref(),
        }
    }

    pub(crate) fn sources(&self) -> impl Iterator<Item = &Source> {
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
        match params.and_then(|params| Some((codec_of(params)?, params.spec()))) {
            Some((codec, spec)) => Belongs::New(Source { track, codec, spec, pt, ssrc }),
            None => Belongs::Nothing,
        }
    }

    /// Makes `source` the track of its medium. Returns the one it replaces.
    pub(crate) fn set_source(&mut self, source: Source) -> Option<Source> {
        match source.codec.medium() {
            Medium::Audio => self.audio.replace(source),
            Medium::Video => self.video.replace(source),
        }
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
