//! A viewer by aiortc: WebRTC in Python, with ICE, SRTP, jitter buffer and decoders that no browser shares.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use crate::person::SOON;
use crate::relay::Relay;
use crate::scenario::Scenario;
use crate::server::Server;
use crate::tool::Tool;

/// How long the script may take besides waiting for pictures and counting: Python starts, aiortc loads its
/// libraries, asks the server and connects. Generous: the machine may be busy encoding.
const OVERHEAD_MAX: Duration = Duration::from_secs(40);

/// What came to aiortc from its first picture on.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Watched {
    /// For how long it counted.
    pub seconds: f64,
    /// Four of sound, then four of pictures.
    pub slots: Vec<Slot>,
}

/// One of its eight receivers.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Slot {
    /// `audio` or `video`.
    pub kind: String,
    /// Frames decoded.
    pub frames: u64,
    /// Width of the last picture; zero for sound.
    pub width: u64,
    /// Packets received, repairs not counted.
    pub received: u64,
    /// Packets that never came, but for their repairs. Negative when some came that were missing before.
    pub lost: i64,
    /// Packets that came as repairs.
    pub repaired: u64,
}

impl Watched {
    /// The one receiver of this kind that got anything.
    ///
    /// # Errors
    /// None did, or more than one.
    pub fn only(&self, kind: &str) -> Result<&Slot> {
        let used = |slot: &&Slot| slot.kind == kind && slot.frames > 0;
        let slots = self.slots.iter().filter(used).collect::<Vec<_>>();
        match slots.as_slice() {
            [slot] => Ok(slot),
            _ => bail!("{} receivers of {kind} got frames: {:?}", slots.len(), self.slots),
        }
    }
}

/// Lets aiortc watch `room` for `span` from its first picture on.
///
/// # Errors
/// It gets no picture, fails, or takes too long; what it printed is part of the error.
pub fn watches(
    scenario: &Scenario,
    server: &Server,
    room: &str,
    span: Duration,
    relay: Option<&Relay>,
) -> Result<Watched> {
    let folder = tempfile::Builder::new().prefix("salon-e2e-aiortc-").tempdir()?;
    let (told, log) = (folder.path().join("told.json"), folder.path().join("log.txt"));
    let mut command = Command::new(scenario.tool(Tool::Aiortc)?);
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join("watch.py"))
        .arg(format!("{}rooms/{room}/whep", server.url()))
        .arg(server.token("aiortc")?)
        .args(["--seconds", &span.as_secs_f64().to_string()])
        .args(["--start-seconds-max", &SOON.as_secs_f64().to_string()]);
    if let Some(relay) = relay {
        let path = [relay.target().to_string(), relay.address().to_string()];
        command.arg("--detour").args(path);
    }
    command.stdin(Stdio::null()).stdout(File::create(&told)?).stderr(File::create(&log)?);
    let child = command.spawn().context("cannot start Python")?;
    let ended = wait(child, SOON + span + OVERHEAD_MAX);
    let log = fs::read_to_string(&log).unwrap_or_default();
    ended.with_context(|| format!("aiortc says: {log}"))?;
    let told = fs::read_to_string(&told)?;
    serde_json::from_str(&told).with_context(|| format!("aiortc told {told:?} and says: {log}"))
}

/// Waits until the process has ended well, and kills it at the limit.
fn wait(mut child: Child, limit: Duration) -> Result<()> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            ensure!(status.success(), "it ended with {status}");
            return Ok(());
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            bail!("it had not ended after {limit:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
