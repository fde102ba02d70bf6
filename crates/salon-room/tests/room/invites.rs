//! Invitations.

use crate::script::{check, check_effects};

#[test]
fn an_invitation_reserves_its_seat_until_it_is_answered() {
    check(
        "ada create seats=2
         ada go_live
         ada invite bob       | GuestInvited:bob@1
         cid request          | seats_full
         bob decline          | InviteResolved:bob:Declined
         cid request          | SeatRequested",
    );
}

#[test]
fn several_are_invited_together_or_not_at_all() {
    check(
        "ada create
         ada go_live
         ada invite bob       | GuestInvited:bob@1
         ada invite cid dan eve | seats_full
         ada invite cid nobody  | not_available
         ada invite cid cid   | already_invited
         ada invite cid bob   | already_invited
         ada invite cid ada   | self_target
         ada invite cid dan   | GuestInvited:cid@2 GuestInvited:dan@3",
    );
}

#[test]
fn best_effort_invites_those_it_can() {
    check(
        "ada create seats=3
         ada go_live
         ada invite any nobody bob bob | GuestInvited:bob@1
         ada invite any bob ada        | already_invited
         ada invite any cid dan        | GuestInvited:cid@2
         ada invite any dan            | seats_full",
    );
}

#[test]
fn an_invitation_is_for_one_to_three() {
    check(
        "ada create
         ada go_live
         ada invite           | invite_size
         ada invite b c d e   | invite_size
         bob invite cid       | not_host",
    );
}

#[test]
fn whoever_is_invited_is_notified_once() {
    let invite = "ada create\nada go_live\nada invite bob cid";
    check_effects(invite, "notify:bob notify:cid");
    check_effects(&format!("{invite}\nbob accept"), "");
}

#[test]
fn an_offer_is_resolved_once_and_only_by_its_own_people() {
    check(
        "ada create
         ada go_live
         ada invite bob
         cid accept bob       | offer_not_found
         bob cancel bob       | not_host
         bob ready            | not_preparing
         bob accept           | InviteResolved:bob:Accepted
         bob accept           | offer_resolved
         bob decline          | offer_resolved
         ada cancel bob       | offer_resolved
         bob ready            | SeatTaken:bob@1
         bob ready            | already_seated
         bob accept           | offer_not_found
         ada invite bob       | already_seated
         ada invite cid
         ada cancel cid       | InviteResolved:cid:Cancelled
         cid accept           | offer_not_found",
    );
}

#[test]
fn an_invitation_expires_at_its_last_moment() {
    check(
        "ada create
         ada go_live
         ada invite bob
         wait 59              | -
         wait 1               | InviteResolved:bob:Expired
         bob accept           | offer_not_found
         system fire_stale bob | -",
    );
}

#[test]
fn who_is_not_ready_in_time_loses_the_seat() {
    check(
        "ada create
         ada go_live
         ada invite bob
         wait 50
         bob accept           | InviteResolved:bob:Accepted
         wait 14              | -
         wait 1               | SeatReleased:bob:JoinTimeout
         bob ready            | not_preparing
         bob request          | SeatRequested",
    );
}
