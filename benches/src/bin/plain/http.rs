//! WHIP (RFC 9725) and WHEP, as far as a benchmark needs them.

use std::sync::mpsc::SyncSender;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, post};
use tokio::sync::oneshot;

/// Who makes an offer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    /// The one whose packets go to all viewers; a later one takes its place.
    Publisher,
    /// One who gets them.
    Viewer,
}

/// An offer that waits for its answer.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) role: Role,
    pub(crate) sdp: String,
    /// The answer, or why there is none.
    pub(crate) answer: oneshot::Sender<Result<String, String>>,
}

/// `/whip` and `/whep`. Sessions end when they fall silent, so ending one by request only says yes.
pub(crate) fn router(offers: SyncSender<Offer>) -> Router {
    Router::new()
        .route("/whip", post(|State(offers), sdp| offer(offers, Role::Publisher, sdp)))
        .route("/whep", post(|State(offers), sdp| offer(offers, Role::Viewer, sdp)))
        .route("/session", delete(async || StatusCode::OK))
        .with_state(offers)
}

async fn offer(offers: SyncSender<Offer>, role: Role, sdp: String) -> Response {
    let (answer, answered) = oneshot::channel();
    if offers.try_send(Offer { role, sdp, answer }).is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match answered.await {
        Ok(Ok(sdp)) => {
            let headers =
                [(header::CONTENT_TYPE, "application/sdp"), (header::LOCATION, "/session")];
            (StatusCode::CREATED, headers, sdp).into_response()
        }
        Ok(Err(refusal)) => (StatusCode::BAD_REQUEST, refusal).into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
