//! What the tests need that cargo does not bring: found, installed, or skipped loudly.

use std::io::{IsTerminal as _, Write as _};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::{run_within, shown, succeeds};
use crate::python::Environment;
use crate::report::Notes;
use crate::workspace::Workspace;

/// How long one command of the set-up may take, downloads included. A guess: two browsers over a slow line.
const COMMAND_MAX: Duration = Duration::from_secs(600);

/// Where a missing thing comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Source {
    Debian,
    Rustup,
}

/// One thing the tests need.
#[derive(Debug)]
struct Need {
    /// The name of the Debian package or of the Rust component.
    package: &'static str,
    source: Source,
    needed_by: &'static str,
    /// A line of shell that succeeds where it is present.
    probe: &'static str,
}

const NEEDS: [Need; 7] = [
    Need {
        package: "rustfmt",
        source: Source::Rustup,
        needed_by: "format",
        probe: "cargo fmt --version",
    },
    Need {
        package: "clippy",
        source: Source::Rustup,
        needed_by: "lints",
        probe: "cargo clippy --version",
    },
    Need {
        package: "chromium",
        source: Source::Debian,
        needed_by: "browser tests",
        // The names under which the browser driver looks for it.
        probe: "command -v chromium || command -v chromium-browser || command -v google-chrome-stable \
                || command -v google-chrome",
    },
    Need {
        package: "firefox-esr",
        source: Source::Debian,
        needed_by: "browser tests with Firefox",
        probe: "command -v firefox-esr || command -v firefox",
    },
    Need {
        package: "iproute2",
        source: Source::Debian,
        needed_by: "browser tests with Firefox, which need a network of their own",
        probe: "command -v ip",
    },
    Need {
        package: "python3-venv",
        source: Source::Debian,
        needed_by: "browser tests with aiortc",
        probe: "python3 -c 'import ensurepip, venv'",
    },
    Need {
        package: "fonts-dejavu-core",
        source: Source::Debian,
        needed_by: "pictures of the page",
        // Any font will do; a browser without one draws boxes.
        probe: "find /usr/share/fonts ~/.fonts ~/.local/share/fonts -name '*.ttf' -o -name '*.otf' | grep -q .",
    },
];

/// Finds what is missing and installs it where that is allowed; notes what stays missing.
///
/// With `SALON_REQUIRE=all` nothing may stay missing.
pub(crate) fn run_setup(workspace: &Workspace, yes: bool, notes: &mut Notes) -> Result<()> {
    let environment = Environment::of(&workspace.target);
    let missing = absent();
    if missing.is_empty() && environment.is_ready() {
        return Ok(());
    }
    for need in &missing {
        println!("{} is missing; needed by: {}", need.package, need.needed_by);
    }
    let mut commands = installation(&missing);
    if !environment.is_ready() {
        println!("aiortc is missing; needed by: browser tests with aiortc");
        commands.extend(environment.installation());
    }
    if may_install(yes, &commands)? {
        for command in &mut commands {
            run_within(command, COMMAND_MAX)?;
        }
        environment.finish()?;
    } else {
        let lines = commands.iter().map(shown).collect::<Vec<_>>().join("\n  ");
        println!("Not installed. To install, run this with --yes, which does:\n  {lines}");
    }
    for Need { package, needed_by, .. } in absent() {
        notes.skipped.push(format!("{package} is missing, needed by: {needed_by}"));
    }
    if !environment.is_ready() {
        notes.skipped.push("aiortc is missing, needed by: browser tests with aiortc".to_owned());
    }
    let all = std::env::var_os("SALON_REQUIRE").is_some_and(|value| value == "all");
    if all && !notes.skipped.is_empty() {
        bail!("SALON_REQUIRE=all, but {}", notes.skipped.join("; "));
    }
    Ok(())
}

fn absent() -> Vec<&'static Need> {
    NEEDS.iter().filter(|need| !succeeds(need.probe)).collect()
}

/// Allowed by `--yes`, in continuous integration, by an answer on a terminal, and to root without one.
fn may_install(yes: bool, commands: &[Command]) -> Result<bool> {
    if yes || std::env::var_os("CI").is_some_and(|value| value == "true") {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        return Ok(is_root());
    }
    for command in commands {
        println!("  {}", shown(command));
    }
    print!("Run this now? [y/N] ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("no answer")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn installation(missing: &[&Need]) -> Vec<Command> {
    let from =
        |source| missing.iter().filter(move |need| need.source == source).map(|need| need.package);
    let mut commands = Vec::new();
    if from(Source::Rustup).next().is_some() {
        let mut command = Command::new("rustup");
        command.args(["component", "add"]).args(from(Source::Rustup));
        commands.push(command);
    }
    if from(Source::Debian).next().is_some() {
        let mut update = as_root("apt-get");
        update.args(["update", "-q"]);
        let mut install = as_root("apt-get");
        install.args(["install", "-y", "-q", "--no-install-recommends"]).args(from(Source::Debian));
        install.env("DEBIAN_FRONTEND", "noninteractive");
        commands.extend([update, install]);
    }
    commands
}

fn as_root(program: &str) -> Command {
    if is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.arg(program);
    command
}

fn is_root() -> bool {
    succeeds(r#"[ "$(id -u)" = 0 ]"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_has_its_own_command() {
        let lines = installation(&NEEDS.iter().collect::<Vec<_>>());
        let lines = lines.iter().map(shown).collect::<Vec<_>>();
        assert_eq!(lines[0], "rustup component add rustfmt clippy");
        assert!(lines[1].ends_with("apt-get update -q"), "{}", lines[1]);
        assert!(lines[2].contains("--no-install-recommends chromium firefox-esr"), "{}", lines[2]);
        assert!(installation(&[]).is_empty());
    }
}
