//! A session that publishes: one audio and one video track at most, the video in one encoding or several.

use std::time::{Instant, SystemTime};

use bytes::Bytes;
use salon_core::{GrantKey, MediaTime, TrackId};
use salon_fanout::clock::Alignment;
use salon_fanout::codec::Medium;
use salon_fanout::layer::{Encoding, Layer};
use salon_fanout::packet::{AudioLevel, Header, ParseError};
use salon_fanout::{Codec, Packet};
use str0m::format::PayloadParams;
use str0m::media::{KeyframeRequestKind, Pt, Rid};
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
    /// The names of its video's encodings, lowest first; empty if there is one without a name.
    rids: Vec<Rid>,
    /// The publisher's wall clock against ours.
    alignment: Alignment,
    /// The time in the latest report of sound, and of each layer of the picture.
    reported: [Option<SystemTime>; 1 + Layer::COUNT],
}

/// A track that has sent something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    pub(crate) track: TrackId,
    pub(crate) codec: Codec,
    /// H264's profile, constraints and level.
    pub(crate) profile: Option<u32>,
    pt: Pt,
    /// The stream of each layer that has sent something.
    ssrcs: [Option<Ssrc>; Layer::COUNT],
}

impl Source {
    /// The layer that a stream is.
    fn layer_of(&self, pt: Pt, ssrc: Ssrc) -> Option<Layer> {
        let is_it = |layer: &Layer| self.pt == pt && self.ssrcs[layer.index()] == Some(ssrc);
        Layer::all().find(is_it)
    }
}

/// What a packet of a publisher belongs to.
#[derive(Debug)]
pub(crate) enum Belongs {
    /// To a layer of a track that is known.
    Known(Source, Layer),
    /// To a layer that a known track has from now on.
    NewLayer(Source, Layer),
    /// To a track that begins with it, perhaps in place of another.
    New(Source, Layer),
    /// To nothing that is forwarded.
    Nothing,
}

impl Seat {
    pub(crate) fn new(peer: Peer, slot: u8, key: GrantKey, rids: &[String]) -> Self {
        let (alignment, reported) = (Alignment::default(), [None; 1 + Layer::COUNT]);
        let rids = rids.iter().map(|rid| rid.as_str().into()).collect();
        Self { peer, slot, key, audio: None, video: None, rids, alignment, reported }
    }

    fn sources(&self) -> impl Iterator<Item = &Source> {
        self.audio.iter().chain(&self.video)
    }

    /// Which track a packet belongs to; `track` is the number of the next new one.
    pub(crate) fn belongs(&self, packet: &RtpPacket, track: TrackId) -> Belongs {
        let (pt, ssrc) = (packet.header.payload_type, packet.header.ssrc);
        let known = self.sources().find_map(|source| Some((*source, source.layer_of(pt, ssrc)?)));
        if let Some((source, layer)) = known {
            return Belongs::Known(source, layer);
        }
        // A stream's first packets name its encoding: the peer connection takes no others.
        let rid = packet.header.ext_vals.rid;
        let number = rid.map_or(Some(0), |rid| self.rids.iter().position(|known| *known == rid));
        let layer = number.and_then(|number| Layer::new(u8::try_from(number).ok()?));
        let Some(layer) = layer else { return Belongs::Nothing };
        let mut ssrcs = [None; Layer::COUNT];
        if let Some(video) = self.video.filter(|_| rid.is_some())
            && video.pt == pt
            && video.ssrcs[layer.index()].is_none()
        {
            ssrcs = video.ssrcs;
            ssrcs[layer.index()] = Some(ssrc);
            return Belongs::NewLayer(Source { ssrcs, ..video }, layer);
        }
        ssrcs[layer.index()] = Some(ssrc);
        let params = self.peer.rtc.codec_config().find(|params| params.pt() == pt);
        let profile_of = |params: &PayloadParams| params.spec().format.profile_level_id;
        match params.and_then(|params| Some((codec_of(params)?, profile_of(params)))) {
            Some((codec, profile)) => {
                Belongs::New(Source { track, codec, profile, pt, ssrcs }, layer)
            }
            None => Belongs::Nothing,
        }
    }

    /// Makes `source` the track of its medium, or what is known of it.
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
        layer: Layer,
        reported: SystemTime,
    ) -> Option<MediaTime> {
        let known = match medium {
            Medium::Audio => &mut self.reported[0],
            Medium::Video => &mut self.reported[1 + layer.index()],
        };
        if known.replace(reported) == Some(reported) {
            return None;
        }
        Some(self.alignment.captured(now, ntp_of(reported)))
    }

    /// Asks the publisher to begin its picture anew.
    pub(crate) fn request_keyframe(
        &mut self,
        now: Instant,
        Encoding { track, layer }: Encoding,
        key: Key,
        wire: &mut Wire,
    ) -> bool {
        let source = self.sources().find(|source| source.track == track);
        let Some(ssrc) = source.and_then(|source| source.ssrcs[layer.index()]) else {
            return false;
        };
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
