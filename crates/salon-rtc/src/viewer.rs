//! A session that watches: up to four audio and four video streams, each in its slot for good.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Instant;

use salon_fanout::Slot;
use salon_fanout::codec::Medium;
use salon_fanout::outbox::Delivery;
use str0m::format::{Codec, CodecSpec, PayloadParams};
use str0m::media::{Mid, Pt};
use str0m::rtp::{RtpWrite, Ssrc};

use crate::peer::{Peer, Wire};
use crate::sdp::Section;
use crate::table::Key;

/// A watching session.
#[derive(Debug)]
pub(crate) struct Viewer {
    pub(crate) peer: Peer,
    /// The slot that stays silent.
    pub(crate) mask: Option<u8>,
    legs: [Option<Leg>; Slot::COUNT],
}

/// One stream to the viewer.
#[derive(Debug)]
struct Leg {
    mid: Mid,
    ssrc: Ssrc,
    formats: Vec<PayloadParams>,
    /// The payload type of what it carries now.
    pt: Option<Pt>,
}

impl Viewer {
    pub(crate) fn new(mut peer: Peer, sections: &[Section], mask: Option<u8>) -> Self {
        let mut legs = [const { None }; Slot::COUNT];
        for section in sections {
            let slot = match section.medium {
                Medium::Audio => Slot::audio(section.number),
                Medium::Video => Slot::video(section.number),
            };
            let slot = slot.expect("an offer has at most as many sections of a kind as slots");
            let mid = section.mid();
            let formats = peer.formats(mid).copied().collect();
            // A section that the answer leaves inactive has no stream.
            let ssrc = peer.rtc.direct_api().stream_tx_by_mid(mid, None).map(|tx| tx.ssrc());
            legs[slot.index()] = ssrc.map(|ssrc| Leg { mid, ssrc, formats, pt: None });
        }
        Self { peer, mask, legs }
    }

    /// Prepares a slot for a codec. Returns false if the viewer has no such slot or cannot decode it.
    pub(crate) fn select(&mut self, slot: Slot, spec: CodecSpec) -> bool {
        let Some(leg) = &mut self.legs[slot.index()] else {
            return false;
        };
        let best = leg.formats.iter().filter_map(|params| Some((likeness(params, spec)?, params)));
        // Among equals, the one that the viewer named first.
        let best = best.min_by_key(|(likeness, _)| Reverse(*likeness));
        leg.pt = best.map(|(_, params)| params.pt());
        leg.pt.is_some()
    }

    /// The video slot that a section of the viewer's offer stands for.
    pub(crate) fn slot_of(&self, mid: Mid) -> Option<Slot> {
        Slot::all().find(|slot| self.legs[slot.index()].as_ref().is_some_and(|leg| leg.mid == mid))
    }

    /// Sends one packet. Returns false if the slot cannot carry it.
    pub(crate) fn write(
        &mut self,
        now: Instant,
        delivery: &Delivery,
        payload: Arc<[u8]>,
        key: Key,
        wire: &mut Wire,
    ) -> bool {
        let Some(Leg { ssrc, pt: Some(pt), .. }) = self.legs[delivery.slot.index()] else {
            return false;
        };
        let mut api = self.peer.rtc.direct_api();
        let Some(stream) = api.stream_tx(&ssrc) else {
            return false;
        };
        let packet = RtpWrite::new(pt, delivery.sequence.into(), delivery.timestamp, now, payload)
            .marker(delivery.marker)
            .nackable(delivery.slot.medium() == Medium::Video);
        stream.write_rtp(packet);
        self.peer.advance(now, key, wire);
        true
    }
}

/// How well a format of the viewer fits what is published; `None` if it does not.
fn likeness(params: &PayloadParams, spec: CodecSpec) -> Option<u8> {
    let ours = params.spec();
    if ours.codec != spec.codec {
        return None;
    }
    if spec.codec != Codec::H264 {
        return Some(0);
    }
    // The profile is in the upper two bytes (RFC 6184, 8.1). A decoder of another one most often
    // copes, as encoders in browsers keep to the constrained baseline.
    let profile = |spec: CodecSpec| spec.format.profile_level_id.map(|id| id >> 8);
    Some(u8::from(profile(ours) == profile(spec)))
}
