//! Everything that must hold before a change lands, as steps.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::browsers::{self, Built, PACKAGE};
use crate::process::{call, cargo};
use crate::report::Report;
use crate::workspace::Workspace;
use crate::{arrows, fuzz, readme, setup, task_names, tidy};

/// Cases of each property in a long run. At about 20 us a case this is seconds for each property; a guess.
const LONG_CASES: &str = "100000";

/// How much is run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Length {
    /// What every change needs.
    Short,
    /// And the long property tests, and fuzzing.
    Long,
}

/// Runs the steps, the quick ones first; a failed step does not keep later ones from running.
pub(crate) fn run(workspace: &Workspace, yes: bool, length: Length) -> ExitCode {
    let mut report = Report::new(match length {
        Length::Short => 11,
        Length::Long => 13,
    });
    report.step("set-up", |notes| setup::run_setup(workspace, yes, notes));
    report.step("format", |_| call(cargo().args(["fmt", "--all", "--check"])));
    report.step("tidy", |_| tidy::check());
    report.step("commands in documents", |_| readme::check(workspace, &task_names()));
    report.step("arrows between crates", |_| arrows::check(workspace));
    // Warnings are denied by flags of clippy and rustdoc alone: one that reached every dependency would
    // build all of them again.
    report.step("lints", |_| {
        let scope = ["clippy", "--workspace", "--all-targets", "--all-features"];
        call(cargo().args(scope).args(["--", "-D", "warnings"]))
    });
    let built = report.step("build", |_| browsers::build());
    report.step("tests", |_| {
        let scope = ["test", "--workspace", "--exclude", PACKAGE, "--no-fail-fast"];
        let others = call(cargo().args(scope));
        built.as_ref().map_or(Ok(()), Built::check_driver).and(others)
    });
    report.step("fuzz seeds", |_| fuzz::replay(workspace));
    report.step("documentation", |_| {
        let scope = ["doc", "--workspace", "--no-deps", "--all-features"];
        call(cargo().args(scope).env("RUSTDOCFLAGS", "-D warnings"))
    });
    report.step("browser tests", |notes| built.context("the build failed")?.run(notes));
    if length == Length::Long {
        report.step("long property tests", |_| long_properties(workspace));
        report.step("fuzzing", |notes| fuzz::run_all(workspace, notes));
    }
    report.finish()
}

/// The tests of the pure crates once more, optimised and with many cases.
fn long_properties(workspace: &Workspace) -> Result<()> {
    let mut command = cargo();
    command.args(["test", "--release", "--no-fail-fast"]);
    for package in arrows::pure_crates(workspace)? {
        command.args(["--package", &package]);
    }
    call(command.env("PROPTEST_CASES", LONG_CASES))
}
