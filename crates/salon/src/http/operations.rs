//! For whoever runs the service: is it well, and what is it doing.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use crate::Salon;

/// `GET healthz`: 200 while rooms can be served, 503 once the ledger refuses to go on.
pub(super) async fn health(State(salon): State<Salon>) -> impl IntoResponse {
    if salon.is_healthy() {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "storage does not accept writes\n")
    }
}

/// `GET metrics`: Prometheus text.
pub(super) async fn metrics(State(salon): State<Salon>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], salon.exposition())
}
