//! `/v1/repositories` and `/v1/repositories/{name}`.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;
use crate::kernel::event::Provenance;
use crate::kernel::id::RepositoryName;

/// A repository as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Repository {
    /// Its name.
    #[schema(value_type = String, example = "acme/reports")]
    pub name: RepositoryName,
    /// Whether anyone may read it without a token.
    pub public: bool,
    /// What becomes of a pin on a package that does not say what it was built from: `off`, `warn` or `enforce`.
    #[serde(with = "super::as_text")]
    #[schema(value_type = String)]
    pub provenance: Provenance,
    /// Bytes that it may hold; 0 for any number.
    pub quota_bytes: u64,
    /// Packages that it may hold; 0 for any number.
    pub quota_packages: u64,
    /// When it came to be.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Packages accepted in it.
    pub packages: u64,
    /// Bytes of the blobs linked in it, each counted once.
    pub bytes: u64,
}

/// One page of repositories, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Repositories {
    /// The page.
    pub repositories: Vec<Repository>,
}

/// `POST /v1/repositories`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRepository {
    /// Its name.
    #[schema(value_type = String, example = "acme/reports")]
    pub name: RepositoryName,
    /// Whether anyone may read it without a token; not, if absent.
    #[serde(default)]
    pub public: bool,
}

/// `PUT /v1/repositories/{name}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRepository {
    /// Whether anyone may read it without a token; as it was, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<bool>,
    /// What becomes of a pin on a package that does not say what it was built from; as it was, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "super::as_text::optional")]
    #[schema(value_type = Option<String>)]
    pub provenance: Option<Provenance>,
    /// Bytes that it may hold, 0 for any number; as it was, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_bytes: Option<u64>,
    /// Packages that it may hold, 0 for any number; as it was, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_packages: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_setting_is_refused() {
        assert!(serde_json::from_str::<SetRepository>(r#"{"pubic":true}"#).is_err());
        assert!(serde_json::from_str::<CreateRepository>(r#"{"name":"Not/A/Name"}"#).is_err());
    }
}
