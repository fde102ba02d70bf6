//! HTTP: the page, the API beside the WebSocket, WHIP and WHEP, webhooks, health and metrics.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{delete, get, post, put};

use crate::Salon;

mod account;
mod media;
mod operations;
mod page;
mod payments;
mod problem;
mod rooms;
mod socket;

/// The largest request body, in bytes: an offer of eight sections is about 26 KiB.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Every route, relative to wherever the router is mounted.
pub(crate) fn router(salon: Salon) -> Router {
    Router::new()
        .route("/", get(page::index))
        .route("/assets/{file}", get(page::asset))
        .route("/api/tokens", post(account::issue))
        .route("/api/me", get(account::me))
        .route("/api/people", get(account::people))
        .route("/api/rooms", get(rooms::list).post(rooms::create))
        .route("/api/rooms/{room}", get(rooms::summary))
        .route("/api/rooms/{room}/statement", get(rooms::statement))
        .route("/ws", get(socket::upgrade))
        .route("/rooms/{room}/whip", post(media::publish).options(media::options))
        .route("/rooms/{room}/whep", post(media::watch).options(media::options))
        .route("/sessions/{session}", delete(media::close))
        .route("/sessions/{session}/tiles", put(media::tiles))
        .route("/hooks/payments", post(payments::webhook))
        .route("/healthz", get(operations::health))
        .route("/metrics", get(operations::metrics))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(salon)
}
