//! The path of a packet: to those who receive its source, and to those who wait for it.

use std::collections::VecDeque;

use salon_core::MediaTime;

use super::{Config, Fanout, Output, Statistics};
use crate::history::Placed;
use crate::outbox::Outbox;
use crate::packet::Packet;
use crate::roster::Started;
use crate::source::{Media, Source};

impl Fanout {
    /// Delivers a packet to those who receive, starts those who can start with it, and looks after the rest.
    pub(super) fn spread(
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
        source.keep(&placed, starts, &self.config);
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
    pub(super) fn attend_at(&mut self, now: MediaTime, at: u32) {
        let source = self.roster.sources.at(at);
        let deadline = attend(source, now, &self.config, &mut self.outputs, &mut self.statistics);
        self.deadline = earlier(self.deadline, deadline);
    }
}

/// Where a packet stands among those that came before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Order {
    Next,
    Late,
}

/// Puts out what is due for a source, and returns when something may be due again.
pub(super) fn attend(
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

pub(super) fn earlier(a: Option<MediaTime>, b: Option<MediaTime>) -> Option<MediaTime> {
    a.into_iter().chain(b).min()
}
