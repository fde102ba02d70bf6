//! Tests as tables: on the left what somebody does, on the right what comes of it, one word for each event.
//!
//! `-` is accepted with nothing to do; a name in `snake_case` is a rejection. `wait` passes time and fires what is
//! due, `oversleep` only passes it.

use std::collections::BTreeMap;
use std::time::Duration;

use salon_core::{Fence, PurchaseId, UserId};
use salon_room::badge::{Outcome, VoidReason};
use salon_room::command::{Command, InviteMode, RemoveTo};
use salon_room::event::{EndReason, Event, InviteOutcome, RequestOutcome};
use salon_room::policy::{Requests, SeatLimit};
use salon_room::request::RequestId;
use salon_room::seat::{OfferId, SelfMedia};
use salon_room::timer::Timer;
use salon_room::{Actor, Decision, Effect, Policy, Rejection, Title};

use crate::world::{World, person, user};

/// Runs a script and compares every line.
#[track_caller]
pub(crate) fn check(script: &str) -> World {
    let mut run = Run::new(World::new());
    run.lines(script);
    run.world.check_replay();
    run.world
}

/// Runs a script and compares the effects of its last line.
#[track_caller]
pub(crate) fn check_effects(script: &str, effects: &str) {
    let mut run = Run::new(World::new());
    run.lines(script);
    assert_eq!(run.effects.join(" "), effects);
}

#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) world: World,
    /// The last offer and request of everybody, also when they are over.
    offers: BTreeMap<UserId, OfferId>,
    requests: BTreeMap<UserId, RequestId>,
    effects: Vec<String>,
}

impl Run {
    pub(crate) fn new(world: World) -> Self {
        let (offers, requests) = (BTreeMap::new(), BTreeMap::new());
        Self { world, offers, requests, effects: Vec::new() }
    }

    #[track_caller]
    pub(crate) fn lines(&mut self, script: &str) {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (left, right) = line.split_once('|').unwrap_or((line, ""));
            let got = self.line(left.trim());
            if line.contains('|') {
                assert_eq!(got, right.trim(), "in: {left}");
            }
        }
    }

    /// Does what one line says, and returns what came of it.
    pub(crate) fn line(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["wait", seconds] => {
                self.world.now =
                    self.world.now + Duration::from_secs(seconds.parse::<u64>().unwrap());
                let records = self.world.fire_due();
                words_of(records.iter().map(|record| &record.event))
            }
            ["oversleep", seconds] => {
                self.world.now =
                    self.world.now + Duration::from_secs(seconds.parse::<u64>().unwrap());
                String::new()
            }
            [by, "blocks", who] => {
                self.world.blocks.insert((user(by), user(who)));
                String::new()
            }
            ["ineligible", who] => {
                self.world.ineligible.insert(user(who));
                String::new()
            }
            [who, ref rest @ ..] => {
                let (id, rest) = match rest {
                    [id, rest @ ..] if id.starts_with('#') => (id[1..].parse().ok(), rest),
                    rest => (None, rest),
                };
                let actor = match who {
                    "system" => Actor::System,
                    "operator" => Actor::Operator,
                    name => Actor::User(person(name)),
                };
                let command = self.command(who, rest);
                let result = self.world.give(actor, id, &command);
                self.note(result)
            }
            [] => String::new(),
        }
    }

    fn note(&mut self, result: Result<Decision, Rejection>) -> String {
        let decision = match result {
            Ok(decision) => decision,
            Err(rejection) => return rejection.name().to_owned(),
        };
        for record in &decision.records {
            match &record.event {
                Event::GuestInvited { offer, person, .. }
                | Event::SeatReserved { offer, person, .. } => {
                    self.offers.insert(person.user.clone(), *offer);
                }
                Event::SeatRequested { request, person, .. } => {
                    self.requests.insert(person.user.clone(), *request);
                }
                _ => {}
            }
        }
        self.effects = decision.effects.iter().map(|keyed| effect_word(&keyed.effect)).collect();
        words_of(decision.records.iter().map(|record| &record.event))
    }

    fn command(&self, who: &str, words: &[&str]) -> Command {
        let offer_of = |name: &str| self.offers.get(&user(name)).copied().unwrap_or(OfferId(9_999));
        let request_of =
            |name: &str| self.requests.get(&user(name)).copied().unwrap_or(RequestId(9_999));
        let invite = |names: &[&str], mode| Command::InviteGuests {
            users: names.iter().map(|name| user(name)).collect(),
            mode,
        };
        let settle = |id: &str, outcome| Command::SettleBadge { purchase: purchase(id), outcome };
        match *words {
            ["create", ref rest @ ..] => create(rest),
            ["go_live"] => Command::GoLive,
            ["end"] => Command::EndRoom,
            ["terminate"] => Command::Terminate { reason: EndReason::Operator },
            ["terminate", "host_lost"] => Command::Terminate { reason: EndReason::HostLost },
            ["shutdown"] => Command::Terminate { reason: EndReason::Shutdown },
            ["invite", "any", ref names @ ..] => invite(names, InviteMode::BestEffort),
            ["invite", ref names @ ..] => invite(names, InviteMode::Atomic),
            ["cancel", name] => Command::CancelInvite { offer: offer_of(name) },
            ["accept"] => Command::AcceptInvite { offer: offer_of(who) },
            ["accept", name] => Command::AcceptInvite { offer: offer_of(name) },
            ["decline"] => Command::DeclineInvite { offer: offer_of(who) },
            ["request"] => Command::RequestSeat { note: "hello".parse_text() },
            ["withdraw"] => Command::WithdrawRequest,
            ["approve", name] => Command::ApproveRequest { request: request_of(name) },
            ["refuse", name] => Command::DeclineRequest { request: request_of(name) },
            ["ready"] => Command::ConfirmReady { media: SelfMedia { mic: true, cam: true } },
            ["leave"] => Command::LeaveSeat,
            ["remove", name] => Command::RemoveGuest { user: user(name), to: RemoveTo::Audience },
            ["banish", name] => Command::RemoveGuest { user: user(name), to: RemoveTo::OutOfRoom },
            ["mute"] => Command::SetSelfMedia { media: SelfMedia { mic: false, cam: true } },
            ["requests", "open"] => Command::SetRequestPolicy(Requests::Open),
            ["requests", "closed"] => Command::SetRequestPolicy(Requests::Closed),
            ["comment"] => Command::PostComment { text: "hi".parse_text() },
            ["badge", id, recipient] => Command::BeginBadge {
                purchase: purchase(id),
                recipient: user(recipient),
                sku: "heart".parse_text(),
                note: "bravo".parse_text(),
            },
            ["paid", id, hearts, ledger_seq] => {
                let (hearts, ledger_seq) = (hearts.parse().unwrap(), ledger_seq.parse().unwrap());
                settle(id, Outcome::Awarded { hearts, ledger_seq })
            }
            ["unpaid", id] => settle(id, Outcome::Voided { why: VoidReason::Declined }),
            ["join"] => Command::CheckJoin,
            ["up", name] => Command::LinkUp { user: user(name) },
            ["lost", name] => Command::LinkLost { user: user(name) },
            ["fire_early"] => {
                Command::TimerFired(self.world.room.next_timer().expect("a timer is armed").1)
            }
            ["fire_stale", name] => Command::TimerFired(Timer::Offer(offer_of(name))),
            ["takeover", fence] => Command::Takeover { fence: Fence(fence.parse().unwrap()) },
            _ => panic!("no such command: {words:?}"),
        }
    }
}

fn create(words: &[&str]) -> Command {
    let mut policy = Policy::default();
    for word in words {
        let (key, value) = word.split_once('=').unwrap();
        let number: u16 = value.parse().unwrap();
        match key {
            "seats" => policy.seats = SeatLimit::new(number as u8).unwrap(),
            "requests_max" => policy.requests_max = number,
            "comments_max" => policy.comments_max = number,
            "badges" => policy.badges = number == 1,
            "purchases_max" => policy.purchases_max = number,
            _ => panic!("no such rule: {key}"),
        }
    }
    Command::CreateRoom { title: Title::parse("Songs").unwrap(), policy }
}

fn purchase(id: &str) -> PurchaseId {
    PurchaseId::from_u128(id.parse().unwrap())
}

trait ParseText {
    fn parse_text<const MIN: usize, const MAX: usize>(&self) -> salon_core::Text<MIN, MAX>;
}

impl ParseText for str {
    fn parse_text<const MIN: usize, const MAX: usize>(&self) -> salon_core::Text<MIN, MAX> {
        salon_core::Text::parse(self).unwrap()
    }
}

fn words_of<'a>(events: impl Iterator<Item = &'a Event>) -> String {
    let words: Vec<String> = events.map(word).collect();
    if words.is_empty() { "-".to_owned() } else { words.join(" ") }
}

/// The event's name, who it is about, and how it went.
pub(crate) fn word(event: &Event) -> String {
    let text = format!("{event:?}");
    let name: String = text.chars().take_while(|c| c.is_alphanumeric()).collect();
    match event {
        Event::RoomEnded { reason } => format!("{name}:{reason:?}"),
        Event::GuestInvited { seat, person, .. }
        | Event::SeatReserved { seat, person, .. }
        | Event::SeatTaken { seat, person, .. } => format!("{name}:{}@{seat}", person.user),
        Event::InviteResolved { user, outcome, .. } => {
            let outcome = match outcome {
                InviteOutcome::Accepted { .. } => "Accepted".to_owned(),
                other => format!("{other:?}"),
            };
            format!("{name}:{user}:{outcome}")
        }
        Event::RequestResolved { user, outcome, .. } => {
            let outcome = match outcome {
                RequestOutcome::Approved { .. } => "Approved".to_owned(),
                RequestOutcome::Declined { .. } => "Declined".to_owned(),
                other => format!("{other:?}"),
            };
            format!("{name}:{user}:{outcome}")
        }
        Event::SeatReleased { user, reason, .. } => format!("{name}:{user}:{reason:?}"),
        _ => name,
    }
}

fn effect_word(effect: &Effect) -> String {
    match effect {
        Effect::IssueGrant { user, seat, key } => format!("grant:{user}@{seat}:{key}"),
        Effect::RevokeGrant { user, seat, key } => format!("revoke:{user}@{seat}:{key}"),
        Effect::EvictAudience(predicate) => format!("evict:{predicate:?}"),
        Effect::Notify { user, .. } => format!("notify:{user}"),
        Effect::OpenPurchase { from, to, stint, .. } => format!("open:{}>{to}:{stint}", from.user),
    }
}
