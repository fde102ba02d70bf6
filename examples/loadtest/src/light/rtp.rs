//! The headers of media, and the reports about it, read and written (RFC 3550, 5.1 and 6).

use super::source::Block;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;
/// RFC 5761, 4: the second byte of a report, whatever its kind; that of a packet of media is never here.
const REPORT_KINDS: std::ops::RangeInclusive<u8> = 192..=223;

/// What is read of a packet of media.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Header {
    pub(crate) pt: u8,
    pub(crate) has_padding: bool,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    /// With its extensions.
    pub(crate) bytes: usize,
}

impl Header {
    pub(crate) fn parse(packet: &[u8]) -> Option<Self> {
        let fixed: &[u8; 12] = packet.first_chunk()?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let word = |at: usize| {
            u32::from_be_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]])
        };
        let mut bytes = 12 + 4 * usize::from(fixed[0] & 0x0f);
        if fixed[0] & 0x10 != 0 {
            let words = packet.get(bytes + 2..bytes + 4)?;
            bytes += 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]));
        }
        (bytes <= packet.len()).then_some(Self {
            pt: fixed[1] & 0x7f,
            has_padding: fixed[0] & 0x20 != 0,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: word(4),
            ssrc: word(8),
            bytes,
        })
    }
}

/// Whether something that begins like media is a report.
pub(crate) fn is_report(packet: &[u8]) -> bool {
    packet.get(1).is_some_and(|kind| REPORT_KINDS.contains(kind))
}

/// The senders in a compound of reports, each with its time (NTP).
pub(crate) fn sender_reports(mut compound: &[u8]) -> Vec<(u32, u64)> {
    let mut found = Vec::new();
    while let Some((&[_, kind, high, low], _)) = compound.split_first_chunk::<4>() {
        let length = 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
        let Some((packet, rest)) = compound.split_at_checked(length) else { break };
        if let (SENDER_REPORT, Some(body)) = (kind, packet.get(4..16)) {
            let (ssrc, ntp) = body.split_at(4);
            let ssrc = u32::from_be_bytes(ssrc.try_into().expect("4 of 12 bytes"));
            found.push((ssrc, u64::from_be_bytes(ntp.try_into().expect("8 of 12 bytes"))));
        }
        compound = rest;
    }
    found
}

/// A report of every stream, and who makes it: at most 31 streams (RFC 3550, 6.4.2), and a name of at most 255 bytes.
pub(crate) fn receiver_report(ssrc: u32, name: &str, blocks: &[Block]) -> Vec<u8> {
    debug_assert!(blocks.len() < 32 && name.len() < 256);
    let mut out = Vec::with_capacity(64 + 24 * blocks.len());
    header(&mut out, blocks.len(), RECEIVER_REPORT, 4 + 24 * blocks.len());
    out.extend(ssrc.to_be_bytes());
    for block in blocks {
        let lost = u32::from(block.fraction_lost) << 24 | block.lost & 0xff_ffff;
        let words = [block.ssrc, lost, block.highest, block.jitter, block.last_report, block.delay];
        out.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    }
    // RFC 3550, 6.5: a chunk ends with at least one zero, at a multiple of four bytes.
    let item_bytes = (2 + name.len() + 1).next_multiple_of(4);
    header(&mut out, 1, DESCRIPTION, 4 + item_bytes);
    out.extend(ssrc.to_be_bytes());
    let end = out.len() + item_bytes;
    out.extend([1, name.len() as u8]);
    out.extend(name.as_bytes());
    out.resize(end, 0);
    out
}

fn header(out: &mut Vec<u8>, count: usize, kind: u8, body_bytes: usize) {
    out.extend([0x80 | count as u8, kind]);
    out.extend(((body_bytes / 4) as u16).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_header_ends_behind_its_sources_and_extensions() {
        let mut packet = vec![0xb1, 0x80 | 96, 0, 7, 0, 0, 0, 9, 0, 0, 0, 5, 1, 1, 1, 1];
        packet.extend([0xbe, 0xde, 0, 1, 0x40, 0, 0, 0, 42]);
        let header =
            Header { pt: 96, has_padding: true, sequence: 7, timestamp: 9, ssrc: 5, bytes: 24 };
        assert_eq!(Header::parse(&packet), Some(header));
        for length in 0..24 {
            assert_eq!(Header::parse(&packet[..length]), None, "{length} bytes");
        }
        packet[0] = 0x71;
        assert_eq!(Header::parse(&packet), None);
    }

    #[test]
    fn reports_are_told_from_media() {
        assert!(is_report(&[0x80, 200]) && is_report(&[0x80, 206]));
        assert!(!is_report(&[0x80, 0x80 | 111]) && !is_report(&[0x80, 96]) && !is_report(&[0x80]));
    }

    #[test]
    fn a_report_has_the_form_of_rfc_3550() {
        let block = Block {
            ssrc: 2,
            fraction_lost: 64,
            lost: 5,
            highest: 6,
            jitter: 7,
            last_report: 8,
            delay: 9,
        };
        let report = receiver_report(1, "abcd", &[block]);
        let words: Vec<u32> =
            report.chunks(4).map(|word| u32::from_be_bytes(word.try_into().unwrap())).collect();
        let name = [0x81ca_0003, 1, 0x0104_6162, 0x6364_0000];
        assert_eq!(words[..8], [0x81c9_0007, 1, 2, 0x4000_0005, 6, 7, 8, 9]);
        assert_eq!(words[8..], name);
    }

    #[test]
    fn sender_reports_are_found_among_others() {
        let mut compound = receiver_report(1, "a", &[]);
        compound.extend([0x80, 200, 0, 6, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8]);
        compound.extend([0; 12]);
        assert_eq!(sender_reports(&compound), [(3, 0x0102_0304_0506_0708)]);
        compound.pop();
        assert_eq!(sender_reports(&compound), []);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = sender_reports(&bytes);
            if let Some(header) = Header::parse(&bytes) {
                prop_assert!(header.bytes <= bytes.len());
            }
        }
    }
}
