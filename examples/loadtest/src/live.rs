//! A Salon server of this program's own: the example `live` in a process that ends with this one.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use tempfile::TempDir;

use crate::arguments::Feedback;
use crate::cores::Cores;

/// How long the server may take to tell where it is. A guess, far above what it takes.
const START_MAX: Duration = Duration::from_secs(20);

/// A running server. Killed, and its data forgotten, when dropped.
#[derive(Debug)]
pub(crate) struct Live {
    process: Child,
    url: String,
    _folder: TempDir,
}

impl Live {
    /// Starts the server on free ports of the loopback; it accepts the feedback that viewers offer.
    ///
    /// To be called before this process has other threads: they run where this one does.
    pub(crate) fn start(program: Option<&Path>, feedback: Feedback, cores: Cores) -> Result<Self> {
        let program = match program {
            Some(program) => program.to_owned(),
            None => find()?,
        };
        let folder = tempfile::Builder::new().prefix("salon-loadtest-").tempdir()?;
        let log = folder.path().join("server.log");
        let mut command = Command::new(&program);
        command
            .args(["--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0", "--data-dir"])
            .arg(folder.path().join("data"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?);
        if feedback == Feedback::Twcc {
            command.args(["--feedback", "transport-wide"]);
        }
        let process = cores.spawn(&mut command)?;
        let mut live = Self { process, url: String::new(), _folder: folder };
        let stdout = live.process.stdout.take().expect("stdout is piped above");
        live.url = printed_url(stdout).map_err(|error| {
            let log = fs::read_to_string(&log).unwrap_or_default();
            anyhow!("{} {error}\n{}", program.display(), log.trim())
        })?;
        Ok(live)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // Both are refused when the process has ended by itself, and that is fine.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits for the line that tells the address, and reads on so that the server never waits for us.
fn printed_url(stdout: ChildStdout) -> Result<String> {
    let (sender, urls) = sync_channel(1);
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let ["Salon", "is", "at", url] = line.split_whitespace().collect::<Vec<_>>()[..] {
                let _ = sender.try_send(url.trim_end_matches('/').to_owned());
            }
        }
    });
    urls.recv_timeout(START_MAX).context("did not tell where it listens; its log:")
}

/// The server's program: under cargo built as this program was, else the one beside this program.
fn find() -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let folder = this.parent().context("this program is in no folder")?;
    let beside = folder.join(format!("live{}", std::env::consts::EXE_SUFFIX));
    // Set by `cargo run` and `cargo test`: then there is a workspace to build from.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR");
    if let (Some(cargo), Some(manifest)) = (std::env::var_os("CARGO"), manifest) {
        let profile = folder.file_name().context("the profile has no name")?.to_string_lossy();
        let target = folder.parent().context("the profile is in no folder")?;
        // The development profile is the one whose folder has another name.
        let profile = if profile == "debug" { "dev" } else { &*profile };
        eprintln!("loadtest: building the server (cargo build --package live --profile {profile})");
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--package", "live", "--profile", profile, "--target-dir"])
            .arg(target)
            .current_dir(manifest)
            .status()
            .context("cargo cannot be run")?;
        ensure!(built.success(), "the server cannot be built: {built}");
    }
    ensure!(
        beside.is_file(),
        "there is no server to start at {}: build it with `cargo build --release --package live`, \
         name it with --live, or load one that runs with --server",
        beside.display()
    );
    Ok(beside)
}
