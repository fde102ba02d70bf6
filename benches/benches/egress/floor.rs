//! The least that delivering costs: header, sealing, sending, and nothing else, in the simplest loop there is.

use std::io::{self, IoSlice};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use benches::cpu::{self, Thread};
use quinn_udp::{Transmit, UdpSockRef, UdpSocketState};
use rustix::net::addr::SocketAddrArg as _;
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg};

use crate::rig::PAYLOAD_BYTES;

const HEADER_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
const DATAGRAM_BYTES: usize = HEADER_BYTES + PAYLOAD_BYTES + TAG_BYTES;
/// How many datagrams go to `sendmmsg` at once.
const MESSAGES: usize = 64;
/// Of the driver's socket.
const KERNEL_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// A loop over viewers.
pub(crate) struct Floor {
    socket: UdpSocket,
    state: UdpSocketState,
    viewers: Vec<Viewer>,
    payload: Vec<u8>,
    buffer: Vec<u8>,
}

struct Viewer {
    address: SocketAddr,
    address_for_many: SocketAddrAny,
    key: LessSafeKey,
    ssrc: u32,
    index: u64,
}

impl Floor {
    /// Sends to these addresses, each under a key of its own.
    pub(crate) fn new(addresses: impl IntoIterator<Item = SocketAddr>) -> Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        state.set_send_buffer_size(UdpSockRef::from(&socket), KERNEL_BUFFER_BYTES)?;
        let viewer = |(number, address): (u32, SocketAddr)| {
            let mut key = [7; 32];
            key[..4].copy_from_slice(&number.to_be_bytes());
            let key = UnboundKey::new(&AES_256_GCM, &key).context("the key has another length")?;
            let (key, ssrc) = (LessSafeKey::new(key), number);
            Ok(Viewer { address, address_for_many: address.as_any(), key, ssrc, index: 0 })
        };
        let viewers = (0..).zip(addresses).map(viewer).collect::<Result<_>>()?;
        let (payload, buffer) = (vec![1; PAYLOAD_BYTES], vec![0; MESSAGES * DATAGRAM_BYTES]);
        Ok(Self { socket, state, viewers, payload, buffer })
    }

    /// Delivers `batches` times `k` packets to all, on a thread of these cores, and tells how long that thread had of
    /// them, in nanoseconds.
    pub(crate) fn run(&mut self, cores: &[usize], k: usize, batches: u64) -> Result<u64> {
        let work = || {
            cpu::pin(cores)?;
            let thread = Thread::this();
            // Time is told in steps to a thread that runs, and exactly to one that has just waited.
            let look = || {
                std::thread::sleep(Duration::from_micros(1));
                thread.ns()
            };
            let before = look()?;
            for _ in 0..batches {
                match k {
                    1 => self.send_singles()?,
                    k => self.send_runs(k)?,
                }
            }
            Ok(look()? - before)
        };
        std::thread::scope(|scope| scope.spawn(work).join().expect("the loop does not panic"))
    }

    /// A packet for each viewer, so many viewers in one call.
    fn send_singles(&mut self) -> Result<()> {
        let Self { socket, viewers, payload, buffer, .. } = self;
        for viewers in viewers.chunks_mut(MESSAGES) {
            for (viewer, datagram) in viewers.iter_mut().zip(buffer.chunks_mut(DATAGRAM_BYTES)) {
                viewer.write(payload, datagram)?;
            }
            let slices: Vec<_> =
                buffer.chunks(DATAGRAM_BYTES).map(|datagram| [IoSlice::new(datagram)]).collect();
            let mut nothing: [_; MESSAGES] =
                std::array::from_fn(|_| SendAncillaryBuffer::default());
            let mut messages: Vec<_> = viewers
                .iter()
                .zip(&slices)
                .zip(&mut nothing)
                .map(|((viewer, slice), nothing)| {
                    MMsgHdr::new_with_addr(&viewer.address_for_many, slice, nothing)
                })
                .collect();
            let sent = sendmmsg(&*socket, &mut messages, SendFlags::empty())?;
            ensure!(sent == viewers.len(), "the kernel took {sent} of {} datagrams", viewers.len());
        }
        Ok(())
    }

    /// `k` packets for each viewer, all of one viewer in one call (UDP_SEGMENT).
    fn send_runs(&mut self, k: usize) -> Result<()> {
        let Self { socket, state, viewers, payload, buffer } = self;
        let run = &mut buffer[..k * DATAGRAM_BYTES];
        for viewer in viewers {
            for datagram in run.chunks_mut(DATAGRAM_BYTES) {
                viewer.write(payload, datagram)?;
            }
            let transmit = Transmit {
                destination: viewer.address,
                ecn: None,
                contents: run,
                segment_size: Some(DATAGRAM_BYTES),
                src_ip: None,
            };
            state.try_send(UdpSockRef::from(&*socket), &transmit)?;
        }
        Ok(())
    }

    /// Whether the kernel cuts runs of `k`.
    pub(crate) fn check_runs(&self, k: usize) -> io::Result<()> {
        if self.state.max_gso_segments() >= k {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::Unsupported, "this system cannot cut runs of datagrams"))
    }
}

impl Viewer {
    /// Writes the next datagram: a header (RFC 3550, 5.1), the sealed payload, the tag.
    fn write(&mut self, payload: &[u8], datagram: &mut [u8]) -> Result<()> {
        self.index += 1;
        let (header, rest) = datagram.split_at_mut(HEADER_BYTES);
        header[..2].copy_from_slice(&[0x80, 96]);
        header[2..4].copy_from_slice(&(self.index as u16).to_be_bytes());
        header[4..8].copy_from_slice(&((self.index as u32).wrapping_mul(3_000)).to_be_bytes());
        header[8..].copy_from_slice(&self.ssrc.to_be_bytes());
        // RFC 7714, 8.1, under a salt of zeros.
        let mut nonce = [0; 12];
        nonce[2..6].copy_from_slice(&self.ssrc.to_be_bytes());
        nonce[6..].copy_from_slice(&self.index.to_be_bytes()[2..]);
        let (sealed, tag) = rest.split_at_mut(PAYLOAD_BYTES);
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.key
            .seal_out_of_place_scatter(nonce, Aad::from(&*header), payload, sealed, &[], tag)
            .context("the buffer has another length")
    }
}
