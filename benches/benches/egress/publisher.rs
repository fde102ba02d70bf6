//! What the publisher sends: pictures of as many packets as are wanted, back to back.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use str0m::Input;
use str0m::media::Pt;
use str0m::rtp::RtpWrite;

use crate::driver::Driver;
use crate::peer::Peer;
use crate::rig::PAYLOAD_BYTES;

/// RTP's clock of pictures (RFC 7741, 4.1), thirty of them a second.
const FRAME_TICKS: u64 = 3_000;
/// How long a picture may take to all viewers before its missing packets count as lost. A guess: twenty times what a
/// thousand viewers take.
const DELIVERY_MAX: Duration = Duration::from_millis(400);
/// How often it is looked whether all have it.
const LOOK: Duration = Duration::from_micros(50);

/// A publisher that is connected.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) peer: Peer,
    pt: Pt,
    frames: u64,
    packets: u64,
}

impl Publisher {
    pub(crate) fn new(peer: Peer) -> Result<Self> {
        let section = peer.rtc.media(peer.video());
        let pt = section.and_then(|section| section.remote_pts().first().copied());
        Ok(Self { peer, pt: pt.context("the driver does not accept VP8")?, frames: 0, packets: 0 })
    }

    /// Sends a picture of `k` packets and waits until all viewers have them, so that the driver keeps up. Returns
    /// whether they have.
    pub(crate) fn deliver(&mut self, driver: &Driver, viewers: u64, k: usize) -> Result<bool> {
        let wanted = driver.delivered() + viewers * k as u64;
        self.send(k)?;
        let began = Instant::now();
        while driver.delivered() < wanted {
            if began.elapsed() > DELIVERY_MAX {
                return Ok(false);
            }
            std::thread::sleep(LOOK);
            self.peer.pump()?;
        }
        Ok(true)
    }

    fn send(&mut self, k: usize) -> Result<()> {
        let is_keyframe = self.frames == 0 || std::mem::take(&mut self.peer.is_keyframe_wanted);
        let video = self.peer.video();
        let timestamp = (self.frames * FRAME_TICKS) as u32;
        for index in 0..k {
            let payload = payload(self.frames, is_keyframe, index == 0);
            let now = Instant::now();
            let packet = RtpWrite::new(self.pt, self.packets.into(), timestamp, now, payload)
                .marker(index + 1 == k)
                .nackable(true);
            self.packets += 1;
            let mut api = self.peer.rtc.direct_api();
            let stream = api.stream_tx_by_mid(video, None);
            stream.context("the stream is gone")?.write_rtp(packet);
            self.peer.drain()?;
        }
        self.frames += 1;
        // What waits for the time to pass goes out.
        self.peer.rtc.handle_input(Input::Timeout(Instant::now()))?;
        self.peer.drain()
    }
}

/// A payload that looks like VP8 to everybody but a decoder (RFC 7741, 4.2 and 4.3; RFC 6386, 9.1).
fn payload(frame: u64, is_keyframe: bool, begins: bool) -> Vec<u8> {
    let [high, low] = ((frame & 0x7fff) as u16 | 0x8000).to_be_bytes();
    let mut payload = vec![0x80 | if begins { 0x10 } else { 0 }, 0x80, high, low];
    if begins {
        payload.push(0x10 | u8::from(!is_keyframe));
    }
    payload.resize(PAYLOAD_BYTES, 0);
    payload
}
