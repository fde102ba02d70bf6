//! Live rooms as a service: rooms, media, badges and signalling, composed behind an axum router.
//!
//! A [`Salon`] is opened on a durable store with the embedder's [`Ports`]; its [`router`](Salon::router)
//! mounts anywhere in a service, and its [`Driver`] does the work.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use salon::dev::Guestbook;
//! use salon::pay::sandbox::{self, Sandbox};
//! use salon::store::SqliteStore;
//! use salon::{Config, LogNotifier, Ports, Salon};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let guestbook = Arc::new(Guestbook::new([7; 32]));
//! let (payments, deliveries) = Sandbox::new(sandbox::Config::new([8; 32]));
//! let ports = Ports {
//!     tokens: guestbook.clone(),
//!     people: guestbook,
//!     notifier: Arc::new(LogNotifier),
//!     payments: Arc::new(payments),
//! };
//! let (salon, driver) = Salon::open(Config::default(), ports, SqliteStore::open("data")?)?;
//! tokio::spawn(driver.run());
//! tokio::spawn(salon.clone().deliver(deliveries));
//!
//! let app = axum::Router::new().nest_service("/live", salon.router());
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! axum::serve(listener, app).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Inside
//!
//! Each room that is awake has one owner task, which alone decides for it: commands come to it over
//! the bus, connections through a bounded mailbox. A turn takes what waits, decides, appends to the
//! room log in one durable write, and only then tells anyone. Purchases run beside the rooms and are
//! driven by the ledger's journal, so that a crash at any point shows a badge once.

mod badges;
mod clock;
pub mod dev;
mod driver;
mod http;
mod media;
mod metrics;
mod ports;
mod random;
mod rate;
mod room;
mod rooms;
mod seal;
mod service;
mod translate;

pub use driver::{Driver, DriverError};
pub use ports::{
    Identity, IssueError, Issued, LogNotifier, Notice, Notifier, People, TokenError, Tokens,
};
pub use random::new_secret;
pub use salon_rtc::config::Feedback as MediaFeedback;
pub use service::{Config, OpenError, Ports, Salon};

pub use salon_core as core;
pub use salon_ledger as ledger;
pub use salon_pay as pay;
pub use salon_room as room_model;
pub use salon_store as store;
