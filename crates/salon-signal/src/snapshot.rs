//! A stream's state at a position, from which its events continue.

use std::fmt;

use salon_core::{Fence, PurchaseId, RoomId, StintId, UserId};
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::Person;
use crate::command::RequestPolicy;
use crate::conflated::Audience;
use crate::event::{EndReason, PurchaseState};
use crate::id::{CommentId, OfferId, RequestId};
use crate::person::Media;
use crate::price::{PersonTotal, Price, Supporter, Total};
use crate::stream::{Position, Stream};
use crate::tagged::Raw;

/// How many comments a snapshot holds: two screens of a phone (a guess).
pub const COMMENTS_MAX: usize = 50;

/// How many of a person's own purchases a snapshot holds (a guess).
pub const PURCHASES_MAX: usize = 50;

/// A state, and the position it is valid at. On the wire the position's `stream` says which state it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Snapshot {
    /// The term of ownership that numbered the stream.
    pub epoch: Fence,
    /// The last event the state includes.
    pub seq: u64,
    /// The state.
    pub state: State,
}

impl Snapshot {
    /// The position the state is valid at.
    #[must_use]
    pub fn position(&self) -> Position {
        Position { stream: self.state.stream(), epoch: self.epoch, seq: self.seq }
    }
}

/// The state of one stream.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub enum State {
    /// What everybody sees.
    Room(Box<RoomState>),
    /// What the seated see.
    Stage(StageState),
    /// What one person sees.
    User(UserState),
}

impl State {
    /// Whose state it is.
    #[must_use]
    pub fn stream(&self) -> Stream {
        match self {
            Self::Room(_) => Stream::Room,
            Self::Stage(_) => Stream::Stage,
            Self::User(_) => Stream::User,
        }
    }
}

/// What everybody in a room sees.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RoomState {
    /// Which room.
    pub room: RoomId,
    /// What it is called.
    pub title: String,
    /// Where it is in its life.
    pub phase: Phase,
    /// Why it ended, if it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_reason: Option<EndReason>,
    /// Whose it is.
    pub host: Person,
    /// Since when it is live, if it ever was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_since_ms: Option<u64>,
    /// The server's clock.
    pub server_time_ms: u64,
    /// Whether viewers may ask for seats.
    pub requests: RequestPolicy,
    /// Every seat, the host's first.
    pub seats: Vec<Seat>,
    /// The last comments, oldest first; at most [`COMMENTS_MAX`].
    pub comments: Vec<Comment>,
    /// The badges on sale.
    pub catalogue: Vec<Badge>,
    /// What people have received, seated or not.
    pub totals: Vec<PersonTotal>,
    /// Who has given, most hearts first.
    pub supporters: Vec<Supporter>,
    /// How many watch.
    pub audience: Audience,
    /// Hearts sent by reacting.
    pub hearts_total: u64,
}

/// Where a room is in its life.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Made, and not live yet.
    Draft,
    /// Live.
    Live,
    /// Over.
    Ended,
}

/// One place on the stage.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Seat {
    /// Its number; the host's is 0.
    pub seat: u8,
    /// Who is in it.
    pub state: SeatState,
}

tagged! {
    /// Who is in a seat.
    pub enum SeatState {
        /// Nobody.
        Empty = "empty",
        /// Nobody yet: it is held for somebody.
        Reserved = "reserved",
        /// Somebody.
        Occupied = "occupied" {
            /// Who.
            person: Person,
            /// This stay.
            stint: StintId,
            /// Which devices are on.
            media: Media,
            /// While the connection is lost: until when the seat waits.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            lost_until_ms: Option<u64>,
            /// What the person has received in this live.
            total: Total,
        },
    }
}

/// Something said.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Comment {
    /// Its identifier.
    pub comment: CommentId,
    /// Who said it.
    pub person: Person,
    /// What.
    pub text: String,
    /// The hearts of their highest badge when they said it; 0 without one.
    pub hearts: u8,
    /// When.
    pub at_ms: u64,
}

/// A badge on sale.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Badge {
    /// Its name in the catalogue.
    pub sku: String,
    /// Its hearts.
    pub hearts: u8,
    /// What it costs.
    pub price: Price,
}

/// What the seated, and those about to be, see beyond the room.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct StageState {
    /// Who asks for a seat, oldest first.
    pub requests: Vec<Request>,
    /// Who is offered one; at most one for each seat.
    pub offers: Vec<Offer>,
}

/// A request for a seat.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Request {
    /// The request.
    pub request: RequestId,
    /// Who asks.
    pub person: Person,
    /// Their word to the host; may be empty.
    pub note: String,
    /// Since when.
    pub at_ms: u64,
}

/// An offer of a seat.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Offer {
    /// The offer.
    pub offer: OfferId,
    /// The seat held.
    pub seat: u8,
    /// For whom.
    pub person: Person,
    /// How far it is.
    pub step: OfferStep,
    /// When this step lapses.
    pub until_ms: u64,
}

/// How far an offer is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferStep {
    /// Not answered.
    Offered,
    /// Accepted: the person readies their devices.
    Preparing,
}

/// What one person sees beyond the room.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct UserState {
    /// Who.
    pub user: UserId,
    /// What they are in this room.
    pub role: Role,
    /// The seat offered to them.
    pub offer: Option<OwnOffer>,
    /// Their request for one.
    pub request: Option<OwnRequest>,
    /// When they may ask again, if they were declined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooldown_until_ms: Option<u64>,
    /// Their purchases in this live, oldest first; at most [`PURCHASES_MAX`].
    pub purchases: Vec<Purchase>,
}

words! {
    /// What somebody is in a room.
    pub enum Role {
        /// The one whose live it is.
        Host = "host",
        /// Seated.
        Guest = "guest",
        /// Watching.
        Viewer = "viewer",
    }
}

/// A seat offered to the reader.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct OwnOffer {
    /// The offer.
    pub offer: OfferId,
    /// The seat held, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<u8>,
    /// Who invites; nobody, if the reader asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Person>,
    /// How far it is.
    pub step: OfferStep,
    /// When this step lapses.
    pub until_ms: u64,
}

/// The reader's request for a seat.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct OwnRequest {
    /// The request.
    pub request: RequestId,
}

/// The reader's purchase of a badge.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Purchase {
    /// The purchase.
    pub purchase: PurchaseId,
    /// For whom.
    pub recipient: UserId,
    /// Which badge of the catalogue.
    pub sku: String,
    /// What it costs.
    pub price: Price,
    /// Where it stands.
    pub state: PurchaseState,
}

impl Serialize for Snapshot {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'a> {
            stream: Stream,
            epoch: Fence,
            seq: u64,
            state: &'a State,
        }

        let Self { epoch, seq, state } = self;
        Fields { stream: state.stream(), epoch: *epoch, seq: *seq, state }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Snapshot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SnapshotVisitor)
    }
}

struct SnapshotVisitor;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Key {
    Stream,
    Epoch,
    Seq,
    State,
    #[serde(other)]
    Other,
}

enum Content {
    Read(State),
    Raw(Raw),
}

impl<'de> Visitor<'de> for SnapshotVisitor {
    type Value = Snapshot;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a snapshot")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Snapshot, A::Error> {
        let (mut stream, mut epoch, mut seq, mut state) = (None, None, None, None);
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Stream => set(&mut stream, "stream", map.next_value::<Stream>()?)?,
                Key::Epoch => set(&mut epoch, "epoch", map.next_value::<Fence>()?)?,
                Key::Seq => set(&mut seq, "seq", map.next_value::<u64>()?)?,
                Key::State => {
                    let content = match stream {
                        Some(stream) => Content::Read(map.next_value_seed(StateOf(stream))?),
                        None => Content::Raw(map.next_value()?),
                    };
                    set(&mut state, "state", content)?;
                }
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let stream = stream.ok_or_else(|| de::Error::missing_field("stream"))?;
        let epoch = epoch.ok_or_else(|| de::Error::missing_field("epoch"))?;
        let seq = seq.ok_or_else(|| de::Error::missing_field("seq"))?;
        let state = match state.ok_or_else(|| de::Error::missing_field("state"))? {
            Content::Read(state) => state,
            Content::Raw(raw) => raw.read(StateOf(stream))?,
        };
        Ok(Snapshot { epoch, seq, state })
    }
}

fn set<T, E: de::Error>(field: &mut Option<T>, name: &'static str, value: T) -> Result<(), E> {
    if field.is_some() {
        return Err(E::duplicate_field(name));
    }
    *field = Some(value);
    Ok(())
}

/// Reads the state of a known stream.
struct StateOf(Stream);

impl<'de> DeserializeSeed<'de> for StateOf {
    type Value = State;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<State, D::Error> {
        match self.0 {
            Stream::Room => Box::<RoomState>::deserialize(deserializer).map(State::Room),
            Stream::Stage => StageState::deserialize(deserializer).map(State::Stage),
            Stream::User => UserState::deserialize(deserializer).map(State::User),
        }
    }
}
