//! One of everything.

use salon_core::money::Currency;
use salon_core::{Fence, Money, PurchaseId, RoomId, StintId, UserId};
use salon_signal::client;
use salon_signal::command::{Command, Destination, InviteMode, RequestPolicy};
use salon_signal::conflated::{Audience, Conflated, Level};
use salon_signal::ephemeral::Ephemeral;
use salon_signal::error::{Action, Class, Code};
use salon_signal::event::{
    EndReason, Event, InviteOutcome, Origin, PurchaseState, ReleaseReason, RequestOutcome,
};
use salon_signal::id::{CommentId, OfferId, RequestId};
use salon_signal::person::Media;
use salon_signal::price::{PersonTotal, Price, Supporter, Total};
use salon_signal::secret::Secret;
use salon_signal::server::{self, Announced, Capability, Grant, Outcome, Rejected, Withheld};
use salon_signal::snapshot::{
    Badge, Comment, Offer, OfferStep, OwnOffer, OwnRequest, Phase, Purchase, Request, Role,
    RoomState, Seat, SeatState, Snapshot, StageState, State, UserState,
};
use salon_signal::{Person, Position, Stream};

pub(crate) fn user(name: &str) -> UserId {
    UserId::parse(&name.to_lowercase()).unwrap()
}

pub(crate) fn person(name: &str) -> Person {
    Person { user: user(name), name: name.into() }
}

pub(crate) fn room_id() -> RoomId {
    RoomId::from_u128(0x0192_8f3e_7b1a_7c44_9d0e_52a1_77c3_e605)
}

pub(crate) fn purchase() -> PurchaseId {
    PurchaseId::from_u128(0x0192_8f3e_9c02_7d10_8e55_0b6f_21d4_a9f8)
}

pub(crate) fn price() -> Price {
    Money::new(499, Currency::USD).into()
}

pub(crate) const ON: Media = Media { mic: true, cam: true };
pub(crate) const NOW_MS: u64 = 1_795_000_000_000;

fn position(stream: Stream, seq: u64) -> Position {
    Position { stream, epoch: Fence(3), seq }
}

/// A frame of either direction.
#[derive(Debug)]
pub(crate) enum Any {
    Client(client::Frame),
    Server(server::Frame),
}

/// Every kind of message, by the name of its golden file.
pub(crate) fn all() -> Vec<(String, Any)> {
    let mut all = Vec::new();
    for frame in client_frames() {
        all.push((format!("client.{}", frame.tag()), Any::Client(frame)));
    }
    for (index, body) in commands().into_iter().enumerate() {
        let name = format!("command.{}", body.tag());
        let id = 1 + index as u64;
        all.push((name, Any::Client(client::Frame::Command { id, body })));
    }
    for (name, frame) in server_frames() {
        all.push((format!("server.{name}"), Any::Server(frame)));
    }
    for (index, (stream, body)) in events().into_iter().enumerate() {
        let tag = body.tag();
        let name = match (&body, stream) {
            (Event::SeatReserved { .. }, Stream::Stage) => format!("event.{tag}.stage"),
            _ => format!("event.{tag}"),
        };
        let (epoch, seq, at_ms) = (Fence(3), 1 + index as u64, NOW_MS + index as u64);
        all.push((name, Any::Server(server::Frame::Event { stream, epoch, seq, at_ms, body })));
    }
    all
}

fn client_frames() -> Vec<client::Frame> {
    use client::Frame;
    vec![
        Frame::Hello { versions: vec![1], token: Secret::new("v1.ada.c2VjcmV0".into()).unwrap() },
        Frame::Subscribe {
            room: room_id(),
            from: vec![position(Stream::Room, 41), position(Stream::User, 2)],
        },
        Frame::React { hearts: 5 },
        Frame::Ack { positions: vec![position(Stream::Room, 42), position(Stream::Stage, 7)] },
        Frame::Ping { at_ms: NOW_MS },
        Frame::Bye,
    ]
}

pub(crate) fn commands() -> Vec<Command> {
    vec![
        Command::GoLive,
        Command::EndRoom,
        Command::InviteGuests {
            users: vec![user("Bob"), user("Cleo")],
            mode: InviteMode::BestEffort,
        },
        Command::CancelInvite { offer: OfferId(11) },
        Command::AcceptInvite { offer: OfferId(11) },
        Command::DeclineInvite { offer: OfferId(11) },
        Command::RequestSeat { note: "I was there!".into() },
        Command::WithdrawRequest,
        Command::ApproveRequest { request: RequestId(12) },
        Command::DeclineRequest { request: RequestId(12) },
        Command::ConfirmReady { media: Media { mic: true, cam: false } },
        Command::LeaveSeat,
        Command::RemoveGuest { user: user("Bob"), to: Destination::OutOfRoom },
        Command::SetSelfMedia { mic: false, cam: true },
        Command::SetRequestPolicy { policy: RequestPolicy::Closed },
        Command::PostComment { text: "Salut \"tout\" le monde \u{1f44b}".into() },
        Command::BeginBadge {
            recipient: user("Bob"),
            sku: "heart-2".into(),
            note: "encore".into(),
            method: Secret::new("sandbox:approve".into()).unwrap(),
        },
    ]
}

pub(crate) fn room_state() -> RoomState {
    let occupied = SeatState::Occupied {
        person: person("Ada"),
        stint: StintId(1),
        media: ON,
        lost_until_ms: Some(NOW_MS + 60_000),
        total: Total { hearts: 2, minor: 499 },
    };
    RoomState {
        room: room_id(),
        title: "Friday with Ada".into(),
        phase: Phase::Live,
        ended_reason: None,
        host: person("Ada"),
        live_since_ms: Some(NOW_MS - 1_000),
        server_time_ms: NOW_MS,
        requests: RequestPolicy::Open,
        seats: vec![
            Seat { seat: 0, state: occupied },
            Seat { seat: 1, state: SeatState::Reserved },
            Seat { seat: 2, state: SeatState::Empty },
            Seat { seat: 3, state: SeatState::Empty },
        ],
        comments: vec![Comment {
            comment: CommentId(9),
            person: person("Dan"),
            text: "bonsoir".into(),
            hearts: 2,
            at_ms: NOW_MS - 500,
        }],
        catalogue: vec![Badge { sku: "heart-2".into(), hearts: 2, price: price() }],
        totals: vec![PersonTotal {
            person: person("Ada"),
            hearts: 2,
            minor: 499,
            currency: Currency::USD,
            exponent: 2,
        }],
        supporters: vec![Supporter { person: person("Dan"), hearts: 2 }],
        audience: Audience { users: 7, sessions: 8, peak: 9 },
        hearts_total: 120,
    }
}

pub(crate) fn stage_state() -> StageState {
    StageState {
        requests: vec![Request {
            request: RequestId(12),
            person: person("Eve"),
            note: "me too".into(),
            at_ms: NOW_MS,
        }],
        offers: vec![Offer {
            offer: OfferId(11),
            seat: 1,
            person: person("Bob"),
            step: OfferStep::Offered,
            until_ms: NOW_MS + 60_000,
        }],
    }
}

pub(crate) fn user_state() -> UserState {
    UserState {
        user: user("Bob"),
        role: Role::Viewer,
        offer: Some(OwnOffer {
            offer: OfferId(11),
            seat: Some(1),
            by: Some(person("Ada")),
            step: OfferStep::Offered,
            until_ms: NOW_MS + 60_000,
        }),
        request: None,
        cooldown_until_ms: Some(NOW_MS + 30_000),
        purchases: vec![Purchase {
            purchase: purchase(),
            recipient: user("Ada"),
            sku: "heart-2".into(),
            price: price(),
            state: PurchaseState::Awarded,
        }],
    }
}

fn snapshot(seq: u64, state: State) -> server::Frame {
    server::Frame::Snapshot(Snapshot { epoch: Fence(3), seq, state })
}

fn server_frames() -> Vec<(&'static str, server::Frame)> {
    use server::Frame;
    let grant = Grant {
        seat: 1,
        stint: StintId(4),
        fence: Fence(3),
        token: Secret::new("v1.publish.c2VjcmV0".into()).unwrap(),
    };
    let quiet_user = UserState {
        offer: None,
        request: Some(OwnRequest { request: RequestId(12) }),
        cooldown_until_ms: None,
        purchases: vec![],
        ..user_state()
    };
    let slow = Rejected {
        code: 1_034,
        name: "cooldown".into(),
        class: Class::RetryAfter,
        retry_after_ms: Some(60_000),
        message: "you may ask again in a minute".into(),
    };
    vec![
        (
            "welcome",
            Frame::Welcome {
                version: 1,
                session: "s1".into(),
                user: person("Ada"),
                heartbeat_ms: 15_000,
                limits: Announced { frame_bytes: 16_384, comment_chars: 300 },
                server_time_ms: NOW_MS,
            },
        ),
        ("snapshot.room", snapshot(41, State::Room(Box::new(room_state())))),
        ("snapshot.stage", snapshot(6, State::Stage(stage_state()))),
        ("snapshot.user", snapshot(2, State::User(user_state()))),
        ("snapshot.user.quiet", snapshot(3, State::User(quiet_user))),
        ("resumed", Frame::Resumed { stream: Stream::Room, epoch: Fence(3), from: 41, to: 44 }),
        (
            "conflated.audience",
            Frame::Conflated {
                version: 8,
                body: Conflated::Audience(Audience { users: 10, sessions: 11, peak: 12 }),
            },
        ),
        (
            "conflated.hearts",
            Frame::Conflated { version: 8, body: Conflated::Hearts { total: 130 } },
        ),
        (
            "conflated.speaking",
            Frame::Conflated {
                version: 9,
                body: Conflated::Speaking { seats: vec![Level { seat: 0, level_db: -23 }] },
            },
        ),
        (
            "conflated.layers",
            Frame::Conflated { version: 10, body: Conflated::Layers { wanted: vec![0, 2] } },
        ),
        (
            "ephemeral.heart_burst",
            Frame::Ephemeral {
                body: Ephemeral::HeartBurst { user: Some(user("Dan")), hearts: 5, special: 2 },
            },
        ),
        (
            "ephemeral.heart_burst.crowd",
            Frame::Ephemeral { body: Ephemeral::HeartBurst { user: None, hearts: 40, special: 0 } },
        ),
        ("result.ok", Frame::Result { id: 7, outcome: Outcome::Ok { seq: 43 } }),
        ("result.rejected", Frame::Result { id: 8, outcome: Outcome::Rejected(slow) }),
        (
            "result.rejected.protocol",
            Frame::Result {
                id: 9,
                outcome: Outcome::Rejected(Rejected::new(Code::UnknownCommand, "unknown command")),
            },
        ),
        ("grants", Frame::Grants { publish: Some(grant) }),
        ("grants.none", Frame::Grants { publish: None }),
        (
            "capabilities",
            Frame::Capabilities {
                can: vec![Capability::PostComment, Capability::React],
                withheld: vec![Withheld {
                    capability: Capability::RequestSeat,
                    why: "seats_full".into(),
                }],
            },
        ),
        ("go_away", Frame::GoAway { action: Action::Resume, after_ms: 1_500 }),
        ("pong", Frame::Pong { at_ms: NOW_MS }),
        ("error", Frame::error(Code::TokenExpired, "token expired")),
    ]
}

pub(crate) fn events() -> Vec<(Stream, Event)> {
    use Stream::{Room, Stage, User};
    let until_ms = NOW_MS + 20_000;
    vec![
        (Room, Event::WentLive),
        (Room, Event::HostAbsent { until_ms }),
        (Room, Event::HostReturned),
        (Room, Event::SeatReserved { seat: 1, offer: None, person: None, until_ms: None }),
        (
            Stage,
            Event::SeatReserved {
                seat: 2,
                offer: Some(OfferId(13)),
                person: Some(person("Eve")),
                until_ms: Some(until_ms),
            },
        ),
        (
            Room,
            Event::SeatTaken {
                seat: 1,
                person: person("Bob"),
                stint: StintId(4),
                media: ON,
                origin: Origin::Invite,
            },
        ),
        (Room, Event::LinkLost { seat: 1, until_ms }),
        (Room, Event::LinkRestored { seat: 1 }),
        (Room, Event::MediaChanged { seat: 1, media: Media { mic: false, cam: true } }),
        (
            Room,
            Event::CommentPosted {
                comment: CommentId(10),
                person: person("Dan"),
                text: "\u{1f389}\u{1f389}".into(),
                hearts: 2,
            },
        ),
        (
            Room,
            Event::BadgeAwarded {
                purchase: purchase(),
                from: person("Dan"),
                to: person("Bob"),
                seat: Some(1),
                sku: "heart-2".into(),
                hearts: 2,
                price: price(),
                note: "encore".into(),
                recipient_total: Total { hearts: 4, minor: 998 },
            },
        ),
        (Room, Event::RequestPolicyChanged { policy: RequestPolicy::Closed }),
        (
            Room,
            Event::SeatReleased {
                seat: 1,
                user: Some(user("Bob")),
                reason: ReleaseReason::Removed,
            },
        ),
        (Room, Event::RoomEnded { reason: EndReason::HostEnded }),
        (
            Stage,
            Event::GuestInvited { offer: OfferId(11), seat: 1, person: person("Bob"), until_ms },
        ),
        (
            Stage,
            Event::InviteResolved {
                offer: OfferId(11),
                user: user("Bob"),
                outcome: InviteOutcome::Accepted,
                prepare_until_ms: Some(until_ms),
            },
        ),
        (
            Stage,
            Event::SeatRequested {
                request: RequestId(12),
                person: person("Eve"),
                note: String::new(),
                at_ms: NOW_MS,
            },
        ),
        (
            Stage,
            Event::RequestResolved {
                request: RequestId(12),
                user: user("Eve"),
                outcome: RequestOutcome::Approved,
            },
        ),
        (User, Event::Invited { offer: OfferId(11), seat: 1, by: person("Ada"), until_ms }),
        (
            User,
            Event::InviteClosed {
                offer: OfferId(11),
                outcome: InviteOutcome::Accepted,
                prepare_until_ms: Some(until_ms),
            },
        ),
        (User, Event::RequestPlaced { request: RequestId(12) }),
        (
            User,
            Event::RequestClosed {
                request: RequestId(12),
                outcome: RequestOutcome::Approved,
                prepare_until_ms: Some(until_ms),
                offer: Some(OfferId(13)),
                seat: Some(2),
                cooldown_until_ms: None,
            },
        ),
        (
            User,
            Event::BadgePending {
                purchase: purchase(),
                recipient: user("Bob"),
                sku: "heart-2".into(),
                price: price(),
            },
        ),
        (User, Event::BadgeSettled { purchase: purchase(), outcome: PurchaseState::Awarded }),
        (User, Event::Removed),
    ]
}
