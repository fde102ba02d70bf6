//! The result: a table for people, JSON for programs.

use std::fmt;

use serde::Serialize;

use crate::meter::Summary;

/// Everything a test found. What could not be measured is null.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Report {
    pub(crate) load: Load,
    pub(crate) joins: Joins,
    pub(crate) packets: Packets,
    /// From a packet's sending to its arrival, in this program's own clock.
    pub(crate) latency_ms: Option<Summary>,
    /// What a burst did; null without one.
    pub(crate) burst: Option<Burst>,
    pub(crate) server: Option<Server>,
    pub(crate) this_program: ThisProgram,
    pub(crate) machine: Machine,
    /// What may have distorted the result.
    pub(crate) notes: Vec<String>,
    /// Why the test failed; empty if it passed.
    pub(crate) failures: Vec<String>,
}

/// What the server was loaded with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Load {
    pub(crate) server: String,
    pub(crate) viewers: u32,
    /// Whole peers, the dead included.
    pub(crate) viewers_full: u32,
    /// Light ones, the dead included.
    pub(crate) viewers_light: u32,
    /// Those who stop reading when the window begins.
    pub(crate) viewers_dead: u32,
    /// What light viewers open: `all` or `sample`.
    pub(crate) verify: String,
    /// Whether light viewers let the kernel join datagrams.
    pub(crate) gro: bool,
    pub(crate) seats: u8,
    pub(crate) codec: String,
    pub(crate) feedback: String,
    pub(crate) fps: u32,
    pub(crate) packets_per_frame: u32,
    pub(crate) packet_bytes: u16,
    pub(crate) window_s: f64,
}

/// Who joined, and how long it took from the offer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Joins {
    pub(crate) joined: u32,
    /// To the first packet, mostly of sound.
    pub(crate) first_packet_ms: Option<Summary>,
    /// To the first packet of the track that came last, mostly a picture.
    pub(crate) every_track_ms: Option<Summary>,
    /// Why the others did not, the same reason once.
    pub(crate) refusals: Vec<String>,
}

/// What was sent in the window, and what of it arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Packets {
    /// By all publishers together.
    pub(crate) sent: u64,
    /// `sent`, for each viewer that joined and is counted.
    pub(crate) expected: u64,
    pub(crate) received: u64,
    /// Decrypted and compared; the others were counted by their headers.
    pub(crate) opened: u64,
    pub(crate) lost: u64,
    pub(crate) lost_percent: f64,
    pub(crate) duplicates: u64,
    /// After a later packet of its track, as retransmissions are.
    pub(crate) reordered: u64,
    /// Not to be decrypted, or not what was sent.
    pub(crate) damaged: u64,
}

/// What it was like when many joined at once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Burst {
    pub(crate) viewers: u32,
    pub(crate) joined: u32,
    /// From a joiner's offer to the first packet of the track that came last.
    pub(crate) joins_ms: Option<Summary>,
    /// From the first's beginning until all had joined or failed to.
    pub(crate) all_joined_ms: f64,
    /// Of those who were there, in the second before.
    pub(crate) latency_before_ms: Option<Summary>,
    /// Of those who were there, until all had joined.
    pub(crate) latency_during_ms: Option<Summary>,
    /// Beyond what the server used before.
    pub(crate) server_cpu_ms_per_join: Option<f64>,
    /// A bare DTLS handshake in this program, the median of 50.
    pub(crate) handshake_server_cpu_ms: f64,
    pub(crate) handshake_client_cpu_ms: f64,
    /// Why the others did not join, the same reason once.
    pub(crate) refusals: Vec<String>,
}

/// What it cost the server's process.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Server {
    pub(crate) cpu_us_per_packet: f64,
    /// Of one core.
    pub(crate) cpu_percent: f64,
    pub(crate) rss_before_kb: u64,
    pub(crate) rss_kb: u64,
    /// For all that joined, the dead and those of a burst included.
    pub(crate) rss_kb_per_viewer: f64,
}

/// What it cost the program that measures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct ThisProgram {
    /// Of one core.
    pub(crate) cpu_percent: Option<f64>,
    /// Datagrams that arrived and were thrown away because a socket here was full.
    pub(crate) dropped: Option<u64>,
    /// Datagrams that the system did not take.
    pub(crate) unsent: u64,
}

/// What else was going on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Machine {
    pub(crate) cores: Option<usize>,
    /// The load average of the minute before the test.
    pub(crate) load_before: Option<f64>,
    pub(crate) idle_percent: Option<f64>,
    /// Of one core: everything but the server and this program. A server whose process is not known is in it.
    pub(crate) others_percent: Option<f64>,
}

impl Report {
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report has no keys but text")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (load, joins, packets) = (&self.load, &self.joins, &self.packets);
        writeln!(f, "{load}\n")?;
        writeln!(f, "Joined        {} of {}", count(joins.joined), count(load.viewers))?;
        for refusal in &joins.refusals {
            writeln!(f, "              {refusal}")?;
        }
        writeln!(f, "First packet  {}", Spread(joins.first_packet_ms))?;
        writeln!(f, "Every track   {}", Spread(joins.every_track_ms))?;
        let (received, expected) = (count(packets.received), count(packets.expected));
        write!(f, "Received      {received} of {expected} packets, ")?;
        if packets.opened >= packets.received {
            writeln!(f, "each decrypted and compared")?;
        } else {
            let opened = count(packets.opened);
            writeln!(f, "{opened} decrypted and compared, the others counted by their headers")?;
        }
        write!(f, "Lost          {} ({:.3} %)", count(packets.lost), packets.lost_percent)?;
        let Packets { duplicates, reordered, damaged, .. } = *packets;
        let others = [duplicates, reordered, damaged].map(count);
        writeln!(f, "; duplicates {}, late {}, damaged {}", others[0], others[1], others[2])?;
        writeln!(f, "Latency       {}", Spread(self.latency_ms))?;
        if let Some(burst) = &self.burst {
            write!(f, "{burst}")?;
        }
        match self.server {
            Some(server) => writeln!(f, "Server        {server}")?,
            None => writeln!(f, "Server        not measured: see --server-pid")?,
        }
        writeln!(f, "This program  {}", self.this_program)?;
        writeln!(f, "Machine       {}", self.machine)?;
        for note in &self.notes {
            writeln!(f, "Note          {note}")?;
        }
        if self.failures.is_empty() {
            return writeln!(f, "\nPassed");
        }
        writeln!(f, "\nFailed: {}", self.failures.join("; "))
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, viewers, seats, codec, feedback, window_s, .. } = self;
        let publishers = if *seats == 1 { "1 publisher" } else { &format!("{seats} publishers") };
        writeln!(f, "{} viewers of {publishers} on {server}, {window_s:.1} s", count(*viewers))?;
        let (full, light) = (count(self.viewers_full), count(self.viewers_light));
        write!(f, "{full} full and {light} light viewers")?;
        if self.viewers_dead > 0 {
            write!(f, ", of which {} are dead and not counted below", count(self.viewers_dead))?;
        }
        writeln!(f)?;
        let (packets, bytes, fps) = (self.packets_per_frame, self.packet_bytes, self.fps);
        write!(
            f,
            "{codec}, {fps} frames/s of {packets} x {bytes} B; Opus, 50 packets/s; {feedback}"
        )
    }
}

impl fmt::Display for Burst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (joined, viewers) = (count(self.joined), count(self.viewers));
        let all_ms = self.all_joined_ms;
        writeln!(f, "Burst         {joined} of {viewers} joined within {all_ms:.0} ms")?;
        for refusal in &self.refusals {
            writeln!(f, "              {refusal}")?;
        }
        writeln!(f, "  every track {}", Spread(self.joins_ms))?;
        writeln!(f, "  others' latency before {}", Spread(self.latency_before_ms))?;
        writeln!(f, "  others' latency during {}", Spread(self.latency_during_ms))?;
        if let Some(cost_ms) = self.server_cpu_ms_per_join {
            writeln!(f, "  server      {cost_ms:.2} ms CPU per join")?;
        }
        let (server, client) = (self.handshake_server_cpu_ms, self.handshake_client_cpu_ms);
        writeln!(f, "  bare DTLS   {server:.2} ms CPU for a server, {client:.2} ms for a client")
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu_us_per_packet, cpu_percent, rss_before_kb, rss_kb, rss_kb_per_viewer } =
            *self;
        write!(
            f,
            "{cpu_us_per_packet:.2} us CPU per delivered packet ({cpu_percent:.0} % of a core); "
        )?;
        let (before, after) = (count(rss_before_kb), count(rss_kb));
        write!(f, "{rss_kb_per_viewer:.0} kB per viewer (RSS from {before} to {after} kB)")
    }
}

impl fmt::Display for ThisProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(cpu_percent) = self.cpu_percent {
            write!(f, "{cpu_percent:.0} % of a core; ")?;
        }
        let dropped = self.dropped.map_or("unknown".to_owned(), count);
        write!(f, "{dropped} datagrams dropped at full sockets, {} not sent", count(self.unsent))
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cores {
            Some(cores) => write!(f, "{cores} cores")?,
            None => write!(f, "not known")?,
        }
        if let Some(load) = self.load_before {
            write!(f, ", load {load:.1} before")?;
        }
        if let Some((idle, others)) = self.idle_percent.zip(self.others_percent) {
            write!(
                f,
                "; while measuring {idle:.0} % idle, other programs {others:.0} % of a core"
            )?;
        }
        Ok(())
    }
}

/// A distribution, or that there is none.
struct Spread(Option<Summary>);

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Summary { p50, p90, p99, max }) = self.0 else { return write!(f, "none came") };
        write!(f, "p50 {p50:.1}, p90 {p90:.1}, p99 {p99:.1}, max {max:.1} ms")
    }
}

/// A number with its thousands apart.
fn count(number: impl Into<u64>) -> String {
    let digits = number.into().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        let numbers = [0_u64, 999, 1_000, 1_234_567];
        assert_eq!(numbers.map(count), ["0", "999", "1,000", "1,234,567"]);
    }
}
