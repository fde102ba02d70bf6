//! A Salon beside other servers, under the same load: CPU and latency, and their ratios.
//!
//! The others are the plainest loop over whole `str0m` peers (`benches/src/bin/plain`), and Janus, as it is
//! installed and with one loop for all viewers. Servers take turns on the first core, the load generator has the others:
//! A B C D, A B C D. Machines drift; what counts is the ratio to the Salon of the same round.
//!
//! `cargo bench -p benches --bench peers`

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use benches::arguments::Common;
use benches::cpu::Cores;
use benches::loadtest::{Flags, Load, Outcome, Target};
use benches::plot::{Figure, Line, Panel, Scale};
use benches::programs::{Programs, Server};
use benches::progress::Progress;
use benches::report::{Report, Row};
use benches::spread::{Spread, spread_cell};
use clap::{Parser, ValueEnum};
use serde::Serialize;

/// A Salon beside other servers, under the same load.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many watch
    #[arg(long, value_delimiter = ',', value_name = "NUMBERS")]
    viewers: Vec<u32>,

    /// How often each server is measured
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: Option<u32>,

    /// Which servers; ratios are to the first
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Kind::value_variants().to_vec())]
    servers: Vec<Kind>,

    #[command(flatten)]
    flags: Flags,

    #[command(flatten)]
    common: Common,
}

/// A server that is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Salon,
    Plain,
    Janus,
    JanusOneLoop,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Salon => "Salon",
            Self::Plain => "str0m, the plainest loop",
            Self::Janus => "Janus, as installed",
            Self::JanusOneLoop => "Janus, event_loops=1",
        }
    }

    /// Starts it, loads it, ends it.
    fn run(self, load: &Load, programs: &Programs, cores: &Cores) -> Result<Outcome> {
        match self {
            Self::Salon => load.run(programs, Target::OwnSalon, cores),
            Self::Plain => {
                let program = Path::new(env!("CARGO_BIN_EXE_plain"));
                let server = Server::start(program, &[], "listening on", cores)?;
                let (whip, whep) =
                    (format!("{}/whip", server.url()), format!("{}/whep", server.url()));
                let target = Target::Whip { whip: &whip, whep: &whep, pid: server.pid() };
                load.run(programs, target, cores)
            }
            Self::Janus => load.run(programs, Target::OwnJanus { event_loops: None }, cores),
            Self::JanusOneLoop => {
                load.run(programs, Target::OwnJanus { event_loops: Some(1) }, cores)
            }
        }
    }
}

#[derive(Debug, Serialize)]
struct Measured {
    viewers: u32,
    server: Kind,
    cpu_us: Option<Spread>,
    /// Of its CPU to that of the first server in the same round.
    cpu_ratio: Option<Spread>,
    latency_p50_ms: Option<Spread>,
    latency_p99_ms: Option<Spread>,
    lost_percent: Option<Spread>,
    kb_per_viewer: Option<Spread>,
}

impl Row for Measured {
    const HEADS: &'static [&'static str] = &[
        "viewers",
        "server",
        "CPU us per packet",
        "times the first",
        "latency p50 ms",
        "latency p99 ms",
        "lost, %",
        "kB per viewer",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.viewers.to_string(),
            self.server.name().to_owned(),
            spread_cell(self.cpu_us, 2),
            spread_cell(self.cpu_ratio, 2),
            spread_cell(self.latency_p50_ms, 1),
            spread_cell(self.latency_p99_ms, 1),
            spread_cell(self.lost_percent, 2),
            spread_cell(self.kb_per_viewer, 0),
        ]
    }
}

fn main() -> Result<()> {
    let mut arguments = Arguments::parse();
    let common = &arguments.common;
    if arguments.viewers.is_empty() {
        arguments.viewers = common.choose(vec![5, 10], vec![50, 100, 200]);
    }
    let rounds = arguments.rounds.unwrap_or(common.choose(1, 3));
    let window = Duration::from_secs(common.choose(1, 6));
    let programs = Programs::build()?;
    let cores = Cores::split()?;
    let runs = arguments.viewers.len() * arguments.servers.len() * rounds as usize;
    let progress = Progress::new(runs as u64);
    let (mut rows, mut notes) = (Vec::new(), Vec::new());
    for &viewers in &arguments.viewers {
        let load = Load::new(viewers, window, &arguments.flags);
        let mut outcomes: Vec<Vec<Option<Outcome>>> = vec![Vec::new(); arguments.servers.len()];
        for _ in 0..rounds {
            for (server, outcomes) in arguments.servers.iter().zip(&mut outcomes) {
                let name = format!("{viewers} viewers, {}", server.name());
                progress.say(name.clone());
                // A server that is not installed, or breaks under the load, leaves the others a result.
                let outcome = server.run(&load, &programs, &cores);
                match &outcome {
                    Ok(outcome) => notes.extend(outcome.remarks(&name)),
                    Err(error) => notes.push(format!("{name}: not measured: {error:#}")),
                }
                outcomes.push(outcome.ok());
                progress.step();
            }
        }
        let first = outcomes.first().context("no server is named")?;
        let each = arguments.servers.iter().zip(&outcomes);
        rows.extend(each.map(|(server, outcomes)| summary(viewers, *server, outcomes, first)));
    }
    drop(progress);
    let method = format!(
        "Servers by turns on one core under the same load from others; windows of {window:?}, {rounds} of each, median \
         [least-most]."
    );
    let figure = figure(&arguments.servers, &rows);
    Report { bench: "peers", method, rows, notes }.publish(common, &figure)
}

fn summary(
    viewers: u32,
    server: Kind,
    outcomes: &[Option<Outcome>],
    first: &[Option<Outcome>],
) -> Measured {
    let spread = |value: fn(&Outcome) -> Option<f64>| {
        Spread::of(outcomes.iter().flatten().filter_map(value))
    };
    let cpu = |outcome: &Outcome| Some(outcome.server?.cpu_us_per_packet);
    let ratio = |(this, first): (&Option<Outcome>, &Option<Outcome>)| {
        Some(cpu(this.as_ref()?)? / cpu(first.as_ref()?)?)
    };
    Measured {
        viewers,
        server,
        cpu_us: spread(cpu),
        cpu_ratio: Spread::of(outcomes.iter().zip(first).filter_map(ratio)),
        latency_p50_ms: spread(|outcome| Some(outcome.latency_ms?.p50)),
        latency_p99_ms: spread(|outcome| Some(outcome.latency_ms?.p99)),
        lost_percent: spread(|outcome| Some(outcome.packets.lost_percent)),
        kb_per_viewer: spread(|outcome| Some(outcome.server?.rss_kb_per_viewer)),
    }
}

fn figure(servers: &[Kind], rows: &[Measured]) -> Figure {
    let lines = |value: fn(&Measured) -> Option<Spread>| {
        let line = |server: &Kind| {
            let rows = rows.iter().filter(|row| row.server == *server);
            let point = |row: &Measured| Some((f64::from(row.viewers), value(row)?));
            Line { name: server.name().to_owned(), points: rows.filter_map(point).collect() }
        };
        servers.iter().map(line).collect()
    };
    let panel = |title: &str, y, scale, value| Panel {
        title: title.to_owned(),
        x: "viewers",
        y,
        scale,
        lines: lines(value),
    };
    Figure {
        title: "The same load on one core".to_owned(),
        panels: vec![
            panel("CPU of the whole server", "us per delivered packet", Scale::Linear, |row| {
                row.cpu_us
            }),
            panel("Latency, 99 of 100 packets", "ms, p99", Scale::Logarithmic, |row| {
                row.latency_p99_ms
            }),
        ],
    }
}
