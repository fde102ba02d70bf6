//! What a decision needs to know about people, asked and answered beforehand.
//!
//! The room never asks the outside world. [`Room::facts_needed`](crate::Room::facts_needed) lists the questions of
//! a command; the driver answers what it can into [`Facts`]. A question without an answer counts as the answer
//! that refuses: unknown, not eligible, blocked.

use std::collections::{BTreeMap, BTreeSet};

use salon_core::UserId;

use crate::person::Person;

/// A question about people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Query {
    /// Who is this?
    Profile(UserId),
    /// May this person be on a stage at all?
    Eligible(UserId),
    /// Has any of these people blocked this one?
    Blocked {
        /// Those who may have blocked.
        by: Vec<UserId>,
        /// The one who may have been blocked.
        who: UserId,
    },
}

/// The answers one decision is made with.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Facts {
    profiles: BTreeMap<UserId, Person>,
    eligible: BTreeSet<UserId>,
    // Invariant: pairs of (who may have blocked, who was not blocked by them).
    cleared: BTreeSet<(UserId, UserId)>,
}

impl Facts {
    /// No answers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers [`Query::Profile`]. Somebody unknown is simply not inserted.
    pub fn insert_profile(&mut self, person: Person) {
        self.profiles.insert(person.user.clone(), person);
    }

    /// Answers [`Query::Eligible`].
    pub fn insert_eligible(&mut self, user: UserId, eligible: bool) {
        if eligible {
            self.eligible.insert(user);
        } else {
            self.eligible.remove(&user);
        }
    }

    /// Answers [`Query::Blocked`], with the same `by` and `who`.
    pub fn insert_blocked(&mut self, by: &[UserId], who: &UserId, blocked: bool) {
        for by in by {
            let pair = (by.clone(), who.clone());
            if blocked {
                self.cleared.remove(&pair);
            } else {
                self.cleared.insert(pair);
            }
        }
    }

    /// Who `user` is, if that was answered.
    #[must_use]
    pub fn profile(&self, user: &UserId) -> Option<&Person> {
        self.profiles.get(user)
    }

    /// Whether `user` may be on a stage; no answer means no.
    #[must_use]
    pub fn is_eligible(&self, user: &UserId) -> bool {
        self.eligible.contains(user)
    }

    /// Whether `by` has blocked `who`; no answer means yes. Nobody blocks themselves.
    #[must_use]
    pub fn is_blocked(&self, by: &UserId, who: &UserId) -> bool {
        by != who && !self.cleared.contains(&(by.clone(), who.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_answer_refuses() {
        let [ada, bob] = ["ada", "bob"].map(|user| UserId::parse(user).unwrap());
        let mut facts = Facts::new();
        assert!(facts.is_blocked(&ada, &bob));
        assert!(!facts.is_eligible(&bob));
        facts.insert_blocked(std::slice::from_ref(&ada), &bob, false);
        assert!(!facts.is_blocked(&ada, &bob));
        assert!(facts.is_blocked(&bob, &ada));
        facts.insert_blocked(std::slice::from_ref(&ada), &bob, true);
        assert!(facts.is_blocked(&ada, &bob));
    }
}
