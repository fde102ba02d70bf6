//! Identifiers: newtypes, so that a room is never mistaken for a purchase.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Crockford's base 32, lower case: no `i`, `l`, `o` or `u`, so an identifier survives being read aloud.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 128 bits in groups of five.
const ENCODED_LEN: usize = 26;

/// The longest [`UserId`], in bytes: long enough for a UUID, an e-mail hash or a URL-safe key.
pub const USER_ID_BYTES_MAX: usize = 64;

/// Why a text is not an identifier.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseIdError {
    /// The text has another length than this kind of identifier.
    #[error("identifier is {0} bytes long")]
    Length(usize),
    /// A character that identifiers do not contain.
    #[error("identifier contains {0:?}")]
    Character(char),
}

macro_rules! id_128 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// 128 bits, written as 26 characters of Crockford's base 32 in text and JSON.
        #[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(u128);

        impl $name {
            /// Makes the identifier from its 128 bits.
            #[must_use]
            pub const fn from_u128(bits: u128) -> Self {
                Self(bits)
            }

            /// Its 128 bits.
            #[must_use]
            pub const fn to_u128(self) -> u128 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(std::str::from_utf8(&encode(self.0)).expect("the alphabet is ASCII"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                decode(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserialize_str(deserializer)
            }
        }
    };
}

id_128! {
    /// One live room, for its whole life.
    RoomId
}
id_128! {
    /// One purchase of a badge; also the idempotency key towards the payment provider.
    PurchaseId
}
id_128! {
    /// What a ledger entry belongs to. Opaque to the ledger; for a live, the bits of its [`RoomId`].
    Scope
}

impl From<RoomId> for Scope {
    fn from(room: RoomId) -> Self {
        Self(room.0)
    }
}

/// A media track inside one process: a number its owner hands out.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct TrackId(pub u64);

/// One machine of a cluster.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct NodeId(pub u64);

/// The embedder's own name for a person: 1 to 64 bytes, no white space, no control characters.
///
/// Cheap to clone.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UserId(Arc<str>);

impl UserId {
    /// Takes the embedder's identifier.
    ///
    /// # Errors
    /// [`ParseIdError::Length`] if it is empty or longer than [`USER_ID_BYTES_MAX`],
    /// [`ParseIdError::Character`] for white space or a control character.
    pub fn parse(text: &str) -> Result<Self, ParseIdError> {
        if text.is_empty() || text.len() > USER_ID_BYTES_MAX {
            return Err(ParseIdError::Length(text.len()));
        }
        match text.chars().find(|c| c.is_whitespace() || c.is_control()) {
            Some(character) => Err(ParseIdError::Character(character)),
            None => Ok(Self(text.into())),
        }
    }

    /// The text it was made from.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserId({})", self.0)
    }
}

impl FromStr for UserId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        Self::parse(text)
    }
}

impl Serialize for UserId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for UserId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_str(deserializer)
    }
}

fn encode(bits: u128) -> [u8; ENCODED_LEN] {
    let mut text = [0; ENCODED_LEN];
    for (index, byte) in text.iter_mut().enumerate() {
        let shift = 5 * (ENCODED_LEN - 1 - index);
        *byte = ALPHABET[(bits >> shift) as usize & 31];
    }
    text
}

fn decode(text: &str) -> Result<u128, ParseIdError> {
    if text.len() != ENCODED_LEN {
        return Err(ParseIdError::Length(text.len()));
    }
    let mut bits: u128 = 0;
    for (index, character) in text.chars().enumerate() {
        let digit = ALPHABET
            .iter()
            .position(|letter| char::from(*letter) == character)
            .ok_or(ParseIdError::Character(character))?;
        // The first digit holds the top three bits only: anything above 7 would not fit.
        if index == 0 && digit > 7 {
            return Err(ParseIdError::Character(character));
        }
        bits = bits << 5 | digit as u128;
    }
    Ok(bits)
}

/// Reads a string and parses it: the one way every textual identifier is deserialised.
fn deserialize_str<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err = ParseIdError>,
    D: Deserializer<'de>,
{
    struct Visitor<T>(std::marker::PhantomData<T>);

    impl<T: FromStr<Err = ParseIdError>> de::Visitor<'_> for Visitor<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an identifier")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Visitor(std::marker::PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_form_round_trips(bits: u128) {
            let id = RoomId::from_u128(bits);
            prop_assert_eq!(id.to_string().parse::<RoomId>(), Ok(id));
            let json = serde_json::to_string(&id).unwrap();
            prop_assert_eq!(serde_json::from_str::<RoomId>(&json).unwrap(), id);
        }

        #[test]
        fn any_text_parses_or_is_refused(text: String) {
            if let Ok(id) = text.parse::<RoomId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }

    #[test]
    fn a_129th_bit_is_refused() {
        assert_eq!("8".repeat(26).parse::<RoomId>(), Err(ParseIdError::Character('8')));
        assert_eq!(
            "7zzzzzzzzzzzzzzzzzzzzzzzzz".parse::<RoomId>(),
            Ok(RoomId::from_u128(u128::MAX))
        );
    }

    #[test]
    fn user_ids_are_bounded_and_printable() {
        assert_eq!(UserId::parse(""), Err(ParseIdError::Length(0)));
        assert_eq!(UserId::parse(&"a".repeat(65)), Err(ParseIdError::Length(65)));
        assert_eq!(UserId::parse("a b"), Err(ParseIdError::Character(' ')));
        assert_eq!(UserId::parse("a\u{7}"), Err(ParseIdError::Character('\u{7}')));
        assert_eq!(UserId::parse("zoé").unwrap().as_str(), "zoé");
        assert!(serde_json::from_str::<UserId>("\"a b\"").is_err());
    }
}
