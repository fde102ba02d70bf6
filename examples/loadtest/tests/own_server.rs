//! The program as its users run it, against a server that it starts itself.

use std::process::Command;

use serde_json::Value;

fn loadtest(arguments: &str) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(arguments.split_whitespace())
        .output()
        .expect("the program was built with this test");
    let text = |bytes| String::from_utf8(bytes).expect("it prints text");
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// Runs a small test and checks what every one of them must find.
fn check(arguments: &str, viewers: u64, packets_per_second: f64) -> Value {
    let (passed, stdout, stderr) = loadtest(arguments);
    assert!(passed, "{stdout}\n{stderr}");
    let report: Value = serde_json::from_str(&stdout).expect("it prints JSON");
    let number = |pointer: &str| {
        let value = report.pointer(pointer).and_then(Value::as_f64);
        value.unwrap_or_else(|| panic!("no {pointer} in {report:#}"))
    };
    assert_eq!(report["joins"]["joined"], viewers);
    for none in ["lost", "duplicates", "damaged"] {
        assert_eq!(report["packets"][none], 0, "{report:#}");
    }
    let (sent, received) = (number("/packets/sent"), number("/packets/received"));
    assert_eq!(received, sent * viewers as f64);
    let window_s = number("/load/window_s");
    assert!((0.3..1.1).contains(&(sent / packets_per_second / window_s)), "{report:#}");
    for (least, most) in [
        ("/latency_ms/p50", "/latency_ms/p99"),
        ("/joins/first_packet_ms/p50", "/joins/first_packet_ms/max"),
    ] {
        assert!(number(least) > 0.0 && number(least) <= number(most), "{report:#}");
    }
    assert!(number("/latency_ms/p99") < 5_000.0, "{report:#}");
    report
}

#[test]
fn five_viewers_lose_nothing() {
    let report = check("--viewers 5 --duration 1s --json", 5, 260.0);
    if cfg!(target_os = "linux") {
        let cpu = report["server"]["cpu_us_per_packet"].as_f64();
        assert!(cpu.is_some_and(|cpu| (0.1..10_000.0).contains(&cpu)), "{report:#}");
        assert!(report["server"]["rss_kb"].as_u64().is_some_and(|rss| rss > 1_000), "{report:#}");
        assert_eq!(report["this_program"]["dropped"], 0);
    }
}

#[test]
fn two_seats_of_h264_reach_everybody() {
    let load = "--viewers 2 --seats 2 --codec h264 --fps 20 --packets-per-frame 2 --feedback twcc";
    check(&format!("{load} --duration 500ms --json"), 2, 2.0 * (40.0 + 50.0));
}

#[test]
fn light_viewers_receive_all_and_open_a_sample() {
    let load = "--viewers 6 --viewers-are light --verify sample --duration 1s --json";
    let report = check(load, 6, 260.0);
    assert_eq!(report["load"]["viewers_light"], 6);
    let number = |name: &str| report["packets"][name].as_u64().unwrap();
    assert!((1..number("received")).contains(&number("opened")), "{report:#}");

    let load = "--viewers 3 --viewers-are light --codec h264 --gro --duration 500ms --json";
    let report = check(load, 3, 260.0);
    assert_eq!(report["packets"]["opened"], report["packets"]["received"]);
}

#[test]
fn a_burst_joins_and_the_dead_are_not_counted() {
    let load = "--viewers 4 --viewers-are light --dead 1 --burst 3 --duration 4s --json";
    let (passed, stdout, stderr) = loadtest(load);
    assert!(passed, "{stdout}\n{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&report["burst"]["joined"], &report["joins"]["joined"]), (&3.into(), &4.into()));
    let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_f64);
    assert_eq!(number("/packets/expected"), number("/packets/sent").map(|sent| sent * 3.0));
    assert_eq!(number("/packets/lost"), Some(0.0), "{report:#}");
    for some in [
        "latency_before_ms/p99",
        "latency_during_ms/p99",
        "joins_ms/p50",
        "handshake_server_cpu_ms",
    ] {
        assert!(number(&format!("/burst/{some}")).is_some_and(|ms| ms > 0.0), "{some}: {report:#}");
    }
}

#[test]
fn a_janus_is_loaded_or_said_to_be_missing() {
    let (passed, stdout, stderr) = loadtest("--start-janus --viewers 2 --duration 500ms --json");
    if passed {
        let report: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(
            (&report["joins"]["joined"], &report["packets"]["lost"]),
            (&2.into(), &0.into())
        );
    } else {
        let is_missing =
            stderr.contains("apt-get install janus") || stderr.contains("no other address");
        assert!(is_missing, "{stdout}\n{stderr}");
    }
}

#[test]
fn a_janus_that_is_not_there_is_named() {
    let (passed, _, stderr) = loadtest("--viewers 1 --janus ws://127.0.0.1:0");
    assert!(!passed);
    assert!(stderr.contains("ws://127.0.0.1:0 cannot be reached"), "{stderr}");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    // RFC 6335, 6: port 0 is nobody's.
    let (passed, _, stderr) = loadtest("--viewers 1 --server http://127.0.0.1:0");
    assert!(!passed);
    assert!(stderr.contains("http://127.0.0.1:0/api/tokens cannot be reached"), "{stderr}");
}
