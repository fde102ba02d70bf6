//! Reading the stage: who holds which seat.

use salon_core::{StintId, UserId};

use crate::person::Person;
use crate::room::Room;
use crate::seat::{Occupant, OfferId, Reservation, Role, Seat, SeatNo};

impl Room {
    /// What `user` is here.
    #[must_use]
    pub fn role(&self, user: &UserId) -> Role {
        if self.is_host(user) {
            Role::Host
        } else if self.occupants().any(|(_, occupant)| occupant.person.user == *user) {
            Role::Guest
        } else {
            Role::Viewer
        }
    }

    /// The seats of the policy, the host's first; none before the room is created.
    #[must_use]
    pub fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// One seat, if the policy has it.
    #[must_use]
    pub fn seat(&self, no: SeatNo) -> Option<&Seat> {
        self.seats.get(no.index())
    }

    /// The seat `user` sits in or is waited for.
    #[must_use]
    pub fn seat_of(&self, user: &UserId) -> Option<&Seat> {
        self.seats.iter().find(|seat| seat.holds(user))
    }

    /// Everybody who sits, the host first.
    pub fn occupants(&self) -> impl Iterator<Item = (SeatNo, &Occupant)> {
        self.seats.iter().filter_map(|seat| Some((seat.no, seat.occupant()?)))
    }

    /// Everybody a seat is reserved for.
    pub fn reservations(&self) -> impl Iterator<Item = (SeatNo, &Reservation)> {
        self.seats.iter().filter_map(|seat| Some((seat.no, seat.reservation()?)))
    }

    /// The seat reserved for `user`.
    #[must_use]
    pub fn reservation_of(&self, user: &UserId) -> Option<(SeatNo, &Reservation)> {
        self.reservations().find(|(_, reservation)| reservation.person.user == *user)
    }

    pub(crate) fn offer(&self, offer: OfferId) -> Option<(SeatNo, &Reservation)> {
        self.reservations().find(|(_, reservation)| reservation.offer == offer)
    }

    pub(crate) fn occupant_of(&self, user: &UserId) -> Option<(SeatNo, &Occupant)> {
        self.occupants().find(|(_, occupant)| occupant.person.user == *user)
    }

    pub(crate) fn stint(&self, stint: StintId) -> Option<(SeatNo, &Occupant)> {
        self.occupants().find(|(_, occupant)| occupant.stint == stint)
    }

    /// The seats anybody could be given, in order. Seat 0 is the host's and never among them.
    pub(crate) fn free_seats(&self) -> impl Iterator<Item = SeatNo> {
        self.seats
            .iter()
            .filter(|seat| seat.no != SeatNo::HOST && seat.is_free())
            .map(|seat| seat.no)
    }

    /// Everybody who sat in this live, whether or not they still do.
    pub fn participants(&self) -> impl Iterator<Item = &Person> {
        self.people.seated.values()
    }
}
