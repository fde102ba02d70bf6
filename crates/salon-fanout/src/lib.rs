//! The media fan-out engine: parsed packets in, rewritten RTP out.
//!
//! A [`Fanout`] is a plain value. *Sources* are tracks that somebody publishes, each in up to three *layers*: simulcast
//! encodings of one picture. *Sinks* are receivers with eight slots each, four for audio and four for video. Attach a
//! slot to a source, hand every packet of the source to [`Fanout::forward`], and send what appears in the [`Outbox`].
//! Each slot is one continuous RTP stream to its receiver, whatever it is attached to and whichever layer it is served
//! over time: sequence numbers are dense, timestamps run on, and the picture numbers of VP8 and VP9 are rewritten where
//! they have to be.
//!
//! The engine chooses the layer: the lowest live one that has as many rows as the receiver shows
//! ([`engine::Input::Tile`]), and none that the receiver's path does not carry ([`engine::Input::Reception`],
//! [`engine::Input::Backlog`]). A slot goes on receiving what it has until a keyframe of its new layer comes.
//! Publishers are told which layers anybody wants ([`engine::Output::LayersWanted`]).
//!
//! * [`engine`]: the [`Fanout`] itself, with its inputs, outputs and limits.
//! * [`layer`]: the encodings of a track.
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
//! What a layer sent last is kept once for all who receive it: at most 1,024 packets and 1.5 seconds, in a ring of up
//! to 88 KiB beside the payloads. A receiver costs 888 bytes, 40 for each slot that receives, and 8 while one waits for
//! a keyframe; 1,040 more for each slot that ever wanted a packet again, and 56 for each change of source or layer that
//! is remembered, up to four a slot.

mod cap;
mod check;
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
