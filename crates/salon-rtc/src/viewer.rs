//! A session that watches: its leg, and what the driver keeps beside it.

use std::time::{Duration, Instant};

use salon_fanout::Slot;

use crate::egress::{Queue, Run, Waiting};
use crate::media::SLOTS;
use crate::pack::{Datagrams, Packer};
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
            let Wire { buffer, happenings, clock, counters, .. } = wire;
            let see = |notice| match notice {
                Notice::Lost { slot, sequences, rtt } => {
                    happenings.push_back((key, Happening::PacketsLost { slot, sequences, rtt }));
                }
                Notice::KeyframeWanted { slot } => {
                    happenings.push_back((key, Happening::KeyframeWanted(slot)));
                }
                Notice::Reception { slot, lost } => {
                    happenings.push_back((key, Happening::Reception { slot, lost }));
                }
                Notice::Arrivals(arrivals) => counters.note(arrivals),
            };
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
        let Wire { socket, counters, .. } = wire;
        let (leg, segments_max) = (&mut self.leg, socket.segments_max());
        let packer = Packer { leg, queue, run, segments_max, counters };
        let Route { source, destination } = route;
        packer.pack(waiting, |datagrams| match datagrams {
            Datagrams::Single(bytes) => socket.send_with_others(source, destination, bytes),
            Datagrams::Run { bytes, segment } => {
                socket.send_run(source, destination, bytes, segment);
            }
        });
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
