//! What a room's owner is asked over the bus, and how it answers.

use salon_core::{GrantKey, PurchaseId, RoomId, UserId};
use salon_room::{Command, CommandId, Person, badge};
use salon_rtc::{Answer as MediaAnswer, OfferError};
use salon_signal::conflated::Audience;
use salon_signal::price::{PersonTotal, Supporter};
use salon_signal::secret::Method;
use salon_signal::server::Rejected;
use salon_signal::snapshot::Phase;
use serde::Serialize;

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

/// What a room comes to.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) room: RoomId,
    pub(crate) title: String,
    pub(crate) phase: Phase,
    pub(crate) host: salon_signal::Person,
    pub(crate) live_since_ms: Option<u64>,
    pub(crate) duration_ms: u64,
    pub(crate) audience: Audience,
    pub(crate) peak_viewers: u64,
    pub(crate) hearts: u64,
    pub(crate) comments: usize,
    pub(crate) totals: Vec<PersonTotal>,
    pub(crate) supporters: Vec<Supporter>,
}
