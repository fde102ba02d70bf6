//! What crosses from one shard to another.
//!
//! Seats publish to the home shard of their stage; its viewers are on any shard. So packets cross from the home to every
//! shard that watches, once each, as handles to the payload they share; wishes for keyframes cross the other way.
//!
//! Each shard has one inbox, a bounded channel of tokio's, which its authors check with loom: it holds messages in
//! blocks, takes no lock, and wakes the shard's thread if it sleeps. At the bound:
//!
//! * a packet or a report is dropped and counted. What viewers then miss they ask for again, and get a keyframe;
//! * a wish for a keyframe is dropped; whoever still needs one wishes again;
//! * what a stage's slots carry, whether a shard watches a stage, and which layers of a track it wants, is owed and told
//!   again later, as it is then.

use std::collections::BTreeSet;
use std::time::Duration;

use salon_core::{GrantKey, MediaTime, TrackId};
use salon_fanout::Packet;
use salon_fanout::layer::{Encoding, Layers};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::media::StageId;
use crate::shard::Shard;
use crate::stage::SlotTable;

/// How many messages wait for one shard at most. A guess: four seats of 4 Mbit/s for two seconds.
const INBOX_MAX: usize = 4_096;
/// How long to wait before what is owed is told again. A guess: an inbox that is full empties in less.
pub(crate) const DEBT_INTERVAL: Duration = Duration::from_millis(5);

/// A message from one shard to another.
#[derive(Debug)]
pub(crate) enum Crossing {
    /// To the home of a stage: whether this shard has viewers of it.
    Subscription { stage: StageId, shard: Shard, interest: Interest },
    /// From the home of a stage: what its slots carry now.
    Slots { stage: StageId, home: Shard, slots: Box<SlotTable> },
    /// From the home of a stage: a packet of one of its tracks.
    Packet { encoding: Encoding, key: GrantKey, packet: Packet },
    /// From the home of a stage: what the publisher says of its clock.
    SenderReport { encoding: Encoding, key: GrantKey, captured: MediaTime, rtp_timestamp: u32 },
    /// To the home of a stage: viewers need a keyframe of this layer.
    KeyframeWanted { encoding: Encoding },
    /// To the home of a stage: which layers of a track any viewer of this shard wants.
    LayersWanted { track: TrackId, shard: Shard, layers: Layers },
}

/// Whether a shard has viewers of a stage.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Interest {
    Watched,
    Unwatched,
}

/// Something that another shard must learn, and that its inbox had no room for.
///
/// What is told is looked up when it is told: the latest is all that counts.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Debt {
    Slots { stage: StageId, to: Shard },
    Subscription { stage: StageId },
    Layers { track: TrackId },
}

/// The inboxes of the other shards, as seen from one.
#[derive(Debug)]
pub(crate) struct Mesh {
    own: Shard,
    /// By number; none for its own.
    inboxes: Vec<Option<mpsc::Sender<Crossing>>>,
    // Invariant: at most one for each stage and shard, and for each track.
    debts: BTreeSet<Debt>,
}

/// The messages for one shard.
pub(crate) type Inbox = mpsc::Receiver<Crossing>;

/// Ties so many shards together, each with every other.
pub(crate) fn mesh(count: usize) -> Vec<(Mesh, Inbox)> {
    let (senders, inboxes): (Vec<_>, Vec<_>) = (0..count).map(|_| mpsc::channel(INBOX_MAX)).unzip();
    let to_others = |own: Shard| {
        let others = senders.iter().zip(Shard::all(count));
        others.map(|(sender, shard)| (shard != own).then(|| sender.clone())).collect()
    };
    let meshes =
        Shard::all(count).map(|own| Mesh { own, inboxes: to_others(own), debts: BTreeSet::new() });
    meshes.zip(inboxes).collect()
}

impl Mesh {
    pub(crate) const fn own(&self) -> Shard {
        self.own
    }

    /// How many shards there are.
    pub(crate) fn count(&self) -> usize {
        self.inboxes.len()
    }

    /// The home of a stage.
    pub(crate) fn home_of(&self, stage: StageId) -> Shard {
        Shard::home_of(stage, self.count())
    }

    /// Sends a message to another shard. False if its inbox is full; one that has ended needs nothing more.
    #[must_use]
    pub(crate) fn send(&self, to: Shard, crossing: Crossing) -> bool {
        let Some(inbox) = &self.inboxes[to.index()] else { return true };
        !matches!(inbox.try_send(crossing), Err(TrySendError::Full(_)))
    }

    /// Notes what could not be told.
    pub(crate) fn owe(&mut self, debt: Debt) {
        self.debts.insert(debt);
    }

    /// What is owed; it is owed no more.
    pub(crate) fn take_debts(&mut self) -> BTreeSet<Debt> {
        std::mem::take(&mut self.debts)
    }

    pub(crate) fn has_debts(&self) -> bool {
        !self.debts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(track: u64) -> Crossing {
        Crossing::KeyframeWanted { encoding: Encoding::only(TrackId(track)) }
    }

    #[test]
    fn every_shard_reaches_every_other_one() {
        let mut shards = mesh(3);
        for (own, (mesh, _)) in (0_u64..).zip(&shards) {
            for to in Shard::all(3) {
                assert!(mesh.send(to, wanted(own)));
            }
        }
        for (own, (_, inbox)) in (0_u64..).zip(&mut shards) {
            let mut tracks = Vec::new();
            while let Ok(Crossing::KeyframeWanted { encoding }) = inbox.try_recv() {
                tracks.push(encoding.track.0);
            }
            assert_eq!(tracks, (0..3).filter(|from| *from != own).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_full_inbox_refuses_and_one_that_is_gone_does_not_matter() {
        let mut shards = mesh(2);
        let (_, inbox) = shards.pop().unwrap();
        let (mut mesh, _) = shards.pop().unwrap();
        assert!((0..INBOX_MAX as u64).all(|track| mesh.send(Shard(1), wanted(track))));
        assert!(!mesh.send(Shard(1), wanted(0)));
        let debt = Debt::Subscription { stage: StageId(1) };
        mesh.owe(debt);
        mesh.owe(debt);
        assert_eq!(mesh.take_debts(), BTreeSet::from([debt]));
        assert!(!mesh.has_debts());
        drop(inbox);
        assert!(mesh.send(Shard(1), wanted(0)));
    }
}
