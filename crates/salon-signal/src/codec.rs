//! Bytes to frames, and frames to bytes.

use std::fmt;

use bytes::Bytes;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use crate::error::{Class, Code};
use crate::limits::Limits;
use crate::tagged::without_position;
use crate::{client, scan, server};

/// Reads a frame of a client, within [`Limits::CLIENT`].
///
/// # Errors
/// [`DecodeError`] says where and why. No bytes make it panic.
pub fn decode_client(bytes: &[u8]) -> Result<client::Frame, DecodeError> {
    decode(bytes, &Limits::CLIENT)
}

/// Reads a frame of a server, within [`Limits::SERVER`].
///
/// # Errors
/// [`DecodeError`] says where and why. No bytes make it panic.
pub fn decode_server(bytes: &[u8]) -> Result<server::Frame, DecodeError> {
    decode(bytes, &Limits::SERVER)
}

/// Reads a frame, or a part of one, within `limits`.
///
/// # Errors
/// [`DecodeError`] says where and why. No bytes make it panic.
pub fn decode<T: DeserializeOwned>(bytes: &[u8], limits: &Limits) -> Result<T, DecodeError> {
    scan::check(bytes, limits).map_err(|(path, kind)| DecodeError { path, kind, command: None })?;
    serde_json::from_slice(bytes).map_err(|error| {
        let shape = error.is_data();
        let path = scan::path_at(bytes, bytes_read(bytes, &error), limits);
        let why = without_position(&error);
        DecodeError {
            path,
            kind: if shape { Kind::Shape(why) } else { Kind::Syntax(why) },
            command: if shape { command_id(bytes) } else { None },
        }
    })
}

/// Writes a frame, once for all who receive it: clones of the [`Bytes`] share it.
#[must_use]
pub fn encode<T: Message>(message: &T) -> Bytes {
    serde_json::to_vec(message).expect("frames have no map whose keys are not strings").into()
}

/// What is sent as one WebSocket message.
pub trait Message: Serialize + sealed::Sealed {}

impl Message for client::Frame {}
impl Message for server::Frame {}

mod sealed {
    pub trait Sealed {}

    impl Sealed for crate::client::Frame {}
    impl Sealed for crate::server::Frame {}
}

/// Why bytes are not a frame.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{kind} at {path}")]
#[non_exhaustive]
pub struct DecodeError {
    /// Where, such as `$.d.body.d.users[2]`.
    pub path: String,
    /// Why.
    pub kind: Kind,
    /// The number of the command that is malformed, if that much could be read: the client waits for its result.
    pub command: Option<u64>,
}

impl DecodeError {
    /// What the client is told.
    #[must_use]
    pub fn code(&self) -> Code {
        match self.kind {
            Kind::FrameTooLarge { .. } => Code::FrameTooLarge,
            _ => Code::Malformed,
        }
    }

    /// What the client should do.
    #[must_use]
    pub fn class(&self) -> Class {
        self.code().class()
    }
}

/// Why bytes are not a frame.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// More bytes than a frame may have.
    FrameTooLarge {
        /// Bytes given.
        bytes: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// Too many objects and lists inside each other.
    TooDeep {
        /// Levels allowed.
        max: usize,
    },
    /// A string with too many bytes.
    StringTooLong {
        /// Bytes given.
        bytes: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// A list with too many elements, or an object with too many fields.
    ListTooLong {
        /// Elements allowed.
        max: usize,
    },
    /// An integer above 2^53, which a browser would have rounded.
    IntegerTooLarge,
    /// Not JSON.
    Syntax(String),
    /// JSON, but not this message.
    Shape(String),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FrameTooLarge { bytes, max } => {
                write!(f, "frame has {bytes} bytes, more than {max}")
            }
            Self::TooDeep { max } => write!(f, "nesting is deeper than {max} levels"),
            Self::StringTooLong { bytes, max } => {
                write!(f, "string has {bytes} bytes, more than {max}")
            }
            Self::ListTooLong { max } => write!(f, "more than {max} elements"),
            Self::IntegerTooLarge => f.write_str("integer is above 2^53"),
            Self::Syntax(why) | Self::Shape(why) => f.write_str(why),
        }
    }
}

/// How much had been read when the error was found; the last of it belongs to the value that is wrong.
fn bytes_read(bytes: &[u8], error: &serde_json::Error) -> usize {
    let lines_before = error.line().saturating_sub(1);
    let line_start: usize =
        bytes.split_inclusive(|byte| *byte == b'\n').take(lines_before).map(<[u8]>::len).sum();
    line_start + error.column()
}

/// The number of a command whose content is malformed.
fn command_id(bytes: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Envelope {
        t: Tag,
        d: Content,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Tag {
        Command,
    }
    #[derive(Deserialize)]
    struct Content {
        id: u64,
        #[serde(rename = "body")]
        _body: Option<IgnoredAny>,
    }

    let Envelope { t: Tag::Command, d } = serde_json::from_slice(bytes).ok()?;
    Some(d.id)
}
