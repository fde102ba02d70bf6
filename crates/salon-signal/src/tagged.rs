//! The one way a choice between messages is written: `{"t": tag, "d": content}`.
//!
//! Reading takes the tag first. A known tag is read strictly, so a malformed known message is an
//! error; an unknown one is kept raw. (An untagged fallback variant, which `serde` could derive, would
//! turn malformed known messages into unknown ones without a word.)

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde::{Deserialize, de::Error as _};
use serde_json::value::RawValue;

/// A message this version does not know, kept as it came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unknown {
    /// What kind of message it says it is.
    pub tag: String,
    /// Its content, if it had any.
    pub raw: Option<Raw>,
}

impl Serialize for Unknown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1 + usize::from(self.raw.is_some())))?;
        map.serialize_entry("t", &self.tag)?;
        if let Some(raw) = &self.raw {
            map.serialize_entry("d", &raw.0)?;
        }
        map.end()
    }
}

/// A piece of JSON, not looked into.
#[derive(Clone)]
pub struct Raw(Box<RawValue>);

impl Raw {
    /// Takes a JSON text; `None` if it is not JSON.
    #[must_use]
    pub fn parse(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok().map(Self)
    }

    /// The JSON text, as it came.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Reads it now that its type is known.
    pub(crate) fn read<'a, S: DeserializeSeed<'a>, E: de::Error>(
        &'a self,
        seed: S,
    ) -> Result<S::Value, E> {
        let mut json = serde_json::Deserializer::from_slice(self.as_str().as_bytes());
        seed.deserialize(&mut json).map_err(|error| E::custom(without_position(&error)))
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self)
    }
}

impl PartialEq for Raw {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Raw {}

impl fmt::Debug for Raw {
    /// The size alone: what is unknown may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raw({} bytes)", self.as_str().len())
    }
}

/// The longest explanation, in characters: it may quote what was sent.
const WHY_CHARS_MAX: usize = 200;

/// What went wrong, without the line and the column, which mean nothing to a reader of one message.
pub(crate) fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    text[..end].chars().take(WHY_CHARS_MAX).collect()
}

/// An enum of messages, implemented by `tagged!`.
pub(crate) trait Tagged: Sized {
    const TAGS: &'static [&'static str];

    /// Reads the content of a known message. `tag` is one of `TAGS`.
    fn with_body<'de, D: Deserializer<'de>>(tag: &'static str, body: D) -> Result<Self, D::Error>;

    /// A known message that came without content; `None` if it needs some.
    fn without_body(tag: &'static str) -> Option<Self>;

    fn unknown(unknown: Unknown) -> Self;
}

/// Reads any `Tagged`: the body of `Deserialize` for each.
pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Tagged,
    D: Deserializer<'de>,
{
    deserializer.deserialize_map(Envelope(PhantomData))
}

/// Reads fields from an object only: `serde` would take them from a list too.
pub(crate) fn object<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_map(Object(PhantomData))
}

struct Object<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

/// A unit message may come with `"d": {}` or `"d": null`, for the comfort of clients.
pub(crate) struct Nothing;

impl<'de> Deserialize<'de> for Nothing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Empty {}

        #[derive(Deserialize)]
        #[serde(transparent)]
        struct Body(#[serde(deserialize_with = "object")] Empty);

        let _nothing: Option<Body> = Deserialize::deserialize(deserializer)?;
        Ok(Self)
    }
}

struct Envelope<T>(PhantomData<T>);

impl<'de, T: Tagged> Visitor<'de> for Envelope<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the tag `t`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut tag: Option<Tag> = None;
        let mut body: Option<Body<T>> = None;
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Tag if tag.is_some() => return Err(A::Error::duplicate_field("t")),
                Key::Body if body.is_some() => return Err(A::Error::duplicate_field("d")),
                Key::Tag => tag = Some(map.next_value_seed(TagSeed(T::TAGS))?),
                Key::Body => {
                    body = Some(match &tag {
                        Some(Tag::Known(tag)) => {
                            Body::Read(map.next_value_seed(BodySeed::new(tag))?)
                        }
                        // The content came before the tag, or nobody knows how to read it.
                        Some(Tag::Unknown(_)) | None => Body::Raw(map.next_value()?),
                    });
                }
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        match (tag, body) {
            (None, _) => Err(A::Error::missing_field("t")),
            (Some(Tag::Known(_)), Some(Body::Read(message))) => Ok(message),
            (Some(Tag::Known(tag)), Some(Body::Raw(raw))) => raw.read(BodySeed::new(tag)),
            (Some(Tag::Known(tag)), None) => {
                T::without_body(tag).ok_or_else(|| A::Error::missing_field("d"))
            }
            (Some(Tag::Unknown(tag)), Some(Body::Raw(raw))) => {
                Ok(T::unknown(Unknown { tag, raw: Some(raw) }))
            }
            (Some(Tag::Unknown(tag)), _) => Ok(T::unknown(Unknown { tag, raw: None })),
        }
    }
}

enum Tag {
    Known(&'static str),
    Unknown(String),
}

enum Body<T> {
    Read(T),
    Raw(Raw),
}

#[derive(Deserialize)]
enum Key {
    #[serde(rename = "t")]
    Tag,
    #[serde(rename = "d")]
    Body,
    #[serde(other)]
    Other,
}

/// Reads a tag, without a copy if it is known.
struct TagSeed(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for TagSeed {
    type Value = Tag;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tag, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for TagSeed {
    type Value = Tag;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tag")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Tag, E> {
        let known = self.0.iter().find(|tag| **tag == text);
        Ok(known.map_or_else(|| Tag::Unknown(text.to_owned()), |tag| Tag::Known(tag)))
    }
}

struct BodySeed<T> {
    tag: &'static str,
    message: PhantomData<T>,
}

impl<T> BodySeed<T> {
    fn new(tag: &'static str) -> Self {
        Self { tag, message: PhantomData }
    }
}

impl<'de, T: Tagged> DeserializeSeed<'de> for BodySeed<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::with_body(self.tag, deserializer)
    }
}

/// Declares an enum of messages: each variant with its tag, and an `Unknown` variant for all others.
macro_rules! tagged {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $(
                $(#[$variant_meta:meta])*
                $variant:ident = $tag:literal
                $( { $( $(#[$field_meta:meta])* $field:ident : $ty:ty ),* $(,)? } )?
                $( ( $inner:ty ) )?
            ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
        #[serde(tag = "t", content = "d")]
        pub enum $name {
            $(
                $(#[$variant_meta])*
                #[serde(rename = $tag)]
                $variant $( { $( $(#[$field_meta])* $field: $ty ),* } )? $( ( $inner ) )?,
            )*
            /// A message of a later version, kept raw.
            #[serde(untagged)]
            Unknown($crate::tagged::Unknown),
        }

        impl $name {
            /// The tag of every message this version knows.
            pub const TAGS: &'static [&'static str] = &[$( $tag ),*];

            /// The tag this message is written with.
            #[must_use]
            pub fn tag(&self) -> &str {
                match self {
                    $( Self::$variant { .. } => $tag, )*
                    Self::Unknown(unknown) => &unknown.tag,
                }
            }
        }

        impl $crate::tagged::Tagged for $name {
            const TAGS: &'static [&'static str] = Self::TAGS;

            fn with_body<'de, D: serde::Deserializer<'de>>(
                tag: &'static str,
                body: D,
            ) -> Result<Self, D::Error> {
                match tag {
                    $(
                        $tag => tagged!(
                            @with body $variant
                            $( { $( $(#[$field_meta])* $field: $ty ),* } )?
                            $( ( $inner ) )?
                        ),
                    )*
                    _ => Err(serde::de::Error::unknown_variant(tag, Self::TAGS)),
                }
            }

            fn without_body(tag: &'static str) -> Option<Self> {
                match tag {
                    $(
                        $tag => tagged!(
                            @without $variant $( { $( $field )* } )? $( ( $inner ) )?
                        ),
                    )*
                    _ => None,
                }
            }

            fn unknown(unknown: $crate::tagged::Unknown) -> Self {
                Self::Unknown(unknown)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::tagged::deserialize(deserializer)
            }
        }
    };
    (@with $body:ident $variant:ident) => {
        <$crate::tagged::Nothing as serde::Deserialize>::deserialize($body).map(|_| Self::$variant)
    };
    (
        @with $body:ident $variant:ident
        { $( $(#[$field_meta:meta])* $field:ident : $ty:ty ),* }
    ) => {{
        #[derive(serde::Deserialize)]
        struct Fields {
            $( $(#[$field_meta])* $field: $ty ),*
        }
        let fields: Fields = $crate::tagged::object($body)?;
        Ok(Self::$variant { $( $field: fields.$field ),* })
    }};
    (@with $body:ident $variant:ident ( $inner:ty )) => {
        $crate::tagged::object::<$inner, D>($body).map(Self::$variant)
    };
    (@without $variant:ident) => {
        Some(Self::$variant)
    };
    (@without $variant:ident $content:tt) => {
        None
    };
}
