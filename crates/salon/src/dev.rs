//! Development implementations of the ports: sign in with a name, everyone may do everything.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use salon_core::{Time, UserId};
use salon_room::{Name, Person};
use serde::{Deserialize, Serialize};

use crate::ports::{Identity, IssueError, Issued, People, TokenError, Tokens};
use crate::random;
use crate::seal::Sealer;

/// How long a development token lasts: a guess that outlives an evening of trying things out.
const TOKEN_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3_600);
/// How many names are remembered for the search; the oldest identifiers go first.
const KNOWN_MAX: usize = 10_000;

/// Signs anyone in under the name they give, and remembers the names it has seen.
///
/// Tokens are signed with the secret, so they survive a restart that keeps it.
pub struct Guestbook {
    sealer: Sealer,
    // Invariant: at most KNOWN_MAX entries.
    known: Mutex<BTreeMap<UserId, Name>>,
}

/// What a token says, signed.
#[derive(Deserialize, Serialize)]
struct Claims {
    user: UserId,
    name: Name,
    expires: Time,
}

impl Guestbook {
    /// A guestbook whose tokens are signed with `secret`.
    #[must_use]
    pub fn new(secret: [u8; 32]) -> Self {
        Self { sealer: Sealer::new(secret), known: Mutex::new(BTreeMap::new()) }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<UserId, Name>> {
        // A panic while the lock was held cannot leave an entry half written.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, person: &Person) {
        let mut known = self.known();
        known.insert(person.user.clone(), person.name.clone());
        if known.len() > KNOWN_MAX {
            known.pop_first();
        }
    }
}

impl fmt::Debug for Guestbook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guestbook").field("known", &self.known().len()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Tokens for Guestbook {
    async fn verify(&self, token: &str, now: Time) -> Result<Identity, TokenError> {
        let claims: Claims = self.sealer.open(token).ok_or(TokenError::Invalid)?;
        if claims.expires <= now {
            return Err(TokenError::Expired);
        }
        let person = Person { user: claims.user, name: claims.name };
        self.remember(&person);
        Ok(Identity { person, expires: claims.expires })
    }

    async fn issue(&self, name: &str, now: Time) -> Result<Issued, IssueError> {
        let name = Name::parse(name)?;
        let user = UserId::parse(&random::text()).expect("base 32 is a valid user id");
        let expires = now + TOKEN_LIFETIME;
        let claims = Claims { user: user.clone(), name: name.clone(), expires };
        let token = self.sealer.seal(&claims);
        let person = Person { user, name };
        self.remember(&person);
        Ok(Issued { token, identity: Identity { person, expires } })
    }
}

#[async_trait]
impl People for Guestbook {
    async fn profile(&self, user: &UserId) -> Option<Person> {
        let name = self.known().get(user).cloned()?;
        Some(Person { user: user.clone(), name })
    }

    async fn search(&self, text: &str, limit: usize) -> Vec<Person> {
        let wanted = text.to_lowercase();
        self.known()
            .iter()
            .filter(|(_, name)| name.as_str().to_lowercase().contains(&wanted))
            .take(limit)
            .map(|(user, name)| Person { user: user.clone(), name: name.clone() })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time(1_000_000);

    #[tokio::test]
    async fn a_token_names_its_owner_until_it_expires() {
        let guestbook = Guestbook::new([1; 32]);
        let issued = guestbook.issue(" Ada ", NOW).await.unwrap();
        let verified = guestbook.verify(&issued.token, NOW).await;
        assert_eq!(verified.as_ref(), Ok(&issued.identity));
        assert_eq!(issued.identity.person.name.as_str(), "Ada");
        let later = issued.identity.expires;
        assert_eq!(guestbook.verify(&issued.token, later).await, Err(TokenError::Expired));
    }

    #[tokio::test]
    async fn forged_and_altered_tokens_are_refused() {
        let guestbook = Guestbook::new([1; 32]);
        let token = guestbook.issue("Ada", NOW).await.unwrap().token;
        assert_eq!(guestbook.verify(&token[1..], NOW).await, Err(TokenError::Invalid));
        let other = Guestbook::new([2; 32]);
        assert_eq!(other.verify(&token, NOW).await, Err(TokenError::Invalid));
    }

    #[tokio::test]
    async fn people_are_found_by_part_of_their_name() {
        let guestbook = Guestbook::new([1; 32]);
        let ada = guestbook.issue("Ada Lovelace", NOW).await.unwrap().identity.person;
        guestbook.issue("Grace", NOW).await.unwrap();
        assert_eq!(guestbook.search("LOVE", 10).await, vec![ada.clone()]);
        assert_eq!(guestbook.profile(&ada.user).await, Some(ada));
    }
}
