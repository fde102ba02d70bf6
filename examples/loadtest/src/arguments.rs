//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};

use crate::picture;
use crate::units::{self, Percent, Rate};

/// Loads a live-video server with viewers and measures what they get.
///
/// Publishes synthetic video and audio over WHIP, lets many viewers watch it over WHEP with real ICE,
/// DTLS and SRTP, decrypts and checks their packets, and prints loss, latency, join times, and what it
/// cost the server.
///
/// With no flags it starts a Salon server of its own on this machine. It ends with a failure if more
/// is lost than --loss-max or if a viewer cannot join.
#[derive(Clone, Debug, Parser)]
#[command(version, about, long_about, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// How many watch
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(crate) viewers: u32,

    /// How long to measure, once everybody has joined
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = units::duration)]
    pub(crate) duration: Duration,

    /// How many viewers join each second
    #[arg(long, value_name = "RATE", default_value = "50/s")]
    pub(crate) join_rate: Rate,

    /// The most that may be lost before the test fails
    #[arg(long, value_name = "PERCENT", default_value = "0.1%")]
    pub(crate) loss_max: Percent,

    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) server: Server,

    #[command(flatten)]
    pub(crate) janus: Janus,

    #[command(flatten)]
    pub(crate) media: Media,

    #[command(flatten)]
    pub(crate) watching: Viewers,

    /// Threads of this program [default: one a core]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: Option<u16>,
}

/// Which server is loaded.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct Server {
    /// A running Salon, as in http://127.0.0.1:8080; its rooms are not touched, a new one is made
    #[arg(long, value_name = "URL", value_parser = units::url, conflicts_with = "whip")]
    pub(crate) server: Option<String>,

    /// Where to publish, on a server of any kind (WHIP, RFC 9725)
    #[arg(long, value_name = "URL", value_parser = units::url, requires = "whep")]
    pub(crate) whip: Option<String>,

    /// Where to watch what is published at --whip (WHEP)
    #[arg(long, value_name = "URL", value_parser = units::url, requires = "whip")]
    pub(crate) whep: Option<String>,

    /// Bearer token for --whip and --whep
    #[arg(
        long,
        value_name = "TOKEN",
        requires = "whip",
        env = "LOADTEST_TOKEN",
        hide_env_values = true
    )]
    pub(crate) token: Option<String>,

    /// Process of a server on this machine, to measure its CPU and memory [default: that of the
    /// server this program starts]
    #[arg(long, value_name = "PID")]
    pub(crate) server_pid: Option<u32>,

    /// The program `live` to start [default: built by cargo, or beside this program]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["server", "whip"])]
    pub(crate) live: Option<PathBuf>,

    /// Run the server this program starts on the first core alone, and this program on the others
    #[arg(long, conflicts_with_all = ["server", "whip"])]
    pub(crate) pin: bool,
}

/// A server of another kind, to compare with.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Janus")]
pub(crate) struct Janus {
    /// A running Janus, by its WebSocket API, as in ws://127.0.0.1:8188; a room of its videoroom plugin is made and
    /// destroyed
    #[arg(long, value_name = "URL", value_parser = units::socket_url, conflicts_with_all = ["server", "whip", "live", "pin"])]
    pub(crate) janus: Option<String>,

    /// Start the Janus that is installed (apt-get install janus), with a configuration of this program's own
    #[arg(long, conflicts_with_all = ["janus", "server", "whip", "live"])]
    pub(crate) start_janus: bool,

    /// Event loops of the Janus that is started; 0 is its default, a thread for each viewer
    #[arg(long, value_name = "NUMBER", default_value_t = 0, requires = "start_janus", value_parser = clap::value_parser!(u8).range(0..=64))]
    pub(crate) janus_event_loops: u8,
}

/// Who watches, and how closely.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Viewers")]
pub(crate) struct Viewers {
    /// Whole WebRTC peers, or light ones that cost this program a fraction: real ICE, DTLS and receiver reports, but
    /// no repair and only what is opened is compared; auto is full below 100 viewers, else ten full ones and light ones
    #[arg(long, value_enum, default_value_t = Kinds::Auto)]
    pub(crate) viewers_are: Kinds,

    /// What light viewers decrypt and compare: everything, or one packet in 16 of each stream, counting the others by
    /// their headers
    #[arg(long, value_enum, default_value_t = Verify::All)]
    pub(crate) verify: Verify,

    /// Let the kernel hand light viewers several datagrams in one (generic receive offload), as a network card might
    #[arg(long)]
    pub(crate) gro: bool,

    /// So many more join at once in the middle of the window
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(crate) burst: Option<u32>,

    /// So many of the viewers stop reading and answering when the window begins, and are not counted
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) dead: u32,
}

/// What viewers are made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Kinds {
    Full,
    Light,
    Auto,
}

/// What light viewers open.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Verify {
    All,
    Sample,
}

impl Arguments {
    /// What cannot be said of one flag alone.
    ///
    /// # Errors
    /// Two flags contradict each other.
    pub(crate) fn check(&self) -> Result<()> {
        let Viewers { viewers_are, burst, dead, .. } = self.watching;
        ensure!(
            dead < self.viewers,
            "--dead {dead} leaves nobody of --viewers {} to be measured",
            self.viewers
        );
        ensure!(
            burst.is_none() || self.duration >= BURST_DURATION_MIN,
            "--burst needs a --duration of {BURST_DURATION_MIN:?} at least"
        );
        ensure!(
            self.media.feedback == Feedback::Rr || viewers_are != Kinds::Light,
            "light viewers send receiver reports only: --feedback twcc needs --viewers-are full"
        );
        Ok(())
    }

    /// What viewers are made of. Those who are to give feedback that light ones cannot are full.
    pub(crate) fn kinds(&self) -> Kinds {
        match (self.watching.viewers_are, self.media.feedback) {
            (Kinds::Auto, Feedback::Twcc) => Kinds::Full,
            (kinds, _) => kinds,
        }
    }
}

/// A burst is in the middle, and what is before and after is to be seen too.
const BURST_DURATION_MIN: Duration = Duration::from_secs(4);

/// What is published.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Media")]
pub(crate) struct Media {
    /// What the video looks like
    #[arg(long, value_enum, default_value_t = Codec::Vp8)]
    pub(crate) codec: Codec,

    /// Video frames each second
    #[arg(long, value_name = "NUMBER", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=240))]
    pub(crate) fps: u32,

    /// Packets in a video frame, sent back to back
    #[arg(long, value_name = "NUMBER", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(crate) packets_per_frame: u32,

    /// Payload of a video packet
    #[arg(long, value_name = "BYTES", default_value_t = 1_160, value_parser = clap::value_parser!(u16).range(picture::BYTES_MIN..=1_200))]
    pub(crate) packet_bytes: u16,

    /// How many publish, all to all viewers; more than one only on a Salon
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=4))]
    pub(crate) seats: u8,

    /// What viewers report to the server: receiver reports, or these and transport-wide feedback if
    /// the server accepts it, as the one this program starts then does
    #[arg(long, value_enum, default_value_t = Feedback::Rr)]
    pub(crate) feedback: Feedback,
}

/// The codec whose packets are imitated.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Codec {
    Vp8,
    H264,
}

/// What viewers offer to report.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Feedback {
    Rr,
    Twcc,
}

const EXAMPLES: &str = "\
Examples:
  loadtest --viewers 500
      500 viewers of a server of its own
  loadtest --viewers 200 --server http://127.0.0.1:8080 --server-pid $(pidof live)
      200 viewers of a Salon that runs already, measuring its CPU and memory
  loadtest --whip http://host/whip/x --whep http://host/whep/x --token secret
      any WHIP/WHEP server
  loadtest --viewers 1000 --verify sample --pin
      more viewers than this program could decrypt everything for
  loadtest --viewers 100 --start-janus --janus-event-loops 1 --pin
      the same load on a Janus
  loadtest --viewers 200 --burst 100
      what it is like when a hundred join at once
  loadtest --viewers 100 --duration 30s --json > result.json
      for programs";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn flags_that_do_not_go_together_are_named() {
        for (line, expected) in [
            ("--viewers 5 --dead 5", "--dead"),
            ("--burst 5 --duration 3s", "--duration"),
            ("--viewers-are light --feedback twcc", "twcc"),
        ] {
            let words = std::iter::once("loadtest").chain(line.split_whitespace());
            let error = Arguments::try_parse_from(words).unwrap().check().unwrap_err().to_string();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }

    #[test]
    fn contradictions_are_refused() {
        let parse = |line: &str| {
            Arguments::try_parse_from(std::iter::once("loadtest").chain(line.split_whitespace()))
        };
        assert!(parse("--viewers 500").is_ok());
        assert!(parse("--whip http://a --whep http://b --token t").is_ok());
        for line in [
            "--viewers 0",
            "--whip http://a",
            "--token t",
            "--server http://a --whip http://b --whep http://c",
            "--server http://a --live ./live",
            "--seats 5",
            "--janus http://a",
            "--janus ws://a --start-janus",
            "--janus-event-loops 1",
            "--burst 0",
            "--verify some",
            "--packet-bytes 10",
            "--loss-max 200%",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
