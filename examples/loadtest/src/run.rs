//! The test, from its beginning to its result.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::arguments::{Arguments, Feedback, Kinds};
use crate::bare;
use crate::burst::Burst;
use crate::crowd::{Crowd, GOODBYE_MAX, Mix, add_reason};
use crate::peer::Kit;
use crate::process::{self, Process};
use crate::progress::Progress;
use crate::publisher::Publisher;
use crate::report::{Joins, Load, Packets, Report, ThisProgram};
use crate::tally::Counts;
use crate::target::{Own, Target};
use crate::window::Window;

/// Below this share of idle time, the machine itself limits the result. A guess.
const IDLE_PERCENT_MIN: f64 = 5.0;
/// Above this share of a core, other programs disturb the result. A guess.
const OTHERS_PERCENT_MAX: f64 = 20.0;
/// Below this share of the frames that should have been sent, the load was not the one asked for.
const SENT_SHARE_MIN: f64 = 0.98;

/// Carries the test out.
///
/// # Errors
/// There is no result: no server, no publisher, no viewer.
pub(crate) fn run(arguments: &Arguments) -> Result<Report> {
    arguments.check()?;
    let viewers = arguments.viewers + arguments.watching.burst.unwrap_or(0);
    process::allow_files(viewers)?;
    let load_before = process::load();
    let own = Own::start(arguments)?;
    // The one for all TLS there is; a second call would find it in place.
    let _ours = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let threads = std::thread::available_parallelism()?.get();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(arguments.threads.map_or(threads, usize::from))
        .enable_all()
        .build()?;
    let report = runtime.block_on(async {
        tokio::select! {
            report = test(arguments, &own) => report,
            _ = tokio::signal::ctrl_c() => Err(anyhow!("interrupted")),
        }
    });
    // Requests that still wait for an answer are not waited for.
    runtime.shutdown_background();
    let mut report = report?;
    report.machine.load_before = load_before;
    Ok(report)
}

async fn test(arguments: &Arguments, own: &Own) -> Result<Report> {
    let burst = arguments.watching.burst.map(|viewers| burst(arguments, viewers)).transpose()?;
    let kit = Arc::new(Kit::new(&arguments.media, &arguments.watching)?);
    // People leave last: with its host a room ends, and everything in it.
    let (stop, leave) = (CancellationToken::new(), CancellationToken::new());
    let target = Target::open(arguments, own, &kit.http, &leave).await?;
    let mut publishers = Vec::new();
    for (seat, door) in (0_u8..).zip(&target.seats) {
        let publisher = Publisher::connect(&kit, door, &arguments.media, seat).await;
        publishers.push(publisher.context("cannot publish")?.start(stop.clone()));
    }
    let rss_before_kb = target.process.and_then(Process::rss_kb);
    let mix = Mix::of(arguments.kinds(), arguments.viewers);
    let mut crowd = Crowd::new(arguments, &kit, &target.watch);
    let (tickets, pace) = (mix.tickets(arguments.watching.dead), arguments.join_rate.interval());
    let progress = Progress::joining(arguments.viewers);
    let admission = crowd.admit(tickets, Some(pace), &progress).await;
    drop(progress);
    if admission.steady == 0 {
        bail!("no viewer could join: {}", admission.refusals.join("; "));
    }
    crowd.signals.die.cancel();
    let (meter, server) = (&kit.meter, target.process);
    let meanwhile = async {
        match burst {
            Some(burst) => Some(burst.run(&mut crowd, meter, server).await),
            None => None,
        }
    };
    let window =
        Window::measure(arguments.duration, meter, &target, admission.steady, meanwhile).await;
    let (window, burst) = window;
    let late = burst.as_ref().map_or(0, |burst| burst.joined);
    let dropped = process::dropped(&crowd.ports);

    stop.cancel();
    let (counts, mut errors) = crowd.leave().await;
    errors.extend(goodbyes(publishers, leave, target.people).await?);
    let mut report = Report {
        load: load(arguments, mix, &target.name, window.length),
        packets: packets(meter.sent(), admission.steady, counts),
        latency_ms: meter.latencies().window.summary(),
        server: window.server(rss_before_kb, admission.joined + late),
        burst,
        this_program: ThisProgram {
            cpu_percent: window.own_cpu_percent(),
            dropped,
            unsent: meter.unsent(),
        },
        machine: window.machine(),
        notes: Vec::new(),
        failures: Vec::new(),
        joins: Joins {
            joined: admission.joined,
            first_packet_ms: admission.first.summary(),
            every_track_ms: admission.all.summary(),
            refusals: admission.refusals,
        },
    };
    judge(&mut report, arguments, &errors);
    Ok(report)
}

/// Publishers and people leave; a server that is late with its answers is not waited for. Answers what went wrong before.
async fn goodbyes(
    publishers: Vec<JoinHandle<Result<()>>>,
    leave: CancellationToken,
    people: Vec<JoinHandle<()>>,
) -> Result<Vec<String>> {
    let mut errors = Vec::new();
    for publisher in publishers {
        let ended = timeout(GOODBYE_MAX, publisher).await.unwrap_or(Ok(Ok(())));
        if let Err(error) = ended? {
            add_reason(&mut errors, &error);
        }
    }
    leave.cancel();
    for person in people {
        let _gone = timeout(GOODBYE_MAX, person).await;
    }
    Ok(errors)
}

/// Those who join in the middle of the window.
fn burst(arguments: &Arguments, viewers: u32) -> Result<Burst> {
    let kinds = match arguments.kinds() {
        // They are light if the others are.
        Kinds::Auto if Mix::of(Kinds::Auto, arguments.viewers).light > 0 => Kinds::Light,
        Kinds::Auto => Kinds::Full,
        kinds => kinds,
    };
    let (mix, after) = (Mix::of(kinds, viewers), arguments.duration / 2);
    Ok(Burst { viewers, mix, after, bare: bare::Handshake::measure()? })
}

fn load(arguments: &Arguments, mix: Mix, server: &str, length: Duration) -> Load {
    let media = &arguments.media;
    let feedback = match media.feedback {
        Feedback::Rr => "receiver reports",
        Feedback::Twcc => "receiver reports, transport-wide feedback offered",
    };
    Load {
        server: server.to_owned(),
        viewers: arguments.viewers,
        viewers_full: mix.full,
        viewers_light: mix.light,
        viewers_dead: arguments.watching.dead,
        verify: format!("{:?}", arguments.watching.verify).to_lowercase(),
        gro: arguments.watching.gro,
        seats: media.seats,
        codec: format!("{:?}", media.codec).to_uppercase(),
        feedback: feedback.to_owned(),
        fps: media.fps,
        packets_per_frame: media.packets_per_frame,
        packet_bytes: media.packet_bytes,
        window_s: length.as_secs_f64(),
    }
}

fn packets(sent: u64, viewers: u32, counts: Counts) -> Packets {
    let expected = sent * u64::from(viewers);
    let Counts { received, duplicates, reordered, damaged, opened } = counts;
    let lost = expected.saturating_sub(received);
    let lost_percent = 100.0 * lost as f64 / expected.max(1) as f64;
    Packets { sent, expected, received, opened, lost, lost_percent, duplicates, reordered, damaged }
}

/// Says whether the test passed, and what to keep in mind if it did.
fn judge(report: &mut Report, arguments: &Arguments, errors: &[String]) {
    let Report { load, packets, joins, .. } = &*report;
    let (mut failures, mut notes) = (Vec::new(), Vec::new());
    if joins.joined < load.viewers {
        failures.push(format!("{} viewers could not join", load.viewers - joins.joined));
    }
    if let Some(burst) = &report.burst
        && burst.joined < burst.viewers
    {
        failures
            .push(format!("{} viewers of the burst could not join", burst.viewers - burst.joined));
    }
    if packets.lost_percent > arguments.loss_max.0 {
        let (lost, max) = (packets.lost_percent, arguments.loss_max.0);
        failures.push(format!("{lost:.3} % of the packets were lost, more than {max} %"));
    }
    if packets.damaged > 0 {
        failures.push(format!("{} packets were not as they had been sent", packets.damaged));
    }
    if !errors.is_empty() {
        failures.push(format!("connections were cut off: {}", errors.join("; ")));
    }
    let video = load.fps * load.packets_per_frame;
    let planned = f64::from(u32::from(load.seats) * (video + 50)) * load.window_s;
    let share = packets.sent as f64 / planned;
    if share < SENT_SHARE_MIN {
        let percent = 100.0 * share;
        notes.push(format!(
            "this program was too busy: it sent {percent:.0} % of what it should have"
        ));
    }
    if let Some(dropped @ 1..) = report.this_program.dropped {
        notes.push(format!("{dropped} datagrams reached this program and found its sockets full"));
    }
    // A server whose process is not known is one of the others.
    let others = report.server.and(report.machine.others_percent).unwrap_or_default();
    if let Some(idle) = report.machine.idle_percent.filter(|idle| *idle < IDLE_PERCENT_MIN) {
        notes.push(format!("the machine was only {idle:.0} % idle: it limits the result"));
    }
    if others > OTHERS_PERCENT_MAX {
        notes.push(format!(
            "other programs took {others:.0} % of a core: measure again without them"
        ));
    }
    (report.failures, report.notes) = (failures, notes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_what_did_not_come() {
        let counts = Counts { received: 1_990, duplicates: 3, ..Counts::default() };
        let packets = packets(200, 10, counts);
        assert_eq!((packets.expected, packets.lost, packets.duplicates), (2_000, 10, 3));
        assert!((packets.lost_percent - 0.5).abs() < 1e-9);
    }
}
