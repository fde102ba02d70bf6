//! Taking, leaving and losing a seat; blocks.

use crate::script::{check, check_effects};

/// Bob is invited and seated in seat 1.
pub(crate) const BOB_SEATED: &str = "
    ada create
    ada go_live
    ada invite bob
    bob accept
    bob ready";

#[test]
fn fifth_person_is_refused() {
    check(
        "ada create           | RoomCreated
         ada go_live          | WentLive SeatTaken:ada@0
         ada invite bob cid   | GuestInvited:bob@1 GuestInvited:cid@2
         bob accept           | InviteResolved:bob:Accepted
         bob ready            | SeatTaken:bob@1
         dan request          | SeatRequested
         eve request          | SeatRequested
         ada approve dan      | SeatReserved:dan@3 RequestResolved:dan:Approved
         ada approve eve      | seats_full
         ada invite eve       | seats_full
         fay request          | seats_full
         cid accept           | InviteResolved:cid:Accepted
         cid ready            | SeatTaken:cid@2
         dan ready            | SeatTaken:dan@3
         ada approve eve      | seats_full",
    );
}

#[test]
fn a_room_of_two_seats_one_guest() {
    check(
        "ada create seats=2
         ada go_live
         ada invite bob cid   | seats_full
         ada invite bob       | GuestInvited:bob@1
         ada invite cid       | seats_full
         bob decline          | InviteResolved:bob:Declined
         ada invite cid       | GuestInvited:cid@1",
    );
}

#[test]
fn a_seat_given_up_is_free_for_the_next_with_a_new_stint() {
    let script = format!(
        "{BOB_SEATED}
         bob leave            | SeatReleased:bob:Left
         ada invite cid       | GuestInvited:cid@1
         cid accept
         cid ready            | SeatTaken:cid@1
         bob leave            | not_seated"
    );
    let world = check(&script);
    let stints: Vec<u64> = world.room.occupants().map(|(_, occupant)| occupant.stint.0).collect();
    assert_eq!(stints, [3, 10]);
}

#[test]
fn who_takes_a_seat_may_publish_and_who_leaves_may_not() {
    check_effects(BOB_SEATED, "evict:BlockedBy(UserId(bob)) grant:bob@1:1.6");
    check_effects(&format!("{BOB_SEATED}\nbob leave"), "revoke:bob@1:1.6");
    check_effects(&format!("{BOB_SEATED}\nada remove bob"), "revoke:bob@1:1.6");
    check_effects(
        &format!("{BOB_SEATED}\nada banish bob"),
        "revoke:bob@1:1.6 evict:User(UserId(bob))",
    );
    check_effects(&format!("{BOB_SEATED}\nada end"), "revoke:ada@0:1.3 revoke:bob@1:1.6");
}

#[test]
fn the_host_cannot_leave_nor_be_removed() {
    check(
        "ada create
         ada go_live
         ada leave            | host_must_end
         ada remove ada       | self_target
         ada banish ada       | self_target
         ada end              | SeatReleased:ada:RoomEnded RoomEnded:HostEnded",
    );
}

#[test]
fn a_removed_guest_may_return_unless_sent_out() {
    check(&format!(
        "{BOB_SEATED}
         bob remove bob       | not_host
         ada remove bob       | SeatReleased:bob:Removed
         ada remove bob       | not_seated
         bob join             | -
         bob comment          | CommentPosted
         bob ready            | not_preparing
         ada invite bob       | GuestInvited:bob@1
         bob accept
         bob ready            | SeatTaken:bob@1
         ada banish bob       | SeatReleased:bob:Removed GuestRemoved
         bob join             | not_available
         bob comment          | not_available
         bob request          | not_available
         bob badge 1 ada      | not_available
         ada invite bob       | not_available"
    ));
}

#[test]
fn a_reservation_can_be_taken_away_at_every_step() {
    check(
        "ada create
         ada go_live
         ada invite bob       | GuestInvited:bob@1
         bob leave            | not_seated
         ada remove bob       | InviteResolved:bob:Cancelled
         ada invite bob
         bob accept
         ada cancel bob       | offer_resolved
         ada remove bob       | SeatReleased:bob:Removed
         cid request
         ada approve cid
         cid leave            | SeatReleased:cid:Left
         ada invite dan
         dan accept
         ada banish dan       | SeatReleased:dan:Removed GuestRemoved",
    );
}

#[test]
fn switching_the_camera_is_told_once() {
    check(&format!(
        "{BOB_SEATED}
         bob mute             | MediaChanged
         bob mute             | -
         ada mute             | MediaChanged
         cid mute             | not_seated"
    ));
}

#[test]
fn whoever_a_seated_person_blocked_cannot_watch_or_be_seated() {
    check(&format!(
        "{BOB_SEATED}
         eve join             | -
         bob blocks eve
         eve join             | not_available
         eve request          | not_available
         eve badge 1 ada      | not_available
         ada invite eve       | not_available
         ada invite any eve cid | GuestInvited:cid@2
         bob leave
         eve join             | -
         eve request          | SeatRequested"
    ));
}

#[test]
fn a_block_between_two_about_to_be_seated_refuses_the_second() {
    check(
        "eve blocks dan
         ada create
         ada go_live
         ada invite dan eve   | GuestInvited:dan@1 GuestInvited:eve@2
         dan accept
         eve accept
         dan ready            | SeatTaken:dan@1
         eve ready            | not_available
         wait 15              | SeatReleased:eve:JoinTimeout",
    );
}

#[test]
fn eligibility_is_asked_each_time_somebody_would_be_on_stage() {
    check(
        "ineligible zoe
         zoe create           | not_eligible
         ada create
         ada go_live
         ada invite zoe       | not_eligible
         zoe request          | not_eligible
         bob request
         ineligible bob
         ada approve bob      | not_eligible
         cid request
         ada approve cid
         ineligible cid
         cid ready            | not_eligible",
    );
}

#[test]
fn a_block_made_while_both_are_seated_does_not_lock_either_out() {
    check(&format!(
        "{BOB_SEATED}
         ada blocks bob
         bob join             | -
         bob comment          | CommentPosted
         bob leave
         bob join             | not_available"
    ));
}
