//! The driver with clients of its own kind: peer connections in this process, over loopback.

#![expect(
    clippy::unwrap_used,
    reason = "the clients are test code, though not all of it is in tests"
)]

mod client;
mod forwarding;
mod layers;
mod sessions;
mod shards;
mod viewers;
