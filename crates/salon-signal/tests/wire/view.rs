//! What a client makes of the frames it is sent.

use std::collections::BTreeMap;

use proptest::prelude::*;
use salon_core::{Fence, StintId, UserId};
use salon_signal::conflated::{Audience, Conflated, Level};
use salon_signal::event::{
    Event, InviteOutcome, Origin, PurchaseState, ReleaseReason, RequestOutcome,
};
use salon_signal::id::{OfferId, RequestId};
use salon_signal::price::Total;
use salon_signal::server::{Frame, Outcome};
use salon_signal::snapshot::{
    OfferStep, PURCHASES_MAX, Phase, Role, RoomState, Seat, SeatState, Snapshot, StageState, State,
    UserState,
};
use salon_signal::view::{Applied, COMMENTS_MAX, Contradiction, RoomView, ViewError};
use salon_signal::{Raw, Stream, Unknown};

use crate::arbitrary::{room_event, stage_event, user_event};
use crate::samples::{self, Any, NOW_MS, ON, person, user};

const EPOCH: Fence = Fence(3);

fn snapshot(seq: u64, state: State) -> Frame {
    Frame::Snapshot(Snapshot { epoch: EPOCH, seq, state })
}

fn event(stream: Stream, seq: u64, body: Event) -> Frame {
    Frame::Event { stream, epoch: EPOCH, seq, at_ms: NOW_MS, body }
}

/// Four empty seats, nobody on the way to one, and Bob watching; nothing has happened yet.
fn fresh() -> RoomView {
    let seats = (0..4).map(|seat| Seat { seat, state: SeatState::Empty }).collect();
    let room = RoomState {
        phase: Phase::Draft,
        live_since_ms: None,
        seats,
        comments: vec![],
        totals: vec![],
        supporters: vec![],
        ..samples::room_state()
    };
    let user = UserState {
        offer: None,
        cooldown_until_ms: None,
        purchases: vec![],
        ..samples::user_state()
    };
    let states =
        [State::Room(Box::new(room)), State::Stage(StageState::default()), State::User(user)];
    let mut view = RoomView::default();
    for state in states {
        assert_eq!(view.apply(snapshot(0, state)), Ok(Applied::Changed));
    }
    view
}

/// A view and the number of the next event of each stream.
struct Client {
    view: RoomView,
    next: BTreeMap<Stream, u64>,
}

impl Client {
    fn new() -> Self {
        Self { view: fresh(), next: Stream::ALL.into_iter().map(|stream| (stream, 1)).collect() }
    }

    /// Applies the next event of a stream. A refused one takes no number.
    fn tell(&mut self, stream: Stream, body: Event) -> Result<Applied, ViewError> {
        let seq = self.next.get_mut(&stream).unwrap();
        let applied = self.view.apply(event(stream, *seq, body));
        *seq += u64::from(applied.is_ok());
        assert_eq!(self.view.check(), Ok(()));
        applied
    }

    #[track_caller]
    fn happens(&mut self, stream: Stream, body: Event) {
        assert_eq!(self.tell(stream, body), Ok(Applied::Changed));
    }

    fn seat(&self, number: usize) -> &SeatState {
        &self.view.room().unwrap().seats[number].state
    }
}

fn taken(seat: u8, name: &str) -> Event {
    let (person, stint) = (person(name), StintId(u64::from(seat) + 1));
    Event::SeatTaken { seat, person, stint, media: ON, origin: Origin::Invite }
}

fn awarded(to: &str, total: Total) -> Event {
    let Some((_, Event::BadgeAwarded { purchase, from, sku, hearts, price, note, .. })) =
        samples::events()
            .into_iter()
            .find(|(_, event)| matches!(event, Event::BadgeAwarded { .. }))
    else {
        panic!("there is a sample of every event")
    };
    let (to, seat, recipient_total) = (person(to), None, total);
    Event::BadgeAwarded { purchase, from, to, seat, sku, hearts, price, note, recipient_total }
}

#[test]
fn a_guest_is_invited_prepares_sits_and_leaves() {
    let mut bob = Client::new();
    let (offer, until_ms) = (OfferId(1), NOW_MS + 60_000);
    bob.happens(Stream::Room, Event::WentLive);
    bob.happens(Stream::Room, taken(0, "Ada"));
    assert_eq!(bob.view.room().unwrap().live_since_ms, Some(NOW_MS));

    let held = Event::SeatReserved { seat: 1, offer: None, person: None, until_ms: None };
    bob.happens(Stream::Room, held);
    let invited = Event::GuestInvited { offer, seat: 1, person: person("Bob"), until_ms };
    bob.happens(Stream::Stage, invited);
    bob.happens(Stream::User, Event::Invited { offer, seat: 1, by: person("Ada"), until_ms });
    assert_eq!(*bob.seat(1), SeatState::Reserved);

    let (accepted, prepare_until_ms) = (InviteOutcome::Accepted, Some(NOW_MS + 15_000));
    let resolved = Event::InviteResolved {
        offer,
        user: user("Bob"),
        outcome: accepted.clone(),
        prepare_until_ms,
    };
    bob.happens(Stream::Stage, resolved);
    let closed = Event::InviteClosed { offer, outcome: accepted, prepare_until_ms };
    bob.happens(Stream::User, closed);
    let own = bob.view.user().unwrap().offer.clone().unwrap();
    assert_eq!((own.step, own.until_ms), (OfferStep::Preparing, NOW_MS + 15_000));
    let staged = &bob.view.stage().unwrap().offers[0];
    assert_eq!((staged.step, staged.until_ms), (OfferStep::Preparing, NOW_MS + 15_000));
    assert_eq!(bob.view.user().unwrap().role, Role::Viewer);

    bob.happens(Stream::Room, taken(1, "Bob"));
    assert_eq!(bob.view.user().unwrap().role, Role::Guest);
    assert_eq!(bob.view.user().unwrap().offer, None);
    assert_eq!(bob.view.stage().unwrap().offers, []);

    bob.happens(Stream::Room, Event::LinkLost { seat: 1, until_ms });
    assert!(matches!(bob.seat(1), SeatState::Occupied { lost_until_ms: Some(_), .. }));
    bob.happens(Stream::Room, Event::LinkRestored { seat: 1 });
    assert!(matches!(bob.seat(1), SeatState::Occupied { lost_until_ms: None, .. }));

    let (who, reason) = (Some(user("Bob")), ReleaseReason::Left);
    bob.happens(Stream::Room, Event::SeatReleased { seat: 1, user: who, reason });
    assert_eq!(bob.view.user().unwrap().role, Role::Viewer);
    assert_eq!(*bob.seat(1), SeatState::Empty);
}

#[test]
fn a_request_is_approved_and_becomes_an_offer() {
    let mut bob = Client::new();
    let request = RequestId(5);
    bob.happens(Stream::User, Event::RequestPlaced { request });
    let asked =
        Event::SeatRequested { request, person: person("Bob"), note: "hi".into(), at_ms: NOW_MS };
    bob.happens(Stream::Stage, asked);
    assert_eq!(bob.view.stage().unwrap().requests.len(), 1);

    let (offer, until_ms) = (OfferId(6), NOW_MS + 15_000);
    let approved = Event::RequestClosed {
        request,
        outcome: RequestOutcome::Approved,
        prepare_until_ms: Some(until_ms),
        offer: Some(offer),
        seat: Some(2),
        cooldown_until_ms: None,
    };
    bob.happens(Stream::User, approved);
    let state = bob.view.user().unwrap();
    assert_eq!(state.request, None);
    assert_eq!(state.offer.as_ref().map(|own| (own.offer, own.seat)), Some((offer, Some(2))));

    let outcome = RequestOutcome::Approved;
    bob.happens(Stream::Stage, Event::RequestResolved { request, user: user("Bob"), outcome });
    let held = Event::SeatReserved {
        seat: 2,
        offer: Some(offer),
        person: Some(person("Bob")),
        until_ms: Some(until_ms),
    };
    bob.happens(Stream::Stage, held);
    assert_eq!(bob.view.stage().unwrap().requests, []);
    assert_eq!(bob.view.stage().unwrap().offers[0].step, OfferStep::Preparing);

    let closed =
        Event::InviteClosed { offer, outcome: InviteOutcome::Expired, prepare_until_ms: None };
    bob.happens(Stream::User, closed);
    assert_eq!(bob.view.user().unwrap().offer, None);
}

#[test]
fn totals_follow_a_person_from_seat_to_seat() {
    let mut bob = Client::new();
    let total = Total { hearts: 4, minor: 998 };
    bob.happens(Stream::Room, taken(1, "Cleo"));
    bob.happens(Stream::Room, awarded("Cleo", total));
    let seat_total = |client: &Client, seat| match client.seat(seat) {
        SeatState::Occupied { total, .. } => *total,
        other => panic!("{other:?}"),
    };
    assert_eq!(seat_total(&bob, 1), total);
    bob.happens(Stream::Room, taken(2, "Cleo"));
    assert_eq!(seat_total(&bob, 2), total);
    let room = bob.view.room().unwrap();
    assert_eq!((room.totals[0].hearts, room.totals[0].minor), (4, 998));
    assert_eq!(room.supporters[0].person, person("Dan"));
    bob.happens(Stream::Room, awarded("Cleo", Total { hearts: 6, minor: 1_497 }));
    assert_eq!(bob.view.room().unwrap().supporters[0].hearts, 4);
}

#[test]
fn the_end_empties_the_stage() {
    let mut bob = Client::new();
    bob.happens(Stream::Room, taken(0, "Ada"));
    bob.happens(Stream::User, Event::RequestPlaced { request: RequestId(1) });
    let reason = salon_signal::event::EndReason::HostLost;
    bob.happens(Stream::Room, Event::RoomEnded { reason: reason.clone() });
    let room = bob.view.room().unwrap();
    assert_eq!((room.phase, room.ended_reason.as_ref()), (Phase::Ended, Some(&reason)));
    assert!(room.seats.iter().all(|seat| seat.state == SeatState::Empty));
    assert_eq!(bob.view.user().unwrap().request, None);
}

#[test]
fn lists_are_bounded() {
    let mut bob = Client::new();
    let (_, comment) = samples::events().swap_remove(9);
    assert_eq!(comment.tag(), "comment_posted");
    for _ in 0..COMMENTS_MAX + 5 {
        bob.happens(Stream::Room, comment.clone());
    }
    assert_eq!(bob.view.room().unwrap().comments.len(), COMMENTS_MAX);
    for number in 0..PURCHASES_MAX as u128 + 5 {
        let pending = Event::BadgePending {
            purchase: salon_core::PurchaseId::from_u128(number),
            recipient: user("Ada"),
            sku: "heart-1".into(),
            price: samples::price(),
        };
        bob.happens(Stream::User, pending);
    }
    let purchases = &bob.view.user().unwrap().purchases;
    assert_eq!(purchases.len(), PURCHASES_MAX);
    assert_eq!(purchases[0].purchase.to_u128(), 5);
}

#[test]
fn purchases_are_settled_and_removal_is_seen() {
    let mut bob = Client::new();
    let purchase = samples::purchase();
    let (recipient, sku, price) = (user("Ada"), "heart-2".to_owned(), samples::price());
    bob.happens(Stream::User, Event::BadgePending { purchase, recipient, sku, price });
    assert_eq!(bob.view.user().unwrap().purchases[0].state, PurchaseState::Pending);
    let outcome = PurchaseState::Capped;
    bob.happens(Stream::User, Event::BadgeSettled { purchase, outcome: outcome.clone() });
    assert_eq!(bob.view.user().unwrap().purchases[0].state, outcome);
    assert!(!bob.view.is_removed());
    bob.happens(Stream::User, Event::Removed);
    assert!(bob.view.is_removed());
}

/// What a frame does to a client that holds event 1 of the room.
#[track_caller]
fn check(frame: Frame, expected: Result<Applied, ViewError>) {
    let mut bob = Client::new();
    bob.happens(Stream::Room, taken(1, "Cleo"));
    let before = bob.view.clone();
    assert_eq!(bob.view.apply(frame), expected);
    if expected != Ok(Applied::Changed) && expected != Ok(Applied::Unknown) {
        assert_eq!(bob.view, before);
    }
}

#[test]
fn what_cannot_be_applied_changes_nothing() {
    let stream = Stream::Room;
    let live = |epoch, seq| Frame::Event {
        stream,
        epoch: Fence(epoch),
        seq,
        at_ms: NOW_MS,
        body: Event::WentLive,
    };
    check(live(3, 2), Ok(Applied::Changed));
    check(live(3, 1), Ok(Applied::Duplicate));
    check(live(3, 0), Ok(Applied::Duplicate));
    check(live(2, 9), Ok(Applied::Duplicate));
    check(live(3, 3), Err(ViewError::Gap { stream, have: 1, got: 3 }));
    let epoch = Err(ViewError::Epoch { stream, have: EPOCH, got: Fence(4) });
    check(live(4, 1), epoch);
    check(live(4, 2), epoch);

    let contradiction = |why| Err(ViewError::Contradiction { stream, seq: 2, why });
    let media = |seat| event(stream, 2, Event::MediaChanged { seat, media: ON });
    check(media(1), Ok(Applied::Changed));
    check(media(2), contradiction(Contradiction::NotOccupied(2)));
    check(media(4), contradiction(Contradiction::NoSuchSeat(4)));
    check(event(stream, 2, taken(4, "Dan")), contradiction(Contradiction::NoSuchSeat(4)));

    let resumed = |epoch, from| Frame::Resumed { stream, epoch: Fence(epoch), from, to: 9 };
    check(resumed(3, 1), Ok(Applied::Passed));
    check(resumed(3, 2), Err(ViewError::Gap { stream, have: 1, got: 2 }));
    check(resumed(4, 1), epoch);
}

#[test]
fn events_before_a_snapshot_are_refused() {
    for stream in Stream::ALL {
        let mut view = RoomView::default();
        let refused = ViewError::NoSnapshot(stream);
        assert_eq!(refused.stream(), stream);
        assert_eq!(view.apply(event(stream, 1, Event::WentLive)), Err(refused));
        assert_eq!(view, RoomView::default());
    }
}

#[test]
fn unknown_events_keep_the_numbering() {
    let mut bob = Client::new();
    let raw = Raw::parse("{\"steps\":3}");
    let dance = Event::Unknown(Unknown { tag: "danced".into(), raw });
    for stream in Stream::ALL {
        assert_eq!(bob.tell(stream, dance.clone()), Ok(Applied::Unknown));
        assert_eq!(bob.view.position(stream).map(|position| position.seq), Some(1));
    }
    bob.happens(Stream::Room, Event::WentLive);
}

#[test]
fn older_values_never_replace_newer_ones() {
    let mut bob = Client::new();
    let hearts = |version, total| Frame::Conflated { version, body: Conflated::Hearts { total } };
    let total = |client: &Client| client.view.room().unwrap().hearts_total;
    assert_eq!(bob.view.apply(hearts(7, 70)), Ok(Applied::Changed));
    assert_eq!(bob.view.apply(hearts(6, 60)), Ok(Applied::Duplicate));
    assert_eq!(bob.view.apply(hearts(7, 71)), Ok(Applied::Duplicate));
    assert_eq!(total(&bob), 70);

    // Each kind has versions of its own.
    let audience = Audience { users: 1, sessions: 2, peak: 3 };
    let body = Conflated::Audience(audience);
    assert_eq!(bob.view.apply(Frame::Conflated { version: 1, body }), Ok(Applied::Changed));
    assert_eq!(bob.view.room().unwrap().audience, audience);
    let seats = vec![Level { seat: 0, level_db: -20 }];
    let body = Conflated::Speaking { seats: seats.clone() };
    assert_eq!(bob.view.apply(Frame::Conflated { version: 1, body }), Ok(Applied::Changed));
    assert_eq!(bob.view.speaking(), seats);
    assert_eq!(bob.view.layers(), None);
    let body = Conflated::Layers { wanted: vec![1] };
    assert_eq!(bob.view.apply(Frame::Conflated { version: 1, body }), Ok(Applied::Changed));
    assert_eq!(bob.view.layers(), Some(&[1_u8][..]));

    // A new connection counts anew.
    let welcome = samples::all().into_iter().find(|(name, _)| name == "server.welcome");
    let Some((_, Any::Server(welcome))) = welcome else { panic!("there is a sample") };
    assert_eq!(bob.view.apply(welcome), Ok(Applied::Passed));
    assert_eq!(bob.view.apply(hearts(1, 80)), Ok(Applied::Changed));
    assert_eq!(total(&bob), 80);
}

#[test]
fn every_sample_frame_is_met_without_a_panic() {
    let mut view = fresh();
    for (_, sample) in samples::all() {
        if let Any::Server(frame) = sample {
            let _applied = view.apply(frame);
            assert_eq!(view.check(), Ok(()));
        }
    }
    assert_eq!(view.publish(), None);
    assert_eq!((view.can().len(), view.withheld().len()), (2, 1));
    let answer = Frame::Result { id: 1, outcome: Outcome::Ok { seq: 1 } };
    assert_eq!(view.apply(answer), Ok(Applied::Passed));
}

/// Who sits where, the obvious way: from all that ever happened, looking back from the end.
fn sitting(history: &[Event], seat: u8) -> Option<UserId> {
    history.iter().rev().find_map(|event| match event {
        Event::SeatTaken { seat: at, person, .. } if *at == seat => Some(Some(person.user.clone())),
        Event::SeatReserved { seat: at, .. } | Event::SeatReleased { seat: at, .. }
            if *at == seat =>
        {
            Some(None)
        }
        Event::RoomEnded { .. } => Some(None),
        _ => None,
    })?
}

fn any_event() -> impl Strategy<Value = (Stream, Event)> {
    prop_oneof![
        room_event().prop_map(|event| (Stream::Room, event)),
        stage_event().prop_map(|event| (Stream::Stage, event)),
        user_event().prop_map(|event| (Stream::User, event)),
    ]
}

proptest! {
    #[test]
    fn a_snapshot_and_the_tail_make_the_same_view(
        events in prop::collection::vec(any_event(), 0..60),
        cut in any::<prop::sample::Index>(),
    ) {
        let cut = cut.index(events.len() + 1);
        let mut early = Client::new();
        let mut late = None;
        for (index, (stream, body)) in events.into_iter().enumerate() {
            if index == cut {
                late = Some(joined_at(&early));
            }
            let told = early.tell(stream, body.clone());
            if let Some(late) = &mut late {
                prop_assert_eq!(late.tell(stream, body), told);
            }
        }
        if let Some(late) = late {
            prop_assert_eq!(late.view.room(), early.view.room());
            prop_assert_eq!(late.view.stage(), early.view.stage());
            prop_assert_eq!(late.view.user(), early.view.user());
            prop_assert_eq!(late.view.positions(), early.view.positions());
        }
    }

    #[test]
    fn duplicates_and_gaps_change_nothing(
        events in prop::collection::vec(any_event(), 1..40),
    ) {
        let mut client = Client::new();
        for (stream, body) in events {
            let before = client.view.clone();
            let seq = client.next[&stream];
            let gap = client.view.apply(event(stream, seq + 1, body.clone()));
            prop_assert_eq!(gap, Err(ViewError::Gap { stream, have: seq - 1, got: seq + 1 }));
            prop_assert_eq!(&client.view, &before);
            match client.tell(stream, body.clone()) {
                Ok(_) => {
                    let after = client.view.clone();
                    let again = client.view.apply(event(stream, seq, body));
                    prop_assert_eq!(again, Ok(Applied::Duplicate));
                    prop_assert_eq!(&client.view, &after);
                }
                Err(_) => prop_assert_eq!(&client.view, &before),
            }
        }
    }

    #[test]
    fn seats_hold_who_last_sat_down(events in prop::collection::vec(room_event(), 0..60)) {
        let mut client = Client::new();
        let mut history = Vec::new();
        for body in events {
            if client.tell(Stream::Room, body.clone()).is_ok() {
                history.push(body);
            }
            for seat in 0..4 {
                let seated = match client.seat(usize::from(seat)) {
                    SeatState::Occupied { person, .. } => Some(person.user.clone()),
                    _ => None,
                };
                prop_assert_eq!(seated, sitting(&history, seat));
            }
            let guest = (0..4).any(|seat| sitting(&history, seat) == Some(user("Bob")));
            let role = if guest { Role::Guest } else { Role::Viewer };
            prop_assert_eq!(&client.view.user().unwrap().role, &role);
        }
    }
}

/// A client that joins now, by snapshots of what another one holds.
fn joined_at(other: &Client) -> Client {
    let mut view = RoomView::default();
    let states = [
        State::User(other.view.user().unwrap().clone()),
        State::Stage(other.view.stage().unwrap().clone()),
        State::Room(Box::new(other.view.room().unwrap().clone())),
    ];
    for state in states {
        let seq = other.next[&state.stream()] - 1;
        assert_eq!(view.apply(snapshot(seq, state)), Ok(Applied::Changed));
    }
    Client { view, next: other.next.clone() }
}
