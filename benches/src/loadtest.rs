//! Runs of the load generator: its flags, and the keys of its JSON that benches read. No other file knows either.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use serde::Deserialize;

use crate::cpu::{Cores, spawn_on};
use crate::programs::Programs;

/// What a server is loaded with.
#[derive(Clone, Debug)]
pub struct Load {
    /// How many watch.
    pub viewers: u32,
    /// How many publish.
    pub seats: u8,
    /// How many join each second.
    pub joins_per_second: u32,
    /// How long is measured.
    pub window: Duration,
    /// What is published.
    pub picture: Picture,
    /// What is left to whoever starts the bench.
    pub flags: Flags,
}

/// What whoever starts a bench may say about its load.
#[derive(Clone, Debug, clap::Args)]
pub struct Flags {
    /// What viewers offer to report; a server that does not take transport-wide feedback gets none
    #[arg(long, value_enum, default_value_t = Feedback::Rr)]
    feedback: Feedback,

    /// More flags for the load generator, in one text, as in "--fps 60 --threads 1"
    #[arg(long, value_name = "FLAGS", value_delimiter = ' ', allow_hyphen_values = true)]
    loadtest: Vec<String>,
}

/// The pictures that are published.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Picture {
    /// Seven large packets each: 1.95 Mbit/s, the generator's own default.
    Large,
    /// A packet each, so that little but joining costs anything.
    Small,
}

/// What viewers offer to report.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Feedback {
    /// Receiver reports.
    Rr,
    /// These, and transport-wide feedback.
    Twcc,
}

/// Who is loaded.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// A Salon that the generator starts, on the server's core.
    OwnSalon,
    /// A Salon that runs.
    Salon {
        /// Where.
        url: &'a str,
        /// Its process.
        pid: u32,
    },
    /// Any server that runs.
    Whip {
        /// Where to publish.
        whip: &'a str,
        /// Where to watch.
        whep: &'a str,
        /// Its process.
        pid: u32,
    },
    /// A Janus that the generator starts, on the server's core; `None` is as it is installed.
    OwnJanus {
        /// How many loops serve all viewers.
        event_loops: Option<u32>,
    },
}

/// What a run found. More keys are welcome: the generator's JSON has many.
#[derive(Clone, Debug, Deserialize)]
pub struct Outcome {
    /// What was measured.
    pub load: Measured,
    /// Who joined.
    pub joins: Joins,
    /// What arrived.
    pub packets: Packets,
    /// From sending to arrival.
    pub latency_ms: Option<Percentiles>,
    /// What it cost the server.
    pub server: Option<Cost>,
    /// What may have distorted it.
    pub notes: Vec<String>,
    /// Why the run failed; empty if it passed.
    pub failures: Vec<String>,
}

/// The window.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Measured {
    /// Its length.
    pub window_s: f64,
}

/// Who joined, and how long it took from the offer.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Joins {
    /// How many.
    pub joined: u32,
    /// To the first packet.
    pub first_packet_ms: Option<Percentiles>,
    /// To the first packet of the track that came last.
    pub every_track_ms: Option<Percentiles>,
}

/// What arrived.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Packets {
    /// Of what was sent in the window, to all.
    pub lost_percent: f64,
}

/// What it cost the server's process.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Cost {
    /// Time on a processor, for each packet that arrived.
    pub cpu_us_per_packet: f64,
    /// Of one core, in the window.
    pub cpu_percent: f64,
    /// Growth of its memory.
    pub rss_kb_per_viewer: f64,
}

/// A distribution.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Percentiles {
    /// The middle.
    pub p50: f64,
    /// What one in a hundred exceeds.
    pub p99: f64,
    /// The most.
    pub max: f64,
}

impl Load {
    /// The generator's own load, for so many viewers.
    #[must_use]
    pub fn new(viewers: u32, window: Duration, flags: &Flags) -> Self {
        let (seats, joins_per_second, picture) = (1, 50, Picture::Large);
        Self { viewers, seats, joins_per_second, window, picture, flags: flags.clone() }
    }

    /// Puts it on a server.
    ///
    /// # Errors
    /// The generator has no result: no server, no publisher, no viewer.
    pub fn run(&self, programs: &Programs, target: Target<'_>, cores: &Cores) -> Result<Outcome> {
        let mut command = Command::new(&programs.loadtest);
        command.args(self.flags()).args(target.flags(programs));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = match target {
            // It finds the cores itself, for the server and for itself.
            Target::OwnSalon | Target::OwnJanus { .. } => command.output(),
            Target::Salon { .. } | Target::Whip { .. } => {
                spawn_on(&cores.load, &mut command).and_then(|process| process.wait_with_output())
            }
        };
        read(&output.context("the load generator cannot be started")?)
    }

    fn flags(&self) -> Vec<String> {
        let Self { viewers, seats, joins_per_second, window, picture, flags: more } = self;
        let mut flags = format!(
            "--json --viewers {viewers} --seats {seats} --join-rate {joins_per_second}/s --duration {}ms",
            window.as_millis()
        );
        flags += match more.feedback {
            Feedback::Rr => " --feedback rr",
            Feedback::Twcc => " --feedback twcc",
        };
        flags += match picture {
            Picture::Large => "",
            Picture::Small => " --packets-per-frame 1",
        };
        flags.split(' ').map(str::to_owned).chain(more.loadtest.iter().cloned()).collect()
    }
}

impl Target<'_> {
    fn flags(self, programs: &Programs) -> Vec<String> {
        let live = programs.live.display().to_string();
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        match self {
            Self::OwnSalon => words(&["--pin", "--live", &live]),
            Self::Salon { url, pid } => words(&["--server", url, "--server-pid", &pid.to_string()]),
            Self::Whip { whip, whep, pid } => {
                words(&["--whip", whip, "--whep", whep, "--server-pid", &pid.to_string()])
            }
            Self::OwnJanus { event_loops: None } => words(&["--pin", "--start-janus"]),
            Self::OwnJanus { event_loops: Some(loops) } => {
                words(&["--pin", "--start-janus", "--janus-event-loops", &loops.to_string()])
            }
        }
    }
}

/// Reads a result; one that fails a limit of the generator's is a result too.
fn read(output: &Output) -> Result<Outcome> {
    serde_json::from_slice(&output.stdout).map_err(|error| {
        let said = String::from_utf8_lossy(&output.stderr);
        match said.lines().find(|line| !line.trim().is_empty()) {
            None => anyhow!("the load generator printed no result: {error}"),
            Some(line) => anyhow!("{line}"),
        }
    })
}

impl Outcome {
    /// What to say about a run beside its numbers: notes and failures, each after the run's name.
    pub fn remarks(&self, run: &str) -> impl Iterator<Item = String> {
        self.failures.iter().chain(&self.notes).map(move |remark| format!("{run}: {remark}"))
    }
}

#[cfg(test)]
mod tests {
    use std::process::ExitStatus;

    use super::*;

    fn flags(feedback: Feedback, loadtest: &[&str]) -> Flags {
        Flags { feedback, loadtest: loadtest.iter().map(|flag| (*flag).to_owned()).collect() }
    }

    fn output(stdout: &str, stderr: &str) -> Output {
        let status = ExitStatus::default();
        Output { status, stdout: stdout.into(), stderr: stderr.into() }
    }

    #[test]
    fn a_load_is_written_as_flags() {
        let more = flags(Feedback::Twcc, &["--fps", "60"]);
        let load = Load { seats: 4, ..Load::new(200, Duration::from_secs(8), &more) };
        assert_eq!(
            load.flags().join(" "),
            "--json --viewers 200 --seats 4 --join-rate 50/s --duration 8000ms --feedback twcc --fps 60"
        );
    }

    #[test]
    fn a_result_is_read_and_its_unknown_keys_are_not() {
        let json = r#"{
            "load": { "window_s": 1.5, "new": {} }, "new": [1],
            "joins": { "joined": 5, "first_packet_ms": null, "every_track_ms": null },
            "packets": { "lost_percent": 0.5 }, "latency_ms": { "p50": 1.0, "p99": 2.0, "max": 3.0 },
            "server": null, "notes": ["busy"], "failures": ["lost"]
        }"#;
        let outcome = read(&output(json, "")).unwrap();
        assert_eq!(outcome.joins.joined, 5);
        assert_eq!(outcome.latency_ms.map(|latency| latency.p99), Some(2.0));
        assert_eq!(outcome.remarks("A").collect::<Vec<_>>(), ["A: lost", "A: busy"]);
    }

    #[test]
    fn no_result_is_explained_in_the_generators_words() {
        let error = |stderr| read(&output("", stderr)).unwrap_err().to_string();
        assert_eq!(
            error("\nloadtest: no viewer could join\nmore"),
            "loadtest: no viewer could join"
        );
        assert!(error("").contains("no result"));
    }
}
