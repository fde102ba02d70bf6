//! What a room comes to, during the live and after it.

use salon_core::{RoomId, Time};
use salon_signal::Person;
use salon_signal::conflated::Audience;
use salon_signal::price::{PersonTotal, Supporter};
use salon_signal::snapshot::Phase;
use serde::Serialize;

use super::actor::Actor;
use crate::translate;

/// What a room comes to.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) room: RoomId,
    pub(crate) title: String,
    pub(crate) phase: Phase,
    pub(crate) host: Person,
    pub(crate) live_since_ms: Option<u64>,
    pub(crate) duration_ms: u64,
    pub(crate) audience: Audience,
    pub(crate) peak_viewers: u64,
    pub(crate) hearts: u64,
    pub(crate) comments: usize,
    pub(crate) totals: Vec<PersonTotal>,
    pub(crate) supporters: Vec<Supporter>,
}

impl Actor {
    /// The room as it stands; nothing before it was created.
    pub(super) fn summary(&self) -> Option<Summary> {
        let host = self.room.host().map(translate::person)?;
        let count = self.edge.count();
        let now = self.salon.now();
        let end = self.room.ended_at().unwrap_or(now);
        let lived = self.room.live_since().map(|since| end.since(since)).unwrap_or_default();
        let terms = self.salon.read_ledger(|ledger| ledger.terms().clone());
        Some(Summary {
            room: self.room.id(),
            title: self.room.title().map(|title| title.as_str().to_owned()).unwrap_or_default(),
            phase: translate::phase(&self.room),
            host,
            live_since_ms: self.room.live_since().map(Time::as_ms),
            duration_ms: u64::try_from(lived.as_millis()).unwrap_or(u64::MAX),
            audience: translate::audience(count),
            peak_viewers: count.peak,
            hearts: self.edge.hearts(),
            comments: self.room.comments().len(),
            totals: translate::totals(&self.room, &self.tally, &terms),
            supporters: translate::supporters(&self.room),
        })
    }
}
