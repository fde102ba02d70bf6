//! What happened in a room, and who may know.

mod visibility;

use salon_core::{Fence, PurchaseId, StintId, Time, UserId};
use serde::{Deserialize, Serialize};

use crate::badge::{Sku, VoidReason};
use crate::command::{CommandId, Title};
use crate::comment::{CommentId, CommentText};
use crate::person::{Actor, Person};
use crate::policy::{Policy, Requests};
use crate::request::{Note, RequestId};
use crate::seat::{OfferId, Origin, ReleaseReason, SeatNo, SelfMedia};

pub use visibility::Visibility;

/// One event with its circumstances: the unit of a room's log.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Record {
    /// The term of ownership it was decided in.
    pub epoch: Fence,
    /// Contiguous from 1 over the room's whole life.
    pub seq: u64,
    /// Never before the record that precedes it.
    pub at: Time,
    /// Who caused it.
    pub actor: Actor,
    /// The actor's own number for the command.
    pub cause: Option<CommandId>,
    /// What happened.
    pub event: Event,
}

/// What happened. Enough to rebuild the room without asking anybody.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Event {
    /// The room exists, in draft.
    RoomCreated {
        /// Whose it is.
        host: Person,
        /// What it is called.
        title: Title,
        /// The rules it keeps.
        policy: Policy,
    },
    /// The live started.
    WentLive,
    /// The room is over; every seat, offer and request was given up in the same decision.
    RoomEnded {
        /// Why.
        reason: EndReason,
    },
    /// The host's connection is lost.
    HostAbsent {
        /// When the room ends unless they return.
        until: Time,
    },
    /// The host's connection is back.
    HostReturned,
    /// A seat is reserved for somebody invited.
    GuestInvited {
        /// Names the reservation.
        offer: OfferId,
        /// The seat reserved.
        seat: SeatNo,
        /// Who is invited.
        person: Person,
        /// When it expires.
        until: Time,
    },
    /// An invitation was answered, or came to nothing. Unless accepted, its seat is free again.
    InviteResolved {
        /// Which.
        offer: OfferId,
        /// The seat it had reserved.
        seat: SeatNo,
        /// Who was invited.
        user: UserId,
        /// How it went.
        outcome: InviteOutcome,
    },
    /// Somebody asks for a seat.
    SeatRequested {
        /// Names the request.
        request: RequestId,
        /// Who.
        person: Person,
        /// What they say.
        note: Note,
        /// When it expires.
        until: Time,
    },
    /// A request was answered, or came to nothing.
    RequestResolved {
        /// Which.
        request: RequestId,
        /// Who had asked.
        user: UserId,
        /// How it went.
        outcome: RequestOutcome,
    },
    /// A seat is reserved for somebody whose request was approved; they are preparing.
    SeatReserved {
        /// The seat reserved.
        seat: SeatNo,
        /// Names the reservation.
        offer: OfferId,
        /// The request it answers.
        request: RequestId,
        /// For whom.
        person: Person,
        /// When the prepare window closes.
        until: Time,
    },
    /// Somebody is on the stage.
    SeatTaken {
        /// Where.
        seat: SeatNo,
        /// Who.
        person: Person,
        /// Names this stay.
        stint: StintId,
        /// What they send.
        media: SelfMedia,
        /// On what ground.
        origin: Origin,
    },
    /// A seat is free again.
    SeatReleased {
        /// Which.
        seat: SeatNo,
        /// Who had it.
        user: UserId,
        /// The stay that ended; none if they were only preparing.
        stint: Option<StintId>,
        /// Why.
        reason: ReleaseReason,
    },
    /// A guest's connection is lost.
    LinkLost {
        /// Whose seat.
        seat: SeatNo,
        /// Whose stay.
        stint: StintId,
        /// When the seat is given up unless they return.
        until: Time,
    },
    /// A guest's connection is back.
    LinkRestored {
        /// Whose seat.
        seat: SeatNo,
        /// Whose stay.
        stint: StintId,
    },
    /// Somebody seated switched their camera or microphone.
    MediaChanged {
        /// Whose seat.
        seat: SeatNo,
        /// Whose stay.
        stint: StintId,
        /// What they send now.
        media: SelfMedia,
    },
    /// Somebody was sent out of the room for the rest of this live.
    GuestRemoved {
        /// Who.
        user: UserId,
    },
    /// Requests were opened or closed.
    RequestPolicyChanged {
        /// Which of the two.
        policy: Requests,
    },
    /// Somebody commented.
    CommentPosted {
        /// Names the comment.
        comment: CommentId,
        /// Who.
        person: Person,
        /// What.
        text: CommentText,
        /// The hearts of the highest badge they have bought in this live; 0 for none.
        hearts: u8,
    },
    /// Somebody is paying for a badge.
    BadgeBegun {
        /// Names the purchase.
        purchase: PurchaseId,
        /// Who pays.
        from: Person,
        /// Who will be credited.
        to: UserId,
        /// The recipient's stay in the seats.
        stint: StintId,
        /// What is bought.
        sku: Sku,
        /// What the buyer says with it.
        note: Note,
    },
    /// A badge was paid for and booked.
    BadgeAwarded {
        /// Names the purchase.
        purchase: PurchaseId,
        /// Who paid.
        from: Person,
        /// Who is credited.
        to: UserId,
        /// The recipient's stay in the seats when it began; it may be over.
        stint: StintId,
        /// What was bought.
        sku: Sku,
        /// How many hearts it has.
        hearts: u8,
        /// What the buyer says with it.
        note: Note,
        /// The ledger's sequence number of the booking.
        ledger_seq: u64,
    },
    /// A purchase came to nothing.
    BadgeVoided {
        /// Names the purchase.
        purchase: PurchaseId,
        /// Who would have paid.
        from: UserId,
        /// Why.
        why: VoidReason,
    },
    /// Another process owns the room; its term is the record's epoch.
    Takeover,
}

/// Why a room ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum EndReason {
    /// The host ended it.
    HostEnded,
    /// The host's connection did not come back in time.
    HostLost,
    /// It reached the longest a live may be.
    MaxDuration,
    /// It did not go live in time.
    Idle,
    /// Whoever runs the service ended it.
    Operator,
    /// The service stops.
    Shutdown,
}

/// How an invitation went.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum InviteOutcome {
    /// The person is preparing.
    Accepted {
        /// When the prepare window closes.
        prepare_until: Time,
    },
    /// The person refused.
    Declined,
    /// The host took it back.
    Cancelled,
    /// Nobody answered.
    Expired,
    /// The room ended.
    Voided,
}

/// How a request went.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum RequestOutcome {
    /// A seat is reserved.
    Approved {
        /// Names the reservation.
        offer: OfferId,
        /// When the prepare window closes.
        prepare_until: Time,
    },
    /// The host refused.
    Declined {
        /// When the person may ask again.
        until: Time,
    },
    /// The person took it back.
    Withdrawn,
    /// Nobody answered.
    Expired,
    /// The room ended, requests were closed, or the host invited the person instead.
    Voided,
}
