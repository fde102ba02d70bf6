//! What a room's owner is asked over the bus, and how it answers.

use salon_core::{GrantKey, PurchaseId, UserId};
use salon_room::{Command, CommandId, Person, badge};
use salon_rtc::{Answer as MediaAnswer, OfferError};
use salon_signal::secret::Method;
use salon_signal::server::Rejected;

use super::summary::Summary;

/// What is asked.
#[derive(Debug)]
pub(crate) enum Call {
    /// A person's command. `method` is how a badge is paid.
    Command { person: Person, id: Option<CommandId>, command: Command, method: Option<Method> },
    /// What became of a purchase.
    Settle { purchase: PurchaseId, outcome: badge::Outcome },
    /// An offer to publish under a grant.
    Publish { user: UserId, key: GrantKey, offer: String },
    /// An offer to watch.
    Watch { person: Person, offer: String },
    /// What the room comes to so far.
    Summary,
}

/// How it is answered.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Done; the last record is this one.
    Done { seq: u64 },
    /// Refused; nothing has changed.
    Rejected(Rejected),
    /// The grant does not hold any more.
    NoGrant,
    /// What media said to the offer.
    Media(Result<MediaAnswer, OfferError>),
    /// What was asked for.
    Summary(Box<Summary>),
}
