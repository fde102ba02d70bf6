//! The WebSocket: one session of one person, watching one room at a time.
//!
//! Two loops share it: the reader decodes frames and carries them out in order, the writer sends what
//! the room and the reader put into one bounded outbox. Neither waits for the other.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use salon_core::{RoomId, Time};
use salon_room::Person;
use salon_signal::codec::DecodeError;
use salon_signal::error::{CloseCode, Code};
use salon_signal::limits::Limits;
use salon_signal::server::{Announced, Outcome, Rejected};
use salon_signal::{Position, VERSIONS, client, codec, server};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use crate::Salon;
use crate::ports::{Identity, TokenError};
use crate::random;
use crate::rate::Bucket;
use crate::room::hub::{OUTBOX_FRAMES_MAX, Out};
use crate::room::place::Place;
use crate::translate;

/// How long a connection may take to say who it is. A guess that a slow phone keeps.
const HELLO_MAX: Duration = Duration::from_secs(10);
/// How often a client shows that it lives. After twice as long in silence the connection is closed.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long a closing session may take to send what waits. A guess.
const FAREWELL_MAX: Duration = Duration::from_secs(2);
/// Frames a session may send in a burst, and then each second: far above what a person does.
const BURST_FRAMES: u32 = 60;
const FRAMES_PER_SECOND: u32 = 20;

/// `GET ws`: becomes a session.
pub(super) async fn upgrade(State(salon): State<Salon>, upgrade: WebSocketUpgrade) -> Response {
    let limit = Limits::CLIENT.frame_bytes;
    upgrade
        .max_frame_size(limit)
        .max_message_size(limit)
        .on_upgrade(move |socket| serve(salon, socket))
}

/// One session, from its first frame to its end.
async fn serve(salon: Salon, socket: WebSocket) {
    salon.metrics().sessions_opened.add_one();
    let (sink, mut stream) = socket.split();
    let (outbox, waiting) = mpsc::channel(OUTBOX_FRAMES_MAX);
    let reader = async move {
        let code = match greet(&salon, &mut stream, &outbox).await {
            Ok(identity) => Reader::new(salon, identity, outbox.clone()).run(&mut stream).await,
            Err(code) => Some(code),
        };
        if let Some(code) = code {
            let _full = outbox.try_send(Out::Close(code));
        }
    };
    let mut writer = std::pin::pin!(write(sink, waiting));
    let mut reader = std::pin::pin!(reader);
    tokio::select! {
        () = &mut writer => {}
        () = &mut reader => {
            // What was queued before the end still goes out, the close frame last.
            let _late = timeout(FAREWELL_MAX, writer).await;
        }
    }
}

/// Sends what waits, until told to close or until every sender is gone.
async fn write(mut sink: SplitSink<WebSocket, Message>, mut waiting: mpsc::Receiver<Out>) {
    let code = loop {
        match waiting.recv().await {
            Some(Out::Frame(frame)) => {
                let Ok(text) = frame.try_into() else { continue };
                if sink.send(Message::Text(text)).await.is_err() {
                    return;
                }
            }
            Some(Out::Close(code)) => break code,
            None => break CloseCode::TOO_SLOW,
        }
    };
    let frame = CloseFrame { code: code.0, reason: Utf8Bytes::default() };
    let _gone = sink.send(Message::Close(Some(frame))).await;
}

/// The next frame's bytes, or nothing once the connection is over or silent for too long.
async fn next_frame(stream: &mut SplitStream<WebSocket>, deadline: Instant) -> Option<Bytes> {
    loop {
        match timeout_at(deadline, stream.next()).await.ok()?? {
            Ok(Message::Text(text)) => return Some(text.into()),
            Ok(Message::Binary(bytes)) => return Some(bytes),
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            Ok(Message::Close(_)) | Err(_) => return None,
        }
    }
}

/// Reads `hello`, answers `welcome`.
async fn greet(
    salon: &Salon,
    stream: &mut SplitStream<WebSocket>,
    outbox: &mpsc::Sender<Out>,
) -> Result<Identity, CloseCode> {
    let frame = next_frame(stream, Instant::now() + HELLO_MAX).await.ok_or(CloseCode::SILENT)?;
    let (versions, token) = match codec::decode_client(&frame) {
        Ok(client::Frame::Hello { versions, token }) => (versions, token),
        Ok(_) => {
            say(outbox, &server::Frame::error(Code::HelloExpected, "the first frame is hello"));
            return Err(CloseCode::BROKE_PROTOCOL);
        }
        Err(error) => {
            salon.metrics().frames_malformed.add_one();
            say(outbox, &server::Frame::error(error.code(), error.to_string()));
            return Err(CloseCode::BROKE_PROTOCOL);
        }
    };
    let Some(version) = VERSIONS.iter().copied().find(|version| versions.contains(version)) else {
        let known = format!("this server speaks versions {VERSIONS:?}");
        say(outbox, &server::Frame::error(Code::UnsupportedVersion, known));
        return Err(CloseCode::VERSION);
    };
    let identity = salon.verify(token.expose()).await.map_err(|error| {
        let code = match error {
            TokenError::Expired => Code::TokenExpired,
            TokenError::Invalid => Code::Unauthenticated,
            TokenError::Unavailable => Code::Overloaded,
        };
        say(outbox, &server::Frame::error(code, error.to_string()));
        match error {
            TokenError::Unavailable => CloseCode::INTERNAL,
            TokenError::Expired => CloseCode::TOKEN_EXPIRED,
            TokenError::Invalid => CloseCode::UNAUTHENTICATED,
        }
    })?;
    let welcome = server::Frame::Welcome {
        version,
        session: random::text(),
        user: translate::person(&identity.person),
        heartbeat_ms: u64::try_from(HEARTBEAT.as_millis()).expect("ten seconds fit"),
        limits: Announced {
            frame_bytes: u32::try_from(Limits::CLIENT.frame_bytes).expect("16 KiB fit"),
            comment_chars: translate::COMMENT_CHARS_MAX,
        },
        server_time_ms: salon.now().as_ms(),
    };
    say(outbox, &welcome);
    Ok(identity)
}

/// Queues a frame of the session's own. A full outbox means that the room will drop the session.
fn say(outbox: &mpsc::Sender<Out>, frame: &server::Frame) {
    let _full = outbox.try_send(Out::Frame(codec::encode(frame)));
}

/// Carries out what one person sends.
struct Reader {
    salon: Salon,
    person: Person,
    expires: Time,
    /// Dropped when the room drops it: a session that is subscribed has its outbox in the room.
    outbox: mpsc::Sender<Out>,
    place: Option<Place>,
    bucket: Bucket,
}

impl Reader {
    fn new(salon: Salon, identity: Identity, outbox: mpsc::Sender<Out>) -> Self {
        let bucket = Bucket::new(BURST_FRAMES, FRAMES_PER_SECOND);
        let Identity { person, expires } = identity;
        Self { salon, person, expires, outbox, place: None, bucket }
    }

    /// Until the connection ends; answers how to close it, if that is still of use.
    async fn run(mut self, stream: &mut SplitStream<WebSocket>) -> Option<CloseCode> {
        loop {
            let dropped = async {
                match &mut self.place {
                    Some(place) => place.dropped().await,
                    None => std::future::pending().await,
                }
            };
            let frame = tokio::select! {
                frame = next_frame(stream, Instant::now() + 2 * HEARTBEAT) => frame?,
                () = dropped => return Some(CloseCode::TOO_SLOW),
            };
            if self.salon.now() >= self.expires {
                return Some(CloseCode::TOKEN_EXPIRED);
            }
            if !self.bucket.take(Instant::now()) {
                self.salon.metrics().frames_over_rate.add_one();
                self.refuse_over_rate(&frame);
                continue;
            }
            match codec::decode_client(&frame) {
                Ok(client::Frame::Bye) => return None,
                Ok(frame) => self.carry_out(frame).await,
                Err(error) => {
                    self.salon.metrics().frames_malformed.add_one();
                    self.refuse_malformed(&error);
                }
            }
        }
    }

    /// Whoever waits for a command's result gets one, also if it could not be read.
    fn refuse_malformed(&self, error: &DecodeError) {
        let message = error.to_string();
        self.say(&match error.command {
            Some(id) => {
                let outcome = Outcome::Rejected(Rejected::new(error.code(), message));
                server::Frame::Result { id, outcome }
            }
            None => server::Frame::error(error.code(), message),
        });
    }

    async fn carry_out(&mut self, frame: client::Frame) {
        match frame {
            client::Frame::Subscribe { room, from } => self.subscribe(room, from).await,
            client::Frame::Command { id, body } => {
                let outcome = match &self.place {
                    Some(place) => {
                        self.salon.command(place.room(), self.person.clone(), id, body).await
                    }
                    None => Outcome::Rejected(Rejected::new(
                        Code::NotSubscribed,
                        "subscribe to a room before commanding it",
                    )),
                };
                self.say(&server::Frame::Result { id, outcome });
            }
            client::Frame::React { hearts } => {
                if let Some(place) = &self.place {
                    place.react(hearts);
                }
            }
            client::Frame::Ping { at_ms } => self.say(&server::Frame::Pong { at_ms }),
            // Positions are resumed from what the client says at that time; a tail is bounded anyway.
            client::Frame::Ack { .. } => {}
            client::Frame::Hello { .. } => {
                self.say(&server::Frame::error(Code::HelloExpected, "hello was said already"));
            }
            client::Frame::Unknown(unknown) => {
                let message = format!("no frame is named {}", unknown.tag);
                self.say(&server::Frame::error(Code::UnknownFrame, message));
            }
            client::Frame::Bye => {}
        }
    }

    async fn subscribe(&mut self, room: RoomId, from: Vec<Position>) {
        // One room at a time: the earlier one is left first.
        self.place = None;
        let id = self.salon.new_session();
        match self.salon.join(room, id, self.person.clone(), self.outbox.clone(), from).await {
            Ok(place) => self.place = Some(place),
            Err(rejected) => self.say(&server::Frame::Error {
                code: rejected.code,
                name: rejected.name,
                class: rejected.class,
                message: rejected.message,
            }),
        }
    }

    /// A command over the rate is still answered; anything else is dropped.
    fn refuse_over_rate(&self, frame: &[u8]) {
        if let Ok(client::Frame::Command { id, .. }) = codec::decode_client(frame) {
            let mut rejected = Rejected::new(Code::RateLimited, "slow down");
            rejected.retry_after_ms = Some(1_000);
            self.say(&server::Frame::Result { id, outcome: Outcome::Rejected(rejected) });
        }
    }

    fn say(&self, frame: &server::Frame) {
        say(&self.outbox, frame);
    }
}
