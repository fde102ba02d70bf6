//! What each input does.

use std::time::Duration;

use salon_core::{GrantKey, MediaTime, TrackId};

use super::{Fanout, InputError, Overflow};
use crate::cap::Step;
use crate::clock::Reference;
use crate::codec::{Codec, Medium};
use crate::layer::{Encoding, Layer};
use crate::outbox::Outbox;
use crate::sink::{Parked, Sink, SinkId, Slot};
use crate::track::Track;

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
        let at =
            self.roster.add_track(Track::new(track, key, codec), self.config.repair.packets_max);
        self.tracks.insert(track, at);
        Ok(())
    }

    pub(super) fn remove_source(&mut self, track: TrackId) -> Result<(), InputError> {
        let at = self.tracks.remove(&track).ok_or(InputError::TrackUnknown(track))?;
        self.roster.remove_track(at);
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
        (sink, slot): (SinkId, Slot),
        (track, key): (TrackId, GrantKey),
        outbox: &mut Outbox,
    ) -> Result<(), InputError> {
        let sink_at = self.sink_at(sink)?;
        let at = *self.tracks.get(&track).ok_or(InputError::TrackUnknown(track))?;
        let state = self.roster.tracks.at(at);
        if state.key != key {
            return Err(InputError::KeyMismatch { track, key });
        }
        let medium = state.codec.medium();
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
        self.roster.attach(sink_at, slot, at);
        self.settle(sink_at, slot, outbox);
        Ok(())
    }

    pub(super) fn detach(&mut self, sink: SinkId, slot: Slot) -> Result<(), InputError> {
        let sink_at = self.sink_at(sink)?;
        self.roster.detach(sink_at, slot);
        self.roster.sinks.at(sink_at).parked.retain(|parked| parked.slot != slot);
        Ok(())
    }

    pub(super) fn tile(
        &mut self,
        sink: SinkId,
        slot: Slot,
        rows: u16,
        outbox: &mut Outbox,
    ) -> Result<(), InputError> {
        let sink_at = self.sink_at(sink)?;
        if slot.medium() != Medium::Video {
            return Err(InputError::MediumMismatch { slot, medium: Medium::Video });
        }
        self.roster.sinks.at(sink_at).slots[slot.index()].rows = Some(rows);
        self.settle(sink_at, slot, outbox);
        Ok(())
    }

    pub(super) fn receive_report(
        &mut self,
        now: MediaTime,
        (sink, slot): (SinkId, Slot),
        lost: u8,
        outbox: &mut Outbox,
    ) -> Result<(), InputError> {
        let sink_at = self.sink_at(sink)?;
        // While it receives no picture, there is none to lower.
        if let Some(received) = self.roster.received(sink_at) {
            let step = self.roster.sinks.at(sink_at).cap.report(now, slot, lost, received);
            self.settle_after(step, sink_at, outbox);
        }
        Ok(())
    }

    /// Lowers or stops the video of a sink that has fallen behind, or goes on with it once the sink has caught up.
    pub(super) fn limit_backlog(
        &mut self,
        now: MediaTime,
        sink: SinkId,
        age: Duration,
        outbox: &mut Outbox,
    ) -> Result<(), InputError> {
        let sink_at = self.sink_at(sink)?;
        let Overflow::LowerThenDropToKeyframe { lower_age, drop_age } = self.config.overflow;
        let is_behind = self.roster.sinks.at(sink_at).is_behind;
        let stops = !is_behind && age >= drop_age;
        if let Some(received) = self.roster.received(sink_at) {
            let cap = &mut self.roster.sinks.at(sink_at).cap;
            let step = if age >= lower_age {
                cap.strain(now, received)
            } else if age < lower_age / 2 {
                cap.ease(now)
            } else {
                Step::Stays
            };
            // What stops has nothing to wait for.
            if !stops {
                self.settle_after(step, sink_at, outbox);
            }
        }
        if stops {
            self.roster.sinks.at(sink_at).is_behind = true;
            for slot in Slot::all().filter(|slot| slot.medium() == Medium::Video) {
                let attached = self.roster.sinks.at(sink_at).attached_to(slot);
                let Some(at) = attached else { continue };
                let Track { id, key, .. } = *self.roster.tracks.at(at);
                self.roster.detach(sink_at, slot);
                self.roster.sinks.at(sink_at).park(slot, id, key);
                self.statistics.overflows += 1;
            }
        } else if is_behind && age < drop_age / 2 {
            let state = self.roster.sinks.at(sink_at);
            state.is_behind = false;
            for Parked { slot, track, key } in std::mem::take(&mut state.parked) {
                // A source that is gone by now is nothing to go on with.
                let _ = self.attach((sink, slot), (track, key), outbox);
            }
        }
        Ok(())
    }

    pub(super) fn want_keyframe(&mut self, sink: SinkId, slot: Slot) -> Result<(), InputError> {
        let sink_at = self.sink_at(sink)?;
        if let Some(attachment) = self.roster.sinks.at(sink_at).slots[slot.index()].attachment
            && let Some(entry) = attachment.receives.or(attachment.awaits)
        {
            self.roster.streams.at(entry.stream).want_keyframe();
            self.roster.touch(attachment.track);
        }
        Ok(())
    }

    pub(super) fn demand_keyframe(
        &mut self,
        Encoding { track, layer }: Encoding,
    ) -> Result<(), InputError> {
        let at = *self.tracks.get(&track).ok_or(InputError::TrackUnknown(track))?;
        // A layer that has sent nothing begins with a keyframe.
        if let Some(stream) = self.roster.tracks.at(at).streams[layer.index()] {
            self.roster.streams.at(stream).want_keyframe();
            self.roster.touch(at);
        }
        Ok(())
    }

    pub(super) fn send_report(
        &mut self,
        Encoding { track, layer }: Encoding,
        key: GrantKey,
        reference: Reference,
    ) -> Result<(), InputError> {
        let at = *self.tracks.get(&track).ok_or(InputError::TrackUnknown(track))?;
        let state = self.roster.tracks.at(at);
        if state.key != key {
            return Err(InputError::KeyMismatch { track, key });
        }
        // It may come before the first packet of its layer, and is of use then. Audio has no such layer.
        if state.codec.medium() == Medium::Video || layer == Layer::ONLY {
            let stream = self.roster.stream_of(at, layer, self.config.repair.packets_max);
            self.roster.streams.at(stream).reference = Some(reference);
        }
        Ok(())
    }

    fn settle_after(&mut self, step: Step, sink_at: u32, outbox: &mut Outbox) {
        if step == Step::Moved {
            for slot in Slot::all().filter(|slot| slot.medium() == Medium::Video) {
                self.settle(sink_at, slot, outbox);
            }
        }
    }

    fn settle(&mut self, sink_at: u32, slot: Slot, outbox: &mut Outbox) {
        let served = self.roster.settle(sink_at, slot, &self.config.burst, outbox);
        self.statistics.count_cached(served);
    }

    fn sink_at(&self, sink: SinkId) -> Result<u32, InputError> {
        self.sink_ids.get(&sink).copied().ok_or(InputError::SinkUnknown(sink))
    }
}
