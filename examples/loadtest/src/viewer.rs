//! Somebody who watches, and counts what comes: as a whole peer, or as a light one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;

use crate::door::Door;
use crate::full::Full;
use crate::light::Light;
use crate::meter::Part;
use crate::peer::Kit;
use crate::tally::Counts;

/// How long a viewer may take from its offer to sound and picture. A guess: nobody waits longer.
pub(crate) const JOIN_MAX: Duration = Duration::from_secs(15);

/// What a viewer is made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// A whole WebRTC peer.
    Full,
    /// The transport of one, and no more of the rest than is measured.
    Light,
}

/// Which viewer is to come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ticket {
    pub(crate) kind: Kind,
    pub(crate) part: Part,
}

/// A viewer that receives.
#[derive(Debug)]
pub(crate) enum Viewer {
    Full(Box<Full>),
    Light(Box<Light>),
}

/// How a viewer came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Joined {
    /// Its local UDP port.
    pub(crate) port: u16,
    pub(crate) part: Part,
    /// From the offer to the first packet.
    pub(crate) first: Duration,
    /// From the offer to the first packet of the track that came last.
    pub(crate) all: Duration,
}

/// How a viewer's test ended.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) part: Part,
    pub(crate) counts: Counts,
    /// Why it ended early, if it did.
    pub(crate) error: Option<anyhow::Error>,
}

/// When viewers change what they do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signals {
    /// The dead ones die.
    pub(crate) die: CancellationToken,
    /// Everybody leaves.
    pub(crate) leave: CancellationToken,
}

impl Viewer {
    /// Joins: connects, and waits until sound and picture of every seat have come.
    pub(crate) async fn join(
        kit: &Arc<Kit>,
        door: &Door,
        seats: u8,
        ticket: Ticket,
    ) -> Result<(Self, Joined)> {
        let (began, url) = (Instant::now(), door.url());
        let until = (began + JOIN_MAX).into();
        let mut viewer = timeout_at(until, Self::connect(kit, door, seats, ticket))
            .await
            .with_context(|| format!("{url} did not answer within {JOIN_MAX:?}"))??;
        let first = async {
            while viewer.step().await? == 0 {}
            Ok(began.elapsed())
        };
        let first: Result<Duration> = timeout_at(until, first)
            .await
            .with_context(|| format!("{url} answered, but no packet came within {JOIN_MAX:?}"))?;
        let first = first?;
        let all = async {
            while viewer.tracks() < 2 * usize::from(seats) {
                viewer.step().await?;
            }
            Ok(began.elapsed())
        };
        let all: Result<Duration> = timeout_at(until, all).await.with_context(|| {
            format!(
                "{url} sends some, but not sound and picture of every seat, within {JOIN_MAX:?}"
            )
        })?;
        let (port, part) = (viewer.port(), ticket.part);
        Ok((viewer, Joined { port, part, first, all: all? }))
    }

    /// Watches until told to leave; if it is one of the dead, neither reads nor sends once told to die.
    pub(crate) async fn watch(mut self, part: Part, signals: Signals) -> Watched {
        let error = loop {
            tokio::select! {
                () = signals.leave.cancelled() => break None,
                () = signals.die.cancelled(), if part == Part::Dead => {
                    signals.leave.cancelled().await;
                    break None;
                }
                stepped = self.step() => if let Err(error) = stepped {
                    break Some(error);
                },
            }
        };
        let counts = self.counts();
        match self {
            Self::Full(full) => full.close().await,
            Self::Light(light) => light.close().await,
        }
        Watched { part, counts, error }
    }

    async fn connect(kit: &Arc<Kit>, door: &Door, seats: u8, ticket: Ticket) -> Result<Self> {
        let Ticket { kind, part } = ticket;
        Ok(match kind {
            Kind::Full => Self::Full(Box::new(Full::connect(kit, door, seats, part).await?)),
            Kind::Light => Self::Light(Box::new(Light::connect(kit, door, seats, part).await?)),
        })
    }

    /// Waits for what comes next, and answers how many packets there were in it.
    async fn step(&mut self) -> Result<u64> {
        match self {
            Self::Full(full) => full.step().await,
            Self::Light(light) => light.step().await,
        }
    }

    fn port(&self) -> u16 {
        match self {
            Self::Full(full) => full.port(),
            Self::Light(light) => light.port(),
        }
    }

    fn tracks(&self) -> usize {
        match self {
            Self::Full(full) => full.tracks(),
            Self::Light(light) => light.tracks(),
        }
    }

    fn counts(&self) -> Counts {
        match self {
            Self::Full(full) => full.counts(),
            Self::Light(light) => light.counts(),
        }
    }
}
