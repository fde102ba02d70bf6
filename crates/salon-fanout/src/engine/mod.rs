//! The fan-out itself: sources, sinks, and the path between them.

use std::collections::{BTreeMap, VecDeque};

use salon_core::{GrantKey, MediaTime, TrackId};

mod attend;
mod config;
mod handle;
mod input;
mod path;
mod retransmit;
mod statistics;

pub use config::{Burst, Config, Overflow, Repair, Simulcast};
pub use input::{Input, InputError, Nack, Output};
pub use statistics::{Dropped, Repaired, Statistics};

use self::path::Order;
use crate::clock::Reference;
use crate::codec::Medium;
use crate::layer::{Encoding, Layer};
use crate::outbox::Outbox;
use crate::packet::Packet;
use crate::roster::Roster;
use crate::sequence::Place;
use crate::sink::{Receiver, SinkId, Waiter};

/// The fan-out of one shard: every source and every sink it serves.
///
/// After every [`Fanout::handle`], [`Fanout::forward`] and [`Fanout::on_deadline`], drain [`Fanout::poll`] to `None`;
/// after those that take an outbox, send what is in it. Call [`Fanout::on_deadline`] when [`Fanout::next_deadline`]
/// has come. Time never goes back.
///
/// The path of a packet allocates nothing once the outbox and the lists of the source have grown to their size, and
/// takes one look at each receiver in the order they are in memory.
///
/// ```
/// use bytes::Bytes;
/// use salon_core::{Fence, GrantKey, MediaTime, StintId, TrackId};
/// use salon_fanout::{Codec, Fanout, Outbox, Packet, Slot};
/// use salon_fanout::{engine::{Config, Input}, layer::Encoding, packet::Header, sink::SinkId};
///
/// let (track, sink, slot) = (TrackId(1), SinkId(7), Slot::audio(0).unwrap());
/// let key = GrantKey { fence: Fence(1), stint: StintId(1) };
/// let now = MediaTime(0);
/// let mut fanout = Fanout::new(Config::default());
/// let mut outbox = Outbox::new();
///
/// fanout.handle(now, Input::AddSource { track, key, codec: Codec::Opus }, &mut outbox)?;
/// fanout.handle(now, Input::AddSink { sink, seed: 42 }, &mut outbox)?;
/// fanout.handle(now, Input::Attach { sink, slot, track, key }, &mut outbox)?;
///
/// let header = Header { sequence: 100, timestamp: 48_000, marker: false, audio_level: None };
/// let packet = Packet::parse(Codec::Opus, header, Bytes::from_static(b"opus"))?;
/// fanout.forward(now, Encoding::only(track), key, packet, &mut outbox);
///
/// for (delivery, payload) in outbox.deliveries() {
///     assert_eq!((delivery.sink, delivery.slot), (sink, slot));
///     assert_eq!(payload.to_vec(), b"opus");
/// }
/// outbox.clear();
/// while let Some(output) = fanout.poll() {
///     // Ask the publisher for a keyframe, tell the room who is speaking.
///     drop(output);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Fanout {
    config: Config,
    tracks: BTreeMap<TrackId, u32>,
    sink_ids: BTreeMap<SinkId, u32>,
    roster: Roster,
    // Invariant: at most one of each kind for each track or layer; the newest counts.
    outputs: VecDeque<Output>,
    // Invariant: no deadline of any track or layer is earlier.
    deadline: Option<MediaTime>,
    statistics: Statistics,
}

impl Fanout {
    /// An empty fan-out.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            tracks: BTreeMap::new(),
            sink_ids: BTreeMap::new(),
            roster: Roster::default(),
            outputs: VecDeque::new(),
            deadline: None,
            statistics: Statistics::default(),
        }
    }

    /// Something changed. That may put packets into `outbox`: a video slot starts from the keyframe cache, when it is
    /// attached or when another layer is chosen for it.
    ///
    /// # Errors
    /// [`InputError`]; nothing has changed then.
    pub fn handle(
        &mut self,
        now: MediaTime,
        input: Input,
        outbox: &mut Outbox,
    ) -> Result<(), InputError> {
        let result = match input {
            Input::AddSource { track, key, codec } => self.add_source(track, key, codec),
            Input::RemoveSource { track } => self.remove_source(track),
            Input::AddSink { sink, seed } => self.add_sink(sink, seed),
            Input::RemoveSink { sink } => self.remove_sink(sink),
            Input::Attach { sink, slot, track, key } => {
                self.attach((sink, slot), (track, key), outbox)
            }
            Input::Detach { sink, slot } => self.detach(sink, slot),
            Input::KeyframeWanted { sink, slot } => self.want_keyframe(sink, slot),
            Input::KeyframeDemanded { encoding } => self.demand_keyframe(encoding),
            Input::Tile { sink, slot, rows } => self.tile(sink, slot, rows, outbox),
            Input::Reception { sink, slot, lost } => {
                self.receive_report(now, (sink, slot), lost, outbox)
            }
            Input::SenderReport { encoding, key, captured, rtp_timestamp } => {
                self.send_report(encoding, key, Reference { captured, timestamp: rtp_timestamp })
            }
            Input::Backlog { sink, age } => self.limit_backlog(now, sink, age, outbox),
        };
        self.attend_touched(now);
        debug_assert_eq!(self.check(), Ok(()));
        result
    }

    /// A packet of a layer came in: adds one delivery for each slot that receives it. The layer begins with its first
    /// packet; audio has [`Layer::ONLY`].
    ///
    /// A packet of an unknown track, or under another key than the source's, is dropped and counted; so is one that
    /// was parsed as another codec, that was seen before, or whose sequence number is far from all others of its layer.
    pub fn forward(
        &mut self,
        now: MediaTime,
        Encoding { track, layer }: Encoding,
        key: GrantKey,
        packet: Packet,
        outbox: &mut Outbox,
    ) {
        let Some(&track_at) = self.tracks.get(&track) else {
            self.statistics.dropped.track_unknown += 1;
            return;
        };
        let state = self.roster.tracks.at(track_at);
        if state.key != key {
            self.statistics.dropped.key_mismatch += 1;
            return;
        }
        if state.codec != packet.codec {
            self.statistics.dropped.codec_mismatch += 1;
            return;
        }
        if state.codec.medium() == Medium::Audio && layer != Layer::ONLY {
            self.statistics.dropped.layer_mismatch += 1;
            return;
        }
        let at = self.roster.stream_of(track_at, layer, self.config.repair.packets_max);
        match self
            .roster
            .streams
            .at(at)
            .sequencer
            .place(packet.header.sequence, packet.is_padding())
        {
            Place::Next(place) => self.spread(now, at, place, Order::Next, &packet, outbox),
            Place::Late(place) => self.spread(now, at, place, Order::Late, &packet, outbox),
            Place::Restart(place) => {
                self.roster.suspend(at);
                self.spread(now, at, place, Order::Next, &packet, outbox);
            }
            Place::Swallowed => {
                self.statistics.packets += 1;
                self.statistics.padding_swallowed += 1;
            }
            Place::Duplicate => self.statistics.dropped.duplicate += 1,
            Place::OutOfRange => self.statistics.dropped.out_of_range += 1,
        }
    }

    /// The next thing the driver must do.
    #[must_use]
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`Fanout::on_deadline`]. Never too late; it may be early, which does no harm.
    #[must_use]
    pub const fn next_deadline(&self) -> Option<MediaTime> {
        self.deadline
    }

    /// Time has passed.
    pub fn on_deadline(&mut self, now: MediaTime) {
        self.deadline = None;
        self.roster.touch_all();
        self.attend_touched(now);
    }

    /// What has been counted since the beginning.
    #[must_use]
    pub const fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// How many bytes the fan-out keeps for one sink: itself, what it has on the heap, and its entries with the sources
    /// it is attached to. Packets are not among them: those are kept once for all.
    #[must_use]
    pub fn sink_bytes(&self, sink: SinkId) -> Option<usize> {
        let sink = self.roster.sinks.get(*self.sink_ids.get(&sink)?)?;
        let attachments = || sink.slots.iter().filter_map(|slot| slot.attachment);
        let received = attachments().filter(|attachment| attachment.receives.is_some()).count();
        let awaited = attachments().filter(|attachment| attachment.awaits.is_some()).count();
        let entries = received * size_of::<Receiver>() + awaited * size_of::<Waiter>();
        Some(sink.bytes() + size_of::<(SinkId, u32)>() + entries)
    }

    /// The first broken invariant, if any.
    #[doc(hidden)]
    pub fn check(&self) -> Result<(), &'static str> {
        if self.tracks.len() > self.config.sources_max
            || self.sink_ids.len() > self.config.sinks_max
        {
            return Err("more sources or sinks than allowed");
        }
        let is_track =
            |id: TrackId, at| self.roster.tracks.get(at).is_some_and(|track| track.id == id);
        if !self.tracks.iter().all(|(id, at)| is_track(*id, *at)) {
            return Err("an identifier does not lead to its track");
        }
        let is_sink = |id: SinkId, at| self.roster.sinks.get(at).is_some_and(|sink| sink.id == id);
        if !self.sink_ids.iter().all(|(id, at)| is_sink(*id, *at)) {
            return Err("an identifier does not lead to its sink");
        }
        let is_newest = |(at, output): (usize, &Output)| {
            !self.outputs.iter().skip(at + 1).any(|newer| output.is_replaced_by(newer))
        };
        if !self.outputs.iter().enumerate().all(is_newest) {
            return Err("an output is out of date");
        }
        self.roster.check()
    }
}
