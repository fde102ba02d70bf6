//! What follows from a command. Pure: the same room, context and command give the same answer.

mod badge;
mod comment;
mod invite;
mod life;
mod link;
mod need;
mod request;
mod seat;

use salon_core::{Fence, GrantKey, StintId, Time, UserId};

use crate::audience::Predicate;
use crate::command::{Command, CommandId};
use crate::effect::{Effect, EffectKey, KeyedEffect};
use crate::event::{Event, Record};
use crate::facts::Facts;
use crate::person::{Actor, Person};
use crate::rejection::Rejection;
use crate::room::{Phase, Room};
use crate::seat::SeatNo;

/// The circumstances of a command.
#[derive(Clone, Debug)]
pub struct Ctx<'a> {
    /// The driver's clock. If it is behind the room's last record, that record's time is used.
    pub now: Time,
    /// Who commands.
    pub actor: Actor,
    /// Their own number for the command. A number carried out before is refused as
    /// [`Rejection::Duplicate`], within the last [`COMMANDS_REMEMBERED`](crate::handled::COMMANDS_REMEMBERED).
    pub command: Option<CommandId>,
    /// The answers to [`Room::facts_needed`].
    pub facts: &'a Facts,
}

/// What a command leads to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[must_use]
pub struct Decision {
    /// To [`evolve`](Room::evolve) the room by, in order, and to append to its log as one. Empty if all was as
    /// wanted already.
    pub records: Vec<Record>,
    /// To carry out, in order.
    pub effects: Vec<KeyedEffect>,
}

impl Room {
    /// What `command` leads to.
    ///
    /// # Errors
    /// [`Rejection`] if the room refuses. The room is unchanged either way.
    pub fn decide(&self, ctx: &Ctx<'_>, command: &Command) -> Result<Decision, Rejection> {
        if let (Some(person), Some(id)) = (ctx.actor.person(), ctx.command)
            && let Some(seq) = self.handled.seq(&person.user, id)
        {
            // Repeats come first: they must get the answer of the first time whatever has happened since.
            return Err(Rejection::Duplicate { seq });
        }
        let mut turn = Turn {
            room: self,
            ctx,
            now: ctx.now.max(self.last_at()),
            epoch: self.fence(),
            decision: Decision::default(),
        };
        turn.run(command)?;
        Ok(turn.decision)
    }
}

/// One decision in the making.
struct Turn<'a> {
    room: &'a Room,
    ctx: &'a Ctx<'a>,
    now: Time,
    epoch: Fence,
    decision: Decision,
}

impl<'a> Turn<'a> {
    fn run(&mut self, command: &Command) -> Result<(), Rejection> {
        self.expect_existence(command)?;
        match command {
            Command::CreateRoom { title, policy } => self.create(title, policy),
            Command::GoLive => self.go_live(),
            Command::EndRoom => self.end_room(),
            Command::Terminate { reason } => self.terminate(*reason),
            Command::InviteGuests { users, mode } => self.invite_guests(users, *mode),
            Command::CancelInvite { offer } => self.cancel_invite(*offer),
            Command::AcceptInvite { offer } => self.accept_invite(*offer),
            Command::DeclineInvite { offer } => self.decline_invite(*offer),
            Command::RequestSeat { note } => self.request_seat(note),
            Command::WithdrawRequest => self.withdraw_request(),
            Command::ApproveRequest { request } => self.approve_request(*request),
            Command::DeclineRequest { request } => self.decline_request(*request),
            Command::ConfirmReady { media } => self.confirm_ready(*media),
            Command::LeaveSeat => self.leave_seat(),
            Command::RemoveGuest { user, to } => self.remove_guest(user, *to),
            Command::SetSelfMedia { media } => self.set_self_media(*media),
            Command::SetRequestPolicy(policy) => self.set_request_policy(*policy),
            Command::PostComment { text } => self.post_comment(text),
            Command::BeginBadge { purchase, recipient, sku, note } => {
                self.begin_badge(*purchase, recipient, sku, note)
            }
            Command::SettleBadge { purchase, outcome } => self.settle_badge(*purchase, *outcome),
            Command::CheckJoin => self.check_join(),
            Command::LinkUp { user } => self.link_up(user),
            Command::LinkLost { user } => self.link_lost(user),
            Command::TimerFired(timer) => self.timer_fired(*timer),
            Command::Takeover { fence } => self.takeover(*fence),
        }
    }

    /// What is left of a room before it is created, and after it has ended.
    fn expect_existence(&self, command: &Command) -> Result<(), Rejection> {
        match (self.room.phase(), command) {
            (Phase::New, Command::CreateRoom { .. }) => Ok(()),
            (Phase::New, _) => Err(Rejection::RoomNotFound),
            (_, Command::CreateRoom { .. }) => Err(Rejection::RoomExists),
            // News from the service may be late, and money may come in late.
            (
                Phase::Ended(_),
                Command::SettleBadge { .. }
                | Command::LinkUp { .. }
                | Command::LinkLost { .. }
                | Command::TimerFired(_)
                | Command::Takeover { .. },
            ) => Ok(()),
            (Phase::Ended(_), _) => Err(Rejection::RoomEnded),
            (Phase::Draft | Phase::Live, _) => Ok(()),
        }
    }

    /// Writes an event down and returns its sequence number.
    fn record(&mut self, event: Event) -> u64 {
        let seq = self.next_seq();
        self.decision.records.push(Record {
            epoch: self.epoch,
            seq,
            at: self.now,
            actor: self.ctx.actor.clone(),
            cause: self.ctx.command,
            event,
        });
        seq
    }

    /// The sequence number of the next record, which also makes identifiers.
    fn next_seq(&self) -> u64 {
        self.room.last_seq() + self.decision.records.len() as u64 + 1
    }

    /// Calls for an effect of the record written last.
    fn order(&mut self, effect: Effect) {
        let seq = self.next_seq() - 1;
        let of_record = self.decision.effects.iter().rev().take_while(|other| other.key.seq == seq);
        let ordinal = u16::try_from(of_record.count()).expect("a record has a handful of effects");
        let key = EffectKey { epoch: self.epoch, seq, ordinal };
        self.decision.effects.push(KeyedEffect { key, effect });
    }

    fn order_grant(&mut self, user: UserId, seat: SeatNo, stint: StintId) {
        let key = GrantKey { fence: self.epoch, stint };
        self.order(Effect::IssueGrant { user, seat, key });
    }

    fn order_revocation(&mut self, user: UserId, seat: SeatNo, stint: StintId) {
        let key = GrantKey { fence: self.room.fence(), stint };
        self.order(Effect::RevokeGrant { user, seat, key });
    }

    fn order_eviction_by(&mut self, user: UserId) {
        self.order(Effect::EvictAudience(Predicate::BlockedBy(user)));
    }

    fn expect_person(&self) -> Result<&'a Person, Rejection> {
        self.ctx.actor.person().ok_or(Rejection::NotPermitted)
    }

    fn expect_host(&self) -> Result<&'a Person, Rejection> {
        let person = self.expect_person()?;
        if self.room.is_host(&person.user) { Ok(person) } else { Err(Rejection::NotHost) }
    }

    fn expect_system(&self) -> Result<(), Rejection> {
        if self.ctx.actor == Actor::System { Ok(()) } else { Err(Rejection::NotPermitted) }
    }

    fn expect_live(&self) -> Result<(), Rejection> {
        if self.room.is_live() { Ok(()) } else { Err(Rejection::WrongPhase) }
    }

    fn expect_not_removed(&self, user: &UserId) -> Result<(), Rejection> {
        if self.room.removed(user) { Err(Rejection::NotAvailable) } else { Ok(()) }
    }

    /// Refuses whoever somebody seated has blocked.
    fn expect_not_blocked(&self, user: &UserId) -> Result<(), Rejection> {
        let blocks = |by: &UserId| self.ctx.facts.is_blocked(by, user);
        if self.room.occupants().any(|(_, occupant)| blocks(&occupant.person.user)) {
            return Err(Rejection::NotAvailable);
        }
        Ok(())
    }

    /// Refuses whoever cannot share a stage with those seated: blocked by one of them, or blocking one.
    fn expect_stage_mate(&self, user: &UserId) -> Result<(), Rejection> {
        self.expect_not_removed(user)?;
        self.expect_not_blocked(user)?;
        let blocked = |who: &UserId| self.ctx.facts.is_blocked(user, who);
        if self.room.occupants().any(|(_, occupant)| blocked(&occupant.person.user)) {
            return Err(Rejection::NotAvailable);
        }
        if self.ctx.facts.is_eligible(user) { Ok(()) } else { Err(Rejection::NotEligible) }
    }
}
