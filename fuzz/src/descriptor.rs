//! Payload descriptors without the numbers that forwarding changes.

use salon_fanout::Codec;

/// A payload that could be parsed, without its picture and base layer numbers: what every receiver must get alike.
#[must_use]
pub fn without_numbers(codec: Codec, payload: &[u8]) -> Vec<u8> {
    let mut rest = payload.iter().copied();
    let mut kept = Vec::with_capacity(payload.len());
    match codec {
        Codec::Vp8 => keep_vp8(&mut rest, &mut kept),
        Codec::Vp9 => keep_vp9(&mut rest, &mut kept),
        Codec::Opus | Codec::H264 | Codec::Av1 => Some(()),
    };
    kept.extend(rest);
    kept
}

/// RFC 7741, 4.2: X, then I and L of the extension.
fn keep_vp8(rest: &mut impl Iterator<Item = u8>, kept: &mut Vec<u8>) -> Option<()> {
    let first = rest.next()?;
    kept.push(first);
    if first & 0x80 != 0 {
        let extension = rest.next()?;
        kept.push(extension);
        if extension & 0x80 != 0 {
            skip_picture(rest)?;
        }
        if extension & 0x40 != 0 {
            rest.next()?;
        }
    }
    Some(())
}

/// RFC 9628, 4.2: I, then L, with a number only where F is clear.
fn keep_vp9(rest: &mut impl Iterator<Item = u8>, kept: &mut Vec<u8>) -> Option<()> {
    let first = rest.next()?;
    kept.push(first);
    if first & 0x80 != 0 {
        skip_picture(rest)?;
    }
    if first & 0x20 != 0 {
        kept.push(rest.next()?);
        if first & 0x10 == 0 {
            rest.next()?;
        }
    }
    Some(())
}

/// Seven bits, or fifteen.
fn skip_picture(rest: &mut impl Iterator<Item = u8>) -> Option<()> {
    if rest.next()? & 0x80 != 0 {
        rest.next()?;
    }
    Some(())
}
