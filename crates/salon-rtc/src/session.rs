//! One session, whatever it is for, and when it wants to be called.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::media::{SessionId, StageId};
use crate::peer::Wire;
use crate::routes::Fragment;
use crate::seat::Seat;
use crate::socket::Arrival;
use crate::stun;
use crate::table::Key;
use crate::viewer::Viewer;

/// One peer connection and what it is for.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) stage: StageId,
    pub(crate) role: Role,
    pub(crate) is_connected: bool,
    /// How many datagrams of its handshake wait for their turn.
    pub(crate) put_off: u8,
    /// When it ends if it has not connected by then.
    pub(crate) expires: Instant,
    // Invariant: when Some, `(armed, key)` is in the deadlines; never later than `deadline`.
    pub(crate) armed: Option<Instant>,
}

/// What a session is for.
#[derive(Debug)]
pub(crate) enum Role {
    Seat(Box<Seat>),
    Viewer(Box<Viewer>),
}

impl Session {
    pub(crate) fn new(id: SessionId, stage: StageId, role: Role, expires: Instant) -> Self {
        Self { id, stage, role, is_connected: false, put_off: 0, expires, armed: None }
    }

    pub(crate) fn deadline(&self) -> Instant {
        let deadline = match &self.role {
            Role::Seat(seat) => seat.peer.deadline,
            Role::Viewer(viewer) => viewer.deadline(),
        };
        if self.is_connected { deadline } else { deadline.min(self.expires) }
    }

    /// Whether a datagram of it is not to be handled at once: a viewer's handshake costs a thousand times what a packet
    /// does, and hundreds of viewers may come at once.
    pub(crate) fn awaits_turn(&self, bytes: &[u8]) -> bool {
        matches!(self.role, Role::Viewer(_)) && !self.is_connected && stun::is_dtls(bytes)
    }
}

impl Role {
    /// What it is reached under.
    pub(crate) fn fragment(&self) -> Fragment {
        match self {
            Self::Seat(seat) => seat.peer.fragment,
            Self::Viewer(viewer) => viewer.fragment,
        }
    }

    /// A datagram arrived. Returns false if it is none of WebRTC.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        arrival: Arrival<'_>,
        key: Key,
        wire: &mut Wire,
    ) -> bool {
        match self {
            Self::Seat(seat) => seat.peer.receive(now, arrival, key, wire),
            Self::Viewer(viewer) => viewer.receive(now, arrival, key, wire),
        }
    }

    /// Time has passed.
    pub(crate) fn advance(&mut self, now: Instant, key: Key, wire: &mut Wire) {
        match self {
            Self::Seat(seat) => seat.peer.advance(now, key, wire),
            Self::Viewer(viewer) => viewer.advance(now, key, wire),
        }
    }

    /// Says goodbye as far as that is possible, and is gone.
    pub(crate) fn close(self, now: Instant, wire: &mut Wire) {
        match self {
            Self::Seat(seat) => seat.peer.close(now, &mut wire.socket),
            Self::Viewer(viewer) => viewer.close(wire),
        }
    }
}

/// When which session wants to be called.
#[derive(Debug, Default)]
pub(crate) struct Deadlines(BTreeSet<(Instant, Key)>);

impl Deadlines {
    pub(crate) fn first(&self) -> Option<Instant> {
        self.0.first().map(|(deadline, _)| *deadline)
    }

    pub(crate) fn arm(&mut self, key: Key, session: &mut Session) {
        let deadline = session.deadline();
        // A deadline that moves away, as it does with most packets, is looked at when it comes.
        if session.armed.is_some_and(|armed| armed <= deadline) {
            return;
        }
        self.disarm(key, session);
        session.armed = Some(deadline);
        self.0.insert((deadline, key));
    }

    pub(crate) fn disarm(&mut self, key: Key, session: &Session) {
        if let Some(armed) = session.armed {
            self.0.remove(&(armed, key));
        }
    }

    /// The sessions whose time has come; they are armed no more.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<Key> {
        let mut due = Vec::new();
        while let Some((deadline, key)) = self.0.first().copied()
            && deadline <= now
        {
            self.0.pop_first();
            due.push(key);
        }
        due
    }
}
