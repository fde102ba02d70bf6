//! One peer connection: ICE, DTLS, SRTP and SDP in a value that is driven from outside.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::DtlsCertificate;
use salon_fanout::{Codec, Slot};
use str0m::change::SdpOffer;
use str0m::config::CryptoProvider;
use str0m::format::{self, PayloadParams};
use str0m::media::Mid;
use str0m::net::{Protocol, Receive};
use str0m::rtp::{Extension, ExtensionMap, RtpPacket};
use str0m::{Candidate, IceConnectionState, IceCreds, Input, Output, Rtc, RtcConfig};

use crate::clock::Clock;
use crate::config::{BindError, Feedback};
use crate::media::OfferError;
use crate::routes::{Fragment, Routes};
use crate::sdp;
use crate::socket::{Arrival, Socket};
use crate::statistics::Counters;
use crate::table::Key;
use crate::thin::{self, Leg};

/// What every session has in common: the certificate, the cryptography, the codecs, and what viewers
/// may tell.
///
/// Nothing of it is installed for the process.
pub(crate) struct Factory {
    seat: RtcConfig,
    viewer: thin::Factory,
}

impl Factory {
    pub(crate) fn new(feedback: Feedback) -> Result<Self, BindError> {
        let provider: CryptoProvider = str0m::crypto::from_feature_flags();
        let certificate =
            provider.dtls_provider.generate_certificate().ok_or(BindError::Certificate)?;
        let viewer = thin::Factory::new(
            DtlsCertificate {
                certificate: certificate.certificate.clone(),
                private_key: certificate.private_key.clone(),
            },
            provider.sha1_hmac_provider,
            feedback,
        )?;
        let mut base = RtcConfig::new()
            .set_crypto_provider(Arc::new(provider))
            .set_dtls_cert(certificate)
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .set_stats_interval(None)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .enable_vp9(true)
            .enable_av1(true);
        // Packetization mode 1 alone: mode 0 cannot carry a keyframe. The profiles browsers offer:
        // baseline, constrained baseline, main, high.
        for (pt, resend, profile) in [
            (127, 121, 0x42_00_1f),
            (108, 109, 0x42_e0_1f),
            (123, 119, 0x4d_00_1f),
            (114, 115, 0x64_00_1f),
        ] {
            base.codec_config().add_h264(pt.into(), Some(resend.into()), true, profile);
        }
        // Video orientation is left out on purpose: a phone then turns the picture before it encodes.
        let mut extensions = ExtensionMap::empty();
        extensions.set(4, Extension::RtpMid);
        extensions.set(1, Extension::AudioLevel);
        extensions.set(3, Extension::TransportSequenceNumber);
        extensions.set(10, Extension::RtpStreamId);
        extensions.set(11, Extension::RepairedRtpStreamId);
        let seat = base.set_extension_map(extensions);
        Ok(Self { seat, viewer })
    }

    /// Accepts the offer of a publisher. Returns the session's connection and the answer.
    pub(crate) fn accept_seat(
        &self,
        now: Instant,
        offer: &sdp::Offer,
        candidates: &[SocketAddr],
    ) -> Result<(Peer, String), OfferError> {
        contained(|| self.accept_bare(now, offer, candidates))
            .unwrap_or(Err(OfferError::NotAnOffer))
    }

    /// Accepts the offer of a viewer. Returns its leg, under which name it is reached, and the answer.
    pub(crate) fn accept_viewer(
        &self,
        now: Instant,
        offer: &sdp::Offer,
        candidates: &[SocketAddr],
    ) -> Result<(Leg, Fragment, String), OfferError> {
        let (fragment, credentials) = credentials();
        let (leg, answer) = Leg::accept(now, &self.viewer, offer, credentials, candidates, random)?;
        Ok((leg, fragment, answer))
    }

    fn accept_bare(
        &self,
        now: Instant,
        offer: &sdp::Offer,
        candidates: &[SocketAddr],
    ) -> Result<(Peer, String), OfferError> {
        let parsed = SdpOffer::from_sdp_string(&offer.text).map_err(|error| {
            tracing::debug!(%error, "offer cannot be parsed");
            OfferError::NotAnOffer
        })?;
        let (fragment, credentials) = credentials();
        let mut rtc = self.seat.clone().set_local_ice_credentials(credentials).build(now);
        for candidate in candidates {
            let candidate = Candidate::host(*candidate, "udp")
                .expect("addresses that cannot be candidates are refused in bind");
            rtc.add_local_candidate(candidate);
        }
        let answer = rtc.sdp_api().accept_offer(parsed).map_err(|error| {
            tracing::debug!(%error, "offer cannot be accepted");
            OfferError::NotAnOffer
        })?;
        let peer = Peer { rtc, fragment, deadline: now, is_broken: false };
        for section in &offer.sections {
            if peer.formats(section.mid()).next().is_none() {
                return Err(OfferError::NoMedia);
            }
        }
        Ok((peer, sdp::repeat_candidates(&answer.to_sdp_string())))
    }
}

impl sdp::Section {
    /// The name of the section as the peer connection knows it.
    pub(crate) fn mid(&self) -> Mid {
        self.mid.as_str().into()
    }
}

/// One peer connection.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) rtc: Rtc,
    pub(crate) fragment: Fragment,
    /// When it wants to be called although nothing has arrived.
    pub(crate) deadline: Instant,
    /// It has panicked: nothing may be asked of it any more.
    is_broken: bool,
}

/// What a connection tells the driver.
#[derive(Debug)]
pub(crate) enum Happening {
    Connected,
    /// The peer closed, fell silent, or broke the protocol beyond repair.
    Ended,
    Packet(Box<RtpPacket>),
    /// A viewer cannot decode what it has in a slot.
    KeyframeWanted(Slot),
    /// How a slot arrives at a viewer: the fraction lost since it last said so, in 256ths.
    Reception {
        slot: Slot,
        lost: u8,
    },
    /// A viewer wants packets of a slot again.
    PacketsLost {
        slot: Slot,
        sequences: Vec<u16>,
        rtt: Option<Duration>,
    },
}

/// Where a connection's output goes: datagrams out at once, happenings to be handled afterwards.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) socket: Socket,
    pub(crate) routes: Routes,
    pub(crate) happenings: VecDeque<(Key, Happening)>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) clock: Clock,
    /// Scratch for whoever needs some.
    pub(crate) buffer: Vec<u8>,
}

impl Wire {
    pub(crate) fn new(socket: Socket, counters: Arc<Counters>, clock: Clock) -> Self {
        Self {
            socket,
            routes: Routes::default(),
            happenings: VecDeque::new(),
            counters,
            clock,
            buffer: Vec::new(),
        }
    }
}

impl Peer {
    /// A datagram arrived. Returns false if it is none of WebRTC.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        Arrival { source, target, bytes }: Arrival<'_>,
        key: Key,
        wire: &mut Wire,
    ) -> bool {
        let Ok(received) = Receive::new(Protocol::Udp, source, target, bytes) else {
            return false;
        };
        self.drive(key, wire, |peer, wire| {
            if let Err(error) = peer.rtc.handle_input(Input::Receive(now, received)) {
                // Anybody can send a broken datagram in the peer's name: that alone ends nothing.
                tracing::debug!(%error, "datagram refused");
            }
            peer.drain(key, wire);
        });
        true
    }

    /// Lets time pass, after a deadline or a mutation: every mutation ends with this.
    pub(crate) fn advance(&mut self, now: Instant, key: Key, wire: &mut Wire) {
        self.drive(key, wire, |peer, wire| {
            peer.drain(key, wire);
            if let Err(error) = peer.rtc.handle_input(Input::Timeout(now)) {
                tracing::debug!(%error, "connection failed");
                wire.happenings.push_back((key, Happening::Ended));
            }
            peer.drain(key, wire);
        });
    }

    /// Says goodbye as far as that is possible, and is gone.
    pub(crate) fn close(mut self, now: Instant, socket: &mut Socket) {
        if self.is_broken {
            return;
        }
        contained(|| {
            // A connection that cannot say goodbye is gone as well.
            if self.rtc.close().is_err() || self.rtc.handle_input(Input::Timeout(now)).is_err() {
                return;
            }
            while let Ok(output) = self.rtc.poll_output() {
                match output {
                    Output::Transmit(out) => {
                        socket.send(out.source, out.destination, &out.contents);
                    }
                    Output::Event(_) => {}
                    Output::Timeout(_) => return,
                }
            }
        });
    }

    fn drive(&mut self, key: Key, wire: &mut Wire, work: impl FnOnce(&mut Self, &mut Wire)) {
        if self.is_broken {
            return;
        }
        if contained(|| work(self, wire)).is_none() {
            self.is_broken = true;
            wire.happenings.push_back((key, Happening::Ended));
        }
    }

    /// The formats negotiated for a section, of the codecs that are served.
    pub(crate) fn formats(&self, mid: Mid) -> impl Iterator<Item = &PayloadParams> {
        let negotiated = self.rtc.media(mid).map(|media| media.remote_pts()).unwrap_or_default();
        negotiated.iter().filter_map(|pt| {
            self.rtc.codec_config().find(|params| params.pt() == *pt && codec_of(params).is_some())
        })
    }

    fn drain(&mut self, key: Key, wire: &mut Wire) {
        loop {
            let happening = match self.rtc.poll_output() {
                Ok(Output::Timeout(deadline)) => {
                    self.deadline = deadline;
                    if !self.rtc.is_alive() {
                        wire.happenings.push_back((key, Happening::Ended));
                    }
                    return;
                }
                Ok(Output::Transmit(out)) => {
                    wire.routes.learn(out.destination, key);
                    wire.socket.send(out.source, out.destination, &out.contents);
                    continue;
                }
                Ok(Output::Event(event)) => match happening_of(event) {
                    Some(happening) => happening,
                    None => continue,
                },
                Err(error) => {
                    tracing::debug!(%error, "connection failed");
                    wire.happenings.push_back((key, Happening::Ended));
                    return;
                }
            };
            wire.happenings.push_back((key, happening));
        }
    }
}

/// Keeps a bug of the peer connection to the one connection that it shows in.
///
/// Its authors recommend this to servers: a connection shares nothing with others, so one that has
/// panicked is discarded and that is all. Offers are known to exist that make it panic, such as
/// one payload type that means two things in two sections.
pub(crate) fn contained<T>(work: impl FnOnce() -> T) -> Option<T> {
    let result = catch_unwind(AssertUnwindSafe(work));
    if result.is_err() {
        tracing::error!("a peer connection panicked and is discarded");
    }
    result.ok()
}

fn happening_of(event: str0m::Event) -> Option<Happening> {
    match event {
        str0m::Event::Connected => Some(Happening::Connected),
        str0m::Event::IceConnectionStateChange(IceConnectionState::Disconnected)
        | str0m::Event::Closed => Some(Happening::Ended),
        str0m::Event::RtpPacket(packet) => Some(Happening::Packet(Box::new(packet))),
        _ => None,
    }
}

/// The codec of a format, if it is one that is served.
pub(crate) fn codec_of(params: &PayloadParams) -> Option<Codec> {
    match params.spec().codec {
        format::Codec::Opus => Some(Codec::Opus),
        format::Codec::Vp8 => Some(Codec::Vp8),
        format::Codec::H264 => Some(Codec::H264),
        format::Codec::Vp9 => Some(Codec::Vp9),
        format::Codec::Av1 => Some(Codec::Av1),
        _ => None,
    }
}

/// A new name that a session is reached under, and what the peer needs to know to reach it.
fn credentials() -> (Fragment, IceCreds) {
    let fragment = Fragment(random());
    let pass = format!("{:016x}{:016x}", random(), random());
    (fragment, IceCreds { ufrag: fragment.to_string(), pass })
}

/// 64 bits from the operating system: identifiers and passwords must not be guessed.
pub(crate) fn random() -> u64 {
    getrandom::u64().expect("the operating system's randomness does not fail once it has booted")
}

#[cfg(test)]
mod tests;
