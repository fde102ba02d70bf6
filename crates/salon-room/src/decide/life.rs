//! The life of a room: created, live, ended.

use crate::command::Title;
use crate::event::{EndReason, Event, InviteOutcome, RequestOutcome};
use crate::person::Actor;
use crate::policy::{Policy, Requests};
use crate::rejection::Rejection;
use crate::room::Phase;
use crate::seat::{Origin, ReleaseReason, SeatNo, SelfMedia, Step};

use super::Turn;

impl Turn<'_> {
    pub(super) fn create(&mut self, title: &Title, policy: &Policy) -> Result<(), Rejection> {
        let host = self.expect_person()?.clone();
        if !self.ctx.facts.is_eligible(&host.user) {
            return Err(Rejection::NotEligible);
        }
        let (title, policy) = (title.clone(), policy.clone());
        self.record(Event::RoomCreated { host, title, policy });
        Ok(())
    }

    pub(super) fn go_live(&mut self) -> Result<(), Rejection> {
        let host = self.expect_host()?.clone();
        if *self.room.phase() != Phase::Draft {
            return Err(Rejection::WrongPhase);
        }
        if !self.ctx.facts.is_eligible(&host.user) {
            return Err(Rejection::NotEligible);
        }
        self.record(Event::WentLive);
        // The host goes live with what the browser sends; SetSelfMedia says otherwise.
        let media = SelfMedia { mic: true, cam: true };
        self.take_seat(SeatNo::HOST, host, media, Origin::Host);
        Ok(())
    }

    pub(super) fn end_room(&mut self) -> Result<(), Rejection> {
        self.expect_host()?;
        self.end(EndReason::HostEnded);
        Ok(())
    }

    pub(super) fn terminate(&mut self, reason: EndReason) -> Result<(), Rejection> {
        let by_service = matches!(self.ctx.actor, Actor::System | Actor::Operator);
        if !by_service || !matches!(reason, EndReason::Operator | EndReason::Shutdown) {
            return Err(Rejection::NotPermitted);
        }
        self.end(reason);
        Ok(())
    }

    pub(super) fn set_request_policy(&mut self, policy: Requests) -> Result<(), Rejection> {
        self.expect_host()?;
        if self.room.policy().requests == policy {
            return Ok(());
        }
        self.record(Event::RequestPolicyChanged { policy });
        if policy == Requests::Closed {
            self.void_requests();
        }
        Ok(())
    }

    /// Whether the actor may watch. A draft is the host's alone.
    pub(super) fn check_join(&mut self) -> Result<(), Rejection> {
        let person = self.expect_person()?;
        if self.room.is_host(&person.user) {
            return Ok(());
        }
        self.expect_live()?;
        self.expect_not_removed(&person.user)?;
        if self.room.occupant_of(&person.user).is_some() {
            return Ok(());
        }
        self.expect_not_blocked(&person.user)
    }

    /// Gives up everything, then ends.
    pub(super) fn end(&mut self, reason: EndReason) {
        let room = self.room;
        self.void_requests();
        for (seat, reservation) in room.reservations() {
            match reservation.step {
                Step::Offered => self.resolve_invite(seat, reservation, InviteOutcome::Voided),
                Step::Preparing => {
                    self.release_reservation(seat, reservation, ReleaseReason::RoomEnded);
                }
            }
        }
        for (seat, occupant) in room.occupants() {
            self.release_seat(seat, occupant, ReleaseReason::RoomEnded);
        }
        self.record(Event::RoomEnded { reason });
    }

    fn void_requests(&mut self) {
        for request in self.room.requests() {
            self.resolve_request(request, RequestOutcome::Voided);
        }
    }
}
