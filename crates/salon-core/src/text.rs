//! Strings that are within their bounds by construction.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// `MIN` to `MAX` characters (Unicode scalar values), trimmed, without control characters.
///
/// Cheap to clone. Deserialising applies the same rules, so a value read from anywhere is in bounds.
///
/// ```
/// use salon_core::Text;
///
/// assert_eq!(Text::<1, 5>::parse("  salut ").unwrap().as_str(), "salut");
/// assert!(Text::<1, 5>::parse("   ").is_err());
/// ```
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Text<const MIN: usize, const MAX: usize>(Arc<str>);

/// Why a string is not a [`Text`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// Fewer characters than the minimum, after trimming.
    #[error("text has {have} characters, fewer than {min}")]
    TooShort {
        /// Characters given.
        have: usize,
        /// Characters needed.
        min: usize,
    },
    /// More characters than the maximum, after trimming.
    #[error("text has {have} characters, more than {max}")]
    TooLong {
        /// Characters given.
        have: usize,
        /// Characters allowed.
        max: usize,
    },
    /// A control character, which would garble a terminal or a log.
    #[error("text contains a control character")]
    Control,
}

impl<const MIN: usize, const MAX: usize> Text<MIN, MAX> {
    /// Trims and checks a string.
    ///
    /// # Errors
    /// [`TextError`] says which bound it breaks.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let text = text.trim();
        let have = text.chars().count();
        if have < MIN {
            return Err(TextError::TooShort { have, min: MIN });
        }
        if have > MAX {
            return Err(TextError::TooLong { have, max: MAX });
        }
        if text.chars().any(char::is_control) {
            return Err(TextError::Control);
        }
        Ok(Self(text.into()))
    }

    /// The trimmed string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MIN: usize, const MAX: usize> fmt::Display for Text<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MIN: usize, const MAX: usize> fmt::Debug for Text<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl<const MIN: usize, const MAX: usize> Serialize for Text<MIN, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de, const MIN: usize, const MAX: usize> Deserialize<'de> for Text<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bounds_count_characters_not_bytes() {
        assert!(Text::<1, 3>::parse("ééé").is_ok());
        let refused = Text::<1, 3>::parse("éééé");
        assert_eq!(refused, Err(TextError::TooLong { have: 4, max: 3 }));
        assert_eq!(Text::<1, 3>::parse("a\u{1b}b"), Err(TextError::Control));
    }

    proptest! {
        #[test]
        fn what_was_written_reads_back(input: String) {
            if let Ok(text) = Text::<0, 20>::parse(&input) {
                let json = serde_json::to_string(&text).unwrap();
                prop_assert_eq!(serde_json::from_str::<Text<0, 20>>(&json).unwrap(), text);
            }
        }
    }
}
