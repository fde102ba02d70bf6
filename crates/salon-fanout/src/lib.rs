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
//! It never copies a payload: where the first bytes have to differ, a delivery carries them beside the shared rest
//! (`bytes::Bytes`). There is no lock in it, as everything is behind `&mut Fanout`, and the path of a packet allocates
//! nothing for a receiver, as it only adds to the caller's [`Outbox`].
//!
//! What a source sent last is kept once for all who receive it: at most 1,024 packets and 1.5 seconds, in a ring of up
//! to 88 KiB beside the payloads. A receiver costs 656 bytes and 40 for each slot that receives; 1,040 more for each
//! slot that ever wanted a packet again, and 56 for each change of source that is remembered, up to four a slot.

mod cap;
mod choice;
pub mod clock;
pub mod codec;
mod demand;
pub mod engine;
mod history;
pub mod layer;
pub mod outbox;
pub mod packet;
mod repair;
mod rewrite;
mod roster;
mod sequence;
mod serve;
pub mod sink;
mod slab;
pub mod speaker;
mod stream;
mod track;
mod wanted;

pub use codec::Codec;
pub use engine::Fanout;
pub use outbox::Outbox;
pub use packet::Packet;
pub use sink::Slot;
