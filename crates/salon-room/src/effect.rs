//! What a decision asks the driver to do. Effects are data, and safe to carry out twice.

use salon_core::{Fence, GrantKey, PurchaseId, StintId, Time, UserId};

use crate::audience::Predicate;
use crate::badge::Sku;
use crate::person::Person;
use crate::request::Note;
use crate::seat::{OfferId, SeatNo};

/// An effect and what makes carrying it out twice harmless.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyedEffect {
    /// Unique in the room.
    pub key: EffectKey,
    /// What to do.
    pub effect: Effect,
}

/// Names an effect: the record that called for it, and which of that record's it is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct EffectKey {
    /// The record's epoch.
    pub epoch: Fence,
    /// The record's sequence number.
    pub seq: u64,
    /// Counted from 0 for each record.
    pub ordinal: u16,
}

/// What the driver must do.
///
/// Carry out [`RevokeGrant`](Effect::RevokeGrant) and [`EvictAudience`](Effect::EvictAudience) at once, and
/// everything else once the records are durable.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Effect {
    /// Let this person publish from this seat, under this key and no other.
    IssueGrant {
        /// Who.
        user: UserId,
        /// Where.
        seat: SeatNo,
        /// Under what key.
        key: GrantKey,
    },
    /// Forward nothing more under this key.
    RevokeGrant {
        /// Whose it was.
        user: UserId,
        /// Where.
        seat: SeatNo,
        /// Which key.
        key: GrantKey,
    },
    /// End every matching session of the audience, at every edge.
    EvictAudience(Predicate),
    /// Tell somebody who may not be here.
    Notify {
        /// Whom.
        user: UserId,
        /// What.
        notice: Notice,
    },
    /// Open the purchase in the ledger and start the payment.
    OpenPurchase {
        /// Names the purchase.
        purchase: PurchaseId,
        /// Who pays.
        from: Person,
        /// Who is credited.
        to: UserId,
        /// The recipient's stay in the seats.
        stint: StintId,
        /// What is bought.
        sku: Sku,
        /// What the buyer says with it.
        note: Note,
    },
}

/// What somebody is told outside the room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Notice {
    /// A seat is waiting for them.
    Invited {
        /// Names the reservation.
        offer: OfferId,
        /// When it expires.
        until: Time,
    },
}
