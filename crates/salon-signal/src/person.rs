//! People and what they send.

use salon_core::UserId;
use serde::{Deserialize, Serialize};

/// Somebody, with the name to show.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Person {
    /// Who.
    pub user: UserId,
    /// The name to show.
    pub name: String,
}

/// Which of their own devices a seated person has on.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Media {
    /// The microphone.
    pub mic: bool,
    /// The camera.
    pub cam: bool,
}
