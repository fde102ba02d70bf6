//! What people read: totals, supporters and statements, all functions of the journal.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use salon_core::{Money, PurchaseId, Scope, Time, UserId};

use crate::badge::Sku;
use crate::purchase::{Purchase, State};

/// What one recipient got in one scope; refunded badges do not count.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Total {
    /// Hearts of all badges.
    pub hearts: u64,
    /// What they were credited with, in minor units: prices less fees.
    pub minor: i128,
}

/// What one supporter gave in one scope; refunded badges do not count.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Supporter {
    /// Who.
    pub user: UserId,
    /// How many badges.
    pub badges: u64,
    /// Hearts of all badges.
    pub hearts: u64,
    /// The most hearts of one badge: what is shown beside their comments.
    pub hearts_max: u8,
    /// What they paid, in minor units.
    pub minor: i128,
}

/// One line of a recipient's statement. The lines add up to the balance of their account.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// The entry it comes from.
    pub seq: u64,
    /// When.
    pub at: Time,
    /// Which purchase.
    pub purchase: PurchaseId,
    /// What it belongs to.
    pub scope: Scope,
    /// Who paid.
    pub supporter: UserId,
    /// Which badge.
    pub sku: Sku,
    /// Its hearts.
    pub hearts: u8,
    /// What the supporter paid.
    pub price: Money,
    /// What the recipient was credited with, in minor units; below zero for a refund.
    pub minor: i64,
}

/// The running totals of one scope.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Summary {
    // Invariant: ascending; every purchase of the scope that was ever captured, once.
    awards: Vec<(u64, PurchaseId)>,
    recipients: BTreeMap<UserId, Total>,
    supporters: BTreeMap<UserId, Support>,
}

/// What one supporter gave, in a form that a refund can be taken out of.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Support {
    /// How many badges of each number of hearts.
    badges: BTreeMap<u8, u64>,
    minor: i128,
}

impl Summary {
    /// Counts an entry that moved the money of `purchase`; returns its line of the recipient's statement.
    pub(crate) fn count(&mut self, purchase: &Purchase, at: Time) -> Option<Line> {
        let total = self.recipients.entry(purchase.recipient.clone()).or_default();
        let support = self.supporters.entry(purchase.supporter.clone()).or_default();
        let badges = support.badges.entry(purchase.hearts).or_default();
        let (seq, minor) = match &purchase.state {
            State::Held | State::Released { .. } => return None,
            State::Captured(capture) => {
                self.awards.push((capture.seq, purchase.id));
                *badges += 1;
                total.hearts += u64::from(purchase.hearts);
                support.minor += i128::from(purchase.price.minor);
                (capture.seq, purchase.share())
            }
            State::Refunded { seq, .. } => {
                *badges -= 1;
                total.hearts -= u64::from(purchase.hearts);
                support.minor -= i128::from(purchase.price.minor);
                (*seq, -purchase.share())
            }
        };
        total.minor += i128::from(minor);
        support.badges.retain(|_, count| *count > 0);
        if support.badges.is_empty() {
            self.supporters.remove(&purchase.supporter);
        }
        Some(Line {
            seq,
            at,
            purchase: purchase.id,
            scope: purchase.scope,
            supporter: purchase.supporter.clone(),
            sku: purchase.sku.clone(),
            hearts: purchase.hearts,
            price: purchase.price,
            minor,
        })
    }

    pub(crate) fn totals(&self) -> impl Iterator<Item = (&UserId, Total)> {
        self.recipients.iter().map(|(user, total)| (user, *total))
    }

    pub(crate) fn total(&self, recipient: &UserId) -> Total {
        self.recipients.get(recipient).copied().unwrap_or_default()
    }

    pub(crate) fn awards_after(&self, seq: u64) -> impl Iterator<Item = PurchaseId> {
        let from = self.awards.partition_point(|(award, _)| *award <= seq);
        self.awards[from..].iter().map(|(_, purchase)| *purchase)
    }

    /// Those who gave most first; equals by name, so that the order is the same everywhere.
    pub(crate) fn supporters(&self) -> Vec<Supporter> {
        let mut supporters: Vec<Supporter> = self
            .supporters
            .iter()
            .map(|(user, support)| Supporter {
                user: user.clone(),
                badges: support.badges.values().sum(),
                hearts: support.badges.iter().map(|(hearts, n)| u64::from(*hearts) * n).sum(),
                hearts_max: support.badges.keys().next_back().copied().unwrap_or_default(),
                minor: support.minor,
            })
            .collect();
        supporters.sort_by_key(|one| Reverse((one.minor, one.hearts)));
        supporters
    }
}
