//! The work behind the service: its threads, its rooms, and their orderly end.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use salon_core::RoomId;
use salon_rtc::{Driver as MediaDriver, Events};
use salon_store::Driver as StoreDriver;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::Salon;

/// How long rooms may take to say goodbye. A guess: a durable write each, and some slow networks.
const FAREWELL_MAX: Duration = Duration::from_secs(5);

/// Why the service ended although nobody asked it to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriverError {
    /// The operating system gave no thread.
    #[error("no thread for {what}: {source}")]
    Thread {
        /// What it was for.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A part that must not end has ended.
    #[error("{what} stopped: {why}")]
    Stopped {
        /// Which part.
        what: &'static str,
        /// What it said.
        why: String,
    },
}

/// Does the work of a [`Salon`]. Without it running, nothing is answered.
#[derive(Debug)]
#[must_use = "nothing is answered unless the driver runs"]
pub struct Driver {
    salon: Salon,
    media: Vec<MediaDriver>,
    events: Events,
    log: StoreDriver,
    ledger: StoreDriver,
    live: Vec<RoomId>,
}

impl Driver {
    pub(crate) fn new(
        salon: Salon,
        media: Vec<MediaDriver>,
        events: Events,
        log: StoreDriver,
        ledger: StoreDriver,
        live: Vec<RoomId>,
    ) -> Self {
        Self { salon, media, events, log, ledger, live }
    }

    /// Wakes the rooms that were live, and runs until [`Salon::shut_down`].
    ///
    /// # Errors
    /// [`DriverError`] if a part of the service ended by itself. Whatever was acknowledged is durable.
    pub async fn run(self) -> Result<(), DriverError> {
        let Self { salon, media, events, log, ledger, live } = self;
        let (ended, mut endings) = mpsc::channel(2 + media.len());
        let _log = run_thread("room log", &ended, move || log.run().map_err(|e| e.to_string()))?;
        let _ledger =
            run_thread("ledger", &ended, move || ledger.run().map_err(|e| e.to_string()))?;
        for shard in media {
            run_thread("media", &ended, move || run_media(shard))?;
        }
        let hearing = tokio::spawn({
            let salon = salon.clone();
            async move { salon.hear_media(events).await }
        });

        salon.recover_held();
        for room in live {
            if let Err(rejected) = salon.wake(room).await {
                tracing::error!(%room, name = rejected.name, "a live room does not wake");
            }
        }
        let result = tokio::select! {
            () = salon.0.stopping.cancelled() => Ok(()),
            Some((what, why)) = endings.recv() => Err(DriverError::Stopped { what, why }),
        };
        salon.shut_down();
        salon.stop_rooms().await;
        salon.0.tasks.close();
        if timeout(FAREWELL_MAX, salon.0.tasks.wait()).await.is_err() {
            tracing::warn!("some rooms did not end in time; their logs are complete");
        }
        salon.media().shutdown().await;
        let _panicked = hearing.await;
        result
    }
}

/// Runs a part of the service on a thread of its own, which reports its end.
fn run_thread(
    what: &'static str,
    ended: &mpsc::Sender<(&'static str, String)>,
    work: impl FnOnce() -> Result<(), String> + Send + 'static,
) -> Result<JoinHandle<()>, DriverError> {
    let ended = ended.clone();
    let run = move || {
        let why = work().err().unwrap_or_else(|| "every handle is gone".to_owned());
        let _nobody_waits = ended.blocking_send((what, why));
    };
    let spawned = thread::Builder::new().name(what.replace(' ', "-")).spawn(run);
    spawned.map_err(|source| DriverError::Thread { what, source })
}

/// Each shard of media has a thread and a runtime of its own: packets do not wait for rooms.
fn run_media(media: MediaDriver) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(media.run()).map_err(|error| error.to_string())
}
