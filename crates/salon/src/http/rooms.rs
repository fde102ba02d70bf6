//! The rooms: which are live, a new one, and what one comes to.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use salon_core::{PurchaseId, RoomId, Scope, UserId};
use salon_ledger::statement::Line;
use salon_room::Title;
use salon_room::policy::SeatLimit;
use salon_signal::Person;
use salon_signal::price::Price;
use serde::{Deserialize, Serialize};

use super::account::{Caller, bearer};
use super::problem::Problem;
use crate::room::summary::Summary;
use crate::rooms::Card;
use crate::{Salon, translate};

#[derive(Serialize)]
pub(super) struct List {
    rooms: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    room: RoomId,
    title: String,
    host: Option<Person>,
    guests: Vec<Person>,
    viewers: u64,
    live_since_ms: Option<u64>,
    seats: u8,
    /// Does a seat wait for the caller?
    invited: bool,
}

impl Listed {
    fn new(card: Card, caller: Option<&UserId>) -> Self {
        Self {
            invited: caller.is_some_and(|user| card.invited.contains(user)),
            room: card.room,
            title: card.title,
            host: card.host.as_ref().map(translate::person),
            guests: card.guests.iter().map(translate::person).collect(),
            viewers: card.viewers,
            live_since_ms: card.live_since_ms,
            seats: card.seats,
        }
    }
}

/// `GET api/rooms`: what is live; with a token, also where the caller is invited.
pub(super) async fn list(State(salon): State<Salon>, headers: HeaderMap) -> Json<List> {
    let caller = match bearer(&headers) {
        Ok(token) => salon.verify(token).await.ok().map(|identity| identity.person.user),
        Err(_) => None,
    };
    let cards = salon.cards().into_iter();
    Json(List { rooms: cards.map(|card| Listed::new(card, caller.as_ref())).collect() })
}

#[derive(Deserialize)]
pub(super) struct Create {
    title: String,
    /// How many sit, the host included: 2 to 4. All there are, if not given.
    #[serde(default)]
    seats: Option<u8>,
}

#[derive(Serialize)]
pub(super) struct Created {
    room: RoomId,
}

/// `POST api/rooms`: a new room, whose host the caller is.
pub(super) async fn create(
    State(salon): State<Salon>,
    Caller(person): Caller,
    body: Result<Json<Create>, JsonRejection>,
) -> Result<(StatusCode, Json<Created>), Problem> {
    let Json(Create { title, seats }) = body?;
    let title =
        Title::parse(&title).map_err(|error| Problem::malformed(format!("title: {error}")))?;
    let seats = match seats {
        None => SeatLimit::MAX,
        Some(seats) => SeatLimit::try_from(seats).map_err(Problem::malformed)?,
    };
    let room = salon.create(person, title, seats).await.map_err(Problem::rejected)?;
    Ok((StatusCode::CREATED, Json(Created { room })))
}

/// `GET api/rooms/{room}`: what a room comes to, during the live and after it.
pub(super) async fn summary(
    State(salon): State<Salon>,
    room: Result<Path<RoomId>, PathRejection>,
) -> Result<Json<Summary>, Problem> {
    let Path(room) = room?;
    salon.summary(room).await.map(Json).map_err(Problem::rejected)
}

#[derive(Serialize)]
pub(super) struct Statement {
    user: UserId,
    lines: Vec<StatementLine>,
    /// The sum of the lines, in minor units.
    total_minor: i64,
}

#[derive(Serialize)]
struct StatementLine {
    seq: u64,
    at_ms: u64,
    purchase: PurchaseId,
    supporter: UserId,
    sku: String,
    hearts: u8,
    price: Price,
    credited_minor: i64,
}

impl From<&Line> for StatementLine {
    fn from(line: &Line) -> Self {
        Self {
            seq: line.seq,
            at_ms: line.at.as_ms(),
            purchase: line.purchase,
            supporter: line.supporter.clone(),
            sku: line.sku.as_str().to_owned(),
            hearts: line.hearts,
            price: line.price.into(),
            credited_minor: line.minor,
        }
    }
}

/// `GET api/rooms/{room}/statement`: what the caller was credited with in this live.
pub(super) async fn statement(
    State(salon): State<Salon>,
    room: Result<Path<RoomId>, PathRejection>,
    Caller(person): Caller,
) -> Result<Json<Statement>, Problem> {
    let Path(room) = room?;
    let user = person.user;
    let lines: Vec<StatementLine> = salon.read_ledger(|ledger| {
        ledger.statement(&user, Some(Scope::from(room))).map(StatementLine::from).collect()
    });
    let total_minor = lines.iter().map(|line| line.credited_minor).sum();
    Ok(Json(Statement { user, lines, total_minor }))
}
