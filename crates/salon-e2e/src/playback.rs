//! What reached a page over a while, as its browser counts it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::person::Person;

/// How often the browser is asked. Two readings a second tell a picture that stands still from one that moves.
const EVERY: Duration = Duration::from_millis(500);
/// How much longer than its span a watch may take: the machine may be busy encoding.
const REPORT_MAX: Duration = Duration::from_secs(20);

/// One received stream (webrtc-stats, `RTCInboundRtpStreamStats`), what a browser leaves out being zero.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Inbound {
    /// Its SSRC.
    pub ssrc: u32,
    /// `audio` or `video`.
    pub kind: String,
    /// Frames decoded.
    pub frames_decoded: u64,
    /// Times the picture stood still for noticeably longer than a frame.
    pub freeze_count: u64,
    /// Messages that asked for lost packets.
    pub nack_count: u64,
    /// Messages that asked for a keyframe.
    pub pli_count: u64,
    /// Packets that came as repairs.
    pub retransmitted_packets_received: u64,
}

/// What the browser said at one moment.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reading {
    at_ms: f64,
    inbound: Vec<Inbound>,
}

/// The picture of one person over a while.
#[derive(Clone, Debug)]
pub struct Playback {
    readings: Vec<(f64, Inbound)>,
}

impl Person {
    /// Watches the one picture that comes to this page for `span`.
    ///
    /// # Errors
    /// The page gives no statistics, or not one picture comes, or more.
    pub fn watches_for(&self, span: Duration) -> Result<Playback> {
        let script = format!("e2e.watch({}, {})", span.as_millis(), EVERY.as_millis());
        let value = self.page().eval_within(&script, span + REPORT_MAX)?;
        let readings = serde_json::from_value::<Vec<Reading>>(value)?
            .into_iter()
            .map(|reading| Ok((reading.at_ms, picture(reading.inbound)?)))
            .collect::<Result<Vec<_>>>()?;
        ensure!(readings.len() > 1, "{} was asked {} times", self.name(), readings.len());
        Ok(Playback { readings })
    }

    /// The one picture that comes to this page, now.
    ///
    /// # Errors
    /// The page gives no statistics, or not one picture comes, or more.
    pub fn picture(&self) -> Result<Inbound> {
        picture(self.page().eval_as("e2e.inbound()")?)
    }
}

impl Playback {
    /// The first reading.
    #[must_use]
    pub fn first(&self) -> &Inbound {
        &self.readings[0].1
    }

    /// The last reading.
    #[must_use]
    pub fn last(&self) -> &Inbound {
        &self.readings[self.readings.len() - 1].1
    }

    /// Frames decoded in all this time.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.last().frames_decoded.saturating_sub(self.first().frames_decoded)
    }

    /// The longest time without another frame, as exactly as the readings tell.
    #[must_use]
    pub fn longest_pause(&self) -> Duration {
        let mut longest_ms = 0.0_f64;
        let (mut moved_at_ms, mut frames) = (self.readings[0].0, self.first().frames_decoded);
        for (at_ms, inbound) in &self.readings {
            if inbound.frames_decoded > frames {
                (moved_at_ms, frames) = (*at_ms, inbound.frames_decoded);
            }
            longest_ms = longest_ms.max(at_ms - moved_at_ms);
        }
        Duration::from_secs_f64(longest_ms / 1_000.0)
    }
}

/// The only picture among these that has ever moved.
fn picture(inbound: Vec<Inbound>) -> Result<Inbound> {
    let mut pictures =
        inbound.into_iter().filter(|one| one.kind == "video" && one.frames_decoded > 0);
    let picture = pictures.next().context("no picture comes")?;
    match pictures.next() {
        None => Ok(picture),
        Some(second) => anyhow::bail!("two pictures come: {picture:?} and {second:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_measured_from_the_last_new_frame() {
        let readings = [(0.0, 5), (500.0, 9), (1_000.0, 9), (1_500.0, 9), (2_000.0, 10)]
            .map(|(at_ms, frames_decoded)| {
                (at_ms, Inbound { frames_decoded, ..Inbound::default() })
            })
            .to_vec();
        let playback = Playback { readings };
        assert_eq!(playback.frames(), 5);
        assert_eq!(playback.longest_pause(), Duration::from_secs(1));
    }
}
