//! Everything a room can be asked or told.

use salon_core::{Fence, PurchaseId, Text, UserId};
use serde::{Deserialize, Serialize};

use crate::badge::{self, Sku};
use crate::comment::CommentText;
use crate::event::EndReason;
use crate::policy::{Policy, Requests};
use crate::request::{Note, RequestId};
use crate::seat::{OfferId, SelfMedia};
use crate::timer::Timer;

/// What a room is called.
pub type Title = Text<1, 80>;

/// The client's own number for a command, unique for this person in this room.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct CommandId(pub u64);

/// What somebody wants of a room, or what the service tells it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Command {
    /// Anyone eligible: become the host of this room, which does not exist yet.
    CreateRoom {
        /// What it is called.
        title: Title,
        /// The rules it keeps for its whole life.
        policy: Policy,
    },
    /// Host: start the live.
    GoLive,
    /// Host: end the room for everybody.
    EndRoom,
    /// Operator or system: end the room, as [`EndReason::Operator`] or [`EndReason::Shutdown`].
    Terminate {
        /// Why.
        reason: EndReason,
    },
    /// Host: invite one to three people; each invitation reserves a seat.
    InviteGuests {
        /// Whom.
        users: Vec<UserId>,
        /// What to do when not all can be invited.
        mode: InviteMode,
    },
    /// Host: take back an invitation that has not been answered.
    CancelInvite {
        /// Which.
        offer: OfferId,
    },
    /// The person invited: start preparing.
    AcceptInvite {
        /// Which.
        offer: OfferId,
    },
    /// The person invited: refuse.
    DeclineInvite {
        /// Which.
        offer: OfferId,
    },
    /// A viewer: ask for a seat.
    RequestSeat {
        /// A few words for the host.
        note: Note,
    },
    /// A viewer: take the request back.
    WithdrawRequest,
    /// Host: reserve a seat for whoever asked.
    ApproveRequest {
        /// Which.
        request: RequestId,
    },
    /// Host: refuse a request.
    DeclineRequest {
        /// Which.
        request: RequestId,
    },
    /// Whoever a seat is reserved for: camera and microphone are set up, seat me.
    ConfirmReady {
        /// What they send from the start.
        media: SelfMedia,
    },
    /// A guest, or one preparing: give up the seat.
    LeaveSeat,
    /// Host: take somebody's seat, or the seat reserved for them.
    RemoveGuest {
        /// Whose.
        user: UserId,
        /// Where they go.
        to: RemoveTo,
    },
    /// Anyone seated: say what they send.
    SetSelfMedia {
        /// What.
        media: SelfMedia,
    },
    /// Host: open or close requests; closing voids those that wait.
    SetRequestPolicy(Requests),
    /// Anyone here: comment.
    PostComment {
        /// What.
        text: CommentText,
    },
    /// Anyone here: start buying a badge for somebody seated.
    BeginBadge {
        /// The service's own identifier for the purchase.
        purchase: PurchaseId,
        /// For whom.
        recipient: UserId,
        /// Which.
        sku: Sku,
        /// A few words with it.
        note: Note,
    },
    /// System: what became of a purchase. Also after the room has ended.
    SettleBadge {
        /// Which.
        purchase: PurchaseId,
        /// What.
        outcome: badge::Outcome,
    },
    /// Anyone: may I watch? Changes nothing.
    CheckJoin,
    /// System: somebody's connection is there (again).
    LinkUp {
        /// Whose.
        user: UserId,
    },
    /// System: the last connection of somebody is gone. The driver tells only of current ones.
    LinkLost {
        /// Whose.
        user: UserId,
    },
    /// System: the moment of a timer has come.
    TimerFired(Timer),
    /// System: this process owns the room from now on. The first command after a replay, before any timer.
    Takeover {
        /// Its term, higher than any before.
        fence: Fence,
    },
}

/// What to do when not all of the people named can be invited.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum InviteMode {
    /// Invite nobody.
    Atomic,
    /// Invite those who can be, in the order given.
    BestEffort,
}

/// Where a removed guest goes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum RemoveTo {
    /// Back to watching.
    Audience,
    /// Away, for the rest of this live.
    OutOfRoom,
}
