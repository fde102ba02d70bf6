//! The decision on one command: pure, over whatever can be looked up.

use salon_core::chain::ChainHash;
use salon_core::{Fence, PurchaseId, Time};

use crate::account::Leg;
use crate::cap::{Key, Used};
use crate::command::{Command, Posting, ProviderRef, Refusal, Why};
use crate::entry::{Entry, Kind};
use crate::purchase::{Purchase, State};
use crate::terms::Terms;

/// Where a journal ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Tail {
    pub(crate) seq: u64,
    pub(crate) at: Time,
    pub(crate) fence: Fence,
    pub(crate) hash: ChainHash,
}

impl Tail {
    pub(crate) const START: Self =
        Self { seq: 0, at: Time(0), fence: Fence(0), hash: ChainHash::GENESIS };

    pub(crate) fn of(entry: &Entry) -> Self {
        let Entry { seq, at, fence, hash, .. } = *entry;
        Self { seq, at, fence, hash }
    }
}

/// What a decision looks at: a ledger, or a ledger with a batch on top of it.
pub(crate) trait View {
    fn terms(&self) -> &Terms;
    fn tail(&self) -> Tail;
    fn purchase(&self, id: PurchaseId) -> Option<&Purchase>;
    fn used(&self, key: &Key) -> Used;
}

pub(crate) fn decide(
    view: &impl View,
    now: Time,
    fence: Fence,
    command: &Command,
) -> Result<Posting, Refusal> {
    let current = view.tail().fence;
    if fence < current {
        return Err(Refusal::StaleFence { current });
    }
    let writer = Writer { view, now, fence };
    match command {
        Command::Open { .. } => writer.open(command),
        Command::Capture { purchase, provider_ref } => writer.capture(*purchase, provider_ref),
        Command::Release { purchase, why } => writer.release(*purchase, *why),
        Command::Refund { purchase } => writer.refund(*purchase),
    }
}

struct Writer<'a, V> {
    view: &'a V,
    now: Time,
    fence: Fence,
}

impl<V: View> Writer<'_, V> {
    // In each of these, repetitions come first: a repeated command must succeed even if the cap has been
    // reached or the badge has been taken off the catalogue since.

    fn open(&self, command: &Command) -> Result<Posting, Refusal> {
        let Command::Open { purchase, supporter, scope, recipient, stint, sku } = command else {
            unreachable!("only an open command is opened");
        };
        if let Some(earlier) = self.view.purchase(*purchase) {
            let same = earlier.supporter == *supporter
                && earlier.scope == *scope
                && earlier.recipient == *recipient
                && earlier.stint == *stint
                && earlier.sku == *sku;
            return repeat(earlier, earlier.opened_seq, same);
        }
        let terms = self.view.terms();
        let item = terms.catalogue.item(sku).ok_or_else(|| Refusal::UnknownSku(sku.clone()))?;
        let used = self.view.used(&(*scope, supporter.clone()));
        if let Some(cap) = terms.caps.passed(used, item.price) {
            return Err(Refusal::CapReached(cap));
        }
        let kind = Kind::Opened {
            purchase: *purchase,
            supporter: supporter.clone(),
            scope: *scope,
            recipient: recipient.clone(),
            stint: *stint,
            sku: sku.clone(),
            hearts: item.hearts,
            price: item.price,
            fee: terms.fees.platform,
        };
        Ok(self.post(None, kind, vec![]))
    }

    fn capture(&self, id: PurchaseId, provider_ref: &ProviderRef) -> Result<Posting, Refusal> {
        let purchase = self.known(id)?;
        if let Some(earlier) = purchase.capture() {
            return repeat(purchase, earlier.seq, earlier.provider_ref == *provider_ref);
        }
        let kind = Kind::Captured { purchase: id, provider_ref: provider_ref.clone() };
        Ok(self.post(Some(purchase), kind, purchase.capture_legs()))
    }

    fn release(&self, id: PurchaseId, why: Why) -> Result<Posting, Refusal> {
        let purchase = self.known(id)?;
        match &purchase.state {
            State::Held => {
                Ok(self.post(Some(purchase), Kind::Released { purchase: id, why }, vec![]))
            }
            State::Released { seq, why: earlier } => repeat(purchase, *seq, *earlier == why),
            State::Captured(capture) | State::Refunded { capture, .. } => {
                Err(Refusal::AlreadyCaptured { purchase: id, seq: capture.seq })
            }
        }
    }

    fn refund(&self, id: PurchaseId) -> Result<Posting, Refusal> {
        let purchase = self.known(id)?;
        match &purchase.state {
            State::Held | State::Released { .. } => Err(Refusal::NotCaptured(id)),
            State::Refunded { seq, .. } => repeat(purchase, *seq, true),
            State::Captured(_) => {
                let kind = Kind::Refunded { purchase: id, cap: self.view.terms().caps.on_refund };
                Ok(self.post(Some(purchase), kind, purchase.refund_legs()))
            }
        }
    }

    fn known(&self, id: PurchaseId) -> Result<&Purchase, Refusal> {
        self.view.purchase(id).ok_or(Refusal::UnknownPurchase(id))
    }

    fn post(&self, before: Option<&Purchase>, kind: Kind, legs: Vec<Leg>) -> Posting {
        let tail = self.view.tail();
        let entry = Entry {
            seq: tail.seq.checked_add(1).expect("no book has 2^64 entries"),
            // A clock that was set back does not take the journal with it.
            at: self.now.max(tail.at),
            fence: self.fence,
            kind,
            legs,
            hash: tail.hash,
        }
        .sealed(tail.hash);
        let after = Purchase::after(before, &entry).expect("only possible entries are decided");
        Posting { posted: after.posted(entry.seq), entry: Some(entry) }
    }
}

/// The stored answer, if the body is the same as it was then.
fn repeat(purchase: &Purchase, seq: u64, same: bool) -> Result<Posting, Refusal> {
    if same {
        Ok(Posting { posted: purchase.posted(seq), entry: None })
    } else {
        Err(Refusal::IdempotencyConflict(purchase.id))
    }
}
