//! The seams to many machines, each with its in-process implementation.
//!
//! * [`Directory`]: which node owns a room, under which [`Fence`](salon_core::Fence).
//! * [`CommandBus`]: hands a command to the room's owner, wherever it runs, and brings the answer back.
//!
//! An engine that spans machines implements these traits in a crate of its own; none of its types
//! appears in a signature here. The in-process implementations are the default and need no server.

pub mod bus;
pub mod directory;

pub use bus::{CommandBus, LocalBus};
pub use directory::{Directory, LocalDirectory};
