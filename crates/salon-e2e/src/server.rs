//! The real server: the `live` example as its users run it, in a process of its own.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::json;
use tempfile::TempDir;

use crate::http::{self, Response};
use crate::{network, target};

/// How long the server may take to print where it listens.
const START_MAX: Duration = Duration::from_secs(20);

/// A running server with a data directory of its own. Killed and forgotten when dropped.
#[derive(Debug)]
pub struct Server {
    folder: TempDir,
    places: Places,
    process: Mutex<Option<Process>>,
}

#[derive(Debug)]
struct Process(Child);

/// Where a server is reached.
#[derive(Debug)]
struct Places {
    url: String,
    http: SocketAddr,
    media: SocketAddr,
}

impl Server {
    /// Builds the server if need be and starts it on free ports of the loopback, or of the test's own network.
    ///
    /// # Errors
    /// It cannot be built, or does not come up in time; its log is part of the error.
    pub fn start() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("salon-e2e-server-").tempdir()?;
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let media = SocketAddr::from((network::media_ip(), 0));
        let (process, places) = Process::start(folder.path(), free, media)?;
        let process = Mutex::new(Some(process));
        Ok(Self { folder, places, process })
    }

    /// Where the page is, ending in a slash.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.places.url
    }

    /// Where it takes connections.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.places.http
    }

    /// Where it takes media, over UDP.
    #[must_use]
    pub fn media_address(&self) -> SocketAddr {
        self.places.media
    }

    /// Everything it has printed since the first start.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(log_path(self.folder.path())).unwrap_or_default()
    }

    /// Ends it as a power cut would.
    ///
    /// # Errors
    /// It is not running.
    pub fn kill(&self) -> Result<()> {
        let mut process = self.process().take().context("the server is not running")?;
        process.0.kill()?;
        process.0.wait()?;
        Ok(())
    }

    /// Asks it to stop, as Ctrl-C does, and waits until it has.
    ///
    /// # Errors
    /// It is not running, or ends with a failure.
    pub fn stop(&self) -> Result<ExitStatus> {
        let mut process = self.process().take().context("the server is not running")?;
        let id = process.0.id().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status()?;
        ensure!(sent.success(), "cannot send the interrupt: {sent}");
        let status = process.0.wait()?;
        ensure!(status.success(), "the server ended with {status}: {}", self.log());
        Ok(status)
    }

    /// Starts it again after [`kill`](Self::kill) or [`stop`](Self::stop), at the same addresses and
    /// on the same data.
    ///
    /// # Errors
    /// It is still running, or does not come up.
    pub fn restart(&self) -> Result<()> {
        let mut process = self.process();
        ensure!(process.is_none(), "the server is still running");
        let Places { http, media, .. } = self.places;
        let (started, _) = Process::start(self.folder.path(), http, media)?;
        *process = Some(started);
        Ok(())
    }

    /// Gets `path`, relative to [`url`](Self::url).
    ///
    /// # Errors
    /// The server does not answer, or not with success.
    pub fn get(&self, path: &str) -> Result<Response> {
        let response = self.request("GET", path, &[], b"")?;
        ensure!(response.status == 200, "GET {path}: {} {}", response.status, response.text());
        Ok(response)
    }

    /// Sends any request.
    ///
    /// # Errors
    /// The server does not answer.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Response> {
        http::request(self.places.http, method, &format!("/{path}"), headers, body)
    }

    /// Signs somebody in and gives their token.
    ///
    /// # Errors
    /// The server does not answer, or refuses.
    pub fn token(&self, name: &str) -> Result<String> {
        let body = json!({ "name": name }).to_string();
        let kind = [("content-type", "application/json")];
        let answer = self.request("POST", "api/tokens", &kind, body.as_bytes())?;
        ensure!(answer.status == 200, "api/tokens: {} {}", answer.status, answer.text());
        answer.json()?["token"].as_str().map(str::to_owned).context("no token in the answer")
    }

    /// The value of a metric that has no labels, from `GET metrics`.
    ///
    /// # Errors
    /// The server does not answer, or has no such metric.
    pub fn metric(&self, name: &str) -> Result<f64> {
        let metrics = self.get("metrics")?.text();
        let mut lines = metrics.lines().filter_map(|line| line.split_once(' '));
        let (_, value) = lines
            .find(|(candidate, _)| *candidate == name)
            .ok_or_else(|| anyhow!("no metric {name} in:\n{metrics}"))?;
        value.trim().parse().with_context(|| format!("{name} is {value}"))
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().expect("nobody panics while holding the process")
    }
}

impl Process {
    fn start(folder: &Path, listen: SocketAddr, udp: SocketAddr) -> Result<(Self, Places)> {
        let log = File::options().create(true).append(true).open(log_path(folder))?;
        let mut child = Command::new(program()?)
            .args(["--listen", &listen.to_string(), "--udp", &udp.to_string(), "--data-dir"])
            .arg(folder.join("data"))
            .args(["--log", "info"])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.try_clone()?)
            .spawn()?;
        let stdout = child.stdout.take().expect("stdout is piped above");
        // Killed when dropped, also when it prints nothing of use.
        let process = Self(child);
        let places = printed_places(stdout, log).map_err(|error| {
            let log = fs::read_to_string(log_path(folder)).unwrap_or_default();
            anyhow!("{error:#}; its log:\n{log}")
        })?;
        Ok((process, places))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both are refused when the process has already been waited for, and that is fine.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for the lines that tell the URL and the media's address, and copies every line to the log for as
/// long as the server prints.
fn printed_places(stdout: ChildStdout, mut log: File) -> Result<Places> {
    // Two words are awaited; more than fit are of no interest.
    let (sender, words) = sync_channel(2);
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = writeln!(log, "{line}");
            let told = match line.split_whitespace().collect::<Vec<_>>().as_slice() {
                ["Salon", "is", "at", url] => url.starts_with("http://").then(|| (*url).to_owned()),
                ["Media", "UDP", address] => Some((*address).to_owned()),
                _ => None,
            };
            if let Some(word) = told {
                let _ = sender.try_send(word);
            }
        }
    });
    let url = words.recv_timeout(START_MAX).map_err(|_| anyhow!("the server told no URL"))?;
    let media =
        words.recv_timeout(START_MAX).map_err(|_| anyhow!("the server told no UDP port"))?;
    let media = media.parse().with_context(|| format!("{media} is no address"))?;
    Ok(Places { http: http::address(&url)?, url, media })
}

fn log_path(folder: &Path) -> PathBuf {
    folder.join("server.log")
}

/// The server's program: the one that `SALON_LIVE` names, else built here with the profile of this test.
fn program() -> Result<&'static Path> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = PROGRAM.get_or_init(|| match std::env::var_os("SALON_LIVE") {
        Some(path) => Ok(path.into()),
        None => build().map_err(|error| format!("{error:#}")),
    });
    built.as_deref().map_err(|error| anyhow!("{error}"))
}

fn build() -> Result<PathBuf> {
    let (profile, binaries) = target::profile()?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--package", "live", "--profile", &profile, "--target-dir"])
        .arg(target::folder()?)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .context("cannot run cargo")?;
    let path = binaries.join("live");
    if !status.success() || !path.is_file() {
        bail!("`cargo build -p live` failed: {status}");
    }
    Ok(path)
}
