//! The VP9 payload descriptor (RFC 9628, 4.2).
//!
//! Its numbers go on over a change of source or layer, as those of VP8 do: everything else in it is relative to them
//! (P_DIFF counts back from the picture number) or to the keyframe that every change begins with (the scalability
//! structure).

use super::bits::Bits;
use super::numbers::{Numbered, Picture, Reader, Tl0};
use crate::packet::ParseError;

/// How many frames a picture may refer to (RFC 9628, 4.2).
const REFERENCES_MAX: usize = 3;

/// What a payload descriptor says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Descriptor {
    /// This packet is the first of a keyframe, in its lowest spatial layer.
    pub(crate) starts_keyframe: bool,
    /// The beginning of it, with its numbers.
    pub(crate) numbered: Numbered,
    /// How tall the keyframe is, in its highest spatial layer.
    pub(crate) rows: Option<u16>,
}

impl Descriptor {
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(payload);
        let first = reader.byte()?;
        let has = |bit: u8| first & bit != 0;
        let (is_inter, is_flexible) = (has(0x40), has(0x10));
        let picture = if has(0x80) { Some(Picture::parse(&mut reader)?) } else { None };
        let mut tl0 = None;
        let mut spatial = 0;
        if has(0x20) {
            spatial = reader.byte()? >> 1 & 7;
            tl0 = if is_flexible { None } else { Some(Tl0::parse(&mut reader)?) };
        }
        let len = reader.at;
        if is_flexible && is_inter {
            skip_references(&mut reader)?;
        }
        let structured = if has(0x02) { skip_structure(&mut reader)? } else { None };
        let at = usize::from(reader.at);
        let _frame = reader.byte()?;
        let starts_keyframe = !is_inter && has(0x08) && spatial == 0;
        let rows = starts_keyframe.then(|| structured.or_else(|| rows(&payload[at..]))).flatten();
        Ok(Self { starts_keyframe, numbered: Numbered { picture, tl0, len }, rows })
    }
}

fn skip_references(reader: &mut Reader<'_>) -> Result<(), ParseError> {
    for _ in 0..REFERENCES_MAX {
        let is_last = reader.byte()? & 1 == 0;
        if is_last {
            break;
        }
    }
    Ok(())
}

/// The scalability structure; returns the rows of its highest layer if it has sizes.
fn skip_structure(reader: &mut Reader<'_>) -> Result<Option<u16>, ParseError> {
    let head = reader.byte()?;
    let layers = 1 + (head >> 5);
    let mut rows = None;
    if head & 0x10 != 0 {
        for _ in 0..layers {
            let _columns = [reader.byte()?, reader.byte()?];
            let height = u16::from_be_bytes([reader.byte()?, reader.byte()?]);
            rows = rows.max(Some(height));
        }
    }
    if head & 0x08 != 0 {
        let pictures = reader.byte()?;
        for _ in 0..pictures {
            let references = reader.byte()? >> 2 & 3;
            for _ in 0..references {
                reader.byte()?;
            }
        }
    }
    Ok(rows.filter(|rows| *rows > 0))
}

/// How tall a keyframe is, by its uncompressed header (VP9 bitstream specification, 6.2); `None` if that is not all
/// there.
fn rows(frame: &[u8]) -> Option<u16> {
    let mut bits = Bits::new(frame.iter().copied());
    if bits.number(2)? != 0b10 {
        return None;
    }
    let profile = u32::from(bits.flag()?) | u32::from(bits.flag()?) << 1;
    if profile == 3 {
        bits.skip(1)?;
    }
    let (shows_existing, is_inter) = (bits.flag()?, bits.flag()?);
    // It is shown or not, and resilient to errors or not.
    bits.skip(2)?;
    if shows_existing || is_inter || bits.number(24)? != 0x49_8342 {
        return None;
    }
    if profile >= 2 {
        let _depth = bits.flag()?;
    }
    let is_rgb = bits.number(3)? == 7;
    let is_odd = profile == 1 || profile == 3;
    match (is_rgb, is_odd) {
        // The range of colours.
        (false, false) => bits.skip(1)?,
        // And how they are sampled.
        (false, true) => bits.skip(4)?,
        (true, true) => bits.skip(1)?,
        (true, false) => {}
    }
    let _columns = bits.number(16)?;
    u16::try_from(bits.number(16)? + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::numbers::{PICTURE_MASK, Template};
    use proptest::prelude::*;

    /// A keyframe of profile 0, 640 x 360.
    const FRAME: [u8; 9] = [0x82, 0x49, 0x83, 0x42, 0x00, 0x27, 0xf0, 0x16, 0x70];

    fn with_frame(descriptor: &[u8]) -> Vec<u8> {
        [descriptor, &FRAME].concat()
    }

    #[track_caller]
    fn check(descriptor: &[u8], starts: bool, picture: Option<u16>, tl0: Option<u8>, rows: u16) {
        let payload = with_frame(descriptor);
        let parsed = Descriptor::parse(&payload).unwrap();
        assert_eq!(parsed.starts_keyframe, starts);
        assert_eq!(parsed.numbered.picture.map(|picture| picture.extend(None)), picture);
        assert_eq!(parsed.numbered.tl0.map(|tl0| tl0.value), tl0);
        assert_eq!(parsed.rows.unwrap_or(0), rows);
        // Up to here it is a descriptor; the frame needs a byte.
        for len in 0..=descriptor.len() {
            assert_eq!(Descriptor::parse(&payload[..len]), Err(ParseError::Truncated(len)));
        }
    }

    #[test]
    fn descriptors_are_read() {
        // Begins a frame and is the end of it; then not the beginning, and predicted.
        check(&[0x0c], true, None, None, 360);
        check(&[0x04], false, None, None, 0);
        check(&[0x4c], false, None, None, 0);
        // Picture numbers of 7 and 15 bits.
        check(&[0x8c, 0x2a], true, Some(42), None, 360);
        check(&[0x8c, 0x92, 0x34], true, Some(0x1234), None, 360);
        // Layers: not flexible, with the base layer's number; the second spatial layer starts nothing.
        check(&[0xac, 0x92, 0x34, 0x00, 7], true, Some(0x1234), Some(7), 360);
        check(&[0xac, 0x92, 0x34, 0x03, 7], false, Some(0x1234), Some(7), 0);
        // Flexible, with two references.
        check(&[0xfc, 0x92, 0x34, 0x20, 0x03, 0x04], false, Some(0x1234), None, 0);
        check(&[0xbc, 0x92, 0x34, 0x00], true, Some(0x1234), None, 360);
    }

    #[test]
    fn a_scalability_structure_says_how_tall_the_highest_layer_is() {
        let sizes = [320u16, 180, 640, 361].map(u16::to_be_bytes).concat();
        let groups = [2, 0x04, 1, 0x48, 1, 2];
        let whole = [&[0x8e, 0x92, 0x34, 0x38][..], &sizes, &groups].concat();
        check(&whole, true, Some(0x1234), None, 361);
        // Without sizes the frame says it.
        check(&[0x8e, 0x92, 0x34, 0x20], true, Some(0x1234), None, 360);
    }

    #[test]
    fn only_a_whole_keyframe_header_says_how_tall_it_is() {
        for len in 0..FRAME.len() {
            assert_eq!(rows(&FRAME[..len]), None);
        }
        assert_eq!(rows(&FRAME), Some(360));
        // Predicted, another marker, another sync code.
        for (at, bits) in [(0, 0x04), (0, 0x40), (2, 1)] {
            let mut other = FRAME;
            other[at] ^= bits;
            assert_eq!(rows(&other), None);
        }
    }

    proptest! {
        #[test]
        fn shifting_moves_the_numbers_and_nothing_else(
            wide: bool, with_tl0: bool, number in 0..=PICTURE_MASK, tl0: u8, offset: u16, tl0_offset: u8,
        ) {
            let number = if wide { number } else { number & 0x7f };
            let mut descriptor = vec![0x8c | u8::from(with_tl0) << 5];
            if wide {
                descriptor.extend((number | 0x8000).to_be_bytes());
            } else {
                descriptor.push(number as u8);
            }
            if with_tl0 {
                descriptor.extend([0xf0, tl0]);
            }
            let payload = with_frame(&descriptor);
            let before = Descriptor::parse(&payload).unwrap();
            let prefix = Template::new(&payload, &before.numbered, None).shifted(offset, tl0_offset);
            let mut rewritten = prefix.as_slice().to_vec();
            rewritten.extend(&payload[usize::from(prefix.replaces())..]);
            let after = Descriptor::parse(&rewritten).unwrap();
            prop_assert_eq!(
                after.numbered.picture.unwrap().extend(None),
                number.wrapping_add(offset) & PICTURE_MASK
            );
            prop_assert_eq!(
                after.numbered.tl0.map(|tl0| tl0.value),
                with_tl0.then(|| tl0.wrapping_add(tl0_offset))
            );
            prop_assert!(after.starts_keyframe);
            prop_assert!(rewritten.ends_with(&FRAME));
        }

        #[test]
        fn any_bytes_are_read_or_refused(payload: Vec<u8>) {
            if let Ok(descriptor) = Descriptor::parse(&payload) {
                let _ = Template::new(&payload, &descriptor.numbered, None).shifted(1, 1);
            }
        }
    }
}
