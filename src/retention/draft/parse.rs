//! Values that are checked while they are read, so that the reader knows where it is when one is refused.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A map that is read as one type and checked as another.
#[derive(Debug)]
pub(super) struct Checked<R, T> {
    pub(super) value: T,
    read_as: PhantomData<R>,
}

impl<'de, R: DeserializeOwned, T: TryFrom<R, Error = String>> Deserialize<'de> for Checked<R, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map<R, T>(PhantomData<(R, T)>);

        impl<'de, R: DeserializeOwned, T: TryFrom<R, Error = String>> Visitor<'de> for Map<R, T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                let read = R::deserialize(MapAccessDeserializer::new(map))?;
                T::try_from(read).map_err(A::Error::custom)
            }
        }

        let value = deserializer.deserialize_map(Map(PhantomData))?;
        Ok(Self { value, read_as: PhantomData })
    }
}

/// A text with a grammar.
#[derive(Debug)]
pub(super) struct Parsed<T>(pub(super) T);

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Parsed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text<T>(PhantomData<T>);

        impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Text<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text in quotes")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text(PhantomData)).map(Self)
    }
}

/// One text, or a list of them; nothing twice, not empty.
#[derive(Debug)]
pub(super) struct Many<T>(pub(super) Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: FromStr<Err: fmt::Display> + PartialEq> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMore<T>(PhantomData<T>);

        impl<'de, T: FromStr<Err: fmt::Display> + PartialEq> Visitor<'de> for OneOrMore<T> {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text in quotes, or a list of them")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Vec<T>, E> {
                text.parse().map(|value| vec![value]).map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
                let mut values = Vec::new();
                while let Some(Parsed(value)) = list.next_element()? {
                    if values.contains(&value) {
                        return Err(A::Error::custom("a value is listed twice"));
                    }
                    values.push(value);
                }
                if values.is_empty() { Err(A::Error::custom("the list is empty")) } else { Ok(values) }
            }
        }

        deserializer.deserialize_any(OneOrMore(PhantomData)).map(Self)
    }
}

/// A value, or `"none"` to remove the one from before.
#[derive(Debug)]
pub(super) struct OrNone<T>(pub(super) Option<T>);

/// How a value of which there may be none is read.
pub(super) trait Optional: Sized {
    /// What it is, for who gave something else.
    const WHAT: &'static str;

    fn of_text(_: &str) -> Option<Result<Self, String>> {
        None
    }

    fn of_number(_: u64) -> Option<Result<Self, String>> {
        None
    }

    fn of_map<'de, A: MapAccess<'de>>(_: A) -> Option<Result<Self, A::Error>> {
        None
    }
}

impl<'de, T: Optional> Deserialize<'de> for OrNone<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Value<T>(PhantomData<T>);

        impl<'de, T: Optional> Visitor<'de> for Value<T> {
            type Value = Option<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}, or \"none\"", T::WHAT)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Option<T>, E> {
                if text == "none" {
                    return Ok(None);
                }
                let unexpected = || Err(E::invalid_value(serde::de::Unexpected::Str(text), &self));
                T::of_text(text).map_or_else(unexpected, |value| value.map(Some).map_err(E::custom))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Option<T>, E> {
                let unexpected = || Err(E::invalid_type(serde::de::Unexpected::Unsigned(number), &self));
                T::of_number(number).map_or_else(unexpected, |value| value.map(Some).map_err(E::custom))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Option<T>, E> {
                match u64::try_from(number) {
                    Ok(number) => self.visit_u64(number),
                    Err(_) => Err(E::invalid_value(serde::de::Unexpected::Signed(number), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<T>, A::Error> {
                let unexpected = A::Error::invalid_type(serde::de::Unexpected::Map, &self);
                T::of_map(map).map_or(Err(unexpected), |value| value.map(Some))
            }
        }

        deserializer.deserialize_any(Value(PhantomData)).map(Self)
    }
}
