//! Money: whole minor units of one currency, and arithmetic that is checked or does not compile.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A currency of the table below: a code and the number of digits of its minor unit.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Currency {
    code: [u8; 3],
    exponent: u8,
}

/// ISO 4217, the currencies badges are sold in so far, with the exponent of each.
const TABLE: [Currency; 14] = [
    Currency::iso(*b"AUD", 2),
    Currency::iso(*b"BRL", 2),
    Currency::iso(*b"CAD", 2),
    Currency::iso(*b"CHF", 2),
    Currency::EUR,
    Currency::iso(*b"GBP", 2),
    Currency::iso(*b"INR", 2),
    Currency::JPY,
    Currency::iso(*b"KRW", 0),
    Currency::KWD,
    Currency::iso(*b"MXN", 2),
    Currency::iso(*b"SEK", 2),
    Currency::iso(*b"TRY", 2),
    Currency::USD,
];

impl Currency {
    /// The euro, in cents.
    pub const EUR: Self = Self::iso(*b"EUR", 2);
    /// The yen, which has no minor unit.
    pub const JPY: Self = Self::iso(*b"JPY", 0);
    /// The Kuwaiti dinar, in fils, a thousand to one.
    pub const KWD: Self = Self::iso(*b"KWD", 3);
    /// The United States dollar, in cents.
    pub const USD: Self = Self::iso(*b"USD", 2);

    const fn iso(code: [u8; 3], exponent: u8) -> Self {
        Self { code, exponent }
    }

    /// The three-letter code, such as `USD`.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.code).expect("codes of the table are ASCII")
    }

    /// How many digits the minor unit has: 2 for cents.
    #[must_use]
    pub const fn exponent(self) -> u8 {
        self.exponent
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A code that the table does not have.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("currency is not in the table")]
pub struct UnknownCurrency;

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(code: &str) -> Result<Self, UnknownCurrency> {
        TABLE.into_iter().find(|currency| currency.code() == code).ok_or(UnknownCurrency)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        code.parse().map_err(de::Error::custom)
    }
}

/// An amount: whole minor units of one currency. May be negative in sums, never in prices.
#[derive(Clone, Copy, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Money {
    /// Minor units, such as cents.
    pub minor: i64,
    /// Whose minor units.
    pub currency: Currency,
}

/// Why an amount could not be computed. Nothing was changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MoneyError {
    /// Two currencies in one sum.
    #[error("cannot combine {0} with {1}")]
    Currencies(Currency, Currency),
    /// The result does not fit 64 bits.
    #[error("amount is too large")]
    Overflow,
}

impl Money {
    /// `minor` units of `currency`.
    #[must_use]
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in `currency`.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// The sum.
    ///
    /// # Errors
    /// [`MoneyError`] if the currencies differ or the sum does not fit.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_add)
    }

    /// The difference.
    ///
    /// # Errors
    /// [`MoneyError`] if the currencies differ or the difference does not fit.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_sub)
    }

    fn combine(
        self,
        other: Self,
        operation: fn(i64, i64) -> Option<i64>,
    ) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Currencies(self.currency, other.currency));
        }
        let minor = operation(self.minor, other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self::new(minor, self.currency))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = usize::from(self.currency.exponent);
        let unit = 10_u64.pow(u32::from(self.currency.exponent));
        let sign = if self.minor < 0 { "-" } else { "" };
        let minor = self.minor.unsigned_abs();
        write!(f, "{sign}{}", minor / unit)?;
        if digits > 0 {
            write!(f, ".{:0digits$}", minor % unit)?;
        }
        write!(f, " {}", self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_print_with_their_own_exponent() {
        let check = |minor, currency, text: &str| {
            assert_eq!(Money::new(minor, currency).to_string(), text);
        };
        check(499, Currency::USD, "4.99 USD");
        check(-5, Currency::EUR, "-0.05 EUR");
        check(120, Currency::JPY, "120 JPY");
        check(1_234, Currency::KWD, "1.234 KWD");
        check(i64::MIN, Currency::JPY, "-9223372036854775808 JPY");
    }

    #[test]
    fn currencies_do_not_mix() {
        let dollar = Money::new(1, Currency::USD);
        let euro = Money::new(1, Currency::EUR);
        let refused = Err(MoneyError::Currencies(Currency::USD, Currency::EUR));
        assert_eq!(dollar.checked_add(euro), refused);
        assert_eq!(dollar.checked_sub(euro), refused);
    }

    #[test]
    fn every_currency_of_the_table_round_trips() {
        for currency in TABLE {
            assert_eq!(currency.code().parse(), Ok(currency));
        }
        assert_eq!("ZZZ".parse::<Currency>(), Err(UnknownCurrency));
    }

    proptest! {
        #[test]
        fn addition_never_wraps(a: i64, b: i64) {
            let sum = Money::new(a, Currency::USD).checked_add(Money::new(b, Currency::USD));
            match i64::try_from(i128::from(a) + i128::from(b)) {
                Ok(exact) => prop_assert_eq!(sum.unwrap().minor, exact),
                Err(_) => prop_assert_eq!(sum, Err(MoneyError::Overflow)),
            }
        }
    }
}
