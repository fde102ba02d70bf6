//! What the driver tells its embedder.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

pub use salon_fanout::layer::{Layer, Layers};
use tokio::sync::Notify;

use crate::media::{SessionId, StageId};

/// Something happened to a session or on a stage.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// ICE and DTLS are up for the first time: media can flow.
    Connected {
        /// The session.
        session: SessionId,
    },
    /// The session is over, whatever ended it: the peer, silence, a replacement, an order.
    ///
    /// Every session that got an answer gets exactly one, connected or not, and nothing after it.
    Disconnected {
        /// The session.
        session: SessionId,
    },
    /// The encodings of a slot's picture that anybody wants have changed: the publisher may pause the others, and is to
    /// resume what is wanted again. All are, each time that a picture begins.
    LayersWanted {
        /// The stage.
        stage: StageId,
        /// The slot that the picture is in.
        slot: u8,
        /// Those that are wanted, of as many as there may be, in the order of the publisher's offer.
        layers: Layers,
    },
    /// Who speaks on a stage has changed, or how loud.
    Speaking {
        /// The stage.
        stage: StageId,
        /// The slots that speak, loudest first, each with its level in dBov (-127 to 0).
        slots: Vec<(u8, i8)>,
    },
}

/// The receiving end of [`Event`]s.
///
/// Nothing is lost: beginnings and ends of sessions wait here in order, and while too many wait
/// no new offer is accepted. Of a stage's speakers and wanted layers only the latest state waits.
#[derive(Debug)]
pub struct Events {
    inbox: Arc<Inbox>,
}

impl Events {
    /// The next event, or `None` once every driver has ended and all events are taken.
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            let arrived = self.inbox.arrived.notified();
            {
                let mut waiting = self.inbox.lock();
                if let Some(event) = waiting.take() {
                    return Some(event);
                }
                if waiting.drivers == 0 {
                    return None;
                }
            }
            arrived.await;
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let mut waiting = self.inbox.lock();
        waiting.abandoned = true;
        waiting.sessions.clear();
        waiting.speaking.clear();
        waiting.layers.clear();
    }
}

/// The sending end, held by a driver.
#[derive(Debug)]
pub(crate) struct Outgoing {
    inbox: Arc<Inbox>,
}

/// More events than this may wait only as far as sessions that already exist produce them.
const BACKLOG_MAX: usize = 4_096;

/// The one end for the embedder, and one for each of so many drivers.
pub(crate) fn channel(drivers: usize) -> (Vec<Outgoing>, Events) {
    let waiting = Mutex::new(Waiting { drivers, ..Waiting::default() });
    let inbox = Arc::new(Inbox { waiting, arrived: Notify::new() });
    let outgoing = (0..drivers).map(|_| Outgoing { inbox: inbox.clone() }).collect();
    (outgoing, Events { inbox })
}

impl Outgoing {
    pub(crate) fn send(&self, event: Event) {
        let mut waiting = self.inbox.lock();
        if waiting.abandoned {
            return;
        }
        match event {
            Event::Speaking { stage, slots } => {
                waiting.speaking.insert(stage, slots);
            }
            Event::LayersWanted { stage, slot, layers } => {
                waiting.layers.insert((stage, slot), layers);
            }
            Event::Connected { .. } | Event::Disconnected { .. } => {
                waiting.sessions.push_back(event);
            }
        }
        drop(waiting);
        self.inbox.arrived.notify_one();
    }

    /// Whether so many events wait that no new session may begin.
    pub(crate) fn is_backlogged(&self) -> bool {
        self.inbox.lock().sessions.len() >= BACKLOG_MAX
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.inbox.lock().drivers -= 1;
        self.inbox.arrived.notify_one();
    }
}

#[derive(Debug)]
struct Inbox {
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

impl Inbox {
    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        // No code panics while it holds the lock, and a queue is valid after any prefix of it.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Waiting {
    // Invariant: at most BACKLOG_MAX plus two for each session that exists.
    sessions: VecDeque<Event>,
    speaking: BTreeMap<StageId, Vec<(u8, i8)>>,
    layers: BTreeMap<(StageId, u8), Layers>,
    /// How many drivers have not ended.
    drivers: usize,
    abandoned: bool,
}

impl Waiting {
    fn take(&mut self) -> Option<Event> {
        if let Some(event) = self.sessions.pop_front() {
            return Some(event);
        }
        if let Some(((stage, slot), layers)) = self.layers.pop_first() {
            return Some(Event::LayersWanted { stage, slot, layers });
        }
        let (stage, slots) = self.speaking.pop_first()?;
        Some(Event::Speaking { stage, slots })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::Shard;

    fn ended(session: u64) -> Event {
        Event::Disconnected { session: SessionId::draw(Shard(0), || session << 8) }
    }

    #[tokio::test]
    async fn sessions_are_told_in_order_and_speakers_as_they_are_now() {
        let (mut drivers, mut events) = channel(2);
        let outgoing = drivers.remove(0);
        let speaking =
            |slots: &[(u8, i8)]| Event::Speaking { stage: StageId(1), slots: slots.into() };
        outgoing.send(speaking(&[(0, -20)]));
        outgoing.send(ended(1));
        outgoing.send(ended(2));
        drivers[0].send(speaking(&[]));
        drop((outgoing, drivers));
        assert_eq!(events.next().await, Some(ended(1)));
        assert_eq!(events.next().await, Some(ended(2)));
        assert_eq!(events.next().await, Some(speaking(&[])));
        assert_eq!(events.next().await, None);
    }

    #[tokio::test]
    async fn an_event_wakes_whoever_waits() {
        let (outgoing, mut events) = channel(1);
        let waiting = tokio::spawn(async move { events.next().await });
        tokio::task::yield_now().await;
        outgoing[0].send(ended(1));
        assert_eq!(waiting.await.unwrap(), Some(ended(1)));
    }

    #[test]
    fn a_backlog_shows_and_an_abandoned_inbox_has_none() {
        let (mut outgoing, events) = channel(1);
        let outgoing = outgoing.remove(0);
        for session in 0..BACKLOG_MAX as u64 {
            assert!(!outgoing.is_backlogged());
            outgoing.send(ended(session));
        }
        assert!(outgoing.is_backlogged());
        drop(events);
        outgoing.send(ended(0));
        assert!(!outgoing.is_backlogged());
    }
}
