//! One stream at a light viewer: what is opened, what is only counted, and what that comes to.

use std::time::Instant;

use super::rtp::Header;
use super::source::Source;
use super::srtp::Opener;
use crate::arguments::Verify;
use crate::meter::Phase;
use crate::stamp::Stamp;
use crate::tally::{Arrival, Counts, Tally};

/// Of so many packets one is opened in a sample. With seven packets a frame it meets each place in the frame in turn.
const SAMPLE: u16 = 16;

/// A stream, from its first packet on.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) source: Source,
    /// Which track it carries, once a packet has told.
    pub(crate) track: Option<u8>,
    tally: Tally,
    damaged: u64,
    opened: u64,
    /// What the server had counted of rounds in the numbers' first round, found out with the first packet that opens.
    rounds: u64,
    /// The first number that was sent in the window.
    measured_from: Option<u64>,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// No media, or not what was sent.
    Nothing,
    /// It counts in the window, or not, but was not opened or had come before.
    Counted { is_measured: bool },
    /// It counts, and was sent then.
    Stamped { sent_us: u64 },
}

impl Stream {
    pub(crate) fn new(source: Source) -> Self {
        Self {
            source,
            track: None,
            tally: Tally::default(),
            damaged: 0,
            opened: 0,
            rounds: 0,
            measured_from: None,
        }
    }

    /// A packet came, with its number as [`Source`] tells it. The first of [`Outcome`] is for packets without media.
    pub(crate) fn on_packet(
        &mut self,
        opener: &Opener,
        (verify, phase): (Verify, Phase),
        (header, number): (Header, u64),
        packet: &mut [u8],
    ) -> (Outcome, Arrival) {
        // What came while measuring, after the first that was sent to be measured, was sent to be measured.
        let is_inside =
            phase == Phase::Measuring && self.measured_from.is_some_and(|from| number >= from);
        let is_sampled = header.sequence % SAMPLE == 0;
        let may_skip = verify == Verify::Sample && is_inside && !is_sampled && !header.has_padding;
        if may_skip && self.track.is_some() {
            let arrival = self.tally.on_packet(number, true);
            return (Outcome::Counted { is_measured: true }, arrival);
        }
        let Some(payload) = self.open(opener, header, number, packet) else {
            self.damaged += 1;
            return (Outcome::Nothing, Arrival::New);
        };
        let Some(stamp) = Stamp::read(payload) else {
            // Probes of bandwidth have no payload, or one of zeros, or nothing but padding and its length.
            let is_padding = header.has_padding || payload.iter().all(|byte| *byte == 0);
            self.damaged += u64::from(!is_padding);
            return (Outcome::Nothing, Arrival::New);
        };
        self.track = Some(stamp.track);
        let is_measured = stamp.is_measured;
        if is_measured {
            self.opened += 1;
            self.measured_from = Some(self.measured_from.map_or(number, |from| from.min(number)));
        }
        // The publisher's count also notices what a server sends twice under two numbers.
        let key = if verify == Verify::All { stamp.counter } else { number };
        let arrival = self.tally.on_packet(key, is_measured);
        let outcome = match (is_measured, arrival) {
            (true, Arrival::New | Arrival::Late) => Outcome::Stamped { sent_us: stamp.sent_us },
            _ => Outcome::Counted { is_measured },
        };
        (outcome, arrival)
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts { damaged: self.damaged, opened: self.opened, ..self.tally.counts() }
    }

    fn open<'a>(
        &mut self,
        opener: &Opener,
        header: Header,
        number: u64,
        packet: &'a mut [u8],
    ) -> Option<&'a [u8]> {
        // Numbers begin in the round that counts as the first; in the server's count it is round zero, mostly.
        let index = |rounds: u64| number.checked_sub(1 << 16).map(|index| index + (rounds << 16));
        if self.track.is_none() {
            // The first packet of all may have been sent after the sequence had begun anew.
            let mut copy = packet.to_vec();
            let mut opens =
                |index| opener.open_media(header.ssrc, index, header.bytes, &mut copy).is_some();
            self.rounds = u64::from(!index(0).is_some_and(&mut opens));
        }
        let index = index(self.rounds)?;
        let payload = &*opener.open_media(header.ssrc, index, header.bytes, packet)?;
        // RFC 3550, 5.1: the last byte of padding counts it.
        let padding = if header.has_padding { usize::from(*payload.last()?) } else { 0 };
        payload.get(..payload.len().checked_sub(padding)?)
    }
}

/// A first packet of a stream.
pub(crate) fn first(now: Instant, header: Header, clock_hz: u32) -> (Stream, u64) {
    let source = Source::new(now, header.ssrc, clock_hz, header.sequence, header.timestamp);
    let number = source.number();
    (Stream::new(source), number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SSRC: u32 = 5;
    /// Whoever is told so: measured are the packets from the 40th to the 199th.
    const MEASURED: std::ops::Range<u64> = 40..200;

    fn packet(opener: &Opener, first: u64, counter: u64) -> Vec<u8> {
        let is_measured = MEASURED.contains(&counter);
        let stamp = Stamp { track: 1, is_measured, counter, sent_us: counter };
        opener.seal_for_test(SSRC, first + counter, &stamp.finish(&[0x90], 100))
    }

    /// Lets packets arrive, of which the first has the index `first`; what comes before the 180th comes while measuring.
    fn receive(
        verify: Verify,
        first: u64,
        counters: impl IntoIterator<Item = u64>,
    ) -> (Counts, u64) {
        let (opener, now, mut known, mut stamped) = (Opener::for_test(), Instant::now(), None, 0);
        for counter in counters {
            let mut bytes = packet(&opener, first, counter);
            let header = Header::parse(&bytes).unwrap();
            let (stream, number) = match &mut known {
                None => {
                    let (stream, number) = super::first(now, header, 90_000);
                    (known.insert(stream), number)
                }
                Some(stream) => {
                    let number = stream.source.on_packet(now, header.sequence, 0);
                    (stream, number)
                }
            };
            let is_measuring = (MEASURED.start..180).contains(&counter);
            let phase = if is_measuring { Phase::Measuring } else { Phase::Idle };
            let how = (verify, phase);
            let (outcome, _) = stream.on_packet(&opener, how, (header, number), &mut bytes);
            stamped += u64::from(matches!(outcome, Outcome::Stamped { .. }));
        }
        (known.unwrap().counts(), stamped)
    }

    #[test]
    fn a_sample_counts_exactly_what_was_sent_in_the_window() {
        // The sequence begins anew on the way, and in the last case before the first packet.
        for first in [0, 65_500, 65_536 + 3] {
            let (counts, stamped) = receive(Verify::Sample, first, 0..260);
            assert_eq!((counts.received, counts.damaged), (160, 0), "from {first}");
            // The first of the window, those after the 180th, and one in sixteen between.
            assert_eq!(counts.opened, stamped);
            assert!((1 + 20 + 8..=1 + 20 + 9).contains(&stamped), "{stamped} from {first}");
        }
    }

    #[test]
    fn everything_is_opened_when_told_to() {
        let (counts, stamped) = receive(Verify::All, 65_500, 0..260);
        assert_eq!((counts.received, counts.opened, stamped), (160, 160, 160));
    }

    #[test]
    fn padding_is_no_payload() {
        let (opener, now) = (Opener::for_test(), Instant::now());
        let stamp = Stamp { track: 1, is_measured: true, counter: 0, sent_us: 7 };
        let payload = [&stamp.finish(&[0x90], 100)[..], &[0, 0, 3]].concat();
        let mut bytes = opener.seal_for_test(SSRC, 0, &payload);
        let header = Header { has_padding: true, ..Header::parse(&bytes).unwrap() };
        let (mut stream, number) = first(now, header, 90_000);
        let how = (Verify::All, Phase::Measuring);
        let (outcome, _) = stream.on_packet(&opener, how, (header, number), &mut bytes);
        assert_eq!(outcome, Outcome::Stamped { sent_us: 7 });
    }

    #[test]
    fn loss_duplicates_and_late_ones_are_found_by_either() {
        for verify in [Verify::All, Verify::Sample] {
            let mut counters: Vec<u64> = (0..260).collect();
            counters.retain(|counter| ![70, 71, 120].contains(counter));
            counters.insert(100, 90);
            counters.swap(140, 141);
            let (counts, _) = receive(verify, 65_500, counters);
            let found = (counts.received, counts.duplicates, counts.reordered, counts.damaged);
            assert_eq!(found, (157, 1, 1, 0), "{verify:?}");
        }
    }

    #[test]
    fn what_does_not_open_is_damaged() {
        let (opener, now) = (Opener::for_test(), Instant::now());
        let mut bytes = packet(&opener, 0, 0);
        bytes[20] ^= 1;
        let header = Header::parse(&bytes).unwrap();
        let (mut stream, number) = first(now, header, 90_000);
        let how = (Verify::Sample, Phase::Idle);
        stream.on_packet(&opener, how, (header, number), &mut bytes);
        assert_eq!(stream.counts(), Counts { damaged: 1, ..Counts::default() });
        assert_eq!(stream.track, None);
    }
}
