//! The hash chain under every durable log: altering, dropping or swapping a record shows.
//!
//! A chain alone does not show that its tail was cut off; publish [`HashChain::head`] elsewhere for that.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The hash of a record together with everything before it: BLAKE3, 32 bytes.
#[derive(Clone, Copy, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct ChainHash(pub [u8; 32]);

impl ChainHash {
    /// The head of a chain that has no records yet.
    pub const GENESIS: Self = Self([0; 32]);
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The running head of one log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HashChain {
    head: ChainHash,
}

impl HashChain {
    /// A chain with no records.
    #[must_use]
    pub const fn new() -> Self {
        Self::resume(ChainHash::GENESIS)
    }

    /// A chain whose last record had this hash.
    #[must_use]
    pub const fn resume(head: ChainHash) -> Self {
        Self { head }
    }

    /// The hash of the last record.
    #[must_use]
    pub const fn head(&self) -> ChainHash {
        self.head
    }

    /// Appends a record's bytes and returns its hash.
    pub fn append(&mut self, record: &[u8]) -> ChainHash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.head.0);
        hasher.update(record);
        self.head = ChainHash(*hasher.finalize().as_bytes());
        self.head
    }
}

impl Default for HashChain {
    fn default() -> Self {
        Self::new()
    }
}

/// The first record whose stored hash is not the hash of the chain up to it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("record {index} does not match the hash chain")]
pub struct BrokenChain {
    /// Counted from zero.
    pub index: u64,
}

/// Checks `records`, each with its stored hash, from the start of a log; returns the head.
///
/// # Errors
/// [`BrokenChain`] names the first record that was altered, dropped or moved.
pub fn verify<'a>(
    records: impl IntoIterator<Item = (&'a [u8], ChainHash)>,
) -> Result<ChainHash, BrokenChain> {
    let mut chain = HashChain::new();
    for (index, (record, stored)) in (0..).zip(records) {
        if chain.append(record) != stored {
            return Err(BrokenChain { index });
        }
    }
    Ok(chain.head())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> Vec<(Vec<u8>, ChainHash)> {
        let mut chain = HashChain::new();
        (0..5_u8).map(|n| (vec![n; 3], chain.append(&[n; 3]))).collect()
    }

    #[track_caller]
    fn check(log: &[(Vec<u8>, ChainHash)], expected: Result<(), u64>) {
        let result = verify(log.iter().map(|(record, hash)| (record.as_slice(), *hash)));
        assert_eq!(result.map(drop).map_err(|broken| broken.index), expected);
    }

    #[test]
    fn an_untouched_log_verifies() {
        check(&log(), Ok(()));
    }

    #[test]
    fn altering_dropping_or_swapping_is_found() {
        let mut altered = log();
        altered[2].0[0] ^= 1;
        check(&altered, Err(2));
        let mut dropped = log();
        dropped.remove(1);
        check(&dropped, Err(1));
        let mut swapped = log();
        swapped.swap(3, 4);
        check(&swapped, Err(3));
    }
}
