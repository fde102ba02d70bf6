//! What operators watch: counters without locks, written out as Prometheus text.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters of one service.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Commands that a room accepted.
    pub(crate) commands_accepted: Counter,
    /// Commands that a room refused.
    pub(crate) commands_rejected: Counter,
    /// Frames that could not be decoded.
    pub(crate) frames_malformed: Counter,
    /// Frames over a session's rate.
    pub(crate) frames_over_rate: Counter,
    /// Requests with a token that proves nothing.
    pub(crate) tokens_refused: Counter,
    /// WebSocket sessions opened.
    pub(crate) sessions_opened: Counter,
    /// Sessions closed because they read too slowly.
    pub(crate) sessions_slow: Counter,
    /// Events encoded, each once.
    pub(crate) events_encoded: Counter,
    /// Webhooks whose signature did not hold.
    pub(crate) webhooks_refused: Counter,
    /// Offers that media refused.
    pub(crate) offers_refused: Counter,
}

/// One line of the exposition.
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) kind: Kind,
    pub(crate) value: i128,
}

/// How a sample behaves over time.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Counter,
    Gauge,
}

impl Metrics {
    /// The service's own counters.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let counter = |name, help, counter: &Counter| Sample {
            name,
            help,
            kind: Kind::Counter,
            value: counter.value().into(),
        };
        vec![
            counter("salon_commands_accepted_total", "Commands accepted.", &self.commands_accepted),
            counter("salon_commands_rejected_total", "Commands refused.", &self.commands_rejected),
            counter("salon_frames_malformed_total", "Malformed frames.", &self.frames_malformed),
            counter("salon_frames_over_rate_total", "Frames over rate.", &self.frames_over_rate),
            counter("salon_tokens_refused_total", "Tokens refused.", &self.tokens_refused),
            counter("salon_sessions_opened_total", "Sessions opened.", &self.sessions_opened),
            counter("salon_sessions_slow_total", "Slow sessions closed.", &self.sessions_slow),
            counter("salon_events_encoded_total", "Events encoded.", &self.events_encoded),
            counter("salon_webhooks_refused_total", "Webhooks refused.", &self.webhooks_refused),
            counter("salon_offers_refused_total", "Media offers refused.", &self.offers_refused),
        ]
    }
}

/// Prometheus' text format, version 0.0.4.
pub(crate) fn exposition(samples: &[Sample]) -> String {
    let mut text = String::new();
    for Sample { name, help, kind, value } in samples {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}")
            .expect("writing to a string cannot fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_written_as_prometheus_text() {
        let metrics = Metrics::default();
        metrics.tokens_refused.add_one();
        let text = exposition(&metrics.samples());
        assert!(text.contains("# TYPE salon_tokens_refused_total counter\n"), "{text}");
        assert!(text.contains("\nsalon_tokens_refused_total 1\n"), "{text}");
    }
}
