//! The scenarios with real browsers, one after another, each with its name, time and result.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process::{cargo, run, shown};
use crate::report::{Line, Notes, Outcome};

/// The package that holds the scenarios.
pub(crate) const PACKAGE: &str = "salon-e2e";

/// What the build made that the scenarios need.
#[derive(Debug, Default)]
pub(crate) struct Built {
    /// The server's program.
    server: Option<PathBuf>,
    /// The program of the driver's own unit tests.
    driver: Option<PathBuf>,
    /// Each scenario's program, by its name.
    scenarios: Vec<(String, PathBuf)>,
}

/// Builds every program and every test of the workspace, all with the same features, so that nothing that
/// runs later builds again; remembers what the scenarios need.
pub(crate) fn build() -> Result<Built> {
    let mut command = cargo();
    command.args(["build", "--workspace", "--bins", "--tests"]);
    command.arg("--message-format=json-render-diagnostics").stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let stdout = child.stdout.take().context("stdout is piped above")?;
    let mut built = Built::default();
    for line in BufReader::new(stdout).lines() {
        built.note(&serde_json::from_str(&line?)?);
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{}`: {status}", shown(&command));
    }
    built.scenarios.sort();
    Ok(built)
}

impl Built {
    fn note(&mut self, message: &Value) {
        let Some(program) = message["executable"].as_str().map(PathBuf::from) else { return };
        let target = &message["target"];
        let name = target["name"].as_str().unwrap_or_default().to_owned();
        let is_test = message["profile"]["test"] == true;
        let manifest = message["manifest_path"].as_str().unwrap_or_default();
        if !is_test && name == "live" {
            self.server = Some(program);
        } else if is_test && manifest.ends_with(&format!("{PACKAGE}/Cargo.toml")) {
            match target["kind"][0].as_str() {
                Some("lib") => self.driver = Some(program),
                _ => self.scenarios.push((name, program)),
            }
        }
    }

    /// Runs the driver's unit tests, which need no browser.
    pub(crate) fn check_driver(&self) -> Result<()> {
        run(&mut Command::new(self.driver.as_ref().context("the driver has no unit tests")?))
    }

    /// Runs every scenario, also after one has failed.
    pub(crate) fn run(&self, notes: &mut Notes) -> Result<()> {
        let server = self.server.as_ref().context("the build made no `live`")?;
        for (name, program) in &self.scenarios {
            let mut command = Command::new(program);
            command.args(["--test-threads=1", "--color=never"]);
            command.env("SALON_LIVE", server).current_dir(format!("crates/{PACKAGE}"));
            println!("{name}");
            let started = Instant::now();
            let output = watched(&mut command)?;
            let time = started.elapsed();
            let mut lines = results(&output);
            if lines.is_empty() && !output.success {
                let outcome = Outcome::Failed("ended before its first test".to_owned());
                lines.push((name.clone(), outcome));
            }
            let each = time / u32::try_from(lines.len().max(1))?;
            notes.browser_tests.extend(lines.into_iter().map(|(name, outcome)| Line {
                name,
                outcome,
                time: each,
            }));
        }
        let skipped = |line: &&Line| matches!(line.outcome, Outcome::Skipped(_));
        let failed = |line: &&Line| matches!(line.outcome, Outcome::Failed(_));
        let total = notes.browser_tests.len();
        match notes.browser_tests.iter().filter(failed).count() {
            0 => {}
            count => bail!("{count} of {total} failed"),
        }
        match notes.browser_tests.iter().filter(skipped).count() {
            0 => {}
            count => notes.skipped.push(format!("{count} of {total} need what is missing")),
        }
        Ok(())
    }
}

/// What a test program printed.
#[derive(Debug)]
struct Output {
    success: bool,
    stdout: Vec<String>,
    stderr: Vec<String>,
}

/// Runs a program, shows what it prints while it runs, and gives it as well.
fn watched(command: &mut Command) -> Result<Output> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let stdout = child.stdout.take().context("stdout is piped above")?;
    let stderr = child.stderr.take().context("stderr is piped above")?;
    let (stdout, stderr) = std::thread::scope(|scope| {
        let stderr = scope.spawn(|| copied(stderr));
        (copied(stdout), stderr.join().unwrap_or_default())
    });
    Ok(Output { success: child.wait()?.success(), stdout, stderr })
}

fn copied(stream: impl Read) -> Vec<String> {
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    lines.inspect(|line| println!("  {line}")).collect()
}

/// Each test's name and result, from the harness's lines and from those that say what was skipped.
fn results(output: &Output) -> Vec<(String, Outcome)> {
    let reason = |name: &str| {
        let start = format!("SKIPPED {name}: ");
        output.stderr.iter().find_map(|line| line.strip_prefix(start.as_str()))
    };
    let mut results = Vec::new();
    for line in &output.stdout {
        let Some((name, word)) =
            line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... "))
        else {
            continue;
        };
        let outcome = match (word, reason(name)) {
            ("ok", None) => Outcome::Ok,
            ("ok", Some(reason)) => Outcome::Skipped(reason.to_owned()),
            _ => Outcome::Failed("see above".to_owned()),
        };
        results.push((name.to_owned(), outcome));
    }
    results
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_from_what_the_harness_prints() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let output = Output {
            success: false,
            stdout: lines("running 3 tests\ntest a ... ok\ntest b ... FAILED\ntest c ... ok\n"),
            stderr: lines("SKIPPED c: no browser"),
        };
        let expected = [
            ("a".to_owned(), Outcome::Ok),
            ("b".to_owned(), Outcome::Failed("see above".to_owned())),
            ("c".to_owned(), Outcome::Skipped("no browser".to_owned())),
        ];
        assert_eq!(results(&output), expected);
    }
}
