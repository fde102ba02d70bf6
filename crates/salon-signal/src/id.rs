//! Identifiers a room hands out: counters inside, opaque strings on the wire.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

macro_rules! id_64 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Written as a string of decimal digits; a client passes it back and reads nothing into it.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Digits).map(Self)
            }
        }
    };
}

id_64! {
    /// One offer of a seat to one person: an invitation, or an approved request.
    OfferId
}
id_64! {
    /// One person's request for a seat.
    RequestId
}
id_64! {
    /// One comment in one room.
    CommentId
}

struct Digits;

impl de::Visitor<'_> for Digits {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string of decimal digits")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
        // One identifier has one text: no sign, no leading zero.
        let canonical = text == "0" || text.starts_with(|c: char| matches!(c, '1'..='9'));
        let number = if canonical { text.parse().ok() } else { None };
        number.ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_identifier_has_one_text() {
        let read = |text: &str| serde_json::from_str::<OfferId>(text).ok();
        assert_eq!(serde_json::to_string(&OfferId(12)).unwrap(), "\"12\"");
        assert_eq!(read("\"12\""), Some(OfferId(12)));
        assert_eq!(read("\"0\""), Some(OfferId(0)));
        for wrong in ["12", "\"012\"", "\"+12\"", "\"\"", "\"1e3\"", "\"18446744073709551616\""] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
