//! A light viewer: real ICE and DTLS, but of what comes it reads the headers, and opens and compares as much as it is told to.
//!
//! * [`sdp`] and [`handshake`]: how it connects; [`socket`]: how it reads.
//! * [`rtp`] and [`source`]: headers and reports; [`srtp`]: what they are protected by.
//! * [`stream`]: the account of one stream.

mod handshake;
mod rtp;
mod sdp;
mod socket;
mod source;
mod srtp;
mod stream;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use is::Candidate;
use tokio::time::Sleep;

use crate::arguments::Verify;
use crate::door::{Door, Invitation, Session};
use crate::meter::{Arrived, Part, Phase};
use crate::peer::Kit;
use crate::tally::{Arrival, Counts};

pub(crate) use handshake::Factory;
pub(crate) use socket::Offload;

use handshake::{Handshake, Offerer};
use rtp::Header;
use sdp::{Local, Remote};
use socket::Socket;
use source::REPORT_INTERVAL;
use srtp::{Opener, Sealer};
use stream::{Outcome, Stream};

/// More than eight streams are no live; of others nothing is kept.
const STREAMS_MAX: usize = 16;

/// A light viewer that receives.
#[derive(Debug)]
pub(crate) struct Light {
    kit: Arc<Kit>,
    part: Part,
    socket: Socket,
    session: Session,
    local: SocketAddr,
    handshake: Handshake,
    keys: Option<(Opener, Sealer)>,
    clocks: BTreeMap<u8, u32>,
    // Invariant: at most STREAMS_MAX, each SSRC once.
    streams: Vec<Stream>,
    /// Who it is in its own reports.
    ssrc: u32,
    report_at: Instant,
    sleep: Pin<Box<Sleep>>,
    /// Reused from one batch to the next.
    latencies_us: Vec<u64>,
}

impl Light {
    /// Offers, or answers the server's offer. ICE and DTLS follow with [`step`](Self::step).
    pub(crate) async fn connect(
        kit: &Arc<Kit>,
        door: &Door,
        seats: u8,
        part: Part,
    ) -> Result<Self> {
        let (socket, local) = Socket::open(door.local_ip()?, kit.light.offload).await?;
        let candidate = Candidate::host(local, "udp")?;
        let ice = kit.light.factory.ice(&candidate);
        let credentials = ice.local_credentials().clone();
        let ours = Local {
            credentials: &credentials,
            candidate: &candidate,
            fingerprint: &kit.light.factory.fingerprint,
        };
        let (sdp, session, offerer) = match door.watch().await? {
            Invitation::Offer => {
                let offer = sdp::offer(&ours, kit.light.codec, seats);
                let (answer, session) = door.offer(&kit.http, offer).await?;
                (answer, session, Offerer::Us)
            }
            Invitation::Answer(offered) => {
                let (sdp, answer) = (offered.sdp.clone(), sdp::answer(&ours, &offered.sdp));
                (sdp, Session::Janus(offered.answer(answer).await?), Offerer::Server)
            }
        };
        let remote = Remote::parse(&sdp)
            .with_context(|| format!("{} sent a description of no use", door.url()))?;
        let handshake = Handshake::new(&kit.light.factory, ice, local, &remote, offerer);
        let now = Instant::now();
        let mut light = Self {
            kit: kit.clone(),
            part,
            socket,
            session,
            local,
            handshake,
            keys: None,
            clocks: remote.clocks,
            streams: Vec::new(),
            ssrc: getrandom::u32().context("the system has no random numbers")?,
            report_at: now + REPORT_INTERVAL,
            sleep: Box::pin(tokio::time::sleep_until(now.into())),
            latencies_us: Vec::new(),
        };
        light.drain(now)?;
        Ok(light)
    }

    /// Waits for what comes next, and answers how many packets of media there were in it.
    pub(crate) async fn step(&mut self) -> Result<u64> {
        tokio::select! {
            () = self.sleep.as_mut() => {
                self.on_deadline(Instant::now())?;
                Ok(0)
            }
            ready = self.socket.readable() => {
                ready?;
                self.receive()
            }
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.local.port()
    }

    /// How many tracks have come.
    pub(crate) fn tracks(&self) -> usize {
        self.streams.iter().filter(|stream| stream.track.is_some()).count()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.streams.iter().fold(Counts::default(), |mut sum, stream| {
            sum += stream.counts();
            sum
        })
    }

    /// Says goodbye, on both ways there are.
    pub(crate) async fn close(mut self) {
        let socket = &self.socket;
        self.handshake.close(Instant::now(), |to, bytes| {
            let _unsent = socket.send(to, bytes);
        });
        self.session.close(&self.kit.http).await;
    }

    fn on_deadline(&mut self, now: Instant) -> Result<()> {
        if now >= self.report_at {
            self.report_at = now + REPORT_INTERVAL;
            self.report(now);
        }
        self.handshake.on_deadline(now)?;
        self.drain(now)
    }

    fn drain(&mut self, now: Instant) -> Result<()> {
        let (socket, meter) = (&self.socket, &self.kit.meter);
        let keys = self.handshake.drain(now, |destination, bytes| {
            // An address that cannot be reached is one candidate of several.
            if !socket.send(destination, bytes) {
                meter.on_unsent();
            }
        })?;
        if keys.is_some() {
            self.keys = keys;
        }
        let deadline = self.handshake.deadline.min(self.report_at).into();
        if self.sleep.deadline() != deadline {
            self.sleep.as_mut().reset(deadline);
        }
        Ok(())
    }

    fn report(&mut self, now: Instant) {
        let Some(((_, sealer), destination)) = self.keys.as_mut().zip(self.handshake.destination)
        else {
            return;
        };
        let blocks: Vec<_> =
            self.streams.iter_mut().map(|stream| stream.source.report(now)).collect();
        let mut packet = rtp::receiver_report(self.ssrc, "loadtest", &blocks);
        if sealer.seal_report(&mut packet).is_ok() && !self.socket.send(destination, &packet) {
            self.kit.meter.on_unsent();
        }
    }

    fn receive(&mut self) -> Result<u64> {
        let (mut arrived, mut handshake) = (Arrived::default(), Ok(None));
        let Self { kit, socket, keys, clocks, streams, latencies_us, handshake: shake, .. } = self;
        let meter = &kit.meter;
        let mut phase = None;
        socket.receive(|now, source, packet| match packet.first() {
            Some(128..=191) => {
                let Some((opener, _)) = keys else { return };
                if rtp::is_report(packet) {
                    read_report(opener, streams, now, packet);
                    return;
                }
                // Asked once a batch, after its packets had come.
                let phase = *phase.get_or_insert_with(|| meter.phase());
                let found =
                    on_media(opener, clocks, streams, (kit.light.verify, phase), now, packet);
                let (outcome, arrival) = found.unwrap_or((Outcome::Nothing, Arrival::New));
                arrived.packets += u64::from(outcome != Outcome::Nothing);
                let is_new = arrival != Arrival::Duplicate;
                match outcome {
                    Outcome::Stamped { sent_us } => {
                        arrived.measured += 1;
                        latencies_us.push(meter.us(now).saturating_sub(sent_us));
                    }
                    Outcome::Counted { is_measured: true } => arrived.measured += u64::from(is_new),
                    Outcome::Counted { is_measured: false } | Outcome::Nothing => {}
                }
            }
            Some(0..=3) => {
                shake.receive_stun(now, source, packet);
                handshake = std::mem::replace(&mut handshake, Ok(None)).map(|_| Some(now));
            }
            Some(20..=63) => {
                let received = shake.receive_dtls(now, packet).map(|()| Some(now));
                handshake = std::mem::replace(&mut handshake, Ok(None)).and(received);
            }
            // What is not WebRTC is none of our business.
            _ => {}
        })?;
        if arrived.packets > 0 {
            meter.on_receive(self.part, arrived, latencies_us);
            latencies_us.clear();
        }
        if let Some(now) = handshake? {
            self.drain(now)?;
        }
        Ok(arrived.packets)
    }
}

/// A packet of media came. `None` if it is of a stream that is not watched, as repairs are.
fn on_media(
    opener: &Opener,
    clocks: &BTreeMap<u8, u32>,
    streams: &mut Vec<Stream>,
    how: (Verify, Phase),
    now: Instant,
    packet: &mut [u8],
) -> Option<(Outcome, Arrival)> {
    let header = Header::parse(packet)?;
    let clock_hz = *clocks.get(&header.pt)?;
    let known = streams.iter_mut().position(|stream| stream.source.ssrc == header.ssrc);
    let (at, number) = match known {
        Some(at) => (at, streams[at].source.on_packet(now, header.sequence, header.timestamp)),
        None if streams.len() == STREAMS_MAX => return None,
        None => {
            let (stream, number) = stream::first(now, header, clock_hz);
            streams.push(stream);
            (streams.len() - 1, number)
        }
    };
    Some(streams[at].on_packet(opener, how, (header, number), packet))
}

/// The server's own reports are echoed in ours.
fn read_report(opener: &Opener, streams: &mut [Stream], now: Instant, packet: &mut [u8]) {
    let Some(compound) = opener.open_report(packet) else { return };
    for (ssrc, ntp) in rtp::sender_reports(compound) {
        if let Some(stream) = streams.iter_mut().find(|stream| stream.source.ssrc == ssrc) {
            stream.source.on_sender_report(now, ntp);
        }
    }
}

/// What all light viewers have in common.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) factory: Factory,
    pub(crate) codec: crate::arguments::Codec,
    pub(crate) verify: Verify,
    pub(crate) offload: Offload,
}
