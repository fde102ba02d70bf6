//! The state of one book: what all its entries add up to.

use std::collections::{BTreeMap, BTreeSet};

use salon_core::chain::ChainHash;
use salon_core::money::Currency;
use salon_core::{Fence, PurchaseId, Scope, Time, UserId};

use crate::account::{self, Account};
use crate::book::Damage;
use crate::cap::{Key, Used};
use crate::command::{Command, Posting, Refusal};
use crate::decide::{self, Tail, View};
use crate::entry::{Entry, Kind};
use crate::purchase::{Purchase, State};
use crate::statement::{Line, Summary, Supporter, Total};
use crate::terms::{Terms, TermsError};

/// The state of one book, which is one currency. It is held in memory whole.
///
/// Deciding changes nothing, evolving cannot fail; two ledgers that evolved with the same entries are equal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ledger {
    currency: Currency,
    terms: Terms,
    tail: Tail,
    purchases: BTreeMap<PurchaseId, Purchase>,
    // Invariant: the purchases whose state is `Held`.
    held: BTreeSet<PurchaseId>,
    // Invariant: for each supporter in each scope, the sum over their purchases of `Used::of`.
    used: BTreeMap<Key, Used>,
    // Invariant: the sum is zero.
    balances: BTreeMap<Account, i128>,
    summaries: BTreeMap<Scope, Summary>,
    // Invariant: the lines of a recipient add up to the balance of their account.
    statements: BTreeMap<UserId, Vec<Line>>,
}

impl View for Ledger {
    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn tail(&self) -> Tail {
        self.tail
    }

    fn purchase(&self, id: PurchaseId) -> Option<&Purchase> {
        self.purchases.get(&id)
    }

    fn used(&self, key: &Key) -> Used {
        self.used.get(key).copied().unwrap_or_default()
    }
}

impl Ledger {
    /// An empty book in `currency`.
    ///
    /// # Errors
    /// [`TermsError`] if a price or a cap is in another currency.
    pub fn new(currency: Currency, terms: Terms) -> Result<Self, TermsError> {
        terms.fit(currency)?;
        Ok(Self {
            currency,
            terms,
            tail: Tail::START,
            purchases: BTreeMap::new(),
            held: BTreeSet::new(),
            used: BTreeMap::new(),
            balances: BTreeMap::new(),
            summaries: BTreeMap::new(),
            statements: BTreeMap::new(),
        })
    }

    /// What `command` would do, decided at `now` by the writer of term `fence`. Changes nothing.
    ///
    /// # Errors
    /// [`Refusal`] says why not.
    pub fn decide(&self, now: Time, fence: Fence, command: &Command) -> Result<Posting, Refusal> {
        decide::decide(self, now, fence, command)
    }

    /// Applies the next entry: one that [`Ledger::decide`] made, or one that [`Ledger::verify`] accepted.
    ///
    /// # Panics
    /// If the entry does not follow the last one: the caller mixed up two books.
    pub fn evolve(&mut self, entry: &Entry) {
        assert_eq!(entry.seq, self.tail.seq + 1, "entries are applied in order");
        assert!(account::balance(&entry.legs), "entry {} does not balance", entry.seq);
        let id = entry.kind.purchase();
        let before = self.purchases.get(&id);
        let after = Purchase::after(before, entry).expect("the entry can follow the state");

        // Nothing below can fail.
        let counted = before.map(Used::of).unwrap_or_default();
        let used = self.used.entry((after.scope, after.supporter.clone())).or_default();
        *used = used.replace(counted, Used::of(&after));
        for leg in &entry.legs {
            *self.balances.entry(leg.account.clone()).or_default() += i128::from(leg.minor);
        }
        if after.state == State::Held {
            self.held.insert(id);
        } else {
            self.held.remove(&id);
        }
        if after.capture().is_some() {
            let summary = self.summaries.entry(after.scope).or_default();
            let line = summary.count(&after, entry.at);
            self.statements.entry(after.recipient.clone()).or_default().extend(line);
        }
        self.purchases.insert(id, after);
        self.tail = Tail::of(entry);
    }

    /// Whether `entry` may follow the last one: its number, its hash, its balance and its meaning.
    ///
    /// # Errors
    /// [`Damage`] names the first thing that is wrong.
    pub fn verify(&self, entry: &Entry) -> Result<(), Damage> {
        if entry.seq != self.tail.seq + 1 {
            return Err(Damage::Gap { found: entry.seq });
        }
        if entry.hash != entry.hash_after(self.tail.hash) {
            return Err(Damage::Chain);
        }
        if !account::balance(&entry.legs) {
            return Err(Damage::Unbalanced);
        }
        if let Kind::Opened { price, .. } = &entry.kind
            && price.currency != self.currency
        {
            return Err(Damage::Currency(price.currency));
        }
        let in_order = entry.at >= self.tail.at && entry.fence >= self.tail.fence;
        let before = self.purchases.get(&entry.kind.purchase());
        if !in_order || Purchase::after(before, entry).is_none() {
            return Err(Damage::Impossible);
        }
        Ok(())
    }

    /// The currency of every amount.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The terms new purchases are opened under.
    #[must_use]
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The number of the last entry; zero before the first.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.tail.seq
    }

    /// When the last entry was decided.
    #[must_use]
    pub fn last_at(&self) -> Time {
        self.tail.at
    }

    /// The highest fence an entry was decided under. A new writer takes the next one.
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.tail.fence
    }

    /// The hash of the last entry. Whoever keeps it elsewhere can tell later that no entry was cut off.
    #[must_use]
    pub fn head(&self) -> ChainHash {
        self.tail.hash
    }

    /// The purchase of this name.
    #[must_use]
    pub fn purchase(&self, id: PurchaseId) -> Option<&Purchase> {
        self.purchases.get(&id)
    }

    /// The purchases whose money has neither arrived nor been given up: what to ask the provider about after a
    /// restart.
    pub fn held(&self) -> impl Iterator<Item = &Purchase> {
        self.held.iter().filter_map(|id| self.purchases.get(id))
    }

    /// What `supporter` has reserved and spent in `scope`, as the caps see it.
    #[must_use]
    pub fn used(&self, scope: Scope, supporter: &UserId) -> Used {
        View::used(self, &(scope, supporter.clone()))
    }

    /// The balance of one account; see [`Account`] for its sign.
    #[must_use]
    pub fn balance(&self, account: &Account) -> i128 {
        self.balances.get(account).copied().unwrap_or_default()
    }

    /// Every account that ever moved, with its balance.
    pub fn balances(&self) -> impl Iterator<Item = (&Account, i128)> {
        self.balances.iter().map(|(account, minor)| (account, *minor))
    }

    /// The sum of all balances. Always zero.
    #[must_use]
    pub fn trial_balance(&self) -> i128 {
        self.balances.values().sum()
    }

    /// What each recipient got in `scope`.
    pub fn totals(&self, scope: Scope) -> impl Iterator<Item = (&UserId, Total)> {
        self.summaries.get(&scope).into_iter().flat_map(Summary::totals)
    }

    /// What one recipient got in `scope`.
    #[must_use]
    pub fn total(&self, scope: Scope, recipient: &UserId) -> Total {
        self.summaries.get(&scope).map(|summary| summary.total(recipient)).unwrap_or_default()
    }

    /// Who gave in `scope`: those who gave most first, equals by name.
    #[must_use]
    pub fn supporters(&self, scope: Scope) -> Vec<Supporter> {
        self.summaries.get(&scope).map(Summary::supporters).unwrap_or_default()
    }

    /// The lines of a recipient's statement, oldest first; of one scope, or of all.
    pub fn statement(
        &self,
        recipient: &UserId,
        scope: Option<Scope>,
    ) -> impl Iterator<Item = &Line> {
        let lines = self.statements.get(recipient).into_iter().flatten();
        lines.filter(move |line| scope.is_none_or(|scope| line.scope == scope))
    }

    /// The purchases of `scope` captured after entry `seq`, in the order of their captures: what a room that has
    /// shown everything up to `seq` still has to show. Includes those refunded since; their state tells.
    pub fn awards_after(&self, scope: Scope, seq: u64) -> impl Iterator<Item = &Purchase> {
        let awards = self.summaries.get(&scope).into_iter();
        awards
            .flat_map(move |summary| summary.awards_after(seq))
            .filter_map(|id| self.purchases.get(&id))
    }

    /// Names the first broken invariant. Reads everything: for tests and simulators.
    ///
    /// # Errors
    /// The invariant, as a sentence.
    #[doc(hidden)]
    pub fn check(&self) -> Result<(), &'static str> {
        if self.trial_balance() != 0 {
            return Err("the sum of all balances is zero");
        }
        let mut used: BTreeMap<Key, Used> = BTreeMap::new();
        for purchase in self.purchases.values() {
            let sum = used.entry((purchase.scope, purchase.supporter.clone())).or_default();
            *sum = sum.replace(Used::default(), Used::of(purchase));
        }
        if used != self.used {
            return Err("the caps count exactly the purchases that are held or captured");
        }
        let held = self.purchases.values().filter(|purchase| purchase.state == State::Held);
        if !held.map(|purchase| purchase.id).eq(self.held.iter().copied()) {
            return Err("the held purchases are those in state held");
        }
        for (recipient, lines) in &self.statements {
            let sum: i128 = lines.iter().map(|line| i128::from(line.minor)).sum();
            let totals = self.summaries.values().map(|summary| summary.total(recipient).minor);
            let balance = self.balance(&Account::Recipient(recipient.clone()));
            if sum != balance || totals.sum::<i128>() != balance {
                return Err("statements and totals add up to the balance");
            }
        }
        Ok(())
    }
}
