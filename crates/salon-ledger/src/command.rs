//! What a book is asked, and how it answers.

use salon_core::{Fence, Money, PurchaseId, Scope, StintId, Text, UserId};
use serde::{Deserialize, Serialize};

use crate::badge::Sku;
use crate::cap::Cap;
use crate::entry::Entry;

/// The payment provider's own name for a charge.
pub type ProviderRef = Text<1, 200>;

/// One step in the life of a purchase. Repeating a step is safe: the answer is the same, and nothing is booked twice.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Command {
    /// Begins a purchase: pins the price and the fee, and reserves the caps.
    Open {
        /// The purchase, new in this book.
        purchase: PurchaseId,
        /// Who pays.
        supporter: UserId,
        /// What it belongs to, such as one live.
        scope: Scope,
        /// Who is credited, whatever happens to their seat meanwhile.
        recipient: UserId,
        /// The recipient's stay in the seats when the purchase began.
        stint: StintId,
        /// Which badge.
        sku: Sku,
    },
    /// The money arrived: credits the recipient. Never refused for a cap, and not for an earlier release either.
    Capture {
        /// Which purchase.
        purchase: PurchaseId,
        /// The provider's name for the charge.
        provider_ref: ProviderRef,
    },
    /// No money will arrive: gives the caps back.
    Release {
        /// Which purchase.
        purchase: PurchaseId,
        /// Why not.
        why: Why,
    },
    /// The money went back: reverses every leg of the capture.
    Refund {
        /// Which purchase.
        purchase: PurchaseId,
    },
}

/// Why a purchase was released.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The provider declined the charge.
    Declined,
    /// No answer came in time.
    Expired,
    /// The purchase was called off.
    Voided,
}

/// The stored answer to a command: the same for every repetition of it, also after a restart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Posted {
    /// The entry the command made.
    pub seq: u64,
    /// Which purchase.
    pub purchase: PurchaseId,
    /// How many hearts the badge shows.
    pub hearts: u8,
    /// The price pinned when the purchase was opened.
    pub price: Money,
}

/// What [`Ledger::decide`](crate::Ledger::decide) found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Posting {
    /// The answer, to be given once `entry` is durable.
    pub posted: Posted,
    /// The entry to store and to evolve with; `None` if the command repeats one that was answered before.
    pub entry: Option<Entry>,
}

/// Why a command was refused. The book is unchanged.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The catalogue has no such badge.
    #[error("no badge is named {0}")]
    UnknownSku(Sku),
    /// The purchase would pass a limit of its supporter in its scope.
    #[error("the {} cap of this supporter is reached", match .0 { Cap::Amount => "amount", Cap::Count => "count" })]
    CapReached(Cap),
    /// No purchase of this name was opened.
    #[error("purchase {0} is not known")]
    UnknownPurchase(PurchaseId),
    /// The same step of the same purchase was taken before with other contents.
    #[error("purchase {0} was given before with other contents")]
    IdempotencyConflict(PurchaseId),
    /// It cannot be released: its money arrived.
    #[error("purchase {purchase} was captured by entry {seq}")]
    AlreadyCaptured {
        /// Which purchase.
        purchase: PurchaseId,
        /// The entry that booked the money.
        seq: u64,
    },
    /// It cannot be refunded: its money has not arrived. A refund that overtook its capture is repeated after it.
    #[error("purchase {0} was not captured")]
    NotCaptured(PurchaseId),
    /// Another writer took over the book.
    #[error("the book is at fence {current}")]
    StaleFence {
        /// The highest fence the book has seen.
        current: Fence,
    },
}
