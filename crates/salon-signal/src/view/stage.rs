//! How the state of the stage follows its events.

use salon_core::UserId;

use crate::event::{Event, InviteOutcome};
use crate::snapshot::{Offer, OfferStep, Request, StageState};

/// Applies one event of the stage stream.
pub(super) fn evolve(stage: &mut StageState, event: Event) {
    match event {
        Event::GuestInvited { offer, seat, person, until_ms } => {
            place(stage, Offer { offer, seat, person, step: OfferStep::Offered, until_ms });
        }
        Event::SeatReserved {
            seat,
            offer: Some(offer),
            person: Some(person),
            until_ms: Some(until_ms),
        } => place(stage, Offer { offer, seat, person, step: OfferStep::Preparing, until_ms }),
        Event::InviteResolved {
            offer, outcome: InviteOutcome::Accepted, prepare_until_ms, ..
        } => {
            if let Some(held) = stage.offers.iter_mut().find(|held| held.offer == offer) {
                held.step = OfferStep::Preparing;
                held.until_ms = prepare_until_ms.unwrap_or(held.until_ms);
            }
        }
        Event::InviteResolved { offer, .. } => stage.offers.retain(|held| held.offer != offer),
        Event::SeatRequested { request, person, note, at_ms } => {
            stage.requests.push(Request { request, person, note, at_ms });
        }
        Event::RequestResolved { request, .. } => {
            stage.requests.retain(|held| held.request != request);
        }
        _ => {}
    }
}

/// The room saw the seat taken by somebody, or released.
pub(super) fn follow(stage: &mut StageState, seat: u8, taken_by: Option<&UserId>) {
    match taken_by {
        Some(who) => {
            stage.offers.retain(|held| held.person.user != *who);
            stage.requests.retain(|held| held.person.user != *who);
        }
        None => stage.offers.retain(|held| held.seat != seat),
    }
}

/// A seat is held for one person at a time.
fn place(stage: &mut StageState, offer: Offer) {
    stage.offers.retain(|held| held.seat != offer.seat && held.offer != offer.offer);
    stage.offers.push(offer);
}
