//! A leg: the handshake, the keys and the streams together.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use is::IceCreds;
use salon_fanout::{Codec, Slot};

use super::answer::{self, Transport};
use super::handshake::{End, Factory, Handshake, Message, Route};
use super::offer::{Offer, Use};
use super::rtcp::{self, Compound, Feedback, SenderReport};
use super::srtp::{OpenError, Opener, Sealer};
use super::stream::{Fields, ORIGINAL_NUMBER_BYTES, Stream, Writing};
use super::transport::{Arrivals, Numbers};
use crate::media::OfferError;
use crate::sdp;

/// How many missing packets one message may name; more are asked for again. A guess: half a second of 4 Mbit/s.
const LOST_MAX: usize = 256;
/// A larger datagram is no report: those of a browser are below the size of an Ethernet frame.
const REPORT_BYTES_MAX: usize = 1_500;
/// The most notices taken from one datagram.
const NOTICES_MAX: usize = 64;

/// The leg of one viewer.
#[derive(Debug)]
pub(crate) struct Leg {
    handshake: Handshake,
    keys: Option<(Sealer, Opener)>,
    streams: [Option<Stream>; Slot::COUNT],
    /// The numbers of packets in the transport, for streams that carry them.
    numbers: Numbers,
    /// What our streams are called in reports.
    name: String,
    rtt: Option<Duration>,
}

/// What a datagram of the viewer turned out to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Input {
    Known,
    /// None of WebRTC, or nothing that a viewer sends.
    Unknown,
    /// A report that cannot be opened or read.
    Malformed,
}

/// Something the viewer reports.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Notice {
    /// It misses these packets.
    Lost { slot: Slot, sequences: Vec<u16>, rtt: Option<Duration> },
    /// It cannot decode the picture.
    KeyframeWanted { slot: Slot },
    /// How a slot arrives: the fraction lost since the report before, in 256ths.
    Reception { slot: Slot, lost: u8 },
    /// Which packets arrived, of all slots.
    Arrivals(Arrivals),
}

impl Leg {
    /// Accepts an offer. Returns the leg and the answer; `draw` gives random bits.
    pub(crate) fn accept(
        now: Instant,
        factory: &Factory,
        offer: &sdp::Offer,
        local: IceCreds,
        addresses: &[SocketAddr],
        mut draw: impl FnMut() -> u64,
    ) -> Result<(Self, String), OfferError> {
        let offer = Offer::read(offer, factory.feedback())?;
        let mut streams = [const { None }; Slot::COUNT];
        let mut ssrcs = BTreeSet::from([0]);
        let mut new_ssrc = |draw: &mut dyn FnMut() -> u64| loop {
            let ssrc = draw() as u32;
            if ssrcs.insert(ssrc) {
                return ssrc;
            }
        };
        for section in &offer.sections {
            if let Use::Slot(slot) = section.use_ {
                let ssrcs = [new_ssrc(&mut draw), new_ssrc(&mut draw)];
                streams[slot.index()] = Some(Stream::new(section, ssrcs, draw()));
            }
        }
        let name = local.ufrag.clone();
        let handshake = Handshake::new(
            now,
            factory,
            local.clone(),
            offer.credentials.clone(),
            offer.fingerprints.clone(),
            addresses,
        );
        let transport = Transport {
            ufrag: &local.ufrag,
            password: &local.pass,
            fingerprint: factory.fingerprint(),
            candidates: handshake.candidates(),
        };
        let answer = answer::write(&offer, draw(), &transport, &streams);
        let numbers = Numbers::default();
        Ok((Self { handshake, keys: None, streams, numbers, name, rtt: None }, answer))
    }

    /// As if the handshake had ended with these keys.
    #[cfg(test)]
    pub(crate) fn set_keys(&mut self, keys: super::handshake::Keys) {
        self.keys = Some(keys);
    }

    /// True once media can be sent.
    pub(crate) const fn is_up(&self) -> bool {
        self.keys.is_some() && self.handshake.route().is_some()
    }

    /// Where to send.
    pub(crate) const fn route(&self) -> Option<Route> {
        self.handshake.route()
    }

    pub(crate) const fn deadline(&self) -> Instant {
        self.handshake.deadline()
    }

    /// A datagram came over `route`, seen from here. Follow with [`Leg::drain`].
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        ntp: u64,
        route: Route,
        bytes: &[u8],
        buffer: &mut Vec<u8>,
        see: impl FnMut(Notice),
    ) -> Result<Input, End> {
        // RFC 7983: the first byte tells the protocols apart.
        match bytes {
            [0..=3, ..] => {
                let is_known = self.handshake.receive_stun(now, route, bytes);
                Ok(if is_known { Input::Known } else { Input::Unknown })
            }
            [20..=63, ..] => self.handshake.receive_dtls(now, route, bytes).map(|()| Input::Known),
            // RFC 5761, 4: control packets are those of these types.
            [128..=191, 192..=223, ..] if bytes.len() <= REPORT_BYTES_MAX => {
                Ok(self.receive_report(ntp, bytes, buffer, see))
            }
            _ => Ok(Input::Unknown),
        }
    }

    /// Time has passed. Follow with [`Leg::drain`].
    pub(crate) fn on_deadline(&mut self, now: Instant) -> Result<(), End> {
        self.handshake.on_deadline(now)
    }

    /// Sends what the handshake wants sent.
    pub(crate) fn drain(
        &mut self,
        buffer: &mut Vec<u8>,
        send: impl FnMut(Route, Message<'_>),
    ) -> Result<(), End> {
        if let Some(keys) = self.handshake.drain(buffer, send)? {
            // A second handshake in the same session would start the numbers of every stream anew.
            if self.keys.is_some() {
                return Err(End::Unprotected);
            }
            self.keys = Some(keys);
        }
        Ok(())
    }

    /// Says goodbye: the end of every stream, then of the transport.
    pub(crate) fn close(&mut self, buffer: &mut Vec<u8>, mut send: impl FnMut(Route, &[u8])) {
        let used: Vec<u32> = self.streams.iter().flatten().flat_map(Stream::used_ssrcs).collect();
        if let Some(compound) = Compound::of_goodbye(&used) {
            self.send_compound(compound, &mut send);
        }
        self.handshake.close(buffer, |route, message| match message {
            Message::Stun(bytes) | Message::Dtls(bytes) => send(route, bytes),
        });
    }

    /// Prepares a slot for a codec. Returns false if the viewer has no such slot or cannot decode it.
    pub(crate) fn select(&mut self, slot: Slot, codec: Codec, profile: Option<u32>) -> bool {
        self.streams[slot.index()].as_mut().is_some_and(|stream| stream.select(codec, profile))
    }

    /// How long a packet will be on the wire, without padding. `None` if it cannot be sent.
    pub(crate) fn packet_bytes(
        &self,
        slot: Slot,
        is_retransmission: bool,
        payload_bytes: usize,
    ) -> Option<usize> {
        let (sealer, _) = self.keys.as_ref()?;
        let stream = self.streams[slot.index()].as_ref()?;
        let number = if is_retransmission { ORIGINAL_NUMBER_BYTES } else { 0 };
        Some(stream.header_bytes() + number + payload_bytes + sealer.tag_bytes())
    }

    /// Writes a packet into `out`, which is as long as [`Leg::packet_bytes`] says, or longer by as much as there is to be
    /// padding, [`PADDING_BYTES_MAX`] at most. Returns false if it cannot be sent.
    ///
    /// The payload is `head` and then `body`; `head` is short.
    #[must_use]
    pub(crate) fn seal(
        &mut self,
        slot: Slot,
        fields: &Fields,
        [head, body]: [&[u8]; 2],
        out: &mut [u8],
    ) -> bool {
        let (Some((sealer, _)), Some(stream)) = (&self.keys, &mut self.streams[slot.index()])
        else {
            return false;
        };
        let payload_bytes = head.len() + body.len();
        let Some(mut writing) = stream.write(fields, payload_bytes, &mut self.numbers) else {
            return false;
        };
        let mut longer = [0; ORIGINAL_NUMBER_BYTES + HEAD_BYTES_MAX];
        let Some(longer) = longer.get_mut(..ORIGINAL_NUMBER_BYTES + head.len()) else {
            return false;
        };
        let head = if fields.is_retransmission {
            let (number, rest) = longer.split_at_mut(ORIGINAL_NUMBER_BYTES);
            number.copy_from_slice(&(fields.sequence as u16).to_be_bytes());
            rest.copy_from_slice(head);
            &*longer
        } else {
            head
        };
        let bare_bytes = writing.header_bytes + head.len() + body.len() + sealer.tag_bytes();
        let padding_bytes = out.len().saturating_sub(bare_bytes);
        let mut padding = [0; PADDING_BYTES_MAX];
        let Some(padding) = padding.get_mut(..padding_bytes) else { return false };
        if let Some(last) = padding.last_mut() {
            *last = padding_bytes as u8;
            writing.announce_padding();
        }
        let Writing { ssrc, index, header, header_bytes } = writing;
        out[..header_bytes].copy_from_slice(&header[..header_bytes]);
        sealer.seal_media(ssrc, index, out, [head, body, padding]).is_ok()
    }

    /// Reports on every stream that has sent since the last report and whose time `clock` knows.
    pub(crate) fn report(
        &mut self,
        ntp: u64,
        mut clock: impl FnMut(Slot) -> Option<u32>,
        send: impl FnMut(Route, &[u8]),
    ) {
        let mut reports: Vec<SenderReport> = Vec::new();
        for slot in Slot::all() {
            if let Some(stream) = &mut self.streams[slot.index()]
                && stream.has_news()
                && let Some(rtp_timestamp) = clock(slot)
            {
                reports.push(stream.report(ntp, rtp_timestamp));
            }
        }
        if let Some(compound) = Compound::of_reports(&reports, &self.name) {
            self.send_compound(compound, send);
        }
    }

    fn send_compound(&mut self, compound: Compound, mut send: impl FnMut(Route, &[u8])) {
        let (Some((sealer, _)), Some(route)) = (&mut self.keys, self.handshake.route()) else {
            return;
        };
        let (mut bytes, length) = compound.into_parts();
        if let Ok(length) = sealer.seal_report(&mut bytes, length) {
            send(route, &bytes[..length]);
        }
    }

    fn receive_report(
        &mut self,
        ntp: u64,
        bytes: &[u8],
        buffer: &mut Vec<u8>,
        mut see: impl FnMut(Notice),
    ) -> Input {
        // Before there are keys it may be early, and is not wrong.
        let Some((_, opener)) = &mut self.keys else { return Input::Known };
        buffer.clear();
        buffer.extend_from_slice(bytes);
        let report = match opener.open_report(buffer) {
            Ok(report) => report,
            // A network may deliver twice.
            Err(OpenError::Replayed(_)) => return Input::Known,
            Err(error) => {
                tracing::trace!(%error, "report refused");
                return Input::Malformed;
            }
        };
        let (streams, rtt) = (&self.streams, &mut self.rtt);
        let mut notices = 0;
        let result = rtcp::read(report, |feedback| {
            let notice = match feedback {
                Feedback::Reception(block) => slot_of(streams, block.ssrc).map(|slot| {
                    *rtt = block.rtt(ntp).or(*rtt);
                    Notice::Reception { slot, lost: block.lost }
                }),
                Feedback::Lost { ssrc, packets } => slot_of(streams, ssrc).map(|slot| {
                    let sequences = packets.sequences().take(LOST_MAX).collect();
                    Notice::Lost { slot, sequences, rtt: *rtt }
                }),
                Feedback::KeyframeWanted { ssrc } => {
                    slot_of(streams, ssrc).map(|slot| Notice::KeyframeWanted { slot })
                }
                Feedback::Arrivals(arrivals) => Some(Notice::Arrivals(arrivals)),
            };
            if let Some(notice) = notice
                && notices < NOTICES_MAX
            {
                notices += 1;
                see(notice);
            }
        });
        match result {
            Ok(()) => Input::Known,
            Err(error) => {
                tracing::trace!(%error, "report cannot be read");
                Input::Malformed
            }
        }
    }
}

/// The longest padding of a packet. Its last byte could count 255 (RFC 3550, 5.1); nobody needs as much.
pub(crate) const PADDING_BYTES_MAX: usize = 32;

/// The longest beginning of a payload that is a viewer's own: that of VP8 (RFC 7741, 4.2).
pub(crate) const HEAD_BYTES_MAX: usize = 6;

fn slot_of(streams: &[Option<Stream>; Slot::COUNT], ssrc: u32) -> Option<Slot> {
    let is_it =
        |slot: &Slot| streams[slot.index()].as_ref().is_some_and(|stream| stream.ssrc() == ssrc);
    Slot::all().find(is_it)
}
