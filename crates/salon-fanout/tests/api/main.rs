//! Tests of the fan-out through its public methods.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod clock;
mod facts;
mod layers;
mod overflow;
mod repair;
mod simulcast;
mod stage;
mod streams;
