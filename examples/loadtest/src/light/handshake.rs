//! How a light viewer's connection comes up and stays up: ICE, and DTLS 1.2 over the path that ICE finds.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use dimpl::{Dtls, DtlsCertificate, Output};
use is::stun::{StunMessage, StunPacket};
use is::{
    Candidate, IceAgent, IceAgentEvent, IceConnectionState, IceCreds, Protocol, Sha1HmacProvider,
};

use super::sdp::Remote;
use super::srtp::{self, End, Opener, Sealer};

/// A handshake message is as large as a datagram at most.
const BUFFER_BYTES: usize = 2_048;

/// What all handshakes have in common.
#[derive(Debug)]
pub(crate) struct Factory {
    dtls: Arc<dimpl::Config>,
    certificate: DtlsCertificate,
    pub(crate) fingerprint: String,
    hmac: &'static dyn Sha1HmacProvider,
}

impl Factory {
    pub(crate) fn new(
        certificate: DtlsCertificate,
        hmac: &'static dyn Sha1HmacProvider,
    ) -> Result<Self> {
        // Where the server begins the handshake, ICE has proved its address before.
        let dtls = Arc::new(dimpl::Config::builder().use_server_cookie(false).build()?);
        let fingerprint = fingerprint(&certificate.certificate);
        Ok(Self { dtls, certificate, fingerprint, hmac })
    }

    /// An agent that knows this end alone.
    pub(crate) fn ice(&self, candidate: &Candidate) -> IceAgent {
        let mut ice = IceAgent::with_hmac(IceCreds::new(), self.hmac);
        ice.add_local_candidate(candidate.clone());
        ice
    }
}

/// Who made the offer: it decides who controls ICE (RFC 8445, 6.1.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Offerer {
    Us,
    Server,
}

/// ICE and DTLS with the server.
#[derive(Debug)]
pub(crate) struct Handshake {
    ice: IceAgent,
    dtls: Dtls,
    end: End,
    fingerprint: String,
    is_verified: bool,
    local: SocketAddr,
    /// Where to, once ICE has found out.
    pub(crate) destination: Option<SocketAddr>,
    /// When it wants to be called again.
    pub(crate) deadline: Instant,
}

impl Handshake {
    pub(crate) fn new(
        factory: &Factory,
        mut ice: IceAgent,
        local: SocketAddr,
        remote: &Remote,
        offerer: Offerer,
    ) -> Self {
        let now = Instant::now();
        ice.set_controlling(offerer == Offerer::Us || remote.is_lite);
        ice.set_remote_credentials(remote.credentials.clone());
        for candidate in &remote.candidates {
            ice.add_remote_candidate(candidate.clone());
        }
        ice.handle_timeout(now);
        let mut dtls = Dtls::new_12(factory.dtls.clone(), factory.certificate.clone(), now);
        dtls.set_active(remote.end == End::Client);
        Self {
            ice,
            dtls,
            end: remote.end,
            fingerprint: remote.fingerprint.clone(),
            is_verified: false,
            local,
            destination: None,
            deadline: now,
        }
    }

    pub(crate) fn receive_stun(&mut self, now: Instant, source: SocketAddr, bytes: &[u8]) {
        // What is no STUN, or not the server's, is none of our business.
        let Ok(message) = StunMessage::parse(bytes) else { return };
        let packet = StunPacket { proto: Protocol::Udp, source, destination: self.local, message };
        if self.ice.handle_packet(now, packet) {
            self.ice.handle_timeout(now);
        }
    }

    pub(crate) fn receive_dtls(&mut self, now: Instant, bytes: &[u8]) -> Result<()> {
        let handled = self.dtls.handle_timeout(now).and_then(|()| self.dtls.handle_packet(bytes));
        handled.context("the DTLS handshake went wrong")
    }

    pub(crate) fn on_deadline(&mut self, now: Instant) -> Result<()> {
        self.ice.handle_timeout(now);
        self.wake_dtls(now)
    }

    /// Sends what is to be sent, and answers the keys once they are there. Call it after every change.
    pub(crate) fn drain(
        &mut self,
        now: Instant,
        mut send: impl FnMut(SocketAddr, &[u8]),
    ) -> Result<Option<(Opener, Sealer)>> {
        while let Some(event) = self.ice.poll_event() {
            match event {
                IceAgentEvent::NominatedSend { destination, .. } => {
                    let is_first = self.destination.replace(destination).is_none();
                    if is_first {
                        self.wake_dtls(now)?;
                    }
                }
                IceAgentEvent::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                    bail!("the server no longer answers ICE");
                }
                _ => {}
            }
        }
        while let Some(out) = self.ice.poll_transmit() {
            send(out.destination, &out.contents);
        }
        let keys = self.drain_dtls(now, send)?;
        self.deadline = self.ice.poll_timeout().map_or(self.deadline, |at| at.min(self.deadline));
        Ok(keys)
    }

    /// Says goodbye.
    pub(crate) fn close(&mut self, now: Instant, send: impl FnMut(SocketAddr, &[u8])) {
        if self.dtls.close().is_ok() {
            let _over = self.drain_dtls(now, send);
        }
    }

    /// Nothing is begun before there is a path.
    fn wake_dtls(&mut self, now: Instant) -> Result<()> {
        match self.destination {
            Some(_) => self.dtls.handle_timeout(now).context("the DTLS handshake went wrong"),
            None => Ok(()),
        }
    }

    fn drain_dtls(
        &mut self,
        now: Instant,
        mut send: impl FnMut(SocketAddr, &[u8]),
    ) -> Result<Option<(Opener, Sealer)>> {
        // While nothing is due, so often: the next report or check of ICE comes sooner in any case.
        self.deadline = now + std::time::Duration::from_secs(1);
        let Some(destination) = self.destination else { return Ok(None) };
        let (mut buffer, mut keys) = ([0; BUFFER_BYTES], None);
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Timeout(deadline) => {
                    self.deadline = self.deadline.min(deadline);
                    break;
                }
                Output::BufferTooSmall { needed } => {
                    bail!("a handshake message has {needed} bytes")
                }
                Output::Packet(bytes) => send(destination, bytes),
                Output::PeerCert(certificate) => {
                    self.is_verified =
                        fingerprint(certificate).eq_ignore_ascii_case(&self.fingerprint);
                    ensure!(
                        self.is_verified,
                        "the server's certificate is not the one of its SDP (only SHA-256 is compared)"
                    );
                }
                Output::KeyingMaterial(material, profile) => {
                    ensure!(self.is_verified, "the server showed no certificate");
                    keys = Some(srtp::keys(&material, profile, self.end)?);
                }
                Output::CloseNotify => bail!("the server closed a viewer's connection"),
                _ => {}
            }
        }
        Ok(keys)
    }
}

/// The hash that ties a certificate to a description (RFC 8122, 5).
fn fingerprint(certificate: &[u8]) -> String {
    let pairs: Vec<String> =
        digest(&SHA256, certificate).as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    format!("sha-256 {}", pairs.join(":"))
}
