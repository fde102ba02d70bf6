//! Every command in every state: what is accepted, and how the rest is refused.

use crate::script::Run;
use crate::world::World;

/// Runs each row's command in a fresh room of each column's state, and compares the table of first words.
#[track_caller]
fn check(states: &[(&str, &str)], commands: &[&str], expected: &str) {
    let mut table = String::new();
    for command in commands {
        table.push_str(&format!("{command:24}"));
        for (_, script) in states {
            let mut run = Run::new(World::new());
            run.lines(script);
            let answer = run.line(command);
            let first = answer.split([' ', ':']).next().unwrap();
            table.push_str(&format!(" {first:20}"));
        }
        table.truncate(table.trim_end().len());
        table.push('\n');
    }
    let heads: Vec<&str> = states.iter().map(|(name, _)| *name).collect();
    let squeeze = |text: &str| -> Vec<String> {
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        text.lines().map(words).filter(|line| !line.is_empty()).collect()
    };
    assert_eq!(squeeze(&table), squeeze(expected), "\ncolumns: {heads:?}\n{table}");
}

#[test]
fn every_command_in_every_phase() {
    let draft = "ada create";
    let live = "ada create\nada go_live";
    let ended = "ada create\nada go_live\nada end";
    check(
        &[("new", ""), ("draft", draft), ("live", live), ("ended", ended)],
        &[
            "ada create",
            "ada go_live",
            "ada end",
            "operator terminate",
            "ada invite bob",
            "ada cancel bob",
            "bob accept",
            "bob decline",
            "bob request",
            "bob withdraw",
            "ada approve bob",
            "ada refuse bob",
            "bob ready",
            "bob leave",
            "ada remove bob",
            "ada mute",
            "ada requests closed",
            "bob comment",
            "bob badge 1 ada",
            "system paid 1 1 1",
            "system unpaid 1",
            "bob join",
            "system up ada",
            "system lost ada",
            "system fire_stale bob",
            "system takeover 2",
        ],
        PHASES,
    );
}

#[test]
fn every_command_about_a_person_in_every_position() {
    let live = "ada create\nada go_live\n";
    let state = |script: &str| format!("{live}{script}");
    let states = [
        ("viewer", state("")),
        ("waiting", state("bob request")),
        ("declined", state("bob request\nada refuse bob")),
        ("offered", state("ada invite bob")),
        ("preparing", state("ada invite bob\nbob accept")),
        ("approved", state("bob request\nada approve bob")),
        ("seated", state("ada invite bob\nbob accept\nbob ready")),
        ("lost", state("ada invite bob\nbob accept\nbob ready\nsystem lost bob")),
        ("removed", state("ada invite bob\nada banish bob")),
    ];
    let states: Vec<(&str, &str)> =
        states.iter().map(|(name, script)| (*name, script.as_str())).collect();
    check(
        &states,
        &[
            "bob accept",
            "bob decline",
            "bob request",
            "bob withdraw",
            "bob ready",
            "bob leave",
            "bob mute",
            "bob comment",
            "bob badge 1 ada",
            "bob join",
            "ada invite bob",
            "ada cancel bob",
            "ada approve bob",
            "ada refuse bob",
            "ada remove bob",
            "ada banish bob",
            "cid badge 1 bob",
            "system up bob",
            "system lost bob",
        ],
        POSITIONS,
    );
}

/// Columns: new, draft, live, ended.
const PHASES: &str = "
    ada create             RoomCreated     room_exists           room_exists           room_exists
    ada go_live            room_not_found  WentLive              wrong_phase           room_ended
    ada end                room_not_found  RoomEnded             SeatReleased          room_ended
    operator terminate     room_not_found  RoomEnded             SeatReleased          room_ended
    ada invite bob         room_not_found  wrong_phase           GuestInvited          room_ended
    ada cancel bob         room_not_found  offer_not_found       offer_not_found       room_ended
    bob accept             room_not_found  offer_not_found       offer_not_found       room_ended
    bob decline            room_not_found  offer_not_found       offer_not_found       room_ended
    bob request            room_not_found  wrong_phase           SeatRequested         room_ended
    bob withdraw           room_not_found  request_not_found     request_not_found     room_ended
    ada approve bob        room_not_found  request_not_found     request_not_found     room_ended
    ada refuse bob         room_not_found  request_not_found     request_not_found     room_ended
    bob ready              room_not_found  wrong_phase           not_preparing         room_ended
    bob leave              room_not_found  wrong_phase           not_seated            room_ended
    ada remove bob         room_not_found  wrong_phase           not_seated            room_ended
    ada mute               room_not_found  not_seated            MediaChanged          room_ended
    ada requests closed    room_not_found  RequestPolicyChanged  RequestPolicyChanged  room_ended
    bob comment            room_not_found  wrong_phase           CommentPosted         room_ended
    bob badge 1 ada        room_not_found  wrong_phase           BadgeBegun            room_ended
    system paid 1 1 1      room_not_found  purchase_not_found    purchase_not_found    purchase_not_found
    system unpaid 1        room_not_found  -                     -                     -
    bob join               room_not_found  wrong_phase           -                     room_ended
    system up ada          room_not_found  -                     -                     -
    system lost ada        room_not_found  -                     HostAbsent            -
    system fire_stale bob  room_not_found  -                     -                     -
    system takeover 2      room_not_found  Takeover              Takeover              Takeover";

/// Columns: viewer, waiting, declined, offered, preparing, approved, seated, lost, removed.
const POSITIONS: &str = "
    bob accept       offer_not_found       offer_not_found       offer_not_found       InviteResolved        offer_resolved        offer_resolved        offer_not_found    offer_not_found    offer_not_found
    bob decline      offer_not_found       offer_not_found       offer_not_found       InviteResolved        offer_resolved        offer_resolved        offer_not_found    offer_not_found    offer_not_found
    bob request      SeatRequested         request_exists        cooldown              already_invited       already_invited       already_invited       already_seated     already_seated     not_available
    bob withdraw     request_not_found     RequestResolved       request_not_found     request_not_found     request_not_found     request_not_found     request_not_found  request_not_found  request_not_found
    bob ready        not_preparing         not_preparing         not_preparing         not_preparing         SeatTaken             SeatTaken             already_seated     already_seated     not_preparing
    bob leave        not_seated            not_seated            not_seated            not_seated            SeatReleased          SeatReleased          SeatReleased       SeatReleased       not_seated
    bob mute         not_seated            not_seated            not_seated            not_seated            not_seated            not_seated            MediaChanged       MediaChanged       not_seated
    bob comment      CommentPosted         CommentPosted         CommentPosted         CommentPosted         CommentPosted         CommentPosted         CommentPosted      CommentPosted      not_available
    bob badge 1 ada  BadgeBegun            BadgeBegun            BadgeBegun            BadgeBegun            BadgeBegun            BadgeBegun            BadgeBegun         BadgeBegun         not_available
    bob join         -                     -                     -                     -                     -                     -                     -                  -                  not_available
    ada invite bob   GuestInvited          GuestInvited          GuestInvited          already_invited       already_invited       already_invited       already_seated     already_seated     not_available
    ada cancel bob   offer_not_found       offer_not_found       offer_not_found       InviteResolved        offer_resolved        offer_resolved        offer_not_found    offer_not_found    offer_not_found
    ada approve bob  request_not_found     SeatReserved          request_not_found     request_not_found     request_not_found     request_not_found     request_not_found  request_not_found  request_not_found
    ada refuse bob   request_not_found     RequestResolved       request_not_found     request_not_found     request_not_found     request_not_found     request_not_found  request_not_found  request_not_found
    ada remove bob   not_seated            not_seated            not_seated            InviteResolved        SeatReleased          SeatReleased          SeatReleased       SeatReleased       not_seated
    ada banish bob   not_seated            not_seated            not_seated            InviteResolved        SeatReleased          SeatReleased          SeatReleased       SeatReleased       not_seated
    cid badge 1 bob  recipient_not_seated  recipient_not_seated  recipient_not_seated  recipient_not_seated  recipient_not_seated  recipient_not_seated  BadgeBegun         BadgeBegun         recipient_not_seated
    system up bob    -                     -                     -                     -                     -                     -                     -                  LinkRestored       -
    system lost bob  -                     -                     -                     -                     -                     -                     LinkLost           -                  -";
