//! The service as one value: what it is made of and how it is opened.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU8;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use salon_cluster::{CommandBus, Directory, LocalBus, LocalDirectory};
use salon_core::{NodeId, RoomId, Time};
use salon_ledger::{Book, Ledger, Terms};
use salon_pay::PaymentProvider;
use salon_room::log::{Log as _, LogError};
use salon_room::{Person, Record};
use salon_rtc::Media;
use salon_rtc::config::Feedback;
use salon_store::appender::AppendFailed;
use salon_store::{Appender, Poster, SqliteStore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::driver::Driver;
use crate::http;
use crate::media::MediaSessions;
use crate::metrics::{self, Kind, Metrics, Sample};
use crate::ports::{Identity, IssueError, Issued, Notifier, People, TokenError, Tokens};
use crate::random;
use crate::room::call::{Answer, Call};
use crate::room::hub::SessionId;
use crate::rooms::Rooms;
use crate::seal::Sealer;

/// What the embedder decides.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The UDP address of media. Default `0.0.0.0:0`: every interface, any free port.
    pub udp: SocketAddr,
    /// How many threads serve media, each with a UDP port of its own: that of `udp` and those that follow. Default 1.
    pub media_shards: NonZeroU8,
    /// Addresses that clients send media to, instead of this machine's own. Needed behind a NAT.
    pub public_ips: Vec<IpAddr>,
    /// What viewers are asked to tell about how media arrives. Default [`Feedback::Reports`]: transport-wide feedback is
    /// counted so far, and nothing is made of it.
    pub media_feedback: Feedback,
    /// What badges cost and who gets what. Default: 1, 2 and 3 hearts at 0.99, 1.99 and 4.99 USD.
    pub terms: Terms,
    /// How many rooms may be awake at once. Default 10,000 (a guess): each is a task and a log.
    pub rooms_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        let media = salon_rtc::Config::default();
        Self {
            udp: media.udp,
            media_shards: media.shards,
            public_ips: media.public_ips,
            media_feedback: media.feedback,
            terms: Terms::default(),
            rooms_max: 10_000,
        }
    }
}

/// What Salon needs of the service it is part of.
#[derive(Clone, Debug)]
pub struct Ports {
    /// Says who is calling.
    pub tokens: Arc<dyn Tokens>,
    /// Knows the users.
    pub people: Arc<dyn People>,
    /// Reaches people who are not in the room.
    pub notifier: Arc<dyn Notifier>,
    /// Takes the money for badges.
    pub payments: Arc<dyn PaymentProvider>,
}

/// Why the service could not be opened; each is one sentence for the operator.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The media socket is not to be had.
    #[error(transparent)]
    Media(#[from] salon_rtc::BindError),
    /// The ledger's journal does not hold together.
    #[error(transparent)]
    Ledger(#[from] salon_ledger::book::OpenError),
    /// The rooms' log cannot be read.
    #[error(transparent)]
    Rooms(#[from] LogError),
    /// The secrets cannot be read.
    #[error(transparent)]
    Secrets(#[from] salon_store::secrets::SecretError),
}

/// Live rooms. Cheap to clone; every clone is the same service.
#[derive(Clone)]
pub struct Salon(pub(crate) Arc<Inner>);

/// The parts of the service.
pub(crate) struct Inner {
    pub(crate) ports: Ports,
    pub(crate) rooms: Rooms,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) bus: Arc<dyn CommandBus<Call, Answer>>,
    pub(crate) node: NodeId,
    pub(crate) media_sessions: MediaSessions,
    pub(crate) poster: Poster,
    pub(crate) appender: Appender,
    pub(crate) tasks: TaskTracker,
    pub(crate) stopping: CancellationToken,
    media: Media,
    clock: Clock,
    metrics: Metrics,
    sealer: Sealer,
    sessions: AtomicU64,
}

impl Salon {
    /// Opens the service on a store. Nothing happens before the driver runs.
    ///
    /// # Errors
    /// [`OpenError`] says what is in the way.
    pub fn open(
        config: Config,
        ports: Ports,
        store: SqliteStore,
    ) -> Result<(Self, Driver), OpenError> {
        let SqliteStore { rooms, journal, mut secrets } = store;
        let currency = config.terms.catalogue.currency();
        let book = Book::open(currency, config.terms, journal)?;
        let live = rooms.live_rooms()?;
        let secret = secrets.get_or_create("grants", random::new_secret)?;
        let mut media_config = salon_rtc::Config::default();
        media_config.udp = config.udp;
        media_config.shards = config.media_shards;
        media_config.public_ips = config.public_ips;
        media_config.feedback = config.media_feedback;
        let (media, media_drivers, events) = salon_rtc::bind(media_config)?;

        let clock = Clock::default();
        let fence = book.ledger().fence().next();
        let ledger_clock = Clock::default();
        let (poster, ledger_driver) = Poster::new(book, fence, move || ledger_clock.now());
        let (appender, log_driver) = Appender::new(rooms);
        let salon = Self(Arc::new(Inner {
            ports,
            rooms: Rooms::new(config.rooms_max),
            directory: Arc::new(LocalDirectory::new()),
            bus: Arc::new(LocalBus::new()),
            node: NodeId(1),
            media_sessions: MediaSessions::default(),
            poster,
            appender,
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            media,
            clock,
            metrics: Metrics::default(),
            sealer: Sealer::new(*blake3::hash(&secret).as_bytes()),
            sessions: AtomicU64::new(0),
        }));
        let driver =
            Driver::new(salon.clone(), media_drivers, events, log_driver, ledger_driver, live);
        Ok((salon, driver))
    }

    /// The page, the API and the WebSocket, to be mounted anywhere with `nest_service`.
    pub fn router(&self) -> Router {
        http::router(self.clone())
    }

    /// Begins the orderly end: rooms tell everyone to come back, what is under way is finished, and
    /// [`Driver::run`] returns.
    pub fn shut_down(&self) {
        self.0.stopping.cancel();
    }

    /// The UDP addresses that media uses: one for each shard.
    pub fn media_addrs(&self) -> impl Iterator<Item = SocketAddr> {
        self.0.media.local_addrs()
    }

    /// Whom a token belongs to.
    ///
    /// # Errors
    /// [`TokenError`] as the embedder's [`Tokens`] says.
    pub(crate) async fn verify(&self, token: &str) -> Result<Identity, TokenError> {
        let verified = self.0.ports.tokens.verify(token, self.now()).await;
        if verified.is_err() {
            self.metrics().tokens_refused.add_one();
        }
        verified
    }

    pub(crate) async fn issue(&self, name: &str) -> Result<Issued, IssueError> {
        self.0.ports.tokens.issue(name, self.now()).await
    }

    pub(crate) async fn search(&self, text: &str, limit: usize) -> Vec<Person> {
        self.0.ports.people.search(text, limit).await
    }

    pub(crate) fn now(&self) -> Time {
        self.0.clock.now()
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn media(&self) -> &Media {
        &self.0.media
    }

    pub(crate) fn people(&self) -> &dyn People {
        &*self.0.ports.people
    }

    pub(crate) fn notifier(&self) -> &dyn Notifier {
        &*self.0.ports.notifier
    }

    pub(crate) fn sealer(&self) -> &Sealer {
        &self.0.sealer
    }

    pub(crate) fn new_session(&self) -> SessionId {
        SessionId(self.0.sessions.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn read_ledger<T>(&self, look: impl FnOnce(&Ledger) -> T) -> T {
        self.0.poster.read(look)
    }

    pub(crate) async fn append(
        &self,
        room: RoomId,
        records: Vec<Record>,
    ) -> Result<(), AppendFailed> {
        self.0.appender.append(room, records).await
    }

    /// Do both writers still write?
    pub(crate) fn is_healthy(&self) -> bool {
        self.0.appender.is_alive() && self.0.poster.is_alive()
    }

    /// Everything an operator watches, as Prometheus text.
    pub(crate) fn exposition(&self) -> String {
        let mut samples = self.metrics().samples();
        let gauge = |name, help, value| Sample { name, help, kind: Kind::Gauge, value };
        let count = |value: usize| i128::try_from(value).expect("a count fits 128 bits");
        let (trial, entries, held) = self.read_ledger(|ledger| {
            (ledger.trial_balance(), ledger.last_seq(), ledger.held().count())
        });
        let rooms = self.0.rooms.cards();
        let viewers: u64 = rooms.iter().map(|card| card.viewers).sum();
        samples.extend([
            gauge("salon_rooms_live", "Rooms that are live.", count(rooms.len())),
            gauge("salon_viewers", "People watching, over all rooms.", viewers.into()),
            gauge("salon_ledger_entries", "Entries in the journal.", entries.into()),
            gauge("salon_ledger_held", "Purchases not settled.", count(held)),
            gauge("salon_ledger_trial_balance", "Sum of all balances: zero.", trial),
        ]);
        samples.extend(crate::media::samples(self.media().statistics()));
        metrics::exposition(&samples)
    }
}

impl fmt::Debug for Salon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let media: Vec<SocketAddr> = self.media_addrs().collect();
        f.debug_struct("Salon").field("media", &media).finish_non_exhaustive()
    }
}
