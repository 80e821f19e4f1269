//! Conditions on what never changes.

use std::collections::{BTreeMap, BTreeSet};

use super::super::codec::{map, set, texts, version, wrong};
use super::super::glob::RepositoryGlob;
use super::super::package::Properties;
use crate::kernel::cbor::{self, Bounds, Error, Fields, Value};
use crate::kernel::limits::{
    ANNOTATION_KEY_MAX_BYTES, ANNOTATION_VALUE_MAX_BYTES, SELECTOR_MAX_BYTES, SELECTOR_VALUES_MAX,
};
use crate::kernel::manifest::MediaType;

/// Which packages a hold is about: a set whose members never change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FixedSelector {
    /// It is in a repository that matches one of these.
    pub repositories: BTreeSet<RepositoryGlob>,
    /// It says that it is of one of these kinds.
    pub artifact_types: BTreeSet<MediaType>,
    /// Its manifest is of one of these media types.
    pub media_types: BTreeSet<MediaType>,
    /// Its manifest has all of these annotations.
    pub annotations: BTreeMap<String, String>,
    /// Its manifest has annotations under all of these keys.
    pub has_annotations: BTreeSet<String>,
    /// It was accepted at this time or later, in milliseconds since the epoch.
    pub accepted_after_ms: Option<u64>,
    /// It was accepted before this time.
    pub accepted_before_ms: Option<u64>,
}

/// Whether a package is selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// It depends on annotations that are not known. Who asks takes the side that keeps the package.
    Unknown,
}

impl FixedSelector {
    /// The media type of its document.
    pub const MEDIA_TYPE: &'static str = "application/vnd.strongroom.selector.v1+cbor";

    /// Whether it has no condition, and so selects everything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it asks for annotations.
    pub fn needs_annotations(&self) -> bool {
        !self.annotations.is_empty() || !self.has_annotations.is_empty()
    }

    /// Whether it selects that package.
    pub fn matches(&self, package: &Properties<'_>) -> Match {
        let among = |types: &BTreeSet<MediaType>, found: Option<&str>| {
            types.is_empty() || found.is_some_and(|found| types.iter().any(|one| one.as_str() == found))
        };
        let holds = (self.repositories.is_empty()
            || self.repositories.iter().any(|glob| glob.matches(package.repository)))
            && among(&self.artifact_types, package.artifact_type)
            && among(&self.media_types, Some(package.media_type))
            && self.accepted_after_ms.is_none_or(|ms| package.accepted_at_ms >= ms)
            && self.accepted_before_ms.is_none_or(|ms| package.accepted_at_ms < ms);
        match package.annotations {
            _ if !holds => Match::No,
            _ if !self.needs_annotations() => Match::Yes,
            None => Match::Unknown,
            Some(found) => {
                let equal = self.annotations.iter().all(|(key, value)| found.get(key) == Some(value));
                let there = self.has_annotations.iter().all(|key| found.contains_key(key));
                if equal && there { Match::Yes } else { Match::No }
            }
        }
    }

    /// The document.
    pub fn encode(&self) -> Vec<u8> {
        let mut fields = self.fields();
        fields.push(("v".into(), Value::Unsigned(1)));
        cbor::encode(&Value::Map(fields))
    }

    /// Reads the document back.
    ///
    /// # Errors
    /// If it is not what [`Self::encode`] would write, or has no condition.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of(cbor::decode(bytes, Bounds::bytes(SELECTOR_MAX_BYTES))?)?;
        version(&mut fields)?;
        let selector = Self::take(&mut fields)?;
        fields.finish()?;
        selector.check()?;
        if selector.is_empty() {
            return Err(wrong("repositories", "there, or another condition; `*` is every repository"));
        }
        Ok(selector)
    }

    pub(super) fn fields(&self) -> Vec<(String, Value)> {
        let annotations = || {
            let pairs = self.annotations.iter().map(|(key, value)| (key.clone(), Value::text(value)));
            Value::Map(pairs.collect())
        };
        map([
            ("repositories", texts(&self.repositories)),
            ("artifact-types", texts(&self.artifact_types)),
            ("media-types", texts(&self.media_types)),
            ("annotations", (!self.annotations.is_empty()).then(annotations)),
            ("has-annotations", texts(&self.has_annotations)),
            ("accepted-after", self.accepted_after_ms.map(Value::Unsigned)),
            ("accepted-before", self.accepted_before_ms.map(Value::Unsigned)),
        ])
    }

    pub(super) fn take(fields: &mut Fields) -> Result<Self, Error> {
        let annotations = match fields.take("annotations") {
            None => BTreeMap::new(),
            Some(Value::Map(pairs)) if !pairs.is_empty() => pairs
                .into_iter()
                .map(|(key, value)| match value {
                    Value::Text(value) => Ok((key, value)),
                    _ => Err(wrong("annotations", "a map of texts to texts")),
                })
                .collect::<Result<_, _>>()?,
            Some(_) => return Err(wrong("annotations", "absent, or a map of texts to texts")),
        };
        Ok(Self {
            repositories: set(fields, "repositories", SELECTOR_VALUES_MAX)?,
            artifact_types: set(fields, "artifact-types", SELECTOR_VALUES_MAX)?,
            media_types: set(fields, "media-types", SELECTOR_VALUES_MAX)?,
            annotations,
            has_annotations: set(fields, "has-annotations", SELECTOR_VALUES_MAX)?,
            accepted_after_ms: fields.unsigned_optional("accepted-after")?,
            accepted_before_ms: fields.unsigned_optional("accepted-before")?,
        })
    }

    /// Whether its values are within their bounds, and can hold together.
    ///
    /// # Errors
    /// With the condition that is not.
    pub fn check(&self) -> Result<(), Error> {
        let lengths = [
            ("repositories", self.repositories.len()),
            ("artifact-types", self.artifact_types.len()),
            ("media-types", self.media_types.len()),
            ("annotations", self.annotations.len()),
            ("has-annotations", self.has_annotations.len()),
        ];
        if let Some((field, _)) = lengths.into_iter().find(|(_, length)| *length > SELECTOR_VALUES_MAX) {
            return Err(wrong(field, format_args!("of at most {SELECTOR_VALUES_MAX} values")));
        }
        let key = |key: &String| (1..=ANNOTATION_KEY_MAX_BYTES).contains(&key.len());
        if !self.annotations.keys().chain(&self.has_annotations).all(key) {
            return Err(wrong("annotations", format_args!("keys of 1 to {ANNOTATION_KEY_MAX_BYTES} bytes")));
        }
        if self.annotations.values().any(|value| value.len() > ANNOTATION_VALUE_MAX_BYTES) {
            return Err(wrong(
                "annotations",
                format_args!("values of at most {ANNOTATION_VALUE_MAX_BYTES} bytes"),
            ));
        }
        match (self.accepted_after_ms, self.accepted_before_ms) {
            (Some(after), Some(before)) if after >= before => {
                Err(wrong("accepted-before", "later than `accepted-after`; nothing is between them"))
            }
            _ => Ok(()),
        }
    }
}
