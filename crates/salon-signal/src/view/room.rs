//! How the public state follows its events.

use salon_core::UserId;

use crate::Person;
use crate::event::Event;
use crate::price::{PersonTotal, Price, Supporter, Total};
use crate::snapshot::{Comment, Phase, Role, RoomState, Seat, SeatState};

use super::{COMMENTS_MAX, Contradiction, occupies};

/// Applies one event of the room stream. An error leaves the state unchanged.
pub(super) fn evolve(room: &mut RoomState, at_ms: u64, event: Event) -> Result<(), Contradiction> {
    match event {
        Event::WentLive => {
            room.phase = Phase::Live;
            room.live_since_ms = Some(at_ms);
        }
        Event::RoomEnded { reason } => {
            room.phase = Phase::Ended;
            room.ended_reason = Some(reason);
            room.seats.iter_mut().for_each(|seat| seat.state = SeatState::Empty);
        }
        Event::HostAbsent { until_ms } => *lost_until(room, 0)? = Some(until_ms),
        Event::HostReturned => *lost_until(room, 0)? = None,
        Event::LinkLost { seat, until_ms } => *lost_until(room, seat)? = Some(until_ms),
        Event::LinkRestored { seat } => *lost_until(room, seat)? = None,
        Event::SeatReserved { seat, .. } => find(room, seat)?.state = SeatState::Reserved,
        Event::SeatReleased { seat, .. } => find(room, seat)?.state = SeatState::Empty,
        Event::SeatTaken { seat, person, stint, media, origin: _ } => {
            let total = total(room, &person.user);
            let state = SeatState::Occupied { person, stint, media, lost_until_ms: None, total };
            find(room, seat)?.state = state;
        }
        Event::MediaChanged { seat, media: now } => match &mut find(room, seat)?.state {
            SeatState::Occupied { media, .. } => *media = now,
            _ => return Err(Contradiction::NotOccupied(seat)),
        },
        Event::CommentPosted { comment, person, text, hearts } => {
            if room.comments.len() >= COMMENTS_MAX {
                room.comments.remove(0);
            }
            room.comments.push(Comment { comment, person, text, hearts, at_ms });
        }
        Event::BadgeAwarded { from, to, hearts, price, recipient_total, .. } => {
            credit(room, to, price, recipient_total);
            thank(room, from, hearts);
        }
        Event::RequestPolicyChanged { policy } => room.requests = policy,
        // Of the other streams, or of a later version.
        Event::GuestInvited { .. }
        | Event::InviteResolved { .. }
        | Event::SeatRequested { .. }
        | Event::RequestResolved { .. }
        | Event::Invited { .. }
        | Event::InviteClosed { .. }
        | Event::RequestPlaced { .. }
        | Event::RequestClosed { .. }
        | Event::BadgePending { .. }
        | Event::BadgeSettled { .. }
        | Event::Removed
        | Event::Unknown(_) => {}
    }
    Ok(())
}

/// What somebody is, by where they sit.
pub(super) fn role(room: &RoomState, who: &UserId) -> Role {
    if room.host.user == *who {
        Role::Host
    } else if room.seats.iter().any(|seat| occupies(&seat.state, who)) {
        Role::Guest
    } else {
        Role::Viewer
    }
}

fn find(room: &mut RoomState, number: u8) -> Result<&mut Seat, Contradiction> {
    room.seats.iter_mut().find(|seat| seat.seat == number).ok_or(Contradiction::NoSuchSeat(number))
}

/// Until when the connection of whoever sits there is waited for.
fn lost_until(room: &mut RoomState, number: u8) -> Result<&mut Option<u64>, Contradiction> {
    match &mut find(room, number)?.state {
        SeatState::Occupied { lost_until_ms, .. } => Ok(lost_until_ms),
        _ => Err(Contradiction::NotOccupied(number)),
    }
}

fn total(room: &RoomState, who: &UserId) -> Total {
    room.totals
        .iter()
        .find(|total| total.person.user == *who)
        .map(|PersonTotal { hearts, minor, .. }| Total { hearts: *hearts, minor: *minor })
        .unwrap_or_default()
}

/// A recipient has all they had and this badge: the event says how much, so nothing is added up here.
fn credit(room: &mut RoomState, recipient: Person, price: Price, now: Total) {
    for seat in &mut room.seats {
        match &mut seat.state {
            SeatState::Occupied { person, total, .. } if person.user == recipient.user => {
                *total = now;
            }
            _ => {}
        }
    }
    let Total { hearts, minor } = now;
    match room.totals.iter_mut().find(|total| total.person.user == recipient.user) {
        Some(total) => (total.hearts, total.minor) = (hearts, minor),
        None => {
            let Price { currency, exponent, .. } = price;
            room.totals.push(PersonTotal { person: recipient, hearts, minor, currency, exponent });
        }
    }
}

fn thank(room: &mut RoomState, giver: Person, hearts: u8) {
    let hearts = u64::from(hearts);
    match room.supporters.iter_mut().find(|supporter| supporter.person.user == giver.user) {
        Some(supporter) => supporter.hearts = supporter.hearts.saturating_add(hearts),
        None => room.supporters.push(Supporter { person: giver, hearts }),
    }
    // Stable: whoever reached the same number first stays first.
    room.supporters.sort_by_key(|supporter| std::cmp::Reverse(supporter.hearts));
}
