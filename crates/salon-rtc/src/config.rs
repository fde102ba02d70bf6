//! What the embedder decides: addresses and bounds.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU8;
use std::time::Duration;

/// Where to listen and how much to accept.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// The UDP address for media, of the first shard; each further one takes the next port. Port 0 takes any free
    /// ports; the default is `0.0.0.0:0`.
    pub udp: SocketAddr,
    /// How many shards serve: each a thread of its own with a port of its own, and any viewer of any stage. One, the
    /// default, needs one open port; one for each core serves the most.
    pub shards: NonZeroU8,
    /// The addresses clients are told to send to, instead of those of this machine's interfaces.
    ///
    /// Needed behind a NAT that forwards the port unchanged. Empty, the default, means: every
    /// address of the machine when `udp` is unspecified (loopback included, link-local IPv6 not),
    /// else the address of `udp`.
    pub public_ips: Vec<IpAddr>,
    /// How many sessions exist at once, publishers and viewers of all shards together; one more is
    /// [`OfferError::Full`](crate::OfferError::Full). 2,000 is a guess at what two cores serve.
    pub sessions_max: usize,
    /// How long a session may take from its offer to its first connection. 15 s: a browser gives
    /// up on its own checks after about that long.
    pub handshake_max: Duration,
    /// What happens when the operating system takes no more datagrams for the moment.
    pub congestion: Congestion,
    /// How long packets for viewers may wait for more although nothing else is to be done: zero sends at once, a frame
    /// then costs more system calls. A picture's last packet ends the wait, so it is sound that waits. Zero: with many
    /// viewers, packets that come in while others go out form batches by themselves.
    pub coalescing_max: Duration,
    /// What viewers are asked to tell about how packets arrive. Default [`Feedback::Reports`].
    pub feedback: Feedback,
}

/// What viewers are asked to tell about how packets arrive.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Feedback {
    /// Receiver reports (RFC 3550, 6.4.2): about once a second, what is lost and the round trip time.
    #[default]
    Reports,
    /// These, and from those who offer it transport-wide feedback: some ten to twenty times a second, when which packet
    /// came. It costs four to eight bytes of every packet and the reading of as many datagrams, and so far it is only
    /// counted (see [`Statistics`](crate::Statistics)): nothing is estimated from it.
    TransportWide,
}

/// What happens when the operating system takes no more datagrams for the moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Congestion {
    /// Wait until it does, for `wait_max` in each batch of packets at most; after that, what it does not take is dropped
    /// and counted, and viewers ask for it again. Zero drops at once.
    WaitThenDrop {
        /// The longest that everything else waits too.
        wait_max: Duration,
    },
}

impl Default for Congestion {
    /// 2 ms: a frame to a hundred viewers at 1 Gbit/s needs as long as that, and nobody sees it.
    fn default() -> Self {
        Self::WaitThenDrop { wait_max: Duration::from_millis(2) }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            udp: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            shards: NonZeroU8::MIN,
            public_ips: Vec::new(),
            sessions_max: 2_000,
            handshake_max: Duration::from_secs(15),
            congestion: Congestion::default(),
            coalescing_max: Duration::ZERO,
            feedback: Feedback::default(),
        }
    }
}

/// Why the media socket could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The operating system refused the address.
    #[error("UDP address {address} is not available: {source}")]
    Address {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The shards' ports would go beyond the last one there is.
    #[error("{shards} shards do not fit above UDP port {first}")]
    Ports {
        /// The port of the first shard.
        first: u16,
        /// How many there should be.
        shards: NonZeroU8,
    },
    /// The machine's own addresses could not be listed.
    #[error("network interfaces cannot be listed: {0}")]
    Interfaces(io::Error),
    /// No address is left to tell clients.
    #[error("no usable address for {0} to tell clients")]
    NoCandidate(SocketAddr),
    /// A public address is none that anything can be sent to.
    #[error("nothing can be sent to public address {0}")]
    PublicAddress(IpAddr),
    /// The DTLS certificate could not be made.
    #[error("no DTLS certificate can be made")]
    Certificate,
}
