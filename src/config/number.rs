//! Numbers among the settings.

use serde::Deserialize;

use super::{Error, parse};

/// A number: as such in a file, as text elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Number {
    /// As such.
    Is(u64),
    /// To be read.
    Text(String),
}

/// What was given, or else the default.
pub(super) fn read(name: &str, given: Option<Number>, default: u64) -> Result<u64, Error> {
    match given {
        None => Ok(default),
        Some(Number::Is(number)) => Ok(number),
        Some(Number::Text(text)) => parse(name, &text),
    }
}
