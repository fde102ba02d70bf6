//! Entries: what the journal holds. Never changed, never removed; a correction is another entry.

use salon_core::chain::{ChainHash, HashChain};
use salon_core::{Fence, Money, PurchaseId, Scope, StintId, Time, UserId};
use serde::{Deserialize, Serialize};

use crate::account::Leg;
use crate::badge::Sku;
use crate::cap::OnRefund;
use crate::command::{ProviderRef, Why};
use crate::fee::BasisPoints;

/// One fact of a book, and the money it moved.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Its place in the book: counted from 1, without a gap.
    pub seq: u64,
    /// When it was decided; never before the entry in front of it.
    pub at: Time,
    /// The writer's term; never lower than the one in front of it.
    pub fence: Fence,
    /// What happened.
    pub kind: Kind,
    /// What it moved; the sum is zero. Empty if no money moved.
    pub legs: Vec<Leg>,
    /// The hash of this entry and all before it: [`HashChain`] over [`Entry::encode`].
    pub hash: ChainHash,
}

/// What an entry records about its purchase.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Kind {
    /// A purchase began; its price is counted towards the supporter's caps from here on.
    Opened {
        /// The purchase.
        purchase: PurchaseId,
        /// Who pays.
        supporter: UserId,
        /// What it belongs to.
        scope: Scope,
        /// Who will be credited.
        recipient: UserId,
        /// The recipient's stay in the seats.
        stint: StintId,
        /// Which badge.
        sku: Sku,
        /// Its hearts on that day.
        hearts: u8,
        /// Its price on that day.
        price: Money,
        /// The operator's part on that day.
        fee: BasisPoints,
    },
    /// Its money arrived.
    Captured {
        /// The purchase.
        purchase: PurchaseId,
        /// The provider's name for the charge.
        provider_ref: ProviderRef,
    },
    /// Its money will not arrive; the caps are given back.
    Released {
        /// The purchase.
        purchase: PurchaseId,
        /// Why not.
        why: Why,
    },
    /// Its money went back.
    Refunded {
        /// The purchase.
        purchase: PurchaseId,
        /// What that did to the caps.
        cap: OnRefund,
    },
}

impl Kind {
    /// The purchase it is about.
    #[must_use]
    pub fn purchase(&self) -> PurchaseId {
        match self {
            Self::Opened { purchase, .. }
            | Self::Captured { purchase, .. }
            | Self::Released { purchase, .. }
            | Self::Refunded { purchase, .. } => *purchase,
        }
    }
}

/// An entry without its hash, as it is encoded.
#[derive(Serialize)]
struct Body<'a> {
    seq: u64,
    at: Time,
    fence: Fence,
    kind: &'a Kind,
    legs: &'a [Leg],
}

/// What [`Body`] is read back into.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnedBody {
    seq: u64,
    at: Time,
    fence: Fence,
    kind: Kind,
    legs: Vec<Leg>,
}

/// Bytes that are not an entry.
#[derive(Debug, thiserror::Error)]
#[error("not an entry: {0}")]
pub struct DecodeError(serde_json::Error);

impl Entry {
    /// The canonical encoding of everything but the hash: JSON without white space, fields in the order of the
    /// declaration. A store keeps exactly these bytes, so that the chain can be checked by anyone who reads them.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let Self { seq, at, fence, kind, legs, hash: _ } = self;
        let body = Body { seq: *seq, at: *at, fence: *fence, kind, legs };
        serde_json::to_vec(&body).expect("an entry has no map whose key is not a string")
    }

    /// Reads what [`Entry::encode`] wrote, and puts the hash stored beside it back.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are not an entry. Whether it is the right one, only the chain can tell.
    pub fn decode(body: &[u8], hash: ChainHash) -> Result<Self, DecodeError> {
        let body: OwnedBody = serde_json::from_slice(body).map_err(DecodeError)?;
        let OwnedBody { seq, at, fence, kind, legs } = body;
        Ok(Self { seq, at, fence, kind, legs, hash })
    }

    /// This entry with the hash it has after the entry whose hash is `head`.
    pub(crate) fn sealed(mut self, head: ChainHash) -> Self {
        self.hash = self.hash_after(head);
        self
    }

    /// The hash this entry must have after the entry whose hash is `head`.
    pub(crate) fn hash_after(&self, head: ChainHash) -> ChainHash {
        HashChain::resume(head).append(&self.encode())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Account;
    use salon_core::money::Currency;

    /// Each kind, as it has been written to disks: a change here breaks every journal there is.
    #[track_caller]
    fn check(kind: Kind, legs: Vec<Leg>, text: &str) {
        let hash = ChainHash::GENESIS;
        let entry = Entry { seq: 1, at: Time(2), fence: Fence(3), kind, legs, hash };
        assert_eq!(String::from_utf8(entry.encode()).unwrap(), text);
        assert_eq!(Entry::decode(text.as_bytes(), hash).unwrap(), entry);
        for end in 0..text.len() {
            assert!(Entry::decode(&text.as_bytes()[..end], hash).is_err(), "truncated at {end}");
        }
    }

    #[test]
    fn the_encoding_of_each_kind_is_pinned() {
        let purchase = PurchaseId::from_u128(1);
        check(
            Kind::Opened {
                purchase,
                supporter: UserId::parse("sam").unwrap(),
                scope: Scope::from_u128(2),
                recipient: UserId::parse("ada").unwrap(),
                stint: StintId(4),
                sku: Sku::parse("heart-1").unwrap(),
                hearts: 1,
                price: Money::new(99, Currency::USD),
                fee: BasisPoints::new(500).unwrap(),
            },
            vec![],
            r#"{"seq":1,"at":2,"fence":3,"kind":{"opened":{"purchase":"00000000000000000000000001","supporter":"sam","scope":"00000000000000000000000002","recipient":"ada","stint":4,"sku":"heart-1","hearts":1,"price":{"minor":99,"currency":"USD"},"fee":500}},"legs":[]}"#,
        );
        check(
            Kind::Captured { purchase, provider_ref: ProviderRef::parse("ch_1").unwrap() },
            vec![
                Leg { account: Account::ProviderClearing, minor: -99 },
                Leg { account: Account::Recipient(UserId::parse("ada").unwrap()), minor: 95 },
                Leg { account: Account::PlatformFee, minor: 4 },
            ],
            r#"{"seq":1,"at":2,"fence":3,"kind":{"captured":{"purchase":"00000000000000000000000001","provider_ref":"ch_1"}},"legs":[{"account":"provider_clearing","minor":-99},{"account":{"recipient":"ada"},"minor":95},{"account":"platform_fee","minor":4}]}"#,
        );
        check(
            Kind::Released { purchase, why: Why::Declined },
            vec![],
            r#"{"seq":1,"at":2,"fence":3,"kind":{"released":{"purchase":"00000000000000000000000001","why":"declined"}},"legs":[]}"#,
        );
        check(
            Kind::Refunded { purchase, cap: OnRefund::GivesBack },
            vec![],
            r#"{"seq":1,"at":2,"fence":3,"kind":{"refunded":{"purchase":"00000000000000000000000001","cap":"gives_back"}},"legs":[]}"#,
        );
    }

    #[test]
    fn the_hash_is_pinned() {
        let kind = Kind::Released { purchase: PurchaseId::from_u128(1), why: Why::Expired };
        let hash = ChainHash::GENESIS;
        let entry = Entry { seq: 1, at: Time(2), fence: Fence(3), kind, legs: vec![], hash };
        let expected = "b8b484375baa1f939b0020f1ed0811b675e1e87a4a32e74876994f3571f3b3a5";
        assert_eq!(entry.sealed(ChainHash::GENESIS).hash.to_string(), expected);
    }
}
