//! A session that watches: its leg, and what the driver keeps beside it.

use std::time::{Duration, Instant};

use salon_fanout::Slot;
use salon_fanout::codec::Medium;

use crate::egress::{Entry, Queue, Run, Waiting};
use crate::media::SLOTS;
use crate::peer::{Happening, Wire, contained};
use crate::routes::Fragment;
use crate::socket::Arrival;
use crate::table::Key;
use crate::thin::{End, Input, Leg, Message, Notice, Route};

/// How often streams that send report. RFC 3550, 6.2 would allow a second only to fast sessions; two reports pair the
/// clocks of sound and picture, and 5 s would be long without.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// A watching session.
#[derive(Debug)]
pub(crate) struct Viewer {
    leg: Leg,
    pub(crate) fragment: Fragment,
    /// The slot that stays silent.
    pub(crate) mask: Option<u8>,
    /// How many rows of pixels it shows of each slot, if it has said.
    pub(crate) tiles: Option<[u16; SLOTS]>,
    /// What waits to be sent.
    pub(crate) waiting: Waiting,
    /// When its streams report next; `None` as long as none has anything to report.
    report_at: Option<Instant>,
    reported_at: Option<Instant>,
    was_up: bool,
    /// It has panicked: nothing may be asked of it any more.
    is_broken: bool,
}

impl Viewer {
    pub(crate) fn new(leg: Leg, fragment: Fragment, mask: Option<u8>) -> Self {
        Self {
            leg,
            fragment,
            mask,
            tiles: None,
            waiting: Waiting::default(),
            report_at: None,
            reported_at: None,
            was_up: false,
            is_broken: false,
        }
    }

    pub(crate) fn deadline(&self) -> Instant {
        let leg = self.leg.deadline();
        self.report_at.map_or(leg, |at| leg.min(at))
    }

    /// Prepares a slot for a codec. Returns false if the viewer has no such slot or cannot decode it.
    pub(crate) fn select(
        &mut self,
        slot: Slot,
        codec: salon_fanout::Codec,
        profile: Option<u32>,
    ) -> bool {
        self.leg.select(slot, codec, profile)
    }

    /// A datagram arrived. Returns false if it is none of WebRTC.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        Arrival { source, target, bytes }: Arrival<'_>,
        key: Key,
        wire: &mut Wire,
    ) -> bool {
        let route = Route { source: target, destination: source };
        let input = self.drive(key, wire, |viewer, wire| {
            let Wire { buffer, happenings, clock, .. } = wire;
            let see = |notice| happenings.push_back((key, happening_of(notice)));
            let ntp = clock.ntp(now);
            let input = viewer.leg.receive(now, ntp, route, bytes, buffer, see)?;
            viewer.drain(key, wire)?;
            Ok(input)
        });
        match input {
            Some(Input::Unknown) => false,
            Some(Input::Malformed) => {
                wire.counters.reports_refused.add(1);
                true
            }
            Some(Input::Known) | None => true,
        }
    }

    /// Time has passed, as far as the handshake is concerned.
    pub(crate) fn advance(&mut self, now: Instant, key: Key, wire: &mut Wire) {
        self.drive(key, wire, |viewer, wire| {
            viewer.leg.on_deadline(now)?;
            viewer.drain(key, wire)
        });
    }

    /// Reports if it is time to; `clock` tells the timestamp of now in a slot.
    pub(crate) fn report(
        &mut self,
        now: Instant,
        wire: &mut Wire,
        clock: impl FnMut(Slot) -> Option<u32>,
    ) {
        if self.is_broken || self.report_at.is_none_or(|at| now < at) {
            return;
        }
        self.report_at = None;
        self.reported_at = Some(now);
        let Wire { socket, clock: wall, .. } = wire;
        self.leg.report(wall.ntp(now), clock, |route, bytes| {
            socket.send(route.source, route.destination, bytes);
        });
    }

    /// Sends what waits in the queue for it.
    pub(crate) fn send(&mut self, now: Instant, queue: &Queue, run: &mut Run, wire: &mut Wire) {
        let waiting = std::mem::take(&mut self.waiting);
        let Some(route) = self.leg.route().filter(|_| !self.is_broken) else { return };
        run.begin(wire.socket.segments_max());
        // Pictures first: their packets are of a length, and each shorter one of sound would end their run.
        for medium in [Medium::Video, Medium::Audio] {
            let entries = queue.entries(waiting);
            for entry in entries.filter(|entry| entry.slot.medium() == medium) {
                self.write(entry, queue, run, route, wire);
            }
        }
        // Of all there is for this viewer one datagram at most: it goes with those of others.
        match run.single() {
            Some(bytes) => wire.socket.send_with_others(route.source, route.destination, bytes),
            None => send_run(run, route, wire),
        }
        let due = self.reported_at.map_or(now, |at| at + REPORT_INTERVAL);
        self.report_at.get_or_insert(due);
    }

    /// Says goodbye as far as that is possible, and is gone.
    pub(crate) fn close(mut self, wire: &mut Wire) {
        if self.is_broken {
            return;
        }
        let Wire { socket, buffer, .. } = wire;
        contained(|| {
            self.leg.close(buffer, |route, bytes| {
                socket.send(route.source, route.destination, bytes);
            });
        });
    }

    fn write(
        &mut self,
        entry: &Entry,
        queue: &Queue,
        run: &mut Run,
        route: Route,
        wire: &mut Wire,
    ) {
        let Entry { slot, fields, .. } = entry;
        let payload = queue.payload(entry);
        let payload_bytes = payload[0].len() + payload[1].len();
        let Some(bytes) = self.leg.packet_bytes(*slot, fields.is_retransmission, payload_bytes)
        else {
            return;
        };
        if run.room(bytes).is_none() {
            send_run(run, route, wire);
        }
        let Some(room) = run.room(bytes) else { return };
        if self.leg.seal(*slot, fields, payload, room) {
            run.add(bytes);
            let counter = match fields.is_retransmission {
                false => &wire.counters.packets_out,
                true => &wire.counters.packets_repaired,
            };
            counter.add(1);
        }
    }

    fn drain(&mut self, key: Key, wire: &mut Wire) -> Result<(), End> {
        let Wire { socket, routes, buffer, .. } = wire;
        self.leg.drain(buffer, |route, message| {
            let bytes = match message {
                Message::Stun(bytes) => {
                    routes.learn(route.destination, key);
                    bytes
                }
                Message::Dtls(bytes) => bytes,
            };
            socket.send(route.source, route.destination, bytes);
        })?;
        if !self.was_up && self.leg.is_up() {
            self.was_up = true;
            wire.happenings.push_back((key, Happening::Connected));
        }
        Ok(())
    }

    fn drive<T>(
        &mut self,
        key: Key,
        wire: &mut Wire,
        work: impl FnOnce(&mut Self, &mut Wire) -> Result<T, End>,
    ) -> Option<T> {
        if self.is_broken {
            return None;
        }
        match contained(|| work(self, wire)) {
            Some(Ok(value)) => return Some(value),
            Some(Err(end)) => {
                tracing::debug!(%end, "viewer ends");
                if matches!(end, End::Fingerprint | End::Unprotected | End::Dtls(_)) {
                    wire.counters.handshakes_refused.add(1);
                }
            }
            None => self.is_broken = true,
        }
        wire.happenings.push_back((key, Happening::Ended));
        None
    }
}

fn happening_of(notice: Notice) -> Happening {
    match notice {
        Notice::Lost { slot, sequences, rtt } => Happening::PacketsLost { slot, sequences, rtt },
        Notice::KeyframeWanted { slot } => Happening::KeyframeWanted(slot),
        Notice::Reception { slot, lost } => Happening::Reception { slot, lost },
    }
}

fn send_run(run: &mut Run, route: Route, wire: &mut Wire) {
    if let Some((bytes, segment)) = run.datagrams() {
        wire.socket.send_run(route.source, route.destination, bytes, segment);
    }
    run.go_on();
}
