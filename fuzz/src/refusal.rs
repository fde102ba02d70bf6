//! What every refusal of a signalling frame is like.

use salon_signal::codec::{DecodeError, Kind};

/// The longest explanation of what is wrong: what `salon-signal` quotes of a frame, in bytes, and some words.
const WHY_BYTES_MAX: usize = 4 * 200 + 64;

/// Checks the refusal of these bytes.
pub fn check(bytes: &[u8], error: &DecodeError) {
    assert!(error.path.starts_with('$'), "{}", error.path);
    // Keys are named as they are written, and an index is shorter than what it counts.
    assert!(error.path.len() <= 1 + 3 * bytes.len() + 64, "{}", error.path);
    assert!(error.kind.to_string().len() <= WHY_BYTES_MAX, "{}", error.kind);
    if error.command.is_some() {
        assert!(matches!(error.kind, Kind::Shape(_)), "{}", error.kind);
    }
}
