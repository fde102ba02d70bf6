//! Many who join at once while others watch: what it does to these, and what it costs the server.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::bare;
use crate::crowd::{Crowd, Mix};
use crate::meter::{Meter, Part, Stretch};
use crate::process::{Cpu, Process};
use crate::progress::Progress;
use crate::report;
use crate::viewer::Ticket;

/// How much of the time before is kept apart, to compare with.
const BEFORE: Duration = Duration::from_secs(1);

/// Those who come at once.
#[derive(Debug)]
pub(crate) struct Burst {
    pub(crate) viewers: u32,
    pub(crate) mix: Mix,
    /// From the window's beginning.
    pub(crate) after: Duration,
    /// What a handshake takes by itself.
    pub(crate) bare: bare::Handshake,
}

impl Burst {
    /// Waits for its moment, and lets them in.
    pub(crate) async fn run(
        self,
        crowd: &mut Crowd,
        meter: &Meter,
        server: Option<Process>,
    ) -> report::Burst {
        let cpu = || (Instant::now(), server.and_then(Process::cpu));
        sleep(self.after.saturating_sub(BEFORE)).await;
        let begun = cpu();
        meter.stretch(Some(Stretch::Before));
        sleep(self.after.min(BEFORE)).await;
        let tickets = self.mix.tickets(0).into_iter();
        let tickets = tickets.map(|ticket| Ticket { part: Part::Late, ..ticket }).collect();
        let before = cpu();
        meter.stretch(Some(Stretch::Burst));
        let admission = crowd.admit(tickets, None, &Progress::joining(self.viewers)).await;
        meter.stretch(None);
        let after = cpu();
        let calm = used(&begun, &before).zip(Some(before.0 - begun.0));
        let busy = used(&before, &after).zip(Some(after.0 - before.0));
        let latencies = meter.latencies();
        report::Burst {
            viewers: self.viewers,
            joined: admission.joined,
            joins_ms: admission.all.summary(),
            all_joined_ms: admission.took.as_secs_f64() * 1e3,
            latency_before_ms: latencies.before.summary(),
            latency_during_ms: latencies.burst.summary(),
            server_cpu_ms_per_join: calm
                .zip(busy)
                .map(|(calm, busy)| per_join_ms(calm, busy, admission.joined)),
            handshake_server_cpu_ms: self.bare.server.as_secs_f64() * 1e3,
            handshake_client_cpu_ms: self.bare.client.as_secs_f64() * 1e3,
            refusals: admission.refusals,
        }
    }
}

fn used(earlier: &(Instant, Option<Cpu>), later: &(Instant, Option<Cpu>)) -> Option<Duration> {
    Some(later.1.as_ref()?.since(earlier.1.as_ref()?))
}

/// What a join cost, when so much of a time was used in a calm stretch and so much in the busy one. What new viewers are
/// sent until the last has joined is in it.
fn per_join_ms(calm: (Duration, Duration), busy: (Duration, Duration), joined: u32) -> f64 {
    let share = calm.0.as_secs_f64() / calm.1.as_secs_f64().max(1e-9);
    let extra = busy.0.as_secs_f64() - share * busy.1.as_secs_f64();
    1e3 * extra / f64::from(joined.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_join_costs_what_is_beyond_the_calm() {
        let ms = Duration::from_millis;
        let cost = per_join_ms((ms(100), ms(1_000)), (ms(90), ms(400)), 50);
        assert!((cost - 1.0).abs() < 1e-9, "{cost}");
    }
}
