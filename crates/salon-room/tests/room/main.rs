//! The room through its public interface: scripts of what people do, and random ones.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod badges;
mod invites;
mod life;
mod links;
mod random;
mod records;
mod requests;
mod script;
mod seats;
mod tables;
mod world;
