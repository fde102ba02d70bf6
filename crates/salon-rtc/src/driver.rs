//! The loop: datagrams, deadlines and orders, one at a time.

use std::fmt;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::config::{BindError, Config};
use crate::egress::BATCH_MAX;
use crate::event::{self, Events, Outgoing};
use crate::media::{Media, Order};
use crate::peer::{Factory, Wire};
use crate::socket::{Batch, Bound};
use crate::statistics::Counters;
use crate::world::World;

/// How many orders wait at most; then their callers do.
const ORDERS_MAX: usize = 1_024;

/// Opens the media socket. Nothing runs until [`Driver::run`] does.
///
/// # Errors
/// See [`BindError`].
pub fn bind(config: Config) -> Result<(Media, Driver, Events), BindError> {
    let bound = Bound::bind(&config)?;
    let factory = Factory::new()?;
    let counters = Arc::new(Counters::default());
    let (outgoing, events) = event::channel();
    let (sender, orders) = mpsc::channel(ORDERS_MAX);
    let media = Media::new(sender, counters.clone(), bound.local_addr());
    Ok((media, Driver { config, bound, factory, orders, outgoing, counters }, events))
}

/// Owns the socket and all sessions.
///
/// Dropping it instead of running it ends everything at once: handles get
/// [`OfferError::Closed`](crate::OfferError::Closed).
pub struct Driver {
    config: Config,
    bound: Bound,
    factory: Factory,
    orders: mpsc::Receiver<Order>,
    outgoing: Outgoing,
    counters: Arc<Counters>,
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("bound", &self.bound).finish_non_exhaustive()
    }
}

impl Driver {
    /// Serves until [`Media::shutdown`] or until every [`Media`] is dropped; then every session is
    /// told goodbye.
    ///
    /// Needs a tokio runtime with I/O and time. It never waits for anything but the socket, the
    /// clock and orders: give it a thread with a current-thread runtime of its own.
    ///
    /// # Errors
    /// What the system says if the socket cannot be registered with the runtime, or breaks.
    pub async fn run(self) -> io::Result<()> {
        let Self { config, bound, factory, mut orders, outgoing, counters } = self;
        let socket = bound.register(counters.clone())?;
        let now = Instant::now();
        let wire = Wire::new(socket, counters.clone(), now);
        let mut world = World::new(config, factory, wire, outgoing, counters, now);
        let mut batch = Batch::new();
        let mut alarm = pin!(tokio::time::sleep(Duration::ZERO));
        loop {
            let deadline = world.next_deadline();
            if let Some(deadline) = deadline.map(tokio::time::Instant::from_std)
                && deadline != alarm.deadline()
            {
                alarm.as_mut().reset(deadline);
            }
            tokio::select! {
                ready = world.wire.socket.readable() => {
                    ready?;
                    receive(&mut world, &mut batch);
                }
                () = &mut alarm, if deadline.is_some() => world.on_deadline(Instant::now()),
                order = orders.recv() => match order {
                    Some(order) => {
                        let is_last = matches!(order, Order::Shutdown(_));
                        world.on_order(Instant::now(), order);
                        if is_last {
                            return Ok(());
                        }
                    }
                    None => {
                        world.end_all(Instant::now());
                        return Ok(());
                    }
                },
            }
        }
    }
}

/// Takes what has come in and handles it, and sends on what comes of it: as long as more keeps coming in, in batches,
/// and not for longer than a batch before other work gets its turn.
fn receive(world: &mut World, batch: &mut Batch) {
    let began = Instant::now();
    let mut now = began;
    while now.saturating_duration_since(began) < BATCH_MAX {
        match world.wire.socket.receive(batch) {
            Ok(()) => {
                now = Instant::now();
                for datagram in batch.datagrams() {
                    world.on_datagram(now, &datagram);
                }
                world.flush_if_due(now);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            // What a router said about a datagram sent earlier; its session will notice by itself.
            Err(error) => {
                tracing::debug!(%error, "nothing received");
                break;
            }
        }
    }
    world.flush_unless_coalescing(now);
}
