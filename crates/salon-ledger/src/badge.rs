//! Badges: what is for sale, and at what price.

use salon_core::money::Currency;
use salon_core::{Money, Text};

/// The name of a badge in the catalogue, such as `heart-3`.
pub type Sku = Text<1, 40>;

/// One badge for sale.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Item {
    /// Its name.
    pub sku: Sku,
    /// How many hearts it shows; at least one.
    pub hearts: u8,
    /// What it costs; above zero. A purchase keeps the price it was opened with.
    pub price: Money,
}

/// Everything for sale: one currency, at least one badge, each name once.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Catalogue {
    // Invariant: not empty, in the order given; names differ; prices are above zero and of one currency.
    items: Vec<Item>,
}

/// Why a list of badges is not a catalogue.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// Nothing is for sale.
    #[error("the catalogue is empty")]
    Empty,
    /// Two badges have one name.
    #[error("badge {0} is listed twice")]
    Twice(Sku),
    /// A badge costs nothing, or less.
    #[error("badge {0} has no price above zero")]
    Price(Sku),
    /// A badge shows no heart.
    #[error("badge {0} has no hearts")]
    Hearts(Sku),
    /// A badge is priced in another currency than the first one.
    #[error("badge {0} is priced in {1}")]
    Currency(Sku, Currency),
}

impl Catalogue {
    /// Takes a list of badges, in the order in which they are shown.
    ///
    /// # Errors
    /// [`CatalogueError`] names the first badge that is wrong.
    pub fn new(items: Vec<Item>) -> Result<Self, CatalogueError> {
        let currency = items.first().ok_or(CatalogueError::Empty)?.price.currency;
        for (index, item) in items.iter().enumerate() {
            let sku = || item.sku.clone();
            if items[..index].iter().any(|earlier| earlier.sku == item.sku) {
                return Err(CatalogueError::Twice(sku()));
            }
            if item.hearts == 0 {
                return Err(CatalogueError::Hearts(sku()));
            }
            if item.price.minor <= 0 {
                return Err(CatalogueError::Price(sku()));
            }
            if item.price.currency != currency {
                return Err(CatalogueError::Currency(sku(), item.price.currency));
            }
        }
        Ok(Self { items })
    }

    /// The currency of every price.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.items.first().expect("a catalogue is not empty").price.currency
    }

    /// The badges, in the order in which they are shown.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The badge of this name.
    #[must_use]
    pub fn item(&self, sku: &Sku) -> Option<&Item> {
        self.items.iter().find(|item| item.sku == *sku)
    }
}

impl Default for Catalogue {
    /// One, two and three hearts at 0.99, 1.99 and 4.99 USD.
    fn default() -> Self {
        let item = |sku, hearts, cents| Item {
            sku: Sku::parse(sku).expect("the name is short"),
            hearts,
            price: Money::new(cents, Currency::USD),
        };
        Self {
            items: vec![item("heart-1", 1, 99), item("heart-2", 2, 199), item("heart-3", 3, 499)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(sku: &str, hearts: u8, minor: i64, currency: Currency) -> Item {
        Item { sku: Sku::parse(sku).unwrap(), hearts, price: Money::new(minor, currency) }
    }

    #[track_caller]
    fn check(items: &[Item], expected: &str) {
        let answer = match Catalogue::new(items.to_vec()) {
            Ok(_) => "ok".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(answer, expected);
    }

    #[test]
    fn a_catalogue_that_could_not_be_sold_from_is_refused() {
        let heart = item("heart-1", 1, 99, Currency::USD);
        check(&[heart.clone(), item("heart-2", 2, 199, Currency::USD)], "ok");
        check(&[], "the catalogue is empty");
        check(&[heart.clone(), heart.clone()], "badge heart-1 is listed twice");
        check(&[item("free", 1, 0, Currency::USD)], "badge free has no price above zero");
        check(&[item("blank", 0, 99, Currency::USD)], "badge blank has no hearts");
        check(&[heart, item("yen", 1, 99, Currency::JPY)], "badge yen is priced in JPY");
    }

    #[test]
    fn the_default_is_a_catalogue() {
        let catalogue = Catalogue::default();
        assert_eq!(Catalogue::new(catalogue.items().to_vec()), Ok(catalogue));
    }
}
