//! What the room's owner waits for without standing still: facts about people, media, departures.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, FuturesUnordered};
use salon_cluster::bus::Reply;
use salon_core::UserId;
use salon_room::facts::{Facts, Query};
use salon_room::{Actor as By, Command, CommandId};
use salon_rtc::{Answer as MediaAnswer, OfferError, SessionId as MediaSession};
use salon_signal::secret::Method;
use tokio::time::timeout;

use super::call::Answer;
use super::hub::SessionId;
use super::place::Join;
use crate::ports::People;

/// How long the embedder may take to answer what a decision needs. No answer in time means no.
const FACTS_MAX: Duration = Duration::from_millis(1_500);
/// How many viewers are asked about at once when somebody sits down. A guess.
const BLOCKS_AT_ONCE: usize = 32;

/// Everything a room waits for.
pub(super) type Pending = FuturesUnordered<BoxFuture<'static, Ready>>;

/// A command on its way to a decision.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) by: By,
    pub(super) id: Option<CommandId>,
    pub(super) command: Command,
    /// How a badge is paid, if the command begins one.
    pub(super) method: Option<Method>,
    pub(super) then: Then,
}

impl Task {
    /// Something of the service itself: nobody waits for it.
    pub(super) fn of_system(command: Command) -> Self {
        Self { by: By::System, id: None, command, method: None, then: Then::Nothing }
    }
}

/// Who waits for the decision.
#[derive(Debug)]
pub(super) enum Then {
    /// Nobody: the service itself has told the room something.
    Nothing,
    /// A caller on the bus.
    Reply(Reply<Answer>),
    /// A connection that wants in.
    Join(Box<Join>),
    /// An offer to watch.
    Watch(Reply<Answer>, String),
}

/// Something awaited has arrived.
#[derive(Debug)]
pub(super) enum Ready {
    /// The facts a task needed.
    Decide(Box<Task>, Facts),
    /// A connection has let go of its place.
    Left(SessionId, UserId),
    /// Viewers who are blocked by somebody now seated.
    Blocked(Vec<UserId>),
    /// Media answered an offer to watch.
    Watched { user: UserId, reply: Reply<Answer>, answer: Result<MediaAnswer, OfferError> },
    /// Media did something nobody waits for.
    Done,
}

/// Asks the embedder what a decision needs to know.
pub(super) async fn facts(people: &dyn People, queries: Vec<Query>) -> Facts {
    let mut facts = Facts::new();
    let asking = async {
        for query in queries {
            match query {
                Query::Profile(user) => {
                    if let Some(person) = people.profile(&user).await {
                        facts.insert_profile(person);
                    }
                }
                Query::Eligible(user) => {
                    let eligible = people.eligible(&user).await;
                    facts.insert_eligible(user, eligible);
                }
                Query::Blocked { by, who } => {
                    let blocked = people.blocked(&by, &who).await;
                    facts.insert_blocked(&by, &who, blocked);
                }
            }
        }
    };
    if timeout(FACTS_MAX, asking).await.is_err() {
        tracing::warn!("facts about people did not arrive in time: the answer is no");
    }
    facts
}

/// Which of `viewers` has `by` blocked? Those the embedder does not answer for count as blocked.
pub(super) async fn blocked(people: &dyn People, by: &UserId, viewers: Vec<UserId>) -> Vec<UserId> {
    let by = std::slice::from_ref(by);
    let ask = |viewer: UserId| async move {
        let blocked = timeout(FACTS_MAX, people.blocked(by, &viewer)).await.unwrap_or(true);
        blocked.then_some(viewer)
    };
    let asked = stream::iter(viewers).map(ask).buffer_unordered(BLOCKS_AT_ONCE);
    asked.filter_map(std::future::ready).collect().await
}

/// Media sessions of one user, to be told something.
pub(super) fn sessions_of<'a>(
    watching: impl IntoIterator<Item = (&'a MediaSession, &'a UserId)>,
    user: &UserId,
) -> Vec<MediaSession> {
    let own = watching.into_iter().filter(|(_, watcher)| *watcher == user);
    own.map(|(session, _)| *session).collect()
}
