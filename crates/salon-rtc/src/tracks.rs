//! What each slot of a stage carries: at home as its seats publish, elsewhere as home says.

use std::time::Instant;

use salon_core::TrackId;
use salon_fanout::Slot;
use salon_fanout::codec::Medium;
use salon_fanout::engine::Input;
use salon_fanout::layer::Layers;
use salon_fanout::sink::SinkId;

use crate::demand::Demand;
use crate::event::Event;
use crate::media::StageId;
use crate::mesh::{Crossing, Debt, Interest};
use crate::seat::Source;
use crate::session::Role;
use crate::shard::Shard;
use crate::stage::{Published, SlotTable, Stage, slot_of};
use crate::table::Key;
use crate::world::World;

/// A track, as a shard knows it.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    pub(crate) stage: StageId,
    pub(crate) slot: Slot,
    pub(crate) origin: Origin,
    pub(crate) demand: Demand,
}

/// Where a track comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    /// A seat of this shard.
    Seat(Key),
    /// Another shard: the home of its stage.
    Shard(Shard),
}

impl World {
    /// The first packet of a track came: everybody who watches its slot receives it from now on.
    pub(crate) fn add_source(&mut self, now: Instant, key: Key, source: Source) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Role::Seat(seat) = &mut session.role else { return };
        seat.set_source(source);
        let (stage, grant) = (session.stage, seat.key);
        let slot = slot_of(seat.slot, source.codec.medium());
        self.media.tracks_made += 1;
        let Source { track, codec, profile, .. } = source;
        let published = Published { track, key: grant, codec, profile };
        self.change_slots(now, stage, Origin::Seat(key), |slots| slots.with(slot, Some(published)));
    }

    /// A track has one more layer: every packet says which it is of.
    pub(crate) fn add_layer(&mut self, key: Key, source: Source) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        if let Role::Seat(seat) = &mut session.role {
            seat.set_source(source);
        }
    }

    pub(crate) fn origin_of(&self, track: TrackId) -> Option<Origin> {
        self.media.tracks.get(&track).map(|track| track.origin)
    }

    /// A seat is gone, and its tracks with it.
    pub(crate) fn remove_sources(&mut self, now: Instant, stage: StageId, key: Key) {
        let is_its = |track: TrackId| self.origin_of(track) == Some(Origin::Seat(key));
        let Some(known) = self.stages.get(&stage) else { return };
        let slots = known.slots.without(|published| is_its(published.track));
        self.change_slots(now, stage, Origin::Seat(key), |_| slots);
    }

    /// Changes what the slots of a stage carry; what is new comes from `origin`. Tells whom it concerns.
    pub(crate) fn change_slots(
        &mut self,
        now: Instant,
        stage: StageId,
        origin: Origin,
        change: impl FnOnce(SlotTable) -> SlotTable,
    ) {
        let Some(known) = self.stages.get_mut(&stage) else { return };
        let before = known.slots;
        let after = change(before).without(|published| known.is_revoked(published.key));
        if before == after {
            return;
        }
        known.slots = after;
        let viewers: Vec<Key> = known.viewers.iter().copied().collect();
        for (_, Published { track, .. }) in before.beyond(&after) {
            self.media.tracks.remove(&track);
            self.tell_fanout(now, Input::RemoveSource { track });
        }
        // What waits was written for what the slots carried so far.
        self.collect(now);
        self.flush(now);
        for (slot, Published { track, key, codec, .. }) in after.beyond(&before) {
            let known = Track { stage, slot, origin, demand: Demand::default() };
            self.media.tracks.insert(track, known);
            if let (Origin::Seat(_), Medium::Video) = (origin, slot.medium()) {
                // What was said of the track before in this slot is not meant for this one.
                let (slot, layers) = (slot.number(), Layers::ALL);
                self.events.send(Event::LayersWanted { stage, slot, layers });
            }
            self.tell_fanout(now, Input::AddSource { track, key, codec });
            for viewer in &viewers {
                self.attach(now, *viewer, slot);
            }
        }
        for shard in self.subscribers(stage) {
            self.tell_slots(stage, shard);
        }
    }

    /// Points a viewer's slot at what is published there now, or at nothing. Before the viewer has
    /// connected it receives nothing, and once it has, every slot is attached.
    pub(crate) fn attach(&mut self, now: Instant, viewer: Key, slot: Slot) {
        let Some(session) = self.sessions.get_mut(viewer) else { return };
        let Role::Viewer(leg) = &mut session.role else { return };
        if !session.is_connected {
            return;
        }
        let published = self.stages.get(&session.stage).and_then(|stage| stage.slots.get(slot));
        let published = published.filter(|_| leg.mask != Some(slot.number()));
        let sink = SinkId(viewer.to_u64());
        let input = match published {
            Some(Published { track, key, codec, profile }) if leg.select(slot, codec, profile) => {
                Input::Attach { sink, slot, track, key }
            }
            _ => Input::Detach { sink, slot },
        };
        self.tell_fanout(now, input);
    }

    /// The first viewer of a stage has come to this shard, or its last one has gone.
    pub(crate) fn change_interest(&mut self, now: Instant, stage: StageId, interest: Interest) {
        let home = self.mesh.home_of(stage);
        if home == self.mesh.own() {
            return;
        }
        if interest == Interest::Unwatched {
            self.change_slots(now, stage, Origin::Shard(home), |_| SlotTable::default());
        }
        self.tell_interest(stage);
    }

    /// Another shard has said something.
    pub(crate) fn on_crossing(&mut self, now: Instant, crossing: Crossing) {
        match crossing {
            Crossing::Packet { encoding, key, packet } => {
                let time = self.media_time(now);
                self.media.fanout.forward(time, encoding, key, packet, &mut self.media.outbox);
            }
            Crossing::SenderReport { encoding, key, captured, rtp_timestamp } => {
                // It may be about a track that is gone by now.
                if self.media.tracks.contains_key(&encoding.track) {
                    let report = Input::SenderReport { encoding, key, captured, rtp_timestamp };
                    self.tell_fanout(now, report);
                }
            }
            Crossing::Slots { stage, home, slots } => {
                if self.stages.get(&stage).is_some_and(|stage| !stage.viewers.is_empty()) {
                    self.change_slots(now, stage, Origin::Shard(home), |_| *slots);
                }
            }
            Crossing::KeyframeWanted { encoding } => {
                if self.media.tracks.contains_key(&encoding.track) {
                    self.tell_fanout(now, Input::KeyframeDemanded { encoding });
                }
            }
            Crossing::LayersWanted { track, shard, layers } => {
                self.want_layers(track, shard, layers);
            }
            Crossing::Subscription { stage, shard, interest } => {
                self.on_subscription(stage, shard, interest);
            }
        }
        self.settle(now);
    }

    /// Tells again what other shards had no room for.
    pub(crate) fn settle_debts(&mut self) {
        for debt in self.mesh.take_debts() {
            match debt {
                Debt::Slots { stage, to } => {
                    if self.subscribers(stage).contains(&to) {
                        self.tell_slots(stage, to);
                    }
                }
                Debt::Subscription { stage } => self.tell_interest(stage),
                Debt::Layers { track } => self.tell_layers(track),
            }
        }
    }

    /// The other shards that watch a stage.
    pub(crate) fn subscribers(&self, stage: StageId) -> Vec<Shard> {
        let known = self.stages.get(&stage);
        known.into_iter().flat_map(|known| &known.subscribers).copied().collect()
    }

    fn on_subscription(&mut self, stage: StageId, shard: Shard, interest: Interest) {
        match interest {
            Interest::Watched => {
                self.stages.entry(stage).or_default().subscribers.insert(shard);
                self.forget_demand(stage, shard);
                self.tell_slots(stage, shard);
            }
            Interest::Unwatched => {
                let Some(known) = self.stages.get_mut(&stage) else { return };
                known.subscribers.remove(&shard);
                self.forget_if_unused(stage);
                self.forget_demand(stage, shard);
            }
        }
    }

    pub(crate) fn forget_if_unused(&mut self, stage: StageId) {
        if self.stages.get(&stage).is_some_and(Stage::is_forgettable) {
            self.stages.remove(&stage);
        }
    }

    fn tell_slots(&mut self, stage: StageId, to: Shard) {
        let Some(known) = self.stages.get(&stage) else { return };
        let slots = Box::new(known.slots);
        let home = self.mesh.own();
        if !self.mesh.send(to, Crossing::Slots { stage, home, slots }) {
            self.mesh.owe(Debt::Slots { stage, to });
        }
    }

    fn tell_interest(&mut self, stage: StageId) {
        let is_watched = self.stages.get(&stage).is_some_and(|known| !known.viewers.is_empty());
        let interest = if is_watched { Interest::Watched } else { Interest::Unwatched };
        let (shard, home) = (self.mesh.own(), self.mesh.home_of(stage));
        if !self.mesh.send(home, Crossing::Subscription { stage, shard, interest }) {
            self.mesh.owe(Debt::Subscription { stage });
        }
    }
}
