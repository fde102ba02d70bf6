//! How one person's own state follows its events.

use salon_core::UserId;

use crate::event::{Event, InviteOutcome, PurchaseState};
use crate::snapshot::{OfferStep, OwnOffer, OwnRequest, PURCHASES_MAX, Purchase, UserState};

/// Applies one event of the user stream.
pub(super) fn evolve(user: &mut UserState, event: Event) {
    match event {
        Event::Invited { offer, seat, by, until_ms } => {
            let (seat, by, step) = (Some(seat), Some(by), OfferStep::Offered);
            user.offer = Some(OwnOffer { offer, seat, by, step, until_ms });
        }
        Event::InviteClosed { offer, outcome, prepare_until_ms } => {
            let held = user.offer.take_if(|held| held.offer == offer);
            if let (Some(held), InviteOutcome::Accepted) = (held, outcome) {
                let until_ms = prepare_until_ms.unwrap_or(held.until_ms);
                user.offer = Some(OwnOffer { step: OfferStep::Preparing, until_ms, ..held });
            }
        }
        Event::RequestPlaced { request } => user.request = Some(OwnRequest { request }),
        Event::RequestClosed {
            request,
            outcome: _,
            prepare_until_ms,
            offer,
            seat,
            cooldown_until_ms,
        } => {
            user.request.take_if(|held| held.request == request);
            user.cooldown_until_ms = cooldown_until_ms.or(user.cooldown_until_ms);
            // Approved.
            if let (Some(offer), Some(until_ms)) = (offer, prepare_until_ms) {
                let step = OfferStep::Preparing;
                user.offer = Some(OwnOffer { offer, seat, by: None, step, until_ms });
            }
        }
        Event::BadgePending { purchase, recipient, sku, price } => {
            user.purchases.retain(|held| held.purchase != purchase);
            if user.purchases.len() >= PURCHASES_MAX {
                user.purchases.remove(0);
            }
            let state = PurchaseState::Pending;
            user.purchases.push(Purchase { purchase, recipient, sku, price, state });
        }
        Event::BadgeSettled { purchase, outcome } => {
            if let Some(held) = user.purchases.iter_mut().find(|held| held.purchase == purchase) {
                held.state = outcome;
            }
        }
        Event::Removed => (user.offer, user.request) = (None, None),
        _ => {}
    }
}

/// The room saw the seat taken by somebody, or released.
pub(super) fn follow(user: &mut UserState, seat: u8, taken_by: Option<&UserId>) {
    match taken_by {
        Some(who) if *who == user.user => (user.offer, user.request) = (None, None),
        Some(_) => {}
        None => {
            user.offer.take_if(|held| held.seat == Some(seat));
        }
    }
}
