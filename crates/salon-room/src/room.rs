//! The room: a value, and what can be read of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use salon_core::{Fence, RoomId, Time, UserId};
use serde::Serialize;

use crate::badge::Badges;
use crate::command::Title;
use crate::comment::Comment;
use crate::event::EndReason;
use crate::handled::Handled;
use crate::person::Person;
use crate::policy::Policy;
use crate::request::{Queue, Request};
use crate::seat::Seat;

/// One live room, for its whole life: a plain value that owns no clock, task or connection.
///
/// [`decide`](Self::decide) says what a command leads to without changing anything, [`evolve`](Self::evolve)
/// carries it out, one record at a time. Evolving an empty room by all of its records gives the same room again.
///
/// ```
/// use salon_core::{RoomId, Time, UserId};
/// use salon_room::facts::{Facts, Query};
/// use salon_room::seat::SelfMedia;
/// use salon_room::{Actor, Command, Ctx, Person, Policy, Rejection, Room};
///
/// # fn person(name: &str) -> Person {
/// #     Person { user: name.parse().unwrap(), name: salon_room::Name::parse(name).unwrap() }
/// # }
/// /// What a driver does for each command, without the log and the network.
/// fn apply(room: &mut Room, now: Time, who: &Person, command: Command) -> Result<(), Rejection> {
///     let actor = Actor::User(who.clone());
///     let mut facts = Facts::new();
///     for query in room.facts_needed(&actor, &command) {
///         match query {
///             Query::Profile(user) => facts.insert_profile(person(user.as_str())),
///             Query::Eligible(user) => facts.insert_eligible(user, true),
///             Query::Blocked { by, who } => facts.insert_blocked(&by, &who, false),
///         }
///     }
///     let decision = room.decide(&Ctx { now, actor, command: None, facts: &facts }, &command)?;
///     for record in &decision.records {
///         room.evolve(record);
///     }
///     Ok(())
/// }
///
/// let (ada, bob) = (person("ada"), person("bob"));
/// let mut room = Room::new(RoomId::from_u128(1));
/// let title = salon_room::Title::parse("Evening songs").expect("it is short");
/// apply(&mut room, Time(0), &ada, Command::CreateRoom { title, policy: Policy::default() })?;
/// apply(&mut room, Time(1), &ada, Command::GoLive)?;
///
/// let users = vec![bob.user.clone()];
/// let mode = salon_room::command::InviteMode::Atomic;
/// apply(&mut room, Time(2), &ada, Command::InviteGuests { users, mode })?;
/// let offer = room.reservation_of(&bob.user).expect("a seat is reserved").1.offer;
/// apply(&mut room, Time(3), &bob, Command::AcceptInvite { offer })?;
/// let media = SelfMedia { mic: true, cam: true };
/// apply(&mut room, Time(4), &bob, Command::ConfirmReady { media })?;
///
/// let seated: Vec<&Person> = room.occupants().map(|(_, occupant)| &occupant.person).collect();
/// assert_eq!(seated, [&ada, &bob]);
/// # Ok::<(), Rejection>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Room {
    pub(crate) id: RoomId,
    pub(crate) phase: Phase,
    pub(crate) position: Position,
    // Invariant: set from RoomCreated on.
    pub(crate) host: Option<Person>,
    pub(crate) title: Option<Title>,
    pub(crate) created_at: Option<Time>,
    pub(crate) live_since: Option<Time>,
    pub(crate) ended_at: Option<Time>,
    pub(crate) policy: Policy,
    // Invariant: as many as the policy says, in order; occupied only while live, seat 0 by the host.
    pub(crate) seats: Vec<Seat>,
    pub(crate) people: People,
    pub(crate) queue: Queue,
    // Invariant: at most `policy.comments_max`, oldest first.
    pub(crate) comments: VecDeque<Comment>,
    pub(crate) badges: Badges,
    pub(crate) handled: Handled,
}

/// Where in its life a room is. Ended is for good.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub enum Phase {
    /// Before it exists.
    New,
    /// Created; nobody is seated, nobody watches.
    Draft,
    /// The host is in seat 0, present or awaited.
    Live,
    /// Over.
    Ended(EndReason),
}

/// Where the room is in its log.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Position {
    pub(crate) fence: Fence,
    pub(crate) seq: u64,
    pub(crate) at: Time,
}

/// Those the room remembers. It does not keep the audience.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub(crate) struct People {
    // Invariant: everybody who ever sat in this room, by the name they had last.
    pub(crate) seated: BTreeMap<UserId, Person>,
    // Invariant: nobody in here holds a seat, a reservation or a request.
    pub(crate) removed: BTreeSet<UserId>,
}

impl Room {
    /// A room that does not exist yet: the start of every replay.
    #[must_use]
    pub fn new(id: RoomId) -> Self {
        Self {
            id,
            phase: Phase::New,
            position: Position { fence: Fence(1), seq: 0, at: Time(0) },
            host: None,
            title: None,
            created_at: None,
            live_since: None,
            ended_at: None,
            policy: Policy::default(),
            seats: Vec::new(),
            people: People::default(),
            queue: Queue::default(),
            comments: VecDeque::new(),
            badges: Badges::default(),
            handled: Handled::default(),
        }
    }

    /// Which room.
    #[must_use]
    pub const fn id(&self) -> RoomId {
        self.id
    }

    /// What it is called; `None` before it is created.
    #[must_use]
    pub const fn title(&self) -> Option<&Title> {
        self.title.as_ref()
    }

    /// Where in its life it is.
    #[must_use]
    pub const fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Whether it is live.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Live)
    }

    /// The present term of ownership. A new room starts with 1.
    #[must_use]
    pub const fn fence(&self) -> Fence {
        self.position.fence
    }

    /// The sequence number of the last record; 0 before the first.
    #[must_use]
    pub const fn last_seq(&self) -> u64 {
        self.position.seq
    }

    /// The time of the last record. The room's clock never goes back behind it.
    #[must_use]
    pub const fn last_at(&self) -> Time {
        self.position.at
    }

    /// When it was created.
    #[must_use]
    pub const fn created_at(&self) -> Option<Time> {
        self.created_at
    }

    /// When it went live.
    #[must_use]
    pub const fn live_since(&self) -> Option<Time> {
        self.live_since
    }

    /// When it ended.
    #[must_use]
    pub const fn ended_at(&self) -> Option<Time> {
        self.ended_at
    }

    /// The rules it keeps, as they are now.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whose room it is; `None` before it is created.
    #[must_use]
    pub const fn host(&self) -> Option<&Person> {
        self.host.as_ref()
    }

    /// Whether `user` is the host.
    #[must_use]
    pub fn is_host(&self, user: &UserId) -> bool {
        self.host.as_ref().is_some_and(|host| host.user == *user)
    }

    /// Whether `user` was sent out for the rest of this live.
    #[must_use]
    pub fn removed(&self, user: &UserId) -> bool {
        self.people.removed.contains(user)
    }

    /// The comments kept, oldest first.
    pub fn comments(&self) -> impl DoubleEndedIterator<Item = &Comment> + ExactSizeIterator {
        self.comments.iter()
    }

    /// The requests that wait, in the order the room admitted them.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        self.queue.iter()
    }

    /// The request of `user`, if one waits.
    #[must_use]
    pub fn request_of(&self, user: &UserId) -> Option<&Request> {
        self.queue.of(user)
    }

    /// Until when `user` cannot ask for a seat, if that is after `now`.
    #[must_use]
    pub fn cooldown_of(&self, user: &UserId, now: Time) -> Option<Time> {
        self.queue.cooldown(user, now)
    }
}
