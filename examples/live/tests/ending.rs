//! The program ends in order when it is asked to, whoever still reads what it prints.
#![cfg(unix)]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Far longer than it takes: a database is closed.
const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn it_ends_although_nobody_reads_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut live = Command::new(env!("CARGO_BIN_EXE_live"))
        .args(["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(live.stdout.take().unwrap()).lines();
    let is_last = |line: &String| line.starts_with("Ctrl-C ends it");
    assert!(lines.by_ref().any(|line| is_last(&line.unwrap())));
    drop(lines);
    kill_process(Pid::from_child(&live), Signal::TERM).unwrap();
    let asked = Instant::now();
    let status = loop {
        if let Some(status) = live.try_wait().unwrap() {
            break status;
        }
        if asked.elapsed() > LIMIT {
            live.kill().unwrap();
            panic!("it goes on {LIMIT:?} after it was asked to end");
        }
        std::thread::yield_now();
    };
    assert!(status.success(), "{status}");
}
