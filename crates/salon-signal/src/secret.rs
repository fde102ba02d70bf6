//! Strings that no log may show.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// The longest token, in bytes: room for a signed token with a dozen claims.
pub const TOKEN_BYTES_MAX: usize = 4096;
/// The longest name of a payment method, in bytes.
pub const METHOD_BYTES_MAX: usize = 200;

/// What proves who a client is, or that a person may publish.
pub type Token = Secret<TOKEN_BYTES_MAX>;
/// The payment provider's name for a way to pay.
pub type Method = Secret<METHOD_BYTES_MAX>;

/// At most `MAX` bytes that `Debug` does not print.
#[derive(Clone, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Secret<const MAX: usize>(String);

/// A secret with more bytes than it may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("secret has {have} bytes, more than {max}")]
pub struct SecretTooLong {
    /// Bytes given.
    pub have: usize,
    /// Bytes allowed.
    pub max: usize,
}

impl<const MAX: usize> Secret<MAX> {
    /// Takes a secret.
    ///
    /// # Errors
    /// [`SecretTooLong`] above `MAX` bytes.
    pub fn new(text: String) -> Result<Self, SecretTooLong> {
        if text.len() > MAX {
            return Err(SecretTooLong { have: text.len(), max: MAX });
        }
        Ok(Self(text))
    }

    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> fmt::Debug for Secret<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Secret<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_string(Visitor)
    }
}

struct Visitor<const MAX: usize>;

impl<const MAX: usize> de::Visitor<'_> for Visitor<MAX> {
    type Value = Secret<MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a string of at most {MAX} bytes")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Secret<MAX>, E> {
        Secret::new(text.to_owned()).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_bounded_and_not_printed() {
        let method = Method::new("sandbox:approve".into()).unwrap();
        assert_eq!(format!("{method:?}"), "Secret(..)");
        let long = format!("\"{}\"", "x".repeat(METHOD_BYTES_MAX + 1));
        let error = serde_json::from_str::<Method>(&long).unwrap_err();
        assert!(error.to_string().starts_with("secret has 201 bytes, more than 200"));
    }
}
