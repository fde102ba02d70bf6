//! What a DTLS handshake takes by itself: two ends in this thread, nothing between them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use dimpl::{Dtls, DtlsCertificate, Output};
use rustix::time::{ClockId, clock_gettime};
use str0m::crypto::from_feature_flags;

/// An odd one out must not count: the median of so many.
const RUNS: usize = 50;
/// Both ends have their say so often at most; DTLS 1.2 needs three.
const TURNS_MAX: usize = 20;
const BUFFER_BYTES: usize = 2_048;

/// The CPU time of either end, making it included.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Handshake {
    pub(crate) server: Duration,
    pub(crate) client: Duration,
}

impl Handshake {
    /// The median of each end.
    pub(crate) fn measure() -> Result<Self> {
        let made = from_feature_flags().dtls_provider.generate_certificate();
        let made = made.context("no DTLS certificate can be made")?;
        let certificate =
            DtlsCertificate { certificate: made.certificate, private_key: made.private_key };
        // As our server has it: ICE has proved the address before.
        let config = Arc::new(dimpl::Config::builder().use_server_cookie(false).build()?);
        let runs: Vec<Self> =
            (0..RUNS).map(|_| once(&config, &certificate)).collect::<Result<_>>()?;
        let median = |end: fn(&Self) -> Duration| {
            let mut times: Vec<_> = runs.iter().map(end).collect();
            times.sort_unstable();
            times[RUNS / 2]
        };
        Ok(Self { server: median(|run| run.server), client: median(|run| run.client) })
    }
}

fn once(config: &Arc<dimpl::Config>, certificate: &DtlsCertificate) -> Result<Handshake> {
    let mut spent = [Duration::ZERO; 2];
    let mut ends = [false, true].map(|is_client| {
        let began = cpu();
        let mut end = Dtls::new_12(config.clone(), certificate.clone(), Instant::now());
        end.set_active(is_client);
        spent[usize::from(is_client)] += cpu().saturating_sub(began);
        end
    });
    let (mut mail, mut connected) = ([Vec::new(), Vec::new()], [false; 2]);
    for turn in 0..TURNS_MAX {
        let (at, other) = ((turn + 1) % 2, turn % 2);
        let arrived: Vec<Vec<u8>> = std::mem::take(&mut mail[at]);
        let began = cpu();
        ends[at].handle_timeout(Instant::now())?;
        for datagram in &arrived {
            ends[at].handle_packet(datagram)?;
        }
        let mut buffer = [0; BUFFER_BYTES];
        loop {
            match ends[at].poll_output(&mut buffer) {
                Output::Packet(bytes) => mail[other].push(bytes.to_vec()),
                Output::Connected => connected[at] = true,
                Output::Timeout(_) | Output::BufferTooSmall { .. } => break,
                _ => {}
            }
        }
        spent[at] += cpu().saturating_sub(began);
        if connected == [true; 2] {
            return Ok(Handshake { server: spent[0], client: spent[1] });
        }
    }
    bail!("a DTLS handshake with oneself did not end within {TURNS_MAX} turns")
}

/// What this thread has had so far.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_take_some_time() {
        let Handshake { server, client } = Handshake::measure().unwrap();
        for end in [server, client] {
            assert!(end > Duration::from_micros(10) && end < Duration::from_secs(1), "{end:?}");
        }
    }
}
