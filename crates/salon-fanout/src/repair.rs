//! What a slot may have again: where its numbers came from, and how much it has earned.

use std::time::Duration;

use salon_core::MediaTime;

use crate::engine::Repair;
use crate::rewrite::Mapping;
use crate::sink::Slot;

/// How many runs of a slot are remembered after they ended. A guess: packets are wanted again for a second or so, and a
/// slot seldom changes its stream more than once in that time.
pub(crate) const RUNS_MAX: usize = 4;
/// How many answers of a slot are remembered: a power of two, and no more packets than this are sent again at once.
const ANSWERS: usize = 128;
/// What one packet costs. Credit is counted in percent of packets.
const PRICE: u64 = 100;

/// A run of a slot's own numbers, all from one stream, that has ended.
///
/// A run goes on over padding that was left out, as the stream's places close over it, and over lost packets, as
/// their places stay free: only another stream, or one that starts anew, begins another run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) slot: Slot,
    /// Where the stream was; it is the same if it still has this serial number.
    pub(crate) stream: u32,
    pub(crate) serial: u64,
    pub(crate) mapping: Mapping,
    /// The last place of the run.
    pub(crate) last: u64,
    /// What the stream had accepted when the run ended: the slot was sent nothing that came after that.
    pub(crate) accepted: u64,
}

/// The last runs of a sink's slots.
#[derive(Debug, Default)]
pub(crate) struct Runs(
    // Invariant: oldest first, at most RUNS_MAX of each slot.
    Vec<Run>,
);

impl Runs {
    pub(crate) fn push(&mut self, run: Run) {
        let is_of_slot = |earlier: &Run| earlier.slot == run.slot;
        if self.0.iter().filter(|earlier| is_of_slot(earlier)).count() == RUNS_MAX
            && let Some(oldest) = self.0.iter().position(is_of_slot)
        {
            self.0.remove(oldest);
        }
        self.0.push(run);
    }

    /// The run that a sequence number of a slot belongs to.
    pub(crate) fn find(&self, slot: Slot, sequence: u64) -> Option<&Run> {
        self.0.iter().rev().find(|Run { mapping, last, slot: of, .. }| {
            let numbers = mapping.sequence(mapping.first)..=mapping.sequence(*last);
            *of == slot && numbers.contains(&sequence)
        })
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<Run>()
    }

    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let count = |slot| self.0.iter().filter(|run| run.slot == slot).count();
        if Slot::all().any(|slot| count(slot) > RUNS_MAX) {
            return Err("a slot has more runs than allowed");
        }
        Ok(())
    }
}

/// What one slot has earned, and what it was sent again lately.
#[derive(Debug)]
pub(crate) struct Account {
    // Invariant: at most PRICE for each packet that may be saved.
    credit: u64,
    /// The slot's newest number when credit was last earned.
    counted: u64,
    answers: [Answer; ANSWERS],
}

/// When a packet was sent again; kept at its number modulo [`ANSWERS`].
///
/// Both are the low bits of what they stand for: after a turn of 71 minutes an answer may look recent once, and a packet
/// be held back until it is asked for the next time.
#[derive(Clone, Copy, Debug)]
struct Answer {
    sequence: u32,
    at_us: u32,
}

/// Why a packet is not sent again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    /// It just was.
    Guarded,
    /// There is no credit left, or no room to remember it.
    OverBudget,
}

impl Account {
    /// That of a slot which has wanted nothing so far, and whose newest number is `sent`.
    pub(crate) fn new(now: MediaTime, sent: u64, limits: &Repair) -> Self {
        // As if each had been given half a turn ago.
        let never = Answer { sequence: 0, at_us: (now.as_us() as u32).wrapping_sub(1 << 31) };
        Self {
            credit: u64::from(limits.saved_max) * PRICE,
            counted: sent,
            answers: [never; ANSWERS],
        }
    }

    /// Credits what was sent since the last time.
    pub(crate) fn earn(&mut self, sent: u64, limits: &Repair) {
        let earned = (sent - self.counted).saturating_mul(limits.share_percent.into());
        let saved_max = u64::from(limits.saved_max) * PRICE;
        self.credit = self.credit.saturating_add(earned).min(saved_max);
        self.counted = sent;
    }

    /// Spends credit on sending a packet again.
    pub(crate) fn spend(
        &mut self,
        now: MediaTime,
        sequence: u64,
        guard: Duration,
    ) -> Result<(), Refusal> {
        let answer = &mut self.answers[sequence as usize % ANSWERS];
        let age_us = (now.as_us() as u32).wrapping_sub(answer.at_us);
        let is_recent = u128::from(age_us) < guard.as_micros();
        if is_recent && answer.sequence == sequence as u32 {
            return Err(Refusal::Guarded);
        }
        if is_recent || self.credit < PRICE {
            return Err(Refusal::OverBudget);
        }

        // Nothing below can fail.
        self.credit -= PRICE;
        *answer = Answer { sequence: sequence as u32, at_us: now.as_us() as u32 };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUARD: Duration = Duration::from_millis(20);

    fn limits() -> Repair {
        Repair { saved_max: 3, share_percent: 50, ..Repair::default() }
    }

    #[test]
    fn state_is_small() {
        assert_eq!(size_of::<Account>(), 1_040);
        assert_eq!(size_of::<Run>(), 56);
    }

    #[test]
    fn credit_is_earned_by_what_is_sent() {
        let mut account = Account::new(MediaTime(0), 1_000, &limits());
        let mut spend = |sent: u64, wanted: u64| {
            account.earn(sent, &limits());
            // Each a guard later and another number, so that nothing else is in the way.
            let is_paid = |number: &u64| {
                account.spend(MediaTime((sent + number) * 20_000), sent + number, GUARD).is_ok()
            };
            (0..wanted).filter(is_paid).count()
        };
        assert_eq!(spend(1_000, 10), 3);
        assert_eq!(spend(1_000, 10), 0);
        assert_eq!(spend(1_001, 10), 0);
        assert_eq!(spend(1_002, 10), 1);
        assert_eq!(spend(9_000, 10), 3);
    }

    #[test]
    fn an_answer_is_given_once_within_the_guard() {
        let mut account = Account::new(MediaTime(0), 0, &limits());
        let mut spend = |ms: u64, sequence| account.spend(MediaTime(ms * 1_000), sequence, GUARD);
        assert_eq!(spend(0, 0), Ok(()));
        assert_eq!(spend(100, 7), Ok(()));
        assert_eq!(spend(119, 7), Err(Refusal::Guarded));
        // It would displace what must be remembered.
        assert_eq!(spend(119, 7 + ANSWERS as u64), Err(Refusal::OverBudget));
        assert_eq!(spend(120, 7), Ok(()));
        assert_eq!(spend(140, 7), Err(Refusal::OverBudget));
    }
}
