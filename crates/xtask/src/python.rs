//! The Python environment in which a scenario's viewer runs, inside the target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

/// What it holds: every package with its version.
const REQUIREMENTS: &str = "crates/salon-e2e/python/requirements.txt";

/// The environment, made or not.
#[derive(Debug)]
pub(crate) struct Environment {
    folder: PathBuf,
}

impl Environment {
    /// The one of this target folder; scenarios look for it there.
    pub(crate) fn of(target: &Path) -> Self {
        Self { folder: target.join("e2e-python") }
    }

    /// Whether it holds what the requirements ask for now.
    pub(crate) fn is_ready(&self) -> bool {
        let wanted = fs::read(REQUIREMENTS).ok();
        wanted.is_some() && wanted == fs::read(self.stamp()).ok()
    }

    /// What makes it; [`finish`](Self::finish) comes after.
    pub(crate) fn installation(&self) -> [Command; 2] {
        let mut make = Command::new("python3");
        make.args(["-m", "venv", "--clear"]).arg(&self.folder);
        let mut fill = Command::new(self.folder.join("bin").join("python"));
        fill.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
        fill.args(["--timeout", "30", "--retries", "2", "--requirement", REQUIREMENTS]);
        [make, fill]
    }

    /// Notes what it holds.
    pub(crate) fn finish(&self) -> Result<()> {
        let stamp = self.stamp();
        fs::copy(REQUIREMENTS, &stamp).with_context(|| stamp.display().to_string()).map(drop)
    }

    fn stamp(&self) -> PathBuf {
        self.folder.join("installed.txt")
    }
}
