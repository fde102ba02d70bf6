//! What is true of every room after every decision.

use std::collections::BTreeSet;

use crate::policy::Requests;
use crate::room::{Phase, Room};
use crate::seat::{Origin, SeatNo, Step};

type Checked = Result<(), &'static str>;

impl Room {
    /// Names the first broken invariant. Call it after all records of a decision, not between them.
    ///
    /// # Errors
    /// The invariant, as a sentence.
    #[doc(hidden)]
    pub fn check(&self) -> Checked {
        self.check_life()?;
        self.check_seats()?;
        self.check_people()?;
        self.queue.check()?;
        self.badges.check()?;
        self.handled.check()
    }

    fn check_life(&self) -> Checked {
        if (self.phase == Phase::New) != (self.position.seq == 0) {
            return Err("a room exists from its first record on");
        }
        let created = [self.host.is_some(), self.title.is_some(), self.created_at.is_some()];
        if created != [self.phase != Phase::New; 3] {
            return Err("a room has a host and a title from its creation on");
        }
        if matches!(self.phase, Phase::Ended(_)) != self.ended_at.is_some() {
            return Err("a room that ended ended at some time");
        }
        if self.is_live() && self.live_since.is_none() {
            return Err("a live began at some time");
        }
        if self.comments.len() > usize::from(self.policy.comments_max) {
            return Err("no more comments are kept than the policy allows");
        }
        Ok(())
    }

    fn check_seats(&self) -> Checked {
        let seats = if self.phase == Phase::New { 0 } else { self.policy.seats.get() };
        if !self.seats.iter().map(|seat| seat.no).eq(SeatNo::first(seats)) {
            return Err("a room has the seats of its policy");
        }
        if !self.is_live() && self.seats.iter().any(|seat| !seat.is_free()) {
            return Err("seats are held only while live");
        }
        let in_seat_0 = self.seat(SeatNo::HOST).and_then(|seat| seat.occupant());
        if self.is_live() && !in_seat_0.is_some_and(|host| self.is_host(&host.person.user)) {
            return Err("the host holds seat 0 while live");
        }
        let holders = self.seats.iter().filter_map(|seat| seat.person());
        let distinct: BTreeSet<_> = holders.clone().map(|person| &person.user).collect();
        if distinct.len() != holders.count() {
            return Err("nobody holds two seats");
        }
        let stints: BTreeSet<_> = self.occupants().map(|(_, occupant)| occupant.stint.0).collect();
        if stints.len() != self.occupants().count() || stints.last() > Some(&self.position.seq) {
            return Err("each stay has a stint of its own, made by a record");
        }
        for (_, reservation) in self.reservations() {
            let offered = reservation.step == Step::Offered;
            match reservation.origin {
                Origin::Invite(offer) if offer == reservation.offer => {}
                Origin::Request(_) if !offered => {}
                _ => return Err("a reservation is an invitation or an approved request"),
            }
        }
        Ok(())
    }

    fn check_people(&self) -> Checked {
        if self
            .occupants()
            .any(|(_, occupant)| !self.people.seated.contains_key(&occupant.person.user))
        {
            return Err("everybody who sits is remembered");
        }
        if self.seats.iter().filter_map(|seat| seat.person()).any(|who| self.removed(&who.user)) {
            return Err("nobody who was removed holds a seat");
        }
        if self.host.as_ref().is_some_and(|host| self.removed(&host.user)) {
            return Err("the host is not removed");
        }
        for request in self.requests() {
            let user = &request.person.user;
            if self.is_host(user) || self.seat_of(user).is_some() || self.removed(user) {
                return Err("only a viewer asks for a seat");
            }
        }
        let open = self.is_live() && self.policy.requests == Requests::Open;
        if !open && self.queue.len() > 0 {
            return Err("requests wait only while live and open");
        }
        if self.queue.len() > usize::from(self.policy.requests_max) {
            return Err("no more requests wait than the policy allows");
        }
        Ok(())
    }
}
