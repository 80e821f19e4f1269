//! `/v1/repositories/{name}/-/tags`.

use serde::{Deserialize, Deserializer, Serialize};

use super::time::Timestamp;
use crate::kernel::digest::{Blake3, Digest};
use crate::kernel::id::{Actor, Tag};

/// A tag as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TagEntry {
    /// Its name.
    #[schema(value_type = String)]
    pub tag: Tag,
    /// The manifest that it names.
    #[schema(value_type = String)]
    pub digest: Blake3,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Who set it.
    #[schema(value_type = String)]
    pub actor: Actor,
}

/// One page of tags, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Tags {
    /// The page.
    pub tags: Vec<TagEntry>,
}

/// `PUT .. /tags/{tag}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetTag {
    /// The manifest to name.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// What it must name now for this to happen: absent, whatever it names; `null`, it must not exist.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub expected: Option<Option<Digest>>,
}

/// Keeps `null` apart from absent.
fn present<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Option<Digest>>, D::Error> {
    Option::deserialize(field).map(Some)
}

/// The tag was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TagChanged {
    /// Its name.
    #[schema(value_type = String)]
    pub tag: Tag,
    /// The manifest that it names now.
    #[schema(value_type = String)]
    pub digest: Blake3,
    /// What it named before.
    #[schema(value_type = Option<String>)]
    pub previous: Option<Blake3>,
    /// Where in the log it says so.
    pub position: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::digest::Digests;

    #[test]
    fn expected_null_is_not_expected_absent() {
        let digest = Digests::of(b"x").blake3;
        let set = |json: String| serde_json::from_str::<SetTag>(&json).unwrap();
        assert_eq!(set(format!(r#"{{"digest":"{digest}"}}"#)).expected, None);
        assert_eq!(set(format!(r#"{{"digest":"{digest}","expected":null}}"#)).expected, Some(None));
        let both = set(format!(r#"{{"digest":"{digest}","expected":"{digest}"}}"#));
        assert_eq!(both.expected, Some(Some(digest.into())));
        assert_eq!(set(serde_json::to_string(&both).unwrap()), both);
    }
}
