//! Connections, graces, take-overs.

use crate::script::{check, check_effects};
use crate::seats::BOB_SEATED;

#[test]
fn a_guest_who_returns_in_time_keeps_the_seat_and_the_stint() {
    let world = check(&format!(
        "{BOB_SEATED}
         system lost bob      | LinkLost
         system lost bob      | -
         wait 19              | -
         system up bob        | LinkRestored
         system up bob        | -
         wait 60              | -"
    ));
    assert_eq!(world.room.occupants().last().unwrap().1.stint.0, 6);
}

#[test]
fn a_guest_who_stays_away_loses_the_seat() {
    check(&format!(
        "{BOB_SEATED}
         system lost bob
         wait 10              | -
         system lost bob      | -
         wait 10              | SeatReleased:bob:LinkLost
         system up bob        | -"
    ));
}

#[test]
fn a_second_loss_has_a_grace_of_its_own() {
    check(&format!(
        "{BOB_SEATED}
         system lost bob
         wait 15
         system up bob
         system lost bob
         system fire_early    | -
         wait 19              | -
         wait 1               | SeatReleased:bob:LinkLost"
    ));
}

#[test]
fn a_room_waits_a_minute_for_its_host() {
    check(&format!(
        "{BOB_SEATED}
         system lost ada      | HostAbsent
         wait 59              | -
         system up ada        | HostReturned
         system lost ada      | HostAbsent
         wait 60              | SeatReleased:ada:RoomEnded SeatReleased:bob:RoomEnded RoomEnded:HostLost
         system up ada        | -
         system lost bob      | -"
    ));
}

#[test]
fn connections_of_viewers_do_not_matter_to_the_room() {
    check(
        "system lost bob      | room_not_found
         ada create
         system lost ada      | -
         ada go_live
         system lost bob      | -
         system up bob        | -",
    );
}

#[test]
fn after_a_takeover_everybody_is_awaited_anew() {
    check(&format!(
        "{BOB_SEATED}
         system lost bob
         wait 15
         system takeover 1    | stale_fence
         system takeover 2    | Takeover HostAbsent LinkLost
         system takeover 2    | stale_fence
         wait 19              | -
         system up ada        | HostReturned
         wait 1               | SeatReleased:bob:LinkLost
         system takeover 9    | Takeover HostAbsent
         wait 60              | SeatReleased:ada:RoomEnded RoomEnded:HostLost
         system takeover 10   | Takeover"
    ));
}

#[test]
fn grants_of_an_old_term_are_void_and_issued_anew() {
    let taken = format!("{BOB_SEATED}\nsystem takeover 2");
    check_effects(&taken, "revoke:ada@0:1.3 revoke:bob@1:1.6");
    check_effects(&format!("{taken}\nsystem up bob"), "grant:bob@1:2.6");
    check_effects(&format!("{taken}\nsystem up bob\nbob leave"), "revoke:bob@1:2.6");
}

#[test]
fn a_moment_that_has_come_counts_before_its_timer_fires() {
    let live = "ada create\nada go_live";
    check(&format!("{live}\nada invite bob\noversleep 60\nbob accept | offer_expired"));
    check(&format!("{live}\nada invite bob\noversleep 60\nbob decline | offer_expired"));
    check(&format!("{live}\nada invite bob\noversleep 60\nada cancel bob | offer_expired"));
    check(&format!("{live}\nada invite bob\nbob accept\noversleep 15\nbob ready | offer_expired"));
    check(&format!("{live}\nbob request\noversleep 600\nada approve bob | request_not_found"));
    check(&format!("{live}\nbob request\noversleep 600\nada refuse bob | request_not_found"));
    check(&format!("{live}\nsystem lost ada\noversleep 60\nsystem up ada | -"));
    check(&format!("{BOB_SEATED}\nsystem lost bob\noversleep 20\nsystem up bob | -"));
}
