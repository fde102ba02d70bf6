//! Badges: begun while the recipient is seated, settled whenever the money says so.

use salon_core::{PurchaseId, UserId};

use crate::badge::{Outcome, Purchase, Sku};
use crate::effect::Effect;
use crate::event::Event;
use crate::rejection::Rejection;
use crate::request::Note;

use super::Turn;

impl Turn<'_> {
    pub(super) fn begin_badge(
        &mut self,
        purchase: PurchaseId,
        recipient: &UserId,
        sku: &Sku,
        note: &Note,
    ) -> Result<(), Rejection> {
        let person = self.expect_person()?;
        let (room, policy) = (self.room, self.room.policy());
        self.expect_live()?;
        self.expect_not_removed(&person.user)?;
        if !policy.badges {
            return Err(Rejection::BadgesOff);
        }
        if person.user == *recipient {
            return Err(Rejection::SelfBadge);
        }
        self.expect_not_blocked(&person.user)?;
        let (_, seated) = room.occupant_of(recipient).ok_or(Rejection::RecipientNotSeated)?;
        if room.badges.pending.contains_key(&purchase) || room.badges.awarded.contains(&purchase) {
            return Err(Rejection::PurchaseExists);
        }
        if room.badges.pending.len() >= usize::from(policy.purchases_max)
            || room.badges.pending_of(&person.user) >= usize::from(policy.purchases_each_max)
        {
            return Err(Rejection::PurchasesPending);
        }

        let (from, to, stint) = (person.clone(), recipient.clone(), seated.stint);
        let (sku, note) = (sku.clone(), note.clone());
        self.record(Event::BadgeBegun {
            purchase,
            from: from.clone(),
            to: to.clone(),
            stint,
            sku: sku.clone(),
            note: note.clone(),
        });
        self.order(Effect::OpenPurchase { purchase, from, to, stint, sku, note });
        Ok(())
    }

    pub(super) fn settle_badge(
        &mut self,
        purchase: PurchaseId,
        outcome: Outcome,
    ) -> Result<(), Rejection> {
        self.expect_system()?;
        let badges = &self.room.badges;
        let Some(pending) = badges.pending.get(&purchase) else {
            return settled_before(badges.awarded.contains(&purchase), outcome);
        };
        let Purchase { from, to, stint, sku, note, .. } = pending.clone();
        self.record(match outcome {
            Outcome::Awarded { hearts, ledger_seq } => {
                Event::BadgeAwarded { purchase, from, to, stint, sku, hearts, note, ledger_seq }
            }
            Outcome::Voided { why } => Event::BadgeVoided { purchase, from: from.user, why },
        });
        Ok(())
    }
}

/// Settling again is harmless, as long as it does not ask for another outcome.
fn settled_before(awarded: bool, outcome: Outcome) -> Result<(), Rejection> {
    match outcome {
        Outcome::Awarded { .. } if !awarded => Err(Rejection::PurchaseNotFound),
        Outcome::Voided { .. } if awarded => Err(Rejection::PurchaseExists),
        Outcome::Awarded { .. } | Outcome::Voided { .. } => Ok(()),
    }
}
