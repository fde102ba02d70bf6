//! The handle: offers and orders, from any task or thread.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use salon_core::GrantKey;
use tokio::sync::{mpsc, oneshot};

use crate::shard::Shard;
use crate::statistics::{Counters, Statistics};

/// How many slots a stage has: the seats of one room.
pub const SLOTS: usize = 4;

/// The longest offer, in bytes. A browser's with 8 sections is about 26 KiB.
pub const OFFER_BYTES_MAX: usize = 64 * 1024;

/// What publishers publish into and viewers watch; for a room, the bits of its identifier.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct StageId(pub u128);

/// One peer connection, from its offer to its end.
///
/// 120 bits from the operating system's randomness and the number of its shard: whoever holds it may end the session,
/// and nobody guesses it. Written as 32 hexadecimal digits; `Debug` shows eight of them.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SessionId(u128);

impl SessionId {
    /// A new one on a shard; `random` gives random bits.
    pub(crate) fn draw(shard: Shard, random: impl Fn() -> u64) -> Self {
        let bits = u128::from(random()) << 64 | u128::from(random());
        Self(bits & !u128::from(u8::MAX) | u128::from(shard.0))
    }

    /// The shard it is on.
    const fn shard(self) -> Shard {
        Shard(self.0 as u8)
    }

    /// Its 128 bits.
    #[must_use]
    pub const fn to_u128(self) -> u128 {
        self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({:08x}..)", self.0 >> 96)
    }
}

/// The text is not a [`SessionId`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("session identifier is not 32 lower-case hexadecimal digits")]
pub struct ParseSessionIdError;

impl FromStr for SessionId {
    type Err = ParseSessionIdError;

    fn from_str(text: &str) -> Result<Self, ParseSessionIdError> {
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() != 32 || !digits {
            return Err(ParseSessionIdError);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| ParseSessionIdError)
    }
}

/// A wish to feed one slot of a stage.
#[derive(Clone, Debug)]
pub struct Publish {
    /// The stage.
    pub stage: StageId,
    /// The slot, below [`SLOTS`].
    pub slot: u8,
    /// The right to publish. The caller has checked it; here it is only compared.
    pub key: GrantKey,
    /// The SDP offer: at most one audio and one video section that send.
    pub offer: String,
}

/// A wish to watch a stage.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The stage.
    pub stage: StageId,
    /// The SDP offer: up to four audio and four video sections that receive.
    pub offer: String,
    /// A slot that stays silent for this viewer: a seated person does not receive itself.
    pub mask: Option<u8>,
}

/// An accepted offer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The SDP answer. It holds all candidates; nothing is trickled.
    pub sdp: String,
    /// The session it began.
    pub session: SessionId,
}

/// Why an offer was refused. Nothing has changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OfferError {
    /// The offer is longer than [`OFFER_BYTES_MAX`].
    #[error("offer of {0} bytes is longer than {OFFER_BYTES_MAX}")]
    TooLarge(usize),
    /// The text is not an SDP offer that WebRTC allows.
    #[error("text is not a WebRTC offer")]
    NotAnOffer,
    /// No section goes in the direction asked for, or one of them offers no codec that is served:
    /// Opus, VP8, VP9, AV1, and H264 with packetization mode 1.
    #[error("offer has nothing to carry Opus, VP8, VP9, AV1 or H264 in this direction")]
    NoMedia,
    /// A section is neither audio nor video.
    #[error("offer has a section that is neither audio nor video")]
    NotMedia,
    /// More sections than slots: one of each kind for a publisher, four for a viewer.
    #[error("offer has more sections than there are slots")]
    TooManySections,
    /// There is no such slot.
    #[error("slot {0} is not below {SLOTS}")]
    Slot(u8),
    /// The right to publish has been revoked, or a later one is already in use.
    #[error("grant {0} does not allow publishing any more")]
    Revoked(GrantKey),
    /// As many sessions exist as this process serves.
    #[error("all {0} sessions are taken")]
    Full(usize),
    /// The drivers have ended.
    #[error("media is shutting down")]
    Closed,
}

/// The handle of the media drivers. Cheap to clone.
///
/// Orders about one session or stage are carried out in the order they were given by one handle; each returns once it
/// has been carried out. When the last handle is dropped, all sessions end and every [`Driver::run`] returns.
///
/// [`Driver::run`]: crate::Driver::run
#[derive(Clone, Debug)]
pub struct Media {
    // Invariant: by the numbers of the shards; not empty.
    shards: Arc<[Line]>,
}

/// The way to one shard.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) orders: mpsc::Sender<Order>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) local_addr: SocketAddr,
}

impl Media {
    pub(crate) fn new(shards: Vec<Line>) -> Self {
        Self { shards: shards.into() }
    }

    /// Begins a session that feeds a slot.
    ///
    /// A session that already feeds the slot under the same or an older key ends, and so does one
    /// under the same key in another slot: a page that reloads simply publishes again, a person
    /// that moves publishes there. What viewers receive goes on without a gap in its numbering.
    ///
    /// # Errors
    /// See [`OfferError`].
    pub async fn publish(&self, publish: Publish) -> Result<Answer, OfferError> {
        if publish.offer.len() > OFFER_BYTES_MAX {
            return Err(OfferError::TooLarge(publish.offer.len()));
        }
        let home = Shard::home_of(publish.stage, self.shards.len());
        let answer = self.ask(home, |reply| Order::Publish(publish, reply)).await;
        answer.unwrap_or(Err(OfferError::Closed))
    }

    /// Begins a session that receives every slot of a stage, also those that fill later.
    ///
    /// # Errors
    /// See [`OfferError`].
    pub async fn watch(&self, watch: Watch) -> Result<Answer, OfferError> {
        if watch.offer.len() > OFFER_BYTES_MAX {
            return Err(OfferError::TooLarge(watch.offer.len()));
        }
        let answer = self.ask(self.least_loaded(), |reply| Order::Watch(watch, reply)).await;
        answer.unwrap_or(Err(OfferError::Closed))
    }

    /// Changes which slot stays silent for a viewer. An unknown session is ignored.
    pub async fn mask(&self, session: SessionId, mask: Option<u8>) {
        self.ask(session.shard(), |reply| Order::Mask(session, mask, reply)).await;
    }

    /// Says how many rows of pixels a viewer shows of each slot: it receives the smallest encoding that has them, if
    /// the publisher sends several. Until this is said it receives the largest. Returns whether there is such a viewer.
    pub async fn tiles(&self, session: SessionId, rows: [u16; SLOTS]) -> bool {
        let shown = self.ask(session.shard(), |reply| Order::Tiles(session, rows, reply)).await;
        shown.unwrap_or(false)
    }

    /// Ends a session. Returns whether there was one.
    pub async fn close(&self, session: SessionId) -> bool {
        let closed = self.ask(session.shard(), |reply| Order::Close(session, reply)).await;
        closed.unwrap_or(false)
    }

    /// Takes back a right to publish: once this returns, nothing under this key is forwarded on the
    /// stage, its sessions have ended, and it cannot publish again.
    ///
    /// Remembered until [`Media::close_stage`], also for a stage that nobody uses yet.
    pub async fn revoke(&self, stage: StageId, key: GrantKey) {
        self.ask_all(|reply| Order::Revoke(stage, key, reply)).await;
    }

    /// Ends every session of a stage and forgets it.
    pub async fn close_stage(&self, stage: StageId) {
        self.ask_all(|reply| Order::CloseStage(stage, reply)).await;
    }

    /// Ends every session and then the drivers, also while other handles exist.
    pub async fn shutdown(&self) {
        self.ask_all(Order::Shutdown).await;
    }

    /// The counters as of now.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.shards.iter().map(|shard| shard.counters.read()).sum()
    }

    /// The addresses that the media sockets are bound to: one for each shard.
    pub fn local_addrs(&self) -> impl Iterator<Item = SocketAddr> {
        self.shards.iter().map(|shard| shard.local_addr)
    }

    /// Where the next viewer costs least: a session is a session, wherever its packets come from.
    fn least_loaded(&self) -> Shard {
        let load = |shard: &Shard| {
            let Statistics { viewers, publishers, .. } = self.shards[shard.index()].counters.read();
            viewers + publishers
        };
        Shard::all(self.shards.len()).min_by_key(load).expect("there is a shard")
    }

    /// Sends an order to a shard and waits for its reply; `None` once the shard's driver has ended, or if there never
    /// was such a shard.
    async fn ask<T>(
        &self,
        shard: Shard,
        order: impl FnOnce(oneshot::Sender<T>) -> Order,
    ) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.shards.get(shard.index())?.orders.send(order(reply)).await.ok()?;
        answer.await.ok()
    }

    /// Sends an order to every shard, one after the other, and waits until each has carried it out.
    async fn ask_all(&self, order: impl Fn(oneshot::Sender<()>) -> Order) {
        for shard in Shard::all(self.shards.len()) {
            self.ask(shard, &order).await;
        }
    }
}

/// What the handle asks of the driver.
#[derive(Debug)]
pub(crate) enum Order {
    Publish(Publish, oneshot::Sender<Result<Answer, OfferError>>),
    Watch(Watch, oneshot::Sender<Result<Answer, OfferError>>),
    Mask(SessionId, Option<u8>, oneshot::Sender<()>),
    Tiles(SessionId, [u16; SLOTS], oneshot::Sender<bool>),
    Close(SessionId, oneshot::Sender<bool>),
    Revoke(StageId, GrantKey, oneshot::Sender<()>),
    CloseStage(StageId, oneshot::Sender<()>),
    Shutdown(oneshot::Sender<()>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_identifiers_round_trip_and_stay_out_of_logs() {
        let session = SessionId::draw(Shard(3), || 0x0123_4567_89ab_cdef);
        let text = "0123456789abcdef0123456789abcd03";
        assert_eq!(session.shard(), Shard(3));
        assert_eq!((session.to_string().as_str(), text.parse()), (text, Ok(session)));
        assert_eq!(format!("{session:?}"), "SessionId(01234567..)");
        for wrong in ["", "1", &text.to_uppercase(), &format!("+{}", &text[1..])] {
            assert_eq!(wrong.parse::<SessionId>(), Err(ParseSessionIdError));
        }
    }
}
