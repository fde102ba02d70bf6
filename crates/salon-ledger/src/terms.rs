//! The terms a book is kept under.

use salon_core::money::Currency;

use crate::badge::Catalogue;
use crate::cap::Caps;
use crate::fee::Fees;

/// What is sold, how much of it, and who gets what. Applies to purchases opened from now on: whatever of it a
/// purchase depends on is recorded in its entries.
///
/// ```
/// use salon_ledger::fee::BasisPoints;
/// use salon_ledger::Terms;
///
/// let mut terms = Terms::default();
/// terms.fees.platform = BasisPoints::new(500).expect("five percent is at most all");
/// terms.caps.count_max = Some(1);
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Terms {
    /// The badges for sale. Default: three tiers in USD.
    pub catalogue: Catalogue,
    /// The limits of one supporter in one scope.
    pub caps: Caps,
    /// What is taken before the recipient is credited. Default: nothing.
    pub fees: Fees,
}

/// Why terms do not fit a book.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TermsError {
    /// The prices are in another currency than the book.
    #[error("the catalogue is priced in {0}, which is not the currency of the book")]
    Catalogue(Currency),
    /// The cap is in another currency than the book.
    #[error("the cap is in {0}, which is not the currency of the book")]
    Caps(Currency),
}

impl Terms {
    pub(crate) fn fit(&self, currency: Currency) -> Result<(), TermsError> {
        let priced = self.catalogue.currency();
        if priced != currency {
            return Err(TermsError::Catalogue(priced));
        }
        match self.caps.amount_max {
            Some(cap) if cap.currency != currency => Err(TermsError::Caps(cap.currency)),
            _ => Ok(()),
        }
    }
}
