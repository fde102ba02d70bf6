//! Transport-wide feedback: which packets of the whole transport arrived
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01).
//!
//! Every packet carries a number of its own in a header extension, whatever its stream; the receiver says of a range of
//! numbers which came, and when. What it says is counted here. When packets came is read, so that a message is known to
//! be whole, and not used: nothing is estimated from it.

/// The header extension that carries the number.
pub(super) const EXTENSION: &str =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
/// The wish for it among the formats' (section 4).
pub(super) const WISH: &str = "transport-cc";

/// First number, how many are told about, the time that arrivals are counted from, and the message's number.
const HEAD_BYTES: usize = 8;

/// The number of the next packet.
#[derive(Debug, Default)]
pub(crate) struct Numbers(u16);

impl Numbers {
    pub(super) const fn take(&mut self) -> u16 {
        let number = self.0;
        self.0 = number.wrapping_add(1);
        number
    }
}

/// What one message says.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Arrivals {
    pub(crate) received: u64,
    pub(crate) lost: u64,
}

impl Arrivals {
    /// Reads what follows the SSRCs in a message (section 3.1). `None` if it is none, or not whole.
    ///
    /// The last chunk may say more than there is to say: what is beyond the last packet does not count.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (head, mut chunks) = bytes.split_at_checked(HEAD_BYTES)?;
        let mut left = u16::from_be_bytes([head[2], head[3]]);
        if left == 0 {
            return None;
        }
        let (mut arrivals, mut deltas_bytes) = (Self::default(), 0);
        while left > 0 {
            let (chunk, rest) = chunks.split_first_chunk()?;
            chunks = rest;
            let chunk = Chunk(u16::from_be_bytes(*chunk));
            for (symbol, repeats) in chunk.symbols() {
                let count = repeats.min(left);
                left -= count;
                match symbol {
                    // Nothing of it is left.
                    _ if count == 0 => {}
                    0 => arrivals.lost += u64::from(count),
                    // 1 is followed by a delta of one byte, 2 by one of two (section 3.1.5).
                    1 | 2 => {
                        arrivals.received += u64::from(count);
                        deltas_bytes += usize::from(symbol) * usize::from(count);
                    }
                    // Reserved (section 3.1.1): how long its delta is, nobody knows.
                    _ => return None,
                }
            }
        }
        (chunks.len() >= deltas_bytes).then_some(arrivals)
    }
}

/// What became of some packets in a row (sections 3.1.3 and 3.1.4).
#[derive(Clone, Copy, Debug)]
struct Chunk(u16);

impl Chunk {
    /// Each symbol, and how often it is repeated.
    fn symbols(self) -> impl Iterator<Item = (u16, u16)> {
        let bits = self.0;
        // One symbol and its run length, a vector of fourteen symbols of a bit, or one of seven of two bits.
        let (count, width, end, repeats) = match bits >> 14 {
            0 | 1 => (1, 2, 15, bits & 0x1fff),
            2 => (14, 1, 14, 1),
            _ => (7, 2, 14, 1),
        };
        let mask = (1 << width) - 1;
        (1..=count).map(move |number| (bits >> (end - number * width) & mask, repeats))
    }
}

#[cfg(test)]
#[expect(clippy::unusual_byte_groupings, reason = "the groups are the fields of chunks")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(count: u16, chunks: &[u16], deltas: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0xff, 0xfe];
        bytes.extend(count.to_be_bytes());
        bytes.extend([0, 0, 7, 1]);
        bytes.extend(chunks.iter().flat_map(|chunk| chunk.to_be_bytes()));
        bytes.extend(deltas);
        bytes
    }

    #[track_caller]
    fn check(count: u16, chunks: &[u16], deltas_bytes: usize, expected: Option<(u64, u64)>) {
        let bytes = message(count, chunks, &vec![9; deltas_bytes]);
        let arrivals = |(received, lost)| Arrivals { received, lost };
        assert_eq!(Arrivals::read(&bytes), expected.map(arrivals));
        if expected.is_some() {
            for end in 0..bytes.len() {
                assert_eq!(Arrivals::read(&bytes[..end]), None, "cut at {end}");
            }
            // Zeros fill the last word.
            let padded = [&bytes[..], &[0, 0, 0]].concat();
            assert_eq!(Arrivals::read(&padded), expected.map(arrivals));
        }
    }

    #[test]
    fn a_run_is_read() {
        // The draft's own example, 3.1.3: 221 packets that were not received.
        check(221, &[0b0_00_0000011011101], 0, Some((0, 221)));
        check(24, &[0b0_01_0000000011000], 24, Some((24, 0)));
        check(3, &[0b0_10_0000000000011], 6, Some((3, 0)));
    }

    #[test]
    fn vectors_are_read() {
        // The draft's own example, 3.1.4, of fourteen symbols: 1 not, 5 received, 3 not, 3 received, 2 not.
        check(14, &[0b1_0_01111100011100], 8, Some((8, 6)));
        // Seven symbols: not, large, small, small, small, not, not.
        check(7, &[0b1_1_00_10_01_01_01_00_00], 5, Some((4, 3)));
    }

    #[test]
    fn chunks_follow_each_other_and_the_last_may_be_longer_than_the_message() {
        check(16, &[0b1_0_11111111111111, 0b1_1_01_00_11_11_11_11_11], 15, Some((15, 1)));
        check(16, &[0b0_00_0000000001111, 0b0_10_1111111111111], 2, Some((1, 15)));
        // A run of nothing says nothing.
        check(2, &[0, 0b0_11_0000000000000, 0b0_01_0000000000010], 2, Some((2, 0)));
        check(u16::MAX, &[0x1fff; 9], 0, Some((0, 65_535)));
    }

    #[test]
    fn what_is_none_is_refused() {
        check(0, &[], 0, None);
        check(0, &[0b0_00_0000000000001], 0, None);
        check(24, &[0b0_11_0000000011000], 48, None);
        check(7, &[0b1_1_00_11_01_01_01_00_00], 16, None);
        check(15, &[0b1_0_11111111111111], 0, None);
        check(2, &[0b0_10_0000000000010], 3, None);
    }

    /// One chunk as it is meant to be written, with the lengths of the deltas behind it.
    fn chunk() -> impl Strategy<Value = (u16, Vec<u8>)> {
        let run = (0_u16..3, 1_u16..200).prop_map(|(symbol, length)| {
            (symbol << 13 | length, vec![symbol as u8; length.into()])
        });
        let narrow = prop::collection::vec(0_u16..2, 14).prop_map(|symbols| vector(1, &symbols));
        let wide = prop::collection::vec(0_u16..3, 7).prop_map(|symbols| vector(2, &symbols));
        prop_oneof![run, narrow, wide]
    }

    fn vector(width: usize, symbols: &[u16]) -> (u16, Vec<u8>) {
        let head = 1 + width as u16;
        let bits = symbols.iter().fold(head, |bits, symbol| bits << width | symbol);
        (bits, symbols.iter().map(|symbol| *symbol as u8).collect())
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            if let Some(Arrivals { received, lost }) = Arrivals::read(&bytes) {
                let count = u16::from_be_bytes([bytes[2], bytes[3]]);
                prop_assert_eq!(received + lost, u64::from(count));
            }
        }

        #[test]
        fn what_is_written_is_read(
            chunks in prop::collection::vec(chunk(), 1..20),
            cut: prop::sample::Index,
        ) {
            let (chunks, symbols): (Vec<u16>, Vec<Vec<u8>>) = chunks.into_iter().unzip();
            let symbols = symbols.concat();
            let lost = symbols.iter().filter(|symbol| **symbol == 0).count();
            let deltas: usize = symbols.iter().map(|symbol| usize::from(*symbol)).sum();
            let bytes = message(symbols.len() as u16, &chunks, &vec![1; deltas]);
            let expected = Arrivals { received: (symbols.len() - lost) as u64, lost: lost as u64 };
            prop_assert_eq!(Arrivals::read(&bytes), Some(expected));
            prop_assert_eq!(Arrivals::read(&bytes[..cut.index(bytes.len())]), None);
        }
    }
}
