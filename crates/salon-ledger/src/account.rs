//! Accounts, and the legs that move money between them.

use salon_core::UserId;
use serde::{Deserialize, Serialize};

/// Whose money. Each account of a book is in the book's one currency.
///
/// A balance above zero is what the operator owes the account; below zero, what the account owes the operator.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Account {
    /// Money captured by the payment provider and not yet paid out to the operator: below zero.
    ProviderClearing,
    /// What a person earned from badges.
    Recipient(UserId),
    /// What the operator keeps.
    PlatformFee,
}

/// One movement of an [`Entry`](crate::Entry): `minor` is added to the balance of `account`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Leg {
    /// The account it changes.
    pub account: Account,
    /// Minor units of the book's currency; never zero.
    pub minor: i64,
}

/// Whether `legs` together move nothing in or out of the book. No legs at all do balance.
pub(crate) fn balance(legs: &[Leg]) -> bool {
    legs.iter().map(|leg| i128::from(leg.minor)).sum::<i128>() == 0
}
