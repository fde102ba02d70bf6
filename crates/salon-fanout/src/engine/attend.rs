//! What is due for a stream or a track: requests for keyframes, who speaks, which layers are wanted.

use salon_core::MediaTime;

use super::{Fanout, Output};
use crate::codec::Medium;
use crate::layer::{Layer, Layers};
use crate::stream::Media;

impl Fanout {
    /// Does what is due for one stream.
    pub(super) fn attend_stream(&mut self, now: MediaTime, at: u32) {
        let stream = self.roster.streams.at(at);
        let encoding = stream.encoding;
        let (output, deadline) = match &mut stream.media {
            Media::Audio(meter) => {
                let report = meter.take_report(now);
                let speaking = |level| Output::Speaking { track: encoding.track, level };
                (report.map(speaking), meter.deadline())
            }
            Media::Video(video) => {
                let interval = self.config.keyframe_request_interval;
                let is_due = video.demand.take_request(now, interval);
                self.statistics.keyframe_requests += u64::from(is_due);
                let request = is_due.then_some(Output::RequestKeyframe { encoding });
                (request, video.demand.deadline(interval))
            }
        };
        self.say(output, deadline);
    }

    /// Does what is due for one track, its streams apart.
    pub(super) fn attend_track(&mut self, now: MediaTime, at: u32) {
        let track = self.roster.tracks.at(at);
        if track.codec.medium() == Medium::Audio {
            return;
        }
        let streams = &self.roster.streams;
        let is_wanted = |layer: &Layer| {
            let stream = track.streams[layer.index()].and_then(|stream| streams.get(stream));
            let has_slots =
                stream.is_some_and(|stream| stream.receivers.len() + stream.waiting.len() > 0);
            has_slots || track.ideals[layer.index()] > 0 || !track.ladder.begun.contains(*layer)
        };
        let wanted: Layers = Layer::all().filter(is_wanted).collect();
        let hold = self.config.simulcast.unwanted_hold;
        track.wanted.update(now, wanted);
        let change = track.wanted.take_change(now, hold);
        let output = change.map(|(layers, paused)| {
            self.statistics.layers_paused += paused as u64;
            Output::LayersWanted { track: track.id, layers }
        });
        let deadline = track.wanted.deadline(hold);
        self.say(output, deadline);
    }

    /// Looks after the tracks whose slots have changed, and after their streams.
    pub(super) fn attend_touched(&mut self, now: MediaTime) {
        while let Some(at) = self.roster.touched.pop() {
            // It may have been removed after it was touched.
            let Some(track) = self.roster.tracks.get(at) else { continue };
            for stream in track.streams.into_iter().flatten() {
                self.attend_stream(now, stream);
            }
            self.attend_track(now, at);
        }
    }

    fn say(&mut self, output: Option<Output>, deadline: Option<MediaTime>) {
        if let Some(output) = output {
            // What the driver has not taken yet is out of date.
            self.outputs.retain(|earlier| !earlier.is_replaced_by(&output));
            self.outputs.push_back(output);
        }
        self.deadline = self.deadline.into_iter().chain(deadline).min();
    }
}
