//! Viewers who ask for a seat, in the order the room admitted them.

use std::collections::BTreeMap;

use salon_core::{Text, Time, UserId};
use serde::{Deserialize, Serialize};

use crate::person::Person;

/// A few words with a request or a badge.
pub type Note = Text<0, 140>;

/// Names one request. It is the sequence number of the record that made it, so it also orders requests.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct RequestId(pub u64);

/// Somebody waiting for the host's answer.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Request {
    /// Names it.
    pub id: RequestId,
    /// Who asks.
    pub person: Person,
    /// What they say.
    pub note: Note,
    /// When the room admitted it; a client's own time is never used.
    pub at: Time,
    /// From this moment on it is over.
    pub until: Time,
}

/// The requests that wait, and who must not ask again yet.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub(crate) struct Queue {
    // Invariant: at most one for each person, and each `id` is its key.
    waiting: BTreeMap<RequestId, Request>,
    // Invariant: pruned whenever one is added, so it holds those declined within one cool-down.
    cooldowns: BTreeMap<UserId, Time>,
}

impl Queue {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Request> {
        self.waiting.values()
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn get(&self, id: RequestId) -> Option<&Request> {
        self.waiting.get(&id)
    }

    pub(crate) fn of(&self, user: &UserId) -> Option<&Request> {
        self.iter().find(|request| request.person.user == *user)
    }

    /// Until when `user` must not ask again, if that is after `now`.
    pub(crate) fn cooldown(&self, user: &UserId, now: Time) -> Option<Time> {
        self.cooldowns.get(user).copied().filter(|until| now < *until)
    }

    /// The one that expires first: all live equally long, so it is the oldest.
    pub(crate) fn oldest(&self) -> Option<&Request> {
        self.waiting.values().next()
    }

    pub(crate) fn add(&mut self, request: Request) {
        self.waiting.insert(request.id, request);
    }

    pub(crate) fn remove(&mut self, id: RequestId) {
        self.waiting.remove(&id);
    }

    pub(crate) fn cool_down(&mut self, now: Time, user: UserId, until: Time) {
        self.cooldowns.retain(|_, until| now < *until);
        self.cooldowns.insert(user, until);
    }

    pub(crate) fn check(&self) -> Result<(), &'static str> {
        for (id, request) in &self.waiting {
            if request.id != *id {
                return Err("a request is filed under its own id");
            }
            if self.of(&request.person.user).is_some_and(|first| first.id != *id) {
                return Err("nobody has two requests");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cooldowns_that_are_over_are_forgotten() {
        let [ada, bob] = ["ada", "bob"].map(|user| UserId::parse(user).unwrap());
        let mut queue = Queue::default();
        queue.cool_down(Time(0), ada.clone(), Time(10));
        assert_eq!(queue.cooldown(&ada, Time(9)), Some(Time(10)));
        assert_eq!(queue.cooldown(&ada, Time(10)), None);
        queue.cool_down(Time(10), bob.clone(), Time(20));
        assert_eq!(queue.cooldowns.keys().collect::<Vec<_>>(), [&bob]);
    }
}
