//! The picture numbers in payload descriptors, as VP8 and VP9 have them (RFC 7741 and RFC 9628, 4.2), and how to move
//! them.

use crate::outbox::{PREFIX_BYTES_MAX, Prefix};
use crate::packet::ParseError;

/// Picture numbers count modulo 2^15.
pub(crate) const PICTURE_MASK: u16 = 0x7fff;

/// The beginning of a descriptor: up to its last number at least.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Numbered {
    /// The picture number: counts frames.
    pub(crate) picture: Option<Picture>,
    /// The number of the base layer's frame that this one builds on.
    pub(crate) tl0: Option<Tl0>,
    // Invariant: at most PREFIX_BYTES_MAX.
    pub(crate) len: u8,
}

/// A picture number as the descriptor has it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Picture {
    pub(crate) value: u16,
    /// In 15 bits; otherwise in 7.
    wide: bool,
    at: u8,
}

/// A base layer's frame number as the descriptor has it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Tl0 {
    pub(crate) value: u8,
    at: u8,
}

impl Picture {
    pub(crate) fn parse(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let at = reader.at;
        let first = reader.byte()?;
        let high = u16::from(first & 0x7f);
        if first & 0x80 == 0 {
            return Ok(Self { value: high, wide: false, at });
        }
        Ok(Self { value: high << 8 | u16::from(reader.byte()?), wide: true, at })
    }

    /// The number in 15 bits; seven bits are completed to the number nearest to `near`.
    pub(crate) fn extend(self, near: Option<u16>) -> u16 {
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

impl Tl0 {
    pub(crate) fn parse(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let at = reader.at;
        Ok(Self { value: reader.byte()?, at })
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
    pub(crate) fn new(payload: &[u8], descriptor: &Numbered, near: Option<u16>) -> Self {
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

/// Reads a descriptor byte by byte.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    payload: &'a [u8],
    pub(crate) at: u8,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(payload: &'a [u8]) -> Self {
        Self { payload, at: 0 }
    }

    pub(crate) fn byte(&mut self) -> Result<u8, ParseError> {
        let byte = self.payload.get(usize::from(self.at));
        // No descriptor is so long; one of only more bytes ends here.
        self.at = self.at.saturating_add(1);
        byte.copied().ok_or(ParseError::Truncated(self.payload.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_bits_are_completed_to_the_nearest_number() {
        let narrow = |value| Picture { value, wide: false, at: 2 };
        assert_eq!(narrow(5).extend(None), 5);
        assert_eq!(narrow(1).extend(Some(127)), 129);
        assert_eq!(narrow(127).extend(Some(129)), 127);
        assert_eq!(narrow(0).extend(Some(0x7fff)), 0);
        assert_eq!(narrow(127).extend(Some(0)), 0x7fff);
    }
}
