//! The signalling protocol: frames, commands, events, rejections, and the client's reducer.
//!
//! The wire is JSON, one value per WebSocket message, and every choice between messages is tagged
//! the same way: `{"t": "post_comment", "d": {"text": "salut"}}`; a message without content has no
//! `d`. Identifiers are strings (a [`StintId`](salon_core::StintId) and an epoch are numbers), times
//! are Unix milliseconds in fields that end in `_ms`, and no integer is above 2^53, so that a browser
//! reads each one exactly.
//!
//! * [`client`] and [`server`]: the frames of the two directions.
//! * [`command`]: what a person may ask of a room, answered by [`server::Outcome`].
//! * What a server tells comes in three classes of delivery, and the type says which:
//!   [`event`] (durable: numbered, resumable), [`conflated`] (the latest value of each kind) and
//!   [`ephemeral`] (at most once).
//! * [`snapshot`]: a stream's state at a position, from which its events continue.
//! * [`error`]: codes, classes and close codes, each of which says what the client should do.
//! * [`codec`]: bytes to frames within [`limits`], and frames to bytes once for all receivers.
//! * [`view`]: [`RoomView`], the reducer every client runs.
//!
//! # Growing
//!
//! A receiver meets messages of a later server. An unknown tag is kept as `Unknown` with its raw
//! content; an unknown word (a reason, an outcome) is kept as `Unknown` too; unknown fields are
//! ignored. A *known* tag with wrong content is refused: it is never mistaken for an unknown one.
//!
//! ```
//! use salon_signal::{client, codec, command::Command};
//!
//! let bytes = br#"{"t":"command","d":{"id":7,"body":{"t":"post_comment","d":{"text":"salut"}}}}"#;
//! let frame = codec::decode_client(bytes)?;
//! let body = Command::PostComment { text: "salut".into() };
//! assert_eq!(frame, client::Frame::Command { id: 7, body });
//! assert_eq!(codec::encode(&frame), bytes.as_slice());
//!
//! let refused = codec::decode_client(br#"{"t":"react","d":{"hearts":"many"}}"#).unwrap_err();
//! assert_eq!(refused.path, "$.d.hearts");
//! # Ok::<(), codec::DecodeError>(())
//! ```

#[macro_use]
mod tagged;
#[macro_use]
mod word;

pub mod client;
pub mod codec;
pub mod command;
pub mod conflated;
pub mod ephemeral;
pub mod error;
pub mod event;
pub mod id;
pub mod limits;
pub mod person;
pub mod price;
mod scan;
pub mod secret;
pub mod server;
pub mod snapshot;
pub mod stream;
pub mod view;

pub use person::Person;
pub use stream::{Position, Stream};
pub use tagged::{Raw, Unknown};
pub use view::RoomView;

/// The protocol versions this crate speaks, newest first.
pub const VERSIONS: &[u16] = &[1];
