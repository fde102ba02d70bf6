//! What each payload ends with, so that its way can be measured: who sent it, which it is, and when.
//!
//! It is at the end because servers may rewrite the beginning, where the codec's descriptor is.

/// The length of a stamp.
pub(crate) const STAMP_BYTES: usize = 24;

/// How many tracks there can be: sound and picture of four seats.
pub(crate) const TRACKS: usize = 8;

const MARK: [u8; 4] = *b"SLT1";

/// The first bytes of a payload, that a server may rewrite and that are therefore not compared.
const DESCRIPTOR_BYTES_MAX: usize = 64;

/// More than fits a datagram that is not cut on its way.
const PAYLOAD_BYTES_MAX: usize = 1_500;
/// What stands between head and stamp, at its place. Ready, because comparing it is most of what a viewer does.
const FILLERS: [u8; PAYLOAD_BYTES_MAX] = {
    let (mut fillers, mut at) = ([0; PAYLOAD_BYTES_MAX], 0);
    while at < PAYLOAD_BYTES_MAX {
        fillers[at] = filler(at);
        at += 1;
    }
    fillers
};

/// The end of a payload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Stamp {
    /// Which track: below [`TRACKS`].
    pub(crate) track: u8,
    /// Whether it was sent in the window that is measured.
    pub(crate) is_measured: bool,
    /// Which packet of the track, counted from 0.
    pub(crate) counter: u64,
    /// When, in microseconds since the program's own beginning.
    pub(crate) sent_us: u64,
}

impl Stamp {
    /// Puts the stamp at the end of a payload, and known bytes between it and `head`.
    ///
    /// # Panics
    /// They do not fit.
    pub(crate) fn finish(self, head: &[u8], len: usize) -> Vec<u8> {
        let mut payload = Vec::with_capacity(len);
        payload.extend(head);
        let filled = len.checked_sub(STAMP_BYTES).expect("payloads have room for a stamp");
        payload.extend((head.len()..filled).map(filler));
        payload.extend(MARK);
        payload.extend([self.track, u8::from(self.is_measured), 0, 0]);
        payload.extend(self.counter.to_be_bytes());
        payload.extend(self.sent_us.to_be_bytes());
        assert_eq!(payload.len(), len, "the head leaves room for a stamp");
        payload
    }

    /// Takes the stamp off a payload; nothing if it is not as it was sent.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let (body, stamp) = payload.split_last_chunk::<STAMP_BYTES>()?;
        let &[ref mark @ .., track, measured, 0, 0] = stamp.first_chunk::<8>()? else {
            return None;
        };
        if *mark != MARK || usize::from(track) >= TRACKS || measured > 1 {
            return None;
        }
        let known = body.get(DESCRIPTOR_BYTES_MAX..).unwrap_or_default();
        let expected = FILLERS.get(DESCRIPTOR_BYTES_MAX..DESCRIPTOR_BYTES_MAX + known.len())?;
        if known != expected {
            return None;
        }
        let number = |at: usize| u64::from_be_bytes(stamp[at..at + 8].try_into().expect("8 bytes"));
        let (counter, sent_us) = (number(8), number(16));
        Some(Self { track, is_measured: measured == 1, counter, sent_us })
    }
}

/// The byte at a place between head and stamp: never the same as its neighbours.
const fn filler(at: usize) -> u8 {
    (at % 251) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stamps() -> impl Strategy<Value = Stamp> {
        (0..TRACKS as u8, any::<bool>(), any::<u64>(), any::<u64>()).prop_map(
            |(track, is_measured, counter, sent_us)| Stamp { track, is_measured, counter, sent_us },
        )
    }

    proptest! {
        #[test]
        fn a_stamp_is_read_as_it_was_written(
            stamp in stamps(),
            head in proptest::collection::vec(any::<u8>(), 0..40),
            len in 64..1_300_usize,
        ) {
            let payload = stamp.finish(&head, len);
            prop_assert_eq!(payload.len(), len);
            prop_assert!(payload.starts_with(&head));
            prop_assert_eq!(Stamp::read(&payload), Some(stamp));
        }

        #[test]
        fn a_damaged_payload_is_noticed(stamp in stamps(), at in 64..1_140_usize) {
            let mut payload = stamp.finish(&[0x90], 1_160);
            payload[at] ^= 0x40;
            prop_assert_eq!(Stamp::read(&payload), None);
        }

        #[test]
        fn anything_else_is_no_stamp(payload in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assume!(!payload.windows(4).any(|window| window == MARK));
            prop_assert_eq!(Stamp::read(&payload), None);
        }
    }

    #[test]
    fn a_rewritten_descriptor_is_no_damage() {
        let stamp = Stamp { track: 1, is_measured: true, counter: 7, sent_us: 9 };
        let mut payload = stamp.finish(&[0x90, 0x80, 0x81, 0x02], 1_160);
        payload[2] = 0x99;
        assert_eq!(Stamp::read(&payload), Some(stamp));
    }
}
