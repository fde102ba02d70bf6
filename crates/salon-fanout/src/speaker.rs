//! Who is speaking, from the audio levels that packets carry (RFC 6464).
//!
//! The numbers below are guesses that suit 20 ms packets: a click of one packet does not count as speech, a pause between
//! two words does not end it.

use std::time::Duration;

use salon_core::MediaTime;

use crate::packet::AudioLevel;

/// Smoothed levels above this start speech.
const START_DBOV: i32 = -50;
/// Smoothed levels above this keep it going.
const HOLD_DBOV: i32 = -60;
/// How long the level stays below [`HOLD_DBOV`] before speech has ended.
const HANG: Duration = Duration::from_millis(500);
/// The least time between two reports about one track.
pub const REPORT_INTERVAL: Duration = Duration::from_millis(200);
/// The least change of the level that is worth a report.
const REPORT_STEP_DB: i8 = 3;

/// Fixed point: sixteenths of a decibel.
const SCALE: i32 = 16;

/// The loudness of one track.
#[derive(Debug)]
pub(crate) struct Meter {
    // Invariant: SCALE times a level between -127 and 0.
    smoothed: i32,
    speaking: bool,
    /// When the level was last high enough to keep speech going.
    loud_at: MediaTime,
    reported: Option<AudioLevel>,
    reported_at: Option<MediaTime>,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self {
            smoothed: i32::from(AudioLevel::SILENCE.dbov()) * SCALE,
            speaking: false,
            loud_at: MediaTime(0),
            reported: None,
            reported_at: None,
        }
    }

    /// Takes the level of the next packet.
    pub(crate) fn hear(&mut self, now: MediaTime, level: AudioLevel) {
        let target = i32::from(level.dbov()) * SCALE;
        // Up fast, down slowly: a syllable begins at once and fades.
        let share = if target > self.smoothed { 2 } else { 8 };
        self.smoothed += (target - self.smoothed) / share;
        if self.smoothed >= HOLD_DBOV * SCALE {
            self.loud_at = now;
        }
        if self.smoothed >= START_DBOV * SCALE {
            self.speaking = true;
        }
    }

    /// What there is to report now, if anything: a level, or that it fell silent.
    #[must_use]
    pub(crate) fn take_report(&mut self, now: MediaTime) -> Option<Option<AudioLevel>> {
        if self.speaking && now >= self.loud_at + HANG {
            self.speaking = false;
        }
        let too_early = self.reported_at.is_some_and(|at| now < at + REPORT_INTERVAL);
        if too_early || !self.has_news() {
            return None;
        }
        self.reported = self.level();
        self.reported_at = Some(now);
        Some(self.reported)
    }

    /// When there may be something to report even if nothing more is heard.
    #[must_use]
    pub(crate) fn deadline(&self) -> Option<MediaTime> {
        let news = self.reported_at.filter(|_| self.has_news()).map(|at| at + REPORT_INTERVAL);
        let silence = self.speaking.then(|| self.loud_at + HANG);
        news.into_iter().chain(silence).min()
    }

    fn has_news(&self) -> bool {
        match (self.reported, self.level()) {
            (None, None) => false,
            (Some(before), Some(after)) => {
                before.dbov().abs_diff(after.dbov()) >= REPORT_STEP_DB as u8
            }
            (None, Some(_)) | (Some(_), None) => true,
        }
    }

    fn level(&self) -> Option<AudioLevel> {
        self.speaking.then(|| AudioLevel::from_dbov((self.smoothed / SCALE) as i8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> MediaTime {
        MediaTime(ms * 1_000)
    }

    /// Packets every 20 ms at `level`, from `start_ms` on; returns the reports with their times.
    fn hear(meter: &mut Meter, start_ms: u64, packets: u64, level: i8) -> Vec<(u64, Option<i8>)> {
        (0..packets)
            .filter_map(|number| {
                let ms = start_ms + 20 * number;
                meter.hear(at(ms), AudioLevel::from_dbov(level));
                meter.take_report(at(ms)).map(|report| (ms, report.map(AudioLevel::dbov)))
            })
            .collect()
    }

    #[test]
    fn speech_starts_within_three_packets_and_ends_after_the_pause() {
        let mut meter = Meter::new();
        let reports = hear(&mut meter, 0, 20, -30);
        assert_eq!(reports[0].0, 40);
        assert!(reports[0].1.is_some());
        let reports = hear(&mut meter, 400, 100, -127);
        let (ms, last) = *reports.last().unwrap();
        assert_eq!(last, None);
        assert!((900..1_200).contains(&ms), "{ms}");
    }

    #[test]
    fn a_click_is_not_speech() {
        let mut meter = Meter::new();
        assert_eq!(hear(&mut meter, 0, 1, -20), []);
        assert_eq!(hear(&mut meter, 20, 50, -100), []);
    }

    #[test]
    fn a_track_that_stops_falls_silent_at_the_deadline() {
        let mut meter = Meter::new();
        hear(&mut meter, 0, 10, -20);
        let mut now = MediaTime(0);
        let mut last = None;
        while let Some(deadline) = meter.deadline() {
            assert!(deadline > now);
            now = deadline;
            last = meter.take_report(now).or(last);
        }
        assert_eq!(last, Some(None));
        assert_eq!(now, at(180 + 500));
    }

    #[test]
    fn reports_are_at_most_five_a_second() {
        let mut meter = Meter::new();
        let mut times = Vec::new();
        for second in 0..20 {
            let level = if second % 2 == 0 { -10 } else { -120 };
            times.extend(
                hear(&mut meter, second * 200, 10, level).into_iter().map(|report| report.0),
            );
        }
        assert!(times.len() > 5);
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 200), "{times:?}");
    }
}
