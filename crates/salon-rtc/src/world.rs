//! Everything a shard owns apart from its queues: sessions, stages, and the fan-out between them.
//!
//! Here: the life of sessions, from what arrives to what ends them. Orders are in `order.rs`, media
//! is in `forward.rs`, what stages carry and what crosses from shard to shard in `tracks.rs`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use salon_core::{MediaTime, TrackId};
use salon_fanout::engine::{Input, Nack};
use salon_fanout::sink::SinkId;
use salon_fanout::{Fanout, Outbox, Slot, engine};

use crate::clock::Clock;
use crate::config::Config;
use crate::egress::{Queue, Run};
use crate::event::{Event, Outgoing};
use crate::handshakes::Handshakes;
use crate::media::{SessionId, StageId};
use crate::mesh::{DEBT_INTERVAL, Interest, Mesh};
use crate::peer::{Factory, Happening, Wire, random};
use crate::routes::Fragment;
use crate::session::{Deadlines, Role, Session};
use crate::shard::Places;
use crate::socket::{Arrival, Datagram};
use crate::stage::Stage;
use crate::statistics::Counters;
use crate::table::{Key, Table};
use crate::tracks::Track;

/// What a shard shares with the others, or has in common with them.
pub(crate) struct Common {
    pub(crate) config: Config,
    pub(crate) factory: Arc<Factory>,
    pub(crate) mesh: Mesh,
    pub(crate) places: Places,
    pub(crate) events: Outgoing,
    pub(crate) counters: Arc<Counters>,
    /// When media time began, and what time it was then: the same for all.
    pub(crate) clock: Clock,
}

/// Sessions, stages and the fan-out of one shard.
///
/// Every public method handles what happens. Packets for viewers may wait in the queue afterwards: [`World::flush`]
/// sends them.
pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) factory: Arc<Factory>,
    pub(crate) mesh: Mesh,
    pub(crate) places: Places,
    pub(crate) wire: Wire,
    pub(crate) sessions: Table<Session>,
    // Invariant: exactly the sessions of the table.
    pub(crate) ids: HashMap<SessionId, Key>,
    pub(crate) stages: HashMap<StageId, Stage>,
    pub(crate) media: Forwarding,
    pub(crate) events: Outgoing,
    pub(crate) counters: Arc<Counters>,
    pub(crate) deadlines: Deadlines,
    pub(crate) handshakes: Handshakes,
    /// When what is owed to other shards is told again.
    debts_at: Instant,
    began: Instant,
}

/// The fan-out, and what is between it and the sessions.
pub(crate) struct Forwarding {
    pub(crate) fanout: Fanout,
    pub(crate) outbox: Outbox,
    // Invariant: exactly the sources of the fan-out.
    pub(crate) tracks: HashMap<TrackId, Track>,
    /// How many tracks have been numbered, counted from where the shard's numbers begin.
    pub(crate) tracks_made: u64,
    /// What waits to be sent.
    pub(crate) queue: Queue,
    pub(crate) run: Run,
}

impl Forwarding {
    /// The number of the next new track.
    pub(crate) const fn next_track(&self) -> TrackId {
        TrackId(self.tracks_made)
    }
}

impl World {
    pub(crate) fn new(common: Common, wire: Wire) -> Self {
        let Common { config, factory, mesh, places, events, counters, clock } = common;
        let mut limits = engine::Config::default();
        limits.sinks_max = config.sessions_max;
        limits.sources_max = 2 * config.sessions_max;
        // No two shards give a track the same number, though each counts on for 2^56.
        let tracks_made = u64::from(mesh.own().0) << 56;
        Self {
            config,
            factory,
            mesh,
            places,
            wire,
            sessions: Table::default(),
            ids: HashMap::new(),
            stages: HashMap::new(),
            media: Forwarding {
                fanout: Fanout::new(limits),
                outbox: Outbox::new(),
                tracks: HashMap::new(),
                tracks_made,
                queue: Queue::default(),
                run: Run::new(),
            },
            events,
            counters,
            deadlines: Deadlines::default(),
            handshakes: Handshakes::new(clock.began()),
            debts_at: clock.began(),
            began: clock.began(),
        }
    }

    /// A datagram arrived.
    pub(crate) fn on_datagram(&mut self, now: Instant, datagram: &Datagram<'_>) {
        self.counters.datagrams_in.add(1);
        self.counters.bytes_in.add(datagram.bytes.len() as u64);
        let key = match crate::stun::binding_request_for(datagram.bytes) {
            Some(fragment) => {
                Fragment::parse(fragment).and_then(|name| self.wire.routes.fragment(name))
            }
            None => self.wire.routes.address(datagram.source),
        };
        let session = key.and_then(|key| Some((key, self.sessions.get_mut(key)?)));
        let Some((key, session)) = session else {
            self.counters.datagrams_unknown.add(1);
            return;
        };
        let target = self.wire.socket.target(datagram.target_ip);
        let arrival = Arrival { source: datagram.source, target, bytes: datagram.bytes };
        if session.awaits_turn(datagram.bytes) {
            if session.put_off < Handshakes::EACH_MAX && self.handshakes.put_off(key, &arrival) {
                session.put_off += 1;
            } else {
                self.counters.handshakes_dropped.add(1);
            }
            return;
        }
        self.receive(now, key, arrival);
    }

    /// Goes on with handshakes that wait for their turn, for as long as one turn lasts.
    fn shake_hands(&mut self, began: Instant) {
        let mut now = began;
        while !self.handshakes.is_turn_over(began, now)
            && let Some((key, waiting)) = self.handshakes.next()
        {
            if let Some(session) = self.sessions.get_mut(key) {
                session.put_off -= 1;
            }
            self.receive(now, key, waiting.arrival());
            now = Instant::now();
        }
    }

    fn receive(&mut self, now: Instant, key: Key, arrival: Arrival<'_>) {
        // A session may have ended while its datagram waited.
        let Some(session) = self.sessions.get_mut(key) else { return };
        if !session.role.receive(now, arrival, key, &mut self.wire) {
            self.counters.datagrams_unknown.add(1);
        }
        self.deadlines.arm(key, session);
        self.settle(now);
    }

    /// When to call [`World::on_deadline`]; it may be too early, never too late.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let session = self.deadlines.first();
        let queue = self.media.queue.deadline(self.config.coalescing_max);
        let fanout = self.media.fanout.next_deadline();
        let fanout = fanout.map(|time| self.began + Duration::from_micros(time.as_us()));
        let debts = self.mesh.has_debts().then_some(self.debts_at);
        let handshakes = self.handshakes.deadline();
        let deadlines = [session, queue, fanout, debts, handshakes];
        deadlines.into_iter().flatten().min()
    }

    /// Time has passed.
    pub(crate) fn on_deadline(&mut self, now: Instant) {
        for key in self.deadlines.take_due(now) {
            let Some(session) = self.sessions.get_mut(key) else { continue };
            session.armed = None;
            if !session.is_connected && session.expires <= now {
                self.end(now, key);
                continue;
            }
            if session.deadline() <= now {
                session.role.advance(now, key, &mut self.wire);
                self.report(now, key);
            }
            self.arm(key);
        }
        let time = self.media_time(now);
        if self.media.fanout.next_deadline().is_some_and(|deadline| deadline <= time) {
            self.media.fanout.on_deadline(time);
        }
        if self.mesh.has_debts() && self.debts_at <= now {
            self.debts_at = now + DEBT_INTERVAL;
            self.settle_debts();
        }
        self.settle(now);
        self.flush_unless_coalescing(now);
        if self.handshakes.deadline().is_some_and(|due| due <= now) {
            self.shake_hands(now);
            self.flush_unless_coalescing(Instant::now());
        }
    }

    /// Sends what waits, if enough of it does: while more keeps coming in.
    pub(crate) fn flush_if_due(&mut self, now: Instant) {
        if self.media.queue.is_due(now) {
            self.flush(now);
        }
    }

    /// Sends what waits, unless it is to wait although nothing else is to be done.
    pub(crate) fn flush_unless_coalescing(&mut self, now: Instant) {
        let queue = &self.media.queue;
        let is_late = queue.deadline(self.config.coalescing_max).is_some_and(|due| due <= now);
        if is_late || queue.is_due(now) {
            self.flush(now);
        }
    }

    /// Handles everything that has happened, and what that makes happen.
    pub(crate) fn settle(&mut self, now: Instant) {
        loop {
            self.collect(now);
            if let Some(output) = self.media.fanout.poll() {
                self.on_output(now, output);
            } else if let Some((key, happening)) = self.wire.happenings.pop_front() {
                match happening {
                    Happening::Connected => self.on_connected(now, key),
                    Happening::Ended => self.end(now, key),
                    Happening::Packet(packet) => self.on_packet(now, key, &packet),
                    Happening::KeyframeWanted(slot) => self.on_keyframe_wanted(now, key, slot),
                    Happening::Reception { slot, lost } => self.on_reception(now, key, slot, lost),
                    Happening::PacketsLost { slot, sequences, rtt } => {
                        let sink = SinkId(key.to_u64());
                        self.on_packets_lost(now, Nack { sink, slot, rtt }, &sequences);
                    }
                }
            } else {
                return;
            }
        }
    }

    /// Takes a session in and starts its clock.
    pub(crate) fn begin(&mut self, now: Instant, stage: StageId, role: Role) -> SessionId {
        let id = SessionId::draw(self.mesh.own(), random);
        let session = Session::new(id, stage, role, now + self.config.handshake_max);
        let fragment = session.role.fragment();
        let place = match &session.role {
            Role::Seat(seat) => Some(usize::from(seat.slot)),
            Role::Viewer(_) => None,
        };
        let key = self.sessions.insert(session);
        self.ids.insert(id, key);
        self.wire.routes.add(fragment, key);
        let known = self.stages.entry(stage).or_default();
        match place {
            Some(slot) => {
                known.seats[slot] = Some(key);
                self.counters.publishers.add(1);
            }
            None => {
                known.viewers.insert(key);
                self.counters.viewers.add(1);
                if known.viewers.len() == 1 {
                    self.change_interest(now, stage, Interest::Watched);
                }
            }
        }
        if let Some(session) = self.sessions.get_mut(key) {
            session.role.advance(now, key, &mut self.wire);
        }
        self.arm(key);
        id
    }

    /// Ends a session, whatever it was doing. Ending one twice does nothing.
    pub(crate) fn end(&mut self, now: Instant, key: Key) {
        let Some(session) = self.sessions.remove(key) else {
            return;
        };
        self.ids.remove(&session.id);
        self.deadlines.disarm(key, &session);
        let stage = self.stages.get_mut(&session.stage).expect("a session's stage exists");
        match &session.role {
            Role::Seat(seat) => {
                let place = &mut stage.seats[usize::from(seat.slot)];
                if *place == Some(key) {
                    *place = None;
                }
                self.counters.publishers.subtract(1);
                self.remove_sources(now, session.stage, key);
                self.set_level(session.stage, seat.slot, None);
            }
            Role::Viewer(_) => {
                stage.viewers.remove(&key);
                let is_last = stage.viewers.is_empty();
                self.counters.viewers.subtract(1);
                if session.is_connected {
                    self.tell_fanout(now, Input::RemoveSink { sink: SinkId(key.to_u64()) });
                }
                if is_last {
                    self.change_interest(now, session.stage, Interest::Unwatched);
                }
            }
        }
        self.forget_if_unused(session.stage);
        self.places.give_back();
        self.events.send(Event::Disconnected { session: session.id });
        self.wire.routes.remove(session.role.fragment(), key);
        session.role.close(now, &mut self.wire);
    }

    /// Ends everything.
    pub(crate) fn end_all(&mut self, now: Instant) {
        let keys: Vec<Key> = self.sessions.keys().collect();
        for key in keys {
            self.end(now, key);
        }
    }

    pub(crate) fn media_time(&self, now: Instant) -> MediaTime {
        MediaTime(0) + now.saturating_duration_since(self.began)
    }

    /// Makes sure that the session is called in time.
    pub(crate) fn arm(&mut self, key: Key) {
        if let Some(session) = self.sessions.get_mut(key) {
            self.deadlines.arm(key, session);
        }
    }

    fn on_connected(&mut self, now: Instant, key: Key) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        if session.is_connected {
            return;
        }
        session.is_connected = true;
        self.events.send(Event::Connected { session: session.id });
        if let Role::Viewer(viewer) = &session.role {
            let tiles = viewer.tiles;
            let sink = SinkId(key.to_u64());
            self.tell_fanout(now, Input::AddSink { sink, seed: random() });
            if let Some(rows) = tiles {
                self.show(now, key, rows);
            }
            for slot in Slot::all() {
                self.attach(now, key, slot);
            }
        }
    }

    pub(crate) fn set_level(
        &mut self,
        stage: StageId,
        slot: u8,
        level: Option<salon_fanout::packet::AudioLevel>,
    ) {
        let changed = self.stages.get_mut(&stage).and_then(|known| known.set_level(slot, level));
        if let Some(slots) = changed {
            self.events.send(Event::Speaking { stage, slots });
        }
    }
}
