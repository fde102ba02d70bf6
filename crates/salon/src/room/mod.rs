//! One live room as it runs: its single writer, its streams and its sessions.
//!
//! [`actor::Actor`] owns the room's value and everything that belongs to it. Commands come to it
//! over the bus ([`call`]), connections through a [`place::Place`].

pub(crate) mod actor;
pub(crate) mod call;
mod connection;
mod decision;
mod effects;
pub(crate) mod grant;
pub(crate) mod hub;
mod pending;
pub(crate) mod place;
mod streams;
pub(crate) mod summary;
pub(crate) mod tally;
mod turn;
