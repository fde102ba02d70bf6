//! The viewers that one edge serves: presence, rates and evictions. A pure value of its own, beside the room.

mod rate;

use std::collections::BTreeMap;

use salon_core::{Time, UserId};

use crate::person::Person;

use rate::Rates;
pub use rate::{RateLimited, RateLimits};

/// Whom to send out of the audience.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Predicate {
    /// This one.
    User(UserId),
    /// Everybody this one has blocked.
    BlockedBy(UserId),
}

/// One connection of one viewer: a number its owner hands out, unique at this edge.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Session(pub u64);

/// How large the audience is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Count {
    /// Distinct people.
    pub users: u64,
    /// Their connections.
    pub sessions: u64,
    /// Grows with every change, so that an old count never replaces a new one.
    pub version: u64,
    /// The most people there ever were at once.
    pub peak: u64,
}

/// The audience of one room at one edge. It is not logged: it is gone with the connections it counts.
///
/// ```
/// use salon_core::Time;
/// use salon_room::audience::{Edge, Predicate, RateLimits, Session};
/// # use salon_room::Person;
/// # let zoe = Person { user: "zoe".parse().unwrap(), name: salon_room::Name::parse("Zoe").unwrap() };
///
/// let mut edge = Edge::new(RateLimits::default());
/// edge.join(Session(1), zoe.clone());
/// edge.join(Session(2), zoe.clone());
/// assert_eq!((edge.count().users, edge.count().sessions), (1, 2));
/// assert_eq!(edge.react(Time(0), &zoe.user, 3), Ok(3));
///
/// let evicted = edge.evict(&Predicate::User(zoe.user), |_| false);
/// assert_eq!(evicted, [Session(1), Session(2)]);
/// ```
#[derive(Clone, Debug)]
pub struct Edge {
    limits: RateLimits,
    // Invariant: each user is a viewer with this session among theirs.
    sessions: BTreeMap<Session, UserId>,
    // Invariant: `sessions` of each is how many sessions name them, at least one.
    viewers: BTreeMap<UserId, Viewer>,
    rates: Rates,
    hearts: u64,
    version: u64,
    // Invariant: at least the number of viewers.
    peak: u64,
}

#[derive(Clone, Debug)]
struct Viewer {
    person: Person,
    sessions: u64,
}

impl Edge {
    /// An empty audience.
    #[must_use]
    pub fn new(limits: RateLimits) -> Self {
        Self {
            limits,
            sessions: BTreeMap::new(),
            viewers: BTreeMap::new(),
            rates: Rates::default(),
            hearts: 0,
            version: 0,
            peak: 0,
        }
    }

    /// Counts a session. Whether its user may watch is for the room to say, before.
    ///
    /// A session that is here already belongs to `person` from now on.
    pub fn join(&mut self, session: Session, person: Person) {
        if self.sessions.get(&session) == Some(&person.user) {
            return;
        }
        self.leave(session);
        self.sessions.insert(session, person.user.clone());
        let new = || Viewer { person: person.clone(), sessions: 0 };
        self.viewers.entry(person.user.clone()).or_insert_with(new).sessions += 1;
        self.peak = self.peak.max(self.viewers.len() as u64);
        self.version += 1;
    }

    /// No longer counts a session; does nothing if it is not here.
    pub fn leave(&mut self, session: Session) {
        let Some(user) = self.sessions.remove(&session) else { return };
        self.version += 1;
        if let Some(viewer) = self.viewers.get_mut(&user) {
            viewer.sessions -= 1;
            if viewer.sessions == 0 {
                self.viewers.remove(&user);
            }
        }
    }

    /// Ends the sessions of everybody who matches, and returns them for the driver to close.
    ///
    /// For [`Predicate::BlockedBy`], `blocked` says of a viewer whether that person has blocked them; it is not
    /// asked otherwise.
    pub fn evict(
        &mut self,
        predicate: &Predicate,
        blocked: impl Fn(&UserId) -> bool,
    ) -> Vec<Session> {
        let matches = |user: &UserId| match predicate {
            Predicate::User(one) => one == user,
            Predicate::BlockedBy(_) => blocked(user),
        };
        let matching: Vec<&UserId> = self.viewers.keys().filter(|user| matches(user)).collect();
        let of_matching = self.sessions.iter().filter(|(_, user)| matching.contains(user));
        let evicted: Vec<Session> = of_matching.map(|(session, _)| *session).collect();
        for session in &evicted {
            self.leave(*session);
        }
        evicted
    }

    /// How large the audience is now.
    #[must_use]
    pub fn count(&self) -> Count {
        Count {
            users: self.viewers.len() as u64,
            sessions: self.sessions.len() as u64,
            version: self.version,
            peak: self.peak,
        }
    }

    /// At most `limit` viewers, in order of their identifiers.
    pub fn list(&self, limit: usize) -> impl Iterator<Item = &Person> {
        self.viewers.values().map(|viewer| &viewer.person).take(limit)
    }

    /// Whether `user` is watching here.
    #[must_use]
    pub fn contains(&self, user: &UserId) -> bool {
        self.viewers.contains_key(user)
    }

    /// Counts `hearts` from somebody, watching or seated, and returns the total so far.
    ///
    /// # Errors
    /// [`RateLimited`] if that is more than their share; none is counted.
    pub fn react(&mut self, now: Time, user: &UserId, hearts: u32) -> Result<u64, RateLimited> {
        self.rates.take_hearts(&self.limits, now, user, hearts)?;
        self.hearts += u64::from(hearts);
        Ok(self.hearts)
    }

    /// The hearts counted so far.
    #[must_use]
    pub const fn hearts(&self) -> u64 {
        self.hearts
    }

    /// Whether somebody may comment now. Ask once for each comment, before the room: asking uses it up.
    ///
    /// # Errors
    /// [`RateLimited`] if they comment too fast.
    pub fn comment(&mut self, now: Time, user: &UserId) -> Result<(), RateLimited> {
        self.rates.take_comment(&self.limits, now, user)
    }

    /// Names the first broken invariant.
    ///
    /// # Errors
    /// The invariant, as a sentence.
    #[doc(hidden)]
    pub fn check(&self) -> Result<(), &'static str> {
        for (user, viewer) in &self.viewers {
            let sessions = self.sessions.values().filter(|of| *of == user).count() as u64;
            if viewer.sessions != sessions || sessions == 0 {
                return Err("a viewer has as many sessions as name them");
            }
        }
        if self.sessions.values().any(|user| !self.viewers.contains_key(user)) {
            return Err("each session belongs to a viewer");
        }
        if self.peak < self.viewers.len() as u64 {
            return Err("the peak is never below the present");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
