//! One whole WebRTC connection of a client (`str0m`): an offer and an answer, then a socket of its own.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};
use dimpl::DtlsCertificate;
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::crypto::from_feature_flags;
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{Extension, ExtensionMap};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};
use tokio::net::UdpSocket;
use ureq::http::Uri;

use crate::arguments::{Codec, Feedback, Media, Viewers};
use crate::door::{Door, Invitation, Session};
use crate::http::Http;
use crate::light::{self, Offload};
use crate::meter::Meter;

/// The largest datagram there is on a path of 1,500 bytes.
pub(crate) const DATAGRAM_BYTES_MAX: usize = 2_048;
/// Datagrams taken from a socket before others have their turn: four frames of seven, and a guess.
const BATCH_MAX: usize = 32;
/// What a socket may hold while this program is busy elsewhere; the system may grant less.
const SOCKET_BYTES: usize = 1 << 20;

/// What all connections of a test have in common.
#[derive(Debug)]
pub(crate) struct Kit {
    pub(crate) http: Http,
    pub(crate) meter: Meter,
    pub(crate) light: light::Settings,
    config: RtcConfig,
}

impl Kit {
    pub(crate) fn new(media: &Media, viewers: &Viewers) -> Result<Self> {
        let (codec, feedback) = (media.codec, media.feedback);
        let provider = Arc::new(from_feature_flags());
        // One certificate serves all: making thousands would only delay the beginning.
        let certificate = provider.dtls_provider.generate_certificate();
        let certificate = certificate.context("no DTLS certificate can be made")?;
        let copy = DtlsCertificate {
            certificate: certificate.certificate.clone(),
            private_key: certificate.private_key.clone(),
        };
        let light = light::Settings {
            factory: light::Factory::new(copy, provider.sha1_hmac_provider)?,
            codec,
            verify: viewers.verify,
            offload: if viewers.gro { Offload::On } else { Offload::Off },
        };
        let mut extensions = ExtensionMap::empty();
        extensions.set(1, Extension::AudioLevel);
        extensions.set(4, Extension::RtpMid);
        if feedback == Feedback::Twcc {
            extensions.set(3, Extension::TransportSequenceNumber);
        }
        let config = RtcConfig::new()
            .set_crypto_provider(provider)
            .set_dtls_cert(certificate)
            .set_rtp_mode(true)
            .set_extension_map(extensions)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(codec == Codec::Vp8)
            .enable_h264(codec == Codec::H264);
        Ok(Self { http: Http::new(), meter: Meter::new(), light, config })
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) rtc: Rtc,
    /// The sections of the offer, those of sound first.
    pub(crate) mids: Vec<Mid>,
    kit: Arc<Kit>,
    socket: UdpSocket,
    /// What the other side was told to send to.
    local: SocketAddr,
    session: Session,
    deadline: Instant,
    buffer: Box<[u8; DATAGRAM_BYTES_MAX]>,
}

impl Peer {
    /// Offers a section of sound and one of pictures to send, and takes the answer. ICE and DTLS follow with
    /// [`step`](Self::step).
    pub(crate) async fn publish(kit: &Arc<Kit>, door: &Door) -> Result<Self> {
        Self::offer(Unconnected::new(kit, door).await?, kit, door, Direction::SendOnly, 1).await
    }

    /// Offers so many sections of each to receive, or answers the server's offer.
    pub(crate) async fn watch(kit: &Arc<Kit>, door: &Door, seats: u8) -> Result<Self> {
        let mut new = Unconnected::new(kit, door).await?;
        let offered = match door.watch().await? {
            Invitation::Offer => {
                return Self::offer(new, kit, door, Direction::RecvOnly, seats).await;
            }
            Invitation::Answer(offered) => offered,
        };
        let url = door.url();
        let offer = SdpOffer::from_sdp_string(&offered.sdp)
            .map_err(|error| anyhow!("{url} made no SDP offer: {error}"))?;
        let answer = new.rtc.sdp_api().accept_offer(offer);
        let answer = answer.map_err(|error| anyhow!("{url} made an offer of no use: {error}"))?;
        let session = Session::Janus(offered.answer(answer.to_sdp_string()).await?);
        Ok(new.connect(kit, Vec::new(), session))
    }

    async fn offer(
        mut new: Unconnected,
        kit: &Arc<Kit>,
        door: &Door,
        direction: Direction,
        sections: u8,
    ) -> Result<Self> {
        let url = door.url();
        let mut changes = new.rtc.sdp_api();
        let kinds = [MediaKind::Audio, MediaKind::Video];
        let kinds = kinds.into_iter().flat_map(|kind| std::iter::repeat_n(kind, sections.into()));
        let mids = kinds.map(|kind| changes.add_media(kind, direction, None, None, None)).collect();
        let (offer, pending) = changes.apply().context("there is nothing to offer")?;
        let (answer, session) = door.offer(&kit.http, offer.to_sdp_string()).await?;
        let parsed = SdpAnswer::from_sdp_string(&answer)
            .map_err(|error| anyhow!("{url} gave no SDP answer: {error}"))?;
        let accepted = new.rtc.sdp_api().accept_answer(pending, parsed);
        accepted.map_err(|error| anyhow!("{url} gave an answer of no use: {error}"))?;
        Ok(new.connect(kit, mids, session))
    }

    pub(crate) fn kit(&self) -> &Kit {
        &self.kit
    }

    /// The local UDP port.
    pub(crate) fn port(&self) -> u16 {
        self.local.port()
    }

    /// Waits until something is to be done, does it, and adds what happened to `events`.
    ///
    /// May be dropped while it waits: what is begun is finished.
    pub(crate) async fn step(&mut self, events: &mut Vec<Event>) -> Result<()> {
        tokio::select! {
            () = tokio::time::sleep_until(self.deadline.into()) => {
                self.rtc.handle_input(Input::Timeout(Instant::now()))?;
                self.drain(events)
            }
            ready = self.socket.readable() => {
                ready?;
                self.receive(events)
            }
        }
    }

    /// Sends what is ready, as after every change of `rtc`.
    pub(crate) fn drain(&mut self, events: &mut Vec<Event>) -> Result<()> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(deadline) => {
                    self.deadline = deadline;
                    return Ok(());
                }
                Output::Transmit(out) => {
                    // An address that cannot be reached is one candidate of several.
                    if self.socket.try_send_to(&out.contents, out.destination).is_err() {
                        self.kit.meter.on_unsent();
                    }
                }
                Output::Event(event) => events.push(event),
            }
        }
    }

    /// Says goodbye, on both ways there are.
    pub(crate) async fn close(mut self) {
        let closed = self.rtc.close();
        if closed.is_ok() {
            let _late = self.drain(&mut Vec::new());
        }
        self.session.close(&self.kit.http).await;
    }

    fn receive(&mut self, events: &mut Vec<Event>) -> Result<()> {
        for _ in 0..BATCH_MAX {
            let (length, source) = match self.socket.try_recv_from(&mut self.buffer[..]) {
                Ok(received) => received,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // The system reports that an earlier datagram met no socket: ICE notices by itself.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => continue,
                Err(error) => return Err(error.into()),
            };
            let bytes = &self.buffer[..length];
            // What is not WebRTC is none of our business.
            let Ok(datagram) = Receive::new(Protocol::Udp, source, self.local, bytes) else {
                continue;
            };
            self.rtc.handle_input(Input::Receive(Instant::now(), datagram))?;
            self.drain(events)?;
        }
        Ok(())
    }
}

/// A connection that nothing is agreed on yet.
struct Unconnected {
    rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
}

impl Unconnected {
    async fn new(kit: &Kit, door: &Door) -> Result<Self> {
        let (socket, local) = open_socket(door.local_ip()?).await?;
        let mut rtc = kit.config.clone().build(Instant::now());
        rtc.add_local_candidate(Candidate::host(local, "udp")?);
        Ok(Self { rtc, socket, local })
    }

    fn connect(self, kit: &Arc<Kit>, mids: Vec<Mid>, session: Session) -> Peer {
        let Self { rtc, socket, local } = self;
        let buffer = Box::new([0; DATAGRAM_BYTES_MAX]);
        let (kit, deadline) = (kit.clone(), Instant::now());
        Peer { rtc, mids, kit, socket, local, session, deadline, buffer }
    }
}

/// Opens a socket on any port, and tells where others reach it.
pub(crate) async fn open_socket(ip: IpAddr) -> Result<(UdpSocket, SocketAddr)> {
    let any = match ip {
        IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((any, 0)).await.context("no UDP socket can be opened")?;
    let _smaller = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, SOCKET_BYTES);
    let local = SocketAddr::new(ip, socket.local_addr()?.port());
    // Until the runtime has looked once, it takes a new socket for one that is full.
    socket.writable().await?;
    Ok((socket, local))
}

/// This machine's address on the way to the host of a URL. Nothing is sent.
pub(crate) fn ip_towards(url: &str) -> Result<IpAddr> {
    let uri: Uri = url.parse().with_context(|| format!("{url} is no URL"))?;
    let host = uri.host().with_context(|| format!("{url} names no host"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut addresses =
        (host, 9).to_socket_addrs().with_context(|| format!("there is no host {host}"))?;
    let address = addresses.next().with_context(|| format!("{host} has no address"))?;
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let route = || {
        let socket = std::net::UdpSocket::bind(any)?;
        socket.connect(address)?;
        socket.local_addr()
    };
    Ok(route().with_context(|| format!("no network leads to {host}"))?.ip())
}
