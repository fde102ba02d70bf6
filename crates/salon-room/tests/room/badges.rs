//! Badges, from the room's side of the money.

use salon_room::event::Event;

use crate::script::{check, check_effects};
use crate::seats::BOB_SEATED;
use crate::world::user;

#[test]
fn a_badge_is_begun_for_a_seated_person_and_shown_once_paid() {
    let world = check(&format!(
        "{BOB_SEATED}
         cid badge 1 bob      | BadgeBegun
         system paid 1 3 40   | BadgeAwarded
         system paid 1 3 40   | -
         system unpaid 1      | purchase_exists
         cid badge 1 bob      | purchase_exists
         cid comment          | CommentPosted
         cid badge 2 ada      | BadgeBegun
         system paid 2 1 41   | BadgeAwarded
         cid comment          | CommentPosted"
    ));
    let room = &world.room;
    assert_eq!(room.ledger_seq(), 41);
    assert_eq!(room.comments().map(|comment| comment.hearts).collect::<Vec<_>>(), [3, 3]);
    let supporter = room.supporters().next().unwrap();
    assert_eq!((supporter.hearts_best, supporter.hearts), (3, 4));
    let credited: Vec<_> =
        room.credited().map(|(person, hearts)| (person.name.as_str(), hearts)).collect();
    assert_eq!(credited, [("ada", 1), ("bob", 3)]);
}

#[test]
fn a_purchase_names_the_stay_it_was_begun_in() {
    check_effects(&format!("{BOB_SEATED}\ncid badge 1 bob"), "open:cid>bob:6");
}

#[test]
fn a_badge_paid_after_the_recipient_left_is_still_theirs() {
    let world = check(&format!(
        "{BOB_SEATED}
         cid badge 1 bob
         bob leave
         ada invite dan
         dan accept
         dan ready            | SeatTaken:dan@1
         system paid 1 2 5    | BadgeAwarded"
    ));
    let awarded = world.records.iter().find_map(|record| match &record.event {
        Event::BadgeAwarded { to, stint, .. } => Some((to.clone(), stint.0)),
        _ => None,
    });
    assert_eq!(awarded, Some((user("bob"), 6)));
}

#[test]
fn money_that_comes_after_the_end_is_still_shown() {
    let world = check(&format!(
        "{BOB_SEATED}
         cid badge 1 bob
         cid badge 2 bob
         ada end
         cid badge 3 bob      | room_ended
         system unpaid 2      | BadgeVoided
         system takeover 2    | Takeover
         system paid 1 3 7    | BadgeAwarded"
    ));
    assert_eq!(world.room.credited().map(|(_, hearts)| hearts).collect::<Vec<_>>(), [3]);
    assert_eq!(world.room.purchases().count(), 0);
}

#[test]
fn bookings_may_be_shown_in_any_order() {
    let world = check(&format!(
        "{BOB_SEATED}
         cid badge 1 bob
         dan badge 2 bob
         system paid 2 1 9    | BadgeAwarded
         system paid 1 1 8    | BadgeAwarded"
    ));
    assert_eq!(world.room.ledger_seq(), 9);
}

#[test]
fn what_cannot_be_bought() {
    check(&format!(
        "cid badge 1 bob      | room_not_found
         {BOB_SEATED}
         bob badge 1 bob      | self_badge
         cid badge 1 dan      | recipient_not_seated
         ada invite dan
         cid badge 1 dan      | recipient_not_seated
         cid badge 1 bob      | BadgeBegun
         dan badge 1 bob      | purchase_exists
         cid badge 2 bob      | BadgeBegun
         cid badge 3 bob      | BadgeBegun
         cid badge 4 bob      | purchases_pending
         system unpaid 3      | BadgeVoided
         system unpaid 3      | -
         system paid 3 1 1    | purchase_not_found
         cid badge 4 bob      | BadgeBegun"
    ));
    check("ada create badges=0\nada go_live\nbob badge 1 ada | badges_off");
    check(
        "ada create purchases_max=1
         ada go_live
         bob badge 1 ada      | BadgeBegun
         cid badge 2 ada      | purchases_pending",
    );
}
