//! Reads headers that are made of bits, most significant first.

/// Bits of a header. Every method is `None` where it ends.
#[derive(Debug)]
pub(crate) struct Bits<I> {
    bytes: I,
    current: u8,
    // Invariant: below eight.
    left: u8,
}

impl<I: Iterator<Item = u8>> Bits<I> {
    pub(crate) fn new(bytes: I) -> Self {
        Self { bytes, current: 0, left: 0 }
    }

    /// A number of up to 32 bits.
    pub(crate) fn number(&mut self, bits: u32) -> Option<u32> {
        debug_assert!(bits <= u32::BITS, "a number has 32 bits at most");
        (0..bits).try_fold(0, |number, _| Some(number << 1 | u32::from(self.flag()?)))
    }

    pub(crate) fn flag(&mut self) -> Option<bool> {
        if self.left == 0 {
            self.current = self.bytes.next()?;
            self.left = 8;
        }
        self.left -= 1;
        Some(self.current >> self.left & 1 == 1)
    }

    pub(crate) fn skip(&mut self, bits: u32) -> Option<()> {
        (0..bits).try_for_each(|_| self.flag().map(drop))
    }

    /// An unsigned Exp-Golomb code of up to 32 bits (H.264, 9.1; `uvlc` in AV1, 4.10.3).
    pub(crate) fn exp_golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros == u32::BITS {
                return None;
            }
        }
        Some(((1 << zeros) - 1) + self.number(zeros)?)
    }

    /// A signed Exp-Golomb code (H.264, 9.1.1).
    pub(crate) fn signed_exp_golomb(&mut self) -> Option<i32> {
        let code = self.exp_golomb()?;
        let magnitude = i32::try_from(code.div_ceil(2)).ok()?;
        Some(if code % 2 == 0 { -magnitude } else { magnitude })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_table() {
        // H.264, table 9-2: 1, 010, 011, 00100, 00101, then the same with signs.
        let mut bits = Bits::new([0b1010_0110, 0b0100_0010, 0b1000_0000].into_iter());
        assert_eq!([(); 5].map(|()| bits.exp_golomb()), [0, 1, 2, 3, 4].map(Some));
        let mut bits = Bits::new([0b1010_0110, 0b0100_0010, 0b1000_0000].into_iter());
        assert_eq!([(); 5].map(|()| bits.signed_exp_golomb()), [0, 1, -1, 2, -2].map(Some));
    }

    #[test]
    fn what_ends_early_or_never_is_none() {
        assert_eq!(Bits::new([0; 9].into_iter()).exp_golomb(), None);
        assert_eq!(Bits::new([0, 1].into_iter()).exp_golomb(), None);
        assert_eq!(Bits::new([0xff].into_iter()).number(9), None);
        let mut longest = [0; 8];
        (longest[3], longest[7]) = (1, 0xff);
        assert_eq!(Bits::new(longest.into_iter()).exp_golomb(), Some((1 << 31) - 1 + 0x7f));
    }
}
