//! Identifiers and secrets from the operating system's randomness.

use salon_core::RoomId;

/// A secret of 32 bytes, to be kept in the store.
#[must_use]
pub fn new_secret() -> Vec<u8> {
    bytes::<32>().to_vec()
}

/// 128 bits that nobody can guess.
pub(crate) fn bits() -> u128 {
    u128::from_le_bytes(bytes())
}

/// `N` bytes that nobody can guess.
///
/// # Panics
/// If the operating system has no randomness, which leaves nothing safe to do.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system provides randomness");
    bytes
}

/// 128 such bits as 26 letters and digits.
pub(crate) fn text() -> String {
    RoomId::from_u128(bits()).to_string()
}
