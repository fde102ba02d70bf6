//! What a person may ask of a room.

use salon_core::UserId;
use serde::{Deserialize, Serialize};

use crate::id::{OfferId, RequestId};
use crate::person::Media;
use crate::secret::Method;

tagged! {
    /// One thing asked of a room, on behalf of the person who is connected.
    pub enum Command {
        /// Host: begin the live.
        GoLive = "go_live",
        /// Host: end it.
        EndRoom = "end_room",
        /// Host: offer seats to people.
        InviteGuests = "invite_guests" {
            /// Whom, one to three.
            users: Vec<UserId>,
            /// What happens if only some can be invited.
            mode: InviteMode,
        },
        /// Host: take an invitation back.
        CancelInvite = "cancel_invite" {
            /// Which.
            offer: OfferId,
        },
        /// Invited: take the seat.
        AcceptInvite = "accept_invite" {
            /// Which invitation.
            offer: OfferId,
        },
        /// Invited: refuse the seat.
        DeclineInvite = "decline_invite" {
            /// Which invitation.
            offer: OfferId,
        },
        /// Viewer: ask for a seat.
        RequestSeat = "request_seat" {
            /// A word to the host; may be empty.
            note: String,
        },
        /// Viewer: take the request back.
        WithdrawRequest = "withdraw_request",
        /// Host: give the person a seat.
        ApproveRequest = "approve_request" {
            /// Which request.
            request: RequestId,
        },
        /// Host: refuse the person a seat.
        DeclineRequest = "decline_request" {
            /// Which request.
            request: RequestId,
        },
        /// Accepted or approved: devices are ready, seat me.
        ConfirmReady = "confirm_ready" {
            /// Which devices are on.
            media: Media,
        },
        /// Guest: give the seat up, or the offer of one.
        LeaveSeat = "leave_seat",
        /// Host: take a guest's seat away.
        RemoveGuest = "remove_guest" {
            /// Whose.
            user: UserId,
            /// Where they go.
            to: Destination,
        },
        /// Seated: devices switched on or off.
        SetSelfMedia = "set_self_media" {
            /// The microphone.
            mic: bool,
            /// The camera.
            cam: bool,
        },
        /// Host: may viewers ask for seats?
        SetRequestPolicy = "set_request_policy" {
            /// From now on.
            policy: RequestPolicy,
        },
        /// Anybody: say something.
        PostComment = "post_comment" {
            /// What.
            text: String,
        },
        /// Viewer or guest: buy a badge for somebody seated.
        BeginBadge = "begin_badge" {
            /// For whom.
            recipient: UserId,
            /// Which badge of the catalogue.
            sku: String,
            /// A word with it; may be empty.
            note: String,
            /// How it is paid.
            method: Method,
        },
    }
}

/// What happens if not everybody can be invited.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InviteMode {
    /// Nobody is.
    Atomic,
    /// Those who can be are.
    BestEffort,
}

/// Where a removed guest goes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// Back to watching.
    Audience,
    /// Out, until this live is over.
    OutOfRoom,
}

/// Whether viewers may ask for seats.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestPolicy {
    /// They may.
    Open,
    /// They may not.
    Closed,
}
