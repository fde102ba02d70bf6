//! Taking, leaving and losing a seat.

use salon_core::{StintId, UserId};

use crate::audience::Predicate;
use crate::command::RemoveTo;
use crate::effect::Effect;
use crate::event::{Event, InviteOutcome};
use crate::person::Person;
use crate::rejection::Rejection;
use crate::seat::{Occupant, Origin, ReleaseReason, Reservation, SeatNo, SelfMedia, Step};

use super::Turn;

impl Turn<'_> {
    pub(super) fn confirm_ready(&mut self, media: SelfMedia) -> Result<(), Rejection> {
        let person = self.expect_person()?;
        self.expect_live()?;
        if self.room.occupant_of(&person.user).is_some() {
            return Err(Rejection::AlreadySeated);
        }
        let waiting = self.room.reservation_of(&person.user);
        let (seat, reservation) = waiting.ok_or(Rejection::NotPreparing)?;
        if reservation.step != Step::Preparing {
            return Err(Rejection::NotPreparing);
        }
        if self.now >= reservation.until {
            return Err(Rejection::OfferExpired);
        }
        // Others may have been seated since the offer was made.
        self.expect_stage_mate(&person.user)?;
        self.take_seat(seat, person.clone(), media, reservation.origin);
        Ok(())
    }

    pub(super) fn leave_seat(&mut self) -> Result<(), Rejection> {
        let person = self.expect_person()?;
        self.expect_live()?;
        if self.room.is_host(&person.user) {
            return Err(Rejection::HostMustEnd);
        }
        if let Some((seat, occupant)) = self.room.occupant_of(&person.user) {
            self.release_seat(seat, occupant, ReleaseReason::Left);
            return Ok(());
        }
        match self.room.reservation_of(&person.user) {
            Some((seat, reservation)) if reservation.step == Step::Preparing => {
                self.release_reservation(seat, reservation, ReleaseReason::Left);
                Ok(())
            }
            // An invitation is declined, not left.
            _ => Err(Rejection::NotSeated),
        }
    }

    pub(super) fn remove_guest(&mut self, user: &UserId, to: RemoveTo) -> Result<(), Rejection> {
        let host = self.expect_host()?;
        self.expect_live()?;
        if host.user == *user {
            return Err(Rejection::SelfTarget);
        }
        if let Some((seat, occupant)) = self.room.occupant_of(user) {
            self.release_seat(seat, occupant, ReleaseReason::Removed);
        } else if let Some((seat, reservation)) = self.room.reservation_of(user) {
            match reservation.step {
                Step::Offered => self.resolve_invite(seat, reservation, InviteOutcome::Cancelled),
                Step::Preparing => {
                    self.release_reservation(seat, reservation, ReleaseReason::Removed);
                }
            }
        } else {
            return Err(Rejection::NotSeated);
        }
        if to == RemoveTo::OutOfRoom {
            self.record(Event::GuestRemoved { user: user.clone() });
            self.order(Effect::EvictAudience(Predicate::User(user.clone())));
        }
        Ok(())
    }

    pub(super) fn set_self_media(&mut self, media: SelfMedia) -> Result<(), Rejection> {
        let person = self.expect_person()?;
        let seated = self.room.occupant_of(&person.user);
        let (seat, occupant) = seated.ok_or(Rejection::NotSeated)?;
        if occupant.media != media {
            self.record(Event::MediaChanged { seat, stint: occupant.stint, media });
        }
        Ok(())
    }

    /// Seats somebody: they may publish, and those they have blocked watch no longer.
    pub(super) fn take_seat(
        &mut self,
        seat: SeatNo,
        person: Person,
        media: SelfMedia,
        origin: Origin,
    ) {
        let stint = StintId(self.next_seq());
        let user = person.user.clone();
        self.record(Event::SeatTaken { seat, person, stint, media, origin });
        self.order_eviction_by(user.clone());
        self.order_grant(user, seat, stint);
    }

    /// Ends a stay, and with it the right to publish.
    pub(super) fn release_seat(
        &mut self,
        seat: SeatNo,
        occupant: &Occupant,
        reason: ReleaseReason,
    ) {
        let (user, stint) = (occupant.person.user.clone(), occupant.stint);
        self.record(Event::SeatReleased { seat, user: user.clone(), stint: Some(stint), reason });
        self.order_revocation(user, seat, stint);
    }

    /// Frees the seat of somebody preparing, who has no grant yet.
    pub(super) fn release_reservation(
        &mut self,
        seat: SeatNo,
        reservation: &Reservation,
        reason: ReleaseReason,
    ) {
        let user = reservation.person.user.clone();
        self.record(Event::SeatReleased { seat, user, stint: None, reason });
    }
}
