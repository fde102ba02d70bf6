//! What the headers of one stream tell: which packets came, how even, and what is reported of it (RFC 3550, 6.4.1 and A).

use std::time::{Duration, Instant};

/// The first packet counts as one of the second round, so that one from before it has a number too.
const ROUND: u64 = 1 << 16;

/// The account that a receiver keeps of one SSRC.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) ssrc: u32,
    clock_hz: f64,
    /// The lowest number, the highest, and how many packets came, repeated ones too.
    first: u64,
    highest: u64,
    received: u64,
    /// What was expected and received by the last report.
    reported: (u64, u64),
    /// The last arrival and its timestamp, and how uneven arrivals are, in the stream's own clock.
    last: (Instant, u32),
    jitter: f64,
    /// The middle of the time in the last sender report, and when it came.
    sender_report: Option<(u32, Instant)>,
}

/// One block of a receiver report.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Block {
    pub(crate) ssrc: u32,
    /// In 256ths.
    pub(crate) fraction_lost: u8,
    pub(crate) lost: u32,
    pub(crate) highest: u32,
    pub(crate) jitter: u32,
    pub(crate) last_report: u32,
    /// In 65,536ths of a second.
    pub(crate) delay: u32,
}

impl Source {
    /// The first packet came.
    pub(crate) fn new(
        now: Instant,
        ssrc: u32,
        clock_hz: u32,
        sequence: u16,
        timestamp: u32,
    ) -> Self {
        let first = ROUND + u64::from(sequence);
        Self {
            ssrc,
            clock_hz: clock_hz.into(),
            first,
            highest: first,
            received: 1,
            reported: (0, 0),
            last: (now, timestamp),
            jitter: 0.0,
            sender_report: None,
        }
    }

    /// The highest number so far.
    pub(crate) fn number(&self) -> u64 {
        self.highest
    }

    /// A further packet came. Answers its number with the rounds before it, of which the first is 1.
    pub(crate) fn on_packet(&mut self, now: Instant, sequence: u16, timestamp: u32) -> u64 {
        let number = self.extend(sequence);
        self.first = self.first.min(number);
        self.highest = self.highest.max(number);
        self.received += 1;
        let ticks = now.duration_since(self.last.0).as_secs_f64() * self.clock_hz;
        let sent = f64::from(timestamp.wrapping_sub(self.last.1) as i32);
        self.jitter += ((ticks - sent).abs() - self.jitter) / 16.0;
        self.last = (now, timestamp);
        number
    }

    /// The number nearest to the highest that ends so (RFC 3711, 3.3.1).
    fn extend(&self, sequence: u16) -> u64 {
        let step = sequence.wrapping_sub(self.highest as u16) as i16;
        // The first round, which nothing was counted in, is there to be stepped back into.
        self.highest.saturating_add_signed(step.into())
    }

    pub(crate) fn on_sender_report(&mut self, now: Instant, ntp: u64) {
        self.sender_report = Some(((ntp >> 16) as u32, now));
    }

    /// What is to be reported now, since the last time.
    pub(crate) fn report(&mut self, now: Instant) -> Block {
        let expected = self.highest - self.first + 1;
        let (expected_before, received_before) =
            std::mem::replace(&mut self.reported, (expected, self.received));
        let expected_now = expected.saturating_sub(expected_before);
        let lost_now = expected_now.saturating_sub(self.received - received_before);
        let fraction_lost = (lost_now * 256).checked_div(expected_now).unwrap_or(0).min(255) as u8;
        let (last_report, delay) = self.sender_report.map_or((0, 0), |(ntp, came)| {
            (ntp, (now.duration_since(came).as_secs_f64() * 65_536.0) as u32)
        });
        Block {
            ssrc: self.ssrc,
            fraction_lost,
            // A signed field of 24 bits; repeated packets do not make it negative here.
            lost: expected.saturating_sub(self.received).min(0x7f_ffff) as u32,
            highest: (self.highest - ROUND) as u32,
            jitter: self.jitter as u32,
            last_report,
            delay,
        }
    }
}

/// How often reports are due: RFC 3550, 6.2 takes bandwidth into account, browsers send them about once a second.
pub(crate) const REPORT_INTERVAL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn source(sequence: u16) -> (Source, Instant) {
        let now = Instant::now();
        (Source::new(now, 7, 90_000, sequence, 0), now)
    }

    #[track_caller]
    fn check(first: u16, then: &[u16], numbers: &[u64]) {
        let (mut source, now) = source(first);
        let found: Vec<u64> =
            then.iter().map(|sequence| source.on_packet(now, *sequence, 0)).collect();
        assert_eq!(found, numbers);
    }

    #[test]
    fn numbers_go_on_where_sequences_begin_again() {
        check(65_534, &[65_535, 0, 1], &[ROUND + 65_535, 2 * ROUND, 2 * ROUND + 1]);
        check(65_535, &[1, 0, 65_534], &[2 * ROUND + 1, 2 * ROUND, ROUND + 65_534]);
        check(0, &[65_535, 1], &[ROUND - 1, ROUND + 1]);
    }

    #[test]
    fn loss_is_reported_once_as_a_fraction_and_for_good_as_a_sum() {
        let (mut source, now) = source(10);
        for sequence in [11, 13] {
            source.on_packet(now, sequence, 0);
        }
        let block = source.report(now);
        assert_eq!((block.fraction_lost, block.lost, block.highest), (64, 1, 13));
        source.on_packet(now, 14, 0);
        let block = source.report(now);
        assert_eq!((block.fraction_lost, block.lost, block.highest), (0, 1, 14));
        assert_eq!(source.report(now).fraction_lost, 0);
    }

    #[test]
    fn duplicates_do_not_hide_in_a_negative_loss() {
        let (mut source, now) = source(10);
        source.on_packet(now, 10, 0);
        assert_eq!((source.report(now).lost, source.report(now).fraction_lost), (0, 0));
    }

    #[test]
    fn even_arrivals_have_no_jitter_and_uneven_ones_have() {
        let (mut source, now) = source(0);
        for number in 1..100 {
            source.on_packet(now + Duration::from_millis(10) * number, number as u16, 900 * number);
        }
        assert_eq!(source.report(now + Duration::from_secs(1)).jitter, 0);
        source.on_packet(now + Duration::from_millis(1_160), 100, 90_000);
        // 160 ms late is 14,400 ticks, of which a sixteenth counts (RFC 3550, A.8).
        assert_eq!(source.report(now + Duration::from_secs(2)).jitter, 14_400 / 16);
    }

    #[test]
    fn the_last_sender_report_is_echoed_with_its_age() {
        let (mut source, now) = source(0);
        source.on_sender_report(now, 0x1122_3344_5566_7788);
        let block = source.report(now + Duration::from_millis(500));
        assert_eq!((block.last_report, block.delay), (0x3344_5566, 32_768));
    }
}
