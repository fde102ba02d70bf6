//! Client to server.

use salon_core::RoomId;

use crate::command::Command;
use crate::secret::Token;
use crate::stream::Position;

tagged! {
    /// One message of a client.
    pub enum Frame {
        /// The first frame of a connection.
        Hello = "hello" {
            /// The protocol versions the client speaks.
            versions: Vec<u16>,
            /// Who is calling.
            token: Token,
        },
        /// Watch a room: from these positions, or from a snapshot of each stream not named.
        Subscribe = "subscribe" {
            /// Which room.
            room: RoomId,
            /// The last event held of each stream.
            from: Vec<Position>,
        },
        /// Ask something of the room. Answered by a result with the same `id`.
        Command = "command" {
            /// The client's number, unique for this person in this room: asking again with the same number is safe.
            id: u64,
            /// What is asked.
            body: Command,
        },
        /// Hearts, not answered and not kept.
        React = "react" {
            /// How many since the last such frame.
            hearts: u32,
        },
        /// Everything up to here has arrived.
        Ack = "ack" {
            /// The last event held of each stream.
            positions: Vec<Position>,
        },
        /// A sign of life, answered by `pong`.
        Ping = "ping" {
            /// The client's clock, returned unread.
            at_ms: u64,
        },
        /// The client leaves and will not resume.
        Bye = "bye",
    }
}
