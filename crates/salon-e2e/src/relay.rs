//! A path to the server's media port that loses packets on their way to the viewer.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;

use crate::server::Server;

/// How many addresses may talk through one relay: a browser tries one for each of its own. Others are not heard.
const CLIENTS_MAX: usize = 16;
/// How many streams are told apart: the eight of a viewer, their repairs, and as many again. Others lose nothing.
const STREAMS_MAX: usize = 32;
/// How soon the relay notices that it shall end.
const TICK: Duration = Duration::from_millis(50);
/// No datagram on the loopback is longer.
const DATAGRAM_BYTES_MAX: usize = 65_536;

/// What gets lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Loss {
    /// Nothing.
    None,
    /// Of every stream, one packet of each so many in a row; which one is drawn. So a short test with few packets
    /// loses its share too, and a stream of repairs never loses two of them in a row of few.
    OneIn(NonZeroU32),
}

impl Loss {
    /// 2 %: what a bad mobile connection loses.
    pub const TWO_PERCENT: Self = Self::OneIn(NonZeroU32::new(50).expect("50 is not zero"));
}

/// What became of one stream, by its SSRC.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Count {
    /// Packets handed on.
    pub passed: u64,
    /// Packets lost on purpose.
    pub dropped: u64,
}

/// A running relay. Ends when dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    target: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    ended: AtomicBool,
    media: Mutex<Media>,
}

#[derive(Debug)]
struct Media {
    loss: Loss,
    random: u64,
    streams: BTreeMap<u32, Stream>,
}

#[derive(Debug, Default)]
struct Stream {
    count: Count,
    /// Packets since the row began, and which of the row is lost.
    position: u32,
    drawn: u32,
}

impl Relay {
    /// Starts a relay to the server's media port that loses nothing yet. `seed` decides which packets it will lose.
    ///
    /// # Errors
    /// The system has no port left.
    pub fn start(server: &Server, seed: u64) -> Result<Self> {
        Self::to(server.media_address(), seed)
    }

    fn to(target: SocketAddr, seed: u64) -> Result<Self> {
        let front = Arc::new(socket()?);
        let address = front.local_addr()?;
        let media = Media { loss: Loss::None, random: seed, streams: BTreeMap::new() };
        let shared = Arc::new(Shared { ended: AtomicBool::new(false), media: Mutex::new(media) });
        let thread = {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || forward(&front, target, &shared))
        };
        Ok(Self { address, target, shared, thread: Some(thread) })
    }

    /// Where it takes the datagrams of clients.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it hands them on.
    #[must_use]
    pub fn target(&self) -> SocketAddr {
        self.target
    }

    /// Loses this much from now on.
    pub fn lose(&self, loss: Loss) {
        self.shared.media().loss = loss;
    }

    /// What became of every stream so far, by SSRC.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<u32, Count> {
        self.shared.media().streams.iter().map(|(ssrc, stream)| (*ssrc, stream.count)).collect()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn media(&self) -> MutexGuard<'_, Media> {
        self.media.lock().expect("nobody panics while counting")
    }
}

impl Media {
    /// Whether this datagram is to be handed on.
    fn passes(&mut self, datagram: &[u8]) -> bool {
        let Some(ssrc) = media_ssrc(datagram) else { return true };
        if self.streams.len() == STREAMS_MAX && !self.streams.contains_key(&ssrc) {
            return true;
        }
        let stream = self.streams.entry(ssrc).or_default();
        let lost = match self.loss {
            Loss::None => false,
            Loss::OneIn(row) => {
                if stream.position == 0 {
                    stream.drawn = draw(&mut self.random, row);
                }
                let lost = stream.position == stream.drawn;
                stream.position = (stream.position + 1) % row;
                lost
            }
        };
        if lost {
            stream.count.dropped += 1;
        } else {
            stream.count.passed += 1;
        }
        !lost
    }
}

/// Hands on what clients send, each from a socket of its own, so that answers find their way back.
fn forward(front: &Arc<UdpSocket>, target: SocketAddr, shared: &Arc<Shared>) {
    let mut backs = BTreeMap::<SocketAddr, Arc<UdpSocket>>::new();
    let mut threads = Vec::new();
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    while !shared.ended.load(Ordering::Relaxed) {
        let Ok((length, client)) = front.recv_from(&mut buffer) else { continue };
        if !backs.contains_key(&client) && backs.len() < CLIENTS_MAX {
            let Ok(back) = connected(target) else { continue };
            backs.insert(client, Arc::clone(&back));
            let (front, shared) = (Arc::clone(front), Arc::clone(shared));
            threads.push(std::thread::spawn(move || give_back(&back, &front, client, &shared)));
        }
        if let Some(back) = backs.get(&client) {
            // What the system does not take is lost, as on any path.
            let _ = back.send(&buffer[..length]);
        }
    }
    for thread in threads {
        // A thread that panicked has said so.
        let _ = thread.join();
    }
}

/// Hands on what the server answers to one client, less what is to be lost.
fn give_back(back: &UdpSocket, front: &UdpSocket, client: SocketAddr, shared: &Shared) {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    while !shared.ended.load(Ordering::Relaxed) {
        // Nothing for a while, or a server that is not there: both pass.
        let Ok(length) = back.recv(&mut buffer) else { continue };
        if shared.media().passes(&buffer[..length]) {
            let _ = front.send_to(&buffer[..length], client);
        }
    }
}

fn connected(target: SocketAddr) -> io::Result<Arc<UdpSocket>> {
    let back = socket()?;
    back.connect(target)?;
    Ok(Arc::new(back))
}

fn socket() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(TICK))?;
    Ok(socket)
}

/// The SSRC of a datagram that is SRTP, not SRTCP, STUN or DTLS.
fn media_ssrc(datagram: &[u8]) -> Option<u32> {
    let [first, second, ..] = *datagram else { return None };
    // RFC 7983, 7: the first byte tells SRTP and SRTCP from all else; RFC 5761, 4: the second tells them apart.
    let is_media = (128..192).contains(&first) && !(192..224).contains(&second);
    let ssrc = datagram.get(8..12)?.try_into().ok()?;
    is_media.then(|| u32::from_be_bytes(ssrc))
}

/// A number below `row`, by splitmix64.
fn draw(random: &mut u64, row: NonZeroU32) -> u32 {
    *random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *random;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    u32::try_from(mixed % u64::from(row.get())).expect("a remainder of a u32 is one")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(first: u8, second: u8) -> [u8; 12] {
        [first, second, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]
    }

    #[test]
    fn only_media_is_lost_and_of_each_row_one_packet() {
        let loss = Loss::TWO_PERCENT;
        let mut media = Media { loss, random: 1, streams: BTreeMap::new() };
        for _ in 0..1_000 {
            media.passes(&packet(0x80, 96));
            media.passes(&packet(0x90, 0x80 | 111));
            for other in [packet(0x81, 201), packet(0x81, 206), packet(22, 254), packet(0, 1)] {
                assert!(media.passes(&other));
            }
        }
        assert_eq!(media.streams[&7].count, Count { passed: 1_960, dropped: 40 });
        media.loss = Loss::None;
        assert!((0..1_000).all(|_| media.passes(&packet(0x80, 96))));
    }

    #[test]
    fn datagrams_find_their_way_there_and_back() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let relay = Relay::to(server.local_addr().unwrap(), 1).unwrap();
        let clients = [1, 2].map(|id: u8| {
            let client = UdpSocket::bind("127.0.0.1:0").unwrap();
            client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            client.send_to(&[id], relay.address()).unwrap();
            client
        });
        server.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        for _ in &clients {
            let mut buffer = [0; 4];
            let (length, from) = server.recv_from(&mut buffer).unwrap();
            server.send_to(&[buffer[0] * 10], from).unwrap();
            assert_eq!(length, 1);
        }
        for (client, expected) in clients.iter().zip([10, 20]) {
            let mut buffer = [0; 4];
            assert_eq!(client.recv(&mut buffer).unwrap(), 1);
            assert_eq!(buffer[0], expected);
        }
    }
}
