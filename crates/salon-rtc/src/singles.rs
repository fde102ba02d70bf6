//! Datagrams that go alone, each to another viewer, many in one system call (sendmmsg).
//!
//! What a viewer gets at once goes as a run ([`Run`](crate::egress::Run)), one call for each viewer. Where that is one
//! datagram, a call for it alone costs half as much again as its share of a call for many (measured at 1,000 viewers).

use std::io;
use std::net::SocketAddr;
use std::ops::Range;

/// How many go in one call. More brings nothing (measured by others at 8 to 64).
const SINGLES_MAX: usize = 64;
/// The longest datagram that waits here: what fits a path of 1,500 bytes.
const BYTES_MAX: usize = 1_500;

/// Datagrams that wait to be sent together. Reused: putting one in allocates nothing.
#[derive(Debug)]
pub(crate) struct Singles {
    bytes: Box<[u8]>,
    // Invariant: at most SINGLES_MAX; the ranges are of `bytes`, one behind the other.
    waiting: Vec<Single>,
}

/// One that waits.
#[derive(Clone, Debug)]
struct Single {
    destination: SocketAddr,
    range: Range<usize>,
}

impl Singles {
    pub(crate) fn new() -> Self {
        let bytes = vec![0; SINGLES_MAX * BYTES_MAX].into_boxed_slice();
        Self { bytes, waiting: Vec::with_capacity(SINGLES_MAX) }
    }

    /// Puts a datagram last. False if it does not fit: send what waits, or it alone.
    #[must_use]
    pub(crate) fn push(&mut self, destination: SocketAddr, datagram: &[u8]) -> bool {
        let start = self.waiting.last().map_or(0, |last| last.range.end);
        let range = start..start + datagram.len();
        if self.waiting.len() == SINGLES_MAX || datagram.len() > BYTES_MAX {
            return false;
        }
        self.bytes[range.clone()].copy_from_slice(datagram);
        self.waiting.push(Single { destination, range });
        true
    }

    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() == SINGLES_MAX
    }

    pub(crate) const fn len(&self) -> usize {
        self.waiting.len()
    }

    /// A datagram that waits, by number.
    pub(crate) fn get(&self, number: usize) -> Option<(SocketAddr, &[u8])> {
        let single = self.waiting.get(number)?;
        Some((single.destination, &self.bytes[single.range.clone()]))
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Hands those from `first` on to the kernel, and returns how many it took: at least one.
    ///
    /// # Errors
    /// What is wrong with the first of them; nothing was sent.
    #[cfg(target_os = "linux")]
    pub(crate) fn send(&self, socket: &tokio::net::UdpSocket, first: usize) -> io::Result<usize> {
        use std::array::from_fn;
        use std::io::IoSlice;

        use rustix::net::addr::SocketAddrArg as _;
        use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, sendmmsg};

        let singles = &self.waiting[first..];
        let Some(any) = singles.first() else { return Ok(0) };
        let single = |number: usize| singles.get(number).unwrap_or(any);
        let addresses: [_; SINGLES_MAX] = from_fn(|number| single(number).destination.as_any());
        let slices: [_; SINGLES_MAX] =
            from_fn(|number| [IoSlice::new(&self.bytes[single(number).range.clone()])]);
        let mut nothing: [_; SINGLES_MAX] = from_fn(|_| SendAncillaryBuffer::default());
        let mut nothing = nothing.iter_mut();
        let mut messages: [_; SINGLES_MAX] = from_fn(|number| {
            let nothing = nothing.next().expect("there is one for each");
            MMsgHdr::new_with_addr(&addresses[number], &slices[number], nothing)
        });
        Ok(sendmmsg(socket, &mut messages[..singles.len()], SendFlags::empty())?)
    }

    /// The same where there is no such call: one at a time.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn send(&self, socket: &tokio::net::UdpSocket, first: usize) -> io::Result<usize> {
        let Some((destination, datagram)) = self.get(first) else { return Ok(0) };
        socket.try_send_to(datagram, destination).map(|_| 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_arrives_where_it_is_to() {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let peers: Vec<_> =
            (0..3).map(|_| std::net::UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        let mut singles = Singles::new();
        socket.writable().await.unwrap();
        for (number, peer) in (0..SINGLES_MAX).zip(peers.iter().cycle()) {
            assert!(singles.push(peer.local_addr().unwrap(), &[number as u8; 9]));
        }
        assert!(singles.is_full() && !singles.push(peers[0].local_addr().unwrap(), b"more"));
        let mut sent = 0;
        while sent < singles.len() {
            sent += singles.send(&socket, sent).unwrap();
        }
        let mut buffer = [0; 16];
        for (number, peer) in (0..SINGLES_MAX).zip(peers.iter().cycle()) {
            let length = peer.recv(&mut buffer).unwrap();
            assert_eq!(buffer[..length], [number as u8; 9]);
        }
        singles.clear();
        assert!(singles.get(0).is_none() && singles.send(&socket, 0).unwrap() == 0);
        assert!(!singles.push(socket.local_addr().unwrap(), &[0; BYTES_MAX + 1]));
    }
}
