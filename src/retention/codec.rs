//! What the documents of this module share beside canonical CBOR: sets in order, texts with a grammar.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

use crate::kernel::cbor::{Error, Fields, Value};

/// Fields of a map: those that are there.
pub(super) fn map<const N: usize>(fields: [(&str, Option<Value>); N]) -> Vec<(String, Value)> {
    fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// A field that is not what it must be.
pub(super) fn wrong(field: &str, expected: impl ToString) -> Error {
    Error::Field { field: field.to_owned(), expected: expected.to_string() }
}

/// A set as an array of texts in its order; absent if it is empty.
pub(super) fn texts<'a, T: Display + 'a>(set: impl IntoIterator<Item = &'a T>) -> Option<Value> {
    let texts: Vec<Value> = set.into_iter().map(Value::text).collect();
    (!texts.is_empty()).then_some(Value::Array(texts))
}

/// Takes such an array back: in order, nothing twice, not empty.
pub(super) fn set<T>(fields: &mut Fields, field: &'static str, max: usize) -> Result<BTreeSet<T>, Error>
where
    T: FromStr<Err: Display> + Ord,
{
    let Some(value) = fields.take(field) else { return Ok(BTreeSet::new()) };
    let Value::Array(items) = value else { return Err(wrong(field, "an array of texts")) };
    if items.is_empty() || items.len() > max {
        return Err(wrong(field, format_args!("absent, or of 1 to {max} texts")));
    }
    let mut set = BTreeSet::new();
    for item in items {
        let Value::Text(text) = item else { return Err(wrong(field, "an array of texts")) };
        let value: T = text.parse().map_err(|reason: T::Err| wrong(field, reason))?;
        if set.last().is_some_and(|last| *last >= value) {
            return Err(wrong(field, "in order, and nothing twice"));
        }
        set.insert(value);
    }
    Ok(set)
}

/// Takes a field that is `true` or absent.
pub(super) fn flag(fields: &mut Fields, field: &'static str) -> Result<bool, Error> {
    match fields.take(field) {
        None => Ok(false),
        Some(Value::Bool(true)) => Ok(true),
        Some(_) => Err(wrong(field, "true or absent")),
    }
}

/// The version that all documents of this module have.
pub(super) fn version(fields: &mut Fields) -> Result<(), Error> {
    match fields.unsigned("v")? {
        1 => Ok(()),
        _ => Err(wrong("v", "1, the version that this program reads")),
    }
}
