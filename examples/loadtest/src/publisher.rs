//! Somebody who publishes: pictures and sound in time, until told to stop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use str0m::Event;
use str0m::media::{Mid, Pt};
use str0m::rtp::{ExtensionValues, RtpWrite};
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::arguments::{Codec, Media};
use crate::door::Door;
use crate::peer::{Kit, Peer};
use crate::picture::{self, Part};
use crate::stamp::Stamp;

/// How long a publisher may take to connect. A guess, far above what a handshake takes.
pub(crate) const CONNECT_MAX: Duration = Duration::from_secs(15);
/// The length of a sound packet.
const SOUND: Duration = Duration::from_millis(20);
/// RTP's clock of pictures, and what it advances in a sound packet's length on that of sound.
const VIDEO_HZ: u64 = 90_000;
const SOUND_TICKS: u64 = 960;
/// The time from one keyframe to the next.
const KEYFRAME_SECONDS: u64 = 2;

/// A publisher that is connected.
#[derive(Debug)]
pub(crate) struct Publisher {
    peer: Peer,
    codec: Codec,
    fps: u32,
    packets_per_frame: u32,
    packet_bytes: usize,
    sound: Track,
    picture: Track,
    frames: u64,
    keyframe_at: u64,
    events: Vec<Event>,
}

/// One stream of packets.
#[derive(Clone, Copy, Debug)]
struct Track {
    mid: Mid,
    pt: Pt,
    number: u8,
    packets: u64,
}

impl Publisher {
    /// Connects.
    pub(crate) async fn connect(
        kit: &Arc<Kit>,
        door: &Door,
        media: &Media,
        seat: u8,
    ) -> Result<Self> {
        let mut peer = Peer::publish(kit, door).await?;
        let mut events = Vec::new();
        let connected = async {
            while !events.iter().any(|event| matches!(event, Event::Connected)) {
                peer.step(&mut events).await?;
                if !peer.rtc.is_alive() {
                    bail!("{} closed the publisher's connection", door.url());
                }
            }
            Ok(())
        };
        timeout(CONNECT_MAX, connected).await.with_context(|| {
            format!("{} answered, but ICE and DTLS did not connect within {CONNECT_MAX:?}: is its UDP port reachable?", door.url())
        })??;
        let [sound, picture] = peer.mids[..] else {
            unreachable!("one section of each was offered")
        };
        let track = |mid, kind: u8, name: &str| -> Result<Track> {
            let section = peer.rtc.media(mid);
            let pt = section.and_then(|section| section.remote_pts().first().copied());
            let pt = pt.with_context(|| format!("{} does not accept {name}", door.url()))?;
            Ok(Track { mid, pt, number: 2 * seat + kind, packets: 0 })
        };
        let name = match media.codec {
            Codec::Vp8 => "VP8: try --codec h264",
            Codec::H264 => "H.264: try --codec vp8",
        };
        Ok(Self {
            sound: track(sound, 0, "Opus")?,
            picture: track(picture, 1, name)?,
            peer,
            codec: media.codec,
            fps: media.fps,
            packets_per_frame: media.packets_per_frame,
            packet_bytes: media.packet_bytes.into(),
            frames: 0,
            keyframe_at: 0,
            events,
        })
    }

    /// Publishes until told to stop, and says goodbye.
    pub(crate) fn start(mut self, stop: CancellationToken) -> JoinHandle<Result<()>> {
        tokio::spawn(async move {
            let mut pictures = every(Duration::from_secs(1) / self.fps);
            let mut sounds = every(SOUND);
            loop {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => break,
                    _ = pictures.tick() => self.send_picture()?,
                    _ = sounds.tick() => self.send_sound()?,
                    stepped = self.peer.step(&mut self.events) => stepped?,
                }
                if !self.peer.rtc.is_alive() {
                    bail!("the server closed a publisher's connection");
                }
                let is_wanted = |event: Event| matches!(event, Event::KeyframeRequest(_));
                if self.events.drain(..).any(is_wanted) {
                    self.keyframe_at = self.frames;
                }
            }
            self.peer.close().await;
            Ok(())
        })
    }

    fn send_picture(&mut self) -> Result<()> {
        let (frame, count) = (self.frames, self.packets_per_frame);
        self.frames += 1;
        let is_keyframe = frame >= self.keyframe_at;
        if is_keyframe {
            self.keyframe_at = frame + KEYFRAME_SECONDS * u64::from(self.fps);
        }
        let timestamp = frame * VIDEO_HZ / u64::from(self.fps);
        for index in 0..count {
            let part = Part { frame, is_keyframe, index, count };
            let stamp = self.stamp(self.picture);
            let payload = part.payload(self.codec, stamp, self.packet_bytes);
            let track = self.picture;
            self.picture.packets += 1;
            self.write(track, timestamp, payload, |packet| {
                packet.marker(part.marker()).nackable(true)
            })?;
        }
        self.flush()
    }

    fn send_sound(&mut self) -> Result<()> {
        let track = self.sound;
        self.sound.packets += 1;
        let payload = picture::sound(self.stamp(track));
        // RFC 6464: a voice, 20 dB below the loudest there is.
        let level = ExtensionValues {
            audio_level: Some(-20),
            voice_activity: Some(true),
            ..ExtensionValues::default()
        };
        self.write(track, track.packets * SOUND_TICKS, payload, |packet| packet.ext_vals(level))?;
        self.flush()
    }

    fn stamp(&self, track: Track) -> Stamp {
        let meter = &self.peer.kit().meter;
        let is_measured = meter.on_send();
        let sent_us = meter.us(Instant::now());
        Stamp { track: track.number, is_measured, counter: track.packets, sent_us }
    }

    fn write(
        &mut self,
        track: Track,
        timestamp: u64,
        payload: Vec<u8>,
        finish: impl FnOnce(RtpWrite) -> RtpWrite,
    ) -> Result<()> {
        let timestamp = (timestamp & 0xffff_ffff) as u32;
        let now = Instant::now();
        let packet = RtpWrite::new(track.pt, track.packets.into(), timestamp, now, payload);
        let mut api = self.peer.rtc.direct_api();
        let stream = api.stream_tx_by_mid(track.mid, None).context("the stream is gone")?;
        stream.write_rtp(finish(packet));
        self.peer.drain(&mut self.events)
    }

    /// Lets the connection notice the time, so that what waits for it goes out.
    fn flush(&mut self) -> Result<()> {
        self.peer.rtc.handle_input(str0m::Input::Timeout(Instant::now()))?;
        self.peer.drain(&mut self.events)
    }
}

/// A clock that does not catch up: a late frame is not followed by an early one.
fn every(period: Duration) -> Interval {
    let mut clock = interval(period);
    clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
    clock
}
