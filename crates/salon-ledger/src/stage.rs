//! A batch being decided: what it would add to a ledger, without touching the ledger.
//!
//! Readers of the ledger never see an entry that is not durable yet, and a failed append needs no undoing.

use std::collections::BTreeMap;

use salon_core::{Fence, PurchaseId, Time};

use crate::cap::{Key, Used};
use crate::command::{Command, Posted, Refusal};
use crate::decide::{self, Tail, View};
use crate::entry::Entry;
use crate::ledger::Ledger;
use crate::purchase::Purchase;
use crate::terms::Terms;

#[derive(Debug)]
pub(crate) struct Stage<'a> {
    ledger: &'a Ledger,
    tail: Tail,
    purchases: BTreeMap<PurchaseId, Purchase>,
    used: BTreeMap<Key, Used>,
    entries: Vec<Entry>,
}

impl View for Stage<'_> {
    fn terms(&self) -> &Terms {
        self.ledger.terms()
    }

    fn tail(&self) -> Tail {
        self.tail
    }

    fn purchase(&self, id: PurchaseId) -> Option<&Purchase> {
        self.purchases.get(&id).or_else(|| self.ledger.purchase(id))
    }

    fn used(&self, key: &Key) -> Used {
        self.used.get(key).copied().unwrap_or_else(|| View::used(self.ledger, key))
    }
}

impl<'a> Stage<'a> {
    pub(crate) fn new(ledger: &'a Ledger) -> Self {
        Self {
            ledger,
            tail: ledger.tail(),
            purchases: BTreeMap::new(),
            used: BTreeMap::new(),
            entries: Vec::new(),
        }
    }

    /// Decides one command on top of those before it.
    pub(crate) fn decide(
        &mut self,
        now: Time,
        fence: Fence,
        command: &Command,
    ) -> Result<Posted, Refusal> {
        let posting = decide::decide(self, now, fence, command)?;
        if let Some(entry) = posting.entry {
            let before = self.purchase(entry.kind.purchase());
            let after = Purchase::after(before, &entry).expect("only possible entries are decided");
            let key = (after.scope, after.supporter.clone());
            let counted = before.map(Used::of).unwrap_or_default();
            let used = self.used(&key).replace(counted, Used::of(&after));
            self.used.insert(key, used);
            self.purchases.insert(after.id, after);
            self.tail = Tail::of(&entry);
            self.entries.push(entry);
        }
        Ok(posting.posted)
    }

    /// What the batch adds, in order.
    pub(crate) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }
}
