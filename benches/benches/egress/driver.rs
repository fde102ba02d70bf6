//! The driver of `salon-rtc` on a thread of its own, with its time and its allocations counted.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;

use anyhow::{Context as _, Result, anyhow};
use benches::cpu::{self, Thread};
use salon_rtc::{Config, Media};

/// A driver at work.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(crate) media: Media,
    thread: Thread,
    allocations: Arc<AtomicU64>,
    work: JoinHandle<io::Result<()>>,
}

/// What a driver has done so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) cpu_ns: u64,
    pub(crate) allocations: u64,
    pub(crate) delivered: u64,
    pub(crate) unsent: u64,
}

impl Driver {
    /// Starts one on these cores, for so many sessions.
    pub(crate) fn start(cores: &[usize], sessions_max: usize) -> Result<Self> {
        let mut config = Config::default();
        config.udp = SocketAddr::from(([127, 0, 0, 1], 0));
        config.sessions_max = sessions_max;
        // What happens to sessions is seen from their other ends.
        let (media, drivers, _) = salon_rtc::bind(config)?;
        let [driver] =
            <[_; 1]>::try_from(drivers).expect("there is one shard unless asked for more");
        let allocations = Arc::new(AtomicU64::new(0));
        let (counter, cores) = (allocations.clone(), cores.to_vec());
        let (sender, threads) = sync_channel(1);
        let work = std::thread::spawn(move || {
            cpu::pin(&cores)?;
            let _ = sender.send(Thread::this());
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(counted(driver.run(), &counter))
        });
        let thread = threads.recv().context("the driver's thread did not start")?;
        Ok(Self { media, thread, allocations, work })
    }

    /// How far it is. Its thread's time is exact while it waits.
    pub(crate) fn look(&self) -> Result<Look> {
        let statistics = self.media.statistics();
        Ok(Look {
            cpu_ns: self.thread.ns()?,
            allocations: self.allocations.load(Ordering::Relaxed),
            delivered: statistics.packets_out,
            unsent: statistics.datagrams_unsent,
        })
    }

    /// How many packets it has written to viewers.
    pub(crate) fn delivered(&self) -> u64 {
        self.media.statistics().packets_out
    }

    /// Ends it.
    pub(crate) fn stop(self) -> Result<()> {
        drop(self.media);
        let ended = self.work.join().map_err(|_| anyhow!("the driver panicked"))?;
        Ok(ended?)
    }
}

/// Adds up what a future allocates on the thread that polls it.
async fn counted<F: Future>(future: F, allocations: &AtomicU64) -> F::Output {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        let mut polled = std::task::Poll::Pending;
        let info = allocation_counter::measure(|| polled = future.as_mut().poll(context));
        allocations.fetch_add(info.count_total, Ordering::Relaxed);
        polled
    })
    .await
}
