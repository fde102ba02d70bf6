//! Connections that come and go, moments that arrive, and owners that change.

use salon_core::{Fence, UserId};

use crate::event::{EndReason, Event, InviteOutcome, RequestOutcome};
use crate::rejection::Rejection;
use crate::seat::{Link, Occupant, ReleaseReason, SeatNo};
use crate::timer::Timer;

use super::Turn;

impl Turn<'_> {
    pub(super) fn link_up(&mut self, user: &UserId) -> Result<(), Rejection> {
        self.expect_system()?;
        let Some((seat, occupant)) = self.room.occupant_of(user) else { return Ok(()) };
        let Link::Lost { until } = occupant.link else { return Ok(()) };
        if self.now >= until {
            // Too late: the timer is about to give up the seat.
            return Ok(());
        }
        let stint = occupant.stint;
        self.record(match seat {
            SeatNo::HOST => Event::HostReturned,
            _ => Event::LinkRestored { seat, stint },
        });
        // The new connection needs the grant again, and after a take-over a new one.
        self.order_grant(user.clone(), seat, stint);
        Ok(())
    }

    pub(super) fn link_lost(&mut self, user: &UserId) -> Result<(), Rejection> {
        self.expect_system()?;
        if let Some((seat, occupant)) = self.room.occupant_of(user)
            && occupant.link == Link::Up
        {
            self.lose_link(seat, occupant);
        }
        Ok(())
    }

    pub(super) fn timer_fired(&mut self, timer: Timer) -> Result<(), Rejection> {
        self.expect_system()?;
        if self.room.deadline(timer).is_none_or(|until| self.now < until) {
            return Ok(());
        }
        let room = self.room;
        match timer {
            Timer::Idle => self.end(EndReason::Idle),
            Timer::MaxLength => self.end(EndReason::MaxDuration),
            Timer::Link(stint) => match room.stint(stint) {
                Some((SeatNo::HOST, _)) => self.end(EndReason::HostLost),
                Some((seat, occupant)) => {
                    self.release_seat(seat, occupant, ReleaseReason::LinkLost);
                }
                None => {}
            },
            Timer::Offer(offer) => {
                if let Some((seat, reservation)) = room.offer(offer) {
                    self.resolve_invite(seat, reservation, InviteOutcome::Expired);
                }
            }
            Timer::Prepare(offer) => {
                if let Some((seat, reservation)) = room.offer(offer) {
                    self.release_reservation(seat, reservation, ReleaseReason::JoinTimeout);
                }
            }
            Timer::Request(request) => {
                if let Some(request) = room.queue.get(request) {
                    self.resolve_request(request, RequestOutcome::Expired);
                }
            }
        }
        Ok(())
    }

    /// A new term: nobody seated is known to be connected, and no grant of the old term is good any more.
    pub(super) fn takeover(&mut self, fence: Fence) -> Result<(), Rejection> {
        self.expect_system()?;
        if fence <= self.room.fence() {
            return Err(Rejection::StaleFence);
        }
        self.epoch = fence;
        self.record(Event::Takeover);
        for (seat, occupant) in self.room.occupants() {
            self.lose_link(seat, occupant);
            self.order_revocation(occupant.person.user.clone(), seat, occupant.stint);
        }
        Ok(())
    }

    fn lose_link(&mut self, seat: SeatNo, occupant: &Occupant) {
        let (policy, stint) = (self.room.policy(), occupant.stint);
        self.record(match seat {
            SeatNo::HOST => Event::HostAbsent { until: self.now + policy.host_grace },
            _ => Event::LinkLost { seat, stint, until: self.now + policy.guest_grace },
        });
    }
}
