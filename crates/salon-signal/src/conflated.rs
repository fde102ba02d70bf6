//! Values of which only the latest counts.
//!
//! Each kind is one value: a later one replaces an earlier one, and a slow receiver may miss any but the
//! last. `version` grows for each kind within one connection, so an older value never replaces a newer one.

use serde::{Deserialize, Serialize};

tagged! {
    /// The latest value of one kind.
    pub enum Conflated {
        /// How many watch.
        Audience = "audience" (Audience),
        /// How many hearts were sent by reacting.
        Hearts = "hearts" {
            /// Since the live began.
            total: u64,
        },
        /// To a seated person: which encodings of their picture anybody watches. The others may be paused.
        Layers = "layers" {
            /// Their places in the offer, from 0, lowest first. All, until told otherwise.
            wanted: Vec<u8>,
        },
        /// Who is audible.
        Speaking = "speaking" {
            /// Everybody who is, loudest first.
            seats: Vec<Level>,
        },
    }
}

/// How loud a seat is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Level {
    /// Which seat.
    pub seat: u8,
    /// Decibels relative to overload: 0 is loudest, -127 is silence.
    pub level_db: i8,
}

/// How many watch.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Audience {
    /// People.
    pub users: u64,
    /// Their connections.
    pub sessions: u64,
    /// The most people at one time so far.
    pub peak: u64,
}
