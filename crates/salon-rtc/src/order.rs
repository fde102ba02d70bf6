//! What the handle orders, carried out.

use std::time::Instant;

use salon_core::GrantKey;
use salon_fanout::Slot;
use salon_fanout::codec::Medium;

use crate::media::{Answer, OfferError, Order, Publish, SLOTS, SessionId, StageId, Watch};
use crate::sdp::{self, Direction};
use crate::seat::Seat;
use crate::session::Role;
use crate::table::Key;
use crate::tracks::Origin;
use crate::viewer::Viewer;
use crate::world::World;

impl World {
    /// Carries out an order. A caller that has stopped waiting for the reply is not missed.
    pub(crate) fn on_order(&mut self, now: Instant, order: Order) {
        match order {
            Order::Publish(publish, reply) => {
                let answer = self.publish(now, &publish);
                self.finish(now);
                let _ = reply.send(self.counted(answer));
            }
            Order::Watch(watch, reply) => {
                let answer = self.watch(now, &watch);
                self.finish(now);
                let _ = reply.send(self.counted(answer));
            }
            Order::Mask(session, mask, reply) => {
                self.mask(now, session, mask);
                self.finish(now);
                let _ = reply.send(());
            }
            Order::Tiles(session, rows, reply) => {
                let is_known = self.tiles(now, session, rows);
                self.finish(now);
                let _ = reply.send(is_known);
            }
            Order::Close(session, reply) => {
                let key = self.ids.get(&session).copied();
                if let Some(key) = key {
                    self.end(now, key);
                }
                self.finish(now);
                let _ = reply.send(key.is_some());
            }
            Order::Revoke(stage, key, reply) => {
                self.revoke(now, stage, key);
                self.finish(now);
                let _ = reply.send(());
            }
            Order::CloseStage(stage, reply) => {
                self.close_stage(now, stage);
                self.finish(now);
                let _ = reply.send(());
            }
            Order::Shutdown(reply) => {
                self.end_all(now);
                self.finish(now);
                let _ = reply.send(());
            }
        }
    }

    /// What an order made happen is done, and what it let through is sent, before anybody is told.
    fn finish(&mut self, now: Instant) {
        self.settle(now);
        self.flush(now);
    }

    fn publish(&mut self, now: Instant, publish: &Publish) -> Result<Answer, OfferError> {
        let Publish { stage, slot, key, ref offer } = *publish;
        let place = usize::from(slot);
        if place >= SLOTS {
            return Err(OfferError::Slot(slot));
        }
        let known = self.stages.get(&stage);
        if known.is_some_and(|known| known.is_revoked(key)) {
            return Err(OfferError::Revoked(key));
        }
        let seats = known.map(|known| known.seats).unwrap_or_default();
        if seats[place].and_then(|seat| self.grant_of(seat)).is_some_and(|current| current > key) {
            return Err(OfferError::Revoked(key));
        }
        // A person that comes back, or moves, replaces itself; the slot has one publisher.
        let replaced = (0..).zip(seats).filter_map(|(other, seat)| {
            let seat = seat?;
            let is_replaced = other == place || self.grant_of(seat) == Some(key);
            is_replaced.then_some(seat)
        });
        let replaced: Vec<Key> = replaced.collect();
        self.check_backlog()?;
        let offer = sdp::prepare_offer(offer, Direction::In)?;
        let candidates = self.wire.socket.candidates();
        let (peer, sdp) = self.factory.accept_seat(now, &offer, candidates)?;
        if replaced.is_empty() {
            self.take_place()?;
        } else {
            self.places.take_over();
        }

        // Nothing below can fail.
        for seat in replaced {
            self.end(now, seat);
        }
        let video = offer.sections.iter().find(|section| section.medium == Medium::Video);
        let rids = video.map(|section| &*section.rids).unwrap_or_default();
        let seat = Box::new(Seat::new(peer, slot, key, rids));
        let session = self.begin(now, stage, Role::Seat(seat));
        Ok(Answer { sdp, session })
    }

    fn watch(&mut self, now: Instant, watch: &Watch) -> Result<Answer, OfferError> {
        let Watch { stage, ref offer, mask } = *watch;
        if let Some(slot) = mask.filter(|slot| usize::from(*slot) >= SLOTS) {
            return Err(OfferError::Slot(slot));
        }
        self.check_backlog()?;
        let offer = sdp::prepare_offer(offer, Direction::Out)?;
        let candidates = self.wire.socket.candidates();
        let (leg, fragment, sdp) = self.factory.accept_viewer(now, &offer, candidates)?;
        self.take_place()?;

        // Nothing below can fail.
        let viewer = Box::new(Viewer::new(leg, fragment, mask));
        let session = self.begin(now, stage, Role::Viewer(viewer));
        Ok(Answer { sdp, session })
    }

    fn mask(&mut self, now: Instant, session: SessionId, mask: Option<u8>) {
        let Some(key) = self.ids.get(&session).copied() else { return };
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Role::Viewer(viewer) = &mut session.role else { return };
        let before = std::mem::replace(&mut viewer.mask, mask);
        if before == mask {
            return;
        }
        for number in before.into_iter().chain(mask) {
            for slot in [Slot::audio(number), Slot::video(number)].into_iter().flatten() {
                self.attach(now, key, slot);
            }
        }
    }

    fn tiles(&mut self, now: Instant, session: SessionId, rows: [u16; SLOTS]) -> bool {
        let Some(key) = self.ids.get(&session).copied() else { return false };
        let Some(session) = self.sessions.get_mut(key) else { return false };
        let Role::Viewer(viewer) = &mut session.role else { return false };
        viewer.tiles = Some(rows);
        if session.is_connected {
            self.show(now, key, rows);
        }
        true
    }

    fn revoke(&mut self, now: Instant, stage: StageId, key: GrantKey) {
        let known = self.stages.entry(stage).or_default();
        known.revoke(key);
        let seats = known.seats;
        for seat in seats.into_iter().flatten() {
            if self.grant_of(seat) == Some(key) {
                self.end(now, seat);
            }
        }
        // Where it is not published but watched: home has ended it, or is about to.
        let home = self.mesh.home_of(stage);
        self.change_slots(now, stage, Origin::Shard(home), |slots| slots);
    }

    fn close_stage(&mut self, now: Instant, stage: StageId) {
        let Some(known) = self.stages.get(&stage) else { return };
        let sessions: Vec<Key> =
            known.seats.iter().flatten().chain(&known.viewers).copied().collect();
        for key in sessions {
            self.end(now, key);
        }
        self.stages.remove(&stage);
    }

    /// Whether the embedder keeps up with what happens to sessions; if not, no new one may begin.
    fn check_backlog(&self) -> Result<(), OfferError> {
        if self.events.is_backlogged() { Err(self.full()) } else { Ok(()) }
    }

    /// Takes a place for one more session.
    fn take_place(&self) -> Result<(), OfferError> {
        if self.places.take() { Ok(()) } else { Err(self.full()) }
    }

    const fn full(&self) -> OfferError {
        OfferError::Full(self.config.sessions_max)
    }

    fn grant_of(&self, seat: Key) -> Option<GrantKey> {
        match &self.sessions.get(seat)?.role {
            Role::Seat(seat) => Some(seat.key),
            Role::Viewer(_) => None,
        }
    }

    fn counted(&self, answer: Result<Answer, OfferError>) -> Result<Answer, OfferError> {
        if let Err(error) = &answer {
            self.counters.offers_refused.add(1);
            tracing::debug!(%error, "offer refused");
        }
        answer
    }
}
