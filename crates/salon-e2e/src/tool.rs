//! The programs of others that scenarios need: found where they are installed, or missing.

use std::path::PathBuf;

use crate::target;

/// A program that a scenario needs.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Tool {
    /// The browser of most people.
    Chromium,
    /// The other browser. VP8 only: its H264 is a plug-in that is downloaded from its makers.
    Firefox,
    /// Python with aiortc: a client that shares no code with any browser.
    Aiortc,
}

impl Tool {
    /// Where it is.
    #[must_use]
    pub fn found(self) -> Option<PathBuf> {
        match self {
            Self::Chromium => {
                on_path(&["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"])
            }
            Self::Firefox => on_path(&["firefox-esr", "firefox"]),
            Self::Aiortc => aiortc(),
        }
    }

    /// What to say when it is missing.
    #[must_use]
    pub fn absence(self) -> &'static str {
        match self {
            Self::Chromium => {
                "no browser: install Debian's package chromium, or run `cargo xtask test`"
            }
            Self::Firefox => {
                "no Firefox: install Debian's package firefox-esr, or run `cargo xtask test`"
            }
            Self::Aiortc => "no aiortc: `cargo xtask test` makes its Python environment",
        }
    }
}

/// The first of these names in the folders of the search path.
fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders = std::env::split_paths(&path).collect::<Vec<_>>();
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|candidate| candidate.is_file())
}

/// The Python of the environment in the target folder, if it holds what this version of the tests asks for.
fn aiortc() -> Option<PathBuf> {
    let environment = target::folder().ok()?.join("e2e-python");
    let installed = std::fs::read_to_string(environment.join("installed.txt")).ok()?;
    let wanted = include_str!("../python/requirements.txt");
    (installed == wanted).then(|| environment.join("bin").join("python"))
}
