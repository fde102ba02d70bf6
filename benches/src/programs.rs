//! The programs that whole-server benches run: built once, started on a core of their own, ended with the bench.

use std::env;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::arguments::{target_folder, workspace};
use crate::cpu::{Cores, spawn_on};

/// How long a server may take to tell where it is. A guess, far above what it takes.
const START_MAX: Duration = Duration::from_secs(20);

/// Where the programs are.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The load generator.
    pub loadtest: PathBuf,
    /// The server.
    pub live: PathBuf,
}

impl Programs {
    /// Builds them, in the release profile and in the folder this program was built in.
    ///
    /// # Errors
    /// They cannot be built.
    pub fn build() -> Result<Self> {
        let target = target_folder()?;
        eprintln!("building the server and its load generator");
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--release", "-p", "live", "-p", "loadtest", "--target-dir"])
            .arg(&target)
            .current_dir(workspace())
            .status()
            .context("cargo cannot be run")?;
        ensure!(built.success(), "the server and its load cannot be built: {built}");
        let program =
            |name: &str| target.join("release").join(format!("{name}{}", env::consts::EXE_SUFFIX));
        Ok(Self { loadtest: program("loadtest"), live: program("live") })
    }
}

/// A server at work. Killed when dropped.
#[derive(Debug)]
pub struct Server {
    process: Child,
    url: String,
}

impl Server {
    /// Starts a program on the server's core, and waits until it says `announcement` and its address.
    ///
    /// # Errors
    /// It cannot be started, or ends or is silent instead.
    pub fn start(
        program: &Path,
        arguments: &[&str],
        announcement: &str,
        cores: &Cores,
    ) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let process = spawn_on(&cores.server, &mut command)
            .with_context(|| format!("{} cannot be started", program.display()))?;
        let mut server = Self { process, url: String::new() };
        let stdout = server.process.stdout.take().expect("stdout is piped above");
        server.url = printed_url(stdout, announcement.to_owned())
            .with_context(|| format!("{} did not tell where it listens", program.display()))?;
        Ok(server)
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both are refused when the process has ended by itself, and that is fine.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits for the line that tells the address, and reads on so that the server never waits for us.
fn printed_url(stdout: ChildStdout, announcement: String) -> Result<String> {
    let (sender, urls) = sync_channel(1);
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some(url) = line.trim().strip_prefix(&announcement) {
                let _ = sender.try_send(url.trim().trim_end_matches('/').to_owned());
            }
        }
    });
    Ok(urls.recv_timeout(START_MAX)?)
}
