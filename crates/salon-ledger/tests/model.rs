//! The ledger against a slow and obvious one, which keeps nothing but the commands that did something and adds
//! everything up anew each time it is asked.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use salon_core::money::Currency;
use salon_core::{Fence, Money, PurchaseId, Scope, StintId, Time, UserId};
use salon_ledger::account::Account;
use salon_ledger::badge::Sku;
use salon_ledger::cap::{Cap, OnRefund};
use salon_ledger::command::{ProviderRef, Why};
use salon_ledger::fee::BasisPoints;
use salon_ledger::store::MemoryStore;
use salon_ledger::{Book, Command, Ledger, Posted, Refusal, Store, Terms};

const SUPPORTERS: [&str; 2] = ["sam", "eve"];
const RECIPIENTS: [&str; 2] = ["ada", "bob"];
const SCOPES: [Scope; 2] = [Scope::from_u128(1), Scope::from_u128(2)];

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

/// The price and the hearts of each badge.
fn badge(sku: &Sku) -> Option<(i64, u8)> {
    match sku.as_str() {
        "heart-1" => Some((99, 1)),
        "heart-2" => Some((199, 2)),
        "heart-3" => Some((499, 3)),
        _ => None,
    }
}

struct Model {
    terms: Terms,
    /// Each command that made an entry: the entry's number is its place, counted from one.
    done: Vec<Command>,
}

impl Model {
    /// What was done to one purchase, in order, with the numbers of the entries.
    fn steps(&self, id: PurchaseId) -> Vec<(u64, &Command)> {
        let of = |command: &Command| match command {
            Command::Open { purchase, .. }
            | Command::Capture { purchase, .. }
            | Command::Release { purchase, .. }
            | Command::Refund { purchase } => *purchase,
        };
        (1..).zip(&self.done).filter(|(_, command)| of(command) == id).collect()
    }

    fn opened(&self) -> impl Iterator<Item = &Command> {
        self.done.iter().filter(|command| matches!(command, Command::Open { .. }))
    }

    /// Whether the last thing done to the purchase still counts towards the caps.
    fn counts(&self, id: PurchaseId) -> bool {
        match self.steps(id).last().unwrap().1 {
            Command::Open { .. } | Command::Capture { .. } => true,
            Command::Release { .. } => false,
            Command::Refund { .. } => self.terms.caps.on_refund == OnRefund::Keeps,
        }
    }

    fn used(&self, in_scope: Scope, by: &UserId) -> (i128, u64) {
        let mut used = (0, 0);
        for command in self.opened() {
            let Command::Open { purchase, supporter, scope, sku, .. } = command else { continue };
            if *scope == in_scope && supporter == by && self.counts(*purchase) {
                used.0 += i128::from(badge(sku).unwrap().0);
                used.1 += 1;
            }
        }
        used
    }

    fn answer(&mut self, command: &Command) -> Result<u64, Refusal> {
        let seq = self.decide(command)?;
        if seq > self.done.len() as u64 {
            self.done.push(command.clone());
        }
        Ok(seq)
    }

    fn decide(&self, command: &Command) -> Result<u64, Refusal> {
        let next = self.done.len() as u64 + 1;
        let (Command::Open { purchase: id, .. }
        | Command::Capture { purchase: id, .. }
        | Command::Release { purchase: id, .. }
        | Command::Refund { purchase: id }) = command;
        let steps = self.steps(*id);
        let same = |step: Option<&(u64, &Command)>| {
            step.map(|(seq, earlier)| {
                if *earlier == command { Ok(*seq) } else { Err(Refusal::IdempotencyConflict(*id)) }
            })
        };
        let captured = steps.iter().find(|(_, step)| matches!(step, Command::Capture { .. }));
        if let Command::Open { supporter, scope, sku, .. } = command {
            if let Some(repeated) = same(steps.first()) {
                return repeated;
            }
            let (price, _) = badge(sku).ok_or_else(|| Refusal::UnknownSku(sku.clone()))?;
            let (minor, count) = self.used(*scope, supporter);
            let caps = &self.terms.caps;
            if caps.amount_max.is_some_and(|max| minor + i128::from(price) > max.minor.into()) {
                return Err(Refusal::CapReached(Cap::Amount));
            }
            if caps.count_max.is_some_and(|max| count + 1 > max.into()) {
                return Err(Refusal::CapReached(Cap::Count));
            }
            return Ok(next);
        }
        let Some((_, last)) = steps.last() else { return Err(Refusal::UnknownPurchase(*id)) };
        match command {
            Command::Open { .. } => unreachable!(),
            Command::Capture { .. } => same(captured).unwrap_or(Ok(next)),
            Command::Release { .. } => match (captured, last) {
                (Some((seq, _)), _) => Err(Refusal::AlreadyCaptured { purchase: *id, seq: *seq }),
                (None, Command::Release { .. }) => same(steps.last()).unwrap(),
                (None, _) => Ok(next),
            },
            Command::Refund { .. } => match (captured, last) {
                (None, _) => Err(Refusal::NotCaptured(*id)),
                (Some(_), Command::Refund { .. }) => same(steps.last()).unwrap(),
                (Some(_), _) => Ok(next),
            },
        }
    }

    /// Balances by account, and hearts by scope and recipient, from the commands alone.
    fn sums(&self) -> (BTreeMap<Account, i128>, BTreeMap<(Scope, UserId), u64>) {
        let (mut balances, mut hearts) = (BTreeMap::new(), BTreeMap::new());
        for command in self.opened() {
            let Command::Open { purchase, scope, recipient, sku, .. } = command else { continue };
            let last = self.steps(*purchase).last().unwrap().1.clone();
            if !matches!(last, Command::Capture { .. }) {
                continue;
            }
            let (price, count) = badge(sku).unwrap();
            let fee = price * i64::from(self.terms.fees.platform.get()) / 10_000;
            let account = Account::Recipient(recipient.clone());
            *balances.entry(account).or_default() += i128::from(price - fee);
            *balances.entry(Account::PlatformFee).or_default() += i128::from(fee);
            *balances.entry(Account::ProviderClearing).or_default() -= i128::from(price);
            *hearts.entry((*scope, recipient.clone())).or_default() += u64::from(count);
        }
        (balances, hearts)
    }
}

fn command() -> impl Strategy<Value = Command> {
    let id = (0..6_u128).prop_map(PurchaseId::from_u128);
    let open = (id.clone(), 0..2_usize, 0..2_usize, 0..2_usize, 1..=4_u8, 1..=2_u64).prop_map(
        |(purchase, supporter, scope, recipient, hearts, stint)| Command::Open {
            purchase,
            supporter: user(SUPPORTERS[supporter]),
            scope: SCOPES[scope],
            recipient: user(RECIPIENTS[recipient]),
            stint: StintId(stint),
            sku: Sku::parse(&format!("heart-{hearts}")).unwrap(),
        },
    );
    // Mostly one body for each purchase, so that repetitions are common and conflicts happen.
    let provider_ref = prop_oneof![9 => Just("ch_1"), 1 => Just("ch_2")];
    let why = prop_oneof![9 => Just(Why::Declined), 1 => Just(Why::Expired)];
    prop_oneof![
        4 => open,
        3 => (id.clone(), provider_ref).prop_map(|(purchase, text)| {
            Command::Capture { purchase, provider_ref: ProviderRef::parse(text).unwrap() }
        }),
        2 => (id.clone(), why).prop_map(|(purchase, why)| Command::Release { purchase, why }),
        1 => id.prop_map(|purchase| Command::Refund { purchase }),
    ]
}

fn terms() -> impl Strategy<Value = Terms> {
    let amount_max = prop::option::of(99..1_500_i64);
    let count_max = prop::option::of(0..4_u32);
    let on_refund = prop_oneof![Just(OnRefund::GivesBack), Just(OnRefund::Keeps)];
    (amount_max, count_max, on_refund, 0..=10_000_u16).prop_map(
        |(amount_max, count_max, on_refund, fee)| {
            let mut terms = Terms::default();
            terms.caps.amount_max = amount_max.map(|minor| Money::new(minor, Currency::USD));
            terms.caps.count_max = count_max;
            terms.caps.on_refund = on_refund;
            terms.fees.platform = BasisPoints::new(fee).unwrap();
            terms
        },
    )
}

fn compare(ledger: &Ledger, model: &Model) {
    assert_eq!(ledger.check(), Ok(()));
    assert_eq!(ledger.last_seq(), model.done.len() as u64);
    let (balances, hearts) = model.sums();
    let moved: BTreeMap<Account, i128> = ledger
        .balances()
        .filter(|(_, minor)| *minor != 0)
        .map(|(account, minor)| (account.clone(), minor))
        .collect();
    let expected: BTreeMap<Account, i128> =
        balances.into_iter().filter(|(_, minor)| *minor != 0).collect();
    assert_eq!(moved, expected);
    for scope in SCOPES {
        for supporter in SUPPORTERS.map(user) {
            let used = ledger.used(scope, &supporter);
            assert_eq!((used.minor, used.count), model.used(scope, &supporter));
        }
        for recipient in RECIPIENTS.map(user) {
            let expected = hearts.get(&(scope, recipient.clone())).copied().unwrap_or_default();
            assert_eq!(ledger.total(scope, &recipient).hearts, expected);
        }
        let given: u64 = ledger.supporters(scope).iter().map(|one| one.hearts).sum();
        let got: u64 = ledger.totals(scope).map(|(_, total)| total.hearts).sum();
        assert_eq!(given, got);
    }
}

proptest! {
    #[test]
    fn the_ledger_does_what_the_obvious_one_does(
        terms in terms(),
        batches in prop::collection::vec(prop::collection::vec(command(), 0..8), 0..12),
    ) {
        let mut model = Model { terms: terms.clone(), done: Vec::new() };
        let mut book = Book::open(Currency::USD, terms.clone(), MemoryStore::default()).unwrap();
        let mut stored = MemoryStore::default();
        let mut replica = book.ledger().clone();
        for (at, batch) in (1..).zip(&batches) {
            let answers = book.commit(Time(at), Fence(1), batch).unwrap();
            let seqs = answers.iter().map(|answer| match answer {
                Ok(Posted { seq, .. }) => Ok(*seq),
                Err(refusal) => Err(refusal.clone()),
            });
            let expected: Vec<_> = batch.iter().map(|command| model.answer(command)).collect();
            prop_assert_eq!(seqs.collect::<Vec<_>>(), expected);
            compare(book.ledger(), &model);

            // Deciding one by one on a replica makes the same entries as the batch did.
            for command in batch {
                if let Ok(posting) = replica.decide(Time(at), Fence(1), command)
                    && let Some(entry) = posting.entry
                {
                    prop_assert_eq!(replica.verify(&entry), Ok(()));
                    replica.evolve(&entry);
                    stored.append(Fence(1), &[entry]).unwrap();
                }
            }
            prop_assert_eq!(&replica, book.ledger());
        }
        let reopened = Book::open(Currency::USD, terms, stored).unwrap();
        prop_assert_eq!(reopened.ledger(), book.ledger());
    }

    #[test]
    fn every_answer_is_the_same_when_asked_again(
        commands in prop::collection::vec(command(), 0..30),
    ) {
        let mut book =
            Book::open(Currency::USD, Terms::default(), MemoryStore::default()).unwrap();
        for command in &commands {
            let twice = [command.clone(), command.clone()];
            let answers = book.commit(Time(1), Fence(1), &twice).unwrap();
            prop_assert_eq!(&answers[0], &answers[1]);
        }
    }
}
