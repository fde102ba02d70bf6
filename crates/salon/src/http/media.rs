//! WHIP (RFC 9725) for the seated and WHEP for everyone: one offer, one answer, nothing trickled.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, ETAG, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use salon_core::RoomId;
use salon_rtc::media::SLOTS;
use salon_rtc::{Answer, SessionId};
use salon_signal::error::Code;
use serde::Deserialize;

use super::account::{Caller, bearer};
use super::problem::Problem;
use crate::Salon;
use crate::media::MediaRefusal;

const SDP: &str = "application/sdp";

/// `POST rooms/{room}/whip`: publish, with the token of a grant.
pub(super) async fn publish(
    State(salon): State<Salon>,
    room: Result<Path<RoomId>, PathRejection>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let Path(room) = room?;
    let token = bearer(&headers)?;
    let offer = offer(&headers, &body)?;
    let answer = salon.publish(room, token, offer).await.map_err(problem)?;
    Ok(created(&answer))
}

/// `POST rooms/{room}/whep`: watch, with the token of a person.
pub(super) async fn watch(
    State(salon): State<Salon>,
    room: Result<Path<RoomId>, PathRejection>,
    Caller(person): Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let Path(room) = room?;
    let offer = offer(&headers, &body)?;
    let answer = salon.watch(room, person, offer).await.map_err(problem)?;
    Ok(created(&answer))
}

/// `DELETE sessions/{session}`: the end of a session, by whoever knows its unguessable name.
///
/// Other methods answer 405, `PATCH` among them: nothing is trickled, and an ICE restart is a new
/// offer (RFC 9725, 4.3.1 allows a server to support neither).
pub(super) async fn close(
    State(salon): State<Salon>,
    Path(session): Path<String>,
) -> Result<StatusCode, Problem> {
    let session: SessionId = session.parse().map_err(|_| unknown_session())?;
    if salon.close_media(session).await { Ok(StatusCode::OK) } else { Err(unknown_session()) }
}

/// How large a viewer shows each seat, in physical pixels.
#[derive(Deserialize)]
pub(super) struct Tiles {
    /// Rows of pixels by seat; 0 for one that is not shown.
    rows: [u16; SLOTS],
}

/// `PUT sessions/{session}/tiles`: how large the seats are shown, so that no larger pictures are sent than that, by
/// whoever knows the session's unguessable name. Whoever never says it receives the largest.
pub(super) async fn tiles(
    State(salon): State<Salon>,
    Path(session): Path<String>,
    body: Result<Json<Tiles>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let Json(Tiles { rows }) = body?;
    let session: SessionId = session.parse().map_err(|_| unknown_session())?;
    let is_known = salon.tiles(session, rows).await;
    if is_known { Ok(StatusCode::NO_CONTENT) } else { Err(unknown_session()) }
}

fn unknown_session() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, Code::NotFound, "no such session")
}

/// `OPTIONS` of both: what they take.
pub(super) async fn options() -> impl IntoResponse {
    (StatusCode::NO_CONTENT, [("accept-post", SDP)])
}

fn offer(headers: &HeaderMap, body: &[u8]) -> Result<String, Problem> {
    let is_sdp = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(';').next().is_some_and(|kind| kind.trim() == SDP));
    if !is_sdp {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Code::Malformed,
            format!("content type must be {SDP}"),
        ));
    }
    String::from_utf8(body.to_vec()).map_err(|_| Problem::malformed("offer is not UTF-8"))
}

fn created(answer: &Answer) -> Response {
    let location = format!("../../sessions/{}", answer.session);
    let etag = format!("\"{}\"", answer.session);
    let headers = [(CONTENT_TYPE, SDP), (LOCATION, &*location), (ETAG, &*etag)];
    (StatusCode::CREATED, headers, answer.sdp.clone()).into_response()
}

fn problem(refusal: MediaRefusal) -> Problem {
    match refusal {
        MediaRefusal::Grant => Problem::unauthenticated("grant does not hold"),
        MediaRefusal::Room(rejected) => Problem::rejected(rejected),
        MediaRefusal::Offer(error) => {
            Problem::new(StatusCode::BAD_REQUEST, Code::OfferRefused, error)
        }
        MediaRefusal::Overloaded(error) => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, Code::Overloaded, error)
        }
    }
}
