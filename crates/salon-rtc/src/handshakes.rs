//! Handshakes of viewers take turns, so that nobody who watches waits for those who come.
//!
//! A handshake costs about a millisecond of a core, in two or three datagrams; five hundred viewers may come in one
//! second. Their datagrams wait here while there is anything else to do, and go on a turn at a time.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use crate::socket::Arrival;
use crate::table::Key;

/// Datagrams of handshakes that wait, oldest first. One too many is dropped: DTLS sends it again (RFC 6347, 4.2.4).
#[derive(Debug, Default)]
pub(crate) struct Handshakes(VecDeque<Waiting>);

/// A datagram that waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    key: Key,
    source: SocketAddr,
    target: SocketAddr,
    bytes: Box<[u8]>,
}

impl Handshakes {
    /// How long a turn lasts, give or take a datagram: what a packet may have to wait.
    pub(crate) const TURN: Duration = Duration::from_millis(1);
    /// How many datagrams wait at most: a second's work.
    const WAITING_MAX: usize = 2_048;
    /// How many of them may be of one session: a flight of a handshake is up to six (RFC 6347, 4.2.4).
    pub(crate) const EACH_MAX: u8 = 8;

    /// Puts a datagram last. False if too many wait.
    #[must_use]
    pub(crate) fn put_off(&mut self, key: Key, arrival: &Arrival<'_>) -> bool {
        if self.0.len() >= Self::WAITING_MAX {
            return false;
        }
        let Arrival { source, target, bytes } = *arrival;
        self.0.push_back(Waiting { key, source, target, bytes: bytes.into() });
        true
    }

    /// The one that has waited longest.
    pub(crate) fn next(&mut self) -> Option<(Key, Waiting)> {
        self.0.pop_front().map(|waiting| (waiting.key, waiting))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Waiting {
    pub(crate) fn arrival(&self) -> Arrival<'_> {
        Arrival { source: self.source, target: self.target, bytes: &self.bytes }
    }
}
