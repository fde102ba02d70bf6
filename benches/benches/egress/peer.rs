//! A WebRTC client in this process: the publisher, or a viewer that connects and then lets its socket overflow.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::net::sockopt::set_socket_recv_buffer_size;
use salon_rtc::Media;
use salon_rtc::media::{Answer, Publish, Watch};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

use crate::rig::{KEY, STAGE};

/// How long handshakes may take. A guess, far above what they take.
const CONNECT_MAX: Duration = Duration::from_secs(20);
const DATAGRAM_BYTES_MAX: usize = 2_048;
/// What a viewer's socket holds once it is connected: as little as Linux allows, which is about one datagram.
const SOCKET_BYTES: usize = 1;

/// A peer connection and its socket.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
    direction: Direction,
    is_connected: bool,
    /// The server has asked for a keyframe.
    pub(crate) is_keyframe_wanted: bool,
    deadline: Instant,
    video: Mid,
}

/// What all peers have in common.
#[derive(Debug)]
pub(crate) struct Kit(RtcConfig);

impl Kit {
    pub(crate) fn new() -> Result<Self> {
        let provider = Arc::new(str0m::crypto::from_feature_flags());
        // One certificate serves all: making thousands would only delay the beginning.
        let certificate = provider.dtls_provider.generate_certificate();
        let certificate = certificate.context("no DTLS certificate can be made")?;
        let config = RtcConfig::new()
            .set_crypto_provider(provider)
            .set_dtls_cert(certificate)
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true);
        Ok(Self(config))
    }
}

impl Peer {
    /// Publishes.
    pub(crate) async fn publish(kit: &Kit, media: &Media) -> Result<Self> {
        let (mut peer, offer, pending) = Self::offer(kit, Direction::SendOnly)?;
        let publish = Publish { stage: STAGE, slot: 0, key: KEY, offer };
        peer.accept(pending, &media.publish(publish).await?)?;
        Ok(peer)
    }

    /// Watches.
    pub(crate) async fn watch(kit: &Kit, media: &Media) -> Result<Self> {
        let (mut peer, offer, pending) = Self::offer(kit, Direction::RecvOnly)?;
        let watch = Watch { stage: STAGE, offer, mask: None };
        peer.accept(pending, &media.watch(watch).await?)?;
        Ok(peer)
    }

    fn offer(kit: &Kit, direction: Direction) -> Result<(Self, String, SdpPendingOffer)> {
        let socket = UdpSocket::bind("127.0.0.1:0").context("no UDP socket can be opened")?;
        socket.set_nonblocking(true)?;
        let (local, now) = (socket.local_addr()?, Instant::now());
        let mut rtc = kit.0.clone().build(now);
        rtc.add_local_candidate(Candidate::host(local, "udp")?);
        let mut changes = rtc.sdp_api();
        changes.add_media(MediaKind::Audio, direction, None, None, None);
        let video = changes.add_media(MediaKind::Video, direction, None, None, None);
        let (offer, pending) = changes.apply().context("there is nothing to offer")?;
        let (is_connected, is_keyframe_wanted, deadline) = (false, false, now);
        let peer = Self {
            rtc,
            socket,
            local,
            direction,
            is_connected,
            is_keyframe_wanted,
            deadline,
            video,
        };
        Ok((peer, offer.to_sdp_string(), pending))
    }

    fn accept(&mut self, pending: SdpPendingOffer, answer: &Answer) -> Result<()> {
        let answer = SdpAnswer::from_sdp_string(&answer.sdp)?;
        self.rtc.sdp_api().accept_answer(pending, answer)?;
        self.drain()
    }

    /// Where its datagrams go.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.local
    }

    /// The section of pictures.
    pub(crate) const fn video(&self) -> Mid {
        self.video
    }

    /// Takes in what has come, and does what is due. Viewers throw media away: they neither decrypt nor report.
    pub(crate) fn pump(&mut self) -> Result<()> {
        let mut buffer = [0; DATAGRAM_BYTES_MAX];
        loop {
            let (length, source) = match self.socket.recv_from(&mut buffer) {
                Ok(received) => received,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error).context("a client's socket broke"),
            };
            // RFC 7983, 7: media and its reports.
            let is_media = (128..192).contains(&buffer[0]);
            if is_media && self.direction == Direction::RecvOnly {
                continue;
            }
            let datagram = Receive::new(Protocol::Udp, source, self.local, &buffer[..length])?;
            self.rtc.handle_input(Input::Receive(Instant::now(), datagram))?;
            self.drain()?;
        }
        let now = Instant::now();
        if now >= self.deadline {
            self.rtc.handle_input(Input::Timeout(now))?;
            self.drain()?;
        }
        ensure!(self.rtc.is_alive(), "the driver ended a session");
        Ok(())
    }

    /// Sends what is ready, as after every change of `rtc`.
    pub(crate) fn drain(&mut self) -> Result<()> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(deadline) => {
                    self.deadline = deadline;
                    return Ok(());
                }
                Output::Transmit(out) => {
                    self.socket.send_to(&out.contents, out.destination)?;
                }
                Output::Event(Event::Connected) => self.connected()?,
                Output::Event(Event::KeyframeRequest(_)) => self.is_keyframe_wanted = true,
                Output::Event(_) => {}
            }
        }
    }

    fn connected(&mut self) -> Result<()> {
        self.is_connected = true;
        if self.direction == Direction::RecvOnly {
            set_socket_recv_buffer_size(&self.socket, SOCKET_BYTES)?;
        }
        Ok(())
    }
}

/// Pumps all peers until each is connected.
pub(crate) async fn connect<'a>(peers: impl IntoIterator<Item = &'a mut Peer>) -> Result<()> {
    let mut peers: Vec<_> = peers.into_iter().collect();
    let began = Instant::now();
    while peers.iter().any(|peer| !peer.is_connected) {
        if began.elapsed() > CONNECT_MAX {
            bail!("the driver answered, but did not connect within {CONNECT_MAX:?}");
        }
        for peer in &mut peers {
            peer.pump()?;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}
