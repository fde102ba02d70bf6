//! A WebRTC client in this process: a full ICE agent that publishes or watches over loopback.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::num::NonZeroU8;
use std::sync::Arc;
use std::time::{Duration, Instant};

use salon_core::{Fence, GrantKey, StintId};
use salon_rtc::media::{Publish, Watch};
use salon_rtc::{Config, Event, Events, Media, OfferError, SessionId, StageId};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{
    Direction, KeyframeRequestKind, MediaKind, Mid, Pt, Rid, Simulcast, SimulcastLayer,
};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Candidate, Input, Output, Rtc, RtcConfig};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// Nothing on loopback takes this long; only a bug does.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const STAGE: StageId = StageId(7);

pub(crate) fn key(stint: u64) -> GrantKey {
    GrantKey { fence: Fence(1), stint: StintId(stint) }
}

/// Drivers at work on this runtime.
pub(crate) struct Server {
    pub(crate) media: Media,
    pub(crate) events: Events,
    pub(crate) drivers: JoinSet<std::io::Result<()>>,
}

impl Server {
    /// With two shards: the first viewer is elsewhere than the seats are, the second beside them, and so on.
    pub(crate) fn start() -> Self {
        Self::start_with(|config| config.shards = const { NonZeroU8::new(2).unwrap() })
    }

    pub(crate) fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        config.udp = SocketAddr::from(([127, 0, 0, 1], 0));
        change(&mut config);
        let (media, drivers, events) = salon_rtc::bind(config).unwrap();
        Self { media, events, drivers: drivers.into_iter().map(salon_rtc::Driver::run).collect() }
    }

    /// The next event of a session.
    pub(crate) async fn event(&mut self) -> Event {
        loop {
            match within(self.events.next()).await.expect("the driver is running") {
                Event::Speaking { .. } | Event::LayersWanted { .. } => {}
                event => return event,
            }
        }
    }

    /// Waits until the counters say so.
    pub(crate) async fn until(&self, is_so: impl Fn(&salon_rtc::Statistics) -> bool) {
        within(async {
            while !is_so(&self.media.statistics()) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

/// Waits until every driver has ended, and ended well.
pub(crate) async fn ended(drivers: &mut JoinSet<std::io::Result<()>>) {
    while let Some(ended) = within(drivers.join_next()).await {
        ended.unwrap().unwrap();
    }
}

/// Waits for something that must happen.
#[track_caller]
pub(crate) fn within<T>(future: impl Future<Output = T>) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(PATIENCE, future).await {
            Ok(value) => value,
            Err(_) => panic!("nothing happened at {caller}"),
        }
    }
}

/// A packet that a viewer received.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Received {
    pub(crate) mid: Mid,
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) pt: Pt,
    pub(crate) payload: Vec<u8>,
}

/// What happens to packets on their way to a client.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Path {
    Perfect,
    /// One media packet in so many is lost.
    LosesOneIn(usize),
}

impl Path {
    fn loses(self, count: usize) -> bool {
        match self {
            Self::Perfect => false,
            Self::LosesOneIn(every) => count.is_multiple_of(every),
        }
    }
}

/// What a client tells its test.
#[derive(Debug)]
pub(crate) enum Notice {
    Connected,
    Packet(Received),
    KeyframeWanted,
    Closed,
}

/// A client, alive as long as this is.
pub(crate) struct Client {
    pub(crate) session: SessionId,
    /// Where its answer told it to send.
    pub(crate) server: SocketAddr,
    /// The sections of its offer, audio first.
    pub(crate) mids: Vec<Mid>,
    orders: mpsc::Sender<Order>,
    notices: mpsc::Receiver<Notice>,
    sequences: HashMap<MediaKind, u64>,
}

/// What a test wants of a client.
enum Order {
    Send {
        mid: Mid,
        rid: Option<Rid>,
        sequence: u64,
        timestamp: u32,
        payload: Vec<u8>,
    },
    SendRaw(SocketAddr, Vec<u8>),
    RequestKeyframe(Mid),
    /// Neither reads nor says anything any more, and keeps its socket.
    Freeze,
    Close(oneshot::Sender<()>),
}

fn config() -> RtcConfig {
    RtcConfig::new()
        .set_crypto_provider(Arc::new(str0m::crypto::from_feature_flags()))
        .set_rtp_mode(true)
        .clear_codecs()
        .enable_opus(true, false)
        .enable_vp8(true)
        .enable_h264(true)
}

/// An offer with so many sections of each kind, and what it takes to accept the answer.
pub(crate) async fn offer(
    direction: Direction,
    sections: usize,
) -> (String, Rtc, SdpPendingOffer, UdpSocket, Vec<Mid>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut rtc = config().build(Instant::now());
    rtc.add_local_candidate(Candidate::host(socket.local_addr().unwrap(), "udp").unwrap());
    let mut changes = rtc.sdp_api();
    let kinds = [MediaKind::Audio, MediaKind::Video];
    let kinds = kinds.into_iter().flat_map(|kind| std::iter::repeat_n(kind, sections));
    let mids = kinds.map(|kind| changes.add_media(kind, direction, None, None, None)).collect();
    let (offer, pending) = changes.apply().unwrap();
    (offer.to_sdp_string(), rtc, pending, socket, mids)
}

/// The names of the encodings of [`Client::publish_layers`], lowest first, and how many rows each has.
pub(crate) const LAYERS: [(&str, u16); 3] = [("q", 180), ("h", 360), ("f", 720)];

/// The first address that an answer tells a client to send to (RFC 8839, 5.1).
fn candidate_of(answer: &str) -> SocketAddr {
    let candidate = answer.lines().find_map(|line| line.strip_prefix("a=candidate:")).unwrap();
    let words: Vec<&str> = candidate.split(' ').collect();
    SocketAddr::new(words[4].parse().unwrap(), words[5].parse().unwrap())
}

impl Client {
    /// Publishes, and waits until it is connected.
    pub(crate) async fn publish(server: &mut Server, slot: u8, key: GrantKey) -> Self {
        let mut client = Self::try_publish(&server.media, slot, key).await.unwrap();
        client.connected().await;
        assert_eq!(server.event_of(client.session).await, "connected");
        client
    }

    pub(crate) async fn try_publish(
        media: &Media,
        slot: u8,
        key: GrantKey,
    ) -> Result<Self, OfferError> {
        let (offer, rtc, pending, socket, mids) = offer(Direction::SendOnly, 1).await;
        let answer = media.publish(Publish { stage: STAGE, slot, key, offer }).await?;
        let (session, sdp) = (answer.session, answer.sdp);
        Ok(Self::start(rtc, pending, socket, mids, session, sdp, Path::Perfect))
    }

    /// Publishes a picture in three encodings and nothing else, and waits until it is connected.
    pub(crate) async fn publish_layers(server: &mut Server, slot: u8, key: GrantKey) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut rtc = config().build(Instant::now());
        rtc.add_local_candidate(Candidate::host(socket.local_addr().unwrap(), "udp").unwrap());
        let mut simulcast = Simulcast::new();
        for (name, _) in LAYERS {
            simulcast.add_send_layer(SimulcastLayer::new(name));
        }
        let mut changes = rtc.sdp_api();
        let (kind, direction) = (MediaKind::Video, Direction::SendOnly);
        let mids = vec![changes.add_media(kind, direction, None, None, Some(simulcast))];
        let (offer, pending) = changes.apply().unwrap();
        let publish = Publish { stage: STAGE, slot, key, offer: offer.to_sdp_string() };
        let answer = server.media.publish(publish).await.unwrap();
        let (session, sdp) = (answer.session, answer.sdp);
        let mut client = Self::start(rtc, pending, socket, mids, session, sdp, Path::Perfect);
        client.connected().await;
        assert_eq!(server.event_of(client.session).await, "connected");
        client
    }

    /// Sends a picture in every encoding: keyframes all, which name their encoding, a thirtieth of a second after the
    /// ones before.
    pub(crate) async fn send_layers(&mut self) {
        let count = self.sequences.entry(MediaKind::Video).or_default();
        let (sequence, timestamp) = (1_000 + *count, (*count * 3_000) as u32);
        *count += 1;
        for (name, rows) in LAYERS {
            // RFC 6386, 9.1: the tag, the start code, the width and the height.
            let [low, high] = rows.to_le_bytes();
            let mut frame = vec![0, 0, 0x9d, 0x01, 0x2a, low, high, low, high];
            frame.extend(name.bytes());
            let payload = vp8(true, sequence as u16, &frame);
            let (mid, rid) = (self.mids[0], Some(name.into()));
            let order = Order::Send { mid, rid, sequence, timestamp, payload };
            assert!(self.orders.send(order).await.is_ok(), "the client is running");
        }
    }

    /// Watches all four slots, and waits until it is connected.
    pub(crate) async fn watch(server: &mut Server, mask: Option<u8>) -> Self {
        Self::watch_over(server, mask, Path::Perfect).await
    }

    /// Watches over a path of that kind.
    pub(crate) async fn watch_over(server: &mut Server, mask: Option<u8>, path: Path) -> Self {
        let (offer, rtc, pending, socket, mids) = offer(Direction::RecvOnly, 4).await;
        let answer = server.media.watch(Watch { stage: STAGE, offer, mask }).await.unwrap();
        let mut client = Self::start(rtc, pending, socket, mids, answer.session, answer.sdp, path);
        client.connected().await;
        assert_eq!(server.event_of(client.session).await, "connected");
        client
    }

    /// Watches with an offer that was changed on its way. Whether it connects is for the caller to see.
    pub(crate) async fn watch_changed(media: &Media, change: impl Fn(&str) -> String) -> Self {
        let (offer, rtc, pending, socket, mids) = offer(Direction::RecvOnly, 4).await;
        let watch = Watch { stage: STAGE, offer: change(&offer), mask: None };
        let answer = media.watch(watch).await.unwrap();
        Self::start(rtc, pending, socket, mids, answer.session, answer.sdp, Path::Perfect)
    }

    /// Sends a datagram from the address of the connection.
    pub(crate) async fn send_raw(&self, destination: SocketAddr, bytes: Vec<u8>) {
        let order = Order::SendRaw(destination, bytes);
        assert!(self.orders.send(order).await.is_ok(), "the client is running");
    }

    fn start(
        mut rtc: Rtc,
        pending: SdpPendingOffer,
        socket: UdpSocket,
        mids: Vec<Mid>,
        session: SessionId,
        answer: String,
        path: Path,
    ) -> Self {
        let server = candidate_of(&answer);
        let parsed = SdpAnswer::from_sdp_string(&answer).unwrap();
        rtc.sdp_api().accept_answer(pending, parsed).unwrap();
        let (orders, ordered) = mpsc::channel(64);
        let (noticed, notices) = mpsc::channel(4_096);
        tokio::spawn(run(rtc, socket, ordered, noticed, path));
        Self { session, server, mids, orders, notices, sequences: HashMap::new() }
    }

    pub(crate) async fn notice(&mut self) -> Notice {
        within(self.notices.recv()).await.expect("the client is running")
    }

    pub(crate) async fn connected(&mut self) {
        while !matches!(self.notice().await, Notice::Connected) {}
    }

    /// The next packet.
    pub(crate) async fn packet(&mut self) -> Received {
        loop {
            if let Notice::Packet(packet) = self.notice().await {
                return packet;
            }
        }
    }

    /// The next so many packets, by section, each in the order they came.
    pub(crate) async fn packets(&mut self, count: usize) -> HashMap<Mid, Vec<Received>> {
        let mut packets: HashMap<Mid, Vec<Received>> = HashMap::new();
        for _ in 0..count {
            let packet = self.packet().await;
            packets.entry(packet.mid).or_default().push(packet);
        }
        packets
    }

    pub(crate) async fn keyframe_wanted(&mut self) {
        while !matches!(self.notice().await, Notice::KeyframeWanted) {}
    }

    pub(crate) async fn closed(&mut self) {
        while !matches!(self.notice().await, Notice::Closed) {}
    }

    pub(crate) fn audio_mid(&self, slot: usize) -> Mid {
        self.mids[slot]
    }

    pub(crate) fn video_mid(&self, slot: usize) -> Mid {
        self.mids[self.mids.len() / 2 + slot]
    }

    /// Sends a frame of sound, 20 ms after the one before.
    pub(crate) async fn send_audio(&mut self, payload: &[u8]) {
        assert!(self.send(MediaKind::Audio, 960, payload.to_vec()).await, "the client is running");
    }

    /// The same, unless the client has heard already that it is over.
    pub(crate) async fn send_audio_if_open(&mut self, payload: &[u8]) -> bool {
        self.send(MediaKind::Audio, 960, payload.to_vec()).await
    }

    /// Sends a picture of one packet, a thirtieth of a second after the one before.
    pub(crate) async fn send_video(&mut self, is_keyframe: bool, body: &[u8]) {
        let number = self.sequences.get(&MediaKind::Video).copied().unwrap_or(0);
        let payload = vp8(is_keyframe, number as u16, body);
        assert!(self.send(MediaKind::Video, 3_000, payload).await, "the client is running");
    }

    /// False if the client has ended.
    async fn send(&mut self, kind: MediaKind, ticks: u64, payload: Vec<u8>) -> bool {
        let count = self.sequences.entry(kind).or_default();
        // Far enough from zero to show that numbers are not passed through.
        let (sequence, timestamp) = (1_000 + *count, (1_000_000 + *count * ticks) as u32);
        *count += 1;
        let mid = match kind {
            MediaKind::Audio => self.audio_mid(0),
            MediaKind::Video => self.video_mid(0),
        };
        let order = Order::Send { mid, rid: None, sequence, timestamp, payload };
        self.orders.send(order).await.is_ok()
    }

    /// Sends keyframes that say [`CALL`] until a viewer has seen one, in the slot it shows.
    pub(crate) async fn send_until_seen(&mut self, viewer: &mut Self) {
        /// Between two calls; a picture takes less on loopback, if the machine is not busy.
        const INTERVAL: Duration = Duration::from_millis(20);
        within(async {
            loop {
                self.send_video(true, CALL).await;
                let packet = tokio::time::timeout(INTERVAL, viewer.packet()).await;
                if packet.is_ok_and(|packet| packet.payload.ends_with(CALL)) {
                    return;
                }
            }
        })
        .await;
    }

    pub(crate) async fn request_keyframe(&self, slot: usize) {
        let order = Order::RequestKeyframe(self.video_mid(slot));
        assert!(self.orders.send(order).await.is_ok(), "the client is running");
    }

    /// From now on reads nothing and says nothing, though its socket stays open.
    pub(crate) async fn freeze(&self) {
        assert!(self.orders.send(Order::Freeze).await.is_ok(), "the client is running");
    }

    /// Says goodbye as a page does that closes its connection.
    pub(crate) async fn close(self) {
        let (done, closed) = oneshot::channel();
        assert!(self.orders.send(Order::Close(done)).await.is_ok(), "the client is running");
        within(closed).await.unwrap();
    }
}

impl Server {
    /// What happens next to a session, in a word.
    pub(crate) async fn event_of(&mut self, wanted: SessionId) -> &'static str {
        loop {
            match self.event().await {
                Event::Connected { session } if session == wanted => return "connected",
                Event::Disconnected { session } if session == wanted => return "disconnected",
                _ => {}
            }
        }
    }
}

/// What pictures show that are sent only to be seen.
pub(crate) const CALL: &[u8] = b"call";

/// A payload that looks like VP8 to everybody but a decoder (RFC 7741, 4.2 and 4.3).
pub(crate) fn vp8(is_keyframe: bool, picture: u16, body: &[u8]) -> Vec<u8> {
    let [high, low] = (picture | 0x8000).to_be_bytes();
    let mut payload = vec![0x90, 0x80, high, low, u8::from(!is_keyframe)];
    payload.extend(body);
    payload
}

/// What follows the descriptor, which the fan-out may rewrite.
pub(crate) fn vp8_body(payload: &[u8]) -> &[u8] {
    &payload[5..]
}

async fn run(
    mut rtc: Rtc,
    socket: UdpSocket,
    mut orders: mpsc::Receiver<Order>,
    notices: mpsc::Sender<Notice>,
    path: Path,
) {
    let mut media_count = 0;
    let local = socket.local_addr().unwrap();
    let mut buffer = vec![0; 2_048];
    loop {
        let deadline = drain(&mut rtc, &socket, &notices).await;
        if !rtc.is_alive() {
            let _ = notices.send(Notice::Closed).await;
            return;
        }
        tokio::select! {
            () = tokio::time::sleep_until(deadline.into()) => {
                rtc.handle_input(Input::Timeout(Instant::now())).unwrap();
            }
            received = socket.recv_from(&mut buffer) => {
                let (length, source) = received.unwrap();
                let bytes = &buffer[..length];
                // RFC 7983: media; RFC 5761: not the control protocol of media.
                let is_media = matches!(bytes[..2], [128..192, kind] if !(192..224).contains(&kind));
                media_count += usize::from(is_media);
                if is_media && path.loses(media_count) {
                    continue;
                }
                let datagram = Receive::new(Protocol::Udp, source, local, bytes).unwrap();
                rtc.handle_input(Input::Receive(Instant::now(), datagram)).unwrap();
            }
            order = orders.recv() => {
                let Some(order) = order else { return };
                if matches!(order, Order::Freeze) {
                    while orders.recv().await.is_some() {}
                    return;
                }
                obey(&mut rtc, &socket, &notices, order).await;
            }
        }
    }
}

async fn obey(rtc: &mut Rtc, socket: &UdpSocket, notices: &mpsc::Sender<Notice>, order: Order) {
    match order {
        Order::Send { mid, rid, sequence, timestamp, payload } => {
            let media = rtc.media(mid).unwrap();
            let (pt, is_video) = (media.remote_pts()[0], media.kind().is_video());
            let level = ExtensionValues {
                audio_level: (!is_video).then_some(-20),
                voice_activity: (!is_video).then_some(true),
                rid,
                ..ExtensionValues::default()
            };
            let packet = RtpWrite::new(pt, sequence.into(), timestamp, Instant::now(), payload)
                .marker(is_video)
                .ext_vals(level)
                .nackable(is_video);
            let mut api = rtc.direct_api();
            api.stream_tx_by_mid(mid, rid).unwrap().write_rtp(packet);
        }
        Order::SendRaw(destination, bytes) => {
            socket.send_to(&bytes, destination).await.unwrap();
        }
        Order::RequestKeyframe(mid) => {
            let mut api = rtc.direct_api();
            let stream = api.stream_rx_by_mid(mid, None).expect("the section has a stream");
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
        Order::Freeze => unreachable!("whoever is frozen obeys nobody"),
        Order::Close(done) => {
            rtc.close().unwrap();
            drain(rtc, socket, notices).await;
            let _ = done.send(());
        }
    }
    drain(rtc, socket, notices).await;
    rtc.handle_input(Input::Timeout(Instant::now())).unwrap();
}

async fn drain(rtc: &mut Rtc, socket: &UdpSocket, notices: &mpsc::Sender<Notice>) -> Instant {
    loop {
        let notice = match rtc.poll_output().unwrap() {
            Output::Timeout(deadline) => return deadline,
            Output::Transmit(out) => {
                socket.send_to(&out.contents, out.destination).await.unwrap();
                continue;
            }
            Output::Event(str0m::Event::Connected) => Notice::Connected,
            Output::Event(str0m::Event::KeyframeRequest(_)) => Notice::KeyframeWanted,
            Output::Event(str0m::Event::RtpPacket(packet)) => {
                let header = &packet.header;
                let mid = rtc.direct_api().stream_rx(&header.ssrc).unwrap().mid();
                Notice::Packet(Received {
                    mid,
                    sequence: *packet.seq_no,
                    timestamp: header.timestamp,
                    marker: header.marker,
                    pt: header.payload_type,
                    payload: packet.payload.to_vec(),
                })
            }
            Output::Event(_) => continue,
        };
        // A test that has stopped listening is not told.
        let _ = notices.send(notice).await;
    }
}
