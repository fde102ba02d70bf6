//! Running other programs.

use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a command that was asked to end may take to. A guess.
const END_MAX: Duration = Duration::from_secs(10);

/// The cargo that runs this task.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Shows a command, then [`run`]s it.
pub(crate) fn call(command: &mut Command) -> Result<()> {
    println!("$ {}", shown(command));
    run(command)
}

/// Runs a command whose output goes where ours goes.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = shown(command);
    let status = command.status().with_context(|| format!("cannot run `{line}`"))?;
    if !status.success() {
        bail!("`{line}`: {status}");
    }
    Ok(())
}

/// [`run`], for a command that waits for a network: it is asked to end when it takes longer than `limit`.
pub(crate) fn run_within(command: &mut Command, limit: Duration) -> Result<()> {
    let line = shown(command);
    let mut child = command.spawn().with_context(|| format!("cannot run `{line}`"))?;
    match ends_within(&mut child, limit)? {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("`{line}`: {status}"),
        None => {
            // A request rather than a kill: apt leaves no half-installed package behind. One to sudo is refused
            // unless root makes it, and then the command is left to itself.
            let _ = Command::new("kill").arg(child.id().to_string()).output();
            ends_within(&mut child, END_MAX)?;
            bail!("`{line}` took longer than {limit:?}; is the network there?")
        }
    }
}

fn ends_within(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        let status = child.try_wait()?;
        if status.is_some() || Instant::now() > deadline {
            return Ok(status);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Whether a line of shell succeeds; its output is dropped.
pub(crate) fn succeeds(line: &str) -> bool {
    Command::new("sh").args(["-c", line]).output().is_ok_and(|output| output.status.success())
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or_default();
    std::iter::once(name)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(line: &str, limit: Duration) -> Result<()> {
        run_within(Command::new("sh").args(["-c", line]), limit)
    }

    #[test]
    fn a_command_that_takes_too_long_is_ended() {
        let error = within("exec sleep 60", Duration::from_millis(100)).unwrap_err();
        assert!(error.to_string().contains("took longer than 100ms"), "{error}");
    }

    #[test]
    fn a_command_within_its_limit_tells_its_result() {
        let limit = Duration::from_secs(20);
        within("true", limit).unwrap();
        assert!(within("exit 3", limit).unwrap_err().to_string().contains("3"));
    }
}
