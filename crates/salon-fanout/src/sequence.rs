//! The order of a layer's packets: numbers without padding, duplicates or restarts.

use std::collections::VecDeque;

/// How far a packet may be behind the newest and still be placed, and how far it may be ahead of it.
///
/// About four seconds of a busy video track: later than that nobody waits for it. RFC 3550, A.1 uses 100 and 3,000.
pub(crate) const REACH: u64 = 1_024;
/// How many swallowed packets are remembered to place late ones. A guess: one probe of the path's bandwidth.
const SWALLOWED_MAX: usize = 128;

/// Where a packet belongs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// The newest so far. Numbers left out before it are lost or late packets.
    Next(u64),
    /// In a gap left before.
    Late(u64),
    /// The newest so far, after the layer started its sequence anew: nothing before it is related.
    Restart(u64),
    /// Nowhere: the sequence closes over it.
    Swallowed,
    /// Nowhere: seen before.
    Duplicate,
    /// Nowhere: too far from everything seen.
    OutOfRange,
}

/// Turns the layer's sequence numbers into places: numbers that leave out what is swallowed.
#[derive(Debug, Default)]
pub(crate) struct Sequencer {
    newest: Option<u64>,
    /// What to add to the newest sequence number to get its place, modulo 2^64.
    shift: u64,
    // Invariant: ascending, at most SWALLOWED_MAX, none above `newest`.
    swallowed: VecDeque<u64>,
    // Invariant: packets before this one cannot be placed any more.
    floor: u64,
    seen: Window,
    /// A number out of range that was seen last: a second one just after it means that the layer started anew.
    suspect: Option<u64>,
    /// The layer started anew, and nothing but padding has come since.
    restarted: bool,
}

impl Sequencer {
    /// Finds the place of a packet. Padding is swallowed, unless a gap has been left for it already.
    pub(crate) fn place(&mut self, sequence: u64, padding: bool) -> Place {
        let Some(newest) = self.newest else {
            return self.start(sequence, padding);
        };
        if sequence > newest && sequence - newest <= REACH {
            self.suspect = None;
            self.seen.advance(newest, sequence);
            return self.append(sequence, padding);
        }
        if sequence <= newest && newest - sequence < REACH {
            return self.place_late(sequence);
        }
        // RFC 3550, A.1: two packets in sequence mean that the other side started anew.
        match self.suspect {
            Some(suspect) if sequence.wrapping_sub(suspect).wrapping_sub(1) < REACH => {
                // The next place, from the old numbers; it holds for the new ones from here on.
                let place = newest.wrapping_add(self.shift).wrapping_add(1);
                self.shift = place.wrapping_sub(sequence);
                self.restarted = true;
                self.start(sequence, padding)
            }
            _ => {
                self.suspect = Some(sequence);
                Place::OutOfRange
            }
        }
    }

    fn start(&mut self, sequence: u64, padding: bool) -> Place {
        self.suspect = None;
        self.swallowed.clear();
        self.floor = sequence;
        self.seen = Window::default();
        self.seen.insert(sequence);
        self.append(sequence, padding)
    }

    fn append(&mut self, sequence: u64, padding: bool) -> Place {
        self.newest = Some(sequence);
        if !padding {
            let place = sequence.wrapping_add(self.shift);
            let restarted = std::mem::take(&mut self.restarted);
            return if restarted { Place::Restart(place) } else { Place::Next(place) };
        }
        self.shift = self.shift.wrapping_sub(1);
        if self.swallowed.len() == SWALLOWED_MAX {
            let forgotten = self.swallowed.pop_front().expect("it is full");
            self.floor = self.floor.max(forgotten + 1);
        }
        self.swallowed.push_back(sequence);
        Place::Swallowed
    }

    fn place_late(&mut self, sequence: u64) -> Place {
        if sequence < self.floor {
            return Place::OutOfRange;
        }
        if !self.seen.insert(sequence) {
            return Place::Duplicate;
        }
        // The shift of its time: without what was swallowed after it.
        let after = self.swallowed.iter().rev().take_while(|swallowed| **swallowed > sequence);
        Place::Late(sequence.wrapping_add(self.shift).wrapping_add(after.count() as u64))
    }
}

/// Which of the last [`REACH`] numbers were seen.
#[derive(Debug)]
struct Window([u64; WORDS]);

const WORDS: usize = REACH as usize / 64;

impl Default for Window {
    fn default() -> Self {
        Self([0; WORDS])
    }
}

impl Window {
    /// Notes a number within the window; false if it was there already.
    fn insert(&mut self, number: u64) -> bool {
        let bit = 1 << (number % 64);
        let word = &mut self.0[(number / 64) as usize % WORDS];
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Moves the window on to a newer number: at most [`REACH`] steps.
    fn advance(&mut self, newest: u64, number: u64) {
        for passed in newest + 1..=number {
            self.0[(passed / 64) as usize % WORDS] &= !(1 << (passed % 64));
        }
        self.insert(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers with `p` behind are padding; one word for each answer.
    #[track_caller]
    fn check(packets: &str, expected: &str) {
        let mut sequencer = Sequencer::default();
        let answers: Vec<String> = packets
            .split(' ')
            .map(|packet| {
                let sequence = packet.trim_end_matches('p').parse().unwrap();
                match sequencer.place(sequence, packet.ends_with('p')) {
                    Place::Next(place) => place.to_string(),
                    Place::Late(place) => format!("late{place}"),
                    Place::Restart(place) => format!("new{place}"),
                    Place::Swallowed => "-".to_owned(),
                    Place::Duplicate => "again".to_owned(),
                    Place::OutOfRange => "far".to_owned(),
                }
            })
            .collect();
        assert_eq!(answers.join(" "), expected);
    }

    #[test]
    fn numbers_close_over_padding() {
        check("5 6 7p 8 9p 10p 11", "5 6 - 7 - - 8");
        check("5p 6 7", "- 5 6");
    }

    #[test]
    fn gaps_stay_open_for_late_packets() {
        check("5 8 6 9 7", "5 8 late6 9 late7");
        check("5 8 9p 12p 13 7 10 11", "5 8 - - 11 late7 late9 late10");
    }

    #[test]
    fn late_padding_fills_the_gap_left_for_it() {
        check("5 7 6p 8", "5 7 late6 8");
    }

    #[test]
    fn nothing_is_placed_twice() {
        check("5 5 6p 6p 6 8 7 7", "5 again - again again 7 late6 again");
    }

    #[test]
    fn one_stray_is_refused_and_two_in_sequence_are_a_new_start() {
        check("5000 100 5001", "5000 far 5001");
        check("5000 100 101 102 100", "5000 far new5001 5002 far");
        check("5 9000 9001 9002p 9003 9001", "5 far new6 - 7 again");
        check("5000 100 101p 102 103", "5000 far - new5001 5002");
    }

    #[test]
    fn packets_before_the_first_are_refused() {
        check("5 4 6", "5 far 6");
    }

    #[test]
    fn late_packets_are_refused_once_the_padding_after_them_is_forgotten() {
        let mut sequencer = Sequencer::default();
        assert_eq!(sequencer.place(0, false), Place::Next(0));
        for sequence in 2..=2 + SWALLOWED_MAX as u64 {
            assert_eq!(sequencer.place(sequence, true), Place::Swallowed);
        }
        assert_eq!(sequencer.place(1, false), Place::OutOfRange);
    }
}
