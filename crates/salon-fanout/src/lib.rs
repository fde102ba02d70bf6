//! The media fan-out engine: parsed packets in, rewritten RTP out.
//!
//! A [`Fanout`] is a plain value. *Sources* are tracks that somebody publishes; *sinks* are receivers with
//! eight slots each, four for audio and four for video. Attach a slot to a source, hand every packet of the
//! source to [`Fanout::forward`], and send what appears in the [`Outbox`]. Each slot is one continuous RTP
//! stream to its receiver, whatever it is attached to over time: sequence numbers are dense, timestamps run
//! on, and VP8 picture numbers are rewritten where they have to be.
//!
//! * [`engine`]: the [`Fanout`] itself, with its inputs, outputs and limits.
//! * [`packet`]: one RTP packet, parsed once.
//! * [`codec`]: what the fan-out reads of each codec.
//! * [`clock`]: when media was captured.
//! * [`sink`]: who receives, and in which slot.
//! * [`outbox`]: what to send.
//! * [`speaker`]: who is speaking.
//!
//! It never copies a payload: where the first bytes have to differ, a delivery carries them beside the shared rest.

pub mod clock;
pub mod codec;
mod demand;
pub mod engine;
mod history;
pub mod outbox;
pub mod packet;
mod repair;
mod rewrite;
mod roster;
mod sequence;
pub mod sink;
mod slab;
mod source;
pub mod speaker;

pub use codec::Codec;
pub use engine::Fanout;
pub use outbox::Outbox;
pub use packet::Packet;
pub use sink::Slot;
