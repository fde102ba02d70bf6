//! Connections and media sessions: they come, watch, react, publish and go.

use bytes::Bytes;
use salon_cluster::bus::Reply;
use salon_core::{GrantKey, UserId};
use salon_room::room::Phase;
use salon_room::seat::Role;
use salon_room::{Actor as By, Command, Person};
use salon_rtc::media::{Publish, Watch};
use salon_rtc::{Answer as MediaAnswer, OfferError, SessionId as MediaSession, StageId};
use salon_signal::conflated::{Conflated, Level};
use salon_signal::ephemeral::Ephemeral;
use salon_signal::error::{Action, CloseCode};
use salon_signal::snapshot::{Snapshot, State};
use salon_signal::{Position, Stream, codec, server};

use super::actor::Actor;
use super::call::Answer;
use super::hub::SessionId;
use super::pending::{Ready, Task, Then};
use super::place::{Join, Presence};
use super::turn::Turn;
use crate::translate;

/// How soon a client should come back after an orderly restart, in milliseconds. A guess.
const RESTART_MS: u64 = 500;

/// How a session that the room ends is closed: with the true reason only where it is no secret.
pub(super) fn out_code(removed: bool) -> CloseCode {
    if removed { CloseCode::REMOVED } else { CloseCode::NOT_AVAILABLE }
}

impl Actor {
    pub(super) fn hear(&mut self, turn: &mut Turn, heard: Presence) {
        match heard {
            Presence::Join(join) => {
                let by = By::User(join.person.clone());
                let then = Then::Join(join);
                self.consider(turn, Task { by, then, ..Task::of_system(Command::CheckJoin) });
            }
            Presence::React { person, hearts } => self.react(&person, hearts),
            Presence::Speaking { seats } => {
                let level = |(seat, level_db)| Level { seat, level_db };
                let seats = seats.into_iter().map(level).collect();
                let frame = self.conflated(Conflated::Speaking { seats });
                self.hub.tell_all(&frame);
            }
            Presence::Layers { seat, wanted } => {
                self.layers.insert(seat, wanted);
                let mut granted = self.grants.iter();
                let publisher = granted.find(|(_, (granted, _))| granted.get() == seat);
                if let Some(user) = publisher.map(|(user, _)| user.clone())
                    && let Some(frame) = self.layers_frame(&user)
                {
                    self.hub.tell_user(&user, &frame);
                }
            }
            Presence::MediaEnded { session } => {
                self.watching.remove(&session);
            }
            // Handled where it ends the loop.
            Presence::Stop => {}
        }
    }

    /// Lets a connection in: from where it was, or with a snapshot of each stream.
    pub(super) fn admit(&mut self, join: Join) {
        let Join { session, person, outbox, from, gone, reply } = join;
        let user = person.user.clone();
        let on_stage = self.room.is_host(&user);
        let out = self.hub.join(session, person.clone(), outbox, on_stage);
        if reply.send(Ok(out)).is_err() {
            self.hub.leave(session);
            return;
        }
        if self.is_audience(&user) {
            self.edge.join(session, person);
        }
        let leaving = user.clone();
        self.pending.push(Box::pin(async move {
            let _closed = gone.await;
            Ready::Left(session, leaving)
        }));
        for stream in Stream::ALL {
            if stream == Stream::Stage && !on_stage {
                continue;
            }
            let from = from.iter().find(|position| position.stream == stream);
            for frame in self.catch_up(stream, &user, from) {
                self.hub.tell_session(session, frame);
            }
        }
        let grant = self.grant_frame(&user);
        self.hub.tell_session(session, grant);
        let capabilities = self.capabilities_frame(&user);
        self.hub.tell_session(session, capabilities);
        if let Some(layers) = self.layers_frame(&user) {
            self.hub.tell_session(session, layers);
        }
        self.greet_with_counts(session);
        self.touch();
        // A seated person who is back keeps the seat; the room hears of it in a turn of its own.
        let up = Task::of_system(Command::LinkUp { user: user.clone() });
        if self.room.role(&user) != Role::Viewer {
            self.pending.push(Box::pin(async move {
                Ready::Decide(Box::new(up), salon_room::facts::Facts::new())
            }));
        }
    }

    /// Which encodings of a seated person's picture anybody watches, if media has said.
    fn layers_frame(&mut self, user: &UserId) -> Option<Bytes> {
        let (seat, _) = self.grants.get(user)?;
        let wanted = self.layers.get(&seat.get())?.clone();
        Some(self.conflated(Conflated::Layers { wanted }))
    }

    /// Is this somebody who watches? The host and the seated are not counted, and nobody is once
    /// the room is over.
    pub(super) fn is_audience(&self, user: &UserId) -> bool {
        let over = matches!(self.room.phase(), Phase::Ended(_));
        !over && self.room.role(user) == Role::Viewer
    }

    /// The frames that bring one stream of one session up to date.
    fn catch_up(&self, stream: Stream, user: &UserId, from: Option<&Position>) -> Vec<Bytes> {
        let current = self.streams.of(stream, user);
        if let (Some(current), Some(from)) = (current, from)
            && let Some(missed) = current.after(*from)
        {
            let to = current.position();
            let resumed =
                server::Frame::Resumed { stream, epoch: to.epoch, from: from.seq, to: to.seq };
            return std::iter::once(codec::encode(&resumed)).chain(missed.cloned()).collect();
        }
        let now = self.salon.now();
        let terms = self.salon.read_ledger(|ledger| ledger.terms().clone());
        let state = match stream {
            Stream::Room => {
                let count = self.edge.count();
                let hearts = self.edge.hearts();
                let state =
                    translate::room_state(&self.room, &self.tally, &terms, count, hearts, now);
                State::Room(Box::new(state))
            }
            Stream::Stage => State::Stage(translate::stage_state(&self.room)),
            Stream::User => State::User(translate::user_state(&self.room, user, &terms, now)),
        };
        let seq = current.map_or(0, |stream| stream.position().seq);
        let snapshot = Snapshot { epoch: self.streams.epoch(), seq, state };
        vec![codec::encode(&server::Frame::Snapshot(snapshot))]
    }

    /// A connection let go of its place.
    pub(super) fn depart(&mut self, turn: &mut Turn, session: SessionId, user: &UserId) {
        self.edge.leave(session);
        self.hub.leave(session);
        self.link(turn, user);
        self.touch();
    }

    /// Lets go of the sessions that fell behind; their connections resume.
    pub(super) fn drop_slow(&mut self) {
        for (session, person) in self.hub.drop_slow() {
            self.salon.metrics().sessions_slow.add_one();
            tracing::debug!(room = %self.room.id(), user = %person.user, "session fell behind");
            self.edge.leave(session);
            self.touch();
        }
    }

    fn react(&mut self, person: &Person, hearts: u32) {
        let live = self.room.is_live() && self.hub.is_connected(&person.user);
        if !live || self.edge.react(self.salon.now(), &person.user, hearts).is_err() {
            return;
        }
        let special = self.room.hearts_best(&person.user);
        let user = Some(person.user.clone());
        let burst = Ephemeral::HeartBurst { user, hearts, special };
        let frame = codec::encode(&server::Frame::Ephemeral { body: burst });
        self.hub.tell_all(&frame);
        self.touch();
    }

    /// Tells everyone the counts as they are now.
    pub(super) fn tell_counts(&mut self) {
        for frame in self.count_frames() {
            self.hub.tell_all(&frame);
        }
    }

    pub(super) fn count_frames(&mut self) -> [Bytes; 2] {
        let audience = translate::audience(self.edge.count());
        let total = self.edge.hearts();
        [self.conflated(Conflated::Audience(audience)), self.conflated(Conflated::Hearts { total })]
    }

    fn conflated(&mut self, body: Conflated) -> Bytes {
        self.versions += 1;
        codec::encode(&server::Frame::Conflated { version: self.versions, body })
    }

    /// The service stops: everyone is told to come back, and the room sleeps in its log.
    pub(super) fn say_farewell(&mut self) {
        let go = server::Frame::GoAway { action: Action::Resume, after_ms: RESTART_MS };
        self.hub.tell_all(&codec::encode(&go));
        self.hub.close_all(CloseCode::RESTARTING);
    }
}

/// Media sessions.
impl Actor {
    fn stage(&self) -> StageId {
        StageId(self.room.id().to_u128())
    }

    /// Publishes under a grant, if it is the one this person has now.
    pub(super) fn publish(
        &mut self,
        reply: Reply<Answer>,
        user: &UserId,
        key: GrantKey,
        offer: String,
    ) {
        let held = self.grants.get(user).filter(|(_, current)| *current == key);
        let Some((seat, _)) = held else {
            reply.send(Answer::NoGrant);
            return;
        };
        let publish = Publish { stage: self.stage(), slot: seat.get(), key, offer };
        let media = self.salon.media().clone();
        self.pending.push(Box::pin(async move {
            reply.send(Answer::Media(media.publish(publish).await));
            Ready::Done
        }));
    }

    /// Watches, for somebody who may.
    pub(super) fn watch(&mut self, reply: Reply<Answer>, person: Person, offer: String) {
        let mask = self.grants.get(&person.user).map(|(seat, _)| seat.get());
        let watch = Watch { stage: self.stage(), offer, mask };
        let media = self.salon.media().clone();
        let user = person.user;
        self.pending.push(Box::pin(async move {
            let answer = media.watch(watch).await;
            Ready::Watched { user, reply, answer }
        }));
    }

    pub(super) fn watched(
        &mut self,
        user: UserId,
        reply: Reply<Answer>,
        answer: Result<MediaAnswer, OfferError>,
    ) {
        let mut refuse = false;
        if let Ok(answer) = &answer {
            // They may have been sent out, or seated, while media was answering.
            refuse = self.room.removed(&user);
            self.keep(answer.session, &user, refuse);
        }
        reply.send(if refuse { Answer::NoGrant } else { Answer::Media(answer) });
    }

    fn keep(&mut self, session: MediaSession, user: &UserId, refuse: bool) {
        let media = self.salon.media().clone();
        if refuse {
            tokio::spawn(async move { media.close(session).await });
            return;
        }
        self.watching.insert(session, user.clone());
        self.salon.note_media(session, self.room.id());
        if let Some((seat, _)) = self.grants.get(user) {
            let mask = Some(seat.get());
            self.pending.push(Box::pin(async move {
                media.mask(session, mask).await;
                Ready::Done
            }));
        }
    }
}
