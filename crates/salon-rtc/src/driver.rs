//! The loop of a shard: datagrams, deadlines, orders and what crosses from other shards, one at a time.

use std::fmt;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::config::{BindError, Config};
use crate::egress::BATCH_MAX;
use crate::event::{self, Events};
use crate::media::{Line, Media, Order};
use crate::mesh::{self, Crossing, Inbox};
use crate::peer::{Factory, Wire};
use crate::shard::Places;
use crate::socket::{Batch, Bound};
use crate::statistics::Counters;
use crate::world::{Common, World};

/// How many orders wait for one shard at most; then their callers do.
const ORDERS_MAX: usize = 1_024;
/// How many messages of other shards are handled before other work gets its turn. A guess: some frames of some seats.
const CROSSINGS_MAX: usize = 256;

/// Opens the media sockets. Nothing runs until [`Driver::run`] does: there is one driver for each shard.
///
/// # Errors
/// See [`BindError`].
pub fn bind(config: Config) -> Result<(Media, Vec<Driver>, Events), BindError> {
    let factory = Arc::new(Factory::new(config.feedback)?);
    let shards = usize::from(config.shards.get());
    let places = Places::new(config.sessions_max);
    let (outgoing, events) = event::channel(shards);
    let clock = Clock::new(Instant::now());
    let (mut lines, mut drivers) = (Vec::new(), Vec::new());
    for ((mesh, inbox), outgoing) in mesh::mesh(shards).into_iter().zip(outgoing) {
        let bound = Bound::bind(&config, mesh.own())?;
        let counters = Arc::new(Counters::default());
        let (sender, orders) = mpsc::channel(ORDERS_MAX);
        let local_addr = bound.local_addr();
        lines.push(Line { orders: sender, counters: counters.clone(), local_addr });
        let common = Common {
            config: config.clone(),
            factory: factory.clone(),
            mesh,
            places: places.clone(),
            events: outgoing,
            counters,
            clock,
        };
        drivers.push(Driver { common, bound, orders, inbox });
    }
    Ok((Media::new(lines), drivers, events))
}

/// Owns the socket and all sessions of a shard.
///
/// Dropping it instead of running it ends everything of it at once: handles get
/// [`OfferError::Closed`](crate::OfferError::Closed).
pub struct Driver {
    common: Common,
    bound: Bound,
    orders: mpsc::Receiver<Order>,
    inbox: Inbox,
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
    /// clock, orders and other shards: give it a thread with a current-thread runtime of its own.
    ///
    /// # Errors
    /// What the system says if the socket cannot be registered with the runtime, or breaks.
    pub async fn run(self) -> io::Result<()> {
        let Self { common, bound, mut orders, mut inbox } = self;
        let socket = bound.register(common.counters.clone())?;
        let wire = Wire::new(socket, common.counters.clone(), common.clock);
        let mut world = World::new(common, wire);
        let mut batch = Batch::new();
        let mut crossings = Vec::with_capacity(CROSSINGS_MAX);
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
                // Without other shards, or once they have ended, there is nothing to wait for.
                _count @ 1.. = inbox.recv_many(&mut crossings, CROSSINGS_MAX) => {
                    take_in(&mut world, &mut crossings);
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

/// Handles what other shards have sent, and sends on what comes of it.
fn take_in(world: &mut World, crossings: &mut Vec<Crossing>) {
    let now = Instant::now();
    for crossing in crossings.drain(..) {
        world.on_crossing(now, crossing);
        world.flush_if_due(now);
    }
    world.flush_unless_coalescing(now);
}
