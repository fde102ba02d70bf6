//! The rooms that are awake, and how a room wakes.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use salon_cluster::bus::BusError;
use salon_core::{Fence, PurchaseId, RoomId, Scope, UserId};
use salon_room::policy::SeatLimit;
use salon_room::{Command, CommandId, Person, Policy, Room, Title};
use salon_signal::Position;
use salon_signal::command::Command as WireCommand;
use salon_signal::error::Code;
use salon_signal::server::{Outcome, Rejected};
use tokio::sync::{mpsc, oneshot, watch};

use crate::badges;
use crate::room::actor::{Actor, Ears};
use crate::room::call::{Answer, Call};
use crate::room::hub::{Out, SessionId};
use crate::room::place::{Join, PRESENCE_MAX, Place, Presence};
use crate::room::summary::Summary;
use crate::room::tally::Tally;
use crate::{Salon, random, translate};

/// How many calls may wait for one room; more are refused as busy. A guess: two seconds of work.
const INBOX_MAX: usize = 1_024;
/// How many records are read at a time when a room wakes. A guess: some hundred kilobytes.
const PAGE: usize = 1_024;
/// How often a call is tried again while a room changes owners, and how long between two tries.
const TRIES: usize = 20;
const RETRY: Duration = Duration::from_millis(25);

/// A room as the home page shows it.
#[derive(Clone, Debug)]
pub(crate) struct Card {
    pub(crate) room: RoomId,
    pub(crate) title: String,
    pub(crate) host: Option<Person>,
    pub(crate) guests: Vec<Person>,
    pub(crate) invited: Vec<UserId>,
    pub(crate) seats: u8,
    pub(crate) viewers: u64,
    pub(crate) live_since_ms: Option<u64>,
}

impl Card {
    /// The card of a room as it is now.
    pub(crate) fn of(room: &Room, viewers: u64) -> Self {
        let seated = room.occupants().map(|(_, occupant)| occupant.person.clone());
        let live_since = room.live_since().filter(|_| room.is_live());
        Self {
            room: room.id(),
            title: room.title().map(|title| title.as_str().to_owned()).unwrap_or_default(),
            host: room.host().cloned(),
            guests: seated.filter(|person| !room.is_host(&person.user)).collect(),
            invited: room.reservations().map(|(_, held)| held.person.user.clone()).collect(),
            seats: room.policy().seats.get(),
            viewers,
            live_since_ms: live_since.map(salon_core::Time::as_ms),
        }
    }
}

/// A room that is awake.
#[derive(Clone, Debug)]
struct Awake {
    presence: mpsc::Sender<Presence>,
    card: watch::Receiver<Card>,
    fence: Fence,
}

/// Every room that is awake in this process.
#[derive(Debug)]
pub(crate) struct Rooms {
    awake: Mutex<BTreeMap<RoomId, Awake>>,
    /// Held while a room wakes, so that it wakes once.
    waking: tokio::sync::Mutex<()>,
    max: usize,
}

impl Rooms {
    pub(crate) fn new(max: usize) -> Self {
        Self { awake: Mutex::default(), waking: tokio::sync::Mutex::new(()), max }
    }

    fn awake(&self) -> MutexGuard<'_, BTreeMap<RoomId, Awake>> {
        // A panic while the lock was held cannot leave a row half written.
        self.awake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rooms that are live, oldest first.
    pub(crate) fn cards(&self) -> Vec<Card> {
        let mut cards: Vec<Card> = self
            .awake()
            .values()
            .map(|awake| awake.card.borrow().clone())
            .filter(|card| card.live_since_ms.is_some())
            .collect();
        cards.sort_by_key(|card| card.live_since_ms);
        cards
    }

    /// Where a room that is awake hears of connections.
    pub(crate) fn presence(&self, room: RoomId) -> Option<mpsc::Sender<Presence>> {
        self.awake().get(&room).map(|awake| awake.presence.clone())
    }

    fn is_full(&self) -> bool {
        self.awake().len() >= self.max
    }
}

impl Salon {
    /// The rooms that are live, oldest first.
    pub(crate) fn cards(&self) -> Vec<Card> {
        self.0.rooms.cards()
    }

    /// Makes a room with this host. It is a draft until the host goes live.
    pub(crate) async fn create(
        &self,
        host: Person,
        title: Title,
        seats: SeatLimit,
    ) -> Result<RoomId, Rejected> {
        let id = RoomId::from_u128(random::bits());
        let mut policy = Policy::default();
        policy.seats = seats;
        self.start(Room::new(id), Tally::default(), Fence(0)).await?;
        let command = Command::CreateRoom { title, policy };
        match self.call(id, Call::Command { person: host, id: None, command, method: None }).await?
        {
            Answer::Done { .. } => Ok(id),
            Answer::Rejected(rejected) => Err(rejected),
            _ => Err(translate::internal()),
        }
    }

    /// Hands a person's command to the room.
    pub(crate) async fn command(
        &self,
        room: RoomId,
        person: Person,
        id: u64,
        body: WireCommand,
    ) -> Outcome {
        let method = match &body {
            WireCommand::BeginBadge { method, .. } => Some(method.clone()),
            _ => None,
        };
        let outcome = async {
            let command = translate::command(body, || PurchaseId::from_u128(random::bits()))?;
            let id = Some(CommandId(id));
            self.call(room, Call::Command { person, id, command, method }).await
        };
        match outcome.await {
            Ok(Answer::Done { seq }) => Outcome::Ok { seq },
            Ok(Answer::Rejected(rejected)) | Err(rejected) => Outcome::Rejected(rejected),
            Ok(_) => Outcome::Rejected(translate::internal()),
        }
    }

    /// Asks the owner of a room, which wakes if it sleeps.
    pub(crate) async fn call(&self, room: RoomId, call: Call) -> Result<Answer, Rejected> {
        let mut call = Some(call);
        for _ in 0..TRIES {
            self.wake(room).await?;
            let Some(command) = call.take() else { break };
            match self.0.bus.call(room, command).await {
                Ok(answer) => return Ok(answer),
                Err(BusError::NoOwner { command }) => {
                    call = Some(command);
                    tokio::time::sleep(RETRY).await;
                }
                Err(BusError::Busy { .. }) => {
                    return Err(translate::refused(Code::Busy, "this room has too much to do"));
                }
                Err(_) => return Err(translate::internal()),
            }
        }
        Err(translate::internal())
    }

    /// Brings a connection into a room.
    pub(crate) async fn join(
        &self,
        room: RoomId,
        session: SessionId,
        person: Person,
        outbox: mpsc::Sender<Out>,
        from: Vec<Position>,
    ) -> Result<Place, Rejected> {
        self.wake(room).await?;
        let presence = self.0.rooms.presence(room).ok_or_else(translate::internal)?;
        let (here, gone) = oneshot::channel();
        let (reply, answer) = oneshot::channel();
        let join = Join { session, person: person.clone(), outbox, from, gone, reply };
        let sent = presence.send(Presence::Join(Box::new(join))).await;
        sent.map_err(|_| translate::internal())?;
        let out = answer.await.map_err(|_| translate::internal())??;
        Ok(Place { room, person, presence, out, _here: here })
    }

    /// What a room comes to.
    pub(crate) async fn summary(&self, room: RoomId) -> Result<Summary, Rejected> {
        match self.call(room, Call::Summary).await? {
            Answer::Summary(summary) => Ok(*summary),
            _ => Err(translate::internal()),
        }
    }

    /// Makes sure that a room has an owner here.
    pub(crate) async fn wake(&self, id: RoomId) -> Result<(), Rejected> {
        if self.0.rooms.presence(id).is_some() {
            return Ok(());
        }
        let _one = self.0.rooms.waking.lock().await;
        if self.0.rooms.presence(id).is_some() {
            return Ok(());
        }
        let mut room = Room::new(id);
        loop {
            let page = self.0.appender.read(id, room.last_seq(), PAGE).await.map_err(|error| {
                tracing::error!(room = %id, %error, "read the room log");
                translate::internal()
            })?;
            for record in &page {
                room.evolve(record);
            }
            if page.len() < PAGE {
                break;
            }
        }
        if room.last_seq() == 0 {
            return Err(translate::not_found());
        }
        let tally = self.tally(&room);
        let (after, owed) = (room.fence(), badges::owed(&room));
        self.start(room, tally, after).await?;
        for purchase in owed {
            self.recover_purchase(id, purchase);
        }
        Ok(())
    }

    /// What the badges that the room has shown brought in, as the ledger has them.
    fn tally(&self, room: &Room) -> Tally {
        let mut tally = Tally::default();
        let pending = badges::owed(room);
        self.read_ledger(|ledger| {
            for purchase in ledger.awards_after(Scope::from(room.id()), 0) {
                if !pending.contains(&purchase.id) {
                    tally.count(&purchase.recipient, purchase.hearts, purchase.price);
                }
            }
        });
        tally
    }

    /// Claims a room and starts its owner.
    async fn start(&self, room: Room, tally: Tally, after: Fence) -> Result<(), Rejected> {
        let id = room.id();
        if self.0.rooms.is_full() || self.0.stopping.is_cancelled() {
            return Err(translate::refused(Code::Overloaded, "no more rooms at the moment"));
        }
        let owner = self.0.directory.claim(id, self.0.node, after).await.map_err(|error| {
            tracing::error!(room = %id, %error, "claim");
            translate::internal()
        })?;
        let (sender, presence) = mpsc::channel(PRESENCE_MAX);
        let (card, shown) = watch::channel(Card::of(&room, 0));
        let inbox = self.0.bus.serve(id, INBOX_MAX);
        let awake = Awake { presence: sender, card: shown, fence: owner.fence };
        self.0.rooms.awake().insert(id, awake);
        let ears = Ears { inbox, presence, card };
        let actor = Actor::new(self.clone(), room, tally, owner.fence, ears);
        self.0.tasks.spawn(actor.run());
        Ok(())
    }

    /// A room's owner has ended.
    pub(crate) async fn forget(&self, room: RoomId, fence: Fence) {
        {
            let mut awake = self.0.rooms.awake();
            if awake.get(&room).is_some_and(|awake| awake.fence == fence) {
                awake.remove(&room);
            }
        }
        if let Err(error) = self.0.directory.release(room, fence).await {
            tracing::error!(%room, %error, "release");
        }
    }

    /// Tells every room that the service stops.
    pub(crate) async fn stop_rooms(&self) {
        let rooms: Vec<_> =
            self.0.rooms.awake().values().map(|awake| awake.presence.clone()).collect();
        for presence in rooms {
            let _ended = presence.send(Presence::Stop).await;
        }
    }
}
