//! AV1 payloads (RTP Payload Format For AV1, 4.4): where a decoder can start.
//!
//! Without a dependency descriptor there is nothing in them that counts on, so nothing is rewritten.

use super::bits::Bits;
use crate::packet::ParseError;

const SEQUENCE_HEADER: u8 = 1;

/// What an aggregation header says, and the sequence header behind it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Aggregate {
    /// This packet is the first of a coded video sequence, which begins with a keyframe.
    pub(crate) starts_sequence: bool,
    /// How tall the pictures of the sequence may be.
    pub(crate) rows: Option<u16>,
}

impl Aggregate {
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, ParseError> {
        let truncated = ParseError::Truncated(payload.len());
        let (&header, mut rest) = payload.split_first().ok_or(truncated)?;
        let (continues, elements) = (header & 0x80 != 0, header >> 4 & 3);
        // AV1 RTP, 4.4: a packet that goes on with an element is not the first of a sequence, whatever it says.
        let starts_sequence = header & 0x08 != 0 && !continues;
        let mut rows = None;
        let mut number = 0u8;
        // Every turn consumes at least one byte.
        while !rest.is_empty() || number == 0 || number < elements {
            number = number.saturating_add(1);
            let is_last = number == elements;
            let element = if is_last {
                std::mem::take(&mut rest)
            } else {
                let (len, after) = leb128(rest).ok_or(truncated)?;
                let (element, after) = after.split_at_checked(len).ok_or(truncated)?;
                rest = after;
                element
            };
            if is_last && element.is_empty() {
                return Err(truncated);
            }
            if starts_sequence && rows.is_none() {
                rows = sequence_rows(element);
            }
        }
        Ok(Self { starts_sequence, rows })
    }
}

/// A length (AV1, 4.10.5), and what follows it.
fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut len = 0;
    for (at, byte) in bytes.iter().enumerate().take(8) {
        len |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(len).ok()?, &bytes[at + 1..]));
        }
    }
    None
}

/// The rows that a sequence header speaks of (AV1, 5.3 and 5.5); `None` if this is another unit, or not all of one.
fn sequence_rows(unit: &[u8]) -> Option<u16> {
    let (&header, mut rest) = unit.split_first()?;
    if header >> 3 & 0x0f != SEQUENCE_HEADER {
        return None;
    }
    if header & 0x04 != 0 {
        rest = rest.get(1..)?;
    }
    if header & 0x02 != 0 {
        let (len, after) = leb128(rest)?;
        rest = after.get(..len)?;
    }
    let mut bits = Bits::new(rest.iter().copied());
    // Profile and still picture.
    bits.skip(4)?;
    let is_reduced = bits.flag()?;
    if is_reduced {
        let _level = bits.number(5)?;
    } else {
        skip_operating_points(&mut bits)?;
    }
    let (columns_bits, rows_bits) = (bits.number(4)? + 1, bits.number(4)? + 1);
    bits.skip(columns_bits)?;
    u16::try_from(bits.number(rows_bits)? + 1).ok()
}

/// Times, models of decoders, and what there is to be decoded (AV1, 5.5.1 to 5.5.4).
fn skip_operating_points(bits: &mut Bits<impl Iterator<Item = u8>>) -> Option<()> {
    let mut delay_bits = None;
    if bits.flag()? {
        bits.skip(64)?;
        let has_equal_intervals = bits.flag()?;
        if has_equal_intervals {
            let _ticks = bits.exp_golomb()?;
        }
        let has_decoder_model = bits.flag()?;
        if has_decoder_model {
            delay_bits = Some(bits.number(5)? + 1);
            bits.skip(32 + 5 + 5)?;
        }
    }
    let has_display_delay = bits.flag()?;
    let points = bits.number(5)? + 1;
    for _ in 0..points {
        bits.skip(12)?;
        let level = bits.number(5)?;
        if level > 7 {
            let _tier = bits.flag()?;
        }
        if let Some(delay_bits) = delay_bits
            && bits.flag()?
        {
            bits.skip(2 * delay_bits + 1)?;
        }
        if has_display_delay && bits.flag()? {
            bits.skip(4)?;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A sequence header of profile 0, with one operating point of level 4.0 (8) and tier 0; 640 in 10 bits, 360 in 9.
    const SEQUENCE: [u8; 9] = [0x08, 0x00, 0x00, 0x00, 0x42, 0x62, 0x7f, 0xb3, 0x80];

    #[track_caller]
    fn check(payload: &[u8], starts_sequence: bool, rows: Option<u16>) {
        assert_eq!(Aggregate::parse(payload), Ok(Aggregate { starts_sequence, rows }));
    }

    #[test]
    fn the_beginning_of_a_sequence_is_told() {
        check(&[0x10, 0x32, 0], false, None);
        check(&[0x18, 0x32, 0], true, None);
        check(&[0x98, 0x32, 0], false, None);
        check(&[&[0x18], &SEQUENCE[..]].concat(), true, Some(360));
        check(&[&[0x10], &SEQUENCE[..]].concat(), false, None);
    }

    #[test]
    fn elements_are_told_apart_by_their_lengths() {
        let sequence = [&[SEQUENCE.len() as u8], &SEQUENCE[..]].concat();
        let metadata = [2, 0x28, 0];
        let frame = [0x32, 1, 2];
        // Two of them, then as many as there are, then the second is the sequence header.
        check(&[&[0x28], &sequence[..], &frame].concat(), true, Some(360));
        check(&[&[0x08], &sequence[..], &[3], &frame].concat(), true, Some(360));
        check(&[&[0x28], &metadata[..], &SEQUENCE].concat(), true, Some(360));
        check(&[0x08, 0x81, 0x00, 0x32], true, None);
    }

    #[test]
    fn a_sequence_header_has_many_forms() {
        // With an extension and a length of its own.
        let whole = [&[0x0e, 0x00, 8], &SEQUENCE[1..]].concat();
        assert_eq!(sequence_rows(&whole), Some(360));
        // A still picture: profile 0, still, reduced, level 0; the same sizes.
        assert_eq!(sequence_rows(&[0x08, 0x18, 0x26, 0x27, 0xfb, 0x38]), Some(360));
        // Times with equal intervals (a tick), a model with delays of 3 bits, a display delay, level 0.
        let mut bits = vec![false; 5];
        let mut put = |count: u32, number: u32| {
            bits.extend((0..count).rev().map(|bit| number >> bit & 1 == 1));
        };
        let fields = [(1, 1), (32, 1), (32, 30), (1, 1), (1, 1), (1, 1), (5, 2), (32, 1), (10, 0)];
        let point = [(12, 0), (5, 0), (1, 1), (7, 0), (1, 1), (4, 9)];
        let size = [(4, 10), (4, 9), (11, 639), (10, 359)];
        fields.iter().for_each(|(count, number)| put(*count, *number));
        [(1, 1), (5, 1)].iter().for_each(|(count, number)| put(*count, *number));
        (0..2).for_each(|_| point.iter().for_each(|(count, number)| put(*count, *number)));
        size.iter().for_each(|(count, number)| put(*count, *number));
        let byte = |bits: &[bool]| {
            (0..8).fold(0, |byte, at| byte << 1 | u8::from(bits.get(at) == Some(&true)))
        };
        let whole: Vec<u8> = std::iter::once(0x08).chain(bits.chunks(8).map(byte)).collect();
        assert_eq!(sequence_rows(&whole), Some(360));
        for len in 0..whole.len() {
            assert_eq!(sequence_rows(&whole[..len]), None);
        }
    }

    #[test]
    fn every_truncation_is_refused() {
        // An element of two bytes, then one of one byte.
        let whole = [0x28, 0x82, 0x00, 0x32, 7, 9];
        for len in 0..whole.len() {
            assert_eq!(Aggregate::parse(&whole[..len]), Err(ParseError::Truncated(len)));
        }
        assert!(Aggregate::parse(&whole).is_ok());
        assert!(Aggregate::parse(&[0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0]).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(payload: Vec<u8>) {
            let _ = Aggregate::parse(&payload);
        }
    }
}
