//! Everything the driver owns apart from its queues: sessions, stages, and the fan-out between them.
//!
//! Here: the life of sessions, from what arrives to what ends them. Orders are in `order.rs`, media
//! is in `forward.rs`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use salon_core::{MediaTime, TrackId};
use salon_fanout::engine::{Input, Nack};
use salon_fanout::sink::SinkId;
use salon_fanout::{Fanout, Outbox, Slot, engine};

use crate::config::Config;
use crate::egress::{Queue, Run};
use crate::event::{Event, Outgoing};
use crate::media::{SessionId, StageId};
use crate::peer::{Factory, Happening, Wire, random};
use crate::routes::Fragment;
use crate::session::{Deadlines, Role, Session};
use crate::socket::Datagram;
use crate::stage::Stage;
use crate::statistics::Counters;
use crate::table::{Key, Table};

/// Sessions, stages and the fan-out.
///
/// Every public method handles what happens. Packets for viewers may wait in the queue afterwards: [`World::flush`]
/// sends them.
pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) factory: Factory,
    pub(crate) wire: Wire,
    pub(crate) sessions: Table<Session>,
    // Invariant: exactly the sessions of the table.
    pub(crate) ids: HashMap<SessionId, Key>,
    pub(crate) stages: HashMap<StageId, Stage>,
    pub(crate) media: Forwarding,
    pub(crate) events: Outgoing,
    pub(crate) counters: Arc<Counters>,
    pub(crate) deadlines: Deadlines,
    began: Instant,
}

/// The fan-out, and what is between it and the sessions.
pub(crate) struct Forwarding {
    pub(crate) fanout: Fanout,
    pub(crate) outbox: Outbox,
    // Invariant: exactly the sources of the fan-out.
    pub(crate) tracks: HashMap<TrackId, Key>,
    pub(crate) tracks_made: u64,
    /// What waits to be sent.
    pub(crate) queue: Queue,
    pub(crate) run: Run,
}

impl World {
    pub(crate) fn new(
        config: Config,
        factory: Factory,
        wire: Wire,
        events: Outgoing,
        counters: Arc<Counters>,
        now: Instant,
    ) -> Self {
        let mut limits = engine::Config::default();
        limits.sinks_max = config.sessions_max;
        limits.sources_max = 2 * config.sessions_max;
        Self {
            config,
            factory,
            wire,
            sessions: Table::default(),
            ids: HashMap::new(),
            stages: HashMap::new(),
            media: Forwarding {
                fanout: Fanout::new(limits),
                outbox: Outbox::new(),
                tracks: HashMap::new(),
                tracks_made: 0,
                queue: Queue::default(),
                run: Run::new(),
            },
            events,
            counters,
            deadlines: Deadlines::default(),
            began: now,
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
        let target = self.wire.socket.target(datagram.target_ip);
        let session = key.and_then(|key| Some((key, self.sessions.get_mut(key)?)));
        let Some((key, session)) = session else {
            self.counters.datagrams_unknown.add(1);
            return;
        };
        let Datagram { source, bytes, .. } = *datagram;
        if !session.role.receive(now, source, target, bytes, key, &mut self.wire) {
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
        session.into_iter().chain(fanout).chain(queue).min()
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
        self.settle(now);
        self.flush_unless_coalescing(now);
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
        let id = SessionId::from_u128(u128::from(random()) << 64 | u128::from(random()));
        let session = Session::new(id, stage, role, now + self.config.handshake_max);
        let fragment = session.role.fragment();
        let place = match &session.role {
            Role::Seat(seat) => Some(usize::from(seat.slot)),
            Role::Viewer(_) => None,
        };
        let key = self.sessions.insert(session);
        self.ids.insert(id, key);
        self.wire.routes.add(fragment, key);
        let stage = self.stages.entry(stage).or_default();
        match place {
            Some(slot) => {
                stage.seats[slot] = Some(key);
                self.counters.publishers.add(1);
            }
            None => {
                stage.viewers.insert(key);
                self.counters.viewers.add(1);
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
                for source in seat.sources() {
                    self.remove_track(now, source.track);
                }
                self.set_level(session.stage, seat.slot, None);
            }
            Role::Viewer(_) => {
                stage.viewers.remove(&key);
                self.counters.viewers.subtract(1);
                if session.is_connected {
                    self.tell_fanout(now, Input::RemoveSink { sink: SinkId(key.to_u64()) });
                }
            }
        }
        if self.stages.get(&session.stage).is_some_and(Stage::is_forgettable) {
            self.stages.remove(&session.stage);
        }
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
        if let Role::Viewer(_) = session.role {
            let sink = SinkId(key.to_u64());
            self.tell_fanout(now, Input::AddSink { sink, seed: random() });
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
