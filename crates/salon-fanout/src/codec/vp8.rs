//! The VP8 payload descriptor (RFC 7741, 4.2).

use crate::outbox::{PREFIX_BYTES_MAX, Prefix};
use crate::packet::ParseError;

/// Picture numbers count modulo 2^15.
pub(crate) const PICTURE_MASK: u16 = 0x7fff;

/// What a payload descriptor says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Descriptor {
    /// This packet is the first of a keyframe.
    pub(crate) starts_keyframe: bool,
    /// The picture number: counts frames.
    picture: Option<Picture>,
    /// The number of the base layer's frame that this one builds on.
    tl0: Option<Tl0>,
    /// The length of the descriptor in bytes.
    len: u8,
}

/// A picture number as the descriptor has it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Picture {
    value: u16,
    /// In 15 bits; otherwise in 7.
    wide: bool,
    at: u8,
}

/// A base layer's frame number as the descriptor has it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Tl0 {
    value: u8,
    at: u8,
}

impl Descriptor {
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader { payload, at: 0 };
        let first = reader.byte()?;
        let extensions = if first & 0x80 == 0 { 0 } else { reader.byte()? };
        let picture =
            if extensions & 0x80 == 0 { None } else { Some(Picture::parse(&mut reader)?) };
        let tl0 = if extensions & 0x40 == 0 {
            None
        } else {
            let at = reader.at;
            Some(Tl0 { value: reader.byte()?, at })
        };
        if extensions & 0x30 != 0 {
            let _temporal_layer_and_key_index = reader.byte()?;
        }
        let len = reader.at;
        // RFC 7741, 4.3: the first bit of a frame is clear in a keyframe.
        let begins_frame = first & 0x17 == 0x10;
        let starts_keyframe = reader.byte()? & 1 == 0 && begins_frame;
        Ok(Self { starts_keyframe, picture, tl0, len })
    }
}

impl Picture {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let at = reader.at;
        let first = reader.byte()?;
        let high = u16::from(first & 0x7f);
        if first & 0x80 == 0 {
            return Ok(Self { value: high, wide: false, at });
        }
        Ok(Self { value: high << 8 | u16::from(reader.byte()?), wide: true, at })
    }

    /// The number in 15 bits; seven bits are completed to the number nearest to `near`.
    fn extend(self, near: Option<u16>) -> u16 {
        match near {
            Some(near) if !self.wide => {
                let ahead = self.value.wrapping_sub(near) & 0x7f;
                let number = near.wrapping_add(ahead);
                // Seven bits ahead by more than half their range are behind.
                let lap = if ahead < 0x40 { 0 } else { 0x80 };
                number.wrapping_sub(lap) & PICTURE_MASK
            }
            _ => self.value,
        }
    }
}

/// The numbers that count frames, where they are known; the picture number in 15 bits.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Numbers {
    pub(crate) picture: Option<u16>,
    pub(crate) tl0: Option<u8>,
}

impl Numbers {
    /// These, completed by `earlier` ones where they are not known.
    pub(crate) fn or(self, earlier: Self) -> Self {
        Self { picture: self.picture.or(earlier.picture), tl0: self.tl0.or(earlier.tl0) }
    }

    /// These, moved.
    pub(crate) fn shifted(self, picture_offset: u16, tl0_offset: u8) -> Self {
        Self {
            picture: self.picture.map(|number| number.wrapping_add(picture_offset) & PICTURE_MASK),
            tl0: self.tl0.map(|number| number.wrapping_add(tl0_offset)),
        }
    }
}

/// A descriptor prepared for rewriting: once for each packet, then cheaply for each receiver.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Template {
    pub(crate) numbers: Numbers,
    /// The descriptor, its first byte lowest, without the numbers.
    bits: u64,
    len: u8,
    replaces: u8,
    // Invariant: the bit where a number of `numbers` begins; of no meaning for those that are not known.
    picture_at: u8,
    tl0_at: u8,
}

impl Template {
    /// Takes the descriptor out of `payload`, which it was parsed from; `near` is the source's last picture number.
    pub(crate) fn new(payload: &[u8], descriptor: &Descriptor, near: Option<u16>) -> Self {
        let mut len = usize::from(descriptor.len);
        let mut bytes = [0; PREFIX_BYTES_MAX + 2];
        bytes[..len].copy_from_slice(&payload[..len]);
        let mut tl0_at = descriptor.tl0.map_or(0, |tl0| usize::from(tl0.at));
        let picture_at = descriptor.picture.map_or(0, |picture| usize::from(picture.at));
        if let Some(picture) = descriptor.picture {
            if !picture.wide {
                // A number that runs on needs all its bits: make room for the second byte.
                bytes.copy_within(picture_at + 1..len, picture_at + 2);
                len += 1;
                tl0_at += 1;
            }
            bytes[picture_at..picture_at + 2].fill(0);
        }
        if descriptor.tl0.is_some() {
            bytes[tl0_at] = 0;
        }
        Self {
            numbers: Numbers {
                picture: descriptor.picture.map(|picture| picture.extend(near)),
                tl0: descriptor.tl0.map(|tl0| tl0.value),
            },
            bits: u64::from_le_bytes(bytes),
            len: len as u8,
            replaces: descriptor.len,
            picture_at: 8 * picture_at as u8,
            tl0_at: 8 * tl0_at as u8,
        }
    }

    /// The descriptor with its numbers moved.
    #[inline]
    pub(crate) fn shifted(&self, picture_offset: u16, tl0_offset: u8) -> Prefix {
        let numbers = self.numbers.shifted(picture_offset, tl0_offset);
        // In network order, which is the other way round.
        let picture = numbers.picture.map_or(0, |picture| (picture | 0x8000).swap_bytes());
        let picture = u64::from(picture) << self.picture_at;
        let tl0 = u64::from(numbers.tl0.unwrap_or(0)) << self.tl0_at;
        Prefix::new(self.bits | picture | tl0, self.len, self.replaces)
    }
}

struct Reader<'a> {
    payload: &'a [u8],
    at: u8,
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, ParseError> {
        let byte = self.payload.get(usize::from(self.at));
        self.at += 1;
        byte.copied().ok_or(ParseError::Truncated(self.payload.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The descriptor and the first byte of the frame; then what is read from them.
    #[track_caller]
    fn check(payload: &[u8], starts_keyframe: bool, picture: Option<u16>, tl0: Option<u8>) {
        let descriptor = Descriptor::parse(payload).unwrap();
        assert_eq!(descriptor.starts_keyframe, starts_keyframe);
        assert_eq!(descriptor.picture.map(|picture| picture.extend(None)), picture);
        assert_eq!(descriptor.tl0.map(|tl0| tl0.value), tl0);
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
    fn seven_bits_are_completed_to_the_nearest_number() {
        let narrow = |value| Picture { value, wide: false, at: 2 };
        assert_eq!(narrow(5).extend(None), 5);
        assert_eq!(narrow(1).extend(Some(127)), 129);
        assert_eq!(narrow(127).extend(Some(129)), 127);
        assert_eq!(narrow(0).extend(Some(0x7fff)), 0);
        assert_eq!(narrow(127).extend(Some(0)), 0x7fff);
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
            let prefix = Template::new(&payload, &before, None).shifted(offset, tl0_offset);
            let mut rewritten = prefix.as_slice().to_vec();
            rewritten.extend(&payload[usize::from(prefix.replaces())..]);
            let after = Descriptor::parse(&rewritten).unwrap();
            prop_assert_eq!(
                after.picture.unwrap().extend(None),
                number.wrapping_add(offset) & PICTURE_MASK
            );
            prop_assert_eq!(after.tl0.map(|t| t.value), with_tl0.then(|| tl0.wrapping_add(tl0_offset)));
            prop_assert!(after.starts_keyframe);
            prop_assert_eq!(&rewritten[rewritten.len() - 2..], &[last, 0]);
            prop_assert_eq!(rewritten.len(), payload.len() + usize::from(!wide));
        }

        #[test]
        fn any_bytes_are_read_or_refused(payload: Vec<u8>) {
            if let Ok(descriptor) = Descriptor::parse(&payload) {
                prop_assert!(usize::from(descriptor.len) < payload.len());
                let _ = Template::new(&payload, &descriptor, None).shifted(1, 1);
            }
        }
    }
}
