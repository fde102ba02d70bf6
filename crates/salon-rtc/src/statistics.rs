//! Counters of the drivers, readable from any thread at any time.

use std::iter::Sum;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::thin::Arrivals;

/// A reading of the counters. Those of traffic only grow; sessions are as of now.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Statistics {
    /// Datagrams received, of any kind.
    pub datagrams_in: u64,
    /// Bytes in them, without IP and UDP headers.
    pub bytes_in: u64,
    /// Datagrams sent, of any kind.
    pub datagrams_out: u64,
    /// Bytes in them, without IP and UDP headers.
    pub bytes_out: u64,
    /// Datagrams the operating system would not send: its buffer was full, or the path is gone.
    pub datagrams_unsent: u64,
    /// Datagrams that belong to no session, or are none of WebRTC.
    pub datagrams_unknown: u64,
    /// Media packets taken from publishers.
    pub packets_in: u64,
    /// Media packets written to viewers.
    pub packets_out: u64,
    /// Runs of datagrams sent to viewers, each one system call where the system takes runs. A datagram that was all there
    /// was for its viewer at the time goes with those of others, and is in none.
    pub runs_out: u64,
    /// Media packets of publishers that were not forwarded: no right to publish, or not media we know.
    pub packets_refused: u64,
    /// Media packets that another shard had no room for; its viewers ask for what they miss.
    pub packets_uncrossed: u64,
    /// Keyframes asked for by viewers.
    pub keyframes_wanted: u64,
    /// Keyframes asked of publishers, after coalescing.
    pub keyframes_requested: u64,
    /// Packets that viewers asked for again.
    pub packets_lost: u64,
    /// Packets sent to viewers again.
    pub packets_repaired: u64,
    /// Messages of transport-wide feedback from viewers.
    pub feedback_messages: u64,
    /// Packets that were received, as these messages say; nobody checks them.
    pub packets_reported_received: u64,
    /// Packets that were not, as they say. One that came late may be in both counts.
    pub packets_reported_lost: u64,
    /// Reports of viewers that could not be opened or read.
    pub reports_refused: u64,
    /// Sessions of viewers that ended because their handshake went wrong: another certificate than the offer's, or no
    /// common way to protect media.
    pub handshakes_refused: u64,
    /// Datagrams of viewers' handshakes that were dropped as too many waited for their turn; DTLS sends them again.
    pub handshakes_dropped: u64,
    /// Offers refused.
    pub offers_refused: u64,
    /// Sessions that publish.
    pub publishers: u64,
    /// Sessions that watch.
    pub viewers: u64,
}

macro_rules! counters {
    ($($name:ident),* $(,)?) => {
        /// The live counters behind [`Statistics`].
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)*
        }

        impl Counters {
            pub(crate) fn read(&self) -> Statistics {
                Statistics { $($name: self.$name.read(),)* }
            }
        }

        impl Sum for Statistics {
            fn sum<I: Iterator<Item = Self>>(readings: I) -> Self {
                readings.fold(Self::default(), |sum, reading| {
                    Self { $($name: sum.$name + reading.$name,)* }
                })
            }
        }
    };
}

counters! {
    datagrams_in,
    bytes_in,
    datagrams_out,
    bytes_out,
    datagrams_unsent,
    datagrams_unknown,
    packets_in,
    packets_out,
    runs_out,
    packets_refused,
    packets_uncrossed,
    keyframes_wanted,
    keyframes_requested,
    packets_lost,
    packets_repaired,
    feedback_messages,
    packets_reported_received,
    packets_reported_lost,
    reports_refused,
    handshakes_refused,
    handshakes_dropped,
    offers_refused,
    publishers,
    viewers,
}

impl Counters {
    /// A viewer has told what arrived.
    pub(crate) fn note(&self, Arrivals { received, lost }: Arrivals) {
        self.feedback_messages.add(1);
        self.packets_reported_received.add(received);
        self.packets_reported_lost.add(lost);
    }
}

/// One number with one writer, its shard's driver; readers need no order between counters.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    pub(crate) fn subtract(&self, amount: u64) {
        self.0.fetch_sub(amount, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
