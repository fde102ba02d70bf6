//! Records as others see them: who may be told, and how they are stored.

use salon_room::event::{Record, Visibility};

use crate::script::{check, word};
use crate::seats::BOB_SEATED;

#[test]
fn nobody_learns_who_was_invited_or_asked_but_those_concerned() {
    let world = check(&format!(
        "{BOB_SEATED}
         cid request
         ada approve cid
         cid leave
         ada invite dan
         dan decline
         ada banish bob
         eve badge 1 ada
         eve badge 2 ada
         system unpaid 1
         system paid 2 1 1
         system takeover 2"
    ));
    let told = |record: &Record| {
        let who = match record.event.visibility() {
            Visibility::Room => "all".to_owned(),
            Visibility::StageAndUser(user) => format!("stage+{user}"),
            Visibility::User(user) => user.to_string(),
            Visibility::Log => "nobody".to_owned(),
        };
        format!("{} {who}", word(&record.event))
    };
    let told: Vec<String> = world.records.iter().map(told).collect();
    let expected = [
        "RoomCreated all",
        "WentLive all",
        "SeatTaken:ada@0 all",
        "GuestInvited:bob@1 stage+bob",
        "InviteResolved:bob:Accepted stage+bob",
        "SeatTaken:bob@1 all",
        "SeatRequested stage+cid",
        "SeatReserved:cid@2 stage+cid",
        "RequestResolved:cid:Approved stage+cid",
        "SeatReleased:cid:Left stage+cid",
        "GuestInvited:dan@2 stage+dan",
        "InviteResolved:dan:Declined stage+dan",
        "SeatReleased:bob:Removed all",
        "GuestRemoved stage+bob",
        "BadgeBegun eve",
        "BadgeBegun eve",
        "BadgeVoided eve",
        "BadgeAwarded all",
        "Takeover nobody",
        "HostAbsent all",
    ];
    assert_eq!(told, expected);
}

/// Logs outlive programs: a change that breaks this test needs a way to read the records written before it.
#[test]
fn records_are_stored_as_they_always_were() {
    let world = check("ada #7 create\nada go_live\nada invite bob");
    let stored: Vec<String> =
        world.records.iter().map(|record| serde_json::to_string(record).unwrap()).collect();
    assert_eq!(stored, STORED);
}

const STORED: [&str; 4] = [
    concat!(
        r#"{"epoch":1,"seq":1,"at":1000000,"actor":{"User":{"user":"ada","name":"ada"}},"cause":7,"#,
        r#""event":{"RoomCreated":{"host":{"user":"ada","name":"ada"},"title":"Songs","policy":{"#,
        r#""seats":4,"requests":"Open","requests_max":500,"#,
        r#""request_lifetime":{"secs":600,"nanos":0},"decline_cooldown":{"secs":60,"nanos":0},"#,
        r#""invite_lifetime":{"secs":60,"nanos":0},"prepare_window":{"secs":15,"nanos":0},"#,
        r#""guest_grace":{"secs":20,"nanos":0},"host_grace":{"secs":60,"nanos":0},"#,
        r#""live_max":{"secs":14400,"nanos":0},"draft_max":{"secs":86400,"nanos":0},"#,
        r#""comments_max":200,"badges":true,"purchases_max":1000,"purchases_each_max":3}}}}"#,
    ),
    concat!(
        r#"{"epoch":1,"seq":2,"at":1000000,"actor":{"User":{"user":"ada","name":"ada"}},"#,
        r#""cause":null,"event":"WentLive"}"#,
    ),
    concat!(
        r#"{"epoch":1,"seq":3,"at":1000000,"actor":{"User":{"user":"ada","name":"ada"}},"#,
        r#""cause":null,"event":{"SeatTaken":{"seat":0,"person":{"user":"ada","name":"ada"},"#,
        r#""stint":3,"media":{"mic":true,"cam":true},"origin":"Host"}}}"#,
    ),
    concat!(
        r#"{"epoch":1,"seq":4,"at":1000000,"actor":{"User":{"user":"ada","name":"ada"}},"#,
        r#""cause":null,"event":{"GuestInvited":{"offer":4,"seat":1,"#,
        r#""person":{"user":"bob","name":"bob"},"until":61000000}}}"#,
    ),
];
