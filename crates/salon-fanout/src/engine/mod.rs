//! The fan-out itself: sources, sinks, and the path between them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use salon_core::{GrantKey, MediaTime, TrackId};

mod config;
mod input;
mod statistics;

pub use config::{Burst, Config, Overflow, Repair};
pub use input::{Input, InputError, Nack, Output};
pub use statistics::{Dropped, Repaired, Statistics};

use crate::codec::Codec;
use crate::history::Placed;
use crate::outbox::Outbox;
use crate::packet::Packet;
use crate::roster::{Roster, Started};
use crate::sequence::Place;
use crate::sink::{Sink, SinkId, Slot};
use crate::source::{Media, Source};

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
/// use salon_fanout::{engine::{Config, Input}, packet::Header, sink::SinkId};
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
/// fanout.forward(now, track, key, packet, &mut outbox);
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
    // Invariant: at most one output for each source: a source is heard or seen, and says one kind of thing.
    outputs: VecDeque<Output>,
    // Invariant: no deadline of any source is earlier.
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

    /// Something changed. Attaching may put packets into `outbox`: a video slot starts from the keyframe cache.
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
                self.attach(now, (sink, slot), (track, key), outbox)
            }
            Input::Detach { sink, slot } => {
                self.sink_at(sink).map(|at| self.roster.detach(at, slot))
            }
            Input::KeyframeWanted { sink, slot } => self.want_keyframe(now, sink, slot),
            Input::SenderReport { track, key, captured, rtp_timestamp } => {
                self.report(track, key, captured, rtp_timestamp)
            }
            Input::Backlog { sink, age } => self.limit_backlog(now, sink, age, outbox),
        };
        debug_assert_eq!(self.check(), Ok(()));
        result
    }

    /// A packet of a source came in: adds one delivery for each slot that receives it.
    ///
    /// A packet of an unknown track, or under another key than the source's, is dropped and counted; so is one that
    /// was parsed as another codec, that was seen before, or whose sequence number is far from all others.
    pub fn forward(
        &mut self,
        now: MediaTime,
        track: TrackId,
        key: GrantKey,
        packet: Packet,
        outbox: &mut Outbox,
    ) {
        let Some(&at) = self.tracks.get(&track) else {
            self.statistics.dropped.track_unknown += 1;
            return;
        };
        let source = self.roster.sources.at(at);
        if source.key != key {
            self.statistics.dropped.key_mismatch += 1;
            return;
        }
        if source.codec != packet.codec {
            self.statistics.dropped.codec_mismatch += 1;
            return;
        }
        match source.sequencer.place(packet.header.sequence, packet.is_padding()) {
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

    /// A receiver wishes to have packets again: adds a delivery for each that it was sent, is still kept and has been
    /// earned ([`Repair`]), and returns how many there are. The deliveries are as they were the first time, but for
    /// [`Delivery::retransmission`](crate::outbox::Delivery::retransmission).
    ///
    /// `sequences` are the slot's own numbers as they are on the wire. A wish of nobody, or for a packet that this slot
    /// was never sent, is counted and ignored.
    pub fn retransmit(
        &mut self,
        now: MediaTime,
        nack: Nack,
        sequences: impl IntoIterator<Item = u16>,
        outbox: &mut Outbox,
    ) -> usize {
        let _ = (now, nack, outbox);
        self.statistics.repair.missing += sequences.into_iter().count() as u64;
        0
    }

    /// The RTP timestamp that a slot would give to what is captured `now`: what a sender report to the receiver says
    /// beside the time of `now`. `None` while the slot receives nothing, or nothing is known of its source's clock.
    #[must_use]
    pub fn clock(&self, sink: SinkId, slot: Slot, now: MediaTime) -> Option<u32> {
        let _ = (sink, slot, now);
        None
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
        for source in self.roster.sources.iter_mut() {
            let deadline =
                attend(source, now, &self.config, &mut self.outputs, &mut self.statistics);
            self.deadline = earlier(self.deadline, deadline);
        }
    }

    /// What has been counted since the beginning.
    #[must_use]
    pub const fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// The first broken invariant, if any.
    #[doc(hidden)]
    pub fn check(&self) -> Result<(), &'static str> {
        if self.tracks.len() > self.config.sources_max
            || self.sink_ids.len() > self.config.sinks_max
        {
            return Err("more sources or sinks than allowed");
        }
        let is_source = |track: TrackId, at| {
            self.roster.sources.get(at).is_some_and(|source| source.track == track)
        };
        if !self.tracks.iter().all(|(track, at)| is_source(*track, *at)) {
            return Err("a track does not lead to its source");
        }
        let is_sink = |id: SinkId, at| self.roster.sinks.get(at).is_some_and(|sink| sink.id == id);
        if !self.sink_ids.iter().all(|(id, at)| is_sink(*id, *at)) {
            return Err("an identifier does not lead to its sink");
        }
        if self.outputs.len() > self.tracks.len() {
            return Err("more outputs than sources");
        }
        self.roster.check()
    }

    fn add_source(
        &mut self,
        track: TrackId,
        key: GrantKey,
        codec: Codec,
    ) -> Result<(), InputError> {
        if self.tracks.contains_key(&track) {
            return Err(InputError::TrackExists(track));
        }
        if self.tracks.len() >= self.config.sources_max {
            return Err(InputError::SourcesFull(self.tracks.len()));
        }
        let at = self.roster.sources.insert(Source::new(track, key, codec));
        self.tracks.insert(track, at);
        Ok(())
    }

    fn remove_source(&mut self, track: TrackId) -> Result<(), InputError> {
        let at = self.tracks.remove(&track).ok_or(InputError::TrackUnknown(track))?;
        self.roster.remove_source(at);
        self.outputs.retain(|output| output.track() != track);
        Ok(())
    }

    fn add_sink(&mut self, sink: SinkId, seed: u64) -> Result<(), InputError> {
        if self.sink_ids.contains_key(&sink) {
            return Err(InputError::SinkExists(sink));
        }
        if self.sink_ids.len() >= self.config.sinks_max {
            return Err(InputError::SinksFull(self.sink_ids.len()));
        }
        let at = self.roster.sinks.insert(Sink::new(sink, seed));
        self.sink_ids.insert(sink, at);
        Ok(())
    }

    fn remove_sink(&mut self, sink: SinkId) -> Result<(), InputError> {
        let at = self.sink_ids.remove(&sink).ok_or(InputError::SinkUnknown(sink))?;
        self.roster.remove_sink(at);
        Ok(())
    }

    fn attach(
        &mut self,
        now: MediaTime,
        (sink, slot): (SinkId, Slot),
        (track, key): (TrackId, GrantKey),
        outbox: &mut Outbox,
    ) -> Result<(), InputError> {
        let sink_at = self.sink_at(sink)?;
        let at = *self.tracks.get(&track).ok_or(InputError::TrackUnknown(track))?;
        let source = self.roster.sources.at(at);
        if source.key != key {
            return Err(InputError::KeyMismatch { track, key });
        }
        let medium = source.codec.medium();
        if slot.medium() != medium {
            return Err(InputError::MediumMismatch { slot, medium });
        }
        if self.roster.sinks.at(sink_at).attached_to(slot) == Some(at) {
            return Ok(());
        }

        // Nothing below can fail.
        self.roster.detach(sink_at, slot);
        self.roster.wait(sink_at, slot, at);
        let started = self.roster.start_from_cache(at, &self.config.burst, outbox);
        self.statistics.starts_cached += started.slots;
        self.statistics.deliveries += started.deliveries;
        if started.slots == 0 {
            self.want_keyframe_of(now, at);
        }
        Ok(())
    }

    fn want_keyframe(
        &mut self,
        now: MediaTime,
        sink: SinkId,
        slot: Slot,
    ) -> Result<(), InputError> {
        let sink_at = self.sink_at(sink)?;
        if let Some(at) = self.roster.sinks.at(sink_at).attached_to(slot) {
            self.want_keyframe_of(now, at);
        }
        Ok(())
    }

    fn report(
        &mut self,
        track: TrackId,
        key: GrantKey,
        captured: MediaTime,
        rtp_timestamp: u32,
    ) -> Result<(), InputError> {
        let at = *self.tracks.get(&track).ok_or(InputError::TrackUnknown(track))?;
        let source = self.roster.sources.at(at);
        if source.key != key {
            return Err(InputError::KeyMismatch { track, key });
        }
        let _ = (captured, rtp_timestamp);
        Ok(())
    }

    fn limit_backlog(
        &mut self,
        now: MediaTime,
        sink: SinkId,
        age: Duration,
        outbox: &mut Outbox,
    ) -> Result<(), InputError> {
        let _ = (now, age, outbox);
        self.sink_at(sink).map(|_| ())
    }

    fn want_keyframe_of(&mut self, now: MediaTime, at: u32) {
        if let Media::Video(video) = &mut self.roster.sources.at(at).media {
            video.demand.want();
            self.attend_at(now, at);
        }
    }

    fn sink_at(&self, sink: SinkId) -> Result<u32, InputError> {
        self.sink_ids.get(&sink).copied().ok_or(InputError::SinkUnknown(sink))
    }

    /// Delivers a packet to those who receive, starts those who can start with it, and looks after the rest.
    fn spread(
        &mut self,
        now: MediaTime,
        at: u32,
        place: u64,
        order: Order,
        packet: &Packet,
        outbox: &mut Outbox,
    ) {
        let is_late = order == Order::Late;
        let source = self.roster.sources.at(at);
        let placed = source.prepare(now, place, packet);
        let starts = source.starts_at(place, is_late, packet);
        source.keep(&placed, is_late, starts, &self.config.burst);
        let counts = &mut self.statistics;
        counts.packets += 1;
        counts.payload_bytes += placed.payload.len() as u64;
        counts.late += u64::from(is_late);
        counts.deliveries += match order {
            Order::Next => outbox.deliver(source.codec, &placed, &source.receivers),
            Order::Late => outbox.deliver_late(source.codec, &placed, &source.receivers),
        };
        match &mut source.media {
            Media::Audio(meter) => {
                if let (Some(level), Order::Next) = (packet.header.audio_level, order) {
                    meter.hear(now, level);
                }
            }
            Media::Video(_) => counts.keyframes += u64::from(starts),
        }
        if !source.waiting.is_empty() {
            self.start_waiting(at, &placed, order, starts, outbox);
        }
        self.attend_at(now, at);
    }

    /// Starts the slots that wait for a source, if its newest packet allows, or wishes for a keyframe.
    fn start_waiting(
        &mut self,
        at: u32,
        placed: &Placed,
        order: Order,
        starts: bool,
        outbox: &mut Outbox,
    ) {
        let started = match (starts, order) {
            (true, Order::Next) => self.roster.start_with(at, placed, outbox),
            // Packets that belong after it have passed already.
            (true, Order::Late) => self.roster.start_from_cache(at, &self.config.burst, outbox),
            (false, _) => Started::default(),
        };
        self.statistics.deliveries += started.deliveries;
        let source = self.roster.sources.at(at);
        if let Media::Video(video) = &mut source.media {
            self.statistics.starts_live += started.slots;
            if !source.waiting.is_empty() {
                video.demand.want();
            }
        }
    }

    /// Does what is due for one source.
    fn attend_at(&mut self, now: MediaTime, at: u32) {
        let source = self.roster.sources.at(at);
        let deadline = attend(source, now, &self.config, &mut self.outputs, &mut self.statistics);
        self.deadline = earlier(self.deadline, deadline);
    }
}

/// Where a packet stands among those that came before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Order {
    Next,
    Late,
}

/// Puts out what is due for a source, and returns when something may be due again.
fn attend(
    source: &mut Source,
    now: MediaTime,
    config: &Config,
    outputs: &mut VecDeque<Output>,
    statistics: &mut Statistics,
) -> Option<MediaTime> {
    let track = source.track;
    match &mut source.media {
        Media::Audio(meter) => {
            if let Some(level) = meter.take_report(now) {
                // What the driver has not taken yet is out of date.
                outputs.retain(|output| output.track() != track);
                outputs.push_back(Output::Speaking { track, level });
            }
            meter.deadline()
        }
        Media::Video(video) => {
            let interval = config.keyframe_request_interval;
            if video.demand.take_request(now, interval) {
                statistics.keyframe_requests += 1;
                outputs.retain(|output| output.track() != track);
                outputs.push_back(Output::RequestKeyframe { track });
            }
            video.demand.deadline(interval)
        }
    }
}

fn earlier(a: Option<MediaTime>, b: Option<MediaTime>) -> Option<MediaTime> {
    a.into_iter().chain(b).min()
}
