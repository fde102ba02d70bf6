//! Tests of the fan-out through its public methods.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod clock;
mod facts;
mod overflow;
mod repair;
mod stage;
mod streams;
