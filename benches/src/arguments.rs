//! The flags that all benches share.

use std::env;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

/// Where plots of full runs go, from the workspace's root.
const PLOTS: &str = "docs/plots";

/// Flags of every bench.
#[derive(Clone, Debug, clap::Args)]
pub struct Common {
    /// A run of seconds, to see that it works; its numbers mean nothing
    #[arg(long)]
    pub quick: bool,

    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,

    /// Write no plot
    #[arg(long)]
    pub no_plot: bool,

    /// Given by `cargo bench`; without it a bench is a test, which only has to show that it runs
    #[arg(long, hide = true)]
    bench: bool,
}

/// How much is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Effort {
    /// As little as shows that everything works.
    Quick,
    /// As much as numbers need that are to be believed.
    Full,
}

impl Common {
    /// How much is asked for.
    #[must_use]
    pub fn effort(&self) -> Effort {
        if self.quick || !self.bench { Effort::Quick } else { Effort::Full }
    }

    /// One of two values, by effort.
    #[must_use]
    pub fn choose<T>(&self, quick: T, full: T) -> T {
        match self.effort() {
            Effort::Quick => quick,
            Effort::Full => full,
        }
    }

    /// Where the plot of a bench goes, if one is wanted. What means nothing is kept away from the documents.
    ///
    /// # Errors
    /// This program is not where cargo puts programs.
    pub fn plot_file(&self, bench: &str) -> Result<Option<PathBuf>> {
        if self.no_plot || !self.bench {
            return Ok(None);
        }
        let folder = self.choose(target_folder()?.join("plots"), workspace().join(PLOTS));
        Ok(Some(folder.join(format!("{bench}.svg"))))
    }
}

/// The workspace's root.
#[must_use]
pub fn workspace() -> PathBuf {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.pop();
    path
}

/// Cargo's folder of everything that is built, which has this program in `<profile>/deps`.
///
/// # Errors
/// This program is not where cargo puts programs.
pub fn target_folder() -> Result<PathBuf> {
    let this = env::current_exe()?;
    let target = this.ancestors().nth(3).context("this program is in no folder of cargo's")?;
    Ok(target.to_owned())
}
