//! Steps as they run, and the summary at the end.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;

/// How a step or a browser test ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// It did what it should.
    Ok,
    /// It ran and something is wrong.
    Failed(String),
    /// It did not run, or not all of it.
    Skipped(String),
}

/// One line of the summary.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) outcome: Outcome,
    pub(crate) time: Duration,
}

/// Everything that has run so far.
#[derive(Debug)]
pub(crate) struct Report {
    steps_total: usize,
    started: Instant,
    steps: Vec<Line>,
    browser_tests: Vec<Line>,
}

impl Report {
    /// Announces `steps_total` steps.
    pub(crate) fn new(steps_total: usize) -> Self {
        Self { steps_total, started: Instant::now(), steps: Vec::new(), browser_tests: Vec::new() }
    }

    /// Runs one step, after saying so, and remembers how it ended; gives its value if it has one.
    pub(crate) fn step<T>(
        &mut self,
        name: &str,
        work: impl FnOnce(&mut Notes) -> Result<T>,
    ) -> Option<T> {
        println!("\n[{}/{}] {name} ...", self.steps.len() + 1, self.steps_total);
        let started = Instant::now();
        let mut notes = Notes::default();
        let result = work(&mut notes);
        let outcome = match &result {
            Ok(_) if notes.skipped.is_empty() => Outcome::Ok,
            Ok(_) => Outcome::Skipped(notes.skipped.join("; ")),
            Err(error) => Outcome::Failed(format!("{error:#}")),
        };
        if let Outcome::Failed(why) = &outcome {
            println!("FAILED {name}: {why}");
        }
        self.browser_tests.append(&mut notes.browser_tests);
        self.steps.push(Line { name: name.to_owned(), outcome, time: started.elapsed() });
        result.ok()
    }

    /// Prints the summary; the exit code says whether everything that ran was right.
    pub(crate) fn finish(self) -> ExitCode {
        println!("\nSummary");
        self.steps.iter().for_each(print);
        if !self.browser_tests.is_empty() {
            println!("\nBrowser tests");
            self.browser_tests.iter().for_each(print);
        }
        let count = |wanted: fn(&Outcome) -> bool| {
            self.steps.iter().filter(|line| wanted(&line.outcome)).count()
        };
        let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
        let skipped = count(|outcome| matches!(outcome, Outcome::Skipped(_)));
        let ok = self.steps.len() - failed - skipped;
        println!(
            "\n{ok} ok, {failed} failed, {skipped} skipped, in {}",
            span(self.started.elapsed())
        );
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// What a step wants to have said of it besides success or failure.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) skipped: Vec<String>,
    pub(crate) browser_tests: Vec<Line>,
}

fn print(line: &Line) {
    let (word, why) = match &line.outcome {
        Outcome::Ok => ("ok", None),
        Outcome::Failed(why) => ("FAILED", Some(why)),
        Outcome::Skipped(why) => ("SKIPPED", Some(why)),
    };
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    println!("  {word:<8}{:>10}  {}{why}", span(line.time), line.name);
}

/// A duration as a person would say it.
fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;

    /// Whether a report with one step of this result ends in success.
    fn succeeds(work: impl FnOnce(&mut Notes) -> Result<()>) -> bool {
        let mut report = Report::new(1);
        report.step("step", work);
        report.finish() == ExitCode::SUCCESS
    }

    #[test]
    fn only_a_failure_fails() {
        assert!(succeeds(|_| Ok(())));
        assert!(succeeds(|notes| {
            notes.skipped.push("nothing to do".to_owned());
            Ok(())
        }));
        assert!(!succeeds(|_| bail!("no")));
    }

    #[test]
    fn durations_are_readable() {
        assert_eq!(span(Duration::from_millis(1_234)), "1.2 s");
        assert_eq!(span(Duration::from_secs(605)), "10 min 05 s");
    }
}
