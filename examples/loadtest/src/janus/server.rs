//! A Janus of this program's own: the distribution's package with a configuration that loads what is needed and no more.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::room::media_ip;
use crate::cores::Cores;

/// How long it may take to listen. A guess, far above what it takes.
const START_MAX: Duration = Duration::from_secs(20);
/// How long it may take to end before it is killed. A guess.
const END_MAX: Duration = Duration::from_secs(3);
/// How often it is looked whether it has begun or ended.
const LOOK: Duration = Duration::from_millis(20);
/// Where the package puts what it loads, below the folder of libraries.
const LIBRARIES: &str = "/usr/lib";
/// What to do when there is none.
const MISSING: &str = "Janus is not installed: install it with `apt-get install janus`, or load one that runs with --janus";
/// How much of its log is shown when it does not start.
const LOG_LINES_MAX: usize = 15;

/// A running server. Ended, and its configuration forgotten, when dropped.
#[derive(Debug)]
pub(crate) struct Janus {
    process: Child,
    url: String,
    event_loops: u8,
    _folder: TempDir,
}

impl Janus {
    /// Starts the server; so many event loops, or a thread for each peer if it is zero.
    ///
    /// To be called before this process has other threads: they run where this one does.
    pub(crate) fn start(event_loops: u8, cores: Cores) -> Result<Self> {
        let installed = installed().context(MISSING)?;
        let folder = tempfile::Builder::new().prefix("salon-loadtest-janus-").tempdir()?;
        // Somebody else may take it meanwhile; then Janus says so and ends.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let url = format!("ws://127.0.0.1:{port}");
        configure(folder.path(), &installed, event_loops, port, &media_ip(&url)?.to_string())?;
        let log = folder.path().join("janus.log");
        let output = File::create(&log)?;
        let mut command = Command::new("janus");
        command
            .arg("--configs-folder")
            .arg(folder.path())
            .arg("--config")
            .arg(folder.path().join("janus.jcfg"))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let process = cores.spawn(&mut command).context(MISSING)?;
        let mut janus = Self { process, url, event_loops, _folder: folder };
        janus.wait(port, &log)?;
        Ok(janus)
    }

    /// What the result calls it.
    pub(crate) fn name(&self) -> String {
        match self.event_loops {
            0 => "a Janus of its own, with a thread for each peer".to_owned(),
            1 => "a Janus of its own, with one event loop".to_owned(),
            loops => format!("a Janus of its own, with {loops} event loops"),
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Waits until it listens.
    fn wait(&mut self, port: u16, log: &Path) -> Result<()> {
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let ended = self.process.try_wait()?;
            if ended.is_some() || began.elapsed() > START_MAX {
                let log = fs::read_to_string(log).unwrap_or_default();
                let lines: Vec<&str> = log.lines().collect();
                let shown = lines[lines.len().saturating_sub(LOG_LINES_MAX)..].join("\n");
                let how =
                    ended.map_or("does not listen".to_owned(), |status| format!("ended: {status}"));
                bail!("Janus {how}; its log:\n{shown}");
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }
}

impl Drop for Janus {
    fn drop(&mut self) {
        // Refused when the process has ended by itself, and that is fine.
        let pid = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
        let began = Instant::now();
        while matches!(self.process.try_wait(), Ok(None)) {
            if began.elapsed() > END_MAX {
                let _ = self.process.kill();
                let _ = self.process.wait();
                return;
            }
            std::thread::sleep(LOOK);
        }
    }
}

/// The folder of the package's plugins and transports, if it is installed.
fn installed() -> Option<PathBuf> {
    let has_plugin = |folder: &PathBuf| folder.join("plugins/libjanus_videoroom.so").is_file();
    let below = fs::read_dir(LIBRARIES).ok()?.flatten().map(|entry| entry.path().join("janus"));
    std::iter::once(Path::new(LIBRARIES).join("janus")).chain(below).find(has_plugin)
}

/// Writes a configuration that loads one plugin and one transport, and listens on the loopback.
fn configure(folder: &Path, installed: &Path, event_loops: u8, port: u16, ip: &str) -> Result<()> {
    for (kind, library) in
        [("plugins", "libjanus_videoroom.so"), ("transports", "libjanus_websockets.so")]
    {
        let into = folder.join(kind);
        fs::create_dir(&into)?;
        symlink(installed.join(kind).join(library), into.join(library))?;
    }
    for none in ["events", "loggers"] {
        fs::create_dir(folder.join(none))?;
    }
    let at = folder.display();
    // As a number of zero is none, and as many as wanted are a line.
    let loops = match event_loops {
        0 => String::new(),
        loops => format!("\tevent_loops = {loops}\n"),
    };
    fs::write(
        folder.join("janus.jcfg"),
        format!(
            "general: {{\n\tconfigs_folder = \"{at}\"\n\tplugins_folder = \"{at}/plugins\"\n\
             \ttransports_folder = \"{at}/transports\"\n\tevents_folder = \"{at}/events\"\n\
             \tloggers_folder = \"{at}/loggers\"\n\tdebug_level = 3\n{loops}}}\n\
             media: {{\n\tipv6 = false\n}}\n\
             nat: {{\n\tice_enforce_list = \"{ip}\"\n\tfull_trickle = false\n\tice_lite = true\n}}\n"
        ),
    )?;
    fs::write(
        folder.join("janus.transport.websockets.jcfg"),
        format!(
            "general: {{\n\tjson = \"compact\"\n\tws = true\n\tws_port = {port}\n\
             \tws_ip = \"127.0.0.1\"\n\twss = false\n}}\nadmin: {{\n\tadmin_ws = false\n}}\n"
        ),
    )?;
    fs::write(folder.join("janus.plugin.videoroom.jcfg"), "general: {\n}\n")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_loops_are_a_line_unless_they_are_as_installed() {
        for (loops, expected) in [(0, false), (1, true)] {
            let folder = tempfile::tempdir().unwrap();
            configure(folder.path(), Path::new("/nowhere"), loops, 7, "192.0.2.7").unwrap();
            let text = fs::read_to_string(folder.path().join("janus.jcfg")).unwrap();
            assert_eq!(text.contains("event_loops = 1"), expected, "{text}");
            assert!(text.contains("ice_enforce_list = \"192.0.2.7\""), "{text}");
        }
    }
}
