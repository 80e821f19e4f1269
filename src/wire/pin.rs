//! `/v1/repositories/{name}/-/pins`.

use serde::{Deserialize, Deserializer, Serialize};

use super::manifest::AcceptedManifest;
use super::time::Timestamp;
use crate::kernel::digest::{Blake3, Digest};
use crate::kernel::id::{Actor, PinName, Tag};

/// What was said about a change. All of it is absent where it was erased; what nobody said is absent anyhow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where the source is: a URL without a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The full revision of the source: 40 or 64 characters of lowercase hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// What built it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
}

/// A pin as it is now, or was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PinEntry {
    /// Its name.
    #[schema(value_type = String)]
    pub pin: PinName,
    /// The package that it claims.
    #[schema(value_type = String)]
    pub digest: Blake3,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Who set it.
    #[schema(value_type = String)]
    pub actor: Actor,
    /// Where in the log it says so.
    pub position: u64,
    /// The document that says why.
    #[schema(value_type = String)]
    pub statement: Blake3,
    /// What it says.
    pub said: Said,
}

/// One page of pins, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Pins {
    /// The page.
    pub pins: Vec<PinEntry>,
}

/// `PUT .. /pins/{pin}`. Source, revision and build stay as they were, if absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPin {
    /// The package to claim.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// What it must claim now for this to happen: absent, whatever it claims; `null`, it must not exist.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub expected: Option<Option<Digest>>,
    /// Why, and what it was built from.
    pub said: Said,
}

/// Keeps `null` apart from absent.
fn present<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Option<Digest>>, D::Error> {
    Option::deserialize(field).map(Some)
}

/// The pin was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PinChanged {
    /// Its name.
    #[schema(value_type = String)]
    pub pin: PinName,
    /// The package that it claims now.
    #[schema(value_type = String)]
    pub digest: Blake3,
    /// What it claimed before.
    #[schema(value_type = Option<String>)]
    pub previous: Option<Blake3>,
    /// Where in the log it says so.
    pub position: u64,
    /// The whole of what is said of it now.
    pub said: Said,
    /// Annotations that the repository wants and the package lacks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// `POST .. /pins/{pin}/release`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleasePin {
    /// Why.
    pub reason: String,
    /// What it must claim now for this to happen; whatever it claims, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub expected: Option<Digest>,
}

/// The pin was released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PinReleased {
    /// Its name.
    #[schema(value_type = String)]
    pub pin: PinName,
    /// What it claimed.
    #[schema(value_type = String)]
    pub previous: Blake3,
    /// Where in the log it says so.
    pub position: u64,
}

/// One change of a pin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PinChange {
    /// Where in the log it says so.
    pub position: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who.
    #[schema(value_type = String)]
    pub actor: Actor,
    /// What it claimed from then on; `null`, it was released.
    #[schema(value_type = Option<String>)]
    pub digest: Option<Blake3>,
    /// What it had claimed.
    #[schema(value_type = Option<String>)]
    pub previous: Option<Blake3>,
    /// The document that says why.
    #[schema(value_type = String)]
    pub statement: Blake3,
    /// What it says.
    pub said: Said,
}

/// One page of changes, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PinHistory {
    /// The page.
    pub changes: Vec<PinChange>,
}

/// `POST .. /publications`: a package, and the names that move to it, in one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// The manifest: its exact bytes in base64.
    pub manifest: String,
    /// A tag to set as well, whatever it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub tag: Option<Tag>,
    /// The pin to set.
    #[schema(value_type = String)]
    pub pin: PinName,
    /// What the pin must claim now for this to happen: absent, whatever it claims; `null`, it must not exist.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub expected: Option<Option<Digest>>,
    /// Why, and what it was built from.
    pub said: Said,
}

/// Both was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Published {
    /// The package.
    pub manifest: AcceptedManifest,
    /// The pin.
    pub pin: PinChanged,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::digest::Digests;

    #[test]
    fn expected_null_is_not_expected_absent() {
        let digest = Digests::of(b"x").blake3;
        let set = |rest: &str| {
            let json = format!(r#"{{"digest":"{digest}","said":{{"reason":"x"}}{rest}}}"#);
            serde_json::from_str::<SetPin>(&json).unwrap()
        };
        assert_eq!(set("").expected, None);
        assert_eq!(set(r#","expected":null"#).expected, Some(None));
        let both = set(&format!(r#","expected":"{digest}""#));
        assert_eq!(both.expected, Some(Some(digest.into())));
        assert_eq!(serde_json::from_str::<SetPin>(&serde_json::to_string(&both).unwrap()).unwrap(), both);
    }

    #[test]
    fn a_misspelt_field_is_refused_not_forgotten() {
        assert!(serde_json::from_str::<Said>(r#"{"reason":"x","revison":"y"}"#).is_err());
        assert!(serde_json::from_str::<ReleasePin>(r#"{"reason":"x","expect":null}"#).is_err());
    }
}
