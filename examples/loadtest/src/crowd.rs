//! All viewers: how they come and go.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::arguments::Arguments;
use crate::http::Endpoint;
use crate::meter::Times;
use crate::peer::Kit;
use crate::progress::{Progress, REDRAW};
use crate::report::Joins;
use crate::tally::Counts;
use crate::viewer::{Joined, Viewer, Watched};

/// How long goodbyes may take. A guess: thousands of sessions are ended over HTTP.
pub(crate) const GOODBYE_MAX: Duration = Duration::from_secs(20);
/// How many reasons are reported: after these, another is the same in other words.
const REASONS_MAX: usize = 5;

/// All viewers.
#[derive(Debug)]
pub(crate) struct Crowd {
    viewers: JoinSet<Option<Watched>>,
    pub(crate) joins: Joins,
    /// The local UDP ports of those that joined.
    pub(crate) ports: BTreeSet<u16>,
}

impl Crowd {
    /// Lets viewers join at the rate asked for, and waits until each has or has failed to.
    pub(crate) async fn gather(
        arguments: &Arguments,
        kit: &Arc<Kit>,
        endpoint: &Endpoint,
        stop: &CancellationToken,
    ) -> Result<Self> {
        let (wanted, seats) = (arguments.viewers, arguments.media.seats);
        let progress = Progress::joining(wanted);
        let (sender, mut results) = mpsc::channel(wanted as usize);
        let (mut clock, mut redraw) = (interval(arguments.join_rate.interval()), interval(REDRAW));
        let (mut first, mut all) = (Times::new(), Times::new());
        let mut viewers = JoinSet::new();
        let (mut ports, mut refusals) = (BTreeSet::new(), Vec::new());
        let (mut begun, mut ended, mut refused) = (0, 0, 0);
        while ended < wanted {
            tokio::select! {
                _ = clock.tick(), if begun < wanted => {
                    begun += 1;
                    let (kit, endpoint) = (kit.clone(), endpoint.clone());
                    viewers.spawn(attend(kit, endpoint, seats, sender.clone(), stop.clone()));
                }
                Some(result) = results.recv() => {
                    ended += 1;
                    match result {
                        Ok(joined) => {
                            first.add(joined.first);
                            all.add(joined.all);
                            ports.insert(joined.port);
                        }
                        Err(error) => {
                            refused += 1;
                            add_reason(&mut refusals, &error);
                        }
                    }
                }
                _ = redraw.tick() => {
                    let message = if refused == 0 { String::new() } else { format!("({refused} refused)") };
                    progress.set(u64::from(ended), message);
                }
            }
        }
        if refused == wanted {
            bail!("no viewer could join: {}", refusals.join("; "));
        }
        let joins = Joins {
            joined: wanted - refused,
            first_packet_ms: first.summary(),
            every_track_ms: all.summary(),
            refusals,
        };
        Ok(Self { viewers, joins, ports })
    }

    pub(crate) fn joined(&self) -> u32 {
        self.joins.joined
    }

    /// Waits until all have left, and answers what they received and why some left early.
    pub(crate) async fn leave(&mut self) -> (Counts, Vec<String>) {
        let (mut counts, mut errors) = (Counts::default(), Vec::new());
        let all = async {
            while let Some(watched) = self.viewers.join_next().await {
                let Ok(Some(Watched { counts: received, error })) = watched else { continue };
                counts += received;
                if let Some(error) = error {
                    add_reason(&mut errors, &error);
                }
            }
        };
        let _late = timeout(GOODBYE_MAX, all).await;
        (counts, errors)
    }
}

/// One viewer, from its offer to its goodbye.
async fn attend(
    kit: Arc<Kit>,
    endpoint: Endpoint,
    seats: u8,
    results: mpsc::Sender<Result<Joined>>,
    stop: CancellationToken,
) -> Option<Watched> {
    match Viewer::join(&kit, &endpoint, seats).await {
        Ok((viewer, joined)) => {
            let _gone = results.send(Ok(joined)).await;
            Some(viewer.watch(stop).await)
        }
        Err(error) => {
            let _gone = results.send(Err(error)).await;
            None
        }
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
}
