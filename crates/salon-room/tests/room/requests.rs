//! Requests for a seat.

use salon_room::event::{Event, RequestOutcome};
use salon_room::seat::Origin;

use crate::script::check;

#[test]
fn an_approved_request_leads_to_a_seat() {
    let world = check(
        "ada create
         ada go_live
         bob request          | SeatRequested
         bob approve bob      | not_host
         ada approve bob      | SeatReserved:bob@1 RequestResolved:bob:Approved
         ada approve bob      | request_not_found
         bob accept           | offer_resolved
         bob ready            | SeatTaken:bob@1",
    );
    let origins = world.records.iter().filter_map(|record| match record.event {
        Event::SeatTaken { origin, .. } => Some(origin),
        _ => None,
    });
    let request = salon_room::request::RequestId(4);
    assert_eq!(origins.collect::<Vec<_>>(), [Origin::Host, Origin::Request(request)]);
    let names_the_reservation = world.records.iter().any(|record| {
        let approved = |offer| {
            matches!(record.event, Event::RequestResolved {
            outcome: RequestOutcome::Approved { offer: named, .. }, ..
        } if named == offer)
        };
        approved(salon_room::seat::OfferId(5))
    });
    assert!(names_the_reservation);
}

#[test]
fn requests_wait_in_the_order_of_admission() {
    let world = check(
        "ada create
         ada go_live
         zoe request
         bob request
         cid request
         bob withdraw         | RequestResolved:bob:Withdrawn
         bob withdraw         | request_not_found
         bob request          | SeatRequested",
    );
    let order: Vec<&str> =
        world.room.requests().map(|request| request.person.name.as_str()).collect();
    assert_eq!(order, ["zoe", "cid", "bob"]);
}

#[test]
fn one_request_a_person_and_none_of_those_seated() {
    check(
        "ada create
         ada go_live
         bob request
         bob request          | request_exists
         ada request          | already_seated
         ada invite cid
         cid request          | already_invited
         cid accept
         cid ready
         cid request          | already_seated",
    );
}

#[test]
fn an_invitation_answers_the_request_of_the_same_person() {
    check(
        "ada create
         ada go_live
         bob request
         ada invite bob       | GuestInvited:bob@1 RequestResolved:bob:Voided
         bob decline
         bob request          | SeatRequested",
    );
}

#[test]
fn a_declined_person_waits_before_asking_again() {
    check(
        "ada create
         ada go_live
         bob request
         bob refuse bob       | not_host
         ada refuse bob       | RequestResolved:bob:Declined
         ada refuse bob       | request_not_found
         bob request          | cooldown
         wait 59              | -
         bob request          | cooldown
         wait 1               | -
         bob request          | SeatRequested",
    );
}

#[test]
fn a_request_expires() {
    check(
        "ada create
         ada go_live
         bob request
         wait 599             | -
         wait 1               | RequestResolved:bob:Expired
         ada approve bob      | request_not_found
         bob request          | SeatRequested",
    );
}

#[test]
fn closing_requests_voids_those_that_wait() {
    check(
        "ada create
         ada go_live
         bob request
         cid request
         bob requests closed  | not_host
         ada requests closed  | RequestPolicyChanged RequestResolved:bob:Voided RequestResolved:cid:Voided
         ada requests closed  | -
         bob request          | requests_closed
         ada requests open    | RequestPolicyChanged
         bob request          | SeatRequested",
    );
}

#[test]
fn the_queue_is_bounded() {
    check(
        "ada create requests_max=2
         ada go_live
         bob request
         cid request
         dan request          | queue_full
         cid withdraw
         dan request          | SeatRequested",
    );
}
