//! Values of a closed set as JSON text: what they print as, and are parsed from.

use std::fmt::Display;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serializer};

pub(super) fn serialize<T: Display, S: Serializer>(value: &T, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(value)
}

pub(super) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
    text: D,
) -> Result<T, D::Error> {
    String::deserialize(text)?.parse().map_err(serde::de::Error::custom)
}

/// The same for fields that may be absent.
pub(super) mod optional {
    use super::*;

    pub(in crate::wire) fn serialize<T: Display, S: Serializer>(
        value: &Option<T>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => out.collect_str(value),
            None => out.serialize_none(),
        }
    }

    pub(in crate::wire) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        text: D,
    ) -> Result<Option<T>, D::Error> {
        let text = Option::<String>::deserialize(text)?;
        text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
    }
}
