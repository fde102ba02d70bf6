//! One size of the bench: a driver, its publisher and its viewers, and the floor beside it.

use std::time::Duration;

use anyhow::{Result, ensure};
use benches::cpu::{self, Cores};
use salon_core::{Fence, GrantKey, StintId};
use salon_rtc::StageId;

use crate::driver::Driver;
use crate::floor::Floor;
use crate::peer::{Kit, Peer, connect};
use crate::publisher::Publisher;

pub(crate) const STAGE: StageId = StageId(1);
pub(crate) const KEY: GrantKey = GrantKey { fence: Fence(1), stint: StintId(1) };
pub(crate) const PAYLOAD_BYTES: usize = 1_200;

/// How many viewers shake hands at once. A guess: more only wait for each other.
const CONNECTING_MAX: usize = 32;
/// Pictures that may be late before the first one reaches everybody. A guess.
const FIRST_PICTURES_MAX: usize = 20;
/// How long the driver may take to answer them all. A guess.
const ANSWER: Duration = Duration::from_millis(20);
/// Files beside the viewers' sockets. A guess.
const FILES_BESIDE: u64 = 64;

/// Everything for one number of viewers.
pub(crate) struct Rig {
    cores: Cores,
    driver: Driver,
    publisher: Publisher,
    viewers: Vec<Peer>,
    floor: Floor,
}

/// What a window of the driver was like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Time of the driver's thread for each packet delivered.
    pub(crate) ns: f64,
    pub(crate) allocations: f64,
    /// Packets that were not delivered, or that the kernel did not take.
    pub(crate) missing: u64,
}

impl Rig {
    /// Connects so many viewers, and waits until pictures reach them all.
    pub(crate) async fn connect(cores: &Cores, viewers: u64) -> Result<Self> {
        cpu::allow_files(viewers + FILES_BESIDE)?;
        let driver = Driver::start(&cores.server, viewers as usize + 1)?;
        let kit = Kit::new()?;
        let mut publisher = Peer::publish(&kit, &driver.media).await?;
        connect([&mut publisher]).await?;
        let mut peers = Vec::new();
        while peers.len() < viewers as usize {
            for _ in 0..CONNECTING_MAX.min(viewers as usize - peers.len()) {
                peers.push(Peer::watch(&kit, &driver.media).await?);
            }
            connect(peers.iter_mut().chain([&mut publisher])).await?;
        }
        let floor = Floor::new(peers.iter().map(Peer::address))?;
        let publisher = Publisher::new(publisher)?;
        let mut rig = Self { cores: cores.clone(), driver, publisher, viewers: peers, floor };
        let mut pictures = 0;
        while !rig.publisher.deliver(&rig.driver, viewers, 1)? {
            pictures += 1;
            ensure!(pictures < FIRST_PICTURES_MAX, "pictures do not reach all {viewers} viewers");
        }
        Ok(rig)
    }

    /// Measures the driver over so many pictures of `k` packets.
    pub(crate) fn measure_driver(&mut self, k: usize, batches: u64) -> Result<Window> {
        self.tend()?;
        let viewers = self.viewers.len() as u64;
        let before = self.driver.look()?;
        for _ in 0..batches {
            self.publisher.deliver(&self.driver, viewers, k)?;
        }
        let after = self.driver.look()?;
        let delivered = after.delivered - before.delivered;
        let each = |total: u64| total as f64 / delivered.max(1) as f64;
        let unsent = after.unsent - before.unsent;
        Ok(Window {
            ns: each(after.cpu_ns - before.cpu_ns),
            allocations: each(after.allocations - before.allocations),
            missing: (batches * k as u64 * viewers).saturating_sub(delivered) + unsent,
        })
    }

    /// Measures the floor over as much: nanoseconds for each packet.
    pub(crate) fn measure_floor(&mut self, k: usize, batches: u64) -> Result<f64> {
        self.floor.check_runs(k)?;
        let ns = self.floor.run(&self.cores.server, k, batches)?;
        Ok(ns as f64 / (batches * k as u64 * self.viewers.len() as u64) as f64)
    }

    /// Ends it.
    pub(crate) fn stop(self) -> Result<()> {
        self.driver.stop()
    }

    /// Empties the viewers' sockets and lets them show that they are there: a session that is silent for long ends.
    fn tend(&mut self) -> Result<()> {
        // Twice: what they ask the first time is answered by the second.
        for _ in 0..2 {
            self.viewers.iter_mut().try_for_each(Peer::pump)?;
            self.publisher.peer.pump()?;
            std::thread::sleep(ANSWER);
        }
        Ok(())
    }
}
