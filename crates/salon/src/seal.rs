//! Claims in a token that cannot be altered: JSON in base 64, a dot, and a keyed BLAKE3 hash of it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Seals claims and opens what it sealed.
pub(crate) struct Sealer {
    secret: [u8; 32],
}

impl Sealer {
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    /// The token that says `claims`.
    ///
    /// # Panics
    /// If `claims` do not serialise; they are plain structs of strings and numbers.
    pub(crate) fn seal(&self, claims: &impl Serialize) -> String {
        let json = serde_json::to_vec(claims).expect("claims are plain strings and numbers");
        let body = URL_SAFE_NO_PAD.encode(json);
        format!("{body}.{}", self.hash(&body).to_hex())
    }

    /// What a token says, if it was sealed under this secret and not altered.
    pub(crate) fn open<T: DeserializeOwned>(&self, token: &str) -> Option<T> {
        let (body, hash) = token.split_once('.')?;
        // `Hash` compares in constant time.
        if self.hash(body) != blake3::Hash::from_hex(hash).ok()? {
            return None;
        }
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).ok()?).ok()
    }

    fn hash(&self, body: &str) -> blake3::Hash {
        blake3::keyed_hash(&self.secret, body.as_bytes())
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer { .. }")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sealed_here_opens() {
        let sealer = Sealer::new([1; 32]);
        let token = sealer.seal(&("ada", 7));
        assert_eq!(sealer.open::<(String, u8)>(&token), Some(("ada".into(), 7)));
        let other = Sealer::new([2; 32]).seal(&("ada", 7));
        for forged in ["", ".", "a.b", &token[1..], &format!("A{token}"), &other] {
            assert_eq!(sealer.open::<(String, u8)>(forged), None, "{forged}");
        }
    }
}
