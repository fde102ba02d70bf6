//! Webhooks of the payment provider.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

use crate::Salon;
use crate::badges::WebhookOutcome;

/// The header that carries the provider's signature.
const SIGNATURE: &str = "salon-signature";

/// `POST hooks/payments`: 200 once what it says is durable, so that the provider stops repeating it.
pub(super) async fn webhook(
    State(salon): State<Salon>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let signature = headers.get(SIGNATURE).and_then(|value| value.to_str().ok());
    match salon.accept_webhook(signature.unwrap_or_default(), &body).await {
        WebhookOutcome::Settled => StatusCode::OK,
        WebhookOutcome::Refused => StatusCode::UNAUTHORIZED,
        WebhookOutcome::TryAgain => StatusCode::SERVICE_UNAVAILABLE,
    }
}
