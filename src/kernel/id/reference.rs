//! How manifests and packages are named.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Error, RepositoryName, Tag};
use crate::kernel::digest::Digest;

/// How a manifest is named inside its repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Reference {
    /// By a tag, whatever it names now.
    Tag(Tag),
    /// By a digest of either algorithm.
    Digest(Digest),
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        // A tag has no colon, a digest always does.
        if text.contains(':') { Ok(Self::Digest(text.parse()?)) } else { Ok(Self::Tag(text.parse()?)) }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// A package as people write it: `acme/reports:v1` or `acme/reports@blake3:..`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PackageRef {
    /// Where it lies.
    pub repository: RepositoryName,
    /// Which one.
    pub reference: Reference,
}

impl FromStr for PackageRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (repository, reference) = if let Some((repository, digest)) = text.split_once('@') {
            (repository, Reference::Digest(digest.parse()?))
        } else if let Some((repository, tag)) = text.split_once(':') {
            (repository, Reference::Tag(tag.parse()?))
        } else {
            return Err(Error::Grammar {
                what: "a package",
                grammar: "`<repository>:<tag>` or `<repository>@<digest>`",
            });
        };
        Ok(Self { repository: repository.parse()?, reference })
    }
}

impl fmt::Display for PackageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reference {
            Reference::Tag(tag) => write!(f, "{}:{tag}", self.repository),
            Reference::Digest(digest) => write!(f, "{}@{digest}", self.repository),
        }
    }
}

macro_rules! string_conversions {
    ($($name:ident),*) => {$(
        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self, Error> {
                text.parse()
            }
        }
    )*};
}

string_conversions!(Reference, PackageRef);
