//! Which of the last numbers were used: to refuse a packet of the peer that came before, and never to seal under one
//! number twice.

/// The last `64 * WORDS` numbers up to the highest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Window<const WORDS: usize> {
    /// One above the highest number used; zero if none was.
    end: u64,
    // Invariant: a bit is set if its number, modulo the width, was used; others are zero.
    used: [u64; WORDS],
}

impl<const WORDS: usize> Default for Window<WORDS> {
    fn default() -> Self {
        Self { end: 0, used: [0; WORDS] }
    }
}

impl<const WORDS: usize> Window<WORDS> {
    const WIDTH: u64 = 64 * WORDS as u64;

    /// True if a number was not used, as far as that is remembered.
    pub(crate) fn allows(&self, number: u64) -> bool {
        if number >= self.end {
            return number != u64::MAX;
        }
        let (word, bit) = Self::place(number);
        self.end - number <= Self::WIDTH && self.used[word] & bit == 0
    }

    /// Uses a number. Returns false if it was used before, or is too old to know.
    #[must_use]
    pub(crate) fn take(&mut self, number: u64) -> bool {
        let is_free = self.allows(number);
        if is_free {
            self.insert(number);
        }
        is_free
    }

    /// Notes a number that is allowed.
    pub(crate) fn insert(&mut self, number: u64) {
        if number >= self.end {
            if number - self.end >= Self::WIDTH {
                self.used = [0; WORDS];
            } else {
                for skipped in self.end..=number {
                    let (word, bit) = Self::place(skipped);
                    self.used[word] &= !bit;
                }
            }
            self.end = number + 1;
        }
        let (word, bit) = Self::place(number);
        self.used[word] |= bit;
    }

    const fn place(number: u64) -> (usize, u64) {
        ((number / 64) as usize % WORDS, 1 << (number % 64))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_number_is_used_once(steps in prop::collection::vec(-200_i64..200, 1..200)) {
            let (mut window, mut used) = (Window::<2>::default(), BTreeSet::new());
            let mut number = 1_000_i64;
            for step in steps {
                number = (number + step).max(0);
                let highest = used.last().copied().unwrap_or(0);
                let is_old = !used.is_empty() && number as u64 + 128 <= highest;
                let expected = !is_old && !used.contains(&(number as u64));
                prop_assert_eq!(window.take(number as u64), expected);
                if expected {
                    used.insert(number as u64);
                }
            }
        }
    }
}
