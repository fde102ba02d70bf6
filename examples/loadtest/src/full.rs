//! A full viewer: a whole WebRTC peer that decrypts and compares every packet.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, bail};
use str0m::Event;

use crate::door::Door;
use crate::meter::{Arrived, Meter, Part};
use crate::peer::{Kit, Peer};
use crate::stamp::{Stamp, TRACKS};
use crate::tally::{Arrival, Counts, Tally};

/// A full viewer that receives.
#[derive(Debug)]
pub(crate) struct Full {
    peer: Peer,
    part: Part,
    tallies: [Option<Box<Tally>>; TRACKS],
    damaged: u64,
    opened: u64,
    /// Reused from one batch to the next.
    events: Vec<Event>,
    latencies_us: Vec<u64>,
}

impl Full {
    /// Offers, or answers the server's offer. ICE and DTLS follow with [`step`](Self::step).
    pub(crate) async fn connect(
        kit: &Arc<Kit>,
        door: &Door,
        seats: u8,
        part: Part,
    ) -> Result<Self> {
        Ok(Self {
            peer: Peer::watch(kit, door, seats).await?,
            part,
            tallies: [const { None }; TRACKS],
            damaged: 0,
            opened: 0,
            events: Vec::new(),
            latencies_us: Vec::new(),
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.peer.port()
    }

    /// How many tracks have come.
    pub(crate) fn tracks(&self) -> usize {
        self.tallies.iter().flatten().count()
    }

    pub(crate) fn counts(&self) -> Counts {
        let (damaged, opened) = (self.damaged, self.opened);
        let own = Counts { damaged, opened, ..Counts::default() };
        self.tallies.iter().flatten().fold(own, |mut sum, tally| {
            sum += tally.counts();
            sum
        })
    }

    /// Says goodbye.
    pub(crate) async fn close(self) {
        self.peer.close().await;
    }

    /// Waits for what comes next, and answers how many packets there were in it.
    pub(crate) async fn step(&mut self) -> Result<u64> {
        self.peer.step(&mut self.events).await?;
        if !self.peer.rtc.is_alive() {
            bail!("the server closed a viewer's connection");
        }
        let mut arrived = Arrived::default();
        let meter = &self.peer.kit().meter;
        for event in self.events.drain(..) {
            let Event::RtpPacket(packet) = event else { continue };
            arrived.packets += 1;
            let Some(stamp) = Stamp::read(&packet.payload) else {
                // Probes of bandwidth have no payload, or one of zeros.
                let is_padding = packet.payload.iter().all(|byte| *byte == 0);
                self.damaged += u64::from(!is_padding);
                continue;
            };
            self.opened += u64::from(stamp.is_measured);
            let tally = self.tallies[usize::from(stamp.track)].get_or_insert_default();
            let arrival = tally.on_packet(stamp.counter, stamp.is_measured);
            if stamp.is_measured && arrival != Arrival::Duplicate {
                arrived.measured += 1;
                self.latencies_us.push(latency_us(meter, packet.timestamp, stamp));
            }
        }
        if arrived.packets > 0 {
            meter.on_receive(self.part, arrived, &self.latencies_us);
            self.latencies_us.clear();
        }
        Ok(arrived.packets)
    }
}

fn latency_us(meter: &Meter, received: Instant, stamp: Stamp) -> u64 {
    meter.us(received).saturating_sub(stamp.sent_us)
}
