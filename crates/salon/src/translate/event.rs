//! Records of the room into events of the wire: to whom, and in which words.

use salon_core::{Money, PurchaseId, UserId};
use salon_room::badge::Sku;
use salon_room::event::{EndReason, InviteOutcome, RequestOutcome};
use salon_room::policy::Requests;
use salon_room::seat::{Origin, ReleaseReason};
use salon_room::{Event, Record, Room, badge};
use salon_signal::command::RequestPolicy;
use salon_signal::event as wire;
use salon_signal::event::PurchaseState;
use salon_signal::id::{CommentId, OfferId, RequestId};
use salon_signal::price::Total;

use super::{media, participant, person};
use crate::room::tally::Tally;

/// Which stream an event goes into.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Stream {
    Room,
    Stage,
    User(UserId),
}

/// What one stream is told.
pub(crate) type Told = (Stream, wire::Event);

/// What telling needs to know beside the record.
pub(crate) struct Scene<'a> {
    /// The room after the whole decision.
    pub(crate) room: &'a Room,
    /// Whom a seat was reserved for before it, under which offer.
    pub(crate) waiting: &'a [(UserId, OfferId)],
    /// What people have received, this decision included.
    pub(crate) tally: &'a Tally,
    /// What a purchase costs.
    pub(crate) price_of: &'a dyn Fn(PurchaseId, &Sku) -> Option<Money>,
}

/// What is told of one record.
pub(crate) fn tell(record: &Record, scene: &Scene<'_>) -> Vec<Told> {
    let room = scene.room;
    match &record.event {
        Event::RoomCreated { .. } | Event::Takeover => Vec::new(),
        Event::WentLive
        | Event::RoomEnded { .. }
        | Event::HostAbsent { .. }
        | Event::HostReturned
        | Event::LinkLost { .. }
        | Event::LinkRestored { .. }
        | Event::MediaChanged { .. }
        | Event::RequestPolicyChanged { .. }
        | Event::CommentPosted { .. } => {
            public(&record.event).map(|event| (Stream::Room, event)).into_iter().collect()
        }
        Event::GuestInvited { .. } | Event::InviteResolved { .. } => invitation(record, room),
        Event::SeatRequested { .. } | Event::RequestResolved { .. } => request(record, room),
        Event::SeatReserved { .. } | Event::SeatTaken { .. } | Event::SeatReleased { .. } => {
            seat(&record.event, scene.waiting)
        }
        Event::GuestRemoved { user } => vec![(Stream::User(user.clone()), wire::Event::Removed)],
        Event::BadgeBegun { .. } | Event::BadgeAwarded { .. } | Event::BadgeVoided { .. } => {
            badge(&record.event, scene)
        }
    }
}

/// What everybody is told, and nobody else differently.
fn public(event: &Event) -> Option<wire::Event> {
    Some(match event {
        Event::WentLive => wire::Event::WentLive,
        Event::RoomEnded { reason } => wire::Event::RoomEnded { reason: end_reason(*reason) },
        Event::HostAbsent { until } => wire::Event::HostAbsent { until_ms: until.as_ms() },
        Event::HostReturned => wire::Event::HostReturned,
        Event::LinkLost { seat, until, .. } => {
            wire::Event::LinkLost { seat: seat.get(), until_ms: until.as_ms() }
        }
        Event::LinkRestored { seat, .. } => wire::Event::LinkRestored { seat: seat.get() },
        Event::MediaChanged { seat, media: now, .. } => {
            wire::Event::MediaChanged { seat: seat.get(), media: media(*now) }
        }
        Event::RequestPolicyChanged { policy } => {
            wire::Event::RequestPolicyChanged { policy: request_policy(*policy) }
        }
        Event::CommentPosted { comment, person: author, text, hearts } => {
            wire::Event::CommentPosted {
                comment: CommentId(comment.0),
                person: person(author),
                text: text.as_str().to_owned(),
                hearts: *hearts,
            }
        }
        _ => return None,
    })
}

/// Everybody learns that a seat is held or free, the stage for whom, and the person what they can do.
fn invitation(record: &Record, room: &Room) -> Vec<Told> {
    match &record.event {
        Event::GuestInvited { offer, seat, person: invited, until } => {
            let (offer, seat, until_ms) = (OfferId(offer.0), seat.get(), until.as_ms());
            let by = room.host().map(person).expect("only a created room invites");
            vec![
                (Stream::Room, held(seat)),
                (
                    Stream::Stage,
                    wire::Event::GuestInvited { offer, seat, person: person(invited), until_ms },
                ),
                (
                    Stream::User(invited.user.clone()),
                    wire::Event::Invited { offer, seat, by, until_ms },
                ),
            ]
        }
        Event::InviteResolved { offer, seat, user, outcome: how } => {
            let (offer, outcome) = (OfferId(offer.0), invite_outcome(*how));
            let prepare_until_ms = match how {
                InviteOutcome::Accepted { prepare_until } => Some(prepare_until.as_ms()),
                _ => None,
            };
            let mut told = Vec::new();
            if record.event.seat_changed().is_some() {
                let reason = match how {
                    InviteOutcome::Voided => wire::ReleaseReason::RoomEnded,
                    _ => wire::ReleaseReason::OfferClosed,
                };
                told.push((Stream::Room, freed(seat.get(), None, reason)));
            }
            told.push((
                Stream::Stage,
                wire::Event::InviteResolved {
                    offer,
                    user: user.clone(),
                    outcome: outcome.clone(),
                    prepare_until_ms,
                },
            ));
            let closed = wire::Event::InviteClosed { offer, outcome, prepare_until_ms };
            told.push((Stream::User(user.clone()), closed));
            told
        }
        _ => Vec::new(),
    }
}

fn request(record: &Record, room: &Room) -> Vec<Told> {
    match &record.event {
        Event::SeatRequested { request, person: asking, note, .. } => {
            let request = RequestId(request.0);
            vec![
                (
                    Stream::Stage,
                    wire::Event::SeatRequested {
                        request,
                        person: person(asking),
                        note: note.as_str().to_owned(),
                        at_ms: record.at.as_ms(),
                    },
                ),
                (Stream::User(asking.user.clone()), wire::Event::RequestPlaced { request }),
            ]
        }
        Event::RequestResolved { request, user, outcome: how } => {
            let (request, outcome) = (RequestId(request.0), request_outcome(*how));
            let (offer, prepare_until_ms) = match how {
                RequestOutcome::Approved { offer, prepare_until } => {
                    (Some(OfferId(offer.0)), Some(prepare_until.as_ms()))
                }
                _ => (None, None),
            };
            let cooldown_until_ms = match how {
                RequestOutcome::Declined { until } => Some(until.as_ms()),
                _ => None,
            };
            let seat = offer.and_then(|_| room.reservation_of(user)).map(|(seat, _)| seat.get());
            let resolved = wire::Event::RequestResolved {
                request,
                user: user.clone(),
                outcome: outcome.clone(),
            };
            let closed = wire::Event::RequestClosed {
                request,
                outcome,
                prepare_until_ms,
                offer,
                seat,
                cooldown_until_ms,
            };
            vec![(Stream::Stage, resolved), (Stream::User(user.clone()), closed)]
        }
        _ => Vec::new(),
    }
}

fn seat(event: &Event, waiting: &[(UserId, OfferId)]) -> Vec<Told> {
    match event {
        Event::SeatReserved { seat, offer, person: waited_for, until, .. } => vec![
            (Stream::Room, held(seat.get())),
            (
                Stream::Stage,
                wire::Event::SeatReserved {
                    seat: seat.get(),
                    offer: Some(OfferId(offer.0)),
                    person: Some(person(waited_for)),
                    until_ms: Some(until.as_ms()),
                },
            ),
        ],
        Event::SeatTaken { seat, person: taking, stint, media: now, origin } => {
            let taken = wire::Event::SeatTaken {
                seat: seat.get(),
                person: person(taking),
                stint: *stint,
                media: media(*now),
                origin: match origin {
                    Origin::Host => wire::Origin::Host,
                    Origin::Invite(_) => wire::Origin::Invite,
                    Origin::Request(_) => wire::Origin::Request,
                },
            };
            let mut told = vec![(Stream::Room, taken)];
            told.extend(offer_closed(waiting, &taking.user, wire::InviteOutcome::Seated));
            told
        }
        Event::SeatReleased { seat, user, stint, reason } => {
            // The public is not told of somebody who never sat.
            let named = stint.map(|_| user.clone());
            let freed = freed(seat.get(), named, release_reason(*reason));
            let mut told = vec![(Stream::Room, freed)];
            if stint.is_none() {
                told.extend(offer_closed(waiting, user, closing_outcome(*reason)));
            }
            told
        }
        _ => Vec::new(),
    }
}

/// The stage and the person learn how an offer that was accepted came to its end.
fn offer_closed(
    waiting: &[(UserId, OfferId)],
    user: &UserId,
    outcome: wire::InviteOutcome,
) -> Vec<Told> {
    let Some((_, offer)) = waiting.iter().find(|(waited_for, _)| waited_for == user) else {
        return Vec::new();
    };
    let (offer, prepare_until_ms) = (*offer, None);
    let resolved = wire::Event::InviteResolved {
        offer,
        user: user.clone(),
        outcome: outcome.clone(),
        prepare_until_ms,
    };
    let closed = wire::Event::InviteClosed { offer, outcome, prepare_until_ms };
    vec![(Stream::Stage, resolved), (Stream::User(user.clone()), closed)]
}

fn badge(event: &Event, scene: &Scene<'_>) -> Vec<Told> {
    let Scene { room, tally, price_of, .. } = *scene;
    match event {
        Event::BadgeBegun { purchase, from, to, sku, .. } => {
            let Some(price) = price_of(*purchase, sku) else { return Vec::new() };
            let pending = wire::Event::BadgePending {
                purchase: *purchase,
                recipient: to.clone(),
                sku: sku.as_str().to_owned(),
                price: price.into(),
            };
            vec![(Stream::User(from.user.clone()), pending)]
        }
        Event::BadgeAwarded { purchase, from, to, sku, hearts, note, .. } => {
            let settled = (Stream::User(from.user.clone()), settled(*purchase, None));
            let Some(price) = price_of(*purchase, sku) else { return vec![settled] };
            let received = tally.of(to);
            let awarded = wire::Event::BadgeAwarded {
                purchase: *purchase,
                from: person(from),
                to: participant(room, to),
                seat: room.seat_of(to).filter(|seat| seat.occupant().is_some()).map(|s| s.no.get()),
                sku: sku.as_str().to_owned(),
                hearts: *hearts,
                price: price.into(),
                note: note.as_str().to_owned(),
                recipient_total: Total { hearts: received.hearts, minor: received.minor },
            };
            vec![(Stream::Room, awarded), settled]
        }
        Event::BadgeVoided { purchase, from, why } => {
            vec![(Stream::User(from.clone()), settled(*purchase, Some(*why)))]
        }
        _ => Vec::new(),
    }
}

fn held(seat: u8) -> wire::Event {
    wire::Event::SeatReserved { seat, offer: None, person: None, until_ms: None }
}

fn freed(seat: u8, user: Option<UserId>, reason: wire::ReleaseReason) -> wire::Event {
    wire::Event::SeatReleased { seat, user, reason }
}

fn settled(purchase: PurchaseId, why: Option<badge::VoidReason>) -> wire::Event {
    let outcome = match why {
        None => PurchaseState::Awarded,
        Some(badge::VoidReason::Declined) => PurchaseState::Declined,
        Some(badge::VoidReason::Expired) => PurchaseState::Expired,
        Some(badge::VoidReason::Capped) => PurchaseState::Capped,
        Some(badge::VoidReason::Failed) => PurchaseState::Failed,
    };
    wire::Event::BadgeSettled { purchase, outcome }
}

pub(super) fn end_reason(reason: EndReason) -> wire::EndReason {
    match reason {
        EndReason::HostEnded => wire::EndReason::HostEnded,
        EndReason::HostLost => wire::EndReason::HostLost,
        EndReason::MaxDuration => wire::EndReason::MaxDuration,
        EndReason::Idle => wire::EndReason::Idle,
        EndReason::Operator => wire::EndReason::Operator,
        EndReason::Shutdown => wire::EndReason::Shutdown,
    }
}

pub(super) fn request_policy(policy: Requests) -> RequestPolicy {
    match policy {
        Requests::Open => RequestPolicy::Open,
        Requests::Closed => RequestPolicy::Closed,
    }
}

fn release_reason(reason: ReleaseReason) -> wire::ReleaseReason {
    match reason {
        ReleaseReason::Left => wire::ReleaseReason::Left,
        ReleaseReason::Removed => wire::ReleaseReason::Removed,
        ReleaseReason::LinkLost => wire::ReleaseReason::LinkLost,
        ReleaseReason::JoinTimeout => wire::ReleaseReason::JoinTimeout,
        ReleaseReason::RoomEnded => wire::ReleaseReason::RoomEnded,
    }
}

/// How an offer ended whose seat was given up before anybody sat.
fn closing_outcome(reason: ReleaseReason) -> wire::InviteOutcome {
    match reason {
        ReleaseReason::Left => wire::InviteOutcome::Declined,
        ReleaseReason::Removed => wire::InviteOutcome::Cancelled,
        ReleaseReason::LinkLost | ReleaseReason::JoinTimeout => wire::InviteOutcome::Expired,
        ReleaseReason::RoomEnded => wire::InviteOutcome::Voided,
    }
}

fn invite_outcome(outcome: InviteOutcome) -> wire::InviteOutcome {
    match outcome {
        InviteOutcome::Accepted { .. } => wire::InviteOutcome::Accepted,
        InviteOutcome::Declined => wire::InviteOutcome::Declined,
        InviteOutcome::Cancelled => wire::InviteOutcome::Cancelled,
        InviteOutcome::Expired => wire::InviteOutcome::Expired,
        InviteOutcome::Voided => wire::InviteOutcome::Voided,
    }
}

fn request_outcome(outcome: RequestOutcome) -> wire::RequestOutcome {
    match outcome {
        RequestOutcome::Approved { .. } => wire::RequestOutcome::Approved,
        RequestOutcome::Declined { .. } => wire::RequestOutcome::Declined,
        RequestOutcome::Withdrawn => wire::RequestOutcome::Withdrawn,
        RequestOutcome::Expired => wire::RequestOutcome::Expired,
        RequestOutcome::Voided => wire::RequestOutcome::Voided,
    }
}
