//! Errors as documents: RFC 9457, `application/problem+json`.
//!
//! ```text
//! { "type": "urn:strongroom:problem:blobs-missing", "title": text, "status": 409, "detail": text,
//!   "code": "blobs-missing", .. members that belong to the code, such as "missing": [digest] }
//! ```
//! `code` is stable and what programs match on; `detail` says what was wrong with this input and what to do.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Before the code in `type`.
pub const TYPE_PREFIX: &str = "urn:strongroom:problem:";

/// The media type of the document.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// One problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Problem {
    /// [`TYPE_PREFIX`] and the code.
    #[serde(rename = "type", default)]
    pub type_uri: String,
    /// The same for every problem of this code.
    #[serde(default)]
    pub title: String,
    /// The HTTP status again.
    pub status: u16,
    /// What was wrong here, and what to do.
    #[serde(default)]
    pub detail: String,
    /// Stable, in kebab case.
    #[serde(default)]
    pub code: String,
    /// Members that belong to the code.
    #[serde(flatten)]
    #[schema(value_type = Object, additional_properties)]
    pub extensions: BTreeMap<String, Value>,
}

impl Problem {
    /// Of a code, with no members of its own yet.
    pub fn new(
        status: u16,
        code: impl Into<String>,
        title: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        let code = code.into();
        Self {
            type_uri: format!("{TYPE_PREFIX}{code}"),
            title: title.into(),
            status,
            detail: detail.into(),
            code,
            extensions: BTreeMap::new(),
        }
    }

    /// With one more member.
    ///
    /// # Panics
    /// If the value has no JSON form, such as a map whose keys are not text: members are plain data.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).expect("members of a problem are plain data");
        self.extensions.insert(member.to_owned(), value);
        self
    }

    /// A member, if it is there and of that shape.
    pub fn member<T: serde::de::DeserializeOwned>(&self, member: &str) -> Option<T> {
        serde_json::from_value(self.extensions.get(member)?.clone()).ok()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if self.detail.is_empty() { &self.title } else { &self.detail };
        write!(f, "{text}")?;
        if self.code.is_empty() {
            write!(f, " (HTTP {})", self.status)
        } else {
            write!(f, " ({})", self.code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stand_beside_the_standard_ones_and_come_back() {
        let problem = Problem::new(409, "blobs-missing", "Blobs are missing", "Push them first.")
            .with("missing", ["blake3:00"]);
        let json = serde_json::to_value(&problem).unwrap();
        assert_eq!(json["type"], "urn:strongroom:problem:blobs-missing");
        assert_eq!(json["missing"][0], "blake3:00");
        let back: Problem = serde_json::from_value(json).unwrap();
        assert_eq!(back, problem);
        assert_eq!(back.member::<Vec<String>>("missing"), Some(vec!["blake3:00".to_owned()]));
        assert_eq!(back.member::<u64>("missing"), None);
    }

    #[test]
    fn a_foreign_problem_without_code_is_still_read() {
        let problem: Problem = serde_json::from_str(r#"{"status":502,"title":"Bad Gateway"}"#).unwrap();
        assert_eq!(problem.to_string(), "Bad Gateway (HTTP 502)");
    }
}
