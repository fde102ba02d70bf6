//! What every payment provider can do.

use std::fmt;

use salon_core::{Money, PurchaseId, Text, Time, UserId};
use serde::{Deserialize, Serialize};

use crate::webhook::{Event, WebhookError};

/// The payer's means of payment, as the provider's own page names it. Opaque; never card data.
pub type Method = Text<1, 200>;

/// The provider's own name for a charge.
pub type ProviderRef = Text<1, 200>;

/// What the payer reads on the bill.
pub type Description = Text<1, 200>;

/// What is to be paid.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Order {
    /// The purchase; the idempotency key.
    pub purchase: PurchaseId,
    /// Who pays.
    pub payer: UserId,
    /// How much; above zero.
    pub amount: Money,
    /// With what.
    pub method: Method,
    /// For what.
    pub description: Description,
}

/// A charge that the provider accepted to try.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Charge {
    /// The provider's name for it.
    pub provider_ref: ProviderRef,
    /// How far it is. Usually [`Status::Pending`]: the webhook tells the rest.
    pub status: Status,
}

/// How far a charge is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not settled yet.
    Pending,
    /// The money is taken.
    Captured,
    /// The money will not be taken.
    Declined,
    /// The money was taken and given back.
    Refunded,
}

/// A way to take money. Safe to share; every call may be repeated.
///
/// Time-outs are the caller's: an answer that does not come leaves the charge open, and [`status`](Self::status)
/// settles it.
#[async_trait::async_trait]
pub trait PaymentProvider: fmt::Debug + Send + Sync {
    /// Its name, for logs.
    fn name(&self) -> &'static str;

    /// Tries to take the money. The same order again is the same charge.
    ///
    /// # Errors
    /// [`ChargeError`] says why no charge was made; after [`ChargeError::Unavailable`] it is unknown whether one was.
    async fn charge(&self, order: &Order) -> Result<Charge, ChargeError>;

    /// How far the charge of a purchase is, and the provider's name for it; nothing if there is none.
    ///
    /// # Errors
    /// [`StatusError`] if the provider does not answer.
    async fn status(&self, purchase: PurchaseId) -> Result<Option<Charge>, StatusError>;

    /// Gives the whole amount back. Again is the same refund.
    ///
    /// # Errors
    /// [`RefundError`] says why not.
    async fn refund(&self, purchase: PurchaseId) -> Result<Charge, RefundError>;

    /// Checks that a webhook is the provider's own and recent, and reads it.
    ///
    /// `signature` and `body` are as they came; `now` is the time of arrival. A webhook may come again: whoever
    /// handles it must be ready to see an [`EventId`](crate::EventId) twice.
    ///
    /// # Errors
    /// [`WebhookError`]; nothing of the body may be believed then.
    fn parse_webhook(&self, now: Time, signature: &str, body: &[u8])
    -> Result<Event, WebhookError>;
}

/// Why no charge was made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ChargeError {
    /// The means of payment is not one the provider knows.
    #[error("payment method is not known to the provider")]
    InvalidMethod,
    /// The amount is not above zero.
    #[error("amount {0} cannot be charged")]
    InvalidAmount(Money),
    /// The purchase was charged before with another order.
    #[error("purchase {0} was charged before with another order")]
    Conflict(PurchaseId),
    /// The provider does not answer, or has too much to do. Try again, or ask for the status.
    #[error("the payment provider is not available")]
    Unavailable,
}

/// Why the status is not known.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StatusError {
    /// The provider does not answer.
    #[error("the payment provider is not available")]
    Unavailable,
}

/// Why nothing was refunded.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RefundError {
    /// No money was taken for this purchase.
    #[error("purchase {0} was not captured")]
    NotCaptured(PurchaseId),
    /// The provider does not answer, or has too much to do.
    #[error("the payment provider is not available")]
    Unavailable,
}
