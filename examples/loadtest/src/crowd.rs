//! All viewers: how they come and go.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

use crate::arguments::{Arguments, Kinds};
use crate::door::Door;
use crate::meter::{Part, Times};
use crate::peer::Kit;
use crate::progress::{Progress, REDRAW};
use crate::tally::Counts;
use crate::viewer::{Joined, Kind, Signals, Ticket, Viewer, Watched};

/// How long goodbyes may take. A guess: thousands of sessions are ended over HTTP.
pub(crate) const GOODBYE_MAX: Duration = Duration::from_secs(20);
/// How many reasons are reported: after these, another is the same in other words.
const REASONS_MAX: usize = 5;
/// From so many viewers on, most are light unless told otherwise: before, full ones do not fill a core.
const LIGHT_FROM: u32 = 100;
/// So many of them are full all the same, so that the server meets complete peers too.
const FULL_AMONG_LIGHT: u32 = 10;

/// All viewers.
#[derive(Debug)]
pub(crate) struct Crowd {
    kit: Arc<Kit>,
    door: Door,
    seats: u8,
    pub(crate) signals: Signals,
    viewers: JoinSet<Option<Watched>>,
    /// The local UDP ports of those that joined and go on reading.
    pub(crate) ports: BTreeSet<u16>,
}

/// How some of them came in.
#[derive(Debug)]
pub(crate) struct Admission {
    pub(crate) joined: u32,
    /// Of these, who is counted.
    pub(crate) steady: u32,
    pub(crate) first: Times,
    pub(crate) all: Times,
    /// From the first's beginning to the last's every track.
    pub(crate) took: Duration,
    /// Why the others did not, the same reason once.
    pub(crate) refusals: Vec<String>,
}

/// Who is of which kind, for so many.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Mix {
    pub(crate) full: u32,
    pub(crate) light: u32,
}

impl Mix {
    pub(crate) fn of(kinds: Kinds, viewers: u32) -> Self {
        let full = match kinds {
            Kinds::Full => viewers,
            Kinds::Light => 0,
            Kinds::Auto if viewers < LIGHT_FROM => viewers,
            Kinds::Auto => FULL_AMONG_LIGHT,
        };
        Self { full, light: viewers - full }
    }

    /// One for each viewer; the last of them are the dead.
    pub(crate) fn tickets(self, dead: u32) -> Vec<Ticket> {
        let alive = (self.full + self.light).saturating_sub(dead);
        let ticket = |number| Ticket {
            kind: if number < self.full { Kind::Full } else { Kind::Light },
            part: if number < alive { Part::Steady } else { Part::Dead },
        };
        (0..self.full + self.light).map(ticket).collect()
    }
}

impl Crowd {
    pub(crate) fn new(arguments: &Arguments, kit: &Arc<Kit>, door: &Door) -> Self {
        Self {
            kit: kit.clone(),
            door: door.clone(),
            seats: arguments.media.seats,
            signals: Signals::default(),
            viewers: JoinSet::new(),
            ports: BTreeSet::new(),
        }
    }

    /// Lets viewers join, one after each `pace` or all at once, and waits until each has or has failed to.
    pub(crate) async fn admit(
        &mut self,
        tickets: Vec<Ticket>,
        pace: Option<Duration>,
        progress: &Progress,
    ) -> Admission {
        let wanted = tickets.len();
        let (sender, mut results) = mpsc::channel(wanted.max(1));
        let mut tickets = tickets.into_iter();
        let mut clock = interval(pace.unwrap_or(REDRAW));
        if pace.is_none() {
            for ticket in tickets.by_ref() {
                self.spawn(ticket, &sender);
            }
        }
        let (mut redraw, began) = (interval(REDRAW), Instant::now());
        let mut admission = Admission::new();
        let mut ended = 0;
        while ended < wanted {
            tokio::select! {
                _ = clock.tick(), if tickets.len() > 0 => {
                    if let Some(ticket) = tickets.next() {
                        self.spawn(ticket, &sender);
                    }
                }
                Some(result) = results.recv() => {
                    ended += 1;
                    match result {
                        Ok(joined) => {
                            if joined.part != Part::Dead {
                                self.ports.insert(joined.port);
                            }
                            admission.add(joined);
                        }
                        Err(error) => add_reason(&mut admission.refusals, &error),
                    }
                }
                _ = redraw.tick() => {
                    let refused = ended - admission.joined as usize;
                    let message = if refused == 0 { String::new() } else { format!("({refused} refused)") };
                    progress.set(ended as u64, message);
                }
            }
        }
        admission.took = began.elapsed();
        admission
    }

    /// Tells all to leave, waits until they have, and answers what the steady ones received and why some left early.
    pub(crate) async fn leave(&mut self) -> (Counts, Vec<String>) {
        self.signals.leave.cancel();
        let (mut counts, mut errors) = (Counts::default(), Vec::new());
        let all = async {
            while let Some(watched) = self.viewers.join_next().await {
                let Ok(Some(Watched { part, counts: received, error })) = watched else { continue };
                if part == Part::Steady {
                    counts += received;
                }
                if let Some(error) = error {
                    add_reason(&mut errors, &error);
                }
            }
        };
        let _late = timeout(GOODBYE_MAX, all).await;
        (counts, errors)
    }

    fn spawn(&mut self, ticket: Ticket, results: &mpsc::Sender<Result<Joined>>) {
        let (kit, door, seats) = (self.kit.clone(), self.door.clone(), self.seats);
        let (signals, results) = (self.signals.clone(), results.clone());
        self.viewers.spawn(async move {
            match Viewer::join(&kit, &door, seats, ticket).await {
                Ok((viewer, joined)) => {
                    let _gone = results.send(Ok(joined)).await;
                    Some(viewer.watch(ticket.part, signals).await)
                }
                Err(error) => {
                    let _gone = results.send(Err(error)).await;
                    None
                }
            }
        });
    }
}

impl Admission {
    fn new() -> Self {
        Self {
            joined: 0,
            steady: 0,
            first: Times::new(),
            all: Times::new(),
            took: Duration::ZERO,
            refusals: Vec::new(),
        }
    }

    fn add(&mut self, joined: Joined) {
        self.joined += 1;
        self.steady += u32::from(joined.part == Part::Steady);
        self.first.add(joined.first);
        self.all.add(joined.all);
    }
}

/// Adds a reason, if it is another one.
pub(crate) fn add_reason(reasons: &mut Vec<String>, error: &anyhow::Error) {
    let reason = format!("{error:#}");
    if reasons.len() < REASONS_MAX && !reasons.contains(&reason) {
        reasons.push(reason);
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn the_same_reason_is_given_once() {
        let mut reasons = Vec::new();
        for number in [1, 1, 2, 3, 4, 5, 6, 7] {
            add_reason(&mut reasons, &anyhow!("reason {number}"));
        }
        assert_eq!(reasons.len(), REASONS_MAX);
    }

    #[test]
    fn many_are_light_but_ten() {
        let mix = |kinds, viewers| {
            let Mix { full, light } = Mix::of(kinds, viewers);
            (full, light)
        };
        assert_eq!([mix(Kinds::Auto, 99), mix(Kinds::Auto, 100)], [(99, 0), (10, 90)]);
        assert_eq!([mix(Kinds::Full, 500), mix(Kinds::Light, 5)], [(500, 0), (0, 5)]);
    }

    #[test]
    fn the_last_are_the_dead() {
        let tickets = Mix { full: 1, light: 3 }.tickets(2);
        let parts: Vec<_> = tickets.iter().map(|ticket| ticket.part).collect();
        assert_eq!(parts, [Part::Steady, Part::Steady, Part::Dead, Part::Dead]);
        let kinds: Vec<_> = tickets.iter().map(|ticket| ticket.kind).collect();
        assert_eq!(kinds, [Kind::Full, Kind::Light, Kind::Light, Kind::Light]);
    }
}
