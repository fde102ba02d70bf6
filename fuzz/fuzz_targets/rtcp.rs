//! Any bytes, as the control packets of a viewer, after decryption.
//!
//! * What is said is no more than the bytes have room for, and round trip times are believable.
//! * Control packets stand for themselves: what is read of a compound is read twice of two in a row, and what is read
//!   before a malformed packet does not depend on it.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use salon_rtc::fuzzing::{Said, read_control};

/// Some time in 2023; what matters is that it stays.
const NTP: u64 = 0xe8c9_5a00_8000_0000;
/// The smallest thing that can be said: an entry of a request for a keyframe (RFC 5104, 4.3.1.1).
const ENTRY_BYTES_MIN: usize = 8;
/// How many packets four bytes can name (RFC 4585, 6.2.1).
const NAMED_MAX: usize = 17;
/// The longest round trip that is believed.
const RTT_MAX: Duration = Duration::from_secs(10);

fuzz_target!(|bytes: &[u8]| {
    let (said, result) = read(bytes);
    assert!(said.len() <= bytes.len() / ENTRY_BYTES_MIN);
    let mut named = 0;
    for said in &said {
        match said {
            Said::Reception { rtt, .. } => assert!(rtt.is_none_or(|rtt| rtt <= RTT_MAX)),
            Said::Lost { sequences, .. } => named += sequences.len(),
            Said::KeyframeWanted { .. } => {}
            // What arrived has a time of a byte at least; what is told of is counted in 16 bits.
            Said::Arrivals { received, lost } => {
                assert!(*received <= bytes.len() as u64);
                assert!(received + lost <= u64::from(u16::MAX));
            }
        }
    }
    assert!(named <= bytes.len() / 4 * NAMED_MAX);
    if result.is_ok() {
        let (twice, result) = read(&[bytes, bytes].concat());
        assert_eq!(result, Ok(()));
        assert_eq!(twice, [said.as_slice(), &said].concat());
        let (before, result) = read(&[bytes, &[0]].concat());
        assert!(result.is_err());
        assert_eq!(before, said);
    }
});

fn read(bytes: &[u8]) -> (Vec<Said>, Result<(), String>) {
    let mut all = Vec::new();
    let result = read_control(bytes, NTP, |said| all.push(said));
    (all, result)
}
