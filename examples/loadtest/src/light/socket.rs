//! The UDP socket of a light viewer, read in batches that all viewers of a thread share.

use std::cell::RefCell;
use std::io::{self, ErrorKind, IoSliceMut};
use std::net::SocketAddr;
use std::time::Instant;

use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSockRef, UdpSocketState};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::peer::{DATAGRAM_BYTES_MAX, open_socket};

/// The largest buffer the kernel joins datagrams in.
const JOINED_BYTES_MAX: usize = 64 * 1024;
/// How many of these one call fills. A guess: it bounds the memory of a thread.
const JOINED_MAX: usize = 8;

/// Whether the kernel may join datagrams before it hands them over (generic receive offload).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Offload {
    Off,
    On,
}

thread_local! {
    /// Filled and emptied within one call, so that a viewer needs none of its own.
    static BATCH: RefCell<Option<Batch>> = const { RefCell::new(None) };
}

/// What one call to the system fills.
struct Batch {
    buffers: Vec<Vec<u8>>,
    metas: Vec<RecvMeta>,
}

impl Batch {
    fn new(offload: Offload) -> Self {
        let (count, bytes) = match offload {
            Offload::Off => (BATCH_SIZE, DATAGRAM_BYTES_MAX),
            Offload::On => (JOINED_MAX, JOINED_BYTES_MAX),
        };
        Self { buffers: vec![vec![0; bytes]; count], metas: vec![RecvMeta::default(); count] }
    }
}

/// A socket at work.
#[derive(Debug)]
pub(crate) struct Socket {
    io: UdpSocket,
    state: UdpSocketState,
    offload: Offload,
}

impl Socket {
    pub(crate) async fn open(
        ip: std::net::IpAddr,
        offload: Offload,
    ) -> anyhow::Result<(Self, SocketAddr)> {
        let (io, local) = open_socket(ip).await?;
        let state = UdpSocketState::new(UdpSockRef::from(&io))?;
        // It is on from here; elsewhere than on Linux there is none.
        #[cfg(target_os = "linux")]
        if offload == Offload::Off {
            use nix::sys::socket::{setsockopt, sockopt::UdpGroSegment};
            let _unknown = setsockopt(&io, UdpGroSegment, &false);
        }
        Ok((Self { io, state, offload }, local))
    }

    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.io.readable().await
    }

    /// Hands over what one call brings: when it came, from where, and what. Nothing may be there after all.
    pub(crate) fn receive(
        &self,
        mut handle: impl FnMut(Instant, SocketAddr, &mut [u8]),
    ) -> io::Result<()> {
        BATCH.with_borrow_mut(|batch| {
            let Batch { buffers, metas } = batch.get_or_insert_with(|| Batch::new(self.offload));
            let filled = match self.fill(buffers, metas) {
                Ok(filled) => filled,
                // The second: the system reports that an earlier datagram met no socket. ICE notices by itself.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::ConnectionRefused
                    ) =>
                {
                    0
                }
                Err(error) => return Err(error),
            };
            let now = Instant::now();
            for (buffer, meta) in buffers.iter_mut().zip(metas).take(filled) {
                for datagram in buffer[..meta.len].chunks_mut(meta.stride.max(1)) {
                    handle(now, meta.addr, datagram);
                }
            }
            Ok(())
        })
    }

    fn fill(&self, buffers: &mut [Vec<u8>], metas: &mut [RecvMeta]) -> io::Result<usize> {
        let count = buffers.len();
        let mut rest = buffers.iter_mut();
        // Those beyond `count` stay empty and are not handed to the system.
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] = std::array::from_fn(|_| {
            IoSliceMut::new(rest.next().map_or(&mut [], Vec::as_mut_slice))
        });
        let mut filled = 0;
        let result = self.io.try_io(Interest::READABLE, || {
            filled = self.state.recv(UdpSockRef::from(&self.io), &mut slices[..count], metas)?;
            // A batch that is not full has emptied the socket: saying so saves a call that would only find that out.
            if filled < count { Err(ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        if filled > 0 { Ok(filled) } else { result.map(|()| 0) }
    }

    /// Sends a datagram. False if the system did not take it.
    pub(crate) fn send(&self, destination: SocketAddr, bytes: &[u8]) -> bool {
        self.io.try_send_to(bytes, destination).is_ok()
    }
}
