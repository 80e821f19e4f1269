//! Secrets of API tokens.
//!
//! ```text
//! secret = "srt_" 64 HEXDIG 8 HEXDIG      lowercase: 256 random bits, then the first 4 bytes of the SHA-256 of all before
//! ```
//! - The prefix lets scanners of source code find a leaked one; the checksum spares them, and us, false alarms.
//! - Hex, so that a double click selects all of it.
//! - `Debug` shows nothing of it and there is no `Display`; [`Secret::reveal`] is where it leaves.
//! - What is kept is the SHA-256 of the whole text: 256 random bits need no slow hash.

use std::fmt;
use std::str::FromStr;

use sha2::Digest as _;

use crate::kernel::digest::Sha256;

const PREFIX: &str = "srt_";
const RANDOM_HEX: usize = 64;
const CHECKSUM_HEX: usize = 8;

/// The text is no secret of ours. It is not repeated here: it may be a secret of someone else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no API token; one is `srt_` and 72 hex characters, and these have a wrong form or checksum")]
pub struct NotASecret;

/// What a caller shows to prove who they are.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// From 256 bits that must be random.
    pub fn from_random(bits: [u8; 32]) -> Self {
        let mut text = format!("{PREFIX}{}", hex::encode(bits));
        text.push_str(&checksum(&text));
        Self(text)
    }

    /// The text, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn hash(&self) -> Sha256 {
        Sha256::new(sha2::Sha256::digest(&self.0).into())
    }
}

fn checksum(text: &str) -> String {
    hex::encode(&sha2::Sha256::digest(text)[..CHECKSUM_HEX / 2])
}

impl FromStr for Secret {
    type Err = NotASecret;

    fn from_str(text: &str) -> Result<Self, NotASecret> {
        let digits = text.strip_prefix(PREFIX).ok_or(NotASecret)?;
        let is_hex = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if digits.len() != RANDOM_HEX + CHECKSUM_HEX || !is_hex {
            return Err(NotASecret);
        }
        let (body, sum) = text.split_at(PREFIX.len() + RANDOM_HEX);
        if checksum(body) == sum { Ok(Self(text.to_owned())) } else { Err(NotASecret) }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(srt_..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_reads_back_and_its_hash_is_of_its_text() {
        let secret = Secret::from_random([7; 32]);
        assert_eq!(secret.reveal().parse(), Ok(secret.clone()));
        assert_eq!(secret.reveal().len(), 76);
        assert_eq!(secret.hash(), crate::kernel::digest::Digests::of(secret.reveal().as_bytes()).sha256);
        assert_ne!(secret.hash(), Secret::from_random([8; 32]).hash());
    }

    #[test]
    fn a_typing_error_is_noticed_without_a_database() {
        let good = Secret::from_random([7; 32]).reveal().to_owned();
        for at in [4, 40, 70, 75] {
            let mut bad = good.clone().into_bytes();
            bad[at] = if bad[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(String::from_utf8(bad).unwrap().parse::<Secret>(), Err(NotASecret));
        }
        for bad in ["", "srt_", &good[..75], &good.to_uppercase(), &format!("{good}0"), "ghp_0000", "srt_é"]
        {
            assert_eq!(bad.parse::<Secret>(), Err(NotASecret), "{bad}");
        }
    }

    #[test]
    fn no_print_shows_any_of_it() {
        let secret = Secret::from_random([0xab; 32]);
        assert!(!format!("{secret:?} {secret:#?}").contains("abab"));
    }
}
