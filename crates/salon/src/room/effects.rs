//! What follows from a decision: some of it at once, the rest once it is durable.

use bytes::Bytes;
use salon_core::{GrantKey, Time, UserId};
use salon_room::audience::Predicate;
use salon_room::effect::Notice as RoomNotice;
use salon_room::seat::SeatNo;
use salon_room::{Command, Effect};
use salon_rtc::StageId;
use salon_signal::event::Event;
use salon_signal::secret::Token;
use salon_signal::{codec, server};

use super::actor::Actor;
use super::pending::{self, Ready};
use super::turn::{Due, Turn};
use super::{grant, hub::SessionId};
use crate::badges::Opening;
use crate::ports::Notice;
use crate::translate::{self, Told};

impl Actor {
    /// What does not wait for durability: silence and eviction. False for everything else.
    pub(super) fn carry_out_at_once(&mut self, effect: &Effect) -> bool {
        match effect {
            Effect::RevokeGrant { user, key, .. } => {
                self.revoke(user, *key);
                true
            }
            Effect::EvictAudience(Predicate::User(user)) => {
                self.evict(std::slice::from_ref(user));
                true
            }
            Effect::EvictAudience(Predicate::BlockedBy(by)) => {
                let viewers = self.edge.list(usize::MAX).map(|viewer| viewer.user.clone());
                let (salon, by, viewers) = (self.salon.clone(), by.clone(), viewers.collect());
                self.pending.push(Box::pin(async move {
                    Ready::Blocked(pending::blocked(salon.people(), &by, viewers).await)
                }));
                true
            }
            Effect::IssueGrant { .. } | Effect::Notify { .. } | Effect::OpenPurchase { .. } => {
                false
            }
        }
    }

    /// What waits until everybody may know of it.
    pub(super) fn carry_out(&mut self, due: Due) {
        let room = self.room.id();
        match due.effect {
            Effect::IssueGrant { user, seat, key } => {
                self.grants.insert(user.clone(), (seat, key));
                self.tell_grant(&user);
                self.mask(&user, Some(seat));
            }
            Effect::Notify { user, notice: RoomNotice::Invited { until, .. } } => {
                let Some(by) = self.room.host().cloned() else { return };
                let salon = self.salon.clone();
                self.pending.push(Box::pin(async move {
                    salon.notifier().notify(&user, Notice::Invited { room, by, until }).await;
                    Ready::Done
                }));
            }
            Effect::OpenPurchase { purchase, from, to, stint, sku, note: _ } => {
                self.salon.begin_purchase(Opening {
                    room,
                    purchase,
                    supporter: from.user,
                    recipient: to,
                    stint,
                    sku,
                    method: due.method,
                });
            }
            // Carried out before.
            Effect::RevokeGrant { .. } | Effect::EvictAudience(_) => {}
        }
    }

    fn revoke(&mut self, user: &UserId, key: GrantKey) {
        if self.grants.get(user).is_some_and(|(_, current)| *current == key) {
            self.grants.remove(user);
        }
        let (media, stage) = (self.salon.media().clone(), StageId(self.room.id().to_u128()));
        // On a task of its own: it must not wait for this turn's durable write.
        tokio::spawn(async move { media.revoke(stage, key).await });
        self.mask(user, None);
        self.tell_grant(user);
    }

    /// A seated person does not receive themselves.
    fn mask(&mut self, user: &UserId, seat: Option<SeatNo>) {
        for session in pending::sessions_of(&self.watching, user) {
            let media = self.salon.media().clone();
            self.pending.push(Box::pin(async move {
                media.mask(session, seat.map(SeatNo::get)).await;
                Ready::Done
            }));
        }
    }

    /// Tells one person all they may publish.
    fn tell_grant(&mut self, user: &UserId) {
        let frame = self.grant_frame(user);
        self.hub.tell_user(user, &frame);
    }

    pub(super) fn grant_frame(&self, user: &UserId) -> Bytes {
        let publish = self.grants.get(user).map(|(seat, key)| {
            let now = self.salon.now();
            let token = grant::sign(self.salon.sealer(), now, self.room.id(), user, *key);
            let token = Token::new(token).expect("a grant is shorter than 4 KiB");
            server::Grant { seat: seat.get(), stint: key.stint, fence: key.fence, token }
        });
        codec::encode(&server::Frame::Grants { publish })
    }

    pub(super) fn capabilities_frame(&self, user: &UserId) -> Bytes {
        let (can, withheld) = translate::capabilities(&self.room, user);
        codec::encode(&server::Frame::Capabilities { can, withheld })
    }

    /// Puts an event into its stream and sends it to whoever reads that.
    pub(super) fn publish_event(&mut self, at: Time, (stream, event): Told) {
        let frame = self.streams.push(&stream, at, event.clone());
        self.salon.metrics().events_encoded.add_one();
        match &stream {
            translate::Stream::Room => self.hub.tell_all(&frame),
            translate::Stream::Stage => self.hub.tell_stage(&frame),
            translate::Stream::User(user) => self.hub.tell_user(user, &frame),
        }
        match (stream, event) {
            (translate::Stream::Room, Event::SeatTaken { person, .. }) => self.reseat(&person.user),
            (translate::Stream::Room, Event::SeatReleased { user: Some(user), .. }) => {
                self.reseat(&user);
            }
            (
                translate::Stream::Room,
                Event::WentLive | Event::RoomEnded { .. } | Event::RequestPolicyChanged { .. },
            ) => {
                for (session, user) in self.hub.everyone() {
                    let frame = self.capabilities_frame(&user);
                    self.hub.tell_session(session, frame);
                }
            }
            _ => {}
        }
    }

    /// Somebody sat down or stood up: the seated are not counted as audience.
    fn reseat(&mut self, user: &UserId) {
        let watches = self.is_audience(user);
        for session in self.hub.sessions_of(user) {
            match self.hub.person(session) {
                Some(person) if watches => self.edge.join(session, person.clone()),
                _ => self.edge.leave(session),
            }
        }
        let frame = self.capabilities_frame(user);
        self.hub.tell_user(user, &frame);
        self.touch();
    }

    /// Ends every session of these people, on the wire and in media.
    pub(super) fn evict(&mut self, users: &[UserId]) {
        for user in users {
            let removed = self.room.removed(user);
            for session in self.hub.sessions_of(user) {
                self.edge.leave(session);
                self.hub.close(session, super::connection::out_code(removed));
            }
            for session in pending::sessions_of(&self.watching, user) {
                self.watching.remove(&session);
                let media = self.salon.media().clone();
                tokio::spawn(async move { media.close(session).await });
            }
        }
        self.touch();
    }

    /// A connection of somebody seated came or went.
    pub(super) fn link(&mut self, turn: &mut Turn, user: &UserId) {
        let Some(occupant) = self.room.seat_of(user).and_then(|seat| seat.occupant()) else {
            return;
        };
        let up = matches!(occupant.link, salon_room::seat::Link::Up);
        let user = user.clone();
        match (self.hub.is_connected(&user), up) {
            (true, false) => self.tell_room(turn, Command::LinkUp { user }),
            (false, true) => self.tell_room(turn, Command::LinkLost { user }),
            (true, true) | (false, false) => {}
        }
    }

    /// Sends the present state of everything conflated to one session.
    pub(super) fn greet_with_counts(&mut self, session: SessionId) {
        for frame in self.count_frames() {
            self.hub.tell_session(session, frame);
        }
    }
}
