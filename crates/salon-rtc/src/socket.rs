//! The one UDP socket: batches in, runs of datagrams out, and which of our addresses was meant.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use str0m::Candidate;
use tokio::io::Interest;

use crate::config::{BindError, Config, Congestion};
use crate::shard::Shard;
use crate::singles::Singles;
use crate::statistics::Counters;

/// How many buffers one system call may fill. With generic receive offload each may hold several
/// datagrams, so this bounds the time between two looks at the clock. A guess.
const BATCH: usize = 8;
/// The largest datagram; a buffer must hold it, or as many smaller ones as the kernel joins.
const BUFFER_BYTES: usize = 64 * 1024;
/// Asked of the kernel for either direction, which may give less: 4 MiB is 100 ms at 300 Mbit/s.
const KERNEL_BUFFER_BYTES: usize = 4 * 1024 * 1024;
/// How many addresses an answer lists at most. More would only slow the peer's checks.
const CANDIDATES_MAX: usize = 8;

/// A bound socket, not yet known to a runtime.
#[derive(Debug)]
pub(crate) struct Bound {
    socket: std::net::UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
    candidates: Vec<SocketAddr>,
    is_translated: bool,
    congestion: Congestion,
}

impl Bound {
    /// Binds the address of a shard: the configured port and those that follow it, or any free ones.
    pub(crate) fn bind(config: &Config, shard: Shard) -> Result<Self, BindError> {
        let mut address = config.udp;
        if address.port() != 0 {
            let port = address.port().checked_add(shard.0.into());
            address.set_port(
                port.ok_or(BindError::Ports { first: config.udp.port(), shards: config.shards })?,
            );
        }
        let refused = |source| BindError::Address { address, source };
        let socket = std::net::UdpSocket::bind(address).map_err(refused)?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket)).map_err(refused)?;
        let local = socket.local_addr().map_err(refused)?;
        for result in [
            state.set_recv_buffer_size(UdpSockRef::from(&socket), KERNEL_BUFFER_BYTES),
            state.set_send_buffer_size(UdpSockRef::from(&socket), KERNEL_BUFFER_BYTES),
        ] {
            if let Err(error) = result {
                tracing::debug!(%error, "socket buffers keep their size");
            }
        }
        if let Some(ip) = config.public_ips.iter().find(|ip| !is_reachable(**ip)) {
            return Err(BindError::PublicAddress(*ip));
        }
        let is_translated = !config.public_ips.is_empty();
        let ips = if is_translated {
            config.public_ips.clone()
        } else if local.ip().is_unspecified() {
            let is_dual = local.is_ipv6();
            let mut ips = interface_ips().map_err(BindError::Interfaces)?;
            ips.retain(|ip| is_dual || ip.is_ipv4());
            ips
        } else {
            vec![local.ip()]
        };
        let candidates: Vec<_> =
            ips.into_iter().take(CANDIDATES_MAX).map(|ip| (ip, local.port()).into()).collect();
        if candidates.is_empty() {
            return Err(BindError::NoCandidate(local));
        }
        let congestion = config.congestion;
        Ok(Self { socket, state, local, candidates, is_translated, congestion })
    }

    pub(crate) const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Hands the socket to the current runtime.
    pub(crate) fn register(self, counters: Arc<Counters>) -> io::Result<Socket> {
        let Self { socket, state, local, candidates, is_translated, congestion } = self;
        let io = tokio::net::UdpSocket::from_std(socket)?;
        let segmentation = Segmentation::new(state.max_gso_segments());
        let (singles, waited) = (Singles::new(), Duration::ZERO);
        let egress = Egress { segmentation, singles, congestion, waited };
        Ok(Socket { io, state, local, candidates, is_translated, egress, counters })
    }
}

/// The socket at work.
#[derive(Debug)]
pub(crate) struct Socket {
    io: tokio::net::UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
    // Invariant: not empty.
    candidates: Vec<SocketAddr>,
    /// Peers see us under other addresses than the kernel does.
    is_translated: bool,
    egress: Egress,
    counters: Arc<Counters>,
}

/// What has been learnt about sending.
#[derive(Debug)]
struct Egress {
    segmentation: Segmentation,
    /// What waits for others to share a call with.
    singles: Singles,
    congestion: Congestion,
    /// How long this batch has waited for room in the kernel's buffer.
    waited: Duration,
}

impl Socket {
    /// The addresses that answers list.
    pub(crate) fn candidates(&self) -> &[SocketAddr] {
        &self.candidates
    }

    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.io.readable().await
    }

    /// Fills the batch with what is there; `WouldBlock` if nothing is.
    pub(crate) fn receive(&self, batch: &mut Batch) -> io::Result<()> {
        batch.filled = 0;
        let mut buffers = batch.buffers.iter_mut();
        let mut slices: [IoSliceMut<'_>; BATCH] = std::array::from_fn(|_| {
            IoSliceMut::new(buffers.next().expect("a batch has exactly BATCH buffers"))
        });
        batch.filled = self.io.try_io(Interest::READABLE, || {
            self.state.recv(UdpSockRef::from(&self.io), &mut slices, &mut batch.metas)
        })?;
        Ok(())
    }

    /// How many datagrams one call may send to one destination.
    pub(crate) const fn segments_max(&self) -> usize {
        self.egress.segmentation.segments_max
    }

    /// From here on [`Congestion`] allows to wait anew.
    pub(crate) const fn begin_batch(&mut self) {
        self.egress.waited = Duration::ZERO;
    }

    /// Sends one datagram.
    pub(crate) fn send(&mut self, source: SocketAddr, destination: SocketAddr, bytes: &[u8]) {
        let result = self.send_patiently(source, destination, bytes, None);
        self.count(result, bytes.len(), 1);
    }

    /// Sends one datagram, together with others of this batch if that can be: until [`Socket::end_batch`] it may wait.
    pub(crate) fn send_with_others(
        &mut self,
        source: SocketAddr,
        destination: SocketAddr,
        bytes: &[u8],
    ) {
        // An address to send from would be one for all of them.
        let can_share = self.source_ip(source).is_none();
        if !can_share || !self.egress.singles.push(self.outward(destination), bytes) {
            return self.send(source, destination, bytes);
        }
        if self.egress.singles.is_full() {
            self.end_batch();
        }
    }

    /// Sends what waits for others to share a call with.
    pub(crate) fn end_batch(&mut self) {
        let mut number = 0;
        while number < self.egress.singles.len() {
            match self.egress.singles.send(&self.io, number) {
                Ok(sent) => {
                    let taken =
                        (number..number + sent).filter_map(|at| self.egress.singles.get(at));
                    let bytes: usize = taken.map(|(_, datagram)| datagram.len()).sum();
                    self.counters.datagrams_out.add(sent as u64);
                    self.counters.bytes_out.add(bytes as u64);
                    number += sent;
                }
                Err(error) if is_congestion(&error) && self.may_wait() => {}
                // The trouble is with this one; the others are sent.
                Err(error) => {
                    self.count(Err(error), 0, 1);
                    number += 1;
                }
            }
        }
        self.egress.singles.clear();
    }

    /// Sends a run: datagrams of `segment` bytes each, of which the last may be shorter.
    pub(crate) fn send_run(
        &mut self,
        source: SocketAddr,
        destination: SocketAddr,
        bytes: &[u8],
        segment: usize,
    ) {
        if bytes.len() <= segment {
            return self.send(source, destination, bytes);
        }
        match self.send_patiently(source, destination, bytes, Some(segment)) {
            // Some drivers and paths cannot cut a run, and say so only when asked to.
            Err(error) if !is_congestion(&error) => {
                tracing::debug!(%error, "run not taken");
                self.egress.segmentation.on_refused();
                for datagram in bytes.chunks(segment) {
                    self.send(source, destination, datagram);
                }
            }
            result => {
                self.egress.segmentation.on_taken();
                self.count(result, bytes.len(), bytes.len().div_ceil(segment) as u64);
            }
        }
    }

    fn count(&self, result: io::Result<()>, bytes: usize, datagrams: u64) {
        match result {
            Ok(()) => {
                self.counters.datagrams_out.add(datagrams);
                self.counters.bytes_out.add(bytes as u64);
            }
            Err(error) => {
                self.counters.datagrams_unsent.add(datagrams);
                tracing::trace!(%error, "datagram not sent");
            }
        }
    }

    /// Hands bytes to the kernel. While its buffer is full, waits as long as [`Congestion`] allows this batch.
    fn send_patiently(
        &mut self,
        source: SocketAddr,
        destination: SocketAddr,
        contents: &[u8],
        segment_size: Option<usize>,
    ) -> io::Result<()> {
        let transmit = quinn_udp::Transmit {
            destination: self.outward(destination),
            ecn: None,
            contents,
            segment_size,
            src_ip: self.source_ip(source),
        };
        loop {
            // Past the runtime's bookkeeping: nobody ever awaits that the socket is writable.
            let result = self.state.try_send(UdpSockRef::from(&self.io), &transmit);
            let is_congested = result.as_ref().is_err_and(is_congestion);
            if !is_congested || !self.may_wait() {
                return result;
            }
        }
    }

    /// Waits a little for room in the kernel's buffer. False if this batch has waited long enough.
    fn may_wait(&mut self) -> bool {
        let Congestion::WaitThenDrop { wait_max } = self.egress.congestion;
        if self.egress.waited >= wait_max {
            return false;
        }
        let began = Instant::now();
        std::thread::sleep(CONGESTION_STEP);
        self.egress.waited += began.elapsed();
        true
    }

    /// Which candidate a datagram to one of the machine's own addresses was sent to.
    pub(crate) fn target(&self, ip: Option<IpAddr>) -> SocketAddr {
        target_of(&self.candidates, ip)
    }

    /// The address to send from: the one the peer knows, so that its NAT lets the answer in.
    fn source_ip(&self, source: SocketAddr) -> Option<IpAddr> {
        let is_free = self.local.ip().is_unspecified() && !self.is_translated;
        is_free.then(|| match (self.local, source.ip()) {
            (SocketAddr::V6(_), IpAddr::V4(ip)) => ip.to_ipv6_mapped().into(),
            (_, ip) => ip,
        })
    }

    /// A destination in the form this socket's family wants.
    fn outward(&self, destination: SocketAddr) -> SocketAddr {
        match (self.local, destination.ip()) {
            (SocketAddr::V6(_), IpAddr::V4(ip)) => (ip.to_ipv6_mapped(), destination.port()).into(),
            _ => destination,
        }
    }
}

/// How long to wait for the kernel's buffer at a time. A guess: a network card of 1 Gbit/s sends five packets in it.
const CONGESTION_STEP: Duration = Duration::from_micros(50);

/// True if there is no room now and may be soon.
fn is_congestion(error: &io::Error) -> bool {
    /// ENOBUFS: the queue of the network device is full, where the system says so.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const NO_BUFFERS: i32 = 105;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const NO_BUFFERS: i32 = 55;
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(NO_BUFFERS)
}

/// Whether the kernel is given runs of datagrams to cut.
#[derive(Debug)]
struct Segmentation {
    // Invariant: at least 1, which means no runs.
    segments_max: usize,
    refusals: u32,
}

impl Segmentation {
    /// So many refusals without a success between mean that runs will not be taken. One or two may be about one path
    /// only: an interface with small packets.
    const REFUSALS_MAX: u32 = 8;

    /// `probed` is how many segments the system says that it takes.
    fn new(probed: usize) -> Self {
        Self { segments_max: probed.max(1), refusals: 0 }
    }

    const fn on_taken(&mut self) {
        self.refusals = 0;
    }

    fn on_refused(&mut self) {
        self.refusals += 1;
        if self.refusals == Self::REFUSALS_MAX {
            tracing::info!("the system takes no runs of datagrams: each is sent alone");
            self.segments_max = 1;
        }
    }
}

/// Buffers for one system call, reused.
pub(crate) struct Batch {
    // Invariant: both have BATCH elements, of which the first `filled` hold datagrams.
    buffers: Vec<Box<[u8]>>,
    metas: [RecvMeta; BATCH],
    filled: usize,
}

impl Batch {
    pub(crate) fn new() -> Self {
        let buffers = (0..BATCH).map(|_| vec![0; BUFFER_BYTES].into_boxed_slice()).collect();
        Self { buffers, metas: [RecvMeta::default(); BATCH], filled: 0 }
    }

    /// What the last [`Socket::receive`] brought.
    pub(crate) fn datagrams(&self) -> impl Iterator<Item = Datagram<'_>> {
        self.buffers.iter().zip(&self.metas).take(self.filled).flat_map(|(buffer, meta)| {
            // A stride of zero would mean an empty datagram, which nobody waits for.
            let datagrams = buffer[..meta.len].chunks(meta.stride.max(1));
            datagrams.map(|bytes| Datagram {
                source: canonical(meta.addr),
                target_ip: meta.dst_ip,
                bytes,
            })
        })
    }
}

/// One datagram, where it came from and which of the machine's addresses it was sent to.
pub(crate) struct Datagram<'a> {
    pub(crate) source: SocketAddr,
    pub(crate) target_ip: Option<IpAddr>,
    pub(crate) bytes: &'a [u8],
}

/// A datagram on its way to its session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival<'a> {
    pub(crate) source: SocketAddr,
    /// Which of our addresses it was sent to, as the peer knows it.
    pub(crate) target: SocketAddr,
    pub(crate) bytes: &'a [u8],
}

fn target_of(candidates: &[SocketAddr], ip: Option<IpAddr>) -> SocketAddr {
    let ip = ip.map(|ip| ip.to_canonical());
    let exact = candidates.iter().find(|candidate| Some(candidate.ip()) == ip);
    // Behind a NAT the datagram carries our inner address, and the peer meant the outer one.
    let same_family = || {
        let is_ipv4 = ip.is_none_or(|ip| ip.is_ipv4());
        candidates.iter().find(|candidate| candidate.is_ipv4() == is_ipv4)
    };
    *exact.or_else(same_family).unwrap_or(&candidates[0])
}

fn canonical(address: SocketAddr) -> SocketAddr {
    (address.ip().to_canonical(), address.port()).into()
}

/// The addresses of this machine that a peer may reach: those of the network first, loopback last.
fn interface_ips() -> io::Result<Vec<IpAddr>> {
    let mut ips: Vec<IpAddr> =
        if_addrs::get_if_addrs()?.into_iter().map(|interface| interface.ip()).collect();
    ips.retain(|ip| is_reachable(*ip));
    ips.sort_by_key(|ip| (ip.is_loopback(), ip.is_ipv6()));
    ips.dedup();
    Ok(ips)
}

/// Whether a peer can be told to send there.
fn is_reachable(ip: IpAddr) -> bool {
    // A link-local address means nothing without the interface it belongs to.
    let is_link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !is_link_local && Candidate::host((ip, 9).into(), "udp").is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(udp: &str, public_ips: &[&str]) -> Bound {
        let config = Config {
            udp: udp.parse().unwrap(),
            public_ips: public_ips.iter().map(|ip| ip.parse().unwrap()).collect(),
            ..Config::default()
        };
        Bound::bind(&config, Shard(0)).unwrap()
    }

    #[test]
    fn a_given_address_is_the_only_candidate() {
        let bound = bound("127.0.0.1:0", &[]);
        assert_eq!(bound.candidates, [bound.local_addr()]);
        assert_ne!(bound.local_addr().port(), 0);
    }

    #[test]
    fn every_interface_is_a_candidate_of_an_unspecified_address() {
        let bound = bound("0.0.0.0:0", &[]);
        let loopback = SocketAddr::from(([127, 0, 0, 1], bound.local_addr().port()));
        assert!(bound.candidates.contains(&loopback), "{:?}", bound.candidates);
        assert!(bound.candidates.iter().all(|candidate| candidate.is_ipv4()));
    }

    #[test]
    fn public_addresses_replace_all_others() {
        let bound = bound("0.0.0.0:0", &["192.0.2.7"]);
        let port = bound.local_addr().port();
        assert_eq!(bound.candidates, [SocketAddr::from(([192, 0, 2, 7], port))]);
    }

    #[test]
    fn runs_end_where_they_are_not_taken() {
        let mut segmentation = Segmentation::new(64);
        for _ in 0..2 {
            for _ in 1..Segmentation::REFUSALS_MAX {
                segmentation.on_refused();
            }
            assert_eq!(segmentation.segments_max, 64);
            segmentation.on_taken();
        }
        for _ in 0..Segmentation::REFUSALS_MAX {
            segmentation.on_refused();
        }
        assert_eq!(segmentation.segments_max, 1);
        assert_eq!(Segmentation::new(0).segments_max, 1);
    }

    #[tokio::test]
    async fn a_run_arrives_as_its_datagrams() {
        let counters = Arc::new(Counters::default());
        let mut socket = bound("127.0.0.1:0", &[]).register(counters.clone()).unwrap();
        let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let destination = peer.local_addr().unwrap();
        socket.send_run(socket.local, destination, b"aaabbbc", 3);
        // Too many segments for the kernel: it refuses, and each is sent alone.
        socket.send_run(socket.local, destination, &[b'd'; 300], 1);
        let mut buffer = [0; 16];
        for expected in [&b"aaa"[..], b"bbb", b"c", b"d", b"d"] {
            let length = peer.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], expected);
        }
        assert_eq!(counters.read().datagrams_out, 303);
    }

    #[test]
    fn a_taken_port_is_refused() {
        let first = bound("127.0.0.1:0", &[]);
        let config = Config { udp: first.local_addr(), ..Config::default() };
        let error = Bound::bind(&config, Shard(0)).unwrap_err();
        assert!(matches!(error, BindError::Address { .. }), "{error}");
    }

    #[test]
    fn a_public_address_that_is_none_is_refused() {
        for ip in ["0.0.0.0", "224.0.0.1", "169.254.1.1", "::", "fe80::1"] {
            let ip: IpAddr = ip.parse().unwrap();
            let config = Config { public_ips: vec![ip], ..Config::default() };
            let error = Bound::bind(&config, Shard(0)).unwrap_err();
            assert!(matches!(error, BindError::PublicAddress(refused) if refused == ip), "{error}");
        }
    }

    #[test]
    fn behind_a_nat_the_candidate_of_the_same_family_is_meant() {
        let candidates = ["[2001:db8::7]:9".parse().unwrap(), "192.0.2.7:9".parse().unwrap()];
        let target = |ip: &str| target_of(&candidates, Some(ip.parse().unwrap()));
        assert_eq!(target("10.0.0.5"), candidates[1]);
        assert_eq!(target("::ffff:10.0.0.5"), candidates[1]);
        assert_eq!(target("fd00::5"), candidates[0]);
        assert_eq!(target("192.0.2.7"), candidates[1]);
    }

    #[tokio::test]
    async fn a_datagram_knows_the_address_it_was_sent_to() {
        let bound = bound("0.0.0.0:0", &[]);
        let counters = Arc::new(Counters::default());
        let mut socket = bound.register(counters.clone()).unwrap();
        let peer = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let ours = SocketAddr::from(([127, 0, 0, 1], socket.local.port()));
        peer.send_to(b"question", ours).await.unwrap();

        socket.readable().await.unwrap();
        let mut batch = Batch::new();
        socket.receive(&mut batch).unwrap();
        let datagrams: Vec<_> = batch.datagrams().collect();
        assert_eq!(datagrams.len(), 1);
        let target = socket.target(datagrams[0].target_ip);
        assert_eq!((target, datagrams[0].bytes), (ours, &b"question"[..]));

        socket.send(target, datagrams[0].source, b"answer");
        let mut buffer = [0; 16];
        let (length, source) = peer.recv_from(&mut buffer).await.unwrap();
        assert_eq!((&buffer[..length], source), (&b"answer"[..], ours));
        assert_eq!(counters.read().datagrams_out, 1);
    }
}
