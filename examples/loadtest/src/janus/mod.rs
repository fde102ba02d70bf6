//! Janus and its videoroom plugin: a server to compare with, that has a way of its own to publish and to watch.
//!
//! * [`server`]: a Janus of this program's own.
//! * [`api`]: its WebSocket API; [`room`]: what is asked of it.

mod api;
pub(crate) mod room;
mod server;

pub(crate) use server::Janus;
