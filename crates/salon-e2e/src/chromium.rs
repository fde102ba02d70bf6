//! A real Chromium, headless, with fake cameras: started, spoken to and ended over two pipes.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::json;

use crate::browser::{Ending, profile};
use crate::cdp;
use crate::connection::{ANSWER_MAX, Connection};

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

/// One running Chromium with a profile of its own. Ends when dropped.
pub(crate) struct Process {
    connection: Connection,
    ending: Ending,
}

impl Process {
    /// Starts the program at `program`.
    pub(crate) fn launch(program: &Path) -> Result<Self> {
        let profile = profile()?;
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
        let mut ending = Ending::new(child, profile);
        let (connection, on_gone) = cdp::open(commands, answers);
        ending.announced_by(on_gone);
        connection
            .call("Browser.getVersion", json!({}), ANSWER_MAX)
            .with_context(|| format!("{} does not answer: {}", program.display(), ending.log()))?;
        Ok(Self { connection, ending })
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.ending.ask(&self.connection, "Browser.close");
    }
}
