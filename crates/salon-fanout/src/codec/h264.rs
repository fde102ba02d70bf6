//! H.264 payloads (RFC 6184): where a decoder can start.

use super::sps;
use crate::packet::ParseError;

const IDR_SLICE: u8 = 5;
const SEQUENCE_PARAMETERS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// What a payload is to somebody who waits for a picture.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Kind {
    /// Neither of the others.
    Other,
    /// The beginning of a slice of a keyframe. A decoder can start here if nothing of the frame came before.
    KeyframeSlice,
    /// The parameters that precede a keyframe. A decoder can start here.
    Parameters,
}

impl Kind {
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, ParseError> {
        let truncated = ParseError::Truncated(payload.len());
        match payload {
            [] => Err(truncated),
            [first, units @ ..] if first & 0x1f == STAP_A => {
                Self::parse_aggregate(units).ok_or(truncated)
            }
            [first, rest @ ..] if first & 0x1f == FU_A => {
                let header = rest.first().ok_or(truncated)?;
                let starts_unit = header & 0x80 != 0;
                Ok(if starts_unit { Self::of_unit(*header) } else { Self::Other })
            }
            [first, ..] => Ok(Self::of_unit(*first)),
        }
    }

    /// The best of the units in a STAP-A, or `None` if it ends inside one.
    fn parse_aggregate(mut units: &[u8]) -> Option<Self> {
        let mut best = None;
        // Every turn consumes at least three bytes.
        while !units.is_empty() {
            let (size, rest) = units.split_first_chunk::<2>()?;
            let (unit, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*size)))?;
            best = best.max(Some(Self::of_unit(*unit.first()?)));
            units = rest;
        }
        best
    }

    /// How tall the pictures are that follow, by the parameters in a payload that was parsed; those in fragments, which
    /// nobody sends, are not read.
    pub(crate) fn rows(payload: &[u8]) -> Option<u16> {
        let (&first, mut units) = payload.split_first()?;
        if first & 0x1f != STAP_A {
            return sps_rows(payload);
        }
        while let Some((size, rest)) = units.split_first_chunk::<2>() {
            let (unit, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*size)))?;
            if let Some(rows) = sps_rows(unit) {
                return Some(rows);
            }
            units = rest;
        }
        None
    }

    fn of_unit(header: u8) -> Self {
        match header & 0x1f {
            IDR_SLICE => Self::KeyframeSlice,
            SEQUENCE_PARAMETERS => Self::Parameters,
            _ => Self::Other,
        }
    }
}

fn sps_rows(unit: &[u8]) -> Option<u16> {
    if unit.first()? & 0x1f == SEQUENCE_PARAMETERS { sps::rows(unit) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(payload: &[u8], expected: Kind) {
        assert_eq!(Kind::parse(payload), Ok(expected));
    }

    #[test]
    fn single_units_are_told_apart() {
        check(&[0x67, 1, 2], Kind::Parameters);
        check(&[0x68, 1], Kind::Other);
        check(&[0x65, 1], Kind::KeyframeSlice);
        check(&[0x41, 1], Kind::Other);
    }

    #[test]
    fn only_the_first_fragment_starts_a_slice() {
        check(&[0x7c, 0x85, 1], Kind::KeyframeSlice);
        check(&[0x7c, 0x05, 1], Kind::Other);
        check(&[0x7c, 0x45, 1], Kind::Other);
        check(&[0x5c, 0x81, 1], Kind::Other);
    }

    #[test]
    fn aggregates_are_searched() {
        check(&[0x78, 0, 2, 0x67, 1, 0, 1, 0x68], Kind::Parameters);
        check(&[0x78, 0, 1, 0x68, 0, 2, 0x65, 1], Kind::KeyframeSlice);
        check(&[0x78, 0, 1, 0x06, 0, 2, 0x41, 1], Kind::Other);
    }

    #[test]
    fn parameters_say_how_tall_pictures_are() {
        // Baseline, 40 x 23 macroblocks, cropped to 360 rows.
        let parameters = [0x67, 0x42, 0xc0, 0x1f, 0xda, 0x02, 0x80, 0xbf, 0xe5, 0x40];
        assert_eq!(Kind::rows(&parameters), Some(360));
        let aggregate = [&[0x78, 0, 1, 0x09, 0, 10][..], &parameters].concat();
        assert_eq!(Kind::rows(&aggregate), Some(360));
        assert_eq!(Kind::rows(&[0x65, 1]), None);
    }

    #[test]
    fn every_truncation_is_refused() {
        let aggregate = [0x78, 0, 2, 0x67, 1];
        for len in 0..aggregate.len() {
            assert_eq!(Kind::parse(&aggregate[..len]), Err(ParseError::Truncated(len)));
        }
        assert_eq!(Kind::parse(&[0x7c]), Err(ParseError::Truncated(1)));
        assert_eq!(Kind::parse(&[0x78, 0, 0]), Err(ParseError::Truncated(3)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(payload: Vec<u8>) {
            let _ = Kind::parse(&payload);
            let _ = Kind::rows(&payload);
        }
    }
}
