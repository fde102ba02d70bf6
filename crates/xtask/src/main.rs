//! The project's tasks, the same on a laptop and in continuous integration.
//!
//! `cargo xtask` works from any folder of the workspace; `cargo xtask --help` says what there is.

mod arrows;
mod browsers;
mod fuzz;
mod process;
mod python;
mod readme;
mod report;
mod setup;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::workspace::Workspace;

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Sets up, checks and tests Salon. Most people want `cargo xtask test`.",
    after_help = "Environment:\n  SALON_REQUIRE=all  a missing tool is a failure, not a reason to skip (set this in CI)\n  \
                  CI=true            install missing packages without asking"
)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Everything that must hold before a change lands: set-up, format, lints, tests, documentation,
    /// architecture, and scenarios with real browsers. Says at the end what was skipped, and why.
    Test(SetUp),
    /// All of `test`, then the property tests of the pure crates in release mode with 100,000 cases each, and every
    /// fuzz target for ten minutes.
    Soak(SetUp),
    /// Only the architecture: the arrows between crates are those that docs/ARCHITECTURE.md allows, and
    /// what is pure reaches no runtime, socket or database.
    Arrows,
    /// Only the tree's manners: every file says what it is, functions fit a screen, nothing is left to do.
    Tidy,
}

#[derive(Args, Debug)]
struct SetUp {
    /// Install missing Debian packages, Rust components and the Python environment without asking.
    #[arg(long)]
    yes: bool,
}

fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    let workspace = Workspace::load()?;
    std::env::set_current_dir(&workspace.root)?;
    match cli.task {
        Task::Test(SetUp { yes }) => Ok(test::run(&workspace, yes, test::Length::Short)),
        Task::Soak(SetUp { yes }) => Ok(test::run(&workspace, yes, test::Length::Long)),
        Task::Arrows => arrows::check(&workspace).map(|()| ExitCode::SUCCESS),
        Task::Tidy => tidy::check().map(|()| ExitCode::SUCCESS),
    }
}

/// The names of the tasks, for the check that documents name no other.
fn task_names() -> Vec<String> {
    use clap::CommandFactory as _;
    Cli::command().get_subcommands().map(|task| task.get_name().to_owned()).collect()
}
