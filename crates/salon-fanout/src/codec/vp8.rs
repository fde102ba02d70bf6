//! The VP8 payload descriptor (RFC 7741, 4.2).

use super::numbers::{Numbered, Picture, Reader, Tl0};
use crate::packet::ParseError;

/// What begins the picture of a keyframe (RFC 6386, 9.1).
const START_CODE: [u8; 3] = [0x9d, 0x01, 0x2a];

/// What a payload descriptor says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Descriptor {
    /// This packet is the first of a keyframe.
    pub(crate) starts_keyframe: bool,
    /// The whole of it.
    pub(crate) numbered: Numbered,
    /// How tall the keyframe is.
    pub(crate) rows: Option<u16>,
}

impl Descriptor {
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(payload);
        let first = reader.byte()?;
        let extensions = if first & 0x80 == 0 { 0 } else { reader.byte()? };
        let picture =
            if extensions & 0x80 == 0 { None } else { Some(Picture::parse(&mut reader)?) };
        let tl0 = if extensions & 0x40 == 0 { None } else { Some(Tl0::parse(&mut reader)?) };
        if extensions & 0x30 != 0 {
            let _temporal_layer_and_key_index = reader.byte()?;
        }
        let len = reader.at;
        // RFC 7741, 4.3: the first bit of a frame is clear in a keyframe.
        let begins_frame = first & 0x17 == 0x10;
        let starts_keyframe = reader.byte()? & 1 == 0 && begins_frame;
        let rows = starts_keyframe.then(|| rows(&payload[usize::from(len)..])).flatten();
        Ok(Self { starts_keyframe, numbered: Numbered { picture, tl0, len }, rows })
    }
}

/// How tall a keyframe is, by its header (RFC 6386, 9.1); `None` if that is not all there.
fn rows(frame: &[u8]) -> Option<u16> {
    let (_tag, rest) = frame.split_first_chunk::<3>()?;
    let (code, rest) = rest.split_first_chunk::<3>()?;
    let &[_, _, low, high] = rest.first_chunk::<4>()?;
    // The upper two bits say how to scale it, which is left to whoever shows it.
    let rows = u16::from_le_bytes([low, high]) & 0x3fff;
    (*code == START_CODE && rows > 0).then_some(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::numbers::{PICTURE_MASK, Template};
    use proptest::prelude::*;

    /// The descriptor and the first byte of the frame; then what is read from them.
    #[track_caller]
    fn check(payload: &[u8], starts_keyframe: bool, picture: Option<u16>, tl0: Option<u8>) {
        let descriptor = Descriptor::parse(payload).unwrap();
        assert_eq!(descriptor.starts_keyframe, starts_keyframe);
        assert_eq!(descriptor.numbered.picture.map(|picture| picture.extend(None)), picture);
        assert_eq!(descriptor.numbered.tl0.map(|tl0| tl0.value), tl0);
    }

    #[test]
    fn descriptors_are_read() {
        check(&[0x10, 0x00], true, None, None);
        check(&[0x10, 0x01], false, None, None);
        // A later partition, and a continuation.
        check(&[0x11, 0x00], false, None, None);
        check(&[0x00, 0x00], false, None, None);
        check(&[0x90, 0x80, 0x2a, 0x00], true, Some(42), None);
        check(&[0x90, 0x80, 0x92, 0x34, 0x00], true, Some(0x1234), None);
        check(&[0x90, 0xf0, 0x92, 0x34, 7, 0x20, 0x01], false, Some(0x1234), Some(7));
        check(&[0x90, 0x20, 0x40, 0x00], true, None, None);
    }

    #[test]
    fn every_truncation_is_refused() {
        let whole = [0x90, 0xf0, 0x92, 0x34, 7, 0x20, 0x01];
        for len in 0..whole.len() {
            assert_eq!(Descriptor::parse(&whole[..len]), Err(ParseError::Truncated(len)));
        }
    }

    #[test]
    fn keyframes_say_how_tall_they_are() {
        let rows = |payload: &[u8]| Descriptor::parse(payload).unwrap().rows;
        // 640 x 360, scaled by 5/3.
        let keyframe = [0x10, 0x50, 0x1a, 0, 0x9d, 1, 0x2a, 0x80, 0x02, 0x68, 0x41];
        assert_eq!(rows(&keyframe), Some(360));
        assert_eq!(rows(&keyframe[..10]), None);
        let mut other = keyframe;
        other[5] = 2;
        assert_eq!(rows(&other), None);
        other = keyframe;
        other[1] |= 1;
        assert_eq!(rows(&other), None);
    }

    proptest! {
        #[test]
        fn shifting_moves_the_numbers_and_nothing_else(
            wide: bool, with_tl0: bool, number in 0u16..=PICTURE_MASK, offset: u16, tl0: u8, tl0_offset: u8, last: u8,
        ) {
            let number = if wide { number } else { number & 0x7f };
            let mut payload = vec![0x90, 0xa0 | u8::from(with_tl0) << 6];
            if wide {
                payload.extend((number | 0x8000).to_be_bytes());
            } else {
                payload.push(number as u8);
            }
            if with_tl0 {
                payload.push(tl0);
            }
            payload.extend([last, 0]);
            let before = Descriptor::parse(&payload).unwrap();
            let prefix = Template::new(&payload, &before.numbered, None).shifted(offset, tl0_offset);
            let mut rewritten = prefix.as_slice().to_vec();
            rewritten.extend(&payload[usize::from(prefix.replaces())..]);
            let after = Descriptor::parse(&rewritten).unwrap();
            prop_assert_eq!(
                after.numbered.picture.unwrap().extend(None),
                number.wrapping_add(offset) & PICTURE_MASK
            );
            prop_assert_eq!(after.numbered.tl0.map(|t| t.value), with_tl0.then(|| tl0.wrapping_add(tl0_offset)));
            prop_assert!(after.starts_keyframe);
            prop_assert_eq!(&rewritten[rewritten.len() - 2..], &[last, 0]);
            prop_assert_eq!(rewritten.len(), payload.len() + usize::from(!wide));
        }

        #[test]
        fn any_bytes_are_read_or_refused(payload: Vec<u8>) {
            if let Ok(descriptor) = Descriptor::parse(&payload) {
                prop_assert!(usize::from(descriptor.numbered.len) < payload.len());
                let _ = Template::new(&payload, &descriptor.numbered, None).shifted(1, 1);
            }
        }
    }
}
