//! The service as its clients meet it: real sockets, real SQLite, every frame through the reducer.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod badges;
mod client;
mod media;
mod refusals;
mod resumption;
mod seats;
mod world;
