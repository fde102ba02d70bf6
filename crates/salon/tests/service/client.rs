//! A client that applies every frame it gets to the reducer, and fails on the first it cannot.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use salon::core::RoomId;
use salon::room_model::Person;
use salon_signal::command::Command;
use salon_signal::event::Event;
use salon_signal::person::Media;
use salon_signal::secret::Token;
use salon_signal::server::{Outcome, Rejected};
use salon_signal::{Position, RoomView, client, codec, server};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::world::World;

/// How long anything may take.
const SOON: Duration = Duration::from_secs(20);

pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(crate) view: RoomView,
    pub(crate) person: Person,
    pub(crate) token: String,
    commands: u64,
    /// Every event so far, for whoever asks what was told.
    pub(crate) told: Vec<Event>,
}

impl Client {
    /// Signs in under a name and connects.
    pub(crate) async fn connect(world: &World, name: &str) -> Self {
        let (token, person) = world.sign_in(name).await;
        Self::connect_as(world, token, person).await
    }

    pub(crate) async fn connect_as(world: &World, token: String, person: Person) -> Self {
        let (socket, _) = connect_async(world.socket_url()).await.unwrap();
        let (view, told) = (RoomView::default(), Vec::new());
        // Numbers are unique over connections: later ones start higher.
        let commands = u64::from(rand_start());
        let mut client = Self { socket, view, person, token, commands, told };
        let token = Token::new(client.token.clone()).unwrap();
        client.send(&client::Frame::Hello { versions: vec![1], token }).await;
        assert!(matches!(client.next().await, server::Frame::Welcome { .. }));
        client
    }

    /// Signs in, connects and subscribes.
    pub(crate) async fn watch(world: &World, name: &str, room: RoomId) -> Self {
        let mut client = Self::connect(world, name).await;
        client.subscribe(room, Vec::new()).await.unwrap();
        client
    }

    /// Subscribes, and reads until the client knows what it may do.
    pub(crate) async fn subscribe(
        &mut self,
        room: RoomId,
        from: Vec<Position>,
    ) -> Result<(), String> {
        self.send(&client::Frame::Subscribe { room, from }).await;
        loop {
            match self.next().await {
                server::Frame::Capabilities { .. } => return Ok(()),
                server::Frame::Error { name, .. } => return Err(name),
                _ => {}
            }
        }
    }

    pub(crate) async fn send(&mut self, frame: &client::Frame) {
        let bytes = codec::encode(frame);
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn send_raw(&mut self, text: &str) {
        self.socket.send(Message::text(text.to_owned())).await.unwrap();
    }

    /// The next frame, applied to the view.
    pub(crate) async fn next(&mut self) -> server::Frame {
        let frame = self.receive().await.expect("the connection is open");
        if let server::Frame::Event { body, .. } = &frame {
            self.told.push(body.clone());
        }
        let applied = self.view.apply(frame.clone());
        assert!(applied.is_ok(), "{applied:?} at {frame:?}");
        frame
    }

    /// The next frame, or the code the server closed with.
    pub(crate) async fn receive(&mut self) -> Result<server::Frame, u16> {
        loop {
            let message = tokio::time::timeout(SOON, self.socket.next()).await;
            match message.expect("a message comes in time") {
                Some(Ok(Message::Text(text))) => {
                    return Ok(codec::decode_server(text.as_bytes()).unwrap());
                }
                Some(Ok(Message::Close(Some(frame)))) => return Err(frame.code.into()),
                Some(Ok(_)) => {}
                None | Some(Err(_)) => return Err(1006),
            }
        }
    }

    /// Reads until the view is as wanted.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&RoomView) -> bool) {
        while !wanted(&self.view) {
            self.next().await;
        }
    }

    /// Reads until this has been told, now or before.
    pub(crate) async fn hears(&mut self, wanted: impl Fn(&Event) -> bool) {
        while !self.told.iter().any(&wanted) {
            self.next().await;
        }
    }

    /// Commands, and reads until the result is there.
    pub(crate) async fn command(&mut self, body: Command) -> Result<u64, Rejected> {
        self.commands += 1;
        let id = self.commands;
        self.command_as(id, body).await
    }

    pub(crate) async fn command_as(&mut self, id: u64, body: Command) -> Result<u64, Rejected> {
        self.send(&client::Frame::Command { id, body }).await;
        loop {
            if let server::Frame::Result { id: of, outcome } = self.next().await {
                assert_eq!(of, id);
                return match outcome {
                    Outcome::Ok { seq } => Ok(seq),
                    Outcome::Rejected(rejected) => Err(rejected),
                    Outcome::Unknown(unknown) => panic!("{unknown:?}"),
                };
            }
        }
    }

    /// Asks for a seat, is approved by the host and sits down.
    pub(crate) async fn sit_down(&mut self, host: &mut Self) {
        self.command(Command::RequestSeat { note: String::new() }).await.unwrap();
        let user = self.person.user.clone();
        let asked = |view: &RoomView| {
            let mut requests = view.stage().into_iter().flat_map(|stage| &stage.requests);
            requests.find(|request| request.person.user == user).map(|request| request.request)
        };
        host.until(|view| asked(view).is_some()).await;
        let request = asked(&host.view).unwrap();
        host.command(Command::ApproveRequest { request }).await.unwrap();
        self.until(|view| view.user().is_some_and(|user| user.offer.is_some())).await;
        let media = Media { mic: true, cam: true };
        self.command(Command::ConfirmReady { media }).await.unwrap();
        self.until(|view| view.publish().is_some()).await;
    }
}

/// A host who is live in a new room.
pub(crate) async fn live(world: &World, name: &str, seats: u8) -> (Client, RoomId) {
    let mut host = Client::connect(world, name).await;
    let room = world.create(&host.token, seats).await;
    host.subscribe(room, Vec::new()).await.unwrap();
    host.command(Command::GoLive).await.unwrap();
    host.until(|view| view.publish().is_some()).await;
    (host, room)
}

/// A start for command numbers that no earlier connection of a test has used.
fn rand_start() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1_000, Ordering::Relaxed)
}
