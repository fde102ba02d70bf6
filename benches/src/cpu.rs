//! Time on a processor, and which processors. Linux tells the first in `/proc`; benches that need it run there alone.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Child, Command};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, gettid, sched_getaffinity, sched_setaffinity};

/// A thread of this process, and what it has had of a processor.
#[derive(Clone, Copy, Debug)]
pub struct Thread(i32);

impl Thread {
    /// The one that asks.
    #[must_use]
    pub fn this() -> Self {
        Self(gettid().as_raw_pid())
    }

    /// How long the scheduler has let it run, in nanoseconds. A thread that runs just now may be told in steps of 4 ms.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn ns(self) -> Result<u64> {
        let file = format!("/proc/self/task/{}/schedstat", self.0);
        read_ns(Path::new(&file)).with_context(|| format!("{file} tells no time"))
    }
}

/// What all threads of a process have had of processors, in nanoseconds. Threads that have ended are not in it.
///
/// # Errors
/// The system does not tell.
pub fn process_ns(pid: u32) -> Result<u64> {
    let folder = format!("/proc/{pid}/task");
    let threads = fs::read_dir(&folder).with_context(|| format!("{folder} cannot be read"))?;
    // A thread may end while others are read.
    Ok(threads.flatten().filter_map(|thread| read_ns(&thread.path().join("schedstat"))).sum())
}

fn read_ns(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.split_whitespace().next()?.parse().ok()
}

/// The processors this process may use, in two parts.
#[derive(Clone, Debug)]
pub struct Cores {
    /// The first alone, for what is measured.
    pub server: Vec<usize>,
    /// All others, for what measures. The first too, if there is no other.
    pub load: Vec<usize>,
}

impl Cores {
    /// The processors as they are now.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn split() -> Result<Self> {
        let allowed = sched_getaffinity(None).context("the cores of this process are not known")?;
        let cores: Vec<_> = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect();
        match &cores[..] {
            [] => bail!("this process has no cores"),
            [only] => Ok(Self { server: vec![*only], load: vec![*only] }),
            [first, others @ ..] => Ok(Self { server: vec![*first], load: others.to_vec() }),
        }
    }
}

/// Lets this thread, and those it starts, run on these processors only.
///
/// # Errors
/// The system does not allow it.
pub fn pin(cores: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    cores.iter().for_each(|core| set.set(*core));
    Ok(sched_setaffinity(None, &set)?)
}

/// Starts a program on these processors only.
///
/// # Errors
/// It cannot be started, or not there.
pub fn spawn_on(cores: &[usize], command: &mut Command) -> io::Result<Child> {
    // A child inherits the processors of the thread that starts it, and this one keeps its own.
    let start = || {
        pin(cores)?;
        command.spawn()
    };
    std::thread::scope(|scope| scope.spawn(start).join().expect("starting does not panic"))
}

/// Allows this process so many open files.
///
/// # Errors
/// The system does not grant so many.
pub fn allow_files(needed: u64) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    // No limit is written as none.
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let raised = Rlimit { current: Some(needed), maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).with_context(|| {
        format!("{needed} open files are needed: raise the limit (`ulimit -Hn {needed}` as root)")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted_for_its_thread_and_its_process() {
        let this = Thread::this();
        let before = this.ns().unwrap();
        let mut sum = 0_u64;
        while this.ns().unwrap() < before + 5_000_000 {
            sum = (0..1_000_000_u64).fold(sum, |sum, number| std::hint::black_box(sum ^ number));
        }
        assert!(process_ns(std::process::id()).unwrap() >= this.ns().unwrap());
    }

    #[test]
    fn a_process_that_is_not_there_is_named() {
        let error = process_ns(u32::MAX).unwrap_err().to_string();
        assert!(error.contains("4294967295"), "{error}");
    }

    #[test]
    fn the_parts_have_all_cores() {
        let cores = Cores::split().unwrap();
        assert_eq!(cores.server.len(), 1);
        assert!(!cores.load.is_empty());
    }
}
