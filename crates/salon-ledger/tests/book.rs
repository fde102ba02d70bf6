//! What a book promises, one promise a test.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use salon_core::money::Currency;
use salon_core::{Fence, Money, PurchaseId, Scope, StintId, Time, UserId};
use salon_ledger::account::Account;
use salon_ledger::badge::{Catalogue, Item, Sku};
use salon_ledger::book::{CommitError, Damage, OpenError};
use salon_ledger::cap::OnRefund;
use salon_ledger::command::{ProviderRef, Why};
use salon_ledger::fee::BasisPoints;
use salon_ledger::purchase::State;
use salon_ledger::store::{MemoryStore, StoreError};
use salon_ledger::{Book, Command, Entry, Ledger, Posted, Refusal, Store, Terms, TermsError};

const LIVE: Scope = Scope::from_u128(7);

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn id(number: u128) -> PurchaseId {
    PurchaseId::from_u128(number)
}

fn open_in(scope: u128, number: u128, supporter: &str, recipient: &str, hearts: u8) -> Command {
    Command::Open {
        purchase: id(number),
        supporter: user(supporter),
        scope: Scope::from_u128(scope),
        recipient: user(recipient),
        stint: StintId(1),
        sku: Sku::parse(&format!("heart-{hearts}")).unwrap(),
    }
}

fn open(number: u128, supporter: &str, hearts: u8) -> Command {
    open_in(7, number, supporter, "ada", hearts)
}

fn capture(number: u128) -> Command {
    let provider_ref = ProviderRef::parse(&format!("ch_{number}")).unwrap();
    Command::Capture { purchase: id(number), provider_ref }
}

fn release(number: u128) -> Command {
    Command::Release { purchase: id(number), why: Why::Declined }
}

fn refund(number: u128) -> Command {
    Command::Refund { purchase: id(number) }
}

fn book(terms: &Terms) -> Book<MemoryStore> {
    Book::open(Currency::USD, terms.clone(), MemoryStore::default()).unwrap()
}

fn capped(cents: i64) -> Terms {
    let mut terms = Terms::default();
    terms.caps.amount_max = Some(Money::new(cents, Currency::USD));
    terms
}

/// One word per answer: the entry's number, or the refusal.
fn word(answer: &Result<Posted, Refusal>) -> String {
    match answer {
        Ok(posted) => posted.seq.to_string(),
        Err(Refusal::UnknownSku(_)) => "UnknownSku".to_owned(),
        Err(Refusal::CapReached(cap)) => format!("{cap:?}Cap"),
        Err(Refusal::UnknownPurchase(_)) => "UnknownPurchase".to_owned(),
        Err(Refusal::IdempotencyConflict(_)) => "Conflict".to_owned(),
        Err(Refusal::AlreadyCaptured { seq, .. }) => format!("CapturedBy{seq}"),
        Err(Refusal::NotCaptured(_)) => "NotCaptured".to_owned(),
        Err(Refusal::StaleFence { current }) => format!("Fence{current}"),
        Err(other) => format!("{other:?}"),
    }
}

/// Commits one command after the other, checks every invariant after each, and compares the answers; then all of
/// them again in one batch, which must answer the same.
#[track_caller]
fn check(terms: &Terms, commands: &[Command], expected: &str) -> Book<MemoryStore> {
    let mut single = book(terms);
    let mut words = Vec::new();
    for (at, command) in (1..).zip(commands) {
        let commit = single.commit(Time(at), Fence(1), std::slice::from_ref(command));
        words.extend(commit.unwrap().iter().map(word));
        assert_eq!(single.ledger().check(), Ok(()), "after {command:?}");
    }
    assert_eq!(words.join(" "), expected);

    let mut batch = book(terms);
    let answers = batch.commit(Time(1), Fence(1), commands).unwrap();
    assert_eq!(answers.iter().map(word).collect::<Vec<_>>().join(" "), expected, "as one batch");
    assert_eq!(batch.ledger().check(), Ok(()));
    single
}

#[track_caller]
fn check_default(commands: &[Command], expected: &str) -> Book<MemoryStore> {
    check(&Terms::default(), commands, expected)
}

#[test]
fn a_captured_badge_credits_the_recipient_with_the_whole_price() {
    let book = check_default(&[open(1, "sam", 3), capture(1)], "1 2");
    let ledger = book.ledger();
    assert_eq!(ledger.balance(&Account::Recipient(user("ada"))), 499);
    assert_eq!(ledger.balance(&Account::ProviderClearing), -499);
    assert_eq!(ledger.balance(&Account::PlatformFee), 0);
    assert_eq!(ledger.trial_balance(), 0);
}

#[test]
fn a_fee_is_floored_and_pinned_when_the_purchase_is_opened() {
    let mut terms = Terms::default();
    terms.fees.platform = BasisPoints::new(3_000).unwrap();
    let store = MemoryStore::holding(journal(&terms, &[open(1, "sam", 1)]));
    // Opened again under other terms: what was sold stays as it was sold.
    let mut book = Book::open(Currency::USD, Terms::default(), store).unwrap();
    book.commit(Time(2), Fence(1), &[capture(1)]).unwrap();
    assert_eq!(book.ledger().balance(&Account::PlatformFee), 29);
    assert_eq!(book.ledger().balance(&Account::Recipient(user("ada"))), 70);
}

#[test]
fn a_cap_is_reserved_by_opening_and_not_by_capturing() {
    let cap = capped(499);
    check(&cap, &[open(1, "sam", 3), open(2, "sam", 1)], "1 AmountCap");
    check(&cap, &[open(1, "sam", 2), open(2, "sam", 2), open(3, "sam", 2)], "1 2 AmountCap");
    check(&cap, &[open(1, "sam", 3), open(2, "eve", 3)], "1 2");
    check(&cap, &[open(1, "sam", 3), open_in(8, 2, "sam", "ada", 3)], "1 2");
    check(&cap, &[open(1, "sam", 3), open_in(7, 2, "sam", "bob", 1)], "1 AmountCap");
    check(&capped(498), &[open(1, "sam", 3)], "AmountCap");
}

#[test]
fn the_default_cap_is_250_dollars_and_any_number_of_badges() {
    // 50 badges of 4.99 are 249.50, and 51 would be 254.49.
    let mut commands: Vec<Command> = (1..=51).map(|number| open(number, "sam", 3)).collect();
    commands.push(open(52, "sam", 1));
    let book = book(&Terms::default());
    let (ledger, mut writer) = book.into_parts();
    let committed = writer.commit(&ledger, Time(1), Fence(1), &commands).unwrap();
    let refused: Vec<usize> =
        (0..commands.len()).filter(|index| committed.answers[*index].is_err()).collect();
    assert_eq!(refused, [50, 51]);
}

#[test]
fn once_per_live_is_a_cap_on_the_count() {
    let mut once = Terms::default();
    once.caps.count_max = Some(1);
    once.caps.amount_max = None;
    check(&once, &[open(1, "sam", 1), open(2, "sam", 1)], "1 CountCap");
    check(&once, &[open(1, "sam", 1), release(1), open(2, "sam", 1)], "1 2 3");
}

#[test]
fn a_release_gives_the_cap_back() {
    check(&capped(499), &[open(1, "sam", 3), release(1), open(2, "sam", 3)], "1 2 3");
}

#[test]
fn a_refund_gives_the_cap_back_unless_the_policy_keeps_it() {
    let commands = [open(1, "sam", 3), capture(1), refund(1), open(2, "sam", 3)];
    check(&capped(499), &commands, "1 2 3 4");
    let mut keeps = capped(499);
    keeps.caps.on_refund = OnRefund::Keeps;
    check(&keeps, &commands, "1 2 3 AmountCap");
}

#[test]
fn money_that_arrives_after_the_release_is_booked_and_counted() {
    let commands = [open(1, "sam", 3), release(1), open(2, "sam", 3), capture(1), capture(2)];
    let mut late = commands.to_vec();
    late.push(open(3, "sam", 1));
    let book = check(&capped(499), &late, "1 2 3 4 5 AmountCap");
    assert_eq!(book.ledger().total(LIVE, &user("ada")).minor, 998);
    assert_eq!(book.ledger().used(LIVE, &user("sam")).minor, 998);
    assert!(matches!(book.ledger().purchase(id(1)).unwrap().state, State::Captured(_)));
}

#[test]
fn a_purchase_that_was_captured_is_not_released() {
    check_default(&[open(1, "sam", 1), capture(1), release(1)], "1 2 CapturedBy2");
    let late = [open(1, "sam", 1), release(1), capture(1), release(1)];
    check_default(&late, "1 2 3 CapturedBy3");
    let refunded = [open(1, "sam", 1), capture(1), refund(1), release(1)];
    check_default(&refunded, "1 2 3 CapturedBy2");
}

#[test]
fn the_same_command_again_gets_the_same_answer_and_no_second_entry() {
    let commands =
        [open(1, "sam", 3), open(1, "sam", 3), capture(1), capture(1), open(1, "sam", 3)];
    let book = check_default(&commands, "1 1 2 2 1");
    assert_eq!(book.ledger().last_seq(), 2);
    check_default(&[open(1, "sam", 1), release(1), release(1)], "1 2 2");
    let refunds = [open(1, "sam", 1), capture(1), refund(1), refund(1), capture(1)];
    let book = check_default(&refunds, "1 2 3 3 2");
    assert_eq!(book.ledger().trial_balance(), 0);
    assert_eq!(book.ledger().balance(&Account::Recipient(user("ada"))), 0);
}

#[test]
fn a_repetition_succeeds_even_if_the_cap_is_reached_or_the_badge_is_gone() {
    let commands = [open(1, "sam", 3), open(1, "sam", 3)];
    check(&capped(499), &commands, "1 1");

    let store = MemoryStore::holding(journal(&Terms::default(), &commands[..1]));
    let mut terms = Terms::default();
    let price = Money::new(1_000, Currency::USD);
    let item = Item { sku: Sku::parse("crown").unwrap(), hearts: 9, price };
    terms.catalogue = Catalogue::new(vec![item]).unwrap();
    let mut book = Book::open(Currency::USD, terms, store).unwrap();
    let answers = book.commit(Time(2), Fence(1), &commands).unwrap();
    assert_eq!(answers.iter().map(word).collect::<Vec<_>>(), ["1", "1"]);
    assert_eq!(answers[0].as_ref().unwrap().price, Money::new(499, Currency::USD));
}

#[test]
fn the_same_purchase_with_another_body_is_refused() {
    check_default(&[open(1, "sam", 3), open(1, "sam", 2)], "1 Conflict");
    check_default(&[open(1, "sam", 3), open(1, "eve", 3)], "1 Conflict");
    check_default(&[open(1, "sam", 3), open_in(7, 1, "sam", "bob", 3)], "1 Conflict");
    check_default(&[open(1, "sam", 3), open_in(8, 1, "sam", "ada", 3)], "1 Conflict");
    let provider_ref = ProviderRef::parse("ch_other").unwrap();
    let other = Command::Capture { purchase: id(1), provider_ref };
    check_default(&[open(1, "sam", 3), capture(1), other], "1 2 Conflict");
    let other = Command::Release { purchase: id(1), why: Why::Expired };
    check_default(&[open(1, "sam", 3), release(1), other], "1 2 Conflict");
}

#[test]
fn what_is_not_known_is_refused() {
    check_default(&[open(1, "sam", 9)], "UnknownSku");
    let nothing_opened = [capture(1), release(1), refund(1)];
    check_default(&nothing_opened, "UnknownPurchase UnknownPurchase UnknownPurchase");
    check_default(&[open(1, "sam", 1), refund(1)], "1 NotCaptured");
    check_default(&[open(1, "sam", 1), release(1), refund(1)], "1 2 NotCaptured");
}

#[test]
fn a_replaced_writer_is_refused_and_time_never_goes_back() {
    let mut book = book(&Terms::default());
    book.commit(Time(9), Fence(2), &[open(1, "sam", 1)]).unwrap();
    let answers = book.commit(Time(9), Fence(1), &[capture(1)]).unwrap();
    assert_eq!(word(&answers[0]), "Fence2");
    book.commit(Time(5), Fence(3), &[capture(1)]).unwrap();
    assert_eq!((book.ledger().last_at(), book.ledger().fence()), (Time(9), Fence(3)));
}

#[test]
fn statements_totals_and_supporters_agree() {
    let commands = [
        open(1, "sam", 3),
        open(2, "eve", 1),
        open_in(8, 3, "sam", "ada", 2),
        open_in(7, 4, "sam", "bob", 1),
        capture(1),
        capture(2),
        capture(3),
        capture(4),
        refund(1),
    ];
    let book = check_default(&commands, "1 2 3 4 5 6 7 8 9");
    let ledger = book.ledger();
    let minors = |scope| -> Vec<i64> {
        ledger.statement(&user("ada"), scope).map(|line| line.minor).collect()
    };
    assert_eq!(minors(None), [499, 99, 199, -499]);
    assert_eq!(minors(Some(LIVE)), [499, 99, -499]);
    let supporters: Vec<(String, i128, u8)> = ledger
        .supporters(LIVE)
        .iter()
        .map(|one| (one.user.to_string(), one.minor, one.hearts_max))
        .collect();
    assert_eq!(supporters, [("eve".to_owned(), 99, 1), ("sam".to_owned(), 99, 1)]);
    let totals: Vec<(&str, u64)> =
        ledger.totals(LIVE).map(|(user, total)| (user.as_str(), total.hearts)).collect();
    assert_eq!(totals, [("ada", 1), ("bob", 1)]);
    let awards = |seq| -> Vec<PurchaseId> {
        ledger.awards_after(LIVE, seq).map(|purchase| purchase.id).collect()
    };
    assert_eq!(awards(0), [id(1), id(2), id(4)]);
    assert_eq!(awards(5), [id(2), id(4)]);
    assert_eq!(awards(8), []);
    assert_eq!(ledger.held().count(), 0);
}

#[test]
fn terms_in_another_currency_are_refused() {
    let error = Book::open(Currency::EUR, Terms::default(), MemoryStore::default()).unwrap_err();
    assert!(matches!(error, OpenError::Terms(TermsError::Catalogue(Currency::USD))));
    let mut terms = Terms::default();
    terms.caps.amount_max = Some(Money::new(1, Currency::JPY));
    let error = Book::open(Currency::USD, terms, MemoryStore::default()).unwrap_err();
    assert!(matches!(error, OpenError::Terms(TermsError::Caps(Currency::JPY))));
}

/// The entries that `commands` make, none of which is refused.
fn journal(terms: &Terms, commands: &[Command]) -> Vec<Entry> {
    let mut ledger = Ledger::new(Currency::USD, terms.clone()).unwrap();
    let decide = |command| {
        let entry = ledger.decide(Time(1), Fence(1), command).unwrap().entry.unwrap();
        ledger.evolve(&entry);
        entry
    };
    commands.iter().map(decide).collect()
}

fn four() -> Vec<Entry> {
    journal(&Terms::default(), &[open(1, "sam", 3), capture(1), open(2, "eve", 1), release(2)])
}

/// Gives every entry the number and the hash of its place, as a forger who knows the format would.
fn reseal(entries: &mut [Entry]) {
    let mut chain = salon_core::chain::HashChain::new();
    for (seq, entry) in (1..).zip(entries) {
        entry.seq = seq;
        entry.hash = chain.append(&entry.encode());
    }
}

#[track_caller]
fn check_damage(entries: Vec<Entry>, expected: Result<(), (u64, Damage)>) {
    let opened = Book::open(Currency::USD, Terms::default(), MemoryStore::holding(entries));
    let found = opened.map(drop).map_err(|error| match error {
        OpenError::Damaged { seq, damage } => (seq, damage),
        other => panic!("{other}"),
    });
    assert_eq!(found, expected);
}

#[test]
fn a_journal_that_was_altered_is_not_opened_and_the_entry_is_named() {
    check_damage(four(), Ok(()));

    let mut altered = four();
    altered[1].legs[0].minor -= 1;
    check_damage(altered, Err((2, Damage::Chain)));
    let mut later = four();
    later[3].at = Time(2);
    check_damage(later, Err((4, Damage::Chain)));
    let mut dropped = four();
    dropped.remove(1);
    check_damage(dropped, Err((2, Damage::Gap { found: 3 })));
    let mut swapped = four();
    swapped.swap(2, 3);
    check_damage(swapped, Err((3, Damage::Gap { found: 4 })));
    let mut first = four();
    first.remove(0);
    check_damage(first, Err((1, Damage::Gap { found: 2 })));
}

#[test]
fn a_forged_chain_does_not_create_money() {
    let mut unbalanced = four();
    unbalanced[1].legs[1].minor += 1;
    reseal(&mut unbalanced);
    check_damage(unbalanced, Err((2, Damage::Unbalanced)));

    let mut richer = four();
    richer[1].legs[0].minor -= 100;
    richer[1].legs[1].minor += 100;
    reseal(&mut richer);
    check_damage(richer, Err((2, Damage::Impossible)));

    let mut twice = four();
    let again = twice[1].clone();
    twice.push(again);
    reseal(&mut twice);
    check_damage(twice, Err((5, Damage::Impossible)));

    let mut earlier = four();
    earlier[3].at = Time(0);
    reseal(&mut earlier);
    check_damage(earlier, Err((4, Damage::Impossible)));
}

#[test]
fn a_book_in_another_currency_is_not_opened() {
    let mut terms = Terms::default();
    let price = Money::new(100, Currency::JPY);
    let item = Item { sku: Sku::parse("heart-1").unwrap(), hearts: 1, price };
    terms.catalogue = Catalogue::new(vec![item]).unwrap();
    terms.caps.amount_max = None;
    let error = Book::open(Currency::JPY, terms, MemoryStore::holding(four())).unwrap_err();
    let expected = "entry 1 of the journal is not as it was written: it is in USD";
    assert_eq!(error.to_string(), expected);
}

/// Fails once, after having stored everything: the worst a disk can do.
#[derive(Debug, Default)]
struct Failing {
    store: MemoryStore,
    fail: bool,
}

impl Store for Failing {
    fn append(&mut self, fence: Fence, entries: &[Entry]) -> Result<(), StoreError> {
        self.store.append(fence, entries)?;
        if std::mem::take(&mut self.fail) {
            return Err(StoreError::Failed("no answer from the disk".into()));
        }
        Ok(())
    }

    fn read(&self, after_seq: u64, max: usize) -> Result<Vec<Entry>, StoreError> {
        self.store.read(after_seq, max)
    }
}

#[test]
fn a_store_failure_poisons_the_book_for_good_and_shows_nothing_of_it() {
    let store = Failing { store: MemoryStore::default(), fail: true };
    let mut book = Book::open(Currency::USD, Terms::default(), store).unwrap();
    let failed = book.commit(Time(1), Fence(1), &[open(1, "sam", 1)]);
    assert!(matches!(failed, Err(CommitError::Store(StoreError::Failed(_)))));
    assert_eq!(book.ledger().last_seq(), 0);
    for command in [open(1, "sam", 1), capture(1)] {
        let refused = book.commit(Time(1), Fence(1), &[command]);
        assert!(matches!(refused, Err(CommitError::Poisoned)));
    }
}

#[test]
fn more_entries_than_one_page_are_replayed() {
    let mut terms = Terms::default();
    terms.caps.amount_max = None;
    let commands: Vec<Command> = (0..1_300).map(|number| open(number, "sam", 1)).collect();
    let store = MemoryStore::holding(journal(&terms, &commands));
    let book = Book::open(Currency::USD, terms, store).unwrap();
    assert_eq!((book.ledger().last_seq(), book.ledger().held().count()), (1_300, 1_300));
}
