//! What reads bytes of strangers in here, for the fuzz targets of `fuzz/`, which know nothing else of it.
//!
//! Only there when built for fuzzing, and no part of the interface: nothing is decided here.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use crate::config::{self, BindError};
use crate::media::OfferError;
use crate::peer::Factory;
use crate::sdp::{self, Direction};
use crate::stun;
use crate::thin::Arrivals;
use crate::thin::rtcp::{self, Feedback};

/// Whom a datagram names, if it is a binding request.
#[must_use]
pub fn binding_request_for(datagram: &[u8]) -> Option<&str> {
    stun::binding_request_for(datagram)
}

/// What a viewer's control packet says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Said {
    /// How a stream arrives.
    Reception {
        /// Which stream.
        ssrc: u32,
        /// The fraction lost, in 256ths.
        lost: u8,
        /// The round trip time that follows from it.
        rtt: Option<Duration>,
    },
    /// Packets of a stream are missing.
    Lost {
        /// Which stream.
        ssrc: u32,
        /// Their numbers.
        sequences: Vec<u16>,
    },
    /// The picture of a stream cannot be decoded.
    KeyframeWanted {
        /// Which stream.
        ssrc: u32,
    },
    /// What arrived of everything that was sent, and what did not.
    Arrivals {
        /// How many packets arrived.
        received: u64,
        /// How many did not.
        lost: u64,
    },
}

/// Reads control packets as a viewer's leg does, at this NTP time.
///
/// # Errors
/// Why they are malformed; what came before that has been seen.
pub fn read_control(bytes: &[u8], ntp: u64, mut see: impl FnMut(Said)) -> Result<(), String> {
    let result = rtcp::read(bytes, |feedback| {
        see(match feedback {
            Feedback::Reception(block) => {
                Said::Reception { ssrc: block.ssrc, lost: block.lost, rtt: block.rtt(ntp) }
            }
            Feedback::Lost { ssrc, packets } => {
                Said::Lost { ssrc, sequences: packets.sequences().collect() }
            }
            Feedback::KeyframeWanted { ssrc } => Said::KeyframeWanted { ssrc },
            Feedback::Arrivals(Arrivals { received, lost }) => Said::Arrivals { received, lost },
        });
    });
    result.map_err(|malformed| malformed.to_string())
}

/// A publisher's offer made ready to be accepted, and the names of its sections that carry media.
///
/// # Errors
/// Why it is refused.
pub fn prepare_publish(offer: &str) -> Result<(String, Vec<String>), OfferError> {
    prepare(offer, Direction::In)
}

/// A viewer's offer made ready to be accepted, and the names of its sections that carry media.
///
/// # Errors
/// Why it is refused.
pub fn prepare_watch(offer: &str) -> Result<(String, Vec<String>), OfferError> {
    prepare(offer, Direction::Out)
}

fn prepare(offer: &str, direction: Direction) -> Result<(String, Vec<String>), OfferError> {
    let offer = sdp::prepare_offer(offer, direction)?;
    Ok((offer.text, offer.sections.into_iter().map(|section| section.mid).collect()))
}

/// Accepts offers as a shard does, each into a session that is dropped at once.
#[expect(missing_debug_implementations, reason = "it holds a private key")]
pub struct Answerer(Factory);

impl Answerer {
    /// Makes the certificate.
    ///
    /// # Errors
    /// If that is impossible.
    pub fn new() -> Result<Self, BindError> {
        Factory::new(config::Feedback::TransportWide).map(Self)
    }

    /// The answer to a publisher.
    ///
    /// # Errors
    /// Why its offer is refused.
    pub fn publish(&self, offer: &str) -> Result<String, OfferError> {
        let offer = sdp::prepare_offer(offer, Direction::In)?;
        let (_peer, answer) = self.0.accept_seat(Instant::now(), &offer, &[address()])?;
        Ok(answer)
    }

    /// The answer to a viewer.
    ///
    /// # Errors
    /// Why its offer is refused.
    pub fn watch(&self, offer: &str) -> Result<String, OfferError> {
        let offer = sdp::prepare_offer(offer, Direction::Out)?;
        let (_leg, _fragment, answer) =
            self.0.accept_viewer(Instant::now(), &offer, &[address()])?;
        Ok(answer)
    }
}

/// Any address: nothing is sent.
const fn address() -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 4_000)
}
