//! Query strings, read as strictly as bodies: what is not understood is refused, so that a misspelt filter is not no
//! filter.
//!
//! - Every parameter is taken by name and type; what is left over, or stands there twice, is refused by its name.
//! - Percent-encoding must be whole and must give UTF-8; `+` is a space, as forms write it.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::problem::{Code, Problem};

/// The parameters of one request that have not been taken yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query string, without its `?`.
    ///
    /// # Errors
    /// If its percent-encoding is broken or gives no UTF-8.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let decoded = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name)?, decode(value)?))
        });
        let broken =
            || Problem::new(Code::InvalidQuery, "The query's percent-encoding is broken or gives no UTF-8.");
        decoded.collect::<Option<_>>().map(Self).ok_or_else(broken)
    }

    /// Takes the parameter of that name.
    ///
    /// # Errors
    /// If it stands there twice or is not of that type.
    pub fn take<T>(&mut self, name: &str) -> Result<Option<T>, Problem>
    where
        T: FromStr,
        T::Err: Display,
    {
        let mut all = self.take_all(name)?;
        let one = all.pop();
        if all.is_empty() { Ok(one) } else { Err(invalid(name, "it may stand there once")) }
    }

    /// Takes every parameter of that name, in order.
    ///
    /// # Errors
    /// If one is not of that type.
    pub fn take_all<T>(&mut self, name: &str) -> Result<Vec<T>, Problem>
    where
        T: FromStr,
        T::Err: Display,
    {
        let values = self.0.extract_if(.., |(key, _)| key == name);
        values.map(|(_, value)| value.parse().map_err(|error| invalid(name, error))).collect()
    }

    /// All of them as they stand there, for who reads a form.
    pub(super) fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// If a parameter is left that nobody took.
    pub fn finish(self) -> Result<(), Problem> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(invalid(name, "this operation has no such parameter")),
        }
    }
}

fn invalid(name: &str, reason: impl Display) -> Problem {
    let name: String = name.chars().take(64).collect();
    Problem::new(Code::InvalidQuery, format!("Query parameter `{name}`: {reason}.")).member("parameter", name)
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                u8::try_from(high * 16 + low).expect("two hex digits are one byte")
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_taken_by_type() {
        let mut query = Query::parse("after=7&type=tag.set&type=a%20b+c&repository=acme%2Freports").unwrap();
        assert_eq!(query.take::<u64>("after").unwrap(), Some(7));
        assert_eq!(query.take::<u64>("limit").unwrap(), None);
        assert_eq!(query.take_all::<String>("type").unwrap(), ["tag.set", "a b c"]);
        assert_eq!(query.take::<String>("repository").unwrap().as_deref(), Some("acme/reports"));
        query.finish().unwrap();
    }

    #[test]
    fn what_is_not_understood_is_refused_by_its_name() {
        for broken in ["a=%", "a=%2", "a=%zz", "%ff=1", "a=%c3%28"] {
            assert_eq!(Query::parse(broken).unwrap_err().code(), Code::InvalidQuery, "{broken}");
        }
        let mut query = Query::parse("after=x&limit=1&limit=2&flow=true").unwrap();
        assert!(query.take::<u64>("after").unwrap_err().detail().contains("`after`"));
        assert!(query.take::<u64>("limit").unwrap_err().detail().contains("once"));
        assert!(query.finish().unwrap_err().detail().contains("`flow`"));
    }
}
