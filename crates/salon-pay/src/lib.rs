//! Payment providers: the trait, and a sandbox that behaves like a real one.
//!
//! A [`PaymentProvider`] is told to charge, and tells later, by a signed webhook that may come twice or never, how
//! it went. [`PaymentProvider::status`] settles what a lost answer left open. A purchase's identifier is the
//! idempotency key of all of it, so every call may be repeated.
//!
//! [`Sandbox`] needs no account and moves no money, and is otherwise as unreliable as the real thing.
//!
//! ```
//! use salon_core::money::Currency;
//! use salon_core::{Money, PurchaseId, Time, UserId};
//! use salon_pay::sandbox::{Config, Sandbox};
//! use salon_pay::{Description, Method, Order, PaymentProvider, Status};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (sandbox, mut deliveries) = Sandbox::new(Config::new([7; 32]));
//! let order = Order {
//!     purchase: PurchaseId::from_u128(1),
//!     payer: UserId::parse("sam")?,
//!     amount: Money::new(499, Currency::USD),
//!     method: Method::parse("sandbox:approve")?,
//!     description: Description::parse("Three hearts for Ada")?,
//! };
//! assert_eq!(sandbox.charge(&order).await?.status, Status::Pending);
//!
//! let webhook = deliveries.next().await.expect("the sandbox is alive");
//! let now = Time(webhook.sent_at.0 + 1);
//! let event = sandbox.parse_webhook(now, &webhook.signature, &webhook.body)?;
//! assert_eq!((event.purchase, event.status), (order.purchase, Status::Captured));
//! # Ok(())
//! # }
//! ```

pub mod provider;
pub mod sandbox;
pub mod webhook;

pub use provider::{
    Charge, ChargeError, Description, Method, Order, PaymentProvider, ProviderRef, RefundError,
    Status, StatusError,
};
pub use sandbox::Sandbox;
pub use webhook::{Event, EventId, WebhookError};
