//! The moments a room waits for. They are part of its state; the driver only has to look and wake it.

use salon_core::{StintId, Time};

use crate::Room;
use crate::request::RequestId;
use crate::room::Phase;
use crate::seat::{Link, OfferId, Step};

/// What a room waits for. Firing one that is stale or early does nothing.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Timer {
    /// The draft was never used.
    Idle,
    /// The live reached its longest.
    MaxLength,
    /// A lost connection did not come back.
    Link(StintId),
    /// An invitation was not answered.
    Offer(OfferId),
    /// Somebody preparing is not ready.
    Prepare(OfferId),
    /// A request was not answered.
    Request(RequestId),
}

impl Room {
    /// The next moment the room waits for, and what to tell it then:
    /// [`Command::TimerFired`](crate::Command::TimerFired).
    ///
    /// Ask again after every decision. Fire what is due before giving the room a command of the same moment.
    #[must_use]
    pub fn next_timer(&self) -> Option<(Time, Timer)> {
        let request =
            self.queue.oldest().map(|request| (request.until, Timer::Request(request.id)));
        self.room_timer().into_iter().chain(self.seat_timers()).chain(request).min()
    }

    /// When `timer` is due; `None` if the room no longer waits for it.
    pub(crate) fn deadline(&self, timer: Timer) -> Option<Time> {
        if let Timer::Request(id) = timer {
            return self.queue.get(id).map(|request| request.until);
        }
        let mut armed = self.room_timer().into_iter().chain(self.seat_timers());
        armed.find(|(_, other)| *other == timer).map(|(until, _)| until)
    }

    fn room_timer(&self) -> Option<(Time, Timer)> {
        match self.phase {
            Phase::Draft => Some((self.created_at? + self.policy.draft_max, Timer::Idle)),
            Phase::Live => Some((self.live_since? + self.policy.live_max, Timer::MaxLength)),
            Phase::New | Phase::Ended(_) => None,
        }
    }

    fn seat_timers(&self) -> impl Iterator<Item = (Time, Timer)> {
        self.seats.iter().filter_map(|seat| {
            let reserved = seat.reservation().map(|reservation| {
                let timer = match reservation.step {
                    Step::Offered => Timer::Offer(reservation.offer),
                    Step::Preparing => Timer::Prepare(reservation.offer),
                };
                (reservation.until, timer)
            });
            reserved.or_else(|| {
                let occupant = seat.occupant()?;
                match occupant.link {
                    Link::Lost { until } => Some((until, Timer::Link(occupant.stint))),
                    Link::Up => None,
                }
            })
        })
    }
}
