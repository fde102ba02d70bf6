//! Loads a server with viewers and measures what they get: `cargo run --release -p loadtest`.
//!
//! * [`arguments`] and [`units`]: the command line.
//! * [`live`], [`janus`], [`cores`]: servers that are started; [`room`] and [`target`]: who may publish and watch there.
//! * [`door`], [`http`], [`peer`]: WHIP, WHEP, Janus' own way, and WebRTC, as a client.
//! * [`publisher`] and [`picture`]: what is sent; [`stamp`]: what makes it measurable.
//! * [`viewer`], [`full`], [`light`] and [`tally`]: what arrives; [`meter`]: what everybody counts together.
//! * [`process`]: what the operating system tells about the server.
//! * [`run`], [`crowd`], [`window`], [`burst`], [`bare`], [`progress`] and [`report`]: the test from its beginning to
//!   its result.

mod arguments;
mod bare;
mod burst;
mod cores;
mod crowd;
mod door;
mod full;
mod http;
mod janus;
mod light;
mod live;
mod meter;
mod peer;
mod picture;
mod process;
mod progress;
mod publisher;
mod report;
mod room;
mod run;
mod stamp;
mod tally;
mod target;
mod units;
mod viewer;
mod window;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run::run(&arguments) {
        Ok(report) => {
            if arguments.json {
                println!("{}", report.to_json());
            } else {
                print!("{report}");
            }
            if report.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("loadtest: {error:#}");
            ExitCode::FAILURE
        }
    }
}
