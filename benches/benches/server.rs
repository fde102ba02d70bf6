//! A whole Salon under load: what it costs and how late its packets are, over the number of viewers.
//!
//! Every run is one of the load generator's (`examples/loadtest`), with a server of its own on the first core and the
//! generator on the others. Loads take turns: all sizes once, then all again.
//!
//! `cargo bench -p benches --bench server`

use std::time::Duration;

use anyhow::{Context as _, Result};
use benches::arguments::Common;
use benches::cpu::Cores;
use benches::loadtest::{Cost, Flags, Load, Outcome, Target};
use benches::plot::{Figure, Line, Panel, Scale};
use benches::programs::Programs;
use benches::progress::Progress;
use benches::report::{Report, Row};
use benches::spread::{Spread, spread_cell};
use clap::Parser;
use serde::Serialize;

/// A whole Salon under load.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many watch one seat
    #[arg(long, value_delimiter = ',', value_name = "NUMBERS")]
    viewers: Vec<u32>,

    /// How many watch four seats; 0 leaves that out
    #[arg(long, value_name = "NUMBER")]
    four_seats: Option<u32>,

    /// How often each load is measured
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: Option<u32>,

    #[command(flatten)]
    flags: Flags,

    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Serialize)]
struct Measured {
    viewers: u32,
    seats: u8,
    cpu_us: Option<Spread>,
    cpu_percent: Option<Spread>,
    latency_p50_ms: Option<Spread>,
    latency_p99_ms: Option<Spread>,
    lost_percent: Option<Spread>,
    kb_per_viewer: Option<Spread>,
}

impl Row for Measured {
    const HEADS: &'static [&'static str] = &[
        "viewers",
        "seats",
        "CPU us per packet",
        "server, % of a core",
        "latency p50 ms",
        "latency p99 ms",
        "lost, %",
        "kB per viewer",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.viewers.to_string(),
            self.seats.to_string(),
            spread_cell(self.cpu_us, 2),
            spread_cell(self.cpu_percent, 0),
            spread_cell(self.latency_p50_ms, 1),
            spread_cell(self.latency_p99_ms, 1),
            spread_cell(self.lost_percent, 3),
            spread_cell(self.kb_per_viewer, 0),
        ]
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let common = &arguments.common;
    let rounds = arguments.rounds.unwrap_or(common.choose(1, 3));
    let loads = loads(&arguments);
    let programs = Programs::build()?;
    let cores = Cores::split()?;
    let progress = Progress::new(u64::from(rounds) * loads.len() as u64);
    let mut outcomes: Vec<Vec<Outcome>> = vec![Vec::new(); loads.len()];
    let mut notes = Vec::new();
    for _ in 0..rounds {
        for (load, outcomes) in loads.iter().zip(&mut outcomes) {
            let name = format!("{} viewers, seats: {}", load.viewers, load.seats);
            progress.say(name.clone());
            let outcome = load.run(&programs, Target::OwnSalon, &cores);
            let outcome = outcome.with_context(|| name.clone())?;
            notes.extend(outcome.remarks(&name));
            outcomes.push(outcome);
            progress.step();
        }
    }
    drop(progress);
    let rows: Vec<_> =
        loads.iter().zip(&outcomes).map(|(load, outcomes)| summary(load, outcomes)).collect();
    let method = format!(
        "A Salon on one core under load from others; windows of {:?}, {rounds} of each by turns, median [least-most].",
        loads[0].window
    );
    let figure = figure(&rows);
    Report { bench: "server", method, rows, notes }.publish(common, &figure)
}

fn loads(arguments: &Arguments) -> Vec<Load> {
    let Arguments { viewers, four_seats, flags, common, .. } = arguments;
    let window = Duration::from_secs(common.choose(1, 8));
    let viewers = match &viewers[..] {
        [] => common.choose(&[5, 10][..], &[10, 50, 100, 200, 500, 1_000]),
        viewers => viewers,
    };
    let load = |viewers, seats| Load { seats, ..Load::new(viewers, window, flags) };
    let mut loads: Vec<_> = viewers.iter().map(|viewers| load(*viewers, 1)).collect();
    let four_seats = four_seats.unwrap_or(common.choose(5, 200));
    if four_seats > 0 {
        loads.push(load(four_seats, 4));
    }
    loads
}

fn summary(load: &Load, outcomes: &[Outcome]) -> Measured {
    let spread =
        |value: &dyn Fn(&Outcome) -> Option<f64>| Spread::of(outcomes.iter().filter_map(value));
    let cost = |value: fn(&Cost) -> f64| spread(&|outcome| outcome.server.as_ref().map(value));
    Measured {
        viewers: load.viewers,
        seats: load.seats,
        cpu_us: cost(|cost| cost.cpu_us_per_packet),
        cpu_percent: cost(|cost| cost.cpu_percent),
        latency_p50_ms: spread(&|outcome| Some(outcome.latency_ms?.p50)),
        latency_p99_ms: spread(&|outcome| Some(outcome.latency_ms?.p99)),
        lost_percent: spread(&|outcome| Some(outcome.packets.lost_percent)),
        kb_per_viewer: cost(|cost| cost.rss_kb_per_viewer),
    }
}

fn figure(rows: &[Measured]) -> Figure {
    let line = |name: &str, seats: u8, value: fn(&Measured) -> Option<Spread>| {
        let rows = rows.iter().filter(|row| row.seats == seats);
        let points = rows.filter_map(|row| Some((f64::from(row.viewers), value(row)?))).collect();
        Line { name: name.to_owned(), points }
    };
    let lines = |value: fn(&Measured) -> Option<Spread>| {
        vec![line("one seat", 1, value), line("four seats", 4, value)]
    };
    let panel = |title: &str, y, scale, lines| Panel {
        title: title.to_owned(),
        x: "viewers",
        y,
        scale,
        lines,
    };
    Figure {
        title: "A Salon on one core under load".to_owned(),
        panels: vec![
            panel(
                "CPU of the whole server",
                "us per delivered packet",
                Scale::Linear,
                lines(|row| row.cpu_us),
            ),
            panel(
                "Latency, 99 of 100 packets",
                "ms, p99",
                Scale::Logarithmic,
                lines(|row| row.latency_p99_ms),
            ),
        ],
    }
}
