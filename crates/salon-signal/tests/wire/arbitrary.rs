//! Any message, and that each reads back as it was written.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use salon_core::money::Currency;
use salon_core::{Fence, Money, PurchaseId, RoomId, StintId, UserId};
use salon_signal::codec::{decode_client, decode_server, encode};
use salon_signal::command::{Command, Destination, InviteMode, RequestPolicy};
use salon_signal::conflated::{Audience, Conflated, Level};
use salon_signal::ephemeral::Ephemeral;
use salon_signal::error::{Action, Class};
use salon_signal::event::{
    EndReason, Event, InviteOutcome, Origin, PurchaseState, ReleaseReason, RequestOutcome,
};
use salon_signal::id::{CommentId, OfferId, RequestId};
use salon_signal::limits::INTEGER_MAX;
use salon_signal::person::Media;
use salon_signal::price::{PersonTotal, Price, Supporter, Total};
use salon_signal::secret::Secret;
use salon_signal::server::{Announced, Capability, Grant, Outcome, Rejected, Withheld};
use salon_signal::snapshot::{
    Badge, Comment, Offer, OfferStep, OwnOffer, OwnRequest, Phase, Purchase, Request, Role,
    RoomState, Seat, SeatState, Snapshot, StageState, State, UserState,
};
use salon_signal::{Person, Position, Raw, Stream, Unknown, client, server};

use crate::samples;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,20}", any::<String>()]
}

/// An integer the wire allows, small ones often.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..4_u64, 0..=INTEGER_MAX]
}

fn minor() -> impl Strategy<Value = i64> {
    let max = INTEGER_MAX as i64;
    -max..=max
}

/// Few people, so that they meet.
pub(crate) fn user() -> impl Strategy<Value = UserId> {
    select(vec!["ada", "bob", "cleo", "dan", "zo\u{e9}"]).prop_map(samples::user)
}

fn person() -> impl Strategy<Value = Person> {
    (user(), text()).prop_map(|(user, name)| Person { user, name })
}

fn fence() -> impl Strategy<Value = Fence> {
    number().prop_map(Fence)
}

fn stint() -> impl Strategy<Value = StintId> {
    number().prop_map(StintId)
}

fn id() -> impl Strategy<Value = u64> {
    prop_oneof![0..4_u64, any::<u64>()]
}

fn offer() -> impl Strategy<Value = OfferId> {
    id().prop_map(OfferId)
}

fn request() -> impl Strategy<Value = RequestId> {
    id().prop_map(RequestId)
}

fn comment() -> impl Strategy<Value = CommentId> {
    id().prop_map(CommentId)
}

fn purchase() -> impl Strategy<Value = PurchaseId> {
    prop_oneof![0..3_u128, any::<u128>()].prop_map(PurchaseId::from_u128)
}

fn media() -> impl Strategy<Value = Media> {
    any::<(bool, bool)>().prop_map(|(mic, cam)| Media { mic, cam })
}

fn currency() -> impl Strategy<Value = Currency> {
    select(vec![Currency::EUR, Currency::JPY, Currency::KWD, Currency::USD])
}

fn price() -> impl Strategy<Value = Price> {
    (minor(), currency()).prop_map(|(minor, currency)| Money::new(minor, currency).into())
}

fn total() -> impl Strategy<Value = Total> {
    (number(), minor()).prop_map(|(hearts, minor)| Total { hearts, minor })
}

fn stream() -> impl Strategy<Value = Stream> {
    select(Stream::ALL.to_vec())
}

fn position() -> impl Strategy<Value = Position> {
    (stream(), fence(), number()).prop_map(|(stream, epoch, seq)| Position { stream, epoch, seq })
}

/// A word this version knows, or one of a later version.
fn word<T: for<'a> From<&'a str> + std::fmt::Debug>(
    words: &'static [&'static str],
) -> impl Strategy<Value = T> {
    let known = select(words.to_vec()).prop_map(T::from);
    prop_oneof![4 => known, 1 => "later_[a-z]{0,8}".prop_map(|word: String| T::from(&word))]
}

fn unknown() -> impl Strategy<Value = Unknown> {
    let raw = select(vec!["null", "{}", "[1, 2]", "{\"b\":1,\"a\":[true,\"x\"]}", "-1.5e3"])
        .prop_map(|json| Raw::parse(json).unwrap());
    ("later_[a-z]{0,8}", option::of(raw)).prop_map(|(tag, raw)| Unknown { tag, raw })
}

fn policy() -> impl Strategy<Value = RequestPolicy> {
    select(vec![RequestPolicy::Open, RequestPolicy::Closed])
}

fn secret<const MAX: usize>() -> impl Strategy<Value = Secret<MAX>> {
    "[!-~]{0,40}".prop_map(|text| Secret::new(text).unwrap())
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        select(vec![
            Command::GoLive,
            Command::EndRoom,
            Command::WithdrawRequest,
            Command::LeaveSeat,
        ]),
        (vec(user(), 0..4), select(vec![InviteMode::Atomic, InviteMode::BestEffort]))
            .prop_map(|(users, mode)| Command::InviteGuests { users, mode }),
        offer().prop_map(|offer| Command::CancelInvite { offer }),
        offer().prop_map(|offer| Command::AcceptInvite { offer }),
        offer().prop_map(|offer| Command::DeclineInvite { offer }),
        text().prop_map(|note| Command::RequestSeat { note }),
        request().prop_map(|request| Command::ApproveRequest { request }),
        request().prop_map(|request| Command::DeclineRequest { request }),
        media().prop_map(|media| Command::ConfirmReady { media }),
        (user(), select(vec![Destination::Audience, Destination::OutOfRoom]))
            .prop_map(|(user, to)| Command::RemoveGuest { user, to }),
        any::<(bool, bool)>().prop_map(|(mic, cam)| Command::SetSelfMedia { mic, cam }),
        policy().prop_map(|policy| Command::SetRequestPolicy { policy }),
        text().prop_map(|text| Command::PostComment { text }),
        (user(), text(), text(), secret()).prop_map(|(recipient, sku, note, method)| {
            Command::BeginBadge { recipient, sku, note, method }
        }),
        unknown().prop_map(Command::Unknown),
    ]
}

fn client_frame() -> impl Strategy<Value = client::Frame> {
    use client::Frame;
    prop_oneof![
        (vec(any::<u16>(), 0..4), secret())
            .prop_map(|(versions, token)| Frame::Hello { versions, token }),
        (any::<u128>().prop_map(RoomId::from_u128), vec(position(), 0..4))
            .prop_map(|(room, from)| Frame::Subscribe { room, from }),
        (number(), command()).prop_map(|(id, body)| Frame::Command { id, body }),
        any::<u32>().prop_map(|hearts| Frame::React { hearts }),
        vec(position(), 0..4).prop_map(|positions| Frame::Ack { positions }),
        number().prop_map(|at_ms| Frame::Ping { at_ms }),
        Just(Frame::Bye),
        unknown().prop_map(Frame::Unknown),
    ]
}

/// An event of the room stream. Seats 0 to 4, the last of which few rooms have.
pub(crate) fn room_event() -> impl Strategy<Value = Event> {
    let seat = || 0..5_u8;
    prop_oneof![
        Just(Event::WentLive),
        word(EndReason::WORDS).prop_map(|reason| Event::RoomEnded { reason }),
        number().prop_map(|until_ms| Event::HostAbsent { until_ms }),
        Just(Event::HostReturned),
        seat().prop_map(|seat| Event::SeatReserved {
            seat,
            offer: None,
            person: None,
            until_ms: None
        }),
        (seat(), person(), stint(), media(), word(Origin::WORDS)).prop_map(
            |(seat, person, stint, media, origin)| {
                Event::SeatTaken { seat, person, stint, media, origin }
            }
        ),
        (seat(), option::of(user()), word(ReleaseReason::WORDS))
            .prop_map(|(seat, user, reason)| Event::SeatReleased { seat, user, reason }),
        (seat(), number()).prop_map(|(seat, until_ms)| Event::LinkLost { seat, until_ms }),
        seat().prop_map(|seat| Event::LinkRestored { seat }),
        (seat(), media()).prop_map(|(seat, media)| Event::MediaChanged { seat, media }),
        (comment(), person(), text(), any::<u8>()).prop_map(|(comment, person, text, hearts)| {
            Event::CommentPosted { comment, person, text, hearts }
        }),
        (
            (purchase(), person(), person(), option::of(seat())),
            (text(), any::<u8>(), price(), text(), total())
        )
            .prop_map(|((purchase, from, to, seat), (sku, hearts, price, note, total))| {
                Event::BadgeAwarded {
                    purchase,
                    from,
                    to,
                    seat,
                    sku,
                    hearts,
                    price,
                    note,
                    recipient_total: total,
                }
            }),
        policy().prop_map(|policy| Event::RequestPolicyChanged { policy }),
        unknown().prop_map(Event::Unknown),
    ]
}

/// An event of the stage stream.
pub(crate) fn stage_event() -> impl Strategy<Value = Event> {
    let seat = || 0..5_u8;
    prop_oneof![
        (seat(), offer(), person(), number()).prop_map(|(seat, offer, person, until_ms)| {
            Event::SeatReserved {
                seat,
                offer: Some(offer),
                person: Some(person),
                until_ms: Some(until_ms),
            }
        }),
        (offer(), seat(), person(), number()).prop_map(|(offer, seat, person, until_ms)| {
            Event::GuestInvited { offer, seat, person, until_ms }
        }),
        (offer(), user(), word(InviteOutcome::WORDS), option::of(number())).prop_map(
            |(offer, user, outcome, prepare_until_ms)| Event::InviteResolved {
                offer,
                user,
                outcome,
                prepare_until_ms
            }
        ),
        (request(), person(), text(), number()).prop_map(|(request, person, note, at_ms)| {
            Event::SeatRequested { request, person, note, at_ms }
        }),
        (request(), user(), word(RequestOutcome::WORDS)).prop_map(|(request, user, outcome)| {
            Event::RequestResolved { request, user, outcome }
        }),
    ]
}

/// An event of the user stream.
pub(crate) fn user_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (offer(), 0..5_u8, person(), number())
            .prop_map(|(offer, seat, by, until_ms)| Event::Invited { offer, seat, by, until_ms }),
        (offer(), word(InviteOutcome::WORDS), option::of(number())).prop_map(
            |(offer, outcome, prepare_until_ms)| Event::InviteClosed {
                offer,
                outcome,
                prepare_until_ms
            }
        ),
        request().prop_map(|request| Event::RequestPlaced { request }),
        (
            request(),
            word(RequestOutcome::WORDS),
            option::of(number()),
            option::of(offer()),
            option::of(0..5_u8),
            option::of(number())
        )
            .prop_map(
                |(request, outcome, prepare_until_ms, offer, seat, cooldown_until_ms)| {
                    Event::RequestClosed {
                        request,
                        outcome,
                        prepare_until_ms,
                        offer,
                        seat,
                        cooldown_until_ms,
                    }
                }
            ),
        (purchase(), user(), text(), price()).prop_map(|(purchase, recipient, sku, price)| {
            Event::BadgePending { purchase, recipient, sku, price }
        }),
        (purchase(), word(PurchaseState::WORDS))
            .prop_map(|(purchase, outcome)| Event::BadgeSettled { purchase, outcome }),
        Just(Event::Removed),
    ]
}

fn seat_state() -> impl Strategy<Value = SeatState> {
    prop_oneof![
        Just(SeatState::Empty),
        Just(SeatState::Reserved),
        (person(), stint(), media(), option::of(number()), total()).prop_map(
            |(person, stint, media, lost_until_ms, total)| SeatState::Occupied {
                person,
                stint,
                media,
                lost_until_ms,
                total
            }
        ),
        unknown().prop_map(SeatState::Unknown),
    ]
}

fn audience() -> impl Strategy<Value = Audience> {
    (number(), number(), number()).prop_map(|(users, sessions, peak)| Audience {
        users,
        sessions,
        peak,
    })
}

fn room_state() -> impl Strategy<Value = RoomState> {
    let seats = vec(seat_state(), 0..5).prop_map(|states| {
        (0..).zip(states).map(|(seat, state)| Seat { seat, state }).collect::<Vec<_>>()
    });
    let said = (comment(), person(), text(), any::<u8>(), number()).prop_map(
        |(comment, person, text, hearts, at_ms)| Comment { comment, person, text, hearts, at_ms },
    );
    let badge = (text(), any::<u8>(), price()).prop_map(|(sku, hearts, price)| Badge {
        sku,
        hearts,
        price,
    });
    let received = (person(), total(), currency()).prop_map(|(person, total, currency)| {
        let (Total { hearts, minor }, exponent) = (total, currency.exponent());
        PersonTotal { person, hearts, minor, currency, exponent }
    });
    let gave = (person(), number()).prop_map(|(person, hearts)| Supporter { person, hearts });
    let about = (
        any::<u128>().prop_map(RoomId::from_u128),
        text(),
        select(vec![Phase::Draft, Phase::Live, Phase::Ended]),
        option::of(word(EndReason::WORDS)),
        person(),
        option::of(number()),
        number(),
        policy(),
    );
    let lists = (seats, vec(said, 0..3), vec(badge, 0..3), vec(received, 0..3), vec(gave, 0..3));
    (about, lists, audience(), number()).prop_map(|(about, lists, audience, hearts_total)| {
        let (room, title, phase, ended_reason, host, live_since_ms, server_time_ms, requests) =
            about;
        let (seats, comments, catalogue, totals, supporters) = lists;
        RoomState {
            room,
            title,
            phase,
            ended_reason,
            host,
            live_since_ms,
            server_time_ms,
            requests,
            seats,
            comments,
            catalogue,
            totals,
            supporters,
            audience,
            hearts_total,
        }
    })
}

fn step() -> impl Strategy<Value = OfferStep> {
    select(vec![OfferStep::Offered, OfferStep::Preparing])
}

fn stage_state() -> impl Strategy<Value = StageState> {
    let asks = (request(), person(), text(), number())
        .prop_map(|(request, person, note, at_ms)| Request { request, person, note, at_ms });
    let offered = (offer(), any::<u8>(), person(), step(), number()).prop_map(
        |(offer, seat, person, step, until_ms)| Offer { offer, seat, person, step, until_ms },
    );
    (vec(asks, 0..3), vec(offered, 0..3))
        .prop_map(|(requests, offers)| StageState { requests, offers })
}

fn user_state() -> impl Strategy<Value = UserState> {
    let own_offer = (offer(), option::of(any::<u8>()), option::of(person()), step(), number())
        .prop_map(|(offer, seat, by, step, until_ms)| OwnOffer { offer, seat, by, step, until_ms });
    let bought = (purchase(), user(), text(), price(), word(PurchaseState::WORDS)).prop_map(
        |(purchase, recipient, sku, price, state)| Purchase {
            purchase,
            recipient,
            sku,
            price,
            state,
        },
    );
    let own_request = request().prop_map(|request| OwnRequest { request });
    (
        user(),
        word(Role::WORDS),
        option::of(own_offer),
        option::of(own_request),
        option::of(number()),
        vec(bought, 0..3),
    )
        .prop_map(|(user, role, offer, request, cooldown_until_ms, purchases)| UserState {
            user,
            role,
            offer,
            request,
            cooldown_until_ms,
            purchases,
        })
}

fn conflated() -> impl Strategy<Value = Conflated> {
    let level = (any::<u8>(), any::<i8>()).prop_map(|(seat, level_db)| Level { seat, level_db });
    prop_oneof![
        audience().prop_map(Conflated::Audience),
        number().prop_map(|total| Conflated::Hearts { total }),
        vec(level, 0..5).prop_map(|seats| Conflated::Speaking { seats }),
        vec(any::<u8>(), 0..4).prop_map(|wanted| Conflated::Layers { wanted }),
        unknown().prop_map(Conflated::Unknown),
    ]
}

fn class() -> impl Strategy<Value = Class> {
    use Class::{Fix, Gone, Reauth, Rejoin, Resync, Retry, RetryAfter};
    select(vec![Fix, Retry, RetryAfter, Reauth, Resync, Rejoin, Gone])
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        number().prop_map(|seq| Outcome::Ok { seq }),
        (any::<u16>(), text(), class(), option::of(number()), text()).prop_map(
            |(code, name, class, retry_after_ms, message)| {
                Outcome::Rejected(Rejected { code, name, class, retry_after_ms, message })
            }
        ),
        unknown().prop_map(Outcome::Unknown),
    ]
}

fn server_frame() -> impl Strategy<Value = server::Frame> {
    use server::Frame;
    let state = prop_oneof![
        room_state().prop_map(|state| State::Room(Box::new(state))),
        stage_state().prop_map(State::Stage),
        user_state().prop_map(State::User),
    ];
    let grant = (any::<u8>(), stint(), fence(), secret())
        .prop_map(|(seat, stint, fence, token)| Grant { seat, stint, fence, token });
    let withheld = (word(Capability::WORDS), text())
        .prop_map(|(capability, why)| Withheld { capability, why });
    let event = prop_oneof![room_event(), stage_event(), user_event()];
    let burst = (option::of(user()), any::<u32>(), any::<u8>())
        .prop_map(|(user, hearts, special)| Ephemeral::HeartBurst { user, hearts, special });
    let limits = any::<(u32, u32)>()
        .prop_map(|(frame_bytes, comment_chars)| Announced { frame_bytes, comment_chars });
    let action = select(vec![Action::Resume, Action::Reconnect, Action::Reauth, Action::Leave]);
    prop_oneof![
        (any::<u16>(), text(), person(), number(), limits, number()).prop_map(
            |(version, session, user, heartbeat_ms, limits, server_time_ms)| Frame::Welcome {
                version,
                session,
                user,
                heartbeat_ms,
                limits,
                server_time_ms,
            }
        ),
        (fence(), number(), state).prop_map(|(epoch, seq, state)| Frame::Snapshot(Snapshot {
            epoch,
            seq,
            state
        })),
        (stream(), fence(), number(), number())
            .prop_map(|(stream, epoch, from, to)| Frame::Resumed { stream, epoch, from, to }),
        (stream(), fence(), number(), number(), event).prop_map(
            |(stream, epoch, seq, at_ms, body)| Frame::Event { stream, epoch, seq, at_ms, body }
        ),
        (number(), conflated()).prop_map(|(version, body)| Frame::Conflated { version, body }),
        burst.prop_map(|body| Frame::Ephemeral { body }),
        (number(), outcome()).prop_map(|(id, outcome)| Frame::Result { id, outcome }),
        option::of(grant).prop_map(|publish| Frame::Grants { publish }),
        (vec(word(Capability::WORDS), 0..4), vec(withheld, 0..4))
            .prop_map(|(can, withheld)| Frame::Capabilities { can, withheld }),
        (action, number()).prop_map(|(action, after_ms)| Frame::GoAway { action, after_ms }),
        number().prop_map(|at_ms| Frame::Pong { at_ms }),
        (any::<u16>(), text(), class(), text()).prop_map(|(code, name, class, message)| {
            Frame::Error { code, name, class, message }
        }),
        unknown().prop_map(Frame::Unknown),
    ]
}

proptest! {
    #[test]
    fn what_a_client_writes_reads_back(frame in client_frame()) {
        let bytes = encode(&frame);
        prop_assert_eq!(decode_client(&bytes), Ok(frame));
    }

    #[test]
    fn what_a_server_writes_reads_back(frame in server_frame()) {
        let bytes = encode(&frame);
        prop_assert_eq!(decode_server(&bytes), Ok(frame));
    }
}
