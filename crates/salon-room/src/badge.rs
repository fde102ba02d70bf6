//! Badges as the room sees them: who bought which for whom, in hearts. Amounts of money are the ledger's.

use std::collections::{BTreeMap, BTreeSet};

use salon_core::{PurchaseId, StintId, Text, UserId};
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::person::Person;
use crate::request::Note;
use crate::room::Room;

/// Names an article of the ledger's catalogue. The room does not look inside.
pub type Sku = Text<1, 40>;

/// A badge that is being paid for.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Purchase {
    /// Names it.
    pub id: PurchaseId,
    /// Who pays.
    pub from: Person,
    /// Who is credited, whatever happens to their seat meanwhile.
    pub to: UserId,
    /// The recipient's stay in the seats when it began.
    pub stint: StintId,
    /// What is bought.
    pub sku: Sku,
    /// What the buyer says with it.
    pub note: Note,
}

/// Somebody who bought badges in this live.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Supporter {
    /// Who.
    pub person: Person,
    /// The hearts of their highest badge.
    pub hearts_best: u8,
    /// The hearts of all their badges.
    pub hearts: u64,
}

/// How the ledger settled a purchase.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Paid, and booked.
    Awarded {
        /// How many hearts the badge has.
        hearts: u8,
        /// The ledger's sequence number of the booking.
        ledger_seq: u64,
    },
    /// Nothing was booked.
    Voided {
        /// Why.
        why: VoidReason,
    },
}

/// Why a purchase came to nothing.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum VoidReason {
    /// The provider declined the payment.
    Declined,
    /// It was not paid in time.
    Expired,
    /// A limit on the buyer's spending was reached.
    Capped,
    /// It could not be carried out.
    Failed,
}

/// The badges of one live.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub(crate) struct Badges {
    pub(crate) pending: BTreeMap<PurchaseId, Purchase>,
    // Invariant: disjoint from `pending`: a purchase is awarded once. Only money adds to it.
    pub(crate) awarded: BTreeSet<PurchaseId>,
    pub(crate) supporters: BTreeMap<UserId, Supporter>,
    // Invariant: its sum is the sum of the supporters' hearts.
    pub(crate) credited: BTreeMap<UserId, u64>,
    pub(crate) ledger_seq: u64,
}

impl Badges {
    pub(crate) fn pending_of(&self, user: &UserId) -> usize {
        self.pending.values().filter(|purchase| purchase.from.user == *user).count()
    }

    /// What a badge's event changes.
    pub(crate) fn apply(&mut self, event: &Event) {
        match event {
            Event::BadgeBegun { purchase: id, from, to, stint, sku, note } => {
                let (id, from, to, stint) = (*id, from.clone(), to.clone(), *stint);
                let (sku, note) = (sku.clone(), note.clone());
                self.pending.insert(id, Purchase { id, from, to, stint, sku, note });
            }
            Event::BadgeAwarded { purchase, from, to, hearts, ledger_seq, .. } => {
                self.pending.remove(purchase);
                self.awarded.insert(*purchase);
                self.ledger_seq = self.ledger_seq.max(*ledger_seq);
                self.credit(from, to, *hearts);
            }
            Event::BadgeVoided { purchase, .. } => {
                self.pending.remove(purchase);
            }
            _ => {}
        }
    }

    fn credit(&mut self, from: &Person, to: &UserId, hearts: u8) {
        *self.credited.entry(to.clone()).or_default() += u64::from(hearts);
        let supporter = self.supporters.entry(from.user.clone()).or_insert_with(|| Supporter {
            person: from.clone(),
            hearts_best: 0,
            hearts: 0,
        });
        supporter.hearts_best = supporter.hearts_best.max(hearts);
        supporter.hearts += u64::from(hearts);
    }

    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.pending.keys().any(|id| self.awarded.contains(id)) {
            return Err("an awarded purchase is not pending");
        }
        let given = self.supporters.values().map(|supporter| supporter.hearts).sum::<u64>();
        if self.credited.values().sum::<u64>() != given {
            return Err("every heart given is credited to somebody");
        }
        Ok(())
    }
}

impl Room {
    /// The purchases begun and not settled.
    ///
    /// After a restart, ask the ledger about each of them: that finds every booking this room has not shown, in
    /// whatever order they were made.
    pub fn purchases(&self) -> impl Iterator<Item = &Purchase> {
        self.badges.pending.values()
    }

    /// The highest ledger sequence number shown as [`BadgeAwarded`](crate::Event::BadgeAwarded); 0 for none.
    #[must_use]
    pub const fn ledger_seq(&self) -> u64 {
        self.badges.ledger_seq
    }

    /// Everybody who bought badges in this live.
    pub fn supporters(&self) -> impl Iterator<Item = &Supporter> {
        self.badges.supporters.values()
    }

    /// The hearts of the highest badge `user` bought in this live; 0 for none.
    #[must_use]
    pub fn hearts_best(&self, user: &UserId) -> u8 {
        self.badges.supporters.get(user).map_or(0, |supporter| supporter.hearts_best)
    }

    /// Everybody credited with badges in this live, with the hearts they received.
    pub fn credited(&self) -> impl Iterator<Item = (&Person, u64)> {
        let credited = self.badges.credited.iter();
        credited.filter_map(|(user, hearts)| Some((self.people.seated.get(user)?, *hearts)))
    }
}
