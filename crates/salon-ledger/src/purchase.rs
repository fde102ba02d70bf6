//! One purchase, and the states its entries take it through.
//!
//! ```text
//! Held --capture--> Captured --refund--> Refunded
//!   \--release--> Released --capture--> Captured      (the money arrived after all)
//! ```

use salon_core::{Money, PurchaseId, Scope, StintId, Time, UserId};

use crate::account::{Account, Leg};
use crate::badge::Sku;
use crate::cap::OnRefund;
use crate::command::{Posted, ProviderRef, Why};
use crate::entry::{Entry, Kind};
use crate::fee::BasisPoints;

/// A purchase as its entries left it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Purchase {
    /// Its name.
    pub id: PurchaseId,
    /// Who pays.
    pub supporter: UserId,
    /// What it belongs to.
    pub scope: Scope,
    /// Who is credited.
    pub recipient: UserId,
    /// The recipient's stay in the seats when it began.
    pub stint: StintId,
    /// Which badge.
    pub sku: Sku,
    /// Its hearts, pinned when it was opened.
    pub hearts: u8,
    /// Its price, pinned when it was opened.
    pub price: Money,
    /// The operator's part, pinned when it was opened.
    pub fee: BasisPoints,
    /// The entry that opened it.
    pub opened_seq: u64,
    /// When it was opened.
    pub opened_at: Time,
    /// How far it is.
    pub state: State,
}

/// How far a purchase is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum State {
    /// The caps are reserved; the money has not arrived.
    Held,
    /// The money will not arrive; the caps are given back.
    Released {
        /// The entry that released it.
        seq: u64,
        /// Why.
        why: Why,
    },
    /// The money arrived and is booked.
    Captured(Capture),
    /// The money went back.
    Refunded {
        /// How it had been captured.
        capture: Capture,
        /// The entry that refunded it.
        seq: u64,
        /// What that did to the caps.
        cap: OnRefund,
    },
}

/// How the money arrived.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Capture {
    /// The entry that booked it: the sequence by which the award is known.
    pub seq: u64,
    /// When.
    pub at: Time,
    /// The provider's name for the charge.
    pub provider_ref: ProviderRef,
}

impl Purchase {
    /// How the money arrived, if it did, also if it went back later.
    #[must_use]
    pub fn capture(&self) -> Option<&Capture> {
        match &self.state {
            State::Held | State::Released { .. } => None,
            State::Captured(capture) | State::Refunded { capture, .. } => Some(capture),
        }
    }

    /// What the recipient is credited with, in minor units: the price less the operator's part.
    #[must_use]
    pub fn share(&self) -> i64 {
        self.fee.split(self.price.minor).rest
    }

    /// The stored answer to the command that made entry `seq`.
    pub(crate) fn posted(&self, seq: u64) -> Posted {
        Posted { seq, purchase: self.id, hearts: self.hearts, price: self.price }
    }

    /// What a capture moves: from the provider to the recipient and to the operator.
    pub(crate) fn capture_legs(&self) -> Vec<Leg> {
        let split = self.fee.split(self.price.minor);
        let mut legs = vec![
            Leg { account: Account::ProviderClearing, minor: -self.price.minor },
            Leg { account: Account::Recipient(self.recipient.clone()), minor: split.rest },
            Leg { account: Account::PlatformFee, minor: split.part },
        ];
        legs.retain(|leg| leg.minor != 0);
        legs
    }

    /// What a refund moves: the capture, the other way round.
    pub(crate) fn refund_legs(&self) -> Vec<Leg> {
        let reverse = |leg: Leg| Leg { minor: -leg.minor, ..leg };
        self.capture_legs().into_iter().map(reverse).collect()
    }

    /// The purchase after `entry`, or nothing if the entry cannot follow `before`.
    ///
    /// The one place that knows the states: decisions, replay and verification all go through it.
    pub(crate) fn after(before: Option<&Self>, entry: &Entry) -> Option<Self> {
        let seq = entry.seq;
        let legs = &entry.legs;
        let (before, state) = match (&entry.kind, before) {
            (Kind::Opened { .. }, None) => return Self::opened(entry),
            (Kind::Opened { .. }, Some(_)) | (_, None) => return None,
            (Kind::Captured { provider_ref, .. }, Some(before)) => {
                let open = matches!(before.state, State::Held | State::Released { .. });
                if !open || *legs != before.capture_legs() {
                    return None;
                }
                let provider_ref = provider_ref.clone();
                (before, State::Captured(Capture { seq, at: entry.at, provider_ref }))
            }
            (Kind::Released { why, .. }, Some(before)) => {
                if before.state != State::Held || !legs.is_empty() {
                    return None;
                }
                (before, State::Released { seq, why: *why })
            }
            (Kind::Refunded { cap, .. }, Some(before)) => {
                let State::Captured(capture) = &before.state else { return None };
                if *legs != before.refund_legs() {
                    return None;
                }
                (before, State::Refunded { capture: capture.clone(), seq, cap: *cap })
            }
        };
        Some(Self { state, ..before.clone() })
    }

    fn opened(entry: &Entry) -> Option<Self> {
        let Kind::Opened { purchase, supporter, scope, recipient, stint, sku, hearts, price, fee } =
            entry.kind.clone()
        else {
            return None;
        };
        let possible = price.minor > 0 && entry.legs.is_empty();
        possible.then_some(Self {
            id: purchase,
            supporter,
            scope,
            recipient,
            stint,
            sku,
            hearts,
            price,
            fee,
            opened_seq: entry.seq,
            opened_at: entry.at,
            state: State::Held,
        })
    }
}
