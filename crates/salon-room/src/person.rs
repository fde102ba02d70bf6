//! Who is in a room, and who is speaking to it.

use salon_core::{Text, UserId};
use serde::{Deserialize, Serialize};

/// A display name.
pub type Name = Text<1, 40>;

/// Somebody, with the name they are shown by.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Person {
    /// The embedder's identifier.
    pub user: UserId,
    /// What others see.
    pub name: Name,
}

/// Who gave a command. The embedder vouches for it; the room never checks a token.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Actor {
    /// A person, for themselves.
    User(Person),
    /// The service: connections, timers, the ledger, a take-over.
    System,
    /// Whoever runs the service.
    Operator,
}

impl Actor {
    /// The person, unless it is the service or its operator.
    #[must_use]
    pub const fn person(&self) -> Option<&Person> {
        match self {
            Self::User(person) => Some(person),
            Self::System | Self::Operator => None,
        }
    }
}
