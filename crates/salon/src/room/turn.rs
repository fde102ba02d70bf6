//! One turn of a room: what was decided, and what has to wait until it is durable.

use salon_cluster::bus::Reply;
use salon_core::{RoomId, Time};
use salon_room::{Effect, Record};
use salon_signal::secret::Method;

use super::call::Answer;
use super::place::Join;
use crate::translate::Told;

/// How many calls one turn takes: they share one durable write. A guess that keeps a turn short.
pub(super) const CALLS_MAX: usize = 64;

/// What one turn has decided so far. Nothing of it is told before its records are durable.
#[derive(Debug, Default)]
pub(super) struct Turn {
    pub(super) records: Vec<Record>,
    pub(super) told: Vec<(Time, Told)>,
    pub(super) effects: Vec<Due>,
    pub(super) replies: Vec<(Reply<Answer>, Answer)>,
    pub(super) joins: Vec<Join>,
    pub(super) watches: Vec<(Reply<Answer>, salon_room::Person, String)>,
}

/// An effect that waits for durability.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) effect: Effect,
    /// How a badge is paid, for the effect that opens its purchase.
    pub(super) method: Option<Method>,
}

/// The room can no longer be written to by this owner. Its log holds what is true.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("room {0} could not be written to")]
pub(super) struct Broken(pub(super) RoomId);
