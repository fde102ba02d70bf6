//! Server to client.

use salon_core::{Fence, StintId};
use serde::{Deserialize, Serialize};

use crate::Person;
use crate::conflated::Conflated;
use crate::ephemeral::Ephemeral;
use crate::error::{Action, Class, Code};
use crate::event::Event;
use crate::secret::Token;
use crate::snapshot::Snapshot;
use crate::stream::Stream;

tagged! {
    /// One message of a server.
    pub enum Frame {
        /// The answer to `hello`.
        Welcome = "welcome" {
            /// The protocol version chosen.
            version: u16,
            /// The server's name for this connection.
            session: String,
            /// Who the client is.
            user: Person,
            /// A client that hears nothing for twice this long should reconnect, and should itself send something this often.
            heartbeat_ms: u64,
            /// What the server refuses.
            limits: Announced,
            /// The server's clock, to show deadlines by.
            server_time_ms: u64,
        },
        /// A stream's state at a position.
        Snapshot = "snapshot" (Snapshot),
        /// The events after `from`, up to and including `to`, follow: none is missing.
        ///
        /// Of several streams, the room's is brought up to date first.
        Resumed = "resumed" {
            /// Which stream.
            stream: Stream,
            /// Its epoch.
            epoch: Fence,
            /// The position the client gave.
            from: u64,
            /// The last event there is now.
            to: u64,
        },
        /// Durable: something has happened.
        Event = "event" {
            /// In which stream.
            stream: Stream,
            /// Its epoch.
            epoch: Fence,
            /// Its number: one more than the previous event's.
            seq: u64,
            /// When.
            at_ms: u64,
            /// What.
            body: Event,
        },
        /// Conflated: the latest value of one kind.
        Conflated = "conflated" {
            /// Grows with each value of this kind.
            version: u64,
            /// The value.
            body: Conflated,
        },
        /// Ephemeral: show it now or never.
        Ephemeral = "ephemeral" {
            /// What.
            body: Ephemeral,
        },
        /// The answer to a command.
        Result = "result" {
            /// The command's number.
            id: u64,
            /// What came of it.
            outcome: Outcome,
        },
        /// All the client may publish, replacing what an earlier frame said.
        Grants = "grants" {
            /// The right to publish, if it has one.
            publish: Option<Grant>,
        },
        /// All the client may do, replacing what an earlier frame said.
        Capabilities = "capabilities" {
            /// May do.
            can: Vec<Capability>,
            /// May not do, and why.
            withheld: Vec<Withheld>,
        },
        /// This connection is about to end.
        GoAway = "go_away" {
            /// What to do then.
            action: Action,
            /// When to do it.
            after_ms: u64,
        },
        /// The answer to `ping`.
        Pong = "pong" {
            /// What the ping said.
            at_ms: u64,
        },
        /// The connection, or a frame that is not a command, has a problem.
        Error = "error" {
            /// Its number.
            code: u16,
            /// Its name.
            name: String,
            /// What to do about it.
            class: Class,
            /// A sentence for a developer.
            message: String,
        },
    }
}

impl Frame {
    /// Says what is wrong, with the name and class of `code`.
    #[must_use]
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self::Error {
            code: code.number(),
            name: code.name().to_owned(),
            class: code.class(),
            message: message.into(),
        }
    }
}

tagged! {
    /// What came of a command.
    pub enum Outcome {
        /// It was done.
        Ok = "ok" {
            /// The number, in the room's log, of the last record it caused, or of the last before it if it changed nothing.
            seq: u64,
        },
        /// It was refused, and changed nothing.
        Rejected = "rejected" (Rejected),
    }
}

/// Why a command was refused.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Rejected {
    /// Its number: a protocol [`Code`], or one of the room's or the ledger's.
    pub code: u16,
    /// Its name.
    pub name: String,
    /// What to do about it.
    pub class: Class,
    /// For [`Class::RetryAfter`]: how long to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// A sentence that may be shown.
    pub message: String,
}

impl Rejected {
    /// A refusal for a reason of the protocol itself.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code: code.number(),
            name: code.name().to_owned(),
            class: code.class(),
            retry_after_ms: None,
            message: message.into(),
        }
    }
}

/// The limits a server tells its clients.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Announced {
    /// The largest frame it reads, in bytes.
    pub frame_bytes: u32,
    /// The longest comment, in Unicode scalar values.
    pub comment_chars: u32,
}

/// The right to publish from a seat.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Grant {
    /// From which seat.
    pub seat: u8,
    /// For which stay.
    pub stint: StintId,
    /// Issued in which term of ownership.
    pub fence: Fence,
    /// What to show when publishing.
    pub token: Token,
}

/// Something a person may not do now.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Withheld {
    /// What.
    pub capability: Capability,
    /// The name of the rejection it would meet.
    pub why: String,
}

words! {
    /// Something a person may be able to do.
    pub enum Capability {
        /// Begin the live.
        GoLive = "room.go_live",
        /// End it.
        EndRoom = "room.end",
        /// Offer seats.
        InviteGuests = "seat.invite",
        /// Ask for a seat.
        RequestSeat = "seat.request",
        /// Answer requests, and decide whether there may be any.
        ApproveRequests = "seat.approve",
        /// Take a guest's seat away.
        RemoveGuests = "seat.remove",
        /// Say something.
        PostComment = "comment.post",
        /// Buy a badge.
        BuyBadge = "badge.buy",
        /// Send hearts.
        React = "react",
    }
}
