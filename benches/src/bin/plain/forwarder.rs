//! The loop.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size};
use str0m::change::SdpOffer;
use str0m::format::Codec;
use str0m::media::{KeyframeRequestKind, MediaAdded, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpPacket, RtpWrite, Ssrc};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

use crate::http::{Offer, Role};

const DATAGRAM_BYTES_MAX: usize = 2_048;
/// The longest that an offer waits while no datagram comes. A guess: a join takes longer anyway.
const WAIT_MAX: Duration = Duration::from_millis(5);
/// What the kernel may hold in either direction; it may grant less.
const SOCKET_BYTES: usize = 4 * 1024 * 1024;

/// Everybody, and the socket that all share.
#[derive(Debug)]
pub(crate) struct Forwarder {
    socket: UdpSocket,
    local: SocketAddr,
    offers: Receiver<Offer>,
    config: RtcConfig,
    clients: Vec<Client>,
    /// Whose address it is, by place in `clients`.
    addresses: HashMap<SocketAddr, usize>,
    /// What came out of peers and is not handled yet; reused.
    events: Vec<(usize, Event)>,
}

/// One peer connection.
#[derive(Debug)]
struct Client {
    rtc: Rtc,
    role: Role,
    deadline: Instant,
    /// Sections that carry sound and picture, with the payload type of what is forwarded.
    sections: Vec<(MediaKind, Mid, Pt)>,
    /// The publisher's streams.
    sources: Vec<(Pt, Ssrc, MediaKind)>,
}

impl Forwarder {
    pub(crate) fn new(socket: UdpSocket, offers: Receiver<Offer>) -> Result<Self> {
        let local = socket.local_addr()?;
        set_socket_recv_buffer_size(&socket, SOCKET_BYTES)?;
        set_socket_send_buffer_size(&socket, SOCKET_BYTES)?;
        let provider = Arc::new(str0m::crypto::from_feature_flags());
        let certificate = provider.dtls_provider.generate_certificate();
        let config = RtcConfig::new()
            .set_crypto_provider(provider)
            .set_dtls_cert(certificate.context("no DTLS certificate can be made")?)
            .set_ice_lite(true)
            .set_rtp_mode(true);
        let (clients, addresses, events) = (Vec::new(), HashMap::new(), Vec::new());
        Ok(Self { socket, local, offers, config, clients, addresses, events })
    }

    /// Forwards until the socket breaks.
    pub(crate) fn run(&mut self) -> Result<()> {
        let mut buffer = [0; DATAGRAM_BYTES_MAX];
        loop {
            while let Ok(offer) = self.offers.try_recv() {
                self.accept(offer);
            }
            self.advance();
            let now = Instant::now();
            let next = self.clients.iter().map(|client| client.deadline).min();
            let wait = next.map_or(WAIT_MAX, |next| next.saturating_duration_since(now));
            // Zero would wait for good.
            let wait = wait.clamp(Duration::from_micros(1), WAIT_MAX);
            self.socket.set_read_timeout(Some(wait))?;
            match self.socket.recv_from(&mut buffer) {
                Ok((length, source)) => self.receive(source, &buffer[..length]),
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => return Err(error).context("the socket broke"),
            }
        }
    }

    fn accept(&mut self, offer: Offer) {
        let Offer { role, sdp, answer } = offer;
        let mut accept = || -> Result<String> {
            let now = Instant::now();
            let mut rtc = self.config.clone().build(now);
            rtc.add_local_candidate(Candidate::host(self.local, "udp")?);
            let offer = SdpOffer::from_sdp_string(&sdp)?;
            let answer = rtc.sdp_api().accept_offer(offer)?.to_sdp_string();
            let (sections, sources) = (Vec::new(), Vec::new());
            self.clients.push(Client { rtc, role, deadline: now, sections, sources });
            self.drain(self.clients.len() - 1);
            self.handle_events();
            Ok(answer)
        };
        // Whoever has stopped waiting is not missed.
        let _ = answer.send(accept().map_err(|error| error.to_string()));
    }

    fn receive(&mut self, source: SocketAddr, bytes: &[u8]) {
        // What is not WebRTC is none of our business.
        let Ok(datagram) = Receive::new(Protocol::Udp, source, self.local, bytes) else { return };
        let input = Input::Receive(Instant::now(), datagram);
        let known = self.addresses.get(&source).copied();
        let accepts = |client: &Client| client.rtc.is_alive() && client.rtc.accepts(&input);
        let Some(client) = known.or_else(|| self.clients.iter().position(accepts)) else { return };
        self.addresses.insert(source, client);
        if self.clients[client].rtc.handle_input(input).is_ok() {
            self.drain(client);
        }
        self.handle_events();
    }

    /// Tells the time to those who wait for it.
    fn advance(&mut self) {
        let now = Instant::now();
        for client in 0..self.clients.len() {
            if self.clients[client].deadline <= now {
                self.notice_time(client, now);
            }
        }
        self.handle_events();
    }

    fn notice_time(&mut self, client: usize, now: Instant) {
        if self.clients[client].rtc.handle_input(Input::Timeout(now)).is_ok() {
            self.drain(client);
        }
    }

    /// Sends what a peer has ready, and keeps what happened to it.
    fn drain(&mut self, number: usize) {
        let client = &mut self.clients[number];
        loop {
            match client.rtc.poll_output() {
                // The gone stay in the list: there is one run in the life of this program.
                Ok(Output::Timeout(deadline)) if client.rtc.is_alive() => {
                    client.deadline = deadline;
                    return;
                }
                Ok(Output::Transmit(out)) => {
                    // An address that cannot be reached is one candidate of several.
                    let _ = self.socket.send_to(&out.contents, out.destination);
                }
                Ok(Output::Event(event)) => self.events.push((number, event)),
                Ok(Output::Timeout(_)) | Err(_) => {
                    client.rtc.disconnect();
                    client.deadline = Instant::now() + Duration::from_secs(3_600);
                    return;
                }
            }
        }
    }

    fn handle_events(&mut self) {
        while !self.events.is_empty() {
            for (client, event) in std::mem::take(&mut self.events) {
                match event {
                    Event::MediaAdded(media) => self.clients[client].add(&media),
                    Event::RtpPacket(packet) => self.forward(client, &packet),
                    Event::KeyframeRequest(_) => self.request_keyframe(),
                    Event::Connected if self.clients[client].role == Role::Viewer => {
                        self.request_keyframe();
                    }
                    _ => {}
                }
            }
        }
    }

    /// Writes a packet of the publisher to every viewer.
    fn forward(&mut self, publisher: usize, packet: &RtpPacket) {
        let Some(kind) = self.clients[publisher].kind_of(packet) else { return };
        let payload: Arc<[u8]> = packet.payload.clone();
        let now = Instant::now();
        for viewer in 0..self.clients.len() {
            if self.clients[viewer].write(now, kind, packet, payload.clone()) {
                self.notice_time(viewer, now);
            }
        }
    }

    fn request_keyframe(&mut self) {
        let now = Instant::now();
        let publishes = |client: &Client| client.role == Role::Publisher && client.rtc.is_alive();
        let Some(publisher) = self.clients.iter().rposition(publishes) else { return };
        let Client { rtc, sources, .. } = &mut self.clients[publisher];
        let picture = sources.iter().find(|(_, _, kind)| kind.is_video());
        let Some((_, ssrc, _)) = picture else { return };
        if let Some(stream) = rtc.direct_api().stream_rx(ssrc) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
            self.notice_time(publisher, now);
        }
    }
}

impl Client {
    /// Notes a section, if it carries what is forwarded.
    fn add(&mut self, media: &MediaAdded) {
        let wanted = match media.kind {
            MediaKind::Audio => Codec::Opus,
            MediaKind::Video => Codec::Vp8,
        };
        let Some(section) = self.rtc.media(media.mid) else { return };
        let is_wanted = |pt: &Pt| {
            let params = self.rtc.codec_config().find(|params| params.pt() == *pt);
            params.is_some_and(|params| params.spec().codec == wanted)
        };
        if let Some(pt) = section.remote_pts().iter().copied().find(is_wanted) {
            self.sections.push((media.kind, media.mid, pt));
        }
    }

    /// What a packet of the publisher is part of.
    fn kind_of(&mut self, packet: &RtpPacket) -> Option<MediaKind> {
        let (pt, ssrc) = (packet.header.payload_type, packet.header.ssrc);
        let known = self.sources.iter().find(|source| (source.0, source.1) == (pt, ssrc));
        if let Some((.., kind)) = known {
            return Some(*kind);
        }
        let (kind, ..) = *self.sections.iter().find(|section| section.2 == pt)?;
        self.sources.push((pt, ssrc, kind));
        Some(kind)
    }

    /// Writes a packet to a viewer. Returns false if there is nothing to write to.
    fn write(
        &mut self,
        now: Instant,
        kind: MediaKind,
        packet: &RtpPacket,
        payload: Arc<[u8]>,
    ) -> bool {
        let is_ready = self.role == Role::Viewer && self.rtc.is_connected();
        let section = self.sections.iter().find(|section| section.0 == kind);
        let Some((_, mid, pt)) = section.filter(|_| is_ready).copied() else { return false };
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(mid, None) else { return false };
        let header = &packet.header;
        stream.write_rtp(
            RtpWrite::new(pt, packet.seq_no, header.timestamp, now, payload)
                .marker(header.marker)
                .nackable(kind.is_video()),
        );
        true
    }
}
