//! The sandbox keeps the promises of a payment provider, and none that a real one would break.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::time::Duration;

use salon_core::money::Currency;
use salon_core::{Money, PurchaseId, Time, UserId};
use salon_pay::sandbox::{APPROVE, Config, DECLINE, Deliveries, LOST, Sandbox, Webhook};
use salon_pay::{
    ChargeError, Description, Event, Method, Order, PaymentProvider, RefundError, Status,
    WebhookError,
};

fn order(purchase: u128, method: &str) -> Order {
    Order {
        purchase: PurchaseId::from_u128(purchase),
        payer: UserId::parse("sam").unwrap(),
        amount: Money::new(499, Currency::USD),
        method: Method::parse(method).unwrap(),
        description: Description::parse("three hearts").unwrap(),
    }
}

fn sandbox(duplicate_webhooks: bool) -> (Sandbox, Deliveries) {
    let mut config = Config::new([7; 32]);
    config.duplicate_webhooks = duplicate_webhooks;
    Sandbox::new(config)
}

fn parse(sandbox: &Sandbox, webhook: &Webhook) -> Result<Event, WebhookError> {
    sandbox.parse_webhook(webhook.sent_at, &webhook.signature, &webhook.body)
}

async fn status(sandbox: &Sandbox, purchase: u128) -> Option<Status> {
    let charge = sandbox.status(PurchaseId::from_u128(purchase)).await.unwrap();
    charge.map(|charge| charge.status)
}

/// Orders, checks that nothing is settled at once, waits, and compares what the one webhook and the status say.
async fn check(method: &str, expected: Status) {
    let (sandbox, mut deliveries) = sandbox(false);
    let charge = sandbox.charge(&order(1, method)).await.unwrap();
    assert_eq!(charge.status, Status::Pending);
    let started = tokio::time::Instant::now();
    let webhook = deliveries.next().await.unwrap();
    assert_eq!(started.elapsed(), Duration::from_millis(400));
    let event = parse(&sandbox, &webhook).unwrap();
    assert_eq!(event.status, expected);
    assert_eq!(
        (event.purchase, &event.provider_ref),
        (PurchaseId::from_u128(1), &charge.provider_ref)
    );
    assert_eq!(status(&sandbox, 1).await, Some(expected));
    drop(sandbox);
    assert_eq!(deliveries.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn an_approved_order_is_captured_after_the_delay() {
    check(APPROVE, Status::Captured).await;
}

#[tokio::test(start_paused = true)]
async fn a_declined_order_is_declined_after_the_delay() {
    check(DECLINE, Status::Declined).await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_webhook_never_comes_and_the_status_knows() {
    let (sandbox, mut deliveries) = sandbox(true);
    sandbox.charge(&order(1, LOST)).await.unwrap();
    assert_eq!(status(&sandbox, 1).await, Some(Status::Pending));
    tokio::time::advance(Duration::from_millis(400)).await;
    assert_eq!(status(&sandbox, 1).await, Some(Status::Captured));
    drop(sandbox);
    assert_eq!(deliveries.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_webhook_comes_twice_and_both_name_the_same_event() {
    let (sandbox, mut deliveries) = sandbox(true);
    sandbox.charge(&order(1, APPROVE)).await.unwrap();
    let first = parse(&sandbox, &deliveries.next().await.unwrap()).unwrap();
    let again = parse(&sandbox, &deliveries.next().await.unwrap()).unwrap();
    assert_eq!(first, again);
    drop(sandbox);
    assert_eq!(deliveries.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_webhook_may_be_given_up_and_loses_none() {
    let (sandbox, mut deliveries) = sandbox(false);
    sandbox.charge(&order(1, APPROVE)).await.unwrap();
    let short = Duration::from_millis(100);
    assert!(tokio::time::timeout(short, deliveries.next()).await.is_err());
    assert!(deliveries.next().await.is_some());
}

#[tokio::test(start_paused = true)]
async fn the_same_order_again_is_the_same_charge() {
    let (sandbox, mut deliveries) = sandbox(false);
    let first = sandbox.charge(&order(1, APPROVE)).await.unwrap();
    assert_eq!(sandbox.charge(&order(1, APPROVE)).await, Ok(first));
    let other = order(1, DECLINE);
    assert_eq!(sandbox.charge(&other).await, Err(ChargeError::Conflict(other.purchase)));
    drop(sandbox);
    assert!(deliveries.next().await.is_some());
    assert_eq!(deliveries.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_charged_is_refused_and_leaves_no_charge() {
    let (sandbox, _deliveries) = sandbox(false);
    let unknown = sandbox.charge(&order(1, "sandbox:other")).await;
    assert_eq!(unknown, Err(ChargeError::InvalidMethod));
    let nothing = Order { amount: Money::zero(Currency::USD), ..order(1, APPROVE) };
    let refused = sandbox.charge(&nothing).await;
    assert_eq!(refused, Err(ChargeError::InvalidAmount(nothing.amount)));
    assert_eq!(status(&sandbox, 1).await, None);
}

#[tokio::test(start_paused = true)]
async fn more_webhooks_than_can_wait_make_it_unavailable() {
    let (sandbox, mut deliveries) = sandbox(false);
    let mut taken = 0;
    while sandbox.charge(&order(taken, APPROVE)).await.is_ok() {
        taken += 1;
    }
    assert_eq!(taken, 1_024);
    assert_eq!(status(&sandbox, taken).await, None);
    deliveries.next().await.unwrap();
    assert!(sandbox.charge(&order(taken, APPROVE)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn only_captured_money_is_given_back_and_only_once() {
    let (sandbox, mut deliveries) = sandbox(false);
    let id = PurchaseId::from_u128(1);
    assert_eq!(sandbox.refund(id).await, Err(RefundError::NotCaptured(id)));
    sandbox.charge(&order(1, APPROVE)).await.unwrap();
    assert_eq!(sandbox.refund(id).await, Err(RefundError::NotCaptured(id)));
    deliveries.next().await.unwrap();
    for _ in 0..2 {
        assert_eq!(sandbox.refund(id).await.unwrap().status, Status::Refunded);
    }
    let event = parse(&sandbox, &deliveries.next().await.unwrap()).unwrap();
    assert_eq!(event.status, Status::Refunded);
    drop(sandbox);
    assert_eq!(deliveries.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_webhook_of_another_secret_altered_or_stale_is_refused() {
    let (sandbox, mut deliveries) = sandbox(false);
    let (other, _) = Sandbox::new(Config::new([8; 32]));
    sandbox.charge(&order(1, APPROVE)).await.unwrap();
    let webhook = deliveries.next().await.unwrap();
    assert!(parse(&sandbox, &webhook).is_ok());
    assert_eq!(parse(&other, &webhook), Err(WebhookError::Forged));

    let text = std::str::from_utf8(&webhook.body).unwrap();
    let altered = Webhook { body: text.replace("captured", "refunded").into(), ..webhook.clone() };
    assert_eq!(parse(&sandbox, &altered), Err(WebhookError::Forged));

    let late = Time(webhook.sent_at.0) + Duration::from_secs(301);
    let stale = sandbox.parse_webhook(late, &webhook.signature, &webhook.body);
    assert_eq!(stale, Err(WebhookError::Stale));
}

#[test]
fn secrets_are_not_printed() {
    let printed = format!("{:?}", sandbox(true));
    assert!(!printed.contains("secret") && !printed.contains('7'), "{printed}");
}
