//! Invitations: each reserves a seat until it is answered.

use salon_core::UserId;

use crate::command::InviteMode;
use crate::effect::{Effect, Notice};
use crate::event::{Event, InviteOutcome, RequestOutcome};
use crate::person::Person;
use crate::rejection::Rejection;
use crate::seat::{OfferId, Reservation, SEATS_MAX, SeatNo, Step};

use super::Turn;

/// The most people one command invites: as many as there are guest seats.
pub(super) const USERS_MAX: usize = SEATS_MAX - 1;

impl<'a> Turn<'a> {
    pub(super) fn invite_guests(
        &mut self,
        users: &[UserId],
        mode: InviteMode,
    ) -> Result<(), Rejection> {
        self.expect_host()?;
        self.expect_live()?;
        if users.is_empty() || users.len() > USERS_MAX {
            return Err(Rejection::InviteSize { have: users.len() });
        }
        let guests = self.choose_guests(users, mode)?;
        let free = self.room.free_seats().count();
        if guests.len() > free && (mode == InviteMode::Atomic || free == 0) {
            return Err(Rejection::SeatsFull { free: free as u8 });
        }
        // Nothing below can fail.
        for (seat, guest) in self.room.free_seats().zip(guests) {
            self.invite(seat, guest.clone());
        }
        Ok(())
    }

    pub(super) fn cancel_invite(&mut self, offer: OfferId) -> Result<(), Rejection> {
        self.expect_host()?;
        let (seat, reservation) = self.room.offer(offer).ok_or(Rejection::OfferNotFound)?;
        self.expect_open(reservation)?;
        self.resolve_invite(seat, reservation, InviteOutcome::Cancelled);
        Ok(())
    }

    pub(super) fn accept_invite(&mut self, offer: OfferId) -> Result<(), Rejection> {
        let (seat, reservation) = self.expect_own(offer)?;
        let prepare_until = self.now + self.room.policy().prepare_window;
        self.resolve_invite(seat, reservation, InviteOutcome::Accepted { prepare_until });
        Ok(())
    }

    pub(super) fn decline_invite(&mut self, offer: OfferId) -> Result<(), Rejection> {
        let (seat, reservation) = self.expect_own(offer)?;
        self.resolve_invite(seat, reservation, InviteOutcome::Declined);
        Ok(())
    }

    pub(super) fn resolve_invite(
        &mut self,
        seat: SeatNo,
        reservation: &Reservation,
        outcome: InviteOutcome,
    ) {
        let (offer, user) = (reservation.offer, reservation.person.user.clone());
        self.record(Event::InviteResolved { offer, seat, user, outcome });
    }

    /// Those of `users` who can be invited; all of them, unless best effort is good enough.
    fn choose_guests(
        &self,
        users: &[UserId],
        mode: InviteMode,
    ) -> Result<Vec<&'a Person>, Rejection> {
        let mut guests: Vec<&Person> = Vec::new();
        let mut refused = None;
        for user in users {
            let again = guests.iter().any(|guest| guest.user == *user);
            let answer = if again { Err(Rejection::AlreadyInvited) } else { self.invitable(user) };
            match answer {
                Ok(guest) => guests.push(guest),
                Err(rejection) if mode == InviteMode::Atomic => return Err(rejection),
                Err(rejection) => refused = refused.or(Some(rejection)),
            }
        }
        match refused {
            Some(rejection) if guests.is_empty() => Err(rejection),
            _ => Ok(guests),
        }
    }

    fn invitable(&self, user: &UserId) -> Result<&'a Person, Rejection> {
        if self.room.is_host(user) {
            return Err(Rejection::SelfTarget);
        }
        if self.room.occupant_of(user).is_some() {
            return Err(Rejection::AlreadySeated);
        }
        if self.room.reservation_of(user).is_some() {
            return Err(Rejection::AlreadyInvited);
        }
        let person = self.ctx.facts.profile(user).ok_or(Rejection::NotAvailable)?;
        self.expect_stage_mate(user)?;
        Ok(person)
    }

    fn invite(&mut self, seat: SeatNo, person: Person) {
        let offer = OfferId(self.next_seq());
        let until = self.now + self.room.policy().invite_lifetime;
        let user = person.user.clone();
        self.record(Event::GuestInvited { offer, seat, person, until });
        self.order(Effect::Notify { user: user.clone(), notice: Notice::Invited { offer, until } });
        // The invitation answers a request of the same person.
        if let Some(request) = self.room.request_of(&user) {
            self.resolve_request(request, RequestOutcome::Voided);
        }
    }

    fn expect_own(&self, offer: OfferId) -> Result<(SeatNo, &'a Reservation), Rejection> {
        let person = self.expect_person()?;
        let found = self.room.offer(offer);
        let own = found.filter(|(_, reservation)| reservation.person.user == person.user);
        let (seat, reservation) = own.ok_or(Rejection::OfferNotFound)?;
        self.expect_open(reservation)?;
        Ok((seat, reservation))
    }

    fn expect_open(&self, reservation: &Reservation) -> Result<(), Rejection> {
        if reservation.step != Step::Offered {
            return Err(Rejection::OfferResolved);
        }
        if self.now >= reservation.until { Err(Rejection::OfferExpired) } else { Ok(()) }
    }
}
