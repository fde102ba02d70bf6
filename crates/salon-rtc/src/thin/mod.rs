//! The leg of one viewer: receive-only for it, send-only for us, and nothing else.
//!
//! A viewer offers to receive, we answer (WHEP), and from then on there is one transport (ICE-lite, DTLS 1.2 as the
//! server, SRTP) and up to eight streams, each with its SSRC for good. Everything that a general peer connection keeps
//! for sending, receiving and negotiating more is left out: the leg is the handshake, two keys and a few numbers per
//! stream, and sealing a packet writes it from the shared payload straight into the buffer that is sent.
//!
//! * [`offer`] and [`answer`]: SDP, of one fixed shape.
//! * [`handshake`]: ICE and DTLS, up to the keys, and who the peer is.
//! * [`srtp`]: sealing and opening.
//! * [`rtcp`]: reports out, wishes in.
//! * [`stream`]: the numbers of one slot.
//! * [`transport`]: the numbers of all slots together, and what the viewer says of them.

mod answer;
mod fingerprint;
mod handshake;
mod leg;
mod offer;
pub(crate) mod rtcp;
mod srtp;
mod stream;
mod transport;

pub(crate) use handshake::{End, Factory, Message, Route};
pub(crate) use leg::{HEAD_BYTES_MAX, Input, Leg, Notice, PADDING_BYTES_MAX};
#[cfg(test)]
pub(crate) use srtp::{MasterKeys, Opener, Profile, Sealer};
pub(crate) use stream::Fields;
pub(crate) use transport::Arrivals;
