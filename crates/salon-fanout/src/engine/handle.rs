//! What each input does.

use std::time::Duration;

use salon_core::{GrantKey, MediaTime, TrackId};

use super::{Fanout, InputError, Overflow};
use crate::clock::Reference;
use crate::codec::{Codec, Medium};
use crate::outbox::Outbox;
use crate::sink::{Parked, Sink, SinkId, Slot};
use crate::source::{Media, Source};

impl Fanout {
    pub(super) fn add_source(
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
        let serial = self.sources_made;
        let source = Source::new(serial, track, key, codec, self.config.repair.packets_max);
        self.sources_made += 1;
        let at = self.roster.sources.insert(source);
        self.tracks.insert(track, at);
        Ok(())
    }

    pub(super) fn remove_source(&mut self, track: TrackId) -> Result<(), InputError> {
        let at = self.tracks.remove(&track).ok_or(InputError::TrackUnknown(track))?;
        self.roster.remove_source(at);
        self.outputs.retain(|output| output.track() != track);
        Ok(())
    }

    pub(super) fn add_sink(&mut self, sink: SinkId, seed: u64) -> Result<(), InputError> {
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

    pub(super) fn remove_sink(&mut self, sink: SinkId) -> Result<(), InputError> {
        let at = self.sink_ids.remove(&sink).ok_or(InputError::SinkUnknown(sink))?;
        self.roster.remove_sink(at);
        Ok(())
    }

    pub(super) fn attach(
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
        if self.roster.sinks.at(sink_at).park(slot, track, key) {
            return Ok(());
        }
        self.roster.wait(sink_at, slot, at);
        let started = self.roster.start_from_cache(at, &self.config.burst, outbox);
        self.statistics.starts_cached += started.slots;
        self.statistics.deliveries += started.deliveries;
        if started.slots == 0 {
            self.want_keyframe_of(now, at);
        }
        Ok(())
    }

    pub(super) fn detach(&mut self, sink: SinkId, slot: Slot) -> Result<(), InputError> {
        let sink_at = self.sink_at(sink)?;
        self.roster.detach(sink_at, slot);
        self.roster.sinks.at(sink_at).parked.retain(|parked| parked.slot != slot);
        Ok(())
    }

    /// Stops the video of a sink that has fallen behind, or goes on with it once the sink has caught up.
    pub(super) fn limit_backlog(
        &mut self,
        now: MediaTime,
        sink: SinkId,
        age: Duration,
        outbox: &mut Outbox,
    ) -> Result<(), InputError> {
        let sink_at = self.sink_at(sink)?;
        let Overflow::DropToKeyframe { age_max } = self.config.overflow;
        let state = self.roster.sinks.at(sink_at);
        if !state.is_behind && age >= age_max {
            state.is_behind = true;
            for slot in Slot::all().filter(|slot| slot.medium() == Medium::Video) {
                let attached = self.roster.sinks.at(sink_at).attached_to(slot);
                let Some(at) = attached else { continue };
                let Source { track, key, .. } = *self.roster.sources.at(at);
                self.roster.detach(sink_at, slot);
                self.roster.sinks.at(sink_at).park(slot, track, key);
                self.statistics.overflows += 1;
            }
        } else if state.is_behind && age < age_max / 2 {
            state.is_behind = false;
            for Parked { slot, track, key } in std::mem::take(&mut state.parked) {
                // A source that is gone by now is nothing to go on with.
                let _ = self.attach(now, (sink, slot), (track, key), outbox);
            }
        }
        Ok(())
    }

    pub(super) fn want_keyframe(
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

    pub(super) fn demand_keyframe(
        &mut self,
        now: MediaTime,
        track: TrackId,
    ) -> Result<(), InputError> {
        let at = *self.tracks.get(&track).ok_or(InputError::TrackUnknown(track))?;
        self.want_keyframe_of(now, at);
        Ok(())
    }

    pub(super) fn report(
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
        source.reference = Some(Reference { captured, timestamp: rtp_timestamp });
        Ok(())
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
}
