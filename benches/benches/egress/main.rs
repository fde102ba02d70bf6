//! What delivering a packet costs in the driver of `salon-rtc`, beside the least that it could cost.
//!
//! One process: the driver on a thread and a core of its own, real clients (`str0m`) that connect to it over loopback,
//! one that publishes and many that watch. Once connected, viewers do not read: their sockets are as small as they can
//! be and overflow, so that receiving costs next to nothing. The publisher sends pictures of K packets, each when all
//! viewers have the one before. Counted is all time of the driver's thread, from the publisher's datagram to the last
//! viewer's, reports included.
//!
//! The floor ([`floor`]) writes a header, seals the payload under each viewer's own key (AES-256-GCM, as the sessions do) and sends to the
//! same sockets from the same core, and does nothing else: 64 datagrams in one `sendmmsg` if K is 1, else K in one
//! send that the kernel cuts (UDP_SEGMENT). Driver and floor take turns.
//!
//! `cargo bench -p benches --bench egress`

mod driver;
mod floor;
mod peer;
mod publisher;
mod rig;

use anyhow::{Context as _, Result};
use benches::arguments::Common;
use benches::cpu::{self, Cores};
use benches::plot::{Figure, Line, Panel, Scale};
use benches::progress::Progress;
use benches::report::{Report, Row};
use benches::spread::Spread;
use clap::Parser;
use serde::Serialize;

use rig::Rig;

/// What delivering a packet costs in the driver, beside the least it could cost.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many watch
    #[arg(long, value_delimiter = ',', value_name = "NUMBERS")]
    viewers: Vec<u64>,

    /// How many packets a picture has
    #[arg(long, value_delimiter = ',', value_name = "NUMBERS", default_values_t = [1, 3, 8], value_parser = clap::value_parser!(u64).range(1..=32))]
    k: Vec<u64>,

    #[command(flatten)]
    common: Common,
}

/// What is measured of driver and floor by turns.
#[derive(Clone, Copy, Debug)]
struct Plan {
    rounds: usize,
    /// Packets delivered in a round: enough for a second.
    deliveries: u64,
}

#[derive(Debug, Serialize)]
struct Measured {
    viewers: u64,
    k: u64,
    driver_ns: Spread,
    floor_ns: Spread,
    /// Of both in the same round.
    ratio: Spread,
    allocations: Spread,
    missing: u64,
}

impl Row for Measured {
    const HEADS: &'static [&'static str] = &[
        "viewers",
        "K",
        "driver, ns",
        "floor, ns",
        "ratio",
        "allocations a packet",
        "not delivered",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.viewers.to_string(),
            self.k.to_string(),
            format!("{:.0}", self.driver_ns),
            format!("{:.0}", self.floor_ns),
            format!("{:.2}", self.ratio),
            format!("{:.3}", self.allocations),
            self.missing.to_string(),
        ]
    }
}

fn main() -> Result<()> {
    let mut arguments = Arguments::parse();
    let common = &arguments.common;
    if arguments.viewers.is_empty() {
        arguments.viewers = common.choose(vec![20, 100], vec![100, 1_000]);
    }
    let plan = common
        .choose(Plan { rounds: 2, deliveries: 10_000 }, Plan { rounds: 7, deliveries: 400_000 });
    let cores = Cores::split()?;
    cpu::pin(&cores.load)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let sizes = arguments.viewers.len() * arguments.k.len();
    let progress = Progress::new((sizes * plan.rounds) as u64);
    let mut rows = Vec::new();
    for &viewers in &arguments.viewers {
        progress.say(format!("{viewers} viewers connect"));
        let mut rig = runtime.block_on(Rig::connect(&cores, viewers))?;
        for &k in &arguments.k {
            progress.say(format!("{viewers} viewers, {k} packets"));
            rows.push(measure(&mut rig, viewers, k, plan, &progress)?);
        }
        rig.stop()?;
    }
    drop(progress);
    let method = format!(
        "Time on a processor for each delivered packet of {} bytes, and allocations on the driver's thread; {} rounds by \
         turns, median [least-most].",
        rig::PAYLOAD_BYTES,
        plan.rounds
    );
    let figure = figure(&rows);
    Report { bench: "egress", method, rows, notes: Vec::new() }.publish(common, &figure)
}

fn measure(
    rig: &mut Rig,
    viewers: u64,
    k: u64,
    plan: Plan,
    progress: &Progress,
) -> Result<Measured> {
    let batches = (plan.deliveries / (viewers * k)).max(1);
    let (mut windows, mut floors) = (Vec::new(), Vec::new());
    // Once before, so that everything has grown to its size.
    rig.measure_driver(k as usize, batches.div_ceil(4))?;
    for _ in 0..plan.rounds {
        windows.push(rig.measure_driver(k as usize, batches)?);
        floors.push(rig.measure_floor(k as usize, batches)?);
        progress.step();
    }
    let ratios = windows.iter().zip(&floors).map(|(window, floor)| window.ns / floor);
    let none = "there is a round";
    Ok(Measured {
        viewers,
        k,
        driver_ns: Spread::of(windows.iter().map(|window| window.ns)).context(none)?,
        ratio: Spread::of(ratios).context(none)?,
        floor_ns: Spread::of(floors.iter().copied()).context(none)?,
        allocations: Spread::of(windows.iter().map(|window| window.allocations)).context(none)?,
        missing: windows.iter().map(|window| window.missing).sum(),
    })
}

fn figure(rows: &[Measured]) -> Figure {
    let mut sizes: Vec<u64> = rows.iter().map(|row| row.viewers).collect();
    sizes.dedup();
    let panel = |viewers: u64| {
        let line = |name: &str, value: fn(&Measured) -> Spread| {
            let rows = rows.iter().filter(|row| row.viewers == viewers);
            let points = rows.map(|row| (row.k as f64, value(row))).collect();
            Line { name: name.to_owned(), points }
        };
        Panel {
            title: format!("{viewers} viewers"),
            x: "packets of one picture, sent back to back",
            y: "CPU per delivered packet, ns",
            scale: Scale::Linear,
            lines: vec![
                line("salon-rtc's driver", |row| row.driver_ns),
                line("floor: seal and send", |row| row.floor_ns),
            ],
        }
    };
    Figure {
        title: "What delivering a packet costs".to_owned(),
        panels: sizes.into_iter().map(panel).collect(),
    }
}
