//! Where a journal is kept.

use salon_core::Fence;

use crate::entry::Entry;

/// Keeps the journal of one book.
///
/// Implementations are tested by one suite; what it asks for is written at each method.
pub trait Store {
    /// Makes `entries` durable, all or none, in the name of the writer of term `fence`.
    ///
    /// The first of them is the one after the last stored entry, and each has its number one above the one before
    /// it. The fence is compared with that of the last stored entry; a store that is shared compares it in the same
    /// transaction. An empty batch stores nothing, and is checked all the same.
    ///
    /// # Errors
    /// [`StoreError::StaleFence`] and [`StoreError::Gap`] store nothing. After [`StoreError::Failed`] it is unknown
    /// whether the entries were stored, and the store refuses everything until it is opened again.
    fn append(&mut self, fence: Fence, entries: &[Entry]) -> Result<(), StoreError>;

    /// Up to `max` entries after entry `after_seq`, in order. Fewer than `max`: there are no more.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] or [`StoreError::Failed`].
    fn read(&self, after_seq: u64, max: usize) -> Result<Vec<Entry>, StoreError>;
}

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another writer took over the book.
    #[error("the journal is at fence {current}")]
    StaleFence {
        /// The fence of its last entry.
        current: Fence,
    },
    /// The entries do not continue the journal.
    #[error("entry {found} does not follow entry {last}")]
    Gap {
        /// The last entry stored or given before it.
        last: u64,
        /// The entry given.
        found: u64,
    },
    /// What is stored is not an entry.
    #[error("entry {seq} is damaged")]
    Damaged {
        /// Where.
        seq: u64,
    },
    /// The storage below did not answer as it should.
    #[error("the journal's storage is not usable")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Checks what every store checks before it stores: the fence and the numbers.
///
/// # Errors
/// [`StoreError::StaleFence`] or [`StoreError::Gap`].
pub fn admit(
    current: Fence,
    last_seq: u64,
    fence: Fence,
    entries: &[Entry],
) -> Result<(), StoreError> {
    if fence < current {
        return Err(StoreError::StaleFence { current });
    }
    for (last, entry) in (last_seq..).zip(entries) {
        if entry.seq != last + 1 {
            return Err(StoreError::Gap { last, found: entry.seq });
        }
    }
    Ok(())
}

/// A journal in memory: for tests, simulations, and books that may be forgotten.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    entries: Vec<Entry>,
}

impl MemoryStore {
    /// A store that holds `entries`, unchecked, as a disk would.
    #[must_use]
    pub const fn holding(entries: Vec<Entry>) -> Self {
        Self { entries }
    }
}

impl Store for MemoryStore {
    fn append(&mut self, fence: Fence, entries: &[Entry]) -> Result<(), StoreError> {
        let (current, last_seq) =
            self.entries.last().map_or((Fence(0), 0), |last| (last.fence, last.seq));
        admit(current, last_seq, fence, entries)?;
        self.entries.extend_from_slice(entries);
        Ok(())
    }

    fn read(&self, after_seq: u64, max: usize) -> Result<Vec<Entry>, StoreError> {
        let from = self.entries.partition_point(|entry| entry.seq <= after_seq);
        Ok(self.entries[from..].iter().take(max).cloned().collect())
    }
}
