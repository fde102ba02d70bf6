//! The embedder's ports: what Salon asks the service it is mounted in.
//!
//! [`Tokens`] says who is calling, [`People`] what the service knows of its users, [`Notifier`] reaches
//! someone who is not in the room. [`dev::Guestbook`](crate::dev::Guestbook) implements the first two for
//! development and for the example.

use std::fmt;

use async_trait::async_trait;
use salon_core::{RoomId, Time, UserId};
use salon_room::Person;

/// Someone who has proved who they are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    /// Who.
    pub person: Person,
    /// When the proof ends.
    pub expires: Time,
}

/// Why a token proves nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It was not made by this service, or was altered.
    #[error("token is not valid")]
    Invalid,
    /// It was valid once.
    #[error("token has expired")]
    Expired,
    /// The service that checks tokens did not answer.
    #[error("tokens cannot be checked at the moment")]
    Unavailable,
}

/// A token made for someone, with what it says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Issued {
    /// The bearer token.
    pub token: String,
    /// What [`Tokens::verify`] will answer for it.
    pub identity: Identity,
}

/// Why no token was made.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// This service signs people in somewhere else.
    #[error("sign in with the service this is part of")]
    NotOffered,
    /// The name is empty, too long or has control characters.
    #[error("name is not usable: {0}")]
    Name(#[from] salon_core::text::TextError),
}

/// Says who is calling.
#[async_trait]
pub trait Tokens: fmt::Debug + Send + Sync {
    /// Whom `token` belongs to.
    ///
    /// # Errors
    /// [`TokenError`]; the caller is treated as nobody.
    async fn verify(&self, token: &str, now: Time) -> Result<Identity, TokenError>;

    /// Makes a token for a name. Services with a sign-in of their own leave this as it is.
    ///
    /// # Errors
    /// [`IssueError::NotOffered`] unless implemented.
    async fn issue(&self, name: &str, now: Time) -> Result<Issued, IssueError> {
        let _ = (name, now);
        Err(IssueError::NotOffered)
    }
}

/// What the service knows of its users. Asked before a room decides; no answer in time means no.
#[async_trait]
pub trait People: fmt::Debug + Send + Sync {
    /// The public profile of a user, if there is such a user.
    async fn profile(&self, user: &UserId) -> Option<Person>;

    /// May this user host a room or take a seat? Everyone may, unless implemented.
    async fn eligible(&self, user: &UserId) -> bool {
        let _ = user;
        true
    }

    /// Has any of `by` blocked `who`? Nobody has, unless implemented.
    async fn blocked(&self, by: &[UserId], who: &UserId) -> bool {
        let _ = (by, who);
        false
    }

    /// Users whose name contains `text`, at most `limit`; what a host searches for guests.
    async fn search(&self, text: &str, limit: usize) -> Vec<Person>;
}

/// Something a person should hear of although they are not in the room.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// A host offers them a seat.
    Invited {
        /// In which room.
        room: RoomId,
        /// Who invites.
        by: Person,
        /// The invitation ends then.
        until: Time,
    },
}

/// Reaches people outside the room: push messages, e-mail.
#[async_trait]
pub trait Notifier: fmt::Debug + Send + Sync {
    /// Tells `user`. At most once is enough; a failure is the notifier's own to handle.
    async fn notify(&self, user: &UserId, notice: Notice);
}

/// Writes notices to the log. Invitations also appear on the home page of whoever is signed in.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogNotifier;

#[async_trait]
impl Notifier for LogNotifier {
    async fn notify(&self, user: &UserId, notice: Notice) {
        tracing::info!(%user, ?notice, "notice");
    }
}
