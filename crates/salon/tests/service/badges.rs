//! Badges: awarded once, whatever the webhooks do; refused with a reason; kept over a restart.

use salon::core::RoomId;
use salon_signal::command::Command;
use salon_signal::event::{Event, PurchaseState};
use salon_signal::secret::Method;

use crate::client::{Client, live};
use crate::world::World;

fn badge(to: &Client, sku: &str, method: &str) -> Command {
    Command::BeginBadge {
        recipient: to.person.user.clone(),
        sku: sku.into(),
        note: "bravo".into(),
        method: Method::new(method.into()).unwrap(),
    }
}

/// Buys, and reads until the purchase is settled.
async fn buy(buyer: &mut Client, command: Command) -> PurchaseState {
    let settled = |event: &Event| match event {
        Event::BadgeSettled { outcome, .. } => Some(outcome.clone()),
        _ => None,
    };
    let before = buyer.told.iter().filter_map(settled).count();
    buyer.command(command).await.unwrap();
    loop {
        if let Some(outcome) = buyer.told.iter().filter_map(settled).nth(before) {
            return outcome;
        }
        buyer.next().await;
    }
}

async fn totals(world: &World, room: RoomId) -> (u64, i64) {
    let summary = world.get(&format!("/api/rooms/{room}")).await;
    let total = &summary["totals"][0];
    (total["hearts"].as_u64().unwrap_or(0), total["minor"].as_i64().unwrap_or(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_badge_is_awarded_once_although_its_webhook_comes_twice() {
    let world = World::start().await;
    let (mut host, room) = live(&world, "Ada", 4).await;
    let mut buyer = Client::watch(&world, "Sam", room).await;
    let outcome = buy(&mut buyer, badge(&host, "heart-3", "sandbox:approve")).await;
    assert_eq!(outcome, PurchaseState::Awarded);
    host.hears(|event| matches!(event, Event::BadgeAwarded { hearts: 3, .. })).await;
    // The second webhook was delivered before this comment was made.
    buyer.command(Command::PostComment { text: "bravo!".into() }).await.unwrap();
    host.hears(|event| matches!(event, Event::CommentPosted { hearts: 3, .. })).await;
    let awards = host.told.iter().filter(|event| matches!(event, Event::BadgeAwarded { .. }));
    assert_eq!(awards.count(), 1);
    assert_eq!(totals(&world, room).await, (3, 499));
    assert_eq!(world.metric("salon_ledger_trial_balance ").await, 0);
    assert_eq!(world.metric("salon_ledger_entries ").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn declined_unknown_and_capped_purchases_say_why() {
    let world = World::start().await;
    let (host, room) = live(&world, "Ada", 4).await;
    let mut buyer = Client::watch(&world, "Sam", room).await;
    let declined = buy(&mut buyer, badge(&host, "heart-1", "sandbox:decline")).await;
    assert_eq!(declined, PurchaseState::Declined);
    let unknown = buy(&mut buyer, badge(&host, "heart-1", "cash")).await;
    assert_eq!(unknown, PurchaseState::Declined);
    let no_sku = buy(&mut buyer, badge(&host, "heart-9", "sandbox:approve")).await;
    assert_eq!(no_sku, PurchaseState::Failed);
    // 50 badges of 4.99 stay below 250.00, one more does not.
    for _ in 0..50 {
        let outcome = buy(&mut buyer, badge(&host, "heart-3", "sandbox:approve")).await;
        assert_eq!(outcome, PurchaseState::Awarded);
    }
    let capped = buy(&mut buyer, badge(&host, "heart-3", "sandbox:approve")).await;
    assert_eq!(capped, PurchaseState::Capped);
    assert_eq!(totals(&world, room).await, (150, 50 * 499));
    let own = buyer.command(badge(&buyer, "heart-1", "sandbox:approve")).await.unwrap_err();
    assert!(matches!(own.name.as_str(), "self_badge" | "recipient_not_seated"), "{}", own.name);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_the_room_its_seats_and_its_badges() {
    let mut world = World::start().await;
    let (mut host, room) = live(&world, "Ada", 4).await;
    let mut buyer = Client::watch(&world, "Sam", room).await;
    buy(&mut buyer, badge(&host, "heart-2", "sandbox:approve")).await;
    host.hears(|event| matches!(event, Event::BadgeAwarded { .. })).await;
    let before = host.view.publish().cloned().unwrap();
    let code = {
        world.stop().await;
        loop {
            if let Err(code) = host.receive().await {
                break code;
            }
        }
    };
    assert_eq!(code, 4000);
    world.run().await;

    let mut host = Client::connect_as(&world, host.token.clone(), host.person.clone()).await;
    host.subscribe(room, Vec::new()).await.unwrap();
    host.until(|view| view.publish().is_some()).await;
    let after = host.view.publish().cloned().unwrap();
    assert_eq!((after.seat, after.stint), (before.seat, before.stint));
    assert!(after.fence > before.fence);
    assert_eq!(totals(&world, room).await, (2, 199));
    assert_eq!(world.metric("salon_ledger_trial_balance ").await, 0);
}
