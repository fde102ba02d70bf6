//! Somebody who watches, and counts what comes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use str0m::Event;
use str0m::media::Direction;
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;

use crate::http::Endpoint;
use crate::meter::Meter;
use crate::peer::{Kit, Peer};
use crate::stamp::{Stamp, TRACKS};
use crate::tally::{Arrival, Counts, Tally};

/// How long a viewer may take from its offer to sound and picture. A guess: nobody waits longer.
const JOIN_MAX: Duration = Duration::from_secs(15);

/// A viewer that receives.
#[derive(Debug)]
pub(crate) struct Viewer {
    peer: Peer,
    tallies: [Option<Box<Tally>>; TRACKS],
    damaged: u64,
    /// Reused from one batch to the next.
    events: Vec<Event>,
    latencies_us: Vec<u64>,
}

/// How a viewer came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Joined {
    /// Its local UDP port.
    pub(crate) port: u16,
    /// From the offer to the first packet.
    pub(crate) first: Duration,
    /// From the offer to the first packet of the track that came last.
    pub(crate) all: Duration,
}

/// How a viewer's test ended.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) counts: Counts,
    /// Why it ended early, if it did.
    pub(crate) error: Option<anyhow::Error>,
}

impl Viewer {
    /// Joins: connects, and waits until sound and picture of every seat have come.
    pub(crate) async fn join(
        kit: &Arc<Kit>,
        endpoint: &Endpoint,
        seats: u8,
    ) -> Result<(Self, Joined)> {
        let began = Instant::now();
        let url = &endpoint.url;
        let until = (began + JOIN_MAX).into();
        let offered = Peer::offer(kit, endpoint, Direction::RecvOnly, seats);
        let peer = timeout_at(until, offered)
            .await
            .with_context(|| format!("{url} did not answer within {JOIN_MAX:?}"))??;
        let mut viewer = Self {
            peer,
            tallies: [const { None }; TRACKS],
            damaged: 0,
            events: Vec::new(),
            latencies_us: Vec::new(),
        };
        let first = async {
            while viewer.step().await? == 0 {}
            Ok(began.elapsed())
        };
        let first: Result<Duration> = timeout_at(until, first)
            .await
            .with_context(|| format!("{url} answered, but no packet came within {JOIN_MAX:?}"))?;
        let all = async {
            while viewer.tallies.iter().flatten().count() < 2 * usize::from(seats) {
                viewer.step().await?;
            }
            Ok(began.elapsed())
        };
        let all: Result<Duration> = timeout_at(until, all).await.with_context(|| {
            format!(
                "{url} sends some, but not sound and picture of every seat, within {JOIN_MAX:?}"
            )
        })?;
        let joined = Joined { port: viewer.peer.port(), first: first?, all: all? };
        Ok((viewer, joined))
    }

    /// Watches until told to stop.
    pub(crate) async fn watch(mut self, stop: CancellationToken) -> Watched {
        let error = loop {
            tokio::select! {
                () = stop.cancelled() => break None,
                stepped = self.step() => if let Err(error) = stepped {
                    break Some(error);
                },
            }
        };
        let mut counts = Counts { damaged: self.damaged, ..Counts::default() };
        for tally in self.tallies.iter().flatten() {
            counts += tally.counts();
        }
        self.peer.close().await;
        Watched { counts, error }
    }

    /// Waits for what comes next, and answers how many packets there were in it.
    async fn step(&mut self) -> Result<u64> {
        self.peer.step(&mut self.events).await?;
        if !self.peer.rtc.is_alive() {
            bail!("the server closed a viewer's connection");
        }
        let mut packets = 0;
        let meter = &self.peer.kit().meter;
        for event in self.events.drain(..) {
            let Event::RtpPacket(packet) = event else { continue };
            packets += 1;
            let Some(stamp) = Stamp::read(&packet.payload) else {
                // Probes of bandwidth have no payload, or one of zeros.
                let is_padding = packet.payload.iter().all(|byte| *byte == 0);
                self.damaged += u64::from(!is_padding);
                continue;
            };
            let tally = self.tallies[usize::from(stamp.track)].get_or_insert_default();
            let arrival = tally.on_packet(stamp.counter, stamp.is_measured);
            if stamp.is_measured && arrival != Arrival::Duplicate {
                self.latencies_us.push(latency_us(meter, packet.timestamp, stamp));
            }
        }
        if packets > 0 {
            meter.on_receive(packets, &self.latencies_us);
            self.latencies_us.clear();
        }
        Ok(packets)
    }
}

fn latency_us(meter: &Meter, received: Instant, stamp: Stamp) -> u64 {
    meter.us(received).saturating_sub(stamp.sent_us)
}
