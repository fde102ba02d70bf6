//! From a call to a decision: what is asked, what it needs to know, what it leads to.

use salon_cluster::bus;
use salon_core::{Money, PurchaseId};
use salon_room::badge::Sku;
use salon_room::facts::Facts;
use salon_room::{Actor as By, Command, Ctx, Decision, Event, Rejection};
use salon_signal::error::Code;
use salon_signal::id::OfferId;
use salon_signal::secret::Method;
use salon_signal::server::Rejected;

use super::actor::Actor;
use super::call::{Answer, Call};
use super::pending::{self, Ready, Task, Then};
use super::turn::{CALLS_MAX, Due, Turn};
use crate::translate;

/// How many decisions may wait for facts at once. Beyond it a room answers that it is overloaded.
const ASKING_MAX: usize = 256;

impl Actor {
    pub(super) fn take_calls(&mut self, turn: &mut Turn, first: bus::Call<Call, Answer>) {
        let mut next = Some(first);
        for _ in 0..CALLS_MAX {
            let Some(call) = next else { return };
            self.take(turn, call);
            next = self.inbox.try_next();
        }
        // The last one taken out still has to be answered.
        if let Some(call) = next {
            self.take(turn, call);
        }
    }

    fn take(&mut self, turn: &mut Turn, call: bus::Call<Call, Answer>) {
        let bus::Call { command, reply } = call;
        match command {
            Call::Command { person: who, id, command, method } => {
                if let Command::PostComment { .. } = command
                    && self.edge.comment(self.salon.now(), &who.user).is_err()
                {
                    let slow = translate::refused(Code::RateLimited, "comments come too fast");
                    turn.replies.push((reply, Answer::Rejected(slow)));
                    return;
                }
                let then = Then::Reply(reply);
                self.consider(turn, Task { by: By::User(who), id, command, method, then });
            }
            Call::Settle { purchase, outcome } => {
                let command = Command::SettleBadge { purchase, outcome };
                let then = Then::Reply(reply);
                self.consider(turn, Task { then, ..Task::of_system(command) });
            }
            Call::Publish { user, key, offer } => self.publish(reply, &user, key, offer),
            Call::Watch { person: who, offer } => {
                let (by, then) = (By::User(who), Then::Watch(reply, offer));
                self.consider(turn, Task { by, then, ..Task::of_system(Command::CheckJoin) });
            }
            Call::Summary => reply.send(match self.summary() {
                Some(summary) => Answer::Summary(Box::new(summary)),
                None => Answer::Rejected(translate::not_found()),
            }),
        }
    }

    /// Decides now if everything is known, or once it is.
    pub(super) fn consider(&mut self, turn: &mut Turn, task: Task) {
        let queries = self.room.facts_needed(&task.by, &task.command);
        if queries.is_empty() {
            self.decide(turn, task, &Facts::new());
        } else if self.pending.len() >= ASKING_MAX + self.hub.len() {
            self.refuse(turn, task.then, translate::refused(Code::Overloaded, "too much at once"));
        } else {
            let salon = self.salon.clone();
            self.pending.push(Box::pin(async move {
                let facts = pending::facts(salon.people(), queries).await;
                Ready::Decide(Box::new(task), facts)
            }));
        }
    }

    /// Something the service itself tells the room. It needs no facts and nobody waits for it.
    pub(super) fn tell_room(&mut self, turn: &mut Turn, command: Command) {
        self.consider(turn, Task::of_system(command));
    }

    pub(super) fn decide(&mut self, turn: &mut Turn, task: Task, facts: &Facts) {
        let Task { by, id, command, method, then } = task;
        let now = self.salon.now();
        let ctx = Ctx { now, actor: by.clone(), command: id, facts };
        match self.room.decide(&ctx, &command) {
            Ok(decision) => {
                self.salon.metrics().commands_accepted.add_one();
                self.evolve(turn, decision, method);
                self.accept(turn, by, then);
            }
            Err(Rejection::Duplicate { seq }) => self.reply(turn, then, Answer::Done { seq }),
            Err(rejection) => {
                self.salon.metrics().commands_rejected.add_one();
                self.refuse(turn, then, translate::rejected(&rejection, now));
            }
        }
    }

    /// Carries a decision out in memory; what others may know of it waits in the turn.
    fn evolve(&mut self, turn: &mut Turn, decision: Decision, method: Option<Method>) {
        let waiting: Vec<_> = self
            .room
            .reservations()
            .map(|(_, held)| (held.person.user.clone(), OfferId(held.offer.0)))
            .collect();
        for record in &decision.records {
            self.room.evolve(record);
            if let Event::BadgeAwarded { purchase, to, sku, hearts, .. } = &record.event
                && let Some(price) = self.price(*purchase, sku)
            {
                self.tally.count(to, *hearts, price);
            }
        }
        let scene = translate::Scene {
            room: &self.room,
            waiting: &waiting,
            tally: &self.tally,
            price_of: &|purchase, sku| self.price(purchase, sku),
        };
        for record in &decision.records {
            let told = translate::tell(record, &scene);
            turn.told.extend(told.into_iter().map(|told| (record.at, told)));
        }
        turn.records.extend(decision.records);
        for keyed in decision.effects {
            if !self.carry_out_at_once(&keyed.effect) {
                turn.effects.push(Due { effect: keyed.effect, method: method.clone() });
            }
        }
    }

    /// What a badge costs: as the ledger pinned it, or as the catalogue has it now.
    fn price(&self, purchase: PurchaseId, sku: &Sku) -> Option<Money> {
        self.salon.read_ledger(|ledger| {
            let pinned = ledger.purchase(purchase).map(|purchase| purchase.price);
            pinned.or_else(|| ledger.terms().catalogue.item(sku).map(|item| item.price))
        })
    }

    fn accept(&mut self, turn: &mut Turn, by: By, then: Then) {
        match (then, by) {
            (Then::Join(join), _) => turn.joins.push(*join),
            (Then::Watch(reply, offer), By::User(person)) => {
                turn.watches.push((reply, person, offer));
            }
            (then, _) => {
                let seq = self.room.last_seq();
                self.reply(turn, then, Answer::Done { seq });
            }
        }
    }

    fn refuse(&mut self, turn: &mut Turn, then: Then, why: Rejected) {
        match then {
            Then::Join(join) => {
                let _gone = join.reply.send(Err(why));
            }
            then => self.reply(turn, then, Answer::Rejected(why)),
        }
    }

    fn reply(&mut self, turn: &mut Turn, then: Then, answer: Answer) {
        match then {
            Then::Reply(reply) | Then::Watch(reply, _) => {
                turn.replies.push((reply, answer));
            }
            Then::Nothing | Then::Join(_) => {}
        }
    }
}
