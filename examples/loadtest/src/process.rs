//! What the operating system tells about processes and the machine. All of it is Linux's; elsewhere these
//! numbers are missing from the result.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use anyhow::{Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files that are no viewers': connections over HTTP, the runtime's own, the standard streams.
const FILES_BESIDE: u64 = 64 + crate::http::REQUESTS_MAX as u64;

/// Allows this process, and those it starts, the files that so many viewers need.
///
/// # Errors
/// The system does not grant so many.
pub(crate) fn allow_files(viewers: u32) -> Result<()> {
    let needed = u64::from(viewers) + FILES_BESIDE;
    let limit = getrlimit(Resource::Nofile);
    // No limit is written as none.
    let enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= needed);
    if enough(limit.current) {
        return Ok(());
    }
    let raised = Rlimit { current: Some(needed), maximum: limit.maximum };
    let is_raised = enough(limit.maximum) && setrlimit(Resource::Nofile, raised).is_ok();
    let allowed = limit.maximum.or(limit.current).unwrap_or(0);
    ensure!(
        is_raised,
        "{viewers} viewers need {needed} open files, and this system allows {allowed}: raise the \
         limit (`ulimit -Hn {needed}` as root, or LimitNOFILE= of the service), or take fewer viewers"
    );
    Ok(())
}

/// A process on this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process(u32);

/// The CPU time that each thread of a process has had, in nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct Cpu(BTreeMap<u32, u64>);

impl Process {
    pub(crate) fn new(pid: u32) -> Self {
        Self(pid)
    }

    /// This program itself.
    pub(crate) fn this() -> Self {
        Self(std::process::id())
    }

    /// The CPU time it has had so far.
    pub(crate) fn cpu(self) -> Option<Cpu> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.0)).ok()?;
        let thread = |entry: fs::DirEntry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let schedstat = fs::read_to_string(entry.path().join("schedstat")).ok()?;
            Some((id, schedstat.split_whitespace().next()?.parse().ok()?))
        };
        let threads: BTreeMap<_, _> = threads.flatten().filter_map(thread).collect();
        (!threads.is_empty()).then_some(Cpu(threads))
    }

    /// The memory it has resident now.
    pub(crate) fn rss_kb(self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse().ok()
    }
}

impl Cpu {
    /// What was used since an earlier look. A thread that has ended meanwhile is not counted.
    pub(crate) fn since(&self, earlier: &Self) -> Duration {
        let used = self.0.iter().map(|(id, ns)| {
            let before = earlier.0.get(id).copied().unwrap_or(0);
            ns.saturating_sub(before)
        });
        Duration::from_nanos(used.sum())
    }
}

/// How busy the machine's cores have been, in the system's own ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticks {
    idle: u64,
    all: u64,
    cores: usize,
}

impl Ticks {
    pub(crate) fn now() -> Option<Self> {
        let stat = fs::read_to_string("/proc/stat").ok()?;
        let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
        let fields: Vec<u64> = fields.map_while(|field| field.parse().ok()).collect();
        // proc(5): user, nice, system, idle, iowait, irq, softirq, steal; guests are in user already.
        let idle = fields.get(3)? + fields.get(4)?;
        let cores = stat.lines().skip(1).take_while(|line| line.starts_with("cpu")).count();
        Some(Self { idle, all: fields.iter().take(8).sum(), cores })
    }

    /// How many cores there are.
    pub(crate) fn cores(self) -> usize {
        self.cores
    }

    /// The share that was idle since an earlier look.
    pub(crate) fn idle_percent_since(self, earlier: Self) -> Option<f64> {
        let all = self.all.checked_sub(earlier.all).filter(|all| *all > 0)?;
        Some(100.0 * self.idle.saturating_sub(earlier.idle) as f64 / all as f64)
    }
}

/// The machine's load over the last minute.
pub(crate) fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

/// Datagrams that the system threw away because sockets of these ports were full.
pub(crate) fn dropped(ports: &BTreeSet<u16>) -> Option<u64> {
    let tables = ["/proc/net/udp", "/proc/net/udp6"].map(fs::read_to_string);
    tables[0].is_ok().then(|| tables.iter().flatten().map(|table| dropped_in(table, ports)).sum())
}

fn dropped_in(table: &str, ports: &BTreeSet<u16>) -> u64 {
    let socket = |line: &str| -> Option<u64> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, port) = fields.get(1)?.rsplit_once(':')?;
        let is_ours = ports.contains(&u16::from_str_radix(port, 16).ok()?);
        is_ours.then(|| fields.last()?.parse().ok()).flatten()
    };
    table.lines().skip(1).filter_map(socket).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_measured() {
        let this = Process::this();
        let before = this.cpu().unwrap();
        let mut sum = 0_u64;
        let mut used = Duration::ZERO;
        while used < Duration::from_millis(5) {
            sum = (0..1_000_000_u64).fold(sum, |sum, number| std::hint::black_box(sum ^ number));
            used = this.cpu().unwrap().since(&before);
        }
        assert!(this.rss_kb().unwrap() > 100);
    }

    #[test]
    fn a_process_that_is_not_there_has_no_numbers() {
        let nobody = Process::new(u32::MAX);
        assert!(nobody.cpu().is_none() && nobody.rss_kb().is_none());
    }

    #[test]
    fn only_our_sockets_count() {
        let table = "  sl  local_address rem_address   st ... drops\n\
            1: 0100007F:1F90 00000000:0000 07 0:0 00:0 0 0 0 1 2 ffff 3\n\
            2: 0100007F:0035 00000000:0000 07 0:0 00:0 0 0 0 1 2 ffff 40\n";
        assert_eq!(dropped_in(table, &[8080].into()), 3);
        assert_eq!(dropped_in(table, &[53, 8080].into()), 43);
    }

    #[test]
    fn too_many_files_are_refused_with_a_way_out() {
        if getrlimit(Resource::Nofile).maximum.is_some() {
            let refused = allow_files(u32::MAX).unwrap_err().to_string();
            assert!(refused.contains("ulimit"), "{refused}");
        }
        allow_files(1).unwrap();
    }
}
