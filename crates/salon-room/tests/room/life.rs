//! The life of a room, its commands and its clock.

use salon_core::Time;
use salon_room::event::EndReason;
use salon_room::{Phase, Rejection};

use crate::script::{Run, check};
use crate::seats::BOB_SEATED;

#[test]
fn a_room_is_created_goes_live_and_ends() {
    let world = check(
        "ada go_live          | room_not_found
         ada create           | RoomCreated
         ada create           | room_exists
         bob go_live          | not_host
         bob join             | wrong_phase
         ada join             | -
         ada comment          | wrong_phase
         ada invite bob       | wrong_phase
         ada go_live          | WentLive SeatTaken:ada@0
         ada go_live          | wrong_phase
         bob join             | -
         bob comment          | CommentPosted
         bob end              | not_host
         ada end              | SeatReleased:ada:RoomEnded RoomEnded:HostEnded
         ada go_live          | room_ended
         bob join             | room_ended
         bob comment          | room_ended",
    );
    assert_eq!(*world.room.phase(), Phase::Ended(EndReason::HostEnded));
    assert_eq!(world.room.ended_at(), Some(world.now));
}

#[test]
fn ending_gives_up_everything_in_one_decision() {
    check(&format!(
        "{BOB_SEATED}
         ada invite cid
         dan request
         ada approve dan
         eve request          | seats_full
         cid decline
         eve request          | SeatRequested
         ada invite fay
         ada end              | RequestResolved:eve:Voided InviteResolved:fay:Voided \
SeatReleased:dan:RoomEnded SeatReleased:ada:RoomEnded SeatReleased:bob:RoomEnded RoomEnded:HostEnded"
    ));
}

#[test]
fn a_draft_may_be_dropped_and_does_not_last() {
    check("ada create\nada end | RoomEnded:HostEnded");
    check("ada create\nwait 86399 | -\nwait 1 | RoomEnded:Idle");
}

#[test]
fn a_live_ends_at_its_longest() {
    check(
        "ada create
         wait 1000
         ada go_live
         wait 14399           | -
         wait 1               | SeatReleased:ada:RoomEnded RoomEnded:MaxDuration",
    );
}

#[test]
fn the_service_can_end_a_room_and_nobody_else_can_do_so_for_it() {
    check(&format!(
        "{BOB_SEATED}
         ada terminate        | not_permitted
         system terminate host_lost | not_permitted
         operator end         | not_permitted
         operator terminate   | SeatReleased:ada:RoomEnded SeatReleased:bob:RoomEnded RoomEnded:Operator"
    ));
    check("ada create\nsystem shutdown | RoomEnded:Shutdown");
}

#[test]
fn what_only_the_service_knows_only_the_service_may_say() {
    check(&format!(
        "{BOB_SEATED}
         bob up bob           | not_permitted
         ada lost bob         | not_permitted
         ada fire_early       | not_permitted
         operator takeover 9  | not_permitted
         bob paid 1 3 1       | not_permitted
         system join          | not_permitted
         system comment       | not_permitted"
    ));
}

#[test]
fn a_repeated_command_is_not_done_twice() {
    let mut run = Run::new(crate::world::World::new());
    run.lines(
        "ada #1 create        | RoomCreated
         ada #2 go_live       | WentLive SeatTaken:ada@0
         ada #2 go_live       | duplicate
         ada #2 comment       | duplicate
         bob #2 comment       | CommentPosted
         bob #2 comment       | duplicate
         bob #3 leave         | not_seated
         bob #3 comment       | CommentPosted
         ada #4 end
         ada #2 go_live       | duplicate",
    );
    let actor = salon_room::Actor::User(crate::world::person("ada"));
    let again = run.world.give(actor, Some(2), &salon_room::Command::GoLive);
    assert_eq!(again, Err(Rejection::Duplicate { seq: 3 }));
}

#[test]
fn the_clock_of_the_room_never_goes_back() {
    let mut run = Run::new(crate::world::World::new());
    run.lines("ada create\nwait 10\nada go_live");
    let live_since = run.world.room.live_since().unwrap();
    run.world.now = Time(0);
    run.lines("ada comment | CommentPosted");
    assert_eq!(run.world.room.last_at(), live_since);
}

#[test]
fn a_room_keeps_its_latest_comments() {
    let world = check(
        "ada create comments_max=2
         ada go_live
         bob comment
         cid comment
         dan comment",
    );
    let kept: Vec<&str> =
        world.room.comments().map(|comment| comment.person.name.as_str()).collect();
    assert_eq!(kept, ["cid", "dan"]);
}
