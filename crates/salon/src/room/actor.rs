//! The single writer of one room.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use salon_cluster::bus::{self, Inbox};
use salon_core::{Fence, GrantKey, Money, PurchaseId, Time, UserId};
use salon_room::audience::{Edge, RateLimits};
use salon_room::badge::Sku;
use salon_room::room::Phase;
use salon_room::seat::SeatNo;
use salon_room::{Actor as By, Command, Ctx, Decision, Event, Rejection, Room};
use salon_rtc::{SessionId as MediaSession, StageId};
use salon_signal::error::Code;
use salon_signal::id::OfferId;
use salon_signal::secret::Method;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::call::{Answer, Call, Summary};
use super::hub::Hub;
use super::pending::{self, Pending, Ready, Task, Then};
use super::place::Presence;
use super::streams::Streams;
use super::tally::Tally;
use super::turn::{Broken, CALLS_MAX, Due, Turn};
use crate::Salon;
use crate::rooms::Card;
use crate::translate;

/// How many decisions may wait for facts at once. Beyond it a room answers that it is overloaded.
const ASKING_MAX: usize = 256;
/// How long a room that nobody is in stays awake, unless it is live.
const LINGER: Duration = Duration::from_secs(30);
/// How often counts are told while they change. A guess at what looks alive and costs little.
const PULSE: Duration = Duration::from_millis(250);

/// The owner of one room: decides, makes durable, tells.
#[derive(Debug)]
pub(crate) struct Actor {
    pub(super) salon: Salon,
    pub(super) room: Room,
    pub(super) edge: Edge,
    pub(super) hub: Hub,
    pub(super) streams: Streams,
    pub(super) tally: Tally,
    /// Who may publish now, and from where.
    pub(super) grants: BTreeMap<UserId, (SeatNo, GrantKey)>,
    /// Who watches with which media session.
    pub(super) watching: BTreeMap<MediaSession, UserId>,
    pub(super) pending: Pending,
    /// When counts are told next, if they have changed.
    pub(super) pulse: Option<Instant>,
    /// How many conflated values were told: each next one has a higher version.
    pub(super) versions: u64,
    inbox: Inbox<Call, Answer>,
    presence: mpsc::Receiver<Presence>,
    card: watch::Sender<Card>,
    idle_since: Instant,
}

/// Where a room's owner hears from others.
#[derive(Debug)]
pub(crate) struct Ears {
    pub(crate) inbox: Inbox<Call, Answer>,
    pub(crate) presence: mpsc::Receiver<Presence>,
    pub(crate) card: watch::Sender<Card>,
}

impl Actor {
    /// The owner, under `fence`, of `room` as it is in the log, and of what its badges brought in.
    pub(crate) fn new(salon: Salon, room: Room, tally: Tally, fence: Fence, ears: Ears) -> Self {
        let streams = Streams::new(fence);
        let Ears { inbox, presence, card } = ears;
        Self {
            salon,
            room,
            edge: Edge::new(RateLimits::default()),
            hub: Hub::default(),
            streams,
            tally,
            grants: BTreeMap::new(),
            watching: BTreeMap::new(),
            pending: FuturesUnordered::new(),
            pulse: None,
            versions: 0,
            inbox,
            presence,
            card,
            idle_since: Instant::now(),
        }
    }

    /// Runs until the room sleeps, breaks, or the service stops.
    pub(crate) async fn run(mut self) {
        let id = self.room.id();
        if let Err(broken) = self.live().await {
            tracing::error!(room = %id, %broken, "room goes back to its log");
            self.hub.close_all(salon_signal::error::CloseCode::INTERNAL);
        }
        self.inbox.close();
        let fence = self.streams.epoch();
        let ended = matches!(self.room.phase(), Phase::Ended(_));
        if ended {
            self.salon.media().close_stage(StageId(id.to_u128())).await;
        }
        self.salon.forget(id, fence).await;
    }

    async fn live(&mut self) -> Result<(), Broken> {
        self.take_over().await?;
        loop {
            let mut turn = Turn::default();
            let wake = self.next_wake();
            tokio::select! {
                call = self.inbox.next() => match call {
                    Some(call) => self.take_calls(&mut turn, call),
                    None => return Ok(()),
                },
                Some(heard) = self.presence.recv() => {
                    if matches!(heard, Presence::Stop) {
                        self.say_farewell();
                        return Ok(());
                    }
                    self.hear(&mut turn, heard);
                }
                Some(ready) = self.pending.next(), if !self.pending.is_empty() => {
                    self.arrive(&mut turn, ready);
                }
                () = sleep_until(wake) => self.wake(&mut turn),
            }
            self.finish(turn).await?;
            if self.may_sleep() {
                return Ok(());
            }
        }
    }

    /// A new owner of an old room says so first.
    async fn take_over(&mut self) -> Result<(), Broken> {
        let fence = self.streams.epoch();
        if *self.room.phase() == Phase::New || fence == self.room.fence() {
            return Ok(());
        }
        let mut turn = Turn::default();
        self.tell_room(&mut turn, Command::Takeover { fence });
        self.finish(turn).await
    }

    fn take_calls(&mut self, turn: &mut Turn, first: bus::Call<Call, Answer>) {
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
            Call::Summary => reply.send(Answer::Summary(Box::new(self.summary()))),
        }
    }

    /// Decides now if everything is known, or once it is.
    pub(super) fn consider(&mut self, turn: &mut Turn, task: Task) {
        let queries = self.room.facts_needed(&task.by, &task.command);
        if queries.is_empty() {
            self.decide(turn, task, &salon_room::facts::Facts::new());
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

    pub(super) fn decide(&mut self, turn: &mut Turn, task: Task, facts: &salon_room::facts::Facts) {
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

    fn refuse(&mut self, turn: &mut Turn, then: Then, why: salon_signal::server::Rejected) {
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

    /// Makes the turn durable, then tells everyone.
    async fn finish(&mut self, turn: Turn) -> Result<(), Broken> {
        let Turn { records, told, effects, replies, joins, watches } = turn;
        let changed = !records.is_empty();
        if changed {
            let id = self.room.id();
            self.salon.append(id, records).await.map_err(|error| {
                tracing::error!(room = %id, %error, "append");
                Broken(id)
            })?;
        }
        for (at, told) in told {
            self.publish_event(at, told);
        }
        for due in effects {
            self.carry_out(due);
        }
        for (reply, answer) in replies {
            reply.send(answer);
        }
        for join in joins {
            self.admit(join);
        }
        for (reply, person, offer) in watches {
            self.watch(reply, person, offer);
        }
        self.drop_slow();
        if changed {
            self.show_card();
        }
        Ok(())
    }

    fn arrive(&mut self, turn: &mut Turn, ready: Ready) {
        match ready {
            Ready::Decide(task, facts) => self.decide(turn, *task, &facts),
            Ready::Left(session, user) => self.depart(turn, session, &user),
            Ready::Blocked(viewers) => self.evict(&viewers),
            Ready::Watched { user, reply, answer } => self.watched(user, reply, answer),
            Ready::Done => {}
        }
    }

    /// When the room has something to do by itself.
    fn next_wake(&self) -> Instant {
        let now = self.salon.now();
        let timer = self.room.next_timer().map(|(at, _)| Instant::now() + at.since(now));
        let sleep = self.idle_since + LINGER;
        let far = Instant::now() + Duration::from_secs(3_600);
        let sleep = if self.is_idle() { sleep } else { far };
        timer.into_iter().chain(self.pulse).fold(sleep, Instant::min)
    }

    fn wake(&mut self, turn: &mut Turn) {
        let now = self.salon.now();
        while let Some((at, timer)) = self.room.next_timer().filter(|(at, _)| *at <= now) {
            let before = self.room.last_seq();
            self.tell_room(turn, Command::TimerFired(timer));
            if self.room.last_seq() == before {
                tracing::error!(room = %self.room.id(), ?timer, ?at, "timer had no effect");
                break;
            }
        }
        if self.pulse.is_some_and(|at| at <= Instant::now()) {
            self.pulse = None;
            self.tell_counts();
            self.show_card();
        }
    }

    /// Counts have changed: tell them soon, together with whatever else changes until then.
    pub(super) fn touch(&mut self) {
        self.pulse.get_or_insert_with(|| Instant::now() + PULSE);
    }

    fn is_idle(&self) -> bool {
        let waiting = self.room.purchases().next().is_some();
        self.hub.len() == 0 && !self.room.is_live() && !waiting && self.pending.is_empty()
    }

    fn may_sleep(&mut self) -> bool {
        if !self.is_idle() {
            self.idle_since = Instant::now();
        }
        self.idle_since.elapsed() >= LINGER
    }

    /// Shows the room on the home page as it is now.
    fn show_card(&self) {
        let viewers = self.edge.count().users;
        self.card.send_replace(Card::of(&self.room, viewers));
    }

    fn summary(&self) -> Summary {
        let count = self.edge.count();
        let now = self.salon.now();
        let end = self.room.ended_at().unwrap_or(now);
        let lived = self.room.live_since().map(|since| end.since(since)).unwrap_or_default();
        let terms = self.salon.read_ledger(|ledger| ledger.terms().clone());
        Summary {
            room: self.room.id(),
            title: self.room.title().map(|title| title.as_str().to_owned()).unwrap_or_default(),
            phase: translate::phase(&self.room),
            host: self.room.host().map(translate::person).expect("a served room has a host"),
            live_since_ms: self.room.live_since().map(Time::as_ms),
            duration_ms: u64::try_from(lived.as_millis()).unwrap_or(u64::MAX),
            audience: translate::audience(count),
            peak_viewers: count.peak,
            hearts: self.edge.hearts(),
            comments: self.room.comments().len(),
            totals: translate::totals(&self.room, &self.tally, &terms),
            supporters: translate::supporters(&self.room),
        }
    }
}
