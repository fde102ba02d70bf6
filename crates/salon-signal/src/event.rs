//! What has happened, told durably: numbered within its stream, and told again after a gap.

use salon_core::{PurchaseId, StintId, UserId};

use crate::Person;
use crate::command::RequestPolicy;
use crate::id::{CommentId, OfferId, RequestId};
use crate::person::Media;
use crate::price::{Price, Total};

tagged! {
    /// One fact about a room. The stream it comes in is part of its frame.
    pub enum Event {
        /// Room: the live began.
        WentLive = "went_live",
        /// Room: the live is over and every seat is empty.
        RoomEnded = "room_ended" {
            /// Why.
            reason: EndReason,
        },
        /// Room: the host's connection is lost; the live waits.
        HostAbsent = "host_absent" {
            /// Until then.
            until_ms: u64,
        },
        /// Room: the host is back.
        HostReturned = "host_returned",
        /// Room and stage: a seat is held for somebody. Only the stage is told for whom.
        SeatReserved = "seat_reserved" {
            /// Which seat.
            seat: u8,
            /// Stage: by which offer.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            offer: Option<OfferId>,
            /// Stage: for whom.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            person: Option<Person>,
            /// Stage: until when.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            until_ms: Option<u64>,
        },
        /// Room: somebody sat down.
        SeatTaken = "seat_taken" {
            /// In which seat.
            seat: u8,
            /// Who.
            person: Person,
            /// This stay.
            stint: StintId,
            /// Which devices are on.
            media: Media,
            /// How they came.
            origin: Origin,
        },
        /// Room: a seat is empty again.
        SeatReleased = "seat_released" {
            /// Which seat.
            seat: u8,
            /// Who sat in it, or would have. The public is told of nobody who never sat.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            user: Option<UserId>,
            /// Why.
            reason: ReleaseReason,
        },
        /// Room: a seated person's connection is lost; the seat waits.
        LinkLost = "link_lost" {
            /// Which seat.
            seat: u8,
            /// Until then.
            until_ms: u64,
        },
        /// Room: that person is back.
        LinkRestored = "link_restored" {
            /// Which seat.
            seat: u8,
        },
        /// Room: a seated person switched a device.
        MediaChanged = "media_changed" {
            /// Which seat.
            seat: u8,
            /// Which devices are on now.
            media: Media,
        },
        /// Room: somebody said something.
        CommentPosted = "comment_posted" {
            /// Its identifier.
            comment: CommentId,
            /// Who.
            person: Person,
            /// What.
            text: String,
            /// The hearts of their highest badge in this live; 0 without one.
            hearts: u8,
        },
        /// Room: a badge was paid and given.
        BadgeAwarded = "badge_awarded" {
            /// Which purchase.
            purchase: PurchaseId,
            /// Who gave it.
            from: Person,
            /// Who received it.
            to: Person,
            /// Where the recipient sits, if still seated.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            seat: Option<u8>,
            /// Which badge of the catalogue.
            sku: String,
            /// Its hearts.
            hearts: u8,
            /// What was paid.
            price: Price,
            /// The giver's word with it; may be empty.
            note: String,
            /// All the recipient has received in this live, this badge included.
            recipient_total: Total,
        },
        /// Room: viewers may ask for seats from now on, or no longer.
        RequestPolicyChanged = "request_policy_changed" {
            /// From now on.
            policy: RequestPolicy,
        },

        /// Stage: somebody was invited.
        GuestInvited = "guest_invited" {
            /// The invitation.
            offer: OfferId,
            /// The seat held for them.
            seat: u8,
            /// Whom.
            person: Person,
            /// When it lapses.
            until_ms: u64,
        },
        /// Stage: an invitation was answered or lapsed; and later, if it was accepted or an approved
        /// request became an offer, what became of the seat held.
        InviteResolved = "invite_resolved" {
            /// The invitation.
            offer: OfferId,
            /// Whose.
            user: UserId,
            /// How.
            outcome: InviteOutcome,
            /// If accepted: when they must be ready.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            prepare_until_ms: Option<u64>,
        },
        /// Stage: somebody asks for a seat.
        SeatRequested = "seat_requested" {
            /// The request.
            request: RequestId,
            /// Who.
            person: Person,
            /// Their word to the host; may be empty.
            note: String,
            /// When.
            at_ms: u64,
        },
        /// Stage: a request was answered or lapsed.
        RequestResolved = "request_resolved" {
            /// The request.
            request: RequestId,
            /// Whose.
            user: UserId,
            /// How.
            outcome: RequestOutcome,
        },

        /// User: you are invited.
        Invited = "invited" {
            /// The invitation.
            offer: OfferId,
            /// The seat held for you.
            seat: u8,
            /// Who invites you.
            by: Person,
            /// When it lapses.
            until_ms: u64,
        },
        /// User: your invitation was answered or lapsed; and later, if you accepted or your approved
        /// request became an offer, what became of the seat held.
        InviteClosed = "invite_closed" {
            /// The invitation.
            offer: OfferId,
            /// How.
            outcome: InviteOutcome,
            /// If accepted: when you must be ready.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            prepare_until_ms: Option<u64>,
        },
        /// User: your request stands.
        RequestPlaced = "request_placed" {
            /// The request.
            request: RequestId,
        },
        /// User: your request was answered or lapsed.
        RequestClosed = "request_closed" {
            /// The request.
            request: RequestId,
            /// How.
            outcome: RequestOutcome,
            /// If approved: when you must be ready.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            prepare_until_ms: Option<u64>,
            /// If approved: the offer it became.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            offer: Option<OfferId>,
            /// If approved: the seat held for you.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            seat: Option<u8>,
            /// If declined: when you may ask again.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            cooldown_until_ms: Option<u64>,
        },
        /// User: your purchase has begun.
        BadgePending = "badge_pending" {
            /// The purchase.
            purchase: PurchaseId,
            /// For whom.
            recipient: UserId,
            /// Which badge of the catalogue.
            sku: String,
            /// What it costs.
            price: Price,
        },
        /// User: your purchase is settled.
        BadgeSettled = "badge_settled" {
            /// The purchase.
            purchase: PurchaseId,
            /// How.
            outcome: PurchaseState,
        },
        /// User: you were removed from this live.
        Removed = "removed",
    }
}

words! {
    /// Why a live ended.
    pub enum EndReason {
        /// The host ended it.
        HostEnded = "host_ended",
        /// The host did not come back in time.
        HostLost = "host_lost",
        /// It reached the longest a live may last.
        MaxDuration = "max_duration",
        /// Nobody went live in it.
        Idle = "idle",
        /// Whoever operates the service ended it.
        Operator = "operator",
        /// The service is going down.
        Shutdown = "shutdown",
    }
}

words! {
    /// How somebody came to a seat.
    pub enum Origin {
        /// It is the host's.
        Host = "host",
        /// Invited.
        Invite = "invite",
        /// Asked and was approved.
        Request = "request",
    }
}

words! {
    /// Why a seat became empty.
    pub enum ReleaseReason {
        /// Its person left it.
        Left = "left",
        /// The host took it away.
        Removed = "removed",
        /// Its person's connection did not come back in time.
        LinkLost = "link_lost",
        /// It was held for somebody who was not ready in time.
        JoinTimeout = "join_timeout",
        /// The offer that held it was declined, taken back or lapsed.
        OfferClosed = "offer_closed",
        /// The live ended.
        RoomEnded = "room_ended",
    }
}

words! {
    /// What became of an offer of a seat. Every one but `accepted` is final.
    pub enum InviteOutcome {
        /// Taken: the person prepares.
        Accepted = "accepted",
        /// The person sat down.
        Seated = "seated",
        /// Refused.
        Declined = "declined",
        /// Taken back.
        Cancelled = "cancelled",
        /// Not answered in time, or not ready in time.
        Expired = "expired",
        /// Overtaken by events, such as the end of the live.
        Voided = "voided",
    }
}

words! {
    /// What became of a request.
    pub enum RequestOutcome {
        /// Granted: the person prepares.
        Approved = "approved",
        /// Refused.
        Declined = "declined",
        /// Taken back.
        Withdrawn = "withdrawn",
        /// Not answered in time.
        Expired = "expired",
        /// Overtaken by events, such as the end of the live.
        Voided = "voided",
    }
}

words! {
    /// Where a purchase stands.
    pub enum PurchaseState {
        /// Not settled yet. Never an outcome.
        Pending = "pending",
        /// Paid, and given.
        Awarded = "awarded",
        /// The payment was declined.
        Declined = "declined",
        /// The payment was not made in time.
        Expired = "expired",
        /// It would have passed a limit on what may be given.
        Capped = "capped",
        /// It could not be carried out.
        Failed = "failed",
    }
}
