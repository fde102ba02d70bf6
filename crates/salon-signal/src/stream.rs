//! The durable streams a connection carries, and where in one a client is.

use salon_core::Fence;
use serde::{Deserialize, Serialize};

/// A numbered series of events. Each is contiguous for everybody who may read it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// What everybody in the room sees.
    Room,
    /// What the seated and those about to be seated see: invitations and requests.
    Stage,
    /// What one person alone sees.
    User,
}

impl Stream {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Room, Self::Stage, Self::User];
}

/// The last event a client has of one stream.
///
/// Events count from 1 within an epoch; 0 is before the first.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Position {
    /// Of which stream.
    pub stream: Stream,
    /// The term of ownership that numbered it.
    pub epoch: Fence,
    /// Its number.
    pub seq: u64,
}
