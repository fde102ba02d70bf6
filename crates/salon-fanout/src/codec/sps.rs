//! How tall the pictures of an H.264 stream are: the beginning of its sequence parameters (H.264, 7.3.2.1.1).
//!
//! Two fields at the end of a dozen are all that is needed, so this reads no further and keeps nothing else.

use super::bits::Bits;

/// The profiles that say more about colours (H.264, 7.3.2.1.1).
const HIGH_PROFILES: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// The rows of the pictures, by a whole unit with its header byte; `None` if it ends before it says so, or makes no
/// sense.
pub(crate) fn rows(unit: &[u8]) -> Option<u16> {
    let mut bits = Bits::new(unescaped(unit.get(1..)?));
    let profile = bits.number(8)?;
    bits.skip(16)?;
    let _id = bits.exp_golomb()?;
    let chroma = if HIGH_PROFILES.contains(&profile) {
        skip_colours(&mut bits)?
    } else {
        Chroma::Subsampled
    };
    let _frame_number_bits = bits.exp_golomb()?;
    skip_order(&mut bits)?;
    let _reference_frames = bits.exp_golomb()?;
    let _gaps_are_allowed = bits.flag()?;
    let _columns = bits.exp_golomb()?;
    let units = bits.exp_golomb()?.checked_add(1)?;
    let fields = if bits.flag()? { 1 } else { 2 };
    if fields == 2 {
        let _adapts_to_fields = bits.flag()?;
    }
    let _direct_inference = bits.flag()?;
    let mut cropped: u32 = 0;
    if bits.flag()? {
        let _left_and_right = (bits.exp_golomb()?, bits.exp_golomb()?);
        cropped = bits.exp_golomb()?.checked_add(bits.exp_golomb()?)?;
    }
    let step = match chroma {
        Chroma::Subsampled => 2 * fields,
        Chroma::Whole => fields,
    };
    let rows = units.checked_mul(16 * fields)?.checked_sub(cropped.checked_mul(step)?)?;
    u16::try_from(rows).ok().filter(|rows| *rows > 0)
}

/// Whether colours have half as many rows as brightness.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Chroma {
    Subsampled,
    Whole,
}

fn skip_colours(bits: &mut Bits<impl Iterator<Item = u8>>) -> Option<Chroma> {
    let format = bits.exp_golomb()?;
    if format == 3 {
        let _planes_are_separate = bits.flag()?;
    }
    let _depths = (bits.exp_golomb()?, bits.exp_golomb()?);
    let _is_lossless = bits.flag()?;
    if bits.flag()? {
        let lists = if format == 3 { 12 } else { 8 };
        for list in 0..lists {
            if bits.flag()? {
                skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some(if format == 1 { Chroma::Subsampled } else { Chroma::Whole })
}

/// H.264, 7.3.2.1.1.1.
fn skip_scaling_list(bits: &mut Bits<impl Iterator<Item = u8>>, len: usize) -> Option<()> {
    let mut scale = 8i32;
    for _ in 0..len {
        scale = scale.wrapping_add(bits.signed_exp_golomb()?) & 0xff;
        // The rest of the list is as the last.
        if scale == 0 {
            break;
        }
    }
    Some(())
}

/// The order of pictures.
fn skip_order(bits: &mut Bits<impl Iterator<Item = u8>>) -> Option<()> {
    match bits.exp_golomb()? {
        0 => drop(bits.exp_golomb()?),
        1 => {
            let _is_always_zero = bits.flag()?;
            let _offsets = (bits.signed_exp_golomb()?, bits.signed_exp_golomb()?);
            let frames = bits.exp_golomb()?;
            // Its bits end before an absurd number of frames does.
            for _ in 0..frames {
                bits.signed_exp_golomb()?;
            }
        }
        _ => {}
    }
    Some(())
}

/// A unit without the bytes that keep start codes out of it (H.264, 7.4.1: a 3 after two zeros).
fn unescaped(unit: &[u8]) -> impl Iterator<Item = u8> {
    let mut zeros = 0;
    unit.iter().copied().filter(move |byte| {
        let is_escape = zeros >= 2 && *byte == 3;
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        !is_escape
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Writes bits as a parameter set has them.
    #[derive(Default)]
    struct Writer(Vec<bool>);

    impl Writer {
        fn number(mut self, bits: u32, number: u32) -> Self {
            self.0.extend((0..bits).rev().map(|bit| number >> bit & 1 == 1));
            self
        }

        fn codes(mut self, codes: &[u32]) -> Self {
            for code in codes {
                let bits = (code + 1).ilog2();
                self = self.number(bits, 0).number(bits + 1, code + 1);
            }
            self
        }

        fn unit(self) -> Vec<u8> {
            let byte = |bits: &[bool]| {
                (0..8).fold(0, |byte, at| byte << 1 | u8::from(bits.get(at) == Some(&true)))
            };
            let mut unit = vec![0x67];
            for byte in self.0.chunks(8).map(byte) {
                if byte <= 3 && unit.ends_with(&[0, 0]) {
                    unit.push(3);
                }
                unit.push(byte);
            }
            unit
        }
    }

    /// Baseline: so many rows of macroblocks, cropped by so many pairs of rows at the bottom.
    fn baseline(macroblocks: u32, cropped: u32) -> Vec<u8> {
        let sizes = Writer::default().number(8, 66).number(8, 0xc0).number(8, 31);
        let sizes = sizes.codes(&[0, 0, 2, 1]).number(1, 0).codes(&[39, macroblocks - 1]);
        let sizes = sizes.number(2, 0b11).number(1, 1).codes(&[0, 0, 0, cropped]);
        sizes.number(1, 0).number(1, 1).unit()
    }

    #[test]
    fn rows_are_read() {
        // High, level 3.0, 40 x 23 macroblocks, cropped to 360 rows, and what follows.
        let high = [
            0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00,
            0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x0f, 0x16, 0x2d, 0x96,
        ];
        assert_eq!(rows(&high), Some(360));
        assert_eq!(rows(&baseline(45, 0)), Some(720));
        assert_eq!(rows(&baseline(23, 4)), Some(360));
        assert_eq!(rows(&baseline(12, 6)), Some(180));
        // Cropped to nothing, and to less.
        assert_eq!(rows(&baseline(1, 8)), None);
        assert_eq!(rows(&baseline(1, 9)), None);
    }

    #[test]
    fn fields_scaling_lists_and_orders_are_passed_over() {
        let head = Writer::default().number(8, 100).number(8, 0).number(8, 40).codes(&[0]);
        // 4:2:2; lists 0 and 6 are there, the first of one step and an end (8 - 8), the second whole.
        let colours = head.codes(&[2, 0, 0]).number(1, 0).number(1, 1);
        let colours = colours.number(1, 1).codes(&[3, 20]).number(5, 0);
        let colours = colours.number(1, 1).codes(&[0; 64]).number(1, 0);
        let order = colours.codes(&[0, 1]).number(1, 0).codes(&[2, 2, 2, 5, 5]);
        // 34 units of two fields, four rows less at the top and bottom: 4:2:2 crops by one row of each field.
        let size = order.codes(&[4]).number(1, 0).codes(&[119, 33]).number(3, 0b001);
        let size = size.number(1, 1).codes(&[0, 0, 2, 2]).number(2, 1);
        assert_eq!(rows(&size.unit()), Some(34 * 32 - 8));
    }

    proptest! {
        #[test]
        fn any_rows_are_read_and_any_truncation_refused(
            macroblocks in 1..4_000u32, cropped in 0..8u32,
        ) {
            let unit = baseline(macroblocks, cropped.min(8 * macroblocks - 1));
            let expected = 16 * macroblocks - 2 * cropped.min(8 * macroblocks - 1);
            prop_assert_eq!(rows(&unit), Some(expected as u16));
            for len in 0..unit.len() - 2 {
                prop_assert_eq!(rows(&unit[..len]), None);
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(unit: Vec<u8>) {
            let _ = rows(&unit);
        }
    }
}
