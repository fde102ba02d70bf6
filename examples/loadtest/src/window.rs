//! The time that is measured: what everybody used of the machine.

use std::time::{Duration, Instant};

use tokio::time::{interval, sleep_until, timeout};

use crate::meter::Meter;
use crate::process::{Cpu, Process, Ticks};
use crate::progress::{Progress, REDRAW};
use crate::report::{Machine, Server};
use crate::target::Target;

/// How long what was sent at the end of the window may take to arrive before it counts as lost.
const LATE_MAX: Duration = Duration::from_secs(2);

/// Lets time pass, and shows that it does.
async fn wait(length: Duration, meter: &Meter, began: &Look) {
    let progress = Progress::measuring(length);
    let mut redraw = interval(REDRAW);
    let mut end = std::pin::pin!(sleep_until((began.at + length).into()));
    loop {
        tokio::select! {
            () = &mut end => break,
            _ = redraw.tick() => {
                let passed = began.at.elapsed();
                let rate = (meter.delivered() - began.delivered) as f64 / passed.as_secs_f64();
                progress.set(passed.as_millis() as u64, format!("{rate:.0} packets/s"));
            }
        }
    }
}

/// What was going on at one moment.
#[derive(Clone, Debug)]
struct Look {
    at: Instant,
    delivered: u64,
    server: Option<Cpu>,
    own: Option<Cpu>,
    ticks: Option<Ticks>,
}

impl Look {
    fn now(meter: &Meter, target: &Target) -> Self {
        Self {
            server: target.process.and_then(Process::cpu),
            delivered: meter.delivered(),
            at: Instant::now(),
            own: Process::this().cpu(),
            ticks: Ticks::now(),
        }
    }
}

/// The window that was measured.
#[derive(Debug)]
pub(crate) struct Window {
    began: Look,
    ended: Look,
    pub(crate) length: Duration,
    rss_kb: Option<u64>,
}

impl Window {
    /// Waits, measures, and lets what is under way arrive. The window is as long as asked for, and longer if what goes
    /// on `meanwhile` takes longer.
    pub(crate) async fn measure<T>(
        length: Duration,
        meter: &Meter,
        target: &Target,
        viewers: u32,
        meanwhile: impl Future<Output = T>,
    ) -> (Self, T) {
        let began = Look::now(meter, target);
        meter.measure(true);
        let ((), outcome) = tokio::join!(wait(length, meter, &began), meanwhile);
        meter.measure(false);
        let ended = Look::now(meter, target);
        let rss_kb = target.process.and_then(Process::rss_kb);
        let late = async {
            let mut look = interval(Duration::from_millis(10));
            while meter.received() < meter.sent() * u64::from(viewers) {
                look.tick().await;
            }
        };
        let _lost = timeout(LATE_MAX, late).await;
        (Self { length: ended.at - began.at, began, ended, rss_kb }, outcome)
    }

    pub(crate) fn server(&self, rss_before_kb: Option<u64>, viewers: u32) -> Option<Server> {
        let cpu = self.ended.server.as_ref()?.since(self.began.server.as_ref()?);
        let (rss_before_kb, rss_kb) = (rss_before_kb?, self.rss_kb?);
        let delivered = self.ended.delivered - self.began.delivered;
        Some(Server {
            cpu_us_per_packet: cpu.as_secs_f64() * 1e6 / delivered.max(1) as f64,
            cpu_percent: self.percent(cpu),
            rss_before_kb,
            rss_kb,
            rss_kb_per_viewer: (rss_kb as f64 - rss_before_kb as f64) / f64::from(viewers),
        })
    }

    pub(crate) fn own_cpu_percent(&self) -> Option<f64> {
        let cpu = self.ended.own.as_ref()?.since(self.began.own.as_ref()?);
        Some(self.percent(cpu))
    }

    pub(crate) fn machine(&self) -> Machine {
        let ticks = self.ended.ticks.zip(self.began.ticks);
        let idle_percent = ticks.and_then(|(ended, began)| ended.idle_percent_since(began));
        let cores = self.ended.ticks.map(Ticks::cores);
        let known =
            self.server_cpu_percent().unwrap_or(0.0) + self.own_cpu_percent().unwrap_or(0.0);
        let others_percent = cores
            .zip(idle_percent)
            .map(|(cores, idle_percent)| (cores as f64 * (100.0 - idle_percent) - known).max(0.0));
        Machine { cores, load_before: None, idle_percent, others_percent }
    }

    fn server_cpu_percent(&self) -> Option<f64> {
        let cpu = self.ended.server.as_ref()?.since(self.began.server.as_ref()?);
        Some(self.percent(cpu))
    }

    fn percent(&self, cpu: Duration) -> f64 {
        100.0 * cpu.as_secs_f64() / self.length.as_secs_f64()
    }
}
