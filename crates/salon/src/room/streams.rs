//! The durable streams: events numbered without a hole within an epoch, each encoded once.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use salon_core::{Fence, Time, UserId};
use salon_signal::event::Event;
use salon_signal::{Position, codec, server};

use crate::translate;

/// How many encoded events a returning session can be given before a snapshot serves it better.
const TAIL_MAX: usize = 300;

/// Every stream of one room under one owner.
#[derive(Debug)]
pub(crate) struct Streams {
    epoch: Fence,
    room: Stream,
    stage: Stream,
    /// One for each person who was told something in private since this owner began.
    users: BTreeMap<UserId, Stream>,
}

impl Streams {
    /// Streams that have carried nothing in this epoch.
    pub(crate) fn new(epoch: Fence) -> Self {
        Self {
            epoch,
            room: Stream::new(salon_signal::Stream::Room, epoch),
            stage: Stream::new(salon_signal::Stream::Stage, epoch),
            users: BTreeMap::new(),
        }
    }

    /// The term of ownership that numbers them.
    pub(crate) fn epoch(&self) -> Fence {
        self.epoch
    }

    /// Numbers and encodes the next event of one stream.
    pub(crate) fn push(&mut self, stream: &translate::Stream, at: Time, body: Event) -> Bytes {
        let stream = match stream {
            translate::Stream::Room => &mut self.room,
            translate::Stream::Stage => &mut self.stage,
            translate::Stream::User(user) => {
                let new = || Stream::new(salon_signal::Stream::User, self.epoch);
                self.users.entry(user.clone()).or_insert_with(new)
            }
        };
        stream.push(at, body)
    }

    /// One stream as `user` sees it; none if their own has carried nothing.
    pub(crate) fn of(&self, name: salon_signal::Stream, user: &UserId) -> Option<&Stream> {
        match name {
            salon_signal::Stream::Room => Some(&self.room),
            salon_signal::Stream::Stage => Some(&self.stage),
            salon_signal::Stream::User => self.users.get(user),
        }
    }
}

/// One stream of one room under one owner.
#[derive(Debug)]
pub(crate) struct Stream {
    name: salon_signal::Stream,
    epoch: Fence,
    /// The number of the last event; 0 before the first.
    seq: u64,
    // Invariant: holds the events `seq - tail.len() + 1 ..= seq`, at most TAIL_MAX of them.
    tail: VecDeque<Bytes>,
}

impl Stream {
    /// A stream that has carried nothing in this epoch.
    pub(crate) fn new(name: salon_signal::Stream, epoch: Fence) -> Self {
        Self { name, epoch, seq: 0, tail: VecDeque::new() }
    }

    /// Numbers and encodes the next event.
    pub(crate) fn push(&mut self, at: Time, body: Event) -> Bytes {
        self.seq += 1;
        let frame = codec::encode(&server::Frame::Event {
            stream: self.name,
            epoch: self.epoch,
            seq: self.seq,
            at_ms: at.as_ms(),
            body,
        });
        if self.tail.len() == TAIL_MAX {
            self.tail.pop_front();
        }
        self.tail.push_back(frame.clone());
        frame
    }

    /// Where the stream stands.
    pub(crate) fn position(&self) -> Position {
        Position { stream: self.name, epoch: self.epoch, seq: self.seq }
    }

    /// The events after `from`, if every one of them is still here.
    pub(crate) fn after(&self, from: Position) -> Option<impl Iterator<Item = &Bytes>> {
        let known = from.epoch == self.epoch && from.seq <= self.seq;
        let missing = usize::try_from(self.seq.checked_sub(from.seq)?).ok()?;
        (known && missing <= self.tail.len())
            .then(|| self.tail.iter().skip(self.tail.len() - missing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream_of(events: u64) -> Stream {
        let mut stream = Stream::new(salon_signal::Stream::Room, Fence(3));
        for _ in 0..events {
            stream.push(Time(0), Event::HostReturned);
        }
        stream
    }

    #[track_caller]
    fn check(events: u64, epoch: u64, seq: u64, expected: Option<usize>) {
        let stream = stream_of(events);
        let from = Position { stream: salon_signal::Stream::Room, epoch: Fence(epoch), seq };
        assert_eq!(stream.after(from).map(Iterator::count), expected);
    }

    #[test]
    fn a_tail_is_complete_or_refused() {
        check(5, 3, 5, Some(0));
        check(5, 3, 2, Some(3));
        check(5, 3, 0, Some(5));
        check(5, 3, 6, None);
        check(5, 2, 5, None);
        check(TAIL_MAX as u64 + 5, 3, 5, Some(TAIL_MAX));
        check(TAIL_MAX as u64 + 5, 3, 4, None);
    }
}
