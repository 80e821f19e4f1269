//! A map read field by field: what is missing, of another type, or left over is refused.

use std::fmt::Display;
use std::str::FromStr;

use super::{Error, Value};

/// Reads a map field by field and refuses what is missing, of another type, or left over.
#[derive(Debug)]
pub struct Fields(Vec<(String, Value)>);

impl Fields {
    /// Of a value that has to be a map.
    ///
    /// # Errors
    /// If it is something else.
    pub fn of(value: Value) -> Result<Self, Error> {
        match value {
            Value::Map(entries) => Ok(Self(entries)),
            _ => Err(Error::NotAMap),
        }
    }

    /// Takes a field that may be absent.
    pub fn take(&mut self, field: &str) -> Option<Value> {
        let at = self.0.iter().position(|(key, _)| key == field)?;
        Some(self.0.swap_remove(at).1)
    }

    /// Takes a field that must be there.
    ///
    /// # Errors
    /// If it is not.
    pub fn required(&mut self, field: &'static str) -> Result<Value, Error> {
        self.take(field).ok_or(Error::Missing(field))
    }

    /// Takes an unsigned integer.
    ///
    /// # Errors
    /// If it is missing or something else; so for all that follow.
    pub fn unsigned(&mut self, field: &'static str) -> Result<u64, Error> {
        match self.required(field)? {
            Value::Unsigned(n) => Ok(n),
            _ => Err(wrong(field, "an unsigned integer")),
        }
    }

    /// Takes a byte string.
    ///
    /// # Errors
    /// As [`Self::unsigned`].
    pub fn bytes(&mut self, field: &'static str) -> Result<Vec<u8>, Error> {
        match self.required(field)? {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(wrong(field, "a byte string")),
        }
    }

    /// Takes a byte string of 32 bytes.
    ///
    /// # Errors
    /// As [`Self::unsigned`].
    pub fn array_32(&mut self, field: &'static str) -> Result<[u8; 32], Error> {
        self.bytes(field)?.try_into().map_err(|_| wrong(field, "32 bytes"))
    }

    /// Takes 32 bytes that may be absent.
    ///
    /// # Errors
    /// As [`Self::unsigned`].
    pub fn array_32_optional(&mut self, field: &'static str) -> Result<Option<[u8; 32]>, Error> {
        if self.has(field) { self.array_32(field).map(Some) } else { Ok(None) }
    }

    /// Takes an unsigned integer that may be absent.
    ///
    /// # Errors
    /// As [`Self::unsigned`].
    pub fn unsigned_optional(&mut self, field: &'static str) -> Result<Option<u64>, Error> {
        if self.has(field) { self.unsigned(field).map(Some) } else { Ok(None) }
    }

    /// Takes an array of texts.
    ///
    /// # Errors
    /// As [`Self::unsigned`].
    pub fn texts(&mut self, field: &'static str) -> Result<Vec<String>, Error> {
        let text = |item| match item {
            Value::Text(text) => Ok(text),
            _ => Err(wrong(field, "an array of texts")),
        };
        self.array(field)?.into_iter().map(text).collect()
    }

    fn has(&self, field: &str) -> bool {
        self.0.iter().any(|(key, _)| key == field)
    }

    /// Takes a text and parses it.
    ///
    /// # Errors
    /// As [`Self::unsigned`], and with the parser's reason.
    pub fn parse<T>(&mut self, field: &'static str) -> Result<T, Error>
    where
        T: FromStr<Err: Display>,
    {
        match self.required(field)? {
            Value::Text(text) => text.parse().map_err(|reason: T::Err| wrong(field, reason)),
            _ => Err(wrong(field, "text")),
        }
    }

    /// Takes a text that may be absent, and parses it.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_optional<T>(&mut self, field: &'static str) -> Result<Option<T>, Error>
    where
        T: FromStr<Err: Display>,
    {
        if self.has(field) { self.parse(field).map(Some) } else { Ok(None) }
    }

    /// Takes a boolean.
    ///
    /// # Errors
    /// As [`Self::unsigned`].
    pub fn boolean(&mut self, field: &'static str) -> Result<bool, Error> {
        match self.required(field)? {
            Value::Bool(b) => Ok(b),
            _ => Err(wrong(field, "true or false")),
        }
    }

    /// Takes an array.
    ///
    /// # Errors
    /// As [`Self::unsigned`].
    pub fn array(&mut self, field: &'static str) -> Result<Vec<Value>, Error> {
        match self.required(field)? {
            Value::Array(items) => Ok(items),
            _ => Err(wrong(field, "an array")),
        }
    }

    /// The fields that no one has taken, for maps whose keys are data.
    pub fn into_rest(self) -> Vec<(String, Value)> {
        self.0
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// If a field is left that no one asked for.
    pub fn finish(self) -> Result<(), Error> {
        match self.0.into_iter().next() {
            Some((key, _)) => Err(Error::Unknown(key)),
            None => Ok(()),
        }
    }
}

fn wrong(field: &str, expected: impl ToString) -> Error {
    Error::Field { field: field.to_owned(), expected: expected.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_left_over_or_missing_are_named() {
        let map = || Fields::of(Value::Map(vec![("a".into(), Value::Unsigned(1))])).unwrap();
        assert_eq!(map().unsigned("b"), Err(Error::Missing("b")));
        assert_eq!(map().finish(), Err(Error::Unknown("a".into())));
        assert!(matches!(map().bytes("a"), Err(Error::Field { .. })));
    }
}
