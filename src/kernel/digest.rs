//! Digests: the names of bytes.
//!
//! Written `<algorithm>:<64 lowercase hex>`. `blake3` is the primary address, `sha256` an alias of the same bytes;
//! both algorithms are registered in the OCI image-spec (descriptor.md, "Digests"). Refused, with the reason: an
//! unknown algorithm, uppercase hex, any other length.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no `:`.
    #[error("a digest is written `<algorithm>:<hex>`, this has no `:`")]
    NoAlgorithm,
    /// The algorithm is not one of ours.
    #[error("unknown digest algorithm `{0}`; known are blake3 and sha256")]
    UnknownAlgorithm(String),
    /// The algorithm is known, but not the one asked for here.
    #[error("this must be a {expected} digest, not {found}")]
    WrongAlgorithm {
        /// What this place takes.
        expected: Algorithm,
        /// What was given.
        found: Algorithm,
    },
    /// The hex part has another length.
    #[error("a digest has 64 hex characters, this has {0}")]
    Length(usize),
    /// The hex part has a character that is not `[0-9a-f]`.
    #[error("a digest is lowercase hex, this has `{0}`")]
    Character(char),
}

/// A digest algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// BLAKE3, 32 bytes: the primary address.
    Blake3,
    /// SHA-256 (FIPS 180-4): the alias that the OCI world knows.
    Sha256,
}

impl Algorithm {
    /// The name before the colon.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blake3 => "blake3",
            Self::Sha256 => "sha256",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A digest of either algorithm, as callers give it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Digest {
    /// By the primary address.
    Blake3(Blake3),
    /// By the alias.
    Sha256(Sha256),
}

impl Digest {
    /// Its algorithm.
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Blake3(_) => Algorithm::Blake3,
            Self::Sha256(_) => Algorithm::Sha256,
        }
    }

    /// The 32 bytes, without their algorithm.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        match self {
            Self::Blake3(d) => d.as_bytes(),
            Self::Sha256(d) => d.as_bytes(),
        }
    }

    /// The hex part, without the algorithm.
    pub fn hex(&self) -> String {
        hex::encode(self.as_bytes())
    }
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (algorithm, digits) = text.split_once(':').ok_or(Error::NoAlgorithm)?;
        match algorithm {
            "blake3" => Ok(Self::Blake3(Blake3(parse_hex(digits)?))),
            "sha256" => Ok(Self::Sha256(Sha256(parse_hex(digits)?))),
            other => Err(Error::UnknownAlgorithm(other.chars().take(32).collect())),
        }
    }
}

fn parse_hex(digits: &str) -> Result<[u8; 32], Error> {
    if let Some(bad) = digits.chars().find(|c| !matches!(c, '0'..='9' | 'a'..='f')) {
        return Err(Error::Character(bad));
    }
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| Error::Length(digits.len()))?;
    Ok(bytes)
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm(), self.hex())
    }
}

/// One algorithm's digest: the same text form, wherever only that algorithm may stand.
macro_rules! one_algorithm {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name([u8; 32]);

        impl $name {
            /// From the 32 bytes that a hash function gave.
            pub const fn new(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// From a slice, for instance of a database column. None unless it has 32 bytes.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// The 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// The hex part, without the algorithm.
            pub fn hex(&self) -> String {
                hex::encode(self.0)
            }
        }

        impl From<$name> for Digest {
            fn from(digest: $name) -> Self {
                Self::$name(digest)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                match text.parse()? {
                    Digest::$name(digest) => Ok(digest),
                    other => {
                        Err(Error::WrongAlgorithm { expected: Algorithm::$name, found: other.algorithm() })
                    }
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Digest::from(*self).fmt(f)
            }
        }
    };
}

one_algorithm!(Blake3, "A BLAKE3 digest: the primary address of a blob or document.");
one_algorithm!(Sha256, "A SHA-256 digest: the alias of the same bytes that OCI clients use.");

/// Text conversions and `Debug` that all three share.
macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl From<$name> for String {
            fn from(digest: $name) -> Self {
                digest.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self, Error> {
                text.parse()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

as_text!(Digest, Blake3, Sha256);

/// Both digests of the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digests {
    /// The primary address.
    pub blake3: Blake3,
    /// The alias.
    pub sha256: Sha256,
}

impl Digests {
    /// Of bytes that are in memory.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self {
            blake3: Blake3(*blake3::hash(bytes).as_bytes()),
            sha256: Sha256(sha2::Sha256::digest(bytes).into()),
        }
    }

    /// Whether `digest`, of either algorithm, names these bytes.
    pub fn matches(&self, digest: &Digest) -> bool {
        self.of_algorithm(digest.algorithm()) == *digest
    }

    /// The one of that algorithm.
    pub fn of_algorithm(&self, algorithm: Algorithm) -> Digest {
        match algorithm {
            Algorithm::Blake3 => self.blake3.into(),
            Algorithm::Sha256 => self.sha256.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY_BLAKE3: &str = "blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
    const EMPTY_SHA256: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn both_digests_of_nothing_are_the_published_ones() {
        let digests = Digests::of(b"");
        assert_eq!(digests.blake3.to_string(), EMPTY_BLAKE3);
        assert_eq!(digests.sha256.to_string(), EMPTY_SHA256);
        assert!(digests.matches(&EMPTY_SHA256.parse().unwrap()));
    }

    #[test]
    fn text_that_is_no_digest_is_refused_with_the_reason() {
        let cases = [
            ("", Error::NoAlgorithm),
            ("af1349b9", Error::NoAlgorithm),
            ("md5:00", Error::UnknownAlgorithm("md5".into())),
            ("BLAKE3:00", Error::UnknownAlgorithm("BLAKE3".into())),
            ("blake3:", Error::Length(0)),
            ("blake3:00", Error::Length(2)),
            (&EMPTY_BLAKE3.replace("af13", "AF13"), Error::Character('A')),
            (&format!("{EMPTY_SHA256}0"), Error::Length(65)),
            (&format!("{EMPTY_SHA256} "), Error::Character(' ')),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<Digest>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn the_other_algorithm_is_refused_where_only_one_may_stand() {
        let error = EMPTY_SHA256.parse::<Blake3>().unwrap_err();
        assert_eq!(error.to_string(), "this must be a blake3 digest, not sha256");
    }
}
