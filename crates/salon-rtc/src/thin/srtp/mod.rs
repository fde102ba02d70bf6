//! SRTP and SRTCP as a viewer's leg needs them (RFC 3711, RFC 7714): packets sealed out of place from the payload that
//! all viewers share, and the peer's reports opened.

mod cipher;
mod derive;
mod window;

use aws_lc_rs::error::Unspecified;

pub(crate) use derive::{MasterKeys, Profile};
pub(crate) use window::Window;

use cipher::{Cipher, Nonce};
use derive::Purpose;

/// The most that sealing adds to a packet: a tag, and behind a report its index.
pub(crate) const OVERHEAD_BYTES_MAX: usize = 16 + INDEX_BYTES;
/// What precedes the encrypted part of a report: its first header and the sender's SSRC (RFC 3711, 3.4).
const REPORT_HEADER_BYTES: usize = 8;
const INDEX_BYTES: usize = 4;
/// The bit before the index that says that a report is encrypted.
const ENCRYPTED: u32 = 1 << 31;
/// How many SSRCs of a peer are listened to. A browser reports from one; a guess.
const PEERS_MAX: usize = 8;

/// Why a datagram is no report of the peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("report of {0} bytes is too short")]
    Short(usize),
    #[error("report is not encrypted")]
    Plain,
    #[error("report was not sealed by the peer")]
    Forged,
    #[error("report {0} came before")]
    Replayed(u32),
    #[error("peer reports from more than {PEERS_MAX} sources")]
    Sources,
}

/// Seals what we send.
///
/// Every key here has one user, this value, and every SSRC one writer, its stream: that is what keeps two packets from
/// sharing a nonce.
#[derive(Debug)]
pub(crate) struct Sealer {
    media: Cipher,
    reports: Cipher,
    /// The index of the next report, one count for all SSRCs.
    // Invariant: below 2^31.
    report_index: u32,
}

impl Sealer {
    pub(crate) fn new(keys: &MasterKeys<'_>) -> Result<Self, Unspecified> {
        Ok(Self {
            media: keys.cipher(Purpose::Media)?,
            reports: keys.cipher(Purpose::Reports)?,
            report_index: 0,
        })
    }

    /// How much sealing adds to a media packet.
    pub(crate) const fn tag_bytes(&self) -> usize {
        self.media.tag_bytes()
    }

    /// Seals a media packet: its header is in `packet` already, what is encrypted is `head`, then `body`, then `tail`, and
    /// what goes on the wire fills `packet` to its end. The least is copied if either head or tail is empty.
    ///
    /// `index` is the extended sequence number. The caller never gives two different packets of one SSRC the same.
    pub(crate) fn seal_media(
        &self,
        ssrc: u32,
        index: u64,
        packet: &mut [u8],
        parts @ [head, body, tail]: [&[u8]; 3],
    ) -> Result<(), Unspecified> {
        let header_bytes = packet
            .len()
            .checked_sub(head.len() + body.len() + tail.len() + self.tag_bytes())
            .ok_or(Unspecified)?;
        let roll_over = (index >> 16) as u32;
        let (header, rest) = packet.split_at_mut(header_bytes);
        self.media.seal(Nonce::new(ssrc, index), header, parts, rest, roll_over)
    }

    /// Seals a compound report in `packet[..length]` in place, and returns how long it is then.
    pub(crate) fn seal_report(
        &mut self,
        packet: &mut [u8],
        length: usize,
    ) -> Result<usize, Unspecified> {
        if self.report_index >= ENCRYPTED || length < REPORT_HEADER_BYTES {
            return Err(Unspecified);
        }
        let index = self.report_index;
        self.report_index += 1;
        let ssrc = ssrc_of(packet);
        self.reports.seal_report(
            Nonce::new(ssrc, u64::from(index)),
            packet,
            length,
            index | ENCRYPTED,
        )
    }
}

/// Opens what the peer reports.
#[derive(Debug)]
pub(crate) struct Opener {
    reports: Cipher,
    // Invariant: at most PEERS_MAX, each SSRC once.
    seen: Vec<(u32, Window<1>)>,
}

impl Opener {
    pub(crate) fn new(keys: &MasterKeys<'_>) -> Result<Self, Unspecified> {
        Ok(Self { reports: keys.cipher(Purpose::Reports)?, seen: Vec::new() })
    }

    /// Opens a compound report in place.
    pub(crate) fn open_report<'a>(&mut self, packet: &'a mut [u8]) -> Result<&'a [u8], OpenError> {
        let shortest = REPORT_HEADER_BYTES + INDEX_BYTES + self.reports.tag_bytes();
        if packet.len() < shortest {
            return Err(OpenError::Short(packet.len()));
        }
        let ssrc = ssrc_of(packet);
        let trailer = self.reports.trailer(packet);
        if trailer & ENCRYPTED == 0 {
            return Err(OpenError::Plain);
        }
        let index = trailer & !ENCRYPTED;
        let known = self.seen.iter().position(|(known, _)| *known == ssrc);
        let window = known.map_or_else(Window::default, |at| self.seen[at].1);
        if !window.allows(u64::from(index)) {
            return Err(OpenError::Replayed(index));
        }
        if known.is_none() && self.seen.len() == PEERS_MAX {
            return Err(OpenError::Sources);
        }
        let length = self
            .reports
            .open_report(Nonce::new(ssrc, u64::from(index)), packet, trailer)
            .map_err(|Unspecified| OpenError::Forged)?;
        // Only what is authentic is noted.
        let at = known.unwrap_or_else(|| {
            self.seen.push((ssrc, window));
            self.seen.len() - 1
        });
        self.seen[at].1.insert(u64::from(index));
        Ok(&packet[..length])
    }
}

/// The SSRC in a report's first header; the packet is at least that long.
fn ssrc_of(report: &[u8]) -> u32 {
    u32::from_be_bytes([report[4], report[5], report[6], report[7]])
}

#[cfg(test)]
mod tests;
