//! The model of a live room: who may do what, and what follows from it.
//!
//! A host goes live with up to three guests, an audience watches, comments, asks for a seat and buys badges. This
//! crate is the value in the middle of that: no clock, no socket, no task, no random number. Time, facts about
//! people and identifiers are arguments, so a room runs anywhere and replays exactly.
//!
//! # One turn of a room
//!
//! 1. [`Room::facts_needed`] lists what a command needs to know about people: blocks, eligibility, names. The
//!    driver finds out; what it cannot find out counts as the answer that refuses ([`facts`]).
//! 2. [`Room::decide`] gives a [`Decision`] or a [`Rejection`]. It changes nothing, so a rejected command leaves
//!    no trace. A decision without records was accepted and had nothing to do.
//! 3. [`Room::evolve`] applies each [`Record`], which cannot fail. The driver appends them to a [`log::Log`] and
//!    carries out the [`effect`]s: it revokes and evicts at once, and does the rest once the records are durable.
//! 4. [`Room::next_timer`] says when to wake the room next, with [`Command::TimerFired`].
//!
//! One process at a time owns a room and decides for it, and its term has a number, the fence. That makes the seat
//! limit exact: [`Command::Takeover`] starts a new term, and whatever was granted under the old one is void.
//!
//! # Rules worth knowing
//!
//! * An invitation reserves its seat, so a late acceptance can never over-fill the room. Seats occupied and
//!   reserved are never more than the policy's.
//! * At `until` something has expired: the boundary belongs to the end.
//! * Identifiers of offers, requests, comments and stints are the sequence numbers of the records that made them:
//!   unique in the room, growing, and never used again.
//! * Who releases a seat revokes its grant in the same decision. Who takes one evicts, in the same decision, the
//!   viewers that person has blocked.
//! * A badge is credited to the person it was begun for, also if they leave, also after the room has ended.
//! * Blocked, private, unknown and removed look the same from outside: [`Rejection::NotAvailable`].
//!
//! The room does not keep the audience: [`audience::Edge`] does, one for each place that serves viewers.
//!
//! [`Room`] has an example.

pub mod audience;
pub mod badge;
pub mod command;
pub mod comment;
pub mod decide;
pub mod effect;
pub mod event;
pub mod facts;
pub mod handled;
pub mod log;
pub mod person;
pub mod policy;
pub mod rejection;
pub mod request;
pub mod room;
pub mod seat;
pub mod timer;

mod check;
mod evolve;
mod stage;

pub use command::{Command, CommandId, Title};
pub use decide::{Ctx, Decision};
pub use effect::{Effect, KeyedEffect};
pub use event::{Event, Record};
pub use person::{Actor, Name, Person};
pub use policy::Policy;
pub use rejection::Rejection;
pub use room::{Phase, Room};
