//! A real Chromium, headless, with fake cameras: started, spoken to and ended over two pipes.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use tempfile::TempDir;

use crate::cdp::Connection;
use crate::page::Page;

/// Names under which a Chromium may be installed, the best first.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/// How long a browser may take to end by itself before it is killed.
const END_MAX: Duration = Duration::from_secs(5);

/// Headless, no first-run chatter, cameras and microphones that need no hardware and no consent,
/// sound without a tap, ICE over the loopback, and no throttling of pages that nobody looks at.
const FLAGS: [&str; 21] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-breakpad",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--use-fake-device-for-media-stream=fps=15",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
    "--lang=en-US",
    "--window-size=390,780",
    "--remote-debugging-pipe",
];

/// Where the browser's program is, or nothing if none is installed.
#[must_use]
pub fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders = std::env::split_paths(&path).collect::<Vec<_>>();
    NAMES
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|candidate| candidate.is_file())
}

/// One browser process with a profile of its own. Ends when the last clone and the last page are dropped.
#[derive(Clone)]
pub struct Browser(Arc<Process>);

pub(crate) struct Process {
    connection: Connection,
    child: Mutex<Child>,
    on_gone: Mutex<Receiver<()>>,
    profile: TempDir,
}

impl Browser {
    /// Starts the program at `program`.
    ///
    /// # Errors
    /// It cannot be started, or does not speak the DevTools protocol.
    pub fn launch(program: &std::path::Path) -> Result<Self> {
        let profile = tempfile::Builder::new().prefix("salon-e2e-profile-").tempdir()?;
        let log = File::create(profile.path().join("browser.log"))?;
        // The browser reads commands from descriptor 3 and answers on 4. The shell makes these of our two
        // pipes and then becomes the browser; its own printing goes to the log.
        let mut child = Command::new("sh")
            .args(["-c", r#"exec "$@" 3<&0 4>&1 1>&2"#, "sh"])
            .arg(program)
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let commands = child.stdin.take().expect("stdin is piped above");
        let answers = child.stdout.take().expect("stdout is piped above");
        let (connection, on_gone) = Connection::open(commands, answers);
        let child = Mutex::new(child);
        let process = Process { connection, child, on_gone: Mutex::new(on_gone), profile };
        process.connection.call(None, "Browser.getVersion", json!({})).with_context(|| {
            let log = std::fs::read_to_string(process.profile.path().join("browser.log"));
            format!("{} does not answer: {}", program.display(), log.unwrap_or_default())
        })?;
        Ok(Self(Arc::new(process)))
    }

    /// Opens `url` for one more person: a window with cookies and storage shared with nobody.
    ///
    /// # Errors
    /// The page cannot be loaded.
    pub fn open(&self, url: &str) -> Result<Page> {
        let page = Page::create(Arc::clone(&self.0))?;
        page.goto(url)?;
        Ok(page)
    }
}

impl std::fmt::Debug for Browser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Browser").field("profile", &self.0.profile.path()).finish_non_exhaustive()
    }
}

impl Process {
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let asked = self.connection.call_within(None, "Browser.close", json!({}), END_MAX);
        let on_gone = self.on_gone.get_mut().expect("nobody panics while waiting for the end");
        if asked.is_ok() {
            // Either way it ends here: the hang-up says it went, the time limit that it must be killed.
            let _ = on_gone.recv_timeout(END_MAX);
        }
        let child = self.child.get_mut().expect("nobody panics while holding the child");
        // Killing a process that has already ended is refused, and that is fine.
        let _ = child.kill();
        let _ = child.wait();
    }
}
