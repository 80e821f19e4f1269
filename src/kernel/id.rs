//! Identifiers: each a type of its own, parsed once where it enters.
//!
//! - What is parsed is printed back unchanged.
//! - Names follow the OCI grammars, so every repository and tag can be reached by OCI clients.
//! - No identifier holds a person's name by design; an [`Actor`] is a token's pseudonymous subject.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::digest::{self, Blake3};
use super::limits::{ACTOR_MAX_BYTES, REPOSITORY_NAME_MAX_BYTES, STREAM_NAME_MAX_BYTES, TAG_MAX_BYTES};

/// Why a text is not such an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is longer than the bound, or empty.
    #[error("{what} has 1 to {max} bytes, this has {found}")]
    Length {
        /// What was parsed.
        what: &'static str,
        /// Most bytes.
        max: usize,
        /// Bytes given.
        found: usize,
    },
    /// It does not follow the grammar.
    #[error("{what} is written {grammar}")]
    Grammar {
        /// What was parsed.
        what: &'static str,
        /// Its grammar, in words or as an example.
        grammar: &'static str,
    },
    /// The digest in it is none.
    #[error(transparent)]
    Digest(#[from] digest::Error),
}

/// A text with a grammar: parse, print, serde, `Debug` as its text.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:expr, $grammar:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                if text.is_empty() || text.len() > $max {
                    return Err(Error::Length { what: $what, max: $max, found: text.len() });
                }
                let check: fn(&str) -> bool = $check;
                if !check(text) {
                    return Err(Error::Grammar { what: $what, grammar: $grammar });
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self, Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

mod reference;
mod retention;
mod uuids;

pub use reference::{PackageRef, Reference};
pub use retention::{HoldName, PinName, PolicyName, RuleName};
pub use uuids::{EventId, GrantId, OrderId, RequestId, RetrievalId, SessionId};

text_id!(
    /// A named space, `acme/reports`. OCI distribution-spec, "Pulling manifests": `<name>`.
    RepositoryName,
    "a repository name",
    REPOSITORY_NAME_MAX_BYTES,
    "in lowercase components joined by `/`, such as acme/reports: each starts and ends with a letter or digit, \
     and may hold `.`, `_`, `__` or `-` between them",
    |text| text.split('/').all(is_repository_component)
);

text_id!(
    /// A movable name for a manifest. OCI distribution-spec, "Pulling manifests": `<reference>` as a tag.
    Tag,
    "a tag",
    TAG_MAX_BYTES,
    "with letters, digits, `_`, `.` and `-`, and does not start with `.` or `-`",
    |text| !text.starts_with(['.', '-']) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
);

text_id!(
    /// Who did it: a token's subject, pseudonymous.
    Actor,
    "an actor",
    ACTOR_MAX_BYTES,
    "with lowercase letters, digits, `.`, `_`, `:`, `/` and `-`",
    |text| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._:/-".contains(&b))
);

text_id!(
    /// A place for objects, as configuration names it.
    StoreName,
    "a store name",
    63,
    "with lowercase letters, digits and `-`",
    is_label
);

text_id!(
    /// A process that runs a plane, as configuration names it.
    NodeName,
    "a node name",
    63,
    "with lowercase letters, digits and `-`",
    is_label
);

text_id!(
    /// A signing key: the first 16 hex characters of the SHA-256 of its public key.
    KeyId,
    "a key id",
    16,
    "in 16 lowercase hex characters",
    |text| text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
);

text_id!(
    /// An API token's public name, `tok_` and 32 hex characters. Not the secret.
    TokenId,
    "a token id",
    36,
    "`tok_` and 32 lowercase hex characters",
    |text| {
        text.strip_prefix("tok_")
            .is_some_and(|id| id.len() == 32 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
    }
);

text_id!(
    /// Where an object lies in its store: two hex characters, `/`, and a fresh UUID. Never reused.
    ObjectKey,
    "an object key",
    35,
    "as `<2 hex>/<32 hex>`",
    |text| {
        let bytes = text.as_bytes();
        let digits = |part: &[u8]| part.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        bytes.len() == 35 && bytes[2] == b'/' && digits(&bytes[..2]) && digits(&bytes[3..])
    }
);

text_id!(
    /// The series of events about one thing: `tag/acme/reports:latest`. Versions count within it.
    StreamName,
    "a stream name",
    STREAM_NAME_MAX_BYTES,
    "`<kind>/<name>` in printable ASCII without spaces",
    |text| text.contains('/') && text.bytes().all(|b| b.is_ascii_graphic())
);

fn is_label(text: &str) -> bool {
    !text.starts_with('-') && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_repository_component(component: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separator = |run: &str| matches!(run, "." | "_" | "__") || run.bytes().all(|b| b == b'-');
    let mut rest = component;
    loop {
        let word = rest.find(|c| !alphanumeric(c)).unwrap_or(rest.len());
        if word == 0 {
            return false;
        }
        rest = &rest[word..];
        if rest.is_empty() {
            return true;
        }
        let run = rest.find(alphanumeric).unwrap_or(rest.len());
        if !separator(&rest[..run]) {
            return false;
        }
        rest = &rest[run..];
    }
}

impl StreamName {
    /// Of a repository's own settings.
    pub fn repository(repository: &RepositoryName) -> Self {
        Self(format!("repository/{repository}"))
    }

    /// Of a blob, by its primary address.
    pub fn blob(blob: Blake3) -> Self {
        Self(format!("blob/{blob}"))
    }

    /// Of a manifest in a repository.
    pub fn manifest(repository: &RepositoryName, manifest: Blake3) -> Self {
        Self(format!("manifest/{repository}@{manifest}"))
    }

    /// Of a tag in a repository.
    pub fn tag(repository: &RepositoryName, tag: &Tag) -> Self {
        Self(format!("tag/{repository}:{tag}"))
    }

    /// Of an API token.
    pub fn token(token: &TokenId) -> Self {
        Self(format!("token/{token}"))
    }

    /// Of a signing key.
    pub fn key(key: &KeyId) -> Self {
        Self(format!("key/{key}"))
    }

    /// Of an object in a store.
    pub fn object(store: &StoreName, object: &ObjectKey) -> Self {
        Self(format!("object/{store}/{object}"))
    }

    /// Of what was found when the blobs of a store were read again.
    pub fn scrub(store: &StoreName) -> Self {
        Self(format!("scrub/{store}"))
    }

    /// Of the log's own restorations from backups.
    pub fn restorations() -> Self {
        Self("log/restorations".to_owned())
    }
}

impl ObjectKey {
    /// When its UUID was made, milliseconds since the epoch; none if that is not a UUIDv7 (RFC 9562 section 5.7).
    pub fn made_at_ms(&self) -> Option<u64> {
        let id = Uuid::try_parse(&self.0[3..]).ok()?;
        (id.get_version_num() == 7).then(|| (id.as_u128() >> 80) as u64)
    }

    /// From a fresh UUIDv7. The shard comes from its random end, so that neighbours in time spread.
    pub fn from_uuid(id: Uuid) -> Self {
        let hex = id.simple().to_string();
        Self(format!("{}/{hex}", &hex[30..]))
    }

    /// That UUID.
    pub fn uuid(&self) -> Uuid {
        Uuid::parse_str(&self.0[3..]).expect("an object key ends in 32 hex characters")
    }
}

impl TokenId {
    /// From a fresh UUID.
    pub fn from_uuid(id: Uuid) -> Self {
        Self(format!("tok_{}", id.simple()))
    }
}

impl KeyId {
    /// Of an Ed25519 public key.
    pub fn of(public_key: &[u8; 32]) -> Self {
        use sha2::Digest as _;
        Self(hex::encode(&sha2::Sha256::digest(public_key)[..8]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_names_follow_the_oci_grammar() {
        for good in ["a", "acme/reports", "a.b_c__d-e--f/0", "library/alpine", &"a".repeat(255)] {
            assert!(good.parse::<RepositoryName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "A",
            "acme/",
            "/acme",
            "a//b",
            "a..b",
            "a___b",
            "-a",
            "a-",
            "a._b",
            "../etc",
            "a b",
            "a/-/b",
            "ä",
            "a\0b",
            "a/../b",
            &"a".repeat(256),
        ] {
            assert!(bad.parse::<RepositoryName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn tags_follow_the_oci_grammar() {
        for good in ["v1", "_x", "Latest-2.0", &"t".repeat(128)] {
            assert!(good.parse::<Tag>().is_ok(), "{good}");
        }
        for bad in ["", ".v1", "-v1", "a/b", "a:b", "a b", "é", &"t".repeat(129)] {
            assert!(bad.parse::<Tag>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_package_is_named_by_tag_or_digest() {
        let digest = Digests::of(b"x").blake3;
        for text in ["acme/reports:v1".to_owned(), format!("acme/reports@{digest}")] {
            assert_eq!(text.parse::<PackageRef>().unwrap().to_string(), text);
        }
        for bad in ["acme/reports", "acme/reports:", "acme/reports@v1", ":v1", "acme/reports:a:b"] {
            assert!(bad.parse::<PackageRef>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_object_key_is_its_uuid_behind_a_shard() {
        let key = ObjectKey::from_uuid(Uuid::from_u128(0xab));
        assert_eq!(key.as_str(), "ab/000000000000000000000000000000ab");
        assert_eq!(key.uuid(), Uuid::from_u128(0xab));
        assert_eq!(key.as_str().parse(), Ok(key));
        for bad in ["../000000000000000000000000000000ab", "ab/00", "AB/000000000000000000000000000000ab"] {
            assert!(bad.parse::<ObjectKey>().is_err(), "{bad}");
        }
    }

    use crate::kernel::digest::Digests;
}
