//! A room on a Salon: made, filled and taken live as its page would do it.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use salon_core::{RoomId, UserId};
use salon_signal::command::{Command, InviteMode};
use salon_signal::event::Event;
use salon_signal::id::OfferId;
use salon_signal::person::Media;
use salon_signal::secret::Token;
use salon_signal::server::{Frame, Outcome};
use salon_signal::{VERSIONS, client, codec};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;

use crate::http::{Endpoint, Http};

/// How long the server may take over anything here. A guess, far above what it takes.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// How often a connection shows that it lives: twice as often as the server asks.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);

/// A live room. Its people stay until told to leave.
#[derive(Debug)]
pub(crate) struct Room {
    /// Where each seat publishes, the host's first.
    pub(crate) seats: Vec<Endpoint>,
    /// Where everybody watches.
    pub(crate) watch: Endpoint,
    pub(crate) people: Vec<JoinHandle<()>>,
}

impl Room {
    /// Makes a room with so many people seated, the host included.
    pub(crate) async fn open(
        http: &Http,
        server: &str,
        seats: u8,
        stop: &CancellationToken,
    ) -> Result<Self> {
        let server = server.trim_end_matches('/');
        let account = Account::sign_in(http, server, "Load test host").await?;
        let rooms = account.endpoint(format!("{server}/api/rooms"));
        let made = http.json(&rooms, &json!({ "title": "Load test" })).await?;
        let room: RoomId = field(&made, "room")?.parse().context("the room has no identifier")?;
        let mut host = Member::connect(server, &account, room).await?;
        host.command(Command::GoLive).await?;
        let mut grants = vec![host.granted().await?];

        let mut guests = Vec::new();
        for number in 1..seats {
            let account =
                Account::sign_in(http, server, &format!("Load test guest {number}")).await?;
            let user: UserId = account.user.parse().context("the guest has no identifier")?;
            guests.push((user, Member::connect(server, &account, room).await?));
        }
        if !guests.is_empty() {
            let users = guests.iter().map(|(user, _)| user.clone()).collect();
            host.command(Command::InviteGuests { users, mode: InviteMode::Atomic }).await?;
        }
        for (_, guest) in &mut guests {
            grants.push(guest.take_seat().await?);
        }

        let viewer = Account::sign_in(http, server, "Load test viewer").await?;
        let whip = format!("{server}/rooms/{room}/whip");
        let seat =
            |token: Token| Endpoint { url: whip.clone(), token: Some(token.expose().to_owned()) };
        let guests = guests.into_iter().map(|(_, guest)| guest.stay(None, stop.clone()));
        let people = std::iter::once(host.stay(Some(Command::EndRoom), stop.clone())).chain(guests);
        Ok(Self {
            seats: grants.into_iter().map(seat).collect(),
            watch: viewer.endpoint(format!("{server}/rooms/{room}/whep")),
            people: people.map(tokio::spawn).collect(),
        })
    }
}

/// Somebody known to the server.
#[derive(Debug)]
struct Account {
    token: String,
    user: String,
}

impl Account {
    async fn sign_in(http: &Http, server: &str, name: &str) -> Result<Self> {
        let tokens = Endpoint { url: format!("{server}/api/tokens"), token: None };
        let signed = http.json(&tokens, &json!({ "name": name })).await;
        let signed = signed.context("cannot sign in")?;
        Ok(Self { token: field(&signed, "token")?, user: field(&signed, "user")? })
    }

    fn endpoint(&self, url: String) -> Endpoint {
        Endpoint { url, token: Some(self.token.clone()) }
    }
}

/// The connection of somebody in the room.
#[derive(Debug)]
struct Member {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    commands: u64,
    /// The right to publish, if it has one.
    grant: Option<Token>,
    /// The seat offered last.
    offer: Option<OfferId>,
}

impl Member {
    async fn connect(server: &str, account: &Account, room: RoomId) -> Result<Self> {
        // "https" becomes "wss" as "http" becomes "ws".
        let url = format!("{}/ws", server.replacen("http", "ws", 1));
        let connected = timeout(ANSWER_MAX, connect_async(&url)).await;
        let (socket, _) = connected
            .with_context(|| format!("{url} did not answer within {ANSWER_MAX:?}"))?
            .map_err(|error| anyhow!("{url} cannot be reached: {error}"))?;
        let mut member = Self { socket, commands: 0, grant: None, offer: None };
        let token = Token::new(account.token.clone())?;
        member.send(&client::Frame::Hello { versions: VERSIONS.to_vec(), token }).await?;
        member
            .until("say welcome", |_, frame| matches!(frame, Frame::Welcome { .. }).then_some(()))
            .await?;
        member.send(&client::Frame::Subscribe { room, from: Vec::new() }).await?;
        member
            .until("show the room", |_, frame| matches!(frame, Frame::Snapshot(_)).then_some(()))
            .await?;
        Ok(member)
    }

    /// Asks something of the room, and waits until it is done.
    async fn command(&mut self, body: Command) -> Result<()> {
        self.commands += 1;
        let id = self.commands;
        self.send(&client::Frame::Command { id, body }).await?;
        let outcome = self.until("answer a command", |_, frame| match frame {
            Frame::Result { id: answered, outcome } if *answered == id => Some(outcome.clone()),
            _ => None,
        });
        match outcome.await? {
            Outcome::Rejected(rejected) => bail!("the room refused: {}", rejected.message),
            _ => Ok(()),
        }
    }

    /// Takes the seat that the host offers, and answers the right to publish.
    async fn take_seat(&mut self) -> Result<Token> {
        let offer = match self.offer {
            Some(offer) => offer,
            None => self.until("invite the guest", |member, _| member.offer).await?,
        };
        self.command(Command::AcceptInvite { offer }).await?;
        let media = Media { mic: true, cam: true };
        self.command(Command::ConfirmReady { media }).await?;
        self.granted().await
    }

    async fn granted(&mut self) -> Result<Token> {
        match self.grant.take() {
            Some(grant) => Ok(grant),
            None => self.until("grant the right to publish", |member, _| member.grant.take()).await,
        }
    }

    /// Stays in the room until told to leave, with a last word.
    async fn stay(mut self, last: Option<Command>, stop: CancellationToken) {
        let mut clock = interval(SIGN_OF_LIFE);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = clock.tick() => {
                    if self.send(&client::Frame::Ping { at_ms: 0 }).await.is_err() {
                        return;
                    }
                }
                frame = self.socket.next() => if !matches!(frame, Some(Ok(_))) {
                    return;
                },
            }
        }
        if let Some(command) = last {
            let _refused = self.command(command).await;
        }
        let _gone = self.send(&client::Frame::Bye).await;
    }

    async fn send(&mut self, frame: &client::Frame) -> Result<()> {
        let text = Utf8Bytes::try_from(codec::encode(frame))?;
        Ok(self.socket.send(Message::Text(text)).await?)
    }

    /// Reads until what is waited for has come. What may come before it is asked for is remembered.
    async fn until<T>(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&mut Self, &Frame) -> Option<T>,
    ) -> Result<T> {
        let found = async {
            loop {
                let message = self.socket.next().await.context("the server hung up")??;
                let Message::Text(text) = message else { continue };
                let frame = codec::decode_server(text.as_bytes())?;
                match &frame {
                    Frame::Error { message, .. } => bail!("the server refused: {message}"),
                    Frame::Grants { publish } => {
                        self.grant = publish.as_ref().map(|grant| grant.token.clone());
                    }
                    Frame::Event { body: Event::Invited { offer, .. }, .. } => {
                        self.offer = Some(*offer);
                    }
                    _ => {}
                }
                if let Some(found) = wanted(self, &frame) {
                    return Ok(found);
                }
            }
        };
        let found = timeout(ANSWER_MAX, found).await;
        found.with_context(|| format!("the server did not {what} within {ANSWER_MAX:?}"))?
    }
}

/// A text in an answer.
fn field(answer: &Value, name: &str) -> Result<String> {
    let text = answer.get(name).and_then(Value::as_str);
    ensure!(text.is_some(), "the server's answer has no {name}: is it a Salon?");
    Ok(text.unwrap_or_default().to_owned())
}
