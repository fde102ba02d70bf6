//! A badge's way from the intent to the award. The ledger's journal leads: what it says is what is
//! shown, however often a webhook comes and wherever a crash falls.

use std::time::Duration;

use bytes::Bytes;
use salon_core::{PurchaseId, RoomId, Scope, StintId, UserId};
use salon_ledger::command::Why;
use salon_ledger::purchase::State;
use salon_ledger::{Command, Posted, Refusal};
use salon_pay::sandbox::Deliveries;
use salon_pay::{Charge, ChargeError, Description, Method, Order, ProviderRef, Status};
use salon_room::Room;
use salon_room::badge::{Outcome, Sku, VoidReason};
use salon_signal::secret::Method as WireMethod;
use salon_store::poster::PostError;
use tokio::time::{sleep, timeout};

use crate::Salon;
use crate::room::call::{Answer, Call};

/// How long the provider may take to accept a charge. A guess; after it the status decides.
const CHARGE_MAX: Duration = Duration::from_secs(10);
/// When the provider is first asked how a charge went that no webhook has told of, and at most how
/// often after that. Guesses: webhooks usually come within a second.
const ASK_FIRST: Duration = Duration::from_secs(3);
const ASK_MAX: Duration = Duration::from_secs(30);
/// How long a charge may stay open before its purchase is given up. A guess: a buyer has long left.
/// Money that arrives later is still credited.
const OPEN_MAX: Duration = Duration::from_secs(600);
/// How long until something that was refused as busy is tried again. A guess.
const RETRY: Duration = Duration::from_millis(100);

/// A purchase that a room has begun.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) room: RoomId,
    pub(crate) purchase: PurchaseId,
    pub(crate) supporter: UserId,
    pub(crate) recipient: UserId,
    pub(crate) stint: StintId,
    pub(crate) sku: Sku,
    pub(crate) method: Option<WireMethod>,
}

/// How a webhook was taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WebhookOutcome {
    /// What it says is durable, or was before.
    Settled,
    /// It is not the provider's.
    Refused,
    /// It could not be recorded; the provider should send it again.
    TryAgain,
}

/// The purchases a room has begun and not seen settled.
pub(crate) fn owed(room: &Room) -> Vec<PurchaseId> {
    room.purchases().map(|purchase| purchase.id).collect()
}

impl Salon {
    /// Hands the sandbox's webhooks to [`accept_webhook`](Self::accept_webhook) until it is gone.
    pub async fn deliver(self, mut deliveries: Deliveries) {
        while let Some(webhook) = deliveries.next().await {
            let outcome = self.accept_webhook(&webhook.signature, &webhook.body).await;
            if outcome != WebhookOutcome::Settled {
                tracing::warn!(?outcome, "webhook");
            }
        }
    }

    /// Takes a webhook of the payment provider, as it came. It may come any number of times.
    pub async fn accept_webhook(&self, signature: &str, body: &Bytes) -> WebhookOutcome {
        let event = match self.0.ports.payments.parse_webhook(self.now(), signature, body) {
            Ok(event) => event,
            Err(error) => {
                self.metrics().webhooks_refused.add_one();
                tracing::warn!(%error, "webhook refused");
                return WebhookOutcome::Refused;
            }
        };
        let charge = Charge { provider_ref: event.provider_ref, status: event.status };
        match self.apply(event.purchase, &charge).await {
            Ok(()) => WebhookOutcome::Settled,
            Err(error) => {
                tracing::warn!(purchase = %event.purchase, %error, "webhook not recorded");
                WebhookOutcome::TryAgain
            }
        }
    }

    /// Starts the payment of a purchase that a room has begun.
    pub(crate) fn begin_purchase(&self, opening: Opening) {
        let salon = self.clone();
        self.0.tasks.spawn(async move { salon.pay(opening).await });
    }

    /// Finds out what became of a purchase that a room had begun before it woke.
    pub(crate) fn recover_purchase(&self, room: RoomId, purchase: PurchaseId) {
        let found = self.read_ledger(|ledger| ledger.purchase(purchase).cloned());
        let outcome = match found {
            // Begun, and never opened in the ledger: no money can have moved.
            None => Outcome::Voided { why: VoidReason::Failed },
            Some(found) => match (found.capture(), &found.state) {
                (Some(capture), _) => {
                    Outcome::Awarded { hearts: found.hearts, ledger_seq: capture.seq }
                }
                (None, State::Released { why, .. }) => Outcome::Voided { why: void_reason(*why) },
                // Whoever follows the held purchases will tell.
                (None, _) => return,
            },
        };
        let salon = self.clone();
        self.0.tasks.spawn(async move { salon.settle(room, purchase, outcome).await });
    }

    /// Takes up every purchase whose outcome was open when the service stopped.
    pub(crate) fn recover_held(&self) {
        let held: Vec<_> =
            self.read_ledger(|ledger| ledger.held().map(|purchase| purchase.id).collect());
        for purchase in held {
            let salon = self.clone();
            self.0.tasks.spawn(async move { salon.follow(purchase, Duration::ZERO).await });
        }
    }

    async fn pay(&self, opening: Opening) {
        let Opening { room, purchase, supporter, recipient, stint, sku, method } = opening;
        let payer = supporter.clone();
        let scope = Scope::from(room);
        let open = Command::Open { purchase, supporter, scope, recipient, stint, sku: sku.clone() };
        let posted = match self.post(open).await {
            Ok(posted) => posted,
            Err(error) => {
                let why = match error {
                    PostError::Refused(Refusal::CapReached(_)) => VoidReason::Capped,
                    _ => VoidReason::Failed,
                };
                return self.settle(room, purchase, Outcome::Voided { why }).await;
            }
        };
        let method = method.and_then(|method| Method::parse(method.expose()).ok());
        let charged = match method {
            Some(method) => self.charge(&posted, payer, method, &sku).await,
            None => Err(ChargeError::InvalidMethod),
        };
        match charged {
            Ok(charge) if charge.status != Status::Pending => {
                if self.apply(purchase, &charge).await.is_err() {
                    self.follow(purchase, ASK_FIRST).await;
                }
            }
            // A webhook will tell, or the provider when asked.
            Ok(_) | Err(ChargeError::Unavailable) => self.follow(purchase, ASK_FIRST).await,
            Err(error) => {
                tracing::info!(%purchase, %error, "charge refused");
                self.release(purchase, Why::Declined).await;
            }
        }
    }

    async fn charge(
        &self,
        posted: &Posted,
        payer: UserId,
        method: Method,
        sku: &Sku,
    ) -> Result<Charge, ChargeError> {
        let description = Description::parse(&format!("Badge {sku}"));
        let order = Order {
            purchase: posted.purchase,
            payer,
            amount: posted.price,
            method,
            description: description.expect("a sku has at most 40 characters"),
        };
        let charge = self.0.ports.payments.charge(&order);
        timeout(CHARGE_MAX, charge).await.unwrap_or(Err(ChargeError::Unavailable))
    }

    /// Asks the provider until the purchase is settled, by whatever way.
    async fn follow(&self, purchase: PurchaseId, first: Duration) {
        let mut wait = first;
        let mut waited = Duration::ZERO;
        loop {
            tokio::select! {
                () = sleep(wait) => waited += wait,
                // It is taken up again at the next start.
                () = self.0.stopping.cancelled() => return,
            }
            if !self.is_held(purchase) {
                return;
            }
            let asked = timeout(CHARGE_MAX, self.0.ports.payments.status(purchase)).await;
            match asked {
                Ok(Ok(Some(charge))) if charge.status != Status::Pending => {
                    // What could not be booked now is asked for again.
                    let _again = self.apply(purchase, &charge).await;
                }
                // The provider knows of no charge: none was made, or it has forgotten it.
                Ok(Ok(None)) => return self.release(purchase, Why::Voided).await,
                _ if waited >= OPEN_MAX => return self.release(purchase, Why::Expired).await,
                _ => {}
            }
            wait = (wait * 2).clamp(ASK_FIRST, ASK_MAX);
        }
    }

    fn is_held(&self, purchase: PurchaseId) -> bool {
        let state =
            self.read_ledger(|ledger| ledger.purchase(purchase).map(|found| found.state.clone()));
        state == Some(State::Held)
    }

    /// Books what the provider says of a charge, then tells the room.
    async fn apply(&self, purchase: PurchaseId, charge: &Charge) -> Result<(), PostError> {
        match charge.status {
            Status::Pending => Ok(()),
            Status::Captured => self.capture(purchase, charge.provider_ref.clone()).await,
            Status::Declined => {
                self.release(purchase, Why::Declined).await;
                Ok(())
            }
            Status::Refunded => {
                // A refund may overtake the news of its capture; the journal needs both.
                self.capture(purchase, charge.provider_ref.clone()).await?;
                self.post(Command::Refund { purchase }).await.map(drop)
            }
        }
    }

    async fn capture(
        &self,
        purchase: PurchaseId,
        provider_ref: ProviderRef,
    ) -> Result<(), PostError> {
        let posted = match self.post(Command::Capture { purchase, provider_ref }).await {
            Ok(posted) => posted,
            // Not one of ours, or another charge for it: nothing to show, and repeating does not help.
            Err(PostError::Refused(refusal)) => {
                tracing::error!(%purchase, %refusal, "capture refused");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let outcome = Outcome::Awarded { hearts: posted.hearts, ledger_seq: posted.seq };
        self.settle_in_its_room(purchase, outcome).await;
        Ok(())
    }

    async fn release(&self, purchase: PurchaseId, why: Why) {
        match self.post(Command::Release { purchase, why }).await {
            Ok(_) => {
                let outcome = Outcome::Voided { why: void_reason(why) };
                self.settle_in_its_room(purchase, outcome).await;
            }
            // It was settled otherwise meanwhile, and whoever did that has told the room.
            Err(error) => tracing::info!(%purchase, %error, "release"),
        }
    }

    async fn settle_in_its_room(&self, purchase: PurchaseId, outcome: Outcome) {
        let scope = self.read_ledger(|ledger| ledger.purchase(purchase).map(|found| found.scope));
        if let Some(scope) = scope {
            self.settle(RoomId::from_u128(scope.to_u128()), purchase, outcome).await;
        }
    }

    /// Tells the room, until it has heard. A room that does not hear it now finds it in the ledger
    /// when it wakes.
    async fn settle(&self, room: RoomId, purchase: PurchaseId, outcome: Outcome) {
        while !self.0.stopping.is_cancelled() {
            match self.call(room, Call::Settle { purchase, outcome }).await {
                Ok(Answer::Rejected(rejected)) => {
                    // Settled before: a webhook came twice.
                    tracing::debug!(%room, %purchase, name = rejected.name, "settle");
                    return;
                }
                Ok(_) => return,
                Err(_) => sleep(RETRY).await,
            }
        }
    }

    /// Posts to the ledger, again while it is busy.
    async fn post(&self, command: Command) -> Result<Posted, PostError> {
        loop {
            match self.0.poster.submit(command.clone()).await {
                Err(PostError::Busy) => sleep(RETRY).await,
                answer => return answer,
            }
        }
    }
}

fn void_reason(why: Why) -> VoidReason {
    match why {
        Why::Declined => VoidReason::Declined,
        Why::Expired => VoidReason::Expired,
        Why::Voided => VoidReason::Failed,
    }
}
