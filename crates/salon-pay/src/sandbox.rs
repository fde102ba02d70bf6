//! A provider without an account: moves no money, and keeps no promise a real provider would not keep.
//!
//! Charges settle after a delay, on their own; a webhook tells so, once, twice or never, by the method of payment.
//! The charges are kept in memory: after a restart the sandbox has forgotten them, and its status says so.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use salon_core::{PurchaseId, Time};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::provider::{
    Charge, ChargeError, Order, PaymentProvider, ProviderRef, RefundError, Status, StatusError,
};
use crate::webhook::{Event, EventId, Signer, WebhookError};

/// The method that is charged.
pub const APPROVE: &str = "sandbox:approve";
/// The method that is declined.
pub const DECLINE: &str = "sandbox:decline";
/// The method that is charged without a webhook: only the status knows.
pub const LOST: &str = "sandbox:lost";

/// Webhooks waiting to be sent; above that the sandbox is not available. A guess: far above what a demonstration or a
/// test sends within one delay.
const DELIVERIES_MAX: usize = 1_024;
/// Charges remembered; above that the sandbox is not available. A guess: some tens of megabytes.
const CHARGES_MAX: usize = 100_000;

/// How the sandbox behaves.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// From the order to its settlement. Default 400 ms: about what a card takes.
    pub delay: Duration,
    /// Whether each webhook comes twice, as it does now and then from every real provider. Default: yes, so that
    /// nobody builds on the contrary.
    pub duplicate_webhooks: bool,
    /// Signs the webhooks; known to the sender and to the receiver.
    pub secret: [u8; 32],
}

impl Config {
    /// The defaults, with this secret.
    #[must_use]
    pub const fn new(secret: [u8; 32]) -> Self {
        Self { delay: Duration::from_millis(400), duplicate_webhooks: true, secret }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { delay, duplicate_webhooks, secret: _ } = self;
        f.debug_struct("Config")
            .field("delay", delay)
            .field("duplicate_webhooks", duplicate_webhooks)
            .finish_non_exhaustive()
    }
}

/// The sandbox. Clones share their charges.
#[derive(Clone)]
pub struct Sandbox {
    config: Config,
    charges: Arc<Mutex<BTreeMap<PurchaseId, Record>>>,
    scheduled: mpsc::Sender<Scheduled>,
}

/// The webhooks of a [`Sandbox`], for the caller to post to its own address, or to hand to
/// [`parse_webhook`](PaymentProvider::parse_webhook) directly.
pub struct Deliveries {
    config: Config,
    scheduled: mpsc::Receiver<Scheduled>,
    next: Option<Scheduled>,
    again: Option<Webhook>,
}

/// A signed message from the provider.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Webhook {
    /// When it was signed.
    pub sent_at: Time,
    /// The proof of its origin, sent beside the body.
    pub signature: String,
    /// JSON.
    pub body: Bytes,
}

#[derive(Debug)]
struct Record {
    order: Order,
    settles_at: Instant,
    settles_as: Status,
}

impl Record {
    fn charge(&self) -> Charge {
        let settled = Instant::now() >= self.settles_at;
        let status = if settled { self.settles_as } else { Status::Pending };
        Charge { provider_ref: provider_ref(self.order.purchase), status }
    }
}

#[derive(Debug)]
struct Scheduled {
    due: Instant,
    event: Event,
}

impl Sandbox {
    /// A sandbox and the webhooks it sends. Nothing is sent unless somebody calls [`Deliveries::next`].
    #[must_use]
    pub fn new(config: Config) -> (Self, Deliveries) {
        let (sender, scheduled) = mpsc::channel(DELIVERIES_MAX);
        let deliveries = Deliveries { config: config.clone(), scheduled, next: None, again: None };
        (Self { config, charges: Arc::default(), scheduled: sender }, deliveries)
    }

    fn charges(&self) -> MutexGuard<'_, BTreeMap<PurchaseId, Record>> {
        self.charges.lock().expect("nothing panics while it holds the charges")
    }
}

#[async_trait::async_trait]
impl PaymentProvider for Sandbox {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    async fn charge(&self, order: &Order) -> Result<Charge, ChargeError> {
        let mut charges = self.charges();
        if let Some(earlier) = charges.get(&order.purchase) {
            let same = earlier.order == *order;
            return if same {
                Ok(earlier.charge())
            } else {
                Err(ChargeError::Conflict(order.purchase))
            };
        }
        if order.amount.minor <= 0 {
            return Err(ChargeError::InvalidAmount(order.amount));
        }
        let settles_as = match order.method.as_str() {
            APPROVE | LOST => Status::Captured,
            DECLINE => Status::Declined,
            _ => return Err(ChargeError::InvalidMethod),
        };
        if charges.len() >= CHARGES_MAX {
            return Err(ChargeError::Unavailable);
        }
        let due = Instant::now() + self.config.delay;
        if order.method.as_str() != LOST {
            let scheduled = Scheduled { due, event: event(order.purchase, settles_as) };
            self.scheduled.try_send(scheduled).map_err(|_| ChargeError::Unavailable)?;
        }
        let record = Record { order: order.clone(), settles_at: due, settles_as };
        let charge = record.charge();
        charges.insert(order.purchase, record);
        Ok(charge)
    }

    async fn status(&self, purchase: PurchaseId) -> Result<Option<Charge>, StatusError> {
        Ok(self.charges().get(&purchase).map(Record::charge))
    }

    async fn refund(&self, purchase: PurchaseId) -> Result<Charge, RefundError> {
        let mut charges = self.charges();
        let record = charges.get_mut(&purchase).ok_or(RefundError::NotCaptured(purchase))?;
        match record.charge().status {
            Status::Pending | Status::Declined => Err(RefundError::NotCaptured(purchase)),
            Status::Refunded => Ok(record.charge()),
            Status::Captured => {
                let due = Instant::now() + self.config.delay;
                let scheduled = Scheduled { due, event: event(purchase, Status::Refunded) };
                self.scheduled.try_send(scheduled).map_err(|_| RefundError::Unavailable)?;
                record.settles_as = Status::Refunded;
                Ok(record.charge())
            }
        }
    }

    fn parse_webhook(
        &self,
        now: Time,
        signature: &str,
        body: &[u8],
    ) -> Result<Event, WebhookError> {
        Signer::new(self.config.secret).verify(now, signature, body)?;
        serde_json::from_slice(body).map_err(|_| WebhookError::Malformed)
    }
}

impl Deliveries {
    /// Waits for the next webhook; nothing when every clone of the sandbox is gone and all are sent.
    ///
    /// Safe to cancel: no webhook is lost by it.
    pub async fn next(&mut self) -> Option<Webhook> {
        if let Some(webhook) = self.again.take() {
            return Some(webhook);
        }
        if self.next.is_none() {
            self.next = Some(self.scheduled.recv().await?);
        }
        // Every delay is the same, so what was scheduled first is due first.
        let due = self.next.as_ref()?.due;
        tokio::time::sleep_until(due).await;
        let scheduled = self.next.take()?;
        let webhook = self.webhook(&scheduled.event);
        if self.config.duplicate_webhooks {
            self.again = Some(webhook.clone());
        }
        Some(webhook)
    }

    fn webhook(&self, event: &Event) -> Webhook {
        let body = serde_json::to_vec(event).expect("an event has no map");
        let sent_at = unix_now();
        let signature = Signer::new(self.config.secret).sign(sent_at, &body);
        Webhook { sent_at, signature, body: body.into() }
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("config", &self.config).finish_non_exhaustive()
    }
}

impl fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deliveries").field("config", &self.config).finish_non_exhaustive()
    }
}

fn provider_ref(purchase: PurchaseId) -> ProviderRef {
    ProviderRef::parse(&format!("sandbox_{purchase}"))
        .expect("an identifier is short and printable")
}

fn event(purchase: PurchaseId, status: Status) -> Event {
    let provider_ref = provider_ref(purchase);
    let name = match status {
        Status::Pending => "pending",
        Status::Captured => "captured",
        Status::Declined => "declined",
        Status::Refunded => "refunded",
    };
    let event_id = EventId::parse(&format!("{provider_ref}_{name}")).expect("a reference is short");
    Event { event_id, purchase, status, provider_ref }
}

fn unix_now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(0) + since
}
