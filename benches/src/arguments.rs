//! The flags that all benches share.

use std::path::PathBuf;

/// Where plots go, from the workspace's root.
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

    /// Where the plot of a bench goes, if one is wanted.
    #[must_use]
    pub fn plot_file(&self, bench: &str) -> Option<PathBuf> {
        let is_wanted = self.bench && !self.no_plot;
        is_wanted.then(|| workspace().join(PLOTS).join(format!("{bench}.svg")))
    }
}

/// The workspace's root.
#[must_use]
pub fn workspace() -> PathBuf {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.pop();
    path
}
