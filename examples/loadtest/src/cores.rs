//! On which cores the server that is started runs, and on which this program.

use std::process::{Child, Command};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Who runs where.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cores {
    /// Both wherever the system puts them.
    Shared,
    /// The server on the first core, this program on the others.
    Apart,
}

impl Cores {
    /// Starts a server.
    ///
    /// To be called before this process has other threads: they run where this one does.
    pub(crate) fn spawn(self, command: &mut Command) -> Result<Child> {
        let process = match self {
            Self::Shared => command.spawn(),
            Self::Apart => spawn_apart(command)?,
        };
        process.with_context(|| {
            format!("{} cannot be started", command.get_program().to_string_lossy())
        })
    }
}

/// Starts a process on the first core, and leaves the others to this thread and those it starts.
fn spawn_apart(command: &mut Command) -> Result<std::io::Result<Child>> {
    let allowed = sched_getaffinity(None).context("the cores of this process are not known")?;
    let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect();
    let [first, others @ ..] = &cores[..] else { bail!("this process has no cores") };
    ensure!(!others.is_empty(), "--pin needs two cores, and this process has one");
    let set = |cores: &[usize]| {
        let mut set = CpuSet::new();
        cores.iter().for_each(|core| set.set(*core));
        sched_setaffinity(None, &set).context("the cores of this process cannot be chosen")
    };
    // A child inherits the cores of the thread that starts it.
    set(&[*first])?;
    let process = command.spawn();
    set(others)?;
    Ok(process)
}
