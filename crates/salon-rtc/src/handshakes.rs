//! Handshakes of viewers take turns, so that nobody who watches waits for those who come.
//!
//! A handshake costs about a millisecond of a core, in two or three datagrams; five hundred viewers may come in one
//! second. Their datagrams wait here, and go on a turn at a time, with a rest between turns.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::socket::Arrival;
use crate::table::Key;

/// Datagrams of handshakes that wait, oldest first. One too many is dropped: DTLS sends it again (RFC 6347, 4.2.4).
#[derive(Debug)]
pub(crate) struct Handshakes {
    waiting: VecDeque<Waiting>,
    /// When the next turn may begin.
    turn_at: Instant,
}

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
    const TURN: Duration = Duration::from_millis(1);
    /// How long others have at least between two turns: a third of the thread shakes hands, some 500 times a second.
    /// A guess: who joins in a crowd waits longer than who watches it.
    const REST: Duration = Duration::from_millis(2);
    /// How many datagrams wait at most: a second's work.
    const WAITING_MAX: usize = 2_048;
    /// How many of them may be of one session: a flight of a handshake is up to six (RFC 6347, 4.2.4).
    pub(crate) const EACH_MAX: u8 = 8;

    pub(crate) const fn new(now: Instant) -> Self {
        Self { waiting: VecDeque::new(), turn_at: now }
    }

    /// When the next turn begins, if anybody waits for it.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        (!self.waiting.is_empty()).then_some(self.turn_at)
    }

    /// Ends a turn that began at `began`, if it has lasted long enough or nobody waits.
    #[must_use]
    pub(crate) fn is_turn_over(&mut self, began: Instant, now: Instant) -> bool {
        let is_over = self.waiting.is_empty() || now.saturating_duration_since(began) >= Self::TURN;
        if is_over {
            self.turn_at = now + Self::REST;
        }
        is_over
    }

    /// Puts a datagram last. False if too many wait.
    #[must_use]
    pub(crate) fn put_off(&mut self, key: Key, arrival: &Arrival<'_>) -> bool {
        if self.waiting.len() >= Self::WAITING_MAX {
            return false;
        }
        let Arrival { source, target, bytes } = *arrival;
        self.waiting.push_back(Waiting { key, source, target, bytes: bytes.into() });
        true
    }

    /// The one that has waited longest.
    pub(crate) fn next(&mut self) -> Option<(Key, Waiting)> {
        self.waiting.pop_front().map(|waiting| (waiting.key, waiting))
    }
}

impl Waiting {
    pub(crate) fn arrival(&self) -> Arrival<'_> {
        Arrival { source: self.source, target: self.target, bytes: &self.bytes }
    }
}
