//! The checksum of one request's bytes: the tus extension of that name.
//!
//! Written `<algorithm> <base64>`. SHA-1 is here because the protocol requires it; it guards one transfer against
//! accidents, and names nothing.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha1::Digest as _;

/// The algorithms, as `Tus-Checksum-Algorithm` lists them.
pub const ALGORITHMS: [&str; 3] = ["sha1", "sha256", "blake3"];

/// Why a text is not a checksum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The algorithm is not offered.
    #[error("unknown checksum algorithm; offered are sha1, sha256 and blake3")]
    UnknownAlgorithm,
    /// The value is not the base64 of that many bytes.
    #[error("a checksum is written `<algorithm> <base64>`, of the length that the algorithm gives")]
    Malformed,
}

/// What the bytes of one request must hash to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// SHA-1.
    Sha1([u8; 20]),
    /// SHA-256.
    Sha256([u8; 32]),
    /// BLAKE3.
    Blake3([u8; 32]),
}

impl FromStr for Checksum {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (algorithm, value) = text.split_once(' ').ok_or(Error::Malformed)?;
        if !ALGORITHMS.contains(&algorithm) {
            return Err(Error::UnknownAlgorithm);
        }
        let value = BASE64.decode(value).map_err(|_| Error::Malformed)?;
        if algorithm == "sha1" {
            return Ok(Self::Sha1(value.try_into().map_err(|_| Error::Malformed)?));
        }
        let value = value.try_into().map_err(|_| Error::Malformed)?;
        Ok(if algorithm == "sha256" { Self::Sha256(value) } else { Self::Blake3(value) })
    }
}

/// A checksum being computed, beside the one that it must come to.
#[derive(Clone)]
pub(super) struct Checking {
    wanted: Checksum,
    hasher: Hasher,
}

#[derive(Clone)]
enum Hasher {
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
    Blake3(Box<blake3::Hasher>),
}

impl Checking {
    pub(super) fn new(wanted: Checksum) -> Self {
        let hasher = match wanted {
            Checksum::Sha1(_) => Hasher::Sha1(sha1::Sha1::new()),
            Checksum::Sha256(_) => Hasher::Sha256(sha2::Sha256::new()),
            Checksum::Blake3(_) => Hasher::Blake3(Box::default()),
        };
        Self { wanted, hasher }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match &mut self.hasher {
            Hasher::Sha1(hasher) => hasher.update(bytes),
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Blake3(hasher) => {
                hasher.update(bytes);
            }
        }
    }

    pub(super) fn matches(&self) -> bool {
        let found = match &self.hasher {
            Hasher::Sha1(hasher) => Checksum::Sha1(hasher.clone().finalize().into()),
            Hasher::Sha256(hasher) => Checksum::Sha256(hasher.clone().finalize().into()),
            Hasher::Blake3(hasher) => Checksum::Blake3(*hasher.finalize().as_bytes()),
        };
        found == self.wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_algorithm_accepts_its_own_and_nothing_else() {
        for text in [
            "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
            "sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=",
            "blake3 10mB76cKDIgLjYwZhdB128v2ebmaX5kU5ar5a4ManiQ=",
        ] {
            let mut checking = Checking::new(text.parse().unwrap());
            "hello ".as_bytes().chunks(2).for_each(|bytes| checking.update(bytes));
            assert!(!checking.matches());
            checking.update(b"world");
            assert!(checking.matches(), "{text}");
        }
    }

    #[test]
    fn what_is_no_checksum_is_refused() {
        for (text, error) in [
            ("", Error::Malformed),
            ("sha1", Error::Malformed),
            ("sha1 ", Error::Malformed),
            ("md5 XUFAKrxLKna5cZ2REBfFkg==", Error::UnknownAlgorithm),
            ("sha1 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=", Error::Malformed),
            ("sha256 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", Error::Malformed),
            ("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0", Error::Malformed),
            ("sha1  Kq5sNclPz7QV2+lfQIuc6R7oRu0=", Error::Malformed),
        ] {
            assert_eq!(text.parse::<Checksum>(), Err(error), "{text:?}");
        }
    }
}
