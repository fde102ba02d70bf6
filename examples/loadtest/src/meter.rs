//! What publishers and viewers count together.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;

/// The longest time that is told apart from a longer one.
const TIME_US_MAX: u64 = 60_000_000;

/// Counters shared by every task. All are only sums: no order between them is needed.
#[derive(Debug)]
pub(crate) struct Meter {
    began: Instant,
    is_measuring: AtomicBool,
    sent: AtomicU64,
    received: AtomicU64,
    delivered: AtomicU64,
    unsent: AtomicU64,
    latencies: Mutex<Latencies>,
}

/// Which part in the test a viewer has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    /// It watches from the beginning to the end, and what it gets is counted.
    Steady,
    /// It joins in the window: what it gets is part of the server's work only.
    Late,
    /// It stops reading when the window begins, and is not counted.
    Dead,
}

/// Whether what is sent now is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    Measuring,
    Idle,
}

/// A stretch of the window whose latencies are also kept apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stretch {
    /// Right before a burst.
    Before,
    /// From its beginning until the last has joined.
    Burst,
}

/// Packets that a viewer received together.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Arrived {
    pub(crate) packets: u64,
    /// Different ones that were sent to be measured.
    pub(crate) measured: u64,
}

/// How long measured packets took.
#[derive(Debug)]
pub(crate) struct Latencies {
    pub(crate) window: Times,
    pub(crate) before: Times,
    pub(crate) burst: Times,
    stretch: Option<Stretch>,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            is_measuring: AtomicBool::new(false),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            unsent: AtomicU64::new(0),
            latencies: Mutex::new(Latencies {
                window: Times::new(),
                before: Times::new(),
                burst: Times::new(),
                stretch: None,
            }),
        }
    }

    /// A moment, as stamps tell it.
    pub(crate) fn us(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.began).as_micros() as u64
    }

    /// From now on, what is sent is measured, or is not.
    pub(crate) fn measure(&self, is_measuring: bool) {
        self.is_measuring.store(is_measuring, Ordering::Relaxed);
    }

    /// Publishers ask for each packet: is it measured? If so, it counts as sent.
    pub(crate) fn on_send(&self) -> bool {
        let is_measuring = self.is_measuring.load(Ordering::Relaxed);
        self.sent.fetch_add(u64::from(is_measuring), Ordering::Relaxed);
        is_measuring
    }

    /// A datagram did not fit the system's own queue.
    pub(crate) fn on_unsent(&self) {
        self.unsent.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether what is sent now is measured.
    pub(crate) fn phase(&self) -> Phase {
        match self.is_measuring.load(Ordering::Relaxed) {
            true => Phase::Measuring,
            false => Phase::Idle,
        }
    }

    /// From now on, latencies belong to a stretch too, or to none.
    pub(crate) fn stretch(&self, stretch: Option<Stretch>) {
        self.latencies().stretch = stretch;
    }

    /// A viewer received some packets, and so long took those of which it is known.
    pub(crate) fn on_receive(&self, part: Part, arrived: Arrived, latencies_us: &[u64]) {
        self.delivered.fetch_add(arrived.packets, Ordering::Relaxed);
        if part != Part::Steady {
            return;
        }
        self.received.fetch_add(arrived.measured, Ordering::Relaxed);
        if latencies_us.is_empty() {
            return;
        }
        let latencies = &mut *self.latencies();
        let stretch = match latencies.stretch {
            None => None,
            Some(Stretch::Before) => Some(&mut latencies.before),
            Some(Stretch::Burst) => Some(&mut latencies.burst),
        };
        for times in [Some(&mut latencies.window), stretch].into_iter().flatten() {
            latencies_us.iter().for_each(|us| times.add_us(*us));
        }
    }

    /// Packets sent to be measured.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Packets measured at all viewers.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Packets at all viewers, measured or not.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    pub(crate) fn unsent(&self) -> u64 {
        self.unsent.load(Ordering::Relaxed)
    }

    /// How long measured packets took.
    pub(crate) fn latencies(&self) -> MutexGuard<'_, Latencies> {
        // A panic while the lock was held cannot leave a histogram half written.
        self.latencies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A distribution of times, each kept to three digits.
#[derive(Debug)]
pub(crate) struct Times(Histogram<u64>);

impl Times {
    pub(crate) fn new() -> Self {
        Self(Histogram::new_with_bounds(1, TIME_US_MAX, 3).expect("the bounds are in order"))
    }

    pub(crate) fn add_us(&mut self, us: u64) {
        self.0.saturating_record(us);
    }

    pub(crate) fn add(&mut self, time: Duration) {
        self.add_us(time.as_micros() as u64);
    }

    pub(crate) fn summary(&self) -> Option<Summary> {
        let ms = |us: u64| us as f64 / 1_000.0;
        (!self.0.is_empty()).then(|| Summary {
            p50: ms(self.0.value_at_quantile(0.5)),
            p90: ms(self.0.value_at_quantile(0.9)),
            p99: ms(self.0.value_at_quantile(0.99)),
            max: ms(self.0.max()),
        })
    }
}

/// A distribution in four numbers, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_sorted_list() {
        let mut times = Times::new();
        assert_eq!(times.summary(), None);
        for us in (1..=10_000).rev() {
            times.add_us(us);
        }
        let summary = times.summary().unwrap();
        for (value, exact) in
            [(summary.p50, 5.0), (summary.p90, 9.0), (summary.p99, 9.9), (summary.max, 10.0)]
        {
            assert!((value / exact - 1.0).abs() < 0.001, "{value} is not {exact}");
        }
    }

    #[test]
    fn a_time_beyond_the_longest_counts_as_the_longest() {
        let mut times = Times::new();
        times.add(Duration::from_secs(3_600));
        times.add_us(0);
        let summary = times.summary().unwrap();
        assert!((summary.max / 60_000.0 - 1.0).abs() < 0.001, "{summary:?}");
    }

    #[test]
    fn only_what_is_sent_while_measuring_counts() {
        let meter = Meter::new();
        assert!(!meter.on_send());
        meter.measure(true);
        assert!(meter.on_send() && meter.on_send());
        meter.measure(false);
        assert!(!meter.on_send());
        assert_eq!(meter.phase(), Phase::Idle);
        meter.on_receive(Part::Steady, Arrived { packets: 5, measured: 2 }, &[10, 20]);
        meter.on_receive(Part::Steady, Arrived { packets: 1, measured: 0 }, &[]);
        assert_eq!((meter.sent(), meter.received(), meter.delivered()), (2, 2, 6));
    }

    #[test]
    fn latencies_of_a_stretch_are_those_of_the_steady_in_it() {
        let meter = Meter::new();
        let one = Arrived { packets: 1, measured: 1 };
        for (stretch, us) in
            [(None, 1_000), (Some(Stretch::Before), 2_000), (Some(Stretch::Burst), 3_000)]
        {
            meter.stretch(stretch);
            meter.on_receive(Part::Steady, one, &[us]);
            for other in [Part::Late, Part::Dead] {
                meter.on_receive(other, one, &[50_000]);
            }
        }
        let latencies = meter.latencies();
        let max = |times: &Times| times.summary().unwrap().max.round();
        let found = [&latencies.window, &latencies.before, &latencies.burst].map(max);
        assert_eq!(found, [3.0, 2.0, 3.0]);
        assert_eq!((meter.received(), meter.delivered()), (3, 9));
    }
}
