//! The single writer of one room.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use salon_cluster::bus::Inbox;
use salon_core::{Fence, GrantKey, UserId};
use salon_room::audience::{Edge, RateLimits};
use salon_room::room::Phase;
use salon_room::seat::SeatNo;
use salon_room::{Command, Room};
use salon_rtc::{SessionId as MediaSession, StageId};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::call::{Answer, Call};
use super::hub::Hub;
use super::pending::{Pending, Ready};
use super::place::Presence;
use super::streams::Streams;
use super::tally::Tally;
use super::turn::{Broken, Turn};
use crate::Salon;
use crate::rooms::Card;

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
    /// By seat, which encodings of its picture anybody watches, as media last said.
    // Invariant: at most one for each seat there is.
    pub(super) layers: BTreeMap<u8, Vec<u8>>,
    pub(super) pending: Pending,
    /// When counts are told next, if they have changed.
    pub(super) pulse: Option<Instant>,
    /// How many conflated values were told: each next one has a higher version.
    pub(super) versions: u64,
    pub(super) inbox: Inbox<Call, Answer>,
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
            layers: BTreeMap::new(),
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
}
