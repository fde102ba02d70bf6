//! What each event does to the room. Nothing is decided here, and nothing can fail.

use salon_core::Time;

use crate::comment::Comment;
use crate::event::{Event, InviteOutcome, Record, RequestOutcome};
use crate::request::Request;
use crate::room::{Phase, Position, Room};
use crate::seat::{Link, Occupant, Origin, Reservation, Seat, SeatNo, State, Step};

impl Room {
    /// Applies one record: of a decision of this room as it is, or the next of its log.
    ///
    /// A record that names what the room does not have is without effect.
    pub fn evolve(&mut self, record: &Record) {
        debug_assert_eq!(record.seq, self.position.seq + 1, "records come in order");
        self.position = Position { fence: record.epoch, seq: record.seq, at: record.at };
        self.handled.remember(record);
        self.apply(record.at, &record.event);
    }

    fn apply(&mut self, at: Time, event: &Event) {
        match event {
            Event::RoomCreated { .. }
            | Event::WentLive
            | Event::RoomEnded { .. }
            | Event::RequestPolicyChanged { .. } => self.apply_to_life(at, event),
            Event::GuestInvited { .. }
            | Event::InviteResolved { .. }
            | Event::SeatReserved { .. }
            | Event::SeatTaken { .. }
            | Event::SeatReleased { .. } => self.apply_to_seats(event),
            Event::HostAbsent { .. }
            | Event::HostReturned
            | Event::LinkLost { .. }
            | Event::LinkRestored { .. }
            | Event::MediaChanged { .. } => self.apply_to_occupant(event),
            Event::SeatRequested { request: id, person, note, until } => {
                let (id, person, note, until) = (*id, person.clone(), note.clone(), *until);
                self.queue.add(Request { id, person, note, at, until });
            }
            Event::RequestResolved { request, user, outcome } => {
                self.queue.remove(*request);
                if let RequestOutcome::Declined { until } = outcome {
                    self.queue.cool_down(at, user.clone(), *until);
                }
            }
            Event::GuestRemoved { user } => {
                self.people.removed.insert(user.clone());
            }
            Event::CommentPosted { comment: id, person, text, hearts } => {
                let (person, text) = (person.clone(), text.clone());
                self.keep(Comment { id: *id, at, person, text, hearts: *hearts });
            }
            Event::BadgeBegun { .. } | Event::BadgeAwarded { .. } | Event::BadgeVoided { .. } => {
                self.badges.apply(event);
            }
            Event::Takeover => {}
        }
    }

    fn apply_to_life(&mut self, at: Time, event: &Event) {
        match event {
            Event::RoomCreated { host, title, policy } => {
                self.phase = Phase::Draft;
                self.host = Some(host.clone());
                self.title = Some(title.clone());
                self.created_at = Some(at);
                self.seats = SeatNo::first(policy.seats.get()).map(Seat::empty).collect();
                self.policy = policy.clone();
            }
            Event::WentLive => {
                self.phase = Phase::Live;
                self.live_since = Some(at);
            }
            Event::RoomEnded { reason } => {
                self.phase = Phase::Ended(*reason);
                self.ended_at = Some(at);
            }
            Event::RequestPolicyChanged { policy } => self.policy.requests = *policy,
            _ => {}
        }
    }

    fn apply_to_seats(&mut self, event: &Event) {
        match event {
            Event::GuestInvited { offer, seat, person, until } => {
                let (person, until) = (person.clone(), *until);
                let (origin, step) = (Origin::Invite(*offer), Step::Offered);
                let reservation = Reservation { offer: *offer, person, origin, step, until };
                self.set_seat(*seat, State::Reserved(reservation));
            }
            Event::SeatReserved { seat, offer, request, person, until } => {
                let (person, until) = (person.clone(), *until);
                let (origin, step) = (Origin::Request(*request), Step::Preparing);
                let reservation = Reservation { offer: *offer, person, origin, step, until };
                self.set_seat(*seat, State::Reserved(reservation));
            }
            Event::InviteResolved { seat, outcome, .. } => match outcome {
                InviteOutcome::Accepted { prepare_until } => self.prepare(*seat, *prepare_until),
                InviteOutcome::Declined
                | InviteOutcome::Cancelled
                | InviteOutcome::Expired
                | InviteOutcome::Voided => self.set_seat(*seat, State::Empty),
            },
            Event::SeatTaken { seat, person, stint, media, .. } => {
                self.people.seated.insert(person.user.clone(), person.clone());
                let (person, link) = (person.clone(), Link::Up);
                let occupant = Occupant { person, stint: *stint, link, media: *media };
                self.set_seat(*seat, State::Occupied(occupant));
            }
            Event::SeatReleased { seat, .. } => self.set_seat(*seat, State::Empty),
            _ => {}
        }
    }

    fn apply_to_occupant(&mut self, event: &Event) {
        match event {
            Event::HostAbsent { until } => {
                self.set_link(SeatNo::HOST, Link::Lost { until: *until });
            }
            Event::HostReturned => self.set_link(SeatNo::HOST, Link::Up),
            Event::LinkLost { seat, until, .. } => {
                self.set_link(*seat, Link::Lost { until: *until });
            }
            Event::LinkRestored { seat, .. } => self.set_link(*seat, Link::Up),
            Event::MediaChanged { seat, media, .. } => {
                if let Some(occupant) = self.occupant_mut(*seat) {
                    occupant.media = *media;
                }
            }
            _ => {}
        }
    }

    fn set_seat(&mut self, seat: SeatNo, state: State) {
        if let Some(seat) = self.seats.get_mut(seat.index()) {
            seat.state = state;
        }
    }

    fn prepare(&mut self, seat: SeatNo, until: Time) {
        let seat = self.seats.get_mut(seat.index());
        if let Some(Seat { state: State::Reserved(reservation), .. }) = seat {
            (reservation.step, reservation.until) = (Step::Preparing, until);
        }
    }

    fn set_link(&mut self, seat: SeatNo, link: Link) {
        if let Some(occupant) = self.occupant_mut(seat) {
            occupant.link = link;
        }
    }

    fn occupant_mut(&mut self, seat: SeatNo) -> Option<&mut Occupant> {
        match &mut self.seats.get_mut(seat.index())?.state {
            State::Occupied(occupant) => Some(occupant),
            State::Empty | State::Reserved(_) => None,
        }
    }

    fn keep(&mut self, comment: Comment) {
        self.comments.push_back(comment);
        if self.comments.len() > usize::from(self.policy.comments_max) {
            self.comments.pop_front();
        }
    }
}
