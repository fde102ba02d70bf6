//! The control protocol of media: our reports and goodbye written, the viewer's wishes read (RFC 3550, 6; RFC 4585, 6).

use std::time::Duration;

use super::transport::Arrivals;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;

const GENERIC_NACK: u8 = 1;
const TRANSPORT_WIDE: u8 = 15;
const PICTURE_LOSS: u8 = 1;
const FULL_INTRA: u8 = 4;

const HEADER_BYTES: usize = 4;
/// The sender and what it says of itself.
const SENDER_INFO_BYTES: usize = 24;
const BLOCK_BYTES: usize = 24;

/// What one stream tells its receiver once a second.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct SenderReport {
    pub(crate) ssrc: u32,
    /// The wall clock: seconds since 1900 in the upper half, their fraction in the lower.
    pub(crate) ntp: u64,
    /// The same moment in the stream's own timestamps.
    pub(crate) rtp_timestamp: u32,
    pub(crate) packets: u32,
    pub(crate) octets: u32,
}

/// Something the receiver says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Feedback<'a> {
    /// How a stream arrives.
    Reception(Reception),
    /// Packets of a stream are missing.
    Lost { ssrc: u32, packets: Lost<'a> },
    /// The picture of a stream cannot be decoded.
    KeyframeWanted { ssrc: u32 },
    /// Which packets came, whatever their stream.
    Arrivals(Arrivals),
}

/// One block of a receiver report, as far as it is used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Reception {
    pub(crate) ssrc: u32,
    /// The fraction lost since the report before, in 256ths.
    pub(crate) lost: u8,
    /// The middle half of the NTP time of the last sender report; zero if there was none.
    last_report: u32,
    /// How long the receiver kept it, in 65,536ths of a second.
    delay: u32,
}

impl Reception {
    /// The round trip time, if the receiver has had a report of ours; `ntp` is the time now (RFC 3550, 6.4.1).
    pub(crate) fn rtt(&self, ntp: u64) -> Option<Duration> {
        /// Whoever claims more is wrong.
        const RTT_MAX: u32 = 10 << 16;
        if self.last_report == 0 {
            return None;
        }
        let now = (ntp >> 16) as u32;
        let rtt = now.wrapping_sub(self.last_report).wrapping_sub(self.delay);
        (rtt <= RTT_MAX).then(|| Duration::from_micros((u64::from(rtt) * 1_000_000) >> 16))
    }
}

/// The sequence numbers in one message about missing packets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Lost<'a> {
    /// Four bytes each: a number, and which of the sixteen after it are missing too.
    entries: &'a [u8],
}

impl Lost<'_> {
    /// The numbers, in the order they are named.
    pub(crate) fn sequences(&self) -> impl Iterator<Item = u16> {
        self.entries.chunks_exact(4).flat_map(|entry| {
            let first = u16::from_be_bytes([entry[0], entry[1]]);
            let mask = u16::from_be_bytes([entry[2], entry[3]]);
            let following = (0..16).filter(move |bit| mask & (1 << bit) != 0);
            std::iter::once(first).chain(following.map(move |bit| first.wrapping_add(bit + 1)))
        })
    }
}

/// The bytes are no compound of control packets.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("control packet at byte {0} is malformed")]
pub(crate) struct Malformed(usize);

/// Reads a compound, or a packet alone (RFC 5506). What is not about our streams' reception is passed over.
///
/// What comes before a malformed packet has been seen by then: each packet stands for itself.
pub(crate) fn read(bytes: &[u8], mut see: impl FnMut(Feedback<'_>)) -> Result<(), Malformed> {
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let [first, kind, high, low, ..] = *rest else { return Err(Malformed(at)) };
        let length = HEADER_BYTES + 4 * usize::from(u16::from_be_bytes([high, low]));
        let (version, has_padding, count) = (first >> 6, first & 0x20 != 0, first & 0x1f);
        let packet = rest.get(HEADER_BYTES..length).filter(|_| version == 2);
        let mut body = packet.ok_or(Malformed(at))?;
        if has_padding {
            let padding = usize::from(*body.last().ok_or(Malformed(at))?);
            let end = body.len().checked_sub(padding).filter(|_| padding > 0);
            body = &body[..end.ok_or(Malformed(at))?];
        }
        read_one(kind, count, body, &mut see).ok_or(Malformed(at))?;
        at += length;
    }
    Ok(())
}

fn read_one(kind: u8, count: u8, body: &[u8], see: &mut impl FnMut(Feedback<'_>)) -> Option<()> {
    match (kind, count) {
        (SENDER_REPORT, _) => read_blocks(count, body.get(SENDER_INFO_BYTES..)?, see),
        (RECEIVER_REPORT, _) => read_blocks(count, body.get(4..)?, see),
        (TRANSPORT_FEEDBACK, GENERIC_NACK) => {
            let ssrc = u32_at(body, 4)?;
            see(Feedback::Lost { ssrc, packets: Lost { entries: &body[8..] } });
            Some(())
        }
        (TRANSPORT_FEEDBACK, TRANSPORT_WIDE) => {
            see(Feedback::Arrivals(Arrivals::read(body.get(8..)?)?));
            Some(())
        }
        (PAYLOAD_FEEDBACK, PICTURE_LOSS) => {
            see(Feedback::KeyframeWanted { ssrc: u32_at(body, 4)? });
            Some(())
        }
        (PAYLOAD_FEEDBACK, FULL_INTRA) => {
            // RFC 5104, 4.3.1.1: whom it is for stands in the entries.
            for entry in body.get(8..)?.chunks_exact(8) {
                see(Feedback::KeyframeWanted { ssrc: u32_at(entry, 0)? });
            }
            Some(())
        }
        // A receiver's goodbye and description change nothing for us; estimates of its bandwidth are not used.
        _ => Some(()),
    }
}

fn read_blocks(count: u8, blocks: &[u8], see: &mut impl FnMut(Feedback<'_>)) -> Option<()> {
    let blocks = blocks.get(..usize::from(count) * BLOCK_BYTES)?;
    for block in blocks.chunks_exact(BLOCK_BYTES) {
        see(Feedback::Reception(Reception {
            ssrc: u32_at(block, 0)?,
            lost: block[4],
            last_report: u32_at(block, 16)?,
            delay: u32_at(block, 20)?,
        }));
    }
    Some(())
}

/// The longest compound that is written: a report and a description of each of eight streams.
pub(crate) const COMPOUND_BYTES_MAX: usize = 640;

/// Writes control packets one after the other.
///
/// What it is given fits [`COMPOUND_BYTES_MAX`]: at most eight streams, and a name of 16 bytes.
#[derive(Debug)]
pub(crate) struct Compound {
    bytes: [u8; COMPOUND_BYTES_MAX + super::srtp::OVERHEAD_BYTES_MAX],
    length: usize,
}

impl Compound {
    const fn new() -> Self {
        Self { bytes: [0; COMPOUND_BYTES_MAX + super::srtp::OVERHEAD_BYTES_MAX], length: 0 }
    }

    /// A report of each stream, and the name that they share. `None` without any report.
    pub(crate) fn of_reports(reports: &[SenderReport], name: &str) -> Option<Self> {
        let mut compound = Self::new();
        for report in reports {
            compound.header(0, SENDER_REPORT, SENDER_INFO_BYTES);
            compound.put(&report.ssrc.to_be_bytes());
            compound.put(&report.ntp.to_be_bytes());
            compound.put(&report.rtp_timestamp.to_be_bytes());
            compound.put(&report.packets.to_be_bytes());
            compound.put(&report.octets.to_be_bytes());
        }
        // RFC 3550, 6.5: a chunk ends with at least one zero, at a multiple of four bytes.
        let item_bytes = (2 + name.len() + 1).next_multiple_of(4);
        compound.header(reports.len(), DESCRIPTION, reports.len() * (4 + item_bytes));
        for report in reports {
            compound.put(&report.ssrc.to_be_bytes());
            let end = compound.length + item_bytes;
            compound.put(&[1, name.len() as u8]);
            compound.put(name.as_bytes());
            compound.length = end;
        }
        (!reports.is_empty()).then_some(compound)
    }

    /// The end of these streams. `None` if there are none.
    pub(crate) fn of_goodbye(ssrcs: &[u32]) -> Option<Self> {
        let mut compound = Self::new();
        // RFC 3550, 6.1: a compound begins with a report, if only an empty one.
        compound.header(0, RECEIVER_REPORT, 4);
        compound.put(&ssrcs.first()?.to_be_bytes());
        compound.header(ssrcs.len(), GOODBYE, 4 * ssrcs.len());
        for ssrc in ssrcs {
            compound.put(&ssrc.to_be_bytes());
        }
        Some(compound)
    }

    /// The buffer, with room behind for what sealing adds, and how much of it is written.
    pub(crate) fn into_parts(
        self,
    ) -> ([u8; COMPOUND_BYTES_MAX + super::srtp::OVERHEAD_BYTES_MAX], usize) {
        (self.bytes, self.length)
    }

    fn header(&mut self, count: usize, kind: u8, body_bytes: usize) {
        debug_assert!(count < 32 && body_bytes.is_multiple_of(4));
        let [high, low] = ((body_bytes / 4) as u16).to_be_bytes();
        self.put(&[0x80 | count as u8, kind, high, low]);
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..offset + 4)?.try_into().ok().map(u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One word for each thing said.
    fn said(bytes: &[u8]) -> Result<String, Malformed> {
        let mut words = Vec::new();
        read(bytes, |feedback| {
            words.push(match feedback {
                Feedback::Reception(block) => format!("reception {} {}", block.ssrc, block.lost),
                Feedback::Lost { ssrc, packets } => {
                    format!("lost {ssrc}: {:?}", packets.sequences().collect::<Vec<_>>())
                }
                Feedback::KeyframeWanted { ssrc } => format!("keyframe {ssrc}"),
                Feedback::Arrivals(Arrivals { received, lost }) => {
                    format!("{received} of {}", received + lost)
                }
            });
        })?;
        Ok(words.join(", "))
    }

    fn packet(count: u8, kind: u8, words: &[u32]) -> Vec<u8> {
        let mut bytes = vec![0x80 | count, kind];
        bytes.extend((words.len() as u16).to_be_bytes());
        bytes.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        bytes
    }

    /// What a browser sends: a report with a block, its name, and wishes.
    fn browser() -> Vec<u8> {
        [
            packet(1, RECEIVER_REPORT, &[1, 7, 0x4000_0003, 0, 0, 0, 0]),
            packet(1, DESCRIPTION, &[1, 0x0102_6161, 0]),
            packet(GENERIC_NACK, TRANSPORT_FEEDBACK, &[1, 7, 0xffff_8001, 0x0010_0000]),
            packet(PICTURE_LOSS, PAYLOAD_FEEDBACK, &[1, 7]),
            packet(FULL_INTRA, PAYLOAD_FEEDBACK, &[1, 0, 8, 0x0100_0000]),
            packet(15, PAYLOAD_FEEDBACK, &[1, 0, u32::from_be_bytes(*b"REMB"), 0, 7]),
            packet(
                TRANSPORT_WIDE,
                TRANSPORT_FEEDBACK,
                &[1, 7, 0x0000_0003, 0, 0x2002_0001, 0x0102_0000],
            ),
            packet(1, GOODBYE, &[1]),
        ]
        .concat()
    }

    #[test]
    fn wishes_are_read_and_the_rest_is_passed_over() {
        let expected = "reception 7 64, lost 7: [65535, 0, 15, 16], keyframe 7, keyframe 8, 2 of 3";
        assert_eq!(said(&browser()).as_deref(), Ok(expected));
        assert_eq!(said(&[]).as_deref(), Ok(""));
    }

    #[test]
    fn padding_is_no_content() {
        let mut bytes = packet(GENERIC_NACK, TRANSPORT_FEEDBACK, &[1, 7, 0x0005_0000, 4]);
        bytes[0] |= 0x20;
        assert_eq!(said(&bytes).as_deref(), Ok("lost 7: [5]"));
        for padding in [0, 17] {
            *bytes.last_mut().unwrap() = padding;
            assert_eq!(said(&bytes), Err(Malformed(0)));
        }
    }

    #[test]
    fn the_round_trip_is_what_the_receiver_did_not_keep() {
        // The example of RFC 3550, 6.4.1.
        let block = Reception { ssrc: 1, lost: 0, last_report: 0xb705_2000, delay: 0x0005_4000 };
        let ntp = 0x0000_b710_8000_0000;
        assert_eq!(block.rtt(ntp), Some(Duration::from_micros(6_125_000)));
        assert_eq!(block.rtt(ntp - (7 << 32)), None);
        assert_eq!(Reception { last_report: 0, ..block }.rtt(ntp), None);
    }

    #[test]
    fn what_is_written_is_what_str0m_and_we_read() {
        let report =
            |ssrc| SenderReport { ssrc, ntp: 1 << 40, rtp_timestamp: 9, packets: 2, octets: 3 };
        let reports: Vec<_> = (0..8).map(report).collect();
        let (bytes, length) =
            Compound::of_reports(&reports, "0123456789abcdef").unwrap().into_parts();
        assert!(length <= COMPOUND_BYTES_MAX);
        assert_eq!(said(&bytes[..length]).as_deref(), Ok(""));
        assert_eq!(bytes[..8], [0x80, 200, 0, 6, 0, 0, 0, 0]);
        assert_eq!(bytes[8 * 28..8 * 28 + 12], [0x88, 202, 0, 48, 0, 0, 0, 0, 1, 16, b'0', b'1']);

        let ssrcs: Vec<u32> = (0..12).collect();
        let (bytes, length) = Compound::of_goodbye(&ssrcs).unwrap().into_parts();
        assert_eq!(bytes[8..12], [0x8c, 203, 0, 12]);
        assert_eq!((length, said(&bytes[..length]).as_deref()), (60, Ok("")));
        assert!(Compound::of_goodbye(&[]).is_none() && Compound::of_reports(&[], "").is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = said(&bytes);
        }

        #[test]
        fn spoilt_reports_are_read_or_refused(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            end: prop::sample::Index,
        ) {
            let mut bytes = browser();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let _ = said(&bytes);
            let _ = said(&bytes[..end.index(bytes.len())]);
        }
    }
}
