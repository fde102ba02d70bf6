//! What one viewer received of one track: how many, how many twice, how many late.

/// How far behind the newest a packet may come and still be told from one that came before:
/// ten seconds of 200 packets.
const REACH: u64 = 2_048;
const WORDS: usize = REACH as usize / 64;

/// Counts the packets of one track at one viewer, each by a number of its own. Only those that are measured are counted, but all
/// are remembered.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    /// One more than the highest counter that came.
    next: u64,
    /// Bit `counter % REACH` is set if that one came, for the `REACH` counters below `next`.
    seen: [u64; WORDS],
    counts: Counts,
}

/// Sums of one or many tallies.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    /// Different packets.
    pub(crate) received: u64,
    /// Packets that had come before.
    pub(crate) duplicates: u64,
    /// Packets that came after a later one, duplicates not included.
    pub(crate) reordered: u64,
    /// Payloads that were not as they were sent.
    pub(crate) damaged: u64,
    /// Payloads that were decrypted, compared, and as they were sent.
    pub(crate) opened: u64,
}

/// What a packet turned out to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Arrival {
    New,
    Late,
    Duplicate,
}

impl Default for Tally {
    fn default() -> Self {
        Self { next: 0, seen: [0; WORDS], counts: Counts::default() }
    }
}

impl Tally {
    /// A packet came.
    pub(crate) fn on_packet(&mut self, counter: u64, is_measured: bool) -> Arrival {
        let arrival = if counter >= self.next {
            self.advance(counter);
            Arrival::New
        } else if self.next - counter > REACH || self.is_seen(counter) {
            // What is beyond reach is not new in any case.
            Arrival::Duplicate
        } else {
            Arrival::Late
        };
        self.set(counter, arrival);
        if is_measured {
            self.counts.received += u64::from(arrival != Arrival::Duplicate);
            self.counts.duplicates += u64::from(arrival == Arrival::Duplicate);
            self.counts.reordered += u64::from(arrival == Arrival::Late);
        }
        arrival
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// Makes `counter` the highest, and forgets what is now out of reach.
    fn advance(&mut self, counter: u64) {
        if counter - self.next >= REACH {
            self.seen = [0; WORDS];
        } else {
            for passed in self.next..counter {
                let (word, bit) = place(passed);
                self.seen[word] &= !bit;
            }
        }
        self.next = counter + 1;
    }

    fn set(&mut self, counter: u64, arrival: Arrival) {
        if arrival != Arrival::Duplicate {
            let (word, bit) = place(counter);
            self.seen[word] |= bit;
        }
    }

    fn is_seen(&self, counter: u64) -> bool {
        let (word, bit) = place(counter);
        self.seen[word] & bit != 0
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.received += other.received;
        self.duplicates += other.duplicates;
        self.reordered += other.reordered;
        self.damaged += other.damaged;
        self.opened += other.opened;
    }
}

fn place(counter: u64) -> (usize, u64) {
    let at = counter % REACH;
    ((at / 64) as usize, 1 << (at % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[track_caller]
    fn check(counters: &[u64], expected: Counts) {
        let mut tally = Tally::default();
        for counter in counters {
            tally.on_packet(*counter, true);
        }
        assert_eq!(tally.counts(), expected);
    }

    #[test]
    fn what_comes_in_order_is_only_received() {
        check(&[5, 6, 7, 9], Counts { received: 4, ..Counts::default() });
    }

    #[test]
    fn late_is_received_and_reordered() {
        check(&[1, 3, 2, 4], Counts { received: 4, reordered: 1, ..Counts::default() });
    }

    #[test]
    fn twice_is_once_and_a_duplicate() {
        check(&[1, 1, 2, 3, 2], Counts { received: 3, duplicates: 2, ..Counts::default() });
    }

    #[test]
    fn a_lap_later_nothing_is_taken_for_its_predecessor() {
        let lap = [1, 2, REACH + 1, REACH + 2, REACH];
        check(&lap, Counts { received: 5, reordered: 1, ..Counts::default() });
    }

    #[test]
    fn what_is_not_measured_is_remembered_but_not_counted() {
        let mut tally = Tally::default();
        assert_eq!(tally.on_packet(1, false), Arrival::New);
        assert_eq!(tally.on_packet(1, true), Arrival::Duplicate);
        assert_eq!(tally.counts(), Counts { duplicates: 1, ..Counts::default() });
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_set(steps in proptest::collection::vec(0..6_000_u64, 0..400)) {
            let (mut tally, mut set) = (Tally::default(), BTreeSet::new());
            for counter in steps {
                let highest = set.last().copied();
                let expected = match highest {
                    Some(highest) if highest >= counter + REACH => Arrival::Duplicate,
                    Some(_) if set.contains(&counter) => Arrival::Duplicate,
                    Some(highest) if counter < highest => Arrival::Late,
                    _ => Arrival::New,
                };
                set.insert(counter);
                prop_assert_eq!(tally.on_packet(counter, true), expected);
            }
        }
    }
}
