//! Random rooms: whatever people, connections, clocks and owners do, the world's checks hold.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use salon_core::{Fence, PurchaseId, Text, UserId};
use salon_room::badge::{Outcome, VoidReason};
use salon_room::command::{Command, InviteMode, RemoveTo};
use salon_room::event::{EndReason, Event};
use salon_room::policy::{Policy, Requests, SeatLimit};
use salon_room::request::RequestId;
use salon_room::seat::{OfferId, SelfMedia};
use salon_room::timer::Timer;
use salon_room::{Actor, Decision, Rejection};

use crate::script::word;
use crate::world::{World, person, user};

/// The first is the host. Few, so that they meet.
const NAMES: [&str; 6] = ["ada", "bob", "cid", "dan", "eve", "nobody"];

/// One thing that happens. Numbers choose among what the room has at that moment.
#[derive(Clone, Debug)]
enum Step {
    Person { who: usize, id: Option<u64>, act: Act },
    System(Notice),
    Terminate(EndReason),
    Wait { ms: u64 },
    ClockBack { ms: u64 },
    Block { by: usize, who: usize, on: bool },
    Eligible { who: usize, on: bool },
}

#[derive(Clone, Debug)]
enum Act {
    Create { seats: u8 },
    GoLive,
    End,
    Invite { whom: Vec<usize>, mode: InviteMode },
    Cancel { offer: usize },
    Accept { offer: usize },
    Decline { offer: usize },
    Request,
    Withdraw,
    Approve { request: usize },
    Refuse { request: usize },
    Ready,
    Leave,
    Remove { whom: usize, to: RemoveTo },
    Media { mic: bool },
    Requests(Requests),
    Comment,
    Badge { purchase: u8, to: usize },
    Join,
}

#[derive(Clone, Debug)]
enum Notice {
    Up { who: usize },
    Lost { who: usize },
    Paid { purchase: u8, hearts: u8, ledger_seq: u64 },
    Unpaid { purchase: u8 },
    Stale { id: u64, kind: u8 },
    Takeover { by: u64 },
}

fn any_name() -> impl Strategy<Value = usize> {
    0..NAMES.len()
}

fn host_act() -> impl Strategy<Value = Act> {
    let mode = prop_oneof![Just(InviteMode::Atomic), Just(InviteMode::BestEffort)];
    let to = prop_oneof![4 => Just(RemoveTo::Audience), 1 => Just(RemoveTo::OutOfRoom)];
    let requests = prop_oneof![3 => Just(Requests::Open), 1 => Just(Requests::Closed)];
    prop_oneof![
        4 => (0_u8..5).prop_map(|seats| Act::Create { seats }),
        6 => Just(Act::GoLive),
        1 => Just(Act::End),
        40 => (prop::collection::vec(any_name(), 0..5), mode)
            .prop_map(|(whom, mode)| Act::Invite { whom, mode }),
        5 => (0_usize..4).prop_map(|offer| Act::Cancel { offer }),
        24 => (0_usize..4).prop_map(|request| Act::Approve { request }),
        8 => (0_usize..4).prop_map(|request| Act::Refuse { request }),
        8 => (any_name(), to).prop_map(|(whom, to)| Act::Remove { whom, to }),
        2 => requests.prop_map(Act::Requests),
    ]
}

fn own_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        10 => (0_usize..4).prop_map(|offer| Act::Accept { offer }),
        2 => (0_usize..4).prop_map(|offer| Act::Decline { offer }),
        6 => Just(Act::Request),
        1 => Just(Act::Withdraw),
        10 => Just(Act::Ready),
        2 => Just(Act::Leave),
        2 => any::<bool>().prop_map(|mic| Act::Media { mic }),
        2 => Just(Act::Comment),
        4 => (0_u8..5, 0_usize..3).prop_map(|(purchase, to)| Act::Badge { purchase, to }),
        1 => Just(Act::Join),
    ]
}

fn notice() -> impl Strategy<Value = Notice> {
    prop_oneof![
        4 => any_name().prop_map(|who| Notice::Up { who }),
        3 => any_name().prop_map(|who| Notice::Lost { who }),
        3 => (0_u8..5, 1_u8..4, 1_u64..50).prop_map(|(purchase, hearts, ledger_seq)| {
            Notice::Paid { purchase, hearts, ledger_seq }
        }),
        1 => (0_u8..5).prop_map(|purchase| Notice::Unpaid { purchase }),
        1 => (0_u64..40, 0_u8..6).prop_map(|(id, kind)| Notice::Stale { id, kind }),
        1 => (0_u64..3).prop_map(|by| Notice::Takeover { by }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let id = || prop::option::weighted(0.3, 0_u64..12);
    let person = |who, id, act| Step::Person { who, id, act };
    prop_oneof![
        1 => prop::sample::select(vec![EndReason::Operator, EndReason::Shutdown])
            .prop_map(Step::Terminate),
        80 => (id(), host_act()).prop_map(move |(id, act)| person(0, id, act)),
        10 => (any_name(), id(), host_act()).prop_map(move |(who, id, act)| person(who, id, act)),
        130 => (any_name(), id(), own_act()).prop_map(move |(who, id, act)| person(who, id, act)),
        33 => notice().prop_map(Step::System),
        26 => (0_u64..20_000).prop_map(|ms| Step::Wait { ms }),
        1 => (0_u64..20_000_000).prop_map(|ms| Step::Wait { ms }),
        1 => (0_u64..20_000).prop_map(|ms| Step::ClockBack { ms }),
        9 => (any_name(), any_name(), prop::bool::weighted(0.25))
            .prop_map(|(by, who, on)| Step::Block { by, who, on }),
        6 => (any_name(), prop::bool::weighted(0.85))
            .prop_map(|(who, on)| Step::Eligible { who, on }),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Most rooms start live, so that there is time for the rest.
    let start =
        [Act::Create { seats: 4 }, Act::GoLive].map(|act| Step::Person { who: 0, id: None, act });
    let starts = prop_oneof![1 => Just(Vec::new()), 4 => Just(start.to_vec())];
    let steps = (starts, prop::collection::vec(step(), 1..160));
    steps.prop_map(|(start, rest)| start.into_iter().chain(rest).collect())
}

/// What a run led to, to know that the random rooms go everywhere.
type Seen = BTreeSet<String>;

fn run(steps: &[Step]) -> Seen {
    let mut world = World::new();
    let mut seen = Seen::new();
    for step in steps {
        perform(&mut world, step, &mut seen);
    }
    world.check_replay();
    // The word of an event ends with how it went.
    let event = |event: &Event| {
        let word = word(event);
        let (name, outcome) =
            (word.split(':').next().unwrap(), word.split(':').next_back().unwrap());
        match event {
            Event::InviteResolved { .. }
            | Event::RequestResolved { .. }
            | Event::SeatReleased { .. }
            | Event::RoomEnded { .. } => format!("{name}:{outcome}"),
            _ => name.to_owned(),
        }
    };
    seen.extend(world.records.iter().map(|record| event(&record.event)));
    seen
}

fn perform(world: &mut World, step: &Step, seen: &mut Seen) {
    let mut note = |result: Result<Decision, Rejection>| {
        if let Err(rejection) = result {
            seen.insert(rejection.name().to_owned());
        }
    };
    let name = |who: usize| user(NAMES[who]);
    match step {
        Step::Person { who, id, act } => {
            let command = command(world, &name(*who), act);
            note(world.give(Actor::User(person(NAMES[*who])), *id, &command));
        }
        Step::System(notice) => note(world.system(&told(world, notice))),
        Step::Terminate(reason) => {
            note(world.give(Actor::Operator, None, &Command::Terminate { reason: *reason }));
        }
        Step::Wait { ms } => {
            world.now = world.now + Duration::from_millis(*ms);
            world.fire_due();
        }
        Step::ClockBack { ms } => world.now = world.now - Duration::from_millis(*ms),
        Step::Block { by, who, on } => put(&mut world.blocks, (name(*by), name(*who)), *on),
        Step::Eligible { who, on } => put(&mut world.ineligible, name(*who), !on),
    }
}

fn put<T: Ord>(set: &mut BTreeSet<T>, item: T, present: bool) {
    if present {
        set.insert(item);
    } else {
        set.remove(&item);
    }
}

fn command(world: &World, who: &UserId, act: &Act) -> Command {
    let offer = |nth: usize| offer(world, who, nth);
    let request = |nth: usize| {
        let waiting: Vec<RequestId> = world.room.requests().map(|request| request.id).collect();
        waiting.get(nth).copied().unwrap_or(RequestId(nth as u64))
    };
    match act {
        Act::Create { seats } => create(*seats),
        Act::GoLive => Command::GoLive,
        Act::End => Command::EndRoom,
        Act::Invite { whom, mode } => Command::InviteGuests {
            users: whom.iter().map(|who| user(NAMES[*who])).collect(),
            mode: *mode,
        },
        Act::Cancel { offer: nth } => Command::CancelInvite { offer: offer(*nth) },
        Act::Accept { offer: nth } => Command::AcceptInvite { offer: offer(*nth) },
        Act::Decline { offer: nth } => Command::DeclineInvite { offer: offer(*nth) },
        Act::Request => Command::RequestSeat { note: text("please") },
        Act::Withdraw => Command::WithdrawRequest,
        Act::Approve { request: nth } => Command::ApproveRequest { request: request(*nth) },
        Act::Refuse { request: nth } => Command::DeclineRequest { request: request(*nth) },
        Act::Ready => Command::ConfirmReady { media: SelfMedia { mic: true, cam: true } },
        Act::Leave => Command::LeaveSeat,
        Act::Remove { whom, to } => Command::RemoveGuest { user: user(NAMES[*whom]), to: *to },
        Act::Media { mic } => Command::SetSelfMedia { media: SelfMedia { mic: *mic, cam: true } },
        Act::Requests(policy) => Command::SetRequestPolicy(*policy),
        Act::Comment => Command::PostComment { text: text("hello") },
        Act::Badge { purchase, to } => Command::BeginBadge {
            purchase: PurchaseId::from_u128(u128::from(*purchase)),
            recipient: user(NAMES[*to]),
            sku: text("heart"),
            note: text(""),
        },
        Act::Join => Command::CheckJoin,
    }
}

/// Mostly the person's own, so that invitations get somewhere; else any, or one that never was.
fn offer(world: &World, who: &UserId, nth: usize) -> OfferId {
    let own = world.room.reservation_of(who).map(|(_, reservation)| reservation.offer);
    let all: Vec<OfferId> =
        world.room.reservations().map(|(_, reservation)| reservation.offer).collect();
    match nth {
        0 | 1 => own.unwrap_or(OfferId(1)),
        _ => all.get(nth - 2).copied().unwrap_or(OfferId(nth as u64)),
    }
}

fn create(seats: u8) -> Command {
    let mut policy = Policy::default();
    policy.seats = SeatLimit::new(seats).unwrap_or(SeatLimit::MAX);
    policy.requests_max = 2;
    policy.comments_max = 3;
    policy.purchases_each_max = 1;
    policy.purchases_max = 3;
    policy.badges = seats != 1;
    Command::CreateRoom { title: text("Songs"), policy }
}

fn told(world: &World, notice: &Notice) -> Command {
    let purchase = |id: &u8| PurchaseId::from_u128(u128::from(*id));
    match notice {
        Notice::Up { who } => Command::LinkUp { user: user(NAMES[*who]) },
        Notice::Lost { who } => Command::LinkLost { user: user(NAMES[*who]) },
        Notice::Paid { purchase: id, hearts, ledger_seq } => Command::SettleBadge {
            purchase: purchase(id),
            outcome: Outcome::Awarded { hearts: *hearts, ledger_seq: *ledger_seq },
        },
        Notice::Unpaid { purchase: id } => Command::SettleBadge {
            purchase: purchase(id),
            outcome: Outcome::Voided { why: VoidReason::Capped },
        },
        Notice::Stale { id, kind } => Command::TimerFired(match kind {
            0 => Timer::Idle,
            1 => Timer::MaxLength,
            2 => Timer::Link(salon_core::StintId(*id)),
            3 => Timer::Offer(OfferId(*id)),
            4 => Timer::Prepare(OfferId(*id)),
            _ => Timer::Request(RequestId(*id)),
        }),
        Notice::Takeover { by } => Command::Takeover { fence: Fence(world.room.fence().0 + by) },
    }
}

fn text<const MIN: usize, const MAX: usize>(text: &str) -> Text<MIN, MAX> {
    Text::parse(text).unwrap()
}

proptest! {
    #[test]
    fn whatever_happens_the_room_holds(steps in steps()) {
        run(&steps);
    }
}

#[test]
fn random_rooms_go_everywhere() {
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 400, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(Default::default()),
    );
    let seen = std::cell::RefCell::new(Seen::new());
    let all = runner.run(&steps(), |steps| {
        seen.borrow_mut().extend(run(&steps));
        Ok(())
    });
    all.unwrap();
    let seen = seen.into_inner();
    let missing: Vec<&&str> = EVERYWHERE.iter().filter(|word| !seen.contains(**word)).collect();
    assert!(missing.is_empty(), "never seen: {missing:?}\nseen: {seen:?}");
}

const EVERYWHERE: &[&str] = &[
    "RoomCreated",
    "WentLive",
    "RoomEnded:HostEnded",
    "RoomEnded:HostLost",
    "RoomEnded:MaxDuration",
    "RoomEnded:Operator",
    "HostAbsent",
    "HostReturned",
    "GuestInvited",
    "InviteResolved:Accepted",
    "InviteResolved:Declined",
    "InviteResolved:Cancelled",
    "InviteResolved:Expired",
    "InviteResolved:Voided",
    "SeatRequested",
    "RequestResolved:Approved",
    "RequestResolved:Declined",
    "RequestResolved:Withdrawn",
    "RequestResolved:Expired",
    "RequestResolved:Voided",
    "SeatReserved",
    "SeatTaken",
    "SeatReleased:Left",
    "SeatReleased:Removed",
    "SeatReleased:LinkLost",
    "SeatReleased:JoinTimeout",
    "SeatReleased:RoomEnded",
    "LinkLost",
    "LinkRestored",
    "MediaChanged",
    "GuestRemoved",
    "RequestPolicyChanged",
    "CommentPosted",
    "BadgeBegun",
    "BadgeAwarded",
    "BadgeVoided",
    "Takeover",
    "room_not_found",
    "room_exists",
    "room_ended",
    "wrong_phase",
    "not_available",
    "not_host",
    "host_must_end",
    "not_seated",
    "already_seated",
    "seats_full",
    "self_target",
    "not_eligible",
    "invite_size",
    "already_invited",
    "offer_not_found",
    "offer_resolved",
    "not_preparing",
    "requests_closed",
    "request_exists",
    "request_not_found",
    "queue_full",
    "cooldown",
    "badges_off",
    "recipient_not_seated",
    "self_badge",
    "purchase_exists",
    "purchase_not_found",
    "purchases_pending",
    "stale_fence",
    "duplicate",
];
