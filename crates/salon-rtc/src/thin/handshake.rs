//! How a viewer's leg comes up and stays up: ICE answered, DTLS served, the certificate compared with the offer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use dimpl::{Dtls, DtlsCertificate, Output, SrtpProfile};
use is::stun::{StunMessage, StunPacket};
use is::{
    Candidate, IceAgent, IceAgentEvent, IceConnectionState, IceCreds, Protocol, Sha1HmacProvider,
};

use super::fingerprint::Fingerprint;
use super::srtp::{MasterKeys, Opener, Profile, Sealer};
use crate::config::{BindError, Feedback};

/// Room for a handshake message as large as a datagram may be.
const BUFFER_BYTES_MIN: usize = 2_048;

/// What all legs have in common.
#[derive(Debug)]
pub(crate) struct Factory {
    dtls: Arc<dimpl::Config>,
    certificate: DtlsCertificate,
    fingerprint: Fingerprint,
    hmac: &'static dyn Sha1HmacProvider,
    feedback: Feedback,
}

impl Factory {
    pub(crate) fn new(
        certificate: DtlsCertificate,
        hmac: &'static dyn Sha1HmacProvider,
        feedback: Feedback,
    ) -> Result<Self, BindError> {
        // ICE has seen the peer answer from its address before: a cookie would prove it once more.
        let dtls = dimpl::Config::builder().use_server_cookie(false).build();
        let dtls = Arc::new(dtls.map_err(|_| BindError::Certificate)?);
        let fingerprint = Fingerprint::of(&certificate.certificate);
        Ok(Self { dtls, certificate, fingerprint, hmac, feedback })
    }

    /// What of the feedback that a viewer offers is accepted.
    pub(crate) const fn feedback(&self) -> Feedback {
        self.feedback
    }

    pub(crate) const fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }
}

/// From where on this machine to where at the peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Route {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
}

/// Why a leg is over.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum End {
    #[error("peer said goodbye")]
    Goodbye,
    #[error("peer fell silent")]
    Silence,
    #[error("certificate of the peer is not the one of its offer")]
    Fingerprint,
    #[error("peer knows no way to protect media that is known here")]
    Unprotected,
    #[error("handshake went wrong: {0}")]
    Dtls(String),
}

/// The keys, once there are any.
pub(crate) type Keys = (Sealer, Opener);

/// ICE and DTLS with one peer.
#[derive(Debug)]
pub(crate) struct Handshake {
    ice: IceAgent,
    dtls: Dtls,
    /// Those of the offer.
    // Invariant: not empty.
    fingerprints: Vec<Fingerprint>,
    /// The peer has proved that it holds the key of a certificate with one of them.
    is_verified: bool,
    /// The path that the peer has chosen.
    route: Option<Route>,
    /// Where the last handshake message came from: where the answer goes as long as no path is chosen.
    answer_route: Option<Route>,
    deadline: Instant,
}

impl Handshake {
    pub(crate) fn new(
        now: Instant,
        factory: &Factory,
        local: IceCreds,
        remote: IceCreds,
        fingerprints: Vec<Fingerprint>,
        addresses: &[SocketAddr],
    ) -> Self {
        let mut ice = IceAgent::with_hmac(local, factory.hmac);
        ice.set_ice_lite(true);
        ice.set_remote_credentials(remote);
        for address in addresses {
            let candidate = Candidate::host(*address, "udp")
                .expect("addresses that cannot be candidates are refused in bind");
            ice.add_local_candidate(candidate);
        }
        ice.handle_timeout(now);
        let dtls = Dtls::new_12(factory.dtls.clone(), factory.certificate.clone(), now);
        let (route, answer_route) = (None, None);
        Self { ice, dtls, fingerprints, is_verified: false, route, answer_route, deadline: now }
    }

    /// The candidates as attribute values.
    pub(crate) fn candidates(&self) -> Vec<String> {
        self.ice.local_candidates().map(|candidate| candidate.to_sdp_string()).collect()
    }

    /// The path that the peer has chosen.
    pub(crate) const fn route(&self) -> Option<Route> {
        self.route
    }

    pub(crate) const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// A STUN message came. Returns false if it is none, or not authentic.
    pub(crate) fn receive_stun(&mut self, now: Instant, route: Route, bytes: &[u8]) -> bool {
        let Ok(message) = StunMessage::parse(bytes) else {
            return false;
        };
        let Route { source, destination } = route;
        // Seen from the datagram, it came from our destination.
        let (source, destination) = (destination, source);
        let packet = StunPacket { proto: Protocol::Udp, source, destination, message };
        let is_authentic = self.ice.handle_packet(now, packet);
        if is_authentic {
            self.ice.handle_timeout(now);
        }
        is_authentic
    }

    /// A DTLS datagram came, from an address that has been authenticated by ICE.
    pub(crate) fn receive_dtls(
        &mut self,
        now: Instant,
        route: Route,
        bytes: &[u8],
    ) -> Result<(), End> {
        self.answer_route = Some(route);
        let result = self.dtls.handle_timeout(now).and_then(|()| self.dtls.handle_packet(bytes));
        result.map_err(|error| End::Dtls(error.to_string()))
    }

    /// Time has passed.
    pub(crate) fn on_deadline(&mut self, now: Instant) -> Result<(), End> {
        self.ice.handle_timeout(now);
        self.dtls.handle_timeout(now).map_err(|error| End::Dtls(error.to_string()))
    }

    /// Sends what is to be sent, and returns the keys once they are there. Call it after every mutation.
    ///
    /// `buffer` is scratch; it grows as needed.
    pub(crate) fn drain(
        &mut self,
        buffer: &mut Vec<u8>,
        mut send: impl FnMut(Route, Message<'_>),
    ) -> Result<Option<Keys>, End> {
        while let Some(event) = self.ice.poll_event() {
            match event {
                IceAgentEvent::NominatedSend { source, destination, .. } => {
                    self.route = Some(Route { source, destination });
                }
                IceAgentEvent::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                    return Err(End::Silence);
                }
                IceAgentEvent::IceRestart(_)
                | IceAgentEvent::IceConnectionStateChange(_)
                | IceAgentEvent::DiscoveredRecv { .. } => {}
            }
        }
        while let Some(out) = self.ice.poll_transmit() {
            let route = Route { source: out.source, destination: out.destination };
            send(route, Message::Stun(&out.contents));
        }
        let keys = self.drain_dtls(buffer, send)?;
        if let Some(deadline) = self.ice.poll_timeout() {
            self.deadline = self.deadline.min(deadline);
        }
        Ok(keys)
    }

    /// Says goodbye, as far as that is possible.
    pub(crate) fn close(&mut self, buffer: &mut Vec<u8>, send: impl FnMut(Route, Message<'_>)) {
        if self.dtls.close().is_ok() {
            // Whatever goes wrong now, it is over.
            let _ = self.drain_dtls(buffer, send);
        }
    }

    fn drain_dtls(
        &mut self,
        buffer: &mut Vec<u8>,
        mut send: impl FnMut(Route, Message<'_>),
    ) -> Result<Option<Keys>, End> {
        let mut keys = None;
        let (mut is_up, mut is_closed) = (false, false);
        buffer.resize(buffer.len().max(BUFFER_BYTES_MIN), 0);
        loop {
            match self.dtls.poll_output(buffer) {
                Output::Timeout(deadline) => {
                    self.deadline = deadline;
                    break;
                }
                Output::BufferTooSmall { needed } => buffer.resize(needed.max(2 * buffer.len()), 0),
                Output::Packet(bytes) => {
                    if let Some(route) = self.route.or(self.answer_route) {
                        send(route, Message::Dtls(bytes));
                    }
                }
                Output::PeerCert(certificate) => {
                    self.is_verified = self.fingerprints.iter().any(|one| one.matches(certificate));
                    if !self.is_verified {
                        return Err(End::Fingerprint);
                    }
                }
                Output::Connected => is_up = true,
                Output::KeyingMaterial(material, profile) => {
                    keys = Some(keys_from(&material, profile).ok_or(End::Unprotected)?);
                }
                Output::CloseNotify => is_closed = true,
                // Nobody said that anything would come this way.
                Output::ApplicationData(_) => {}
                _ => {}
            }
        }
        if is_closed {
            return Err(End::Goodbye);
        }
        if is_up && !self.is_verified {
            return Err(End::Fingerprint);
        }
        if is_up && keys.is_none() {
            return Err(End::Unprotected);
        }
        Ok(keys.filter(|_| self.is_verified))
    }
}

/// A datagram of the handshake.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Message<'a> {
    /// The answer to an authentic request: whoever gets it has proved who it is.
    Stun(&'a [u8]),
    Dtls(&'a [u8]),
}

fn keys_from(material: &[u8], profile: SrtpProfile) -> Option<Keys> {
    let profile = match profile {
        SrtpProfile::AEAD_AES_256_GCM => Profile::Aes256Gcm,
        SrtpProfile::AEAD_AES_128_GCM => Profile::Aes128Gcm,
        SrtpProfile::AES128_CM_SHA1_80 => Profile::Aes128CmSha1,
        _ => return None,
    };
    let (client, server) = MasterKeys::split(profile, material)?;
    // We are the server: what it writes is ours.
    Some((Sealer::new(&server).ok()?, Opener::new(&client).ok()?))
}
