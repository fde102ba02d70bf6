//! The sessions of one room: who is connected, and the bounded queue to each of them.

use std::collections::BTreeMap;

use bytes::Bytes;
use salon_core::UserId;
use salon_room::Person;
pub(crate) use salon_room::audience::Session as SessionId;
use salon_signal::error::CloseCode;
use tokio::sync::{mpsc, oneshot};

/// How many frames may wait for one session. Beyond that it is told to resume: it would only fall
/// further behind, and nobody waits for it. A guess: two seconds of a very busy room.
pub(crate) const OUTBOX_FRAMES_MAX: usize = 256;

/// What goes to a session.
#[derive(Clone, Debug)]
pub(crate) enum Out {
    /// One encoded frame.
    Frame(Bytes),
    /// The last thing it is told.
    Close(CloseCode),
}

/// One connection's end of the room.
#[derive(Debug)]
struct Session {
    person: Person,
    outbox: mpsc::Sender<Out>,
    /// May it see the `stage` stream?
    on_stage: bool,
    /// Dropped with the session, which tells the connection that it is out.
    _membership: oneshot::Sender<()>,
}

/// Everyone connected to one room through this process.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    sessions: BTreeMap<SessionId, Session>,
    /// Sessions that fell behind since the last look.
    slow: Vec<SessionId>,
}

impl Hub {
    /// Adds a session. The receiver resolves when it is out again.
    pub(crate) fn join(
        &mut self,
        id: SessionId,
        person: Person,
        outbox: mpsc::Sender<Out>,
        on_stage: bool,
    ) -> oneshot::Receiver<()> {
        let (membership, out) = oneshot::channel();
        self.sessions.insert(id, Session { person, outbox, on_stage, _membership: membership });
        out
    }

    /// How many sessions there are.
    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Forgets a session; answers whose it was.
    pub(crate) fn leave(&mut self, id: SessionId) -> Option<Person> {
        self.sessions.remove(&id).map(|session| session.person)
    }

    /// Is any session of this user connected?
    pub(crate) fn is_connected(&self, user: &UserId) -> bool {
        self.sessions.values().any(|session| session.person.user == *user)
    }

    /// Whose session it is.
    pub(crate) fn person(&self, id: SessionId) -> Option<&Person> {
        self.sessions.get(&id).map(|session| &session.person)
    }

    /// Every session and whose it is.
    pub(crate) fn everyone(&self) -> Vec<(SessionId, UserId)> {
        let everyone = self.sessions.iter();
        everyone.map(|(id, session)| (*id, session.person.user.clone())).collect()
    }

    /// The sessions of one user.
    pub(crate) fn sessions_of(&self, user: &UserId) -> Vec<SessionId> {
        let of_user = self.sessions.iter().filter(|(_, session)| session.person.user == *user);
        of_user.map(|(id, _)| *id).collect()
    }

    /// Sends a frame to everyone.
    pub(crate) fn tell_all(&mut self, frame: &Bytes) {
        self.send(frame, |_| true);
    }

    /// Sends a frame to those who may see the stage now.
    pub(crate) fn tell_stage(&mut self, frame: &Bytes) {
        self.send(frame, |session| session.on_stage);
    }

    /// Sends a frame to every session of one user.
    pub(crate) fn tell_user(&mut self, user: &UserId, frame: &Bytes) {
        self.send(frame, |session| session.person.user == *user);
    }

    /// Sends a frame to one session.
    pub(crate) fn tell_session(&mut self, id: SessionId, frame: Bytes) {
        if let Some(session) = self.sessions.get(&id)
            && session.outbox.try_send(Out::Frame(frame)).is_err()
        {
            self.slow.push(id);
        }
    }

    /// Ends a session with a reason. One whose queue is full just ends.
    pub(crate) fn close(&mut self, id: SessionId, code: CloseCode) {
        if let Some(session) = self.sessions.remove(&id) {
            let _full = session.outbox.try_send(Out::Close(code));
        }
    }

    /// Ends every session.
    pub(crate) fn close_all(&mut self, code: CloseCode) {
        for (_, session) in std::mem::take(&mut self.sessions) {
            let _full = session.outbox.try_send(Out::Close(code));
        }
    }

    /// Removes the sessions that fell behind. Dropping its queue tells a session to resume.
    pub(crate) fn drop_slow(&mut self) -> Vec<(SessionId, Person)> {
        let slow = std::mem::take(&mut self.slow);
        slow.into_iter().filter_map(|id| Some((id, self.leave(id)?))).collect()
    }

    fn send(&mut self, frame: &Bytes, wanted: impl Fn(&Session) -> bool) {
        for (id, session) in &self.sessions {
            if wanted(session) && session.outbox.try_send(Out::Frame(frame.clone())).is_err() {
                self.slow.push(*id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use salon_room::Name;

    fn person(name: &str) -> Person {
        Person { user: UserId::parse(name).unwrap(), name: Name::parse(name).unwrap() }
    }

    #[test]
    fn only_the_stage_sees_the_stage() {
        let mut hub = Hub::default();
        let (host, mut on_stage) = mpsc::channel(4);
        let (viewer, mut watching) = mpsc::channel(4);
        let _in = hub.join(SessionId(1), person("ada"), host, true);
        let _in = hub.join(SessionId(2), person("bob"), viewer, false);
        hub.tell_stage(&Bytes::from_static(b"1"));
        assert!(matches!(on_stage.try_recv(), Ok(Out::Frame(frame)) if frame == "1"));
        assert!(watching.try_recv().is_err());
    }

    #[test]
    fn a_closed_session_is_told_why_and_then_that_it_is_out() {
        let mut hub = Hub::default();
        let (outbox, mut inbox) = mpsc::channel(4);
        let mut out = hub.join(SessionId(1), person("ada"), outbox, false);
        assert!(out.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Empty));
        hub.close(SessionId(1), CloseCode::REMOVED);
        assert!(matches!(inbox.try_recv(), Ok(Out::Close(CloseCode::REMOVED))));
        assert!(out.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Closed));
    }

    #[test]
    fn a_slow_session_is_dropped_and_the_others_are_not() {
        let mut hub = Hub::default();
        let (slow, _unread) = mpsc::channel(1);
        let (quick, mut read) = mpsc::channel(4);
        let _in = hub.join(SessionId(1), person("ada"), slow, false);
        let _in = hub.join(SessionId(2), person("bob"), quick, false);
        for _ in 0..3 {
            hub.tell_all(&Bytes::from_static(b"x"));
        }
        let dropped = hub.drop_slow();
        assert_eq!(dropped.iter().map(|(id, _)| *id).collect::<Vec<_>>(), vec![SessionId(1)]);
        assert!((0..3).all(|_| read.try_recv().is_ok()));
        assert!(!hub.is_connected(&person("ada").user) && hub.is_connected(&person("bob").user));
    }
}
