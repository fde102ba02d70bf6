//! Requests for a seat, and the host's answers.

use crate::event::{Event, RequestOutcome};
use crate::policy::Requests;
use crate::rejection::Rejection;
use crate::request::{Note, Request, RequestId};
use crate::seat::OfferId;

use super::Turn;

impl<'a> Turn<'a> {
    pub(super) fn request_seat(&mut self, note: &Note) -> Result<(), Rejection> {
        let person = self.expect_person()?;
        let (room, user) = (self.room, &person.user);
        self.expect_live()?;
        self.expect_not_removed(user)?;
        if room.occupant_of(user).is_some() {
            return Err(Rejection::AlreadySeated);
        }
        if room.reservation_of(user).is_some() {
            return Err(Rejection::AlreadyInvited);
        }
        if room.policy().requests == Requests::Closed {
            return Err(Rejection::RequestsClosed);
        }
        if room.request_of(user).is_some() {
            return Err(Rejection::RequestExists);
        }
        if let Some(until) = room.cooldown_of(user, self.now) {
            return Err(Rejection::Cooldown { until });
        }
        if room.queue.len() >= usize::from(room.policy().requests_max) {
            return Err(Rejection::QueueFull);
        }
        if room.free_seats().next().is_none() {
            return Err(Rejection::SeatsFull { free: 0 });
        }
        self.expect_stage_mate(user)?;

        let (person, note) = (person.clone(), note.clone());
        let until = self.now + room.policy().request_lifetime;
        let request = RequestId(self.next_seq());
        self.record(Event::SeatRequested { request, person, note, until });
        Ok(())
    }

    pub(super) fn withdraw_request(&mut self) -> Result<(), Rejection> {
        let person = self.expect_person()?;
        let request = self.room.request_of(&person.user).ok_or(Rejection::RequestNotFound)?;
        self.resolve_request(request, RequestOutcome::Withdrawn);
        Ok(())
    }

    pub(super) fn approve_request(&mut self, request: RequestId) -> Result<(), Rejection> {
        let request = self.expect_waiting(request)?;
        let seat = self.room.free_seats().next().ok_or(Rejection::SeatsFull { free: 0 })?;
        self.expect_stage_mate(&request.person.user)?;

        let offer = OfferId(self.next_seq());
        let until = self.now + self.room.policy().prepare_window;
        let person = request.person.clone();
        self.record(Event::SeatReserved { seat, offer, request: request.id, person, until });
        self.resolve_request(request, RequestOutcome::Approved { offer, prepare_until: until });
        Ok(())
    }

    pub(super) fn decline_request(&mut self, request: RequestId) -> Result<(), Rejection> {
        let request = self.expect_waiting(request)?;
        let until = self.now + self.room.policy().decline_cooldown;
        self.resolve_request(request, RequestOutcome::Declined { until });
        Ok(())
    }

    pub(super) fn resolve_request(&mut self, request: &Request, outcome: RequestOutcome) {
        let user = request.person.user.clone();
        self.record(Event::RequestResolved { request: request.id, user, outcome });
    }

    fn expect_waiting(&self, request: RequestId) -> Result<&'a Request, Rejection> {
        self.expect_host()?;
        let waiting = self.room.queue.get(request).filter(|request| self.now < request.until);
        waiting.ok_or(Rejection::RequestNotFound)
    }
}
