//! Everybody joins at once: how many handshakes a Salon does a second, how long viewers wait, and what each costs.
//!
//! A server on the first core, the load generator (`examples/loadtest`) on the others; viewers come as fast as it lets
//! them. Pictures are small, so that little but joining costs anything. CPU is that of the server from before the room
//! is made until the last viewer has left, less the window that is measured when all are there, for each viewer: joining,
//! leaving, and what they were sent meanwhile.
//!
//! `cargo bench -p benches --bench joins`

use std::time::Duration;

use anyhow::{Context as _, Result};
use benches::arguments::Common;
use benches::cpu::{Cores, process_ns};
use benches::loadtest::{Flags, Load, Outcome, Percentiles, Picture, Target};
use benches::plot::{Figure, Line, Panel, Scale};
use benches::programs::{Programs, Server};
use benches::progress::Progress;
use benches::report::{Report, Row};
use benches::spread::{Spread, spread_cell};
use clap::Parser;
use serde::Serialize;

/// The most that the load generator can be asked for.
const JOINS_PER_SECOND: u32 = 10_000;

/// Everybody joins at once.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many join
    #[arg(long, value_delimiter = ',', value_name = "NUMBERS")]
    viewers: Vec<u32>,

    /// How often each number is measured
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: Option<u32>,

    #[command(flatten)]
    flags: Flags,

    #[command(flatten)]
    common: Common,
}

/// What one run found.
#[derive(Clone, Copy, Debug)]
struct Run {
    per_second: f64,
    first_packet: Percentiles,
    first_picture: Percentiles,
    cpu_ms: f64,
}

#[derive(Debug, Serialize)]
struct Measured {
    viewers: u32,
    joins_per_second: Option<Spread>,
    first_packet_p50_ms: Option<Spread>,
    first_packet_p99_ms: Option<Spread>,
    first_picture_p50_ms: Option<Spread>,
    first_picture_p99_ms: Option<Spread>,
    cpu_ms_per_join: Option<Spread>,
}

impl Row for Measured {
    const HEADS: &'static [&'static str] = &[
        "viewers",
        "joins per second",
        "first packet p50 ms",
        "first packet p99 ms",
        "first picture p50 ms",
        "first picture p99 ms",
        "CPU ms per join",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.viewers.to_string(),
            spread_cell(self.joins_per_second, 0),
            spread_cell(self.first_packet_p50_ms, 0),
            spread_cell(self.first_packet_p99_ms, 0),
            spread_cell(self.first_picture_p50_ms, 0),
            spread_cell(self.first_picture_p99_ms, 0),
            spread_cell(self.cpu_ms_per_join, 2),
        ]
    }
}

fn main() -> Result<()> {
    let mut arguments = Arguments::parse();
    let common = &arguments.common;
    if arguments.viewers.is_empty() {
        arguments.viewers = common.choose(vec![5, 20], vec![50, 100, 200, 500, 1_000]);
    }
    let rounds = arguments.rounds.unwrap_or(common.choose(1, 3));
    let programs = Programs::build()?;
    let cores = Cores::split()?;
    let progress = Progress::new(u64::from(rounds) * arguments.viewers.len() as u64);
    let mut runs: Vec<Vec<Run>> = vec![Vec::new(); arguments.viewers.len()];
    let mut notes = Vec::new();
    for _ in 0..rounds {
        for (&viewers, runs) in arguments.viewers.iter().zip(&mut runs) {
            let name = format!("{viewers} viewers");
            progress.say(name.clone());
            let (run, outcome) =
                run(viewers, &arguments.flags, &programs, &cores).with_context(|| name.clone())?;
            notes.extend(outcome.remarks(&name));
            runs.push(run);
            progress.step();
        }
    }
    drop(progress);
    let rows: Vec<_> = arguments
        .viewers
        .iter()
        .zip(&runs)
        .map(|(viewers, runs)| summary(*viewers, runs))
        .collect();
    let method = format!(
        "Viewers join one Salon on one core as fast as they can; {rounds} runs of each by turns, median [least-most]."
    );
    let figure = figure(&rows);
    Report { bench: "joins", method, rows, notes }.publish(common, &figure)
}

fn run(viewers: u32, flags: &Flags, programs: &Programs, cores: &Cores) -> Result<(Run, Outcome)> {
    let folder = tempfile::Builder::new().prefix("salon-joins-").tempdir()?;
    let data = folder.path().display().to_string();
    let arguments = ["--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0", "--data-dir", &data];
    let server = Server::start(&programs.live, &arguments, "Salon is at", cores)?;
    let load = Load {
        joins_per_second: JOINS_PER_SECOND,
        picture: Picture::Small,
        ..Load::new(viewers, Duration::from_secs(1), flags)
    };
    let before = process_ns(server.pid())?;
    let target = Target::Salon { url: server.url(), pid: server.pid() };
    let outcome = load.run(programs, target, cores)?;
    let cpu_ms = process_ns(server.pid())?.saturating_sub(before) as f64 / 1e6;
    let cost = outcome.server.context("the server was not measured")?;
    let window_ms = 1_000.0 * outcome.load.window_s * cost.cpu_percent / 100.0;
    let joined = f64::from(outcome.joins.joined);
    let first_packet = outcome.joins.first_packet_ms.context("no packet came")?;
    let first_picture = outcome.joins.every_track_ms.context("no picture came")?;
    // The last one began so long after the first, and then waited.
    let begun_s = f64::from(viewers) / f64::from(JOINS_PER_SECOND);
    let per_second = joined / (begun_s + first_packet.max / 1_000.0);
    let cpu_ms = (cpu_ms - window_ms) / joined;
    Ok((Run { per_second, first_packet, first_picture, cpu_ms }, outcome))
}

fn summary(viewers: u32, runs: &[Run]) -> Measured {
    let spread = |value: fn(&Run) -> f64| Spread::of(runs.iter().map(value));
    Measured {
        viewers,
        joins_per_second: spread(|run| run.per_second),
        first_packet_p50_ms: spread(|run| run.first_packet.p50),
        first_packet_p99_ms: spread(|run| run.first_packet.p99),
        first_picture_p50_ms: spread(|run| run.first_picture.p50),
        first_picture_p99_ms: spread(|run| run.first_picture.p99),
        cpu_ms_per_join: spread(|run| run.cpu_ms),
    }
}

fn figure(rows: &[Measured]) -> Figure {
    let line = |name: &str, value: fn(&Measured) -> Option<Spread>| {
        let points = rows.iter().filter_map(|row| Some((f64::from(row.viewers), value(row)?)));
        Line { name: name.to_owned(), points: points.collect() }
    };
    let panel = |title: &str, y, lines| Panel {
        title: title.to_owned(),
        x: "viewers that join at once",
        y,
        scale: Scale::Linear,
        lines,
    };
    Figure {
        title: "Everybody joins at once".to_owned(),
        panels: vec![
            panel(
                "Handshakes",
                "joins per second",
                vec![line("one Salon on one core", |row| row.joins_per_second)],
            ),
            panel(
                "From the offer",
                "ms",
                vec![
                    line("first picture, p99", |row| row.first_picture_p99_ms),
                    line("first picture, p50", |row| row.first_picture_p50_ms),
                    line("first packet, p99", |row| row.first_packet_p99_ms),
                    line("first packet, p50", |row| row.first_packet_p50_ms),
                ],
            ),
            panel(
                "CPU of the server",
                "ms per join",
                vec![line("join, leave, and media meanwhile", |row| row.cpu_ms_per_join)],
            ),
        ],
    }
}
