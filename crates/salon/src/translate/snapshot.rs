//! A room as its streams' snapshots show it, and what one person may do in it.

use std::cmp::Reverse;

use salon_core::{Time, UserId};
use salon_ledger::Terms;
use salon_ledger::badge::Catalogue;
use salon_room::audience::Count;
use salon_room::room::Phase;
use salon_room::seat::{self, Link, Role, Step};
use salon_room::{Rejection, Room};
use salon_signal::conflated::Audience;
use salon_signal::event::PurchaseState;
use salon_signal::id::{CommentId, OfferId, RequestId};
use salon_signal::price::{PersonTotal, Supporter, Total};
use salon_signal::server::{Capability, Withheld};
use salon_signal::snapshot as wire;

use super::event::{end_reason, request_policy};
use super::{media, participant, person};
use crate::room::tally::Tally;

/// What everybody sees.
///
/// # Panics
/// If the room was never created; such a room is not served.
pub(crate) fn room_state(
    room: &Room,
    tally: &Tally,
    terms: &Terms,
    audience: Count,
    hearts_total: u64,
    now: Time,
) -> wire::RoomState {
    let comments = room.comments().len().saturating_sub(wire::COMMENTS_MAX);
    wire::RoomState {
        room: room.id(),
        title: room.title().map(|title| title.as_str().to_owned()).unwrap_or_default(),
        phase: phase(room),
        ended_reason: match room.phase() {
            Phase::Ended(reason) => Some(end_reason(*reason)),
            Phase::New | Phase::Draft | Phase::Live => None,
        },
        host: room.host().map(person).expect("a served room has a host"),
        live_since_ms: room.live_since().map(Time::as_ms),
        server_time_ms: now.as_ms(),
        requests: request_policy(room.policy().requests),
        seats: room.seats().iter().map(|seat| seat_state(seat, tally)).collect(),
        comments: room.comments().skip(comments).map(comment).collect(),
        catalogue: catalogue(&terms.catalogue),
        totals: totals(room, tally, terms),
        supporters: supporters(room),
        audience: self::audience(audience),
        hearts_total,
    }
}

/// Where a room is in its life.
pub(crate) fn phase(room: &Room) -> wire::Phase {
    match room.phase() {
        Phase::New | Phase::Draft => wire::Phase::Draft,
        Phase::Live => wire::Phase::Live,
        Phase::Ended(_) => wire::Phase::Ended,
    }
}

/// How many watch.
pub(crate) fn audience(count: Count) -> Audience {
    Audience { users: count.users, sessions: count.sessions, peak: count.peak }
}

/// What people received, most hearts first.
pub(crate) fn totals(room: &Room, tally: &Tally, terms: &Terms) -> Vec<PersonTotal> {
    let currency = terms.catalogue.currency();
    let mut totals: Vec<_> = tally
        .iter()
        .map(|(user, received)| PersonTotal {
            person: participant(room, user),
            hearts: received.hearts,
            minor: received.minor,
            currency,
            exponent: currency.exponent(),
        })
        .collect();
    totals.sort_by_key(|total| Reverse(total.hearts));
    totals
}

/// Who gave, most hearts first.
pub(crate) fn supporters(room: &Room) -> Vec<Supporter> {
    let mut supporters: Vec<_> = room
        .supporters()
        .map(|supporter| Supporter { person: person(&supporter.person), hearts: supporter.hearts })
        .collect();
    supporters.sort_by_key(|supporter| Reverse(supporter.hearts));
    supporters
}

fn seat_state(seat: &seat::Seat, tally: &Tally) -> wire::Seat {
    let state = match &seat.state {
        seat::State::Empty => wire::SeatState::Empty,
        seat::State::Reserved(_) => wire::SeatState::Reserved,
        seat::State::Occupied(occupant) => {
            let received = tally.of(&occupant.person.user);
            wire::SeatState::Occupied {
                person: person(&occupant.person),
                stint: occupant.stint,
                media: media(occupant.media),
                lost_until_ms: match occupant.link {
                    Link::Up => None,
                    Link::Lost { until } => Some(until.as_ms()),
                },
                total: Total { hearts: received.hearts, minor: received.minor },
            }
        }
    };
    wire::Seat { seat: seat.no.get(), state }
}

fn comment(comment: &salon_room::comment::Comment) -> wire::Comment {
    wire::Comment {
        comment: CommentId(comment.id.0),
        person: person(&comment.person),
        text: comment.text.as_str().to_owned(),
        hearts: comment.hearts,
        at_ms: comment.at.as_ms(),
    }
}

fn catalogue(catalogue: &Catalogue) -> Vec<wire::Badge> {
    let items = catalogue.items().iter();
    items
        .map(|badge| wire::Badge {
            sku: badge.sku.as_str().to_owned(),
            hearts: badge.hearts,
            price: badge.price.into(),
        })
        .collect()
}

/// What whoever runs the room sees beyond it.
pub(crate) fn stage_state(room: &Room) -> wire::StageState {
    let requests = room.requests().map(|request| wire::Request {
        request: RequestId(request.id.0),
        person: person(&request.person),
        note: request.note.as_str().to_owned(),
        at_ms: request.at.as_ms(),
    });
    let offers = room.reservations().map(|(seat, reservation)| wire::Offer {
        offer: OfferId(reservation.offer.0),
        seat: seat.get(),
        person: person(&reservation.person),
        step: step(reservation.step),
        until_ms: reservation.until.as_ms(),
    });
    wire::StageState { requests: requests.collect(), offers: offers.collect() }
}

/// What one person sees beyond the room.
pub(crate) fn user_state(room: &Room, user: &UserId, terms: &Terms, now: Time) -> wire::UserState {
    let offer = room.reservation_of(user).map(|(seat, reservation)| wire::OwnOffer {
        offer: OfferId(reservation.offer.0),
        seat: Some(seat.get()),
        by: match reservation.origin {
            seat::Origin::Invite(_) => room.host().map(person),
            seat::Origin::Host | seat::Origin::Request(_) => None,
        },
        step: step(reservation.step),
        until_ms: reservation.until.as_ms(),
    });
    let own = |purchase: &&salon_room::badge::Purchase| purchase.from.user == *user;
    let purchases = room.purchases().filter(own).filter_map(|purchase| {
        let badge = terms.catalogue.item(&purchase.sku)?;
        Some(wire::Purchase {
            purchase: purchase.id,
            recipient: purchase.to.clone(),
            sku: purchase.sku.as_str().to_owned(),
            price: badge.price.into(),
            state: PurchaseState::Pending,
        })
    });
    wire::UserState {
        user: user.clone(),
        role: match room.role(user) {
            Role::Host => wire::Role::Host,
            Role::Guest => wire::Role::Guest,
            Role::Viewer => wire::Role::Viewer,
        },
        offer,
        request: room
            .request_of(user)
            .map(|request| wire::OwnRequest { request: RequestId(request.id.0) }),
        cooldown_until_ms: room.cooldown_of(user, now).map(Time::as_ms),
        purchases: purchases.collect(),
    }
}

fn step(step: Step) -> wire::OfferStep {
    match step {
        Step::Offered => wire::OfferStep::Offered,
        Step::Preparing => wire::OfferStep::Preparing,
    }
}

/// What one person may do, and the refusal that each other thing would meet.
pub(crate) fn capabilities(room: &Room, user: &UserId) -> (Vec<Capability>, Vec<Withheld>) {
    const ALL: [Capability; 9] = [
        Capability::GoLive,
        Capability::EndRoom,
        Capability::InviteGuests,
        Capability::RequestSeat,
        Capability::ApproveRequests,
        Capability::RemoveGuests,
        Capability::PostComment,
        Capability::BuyBadge,
        Capability::React,
    ];
    let role = room.role(user);
    let (mut can, mut withheld) = (Vec::new(), Vec::new());
    for capability in ALL {
        match why_not(room, role, &capability) {
            None => can.push(capability),
            Some(why) => withheld.push(Withheld { capability, why: why.name().to_owned() }),
        }
    }
    (can, withheld)
}

fn why_not(room: &Room, role: Role, capability: &Capability) -> Option<Rejection> {
    let host_only = (role != Role::Host).then_some(Rejection::NotHost);
    let needs_live = (!room.is_live()).then_some(Rejection::WrongPhase);
    match capability {
        Capability::GoLive => {
            host_only.or((*room.phase() != Phase::Draft).then_some(Rejection::WrongPhase))
        }
        Capability::EndRoom => host_only,
        Capability::InviteGuests | Capability::ApproveRequests | Capability::RemoveGuests => {
            host_only.or(needs_live)
        }
        Capability::RequestSeat => {
            let seated = (role != Role::Viewer).then_some(Rejection::AlreadySeated);
            let closed = room.policy().requests == salon_room::policy::Requests::Closed;
            seated.or(needs_live).or(closed.then_some(Rejection::RequestsClosed))
        }
        Capability::BuyBadge => {
            needs_live.or((!room.policy().badges).then_some(Rejection::BadgesOff))
        }
        Capability::PostComment | Capability::React | Capability::Unknown(_) => needs_live,
    }
}
