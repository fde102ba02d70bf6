//! A real browser, headless, with fake cameras: Chromium or Firefox.

use std::path::Path;
use std::process::Child;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use tempfile::TempDir;

use crate::bidi::Context;
use crate::cdp::Target;
use crate::connection::Connection;
use crate::page::Page;
use crate::{chromium, firefox};

/// How long a browser may take to end by itself before it is killed.
const END_MAX: Duration = Duration::from_secs(5);

/// One browser process with a profile of its own. Ends when the last clone and the last page are dropped.
#[derive(Clone)]
pub struct Browser(Program);

#[derive(Clone)]
enum Program {
    Chromium(Arc<chromium::Process>),
    Firefox(Arc<firefox::Process>),
}

impl Browser {
    /// Starts the Chromium at `program`.
    ///
    /// # Errors
    /// It cannot be started, or does not speak the DevTools protocol.
    pub fn chromium(program: &Path) -> Result<Self> {
        Ok(Self(Program::Chromium(Arc::new(chromium::Process::launch(program)?))))
    }

    /// Starts the Firefox at `program`.
    ///
    /// # Errors
    /// It cannot be started, or does not speak WebDriver BiDi.
    pub fn firefox(program: &Path) -> Result<Self> {
        Ok(Self(Program::Firefox(Arc::new(firefox::Process::launch(program)?))))
    }

    /// Opens `url` for one more person: a window with cookies and storage shared with nobody.
    ///
    /// # Errors
    /// The page cannot be loaded.
    pub fn open(&self, url: &str) -> Result<Page> {
        let page = match &self.0 {
            Program::Chromium(process) => Page::new(Target::create(Arc::clone(process))?)?,
            Program::Firefox(process) => Page::new(Context::create(Arc::clone(process))?)?,
        };
        page.goto(url)?;
        Ok(page)
    }
}

impl std::fmt::Debug for Browser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match &self.0 {
            Program::Chromium(_) => "Chromium",
            Program::Firefox(_) => "Firefox",
        };
        f.debug_tuple("Browser").field(&name).finish()
    }
}

/// A folder for a profile, and for the browser's log.
pub(crate) fn profile() -> Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("salon-e2e-profile-").tempdir()?)
}

/// How a browser process ends: by itself when asked, else killed; always before its profile is removed.
pub(crate) struct Ending {
    child: Child,
    on_gone: Option<Mutex<Receiver<()>>>,
    profile: TempDir,
}

impl Ending {
    pub(crate) fn new(child: Child, profile: TempDir) -> Self {
        Self { child, on_gone: None, profile }
    }

    /// A hang-up here tells that the browser has gone.
    pub(crate) fn announced_by(&mut self, on_gone: Receiver<()>) {
        self.on_gone = Some(Mutex::new(on_gone));
    }

    /// What the browser has printed to `browser.log` in its profile.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.profile.path().join("browser.log")).unwrap_or_default()
    }

    /// Sends the command that ends the browser and gives it some time to.
    pub(crate) fn ask(&mut self, connection: &Connection, command: &str) {
        let asked = connection.call(command, json!({}), END_MAX);
        if let (Ok(_), Some(on_gone)) = (asked, self.on_gone.as_mut()) {
            let on_gone = on_gone.get_mut().expect("nobody panics while waiting for the end");
            // Either way it ends here: the hang-up says it went, the time limit that it must be killed.
            let _ = on_gone.recv_timeout(END_MAX);
        }
    }

    /// Whether the process has ended.
    pub(crate) fn has_come(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        // Killing a process that has already ended is refused, and that is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
