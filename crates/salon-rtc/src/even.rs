//! Making packets of nearly one length equal, so that the kernel takes a picture in one run.
//!
//! An encoder cuts a picture into packets that differ by a byte or two, and a run ends where a longer one follows
//! (`egress.rs`). So the next packets are looked at before the first of them is written: as many as differ by little are
//! all made as long as the longest of them, by padding.

use crate::thin::PADDING_BYTES_MAX;

/// Padding is one part in so many of the longest packet at most: 18 bytes of 1,200, and less than 1.6 % of all that is
/// sent. A guess: a picture's packets differ by a byte (libwebrtc splits it so), and with some more two pictures of
/// different seats are at times one run too.
const SHARE: usize = 64;

/// How long the next packets are made.
#[derive(Debug, Default)]
pub(crate) struct Even {
    /// How many more are made so.
    packets: usize,
    bytes: usize,
}

impl Even {
    /// How long to make the next packet, the first of `lengths`; the others are those of packets after it, as far as
    /// they may be padded too. Zero without any: it stays as it is.
    ///
    /// Call it for every packet, whether it has been asked about as one of the others or not.
    pub(crate) fn next(&mut self, lengths: impl Iterator<Item = usize>) -> usize {
        if self.packets == 0 {
            *self = Self::of(lengths);
        }
        self.packets = self.packets.saturating_sub(1);
        self.bytes
    }

    /// Takes as many as are within what may be added to the shortest.
    fn of(lengths: impl Iterator<Item = usize>) -> Self {
        let (mut even, mut shortest) = (Self::default(), usize::MAX);
        for length in lengths {
            shortest = shortest.min(length);
            let bytes = even.bytes.max(length);
            if bytes - shortest > padding_bytes_max(bytes) {
                break;
            }
            even = Self { packets: even.packets + 1, bytes };
        }
        even
    }
}

/// The most padding of a packet that becomes so long.
fn padding_bytes_max(bytes: usize) -> usize {
    (bytes / SHARE).min(PADDING_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::egress::tests::runs;

    /// How long packets are made.
    fn evened(lengths: &[usize]) -> Vec<usize> {
        let mut even = Even::default();
        let next = |at: usize| even.next(lengths[at..].iter().copied()).max(lengths[at]);
        (0..lengths.len()).map(next).collect()
    }

    /// The packets of a picture of so many bytes, as libwebrtc splits it: the last ones are the longer.
    fn split(bytes: usize, packet_bytes_max: usize) -> Vec<usize> {
        let count = bytes.div_ceil(packet_bytes_max);
        let longer = bytes % count;
        (0..count).map(|number| bytes / count + usize::from(number >= count - longer)).collect()
    }

    #[test]
    fn a_picture_is_one_run() {
        assert_eq!(split(3_302, 1_150), [1_100, 1_101, 1_101]);
        for bytes in 1_000..20_000 {
            let lengths = split(bytes, 1_150);
            let after = runs(&evened(&lengths), 64).len();
            let before = runs(&lengths, 64).len();
            let is_even = bytes % lengths.len() == 0;
            assert_eq!((after, before), (1, if is_even { 1 } else { 2 }), "{bytes} bytes");
        }
    }

    #[test]
    fn what_differs_by_more_stays_as_it_is() {
        assert_eq!(evened(&[640, 631, 641, 640]), [641, 641, 641, 641]);
        assert_eq!(evened(&[640, 629, 640]), [640, 629, 640]);
        assert_eq!(evened(&[1_200, 1_210, 1_220, 1_201]), [1_210, 1_210, 1_220, 1_220]);
        assert_eq!(evened(&[63, 62]), [63, 62]);
        assert_eq!(evened(&[]), []);
    }

    proptest! {
        #[test]
        fn packets_become_longer_by_their_share_at_most(
            lengths in prop::collection::vec(prop_oneof![1_100_usize..1_130, 1_usize..1_500], 0..40),
        ) {
            let evened = evened(&lengths);
            let longest = lengths.iter().copied().max().unwrap_or_default();
            for (before, after) in lengths.iter().zip(&evened) {
                prop_assert!((*before..=longest).contains(after));
                prop_assert!((after - before) * SHARE <= *after);
            }
            prop_assert!(runs(&evened, 64).len() <= runs(&lengths, 64).len());
        }
    }
}
