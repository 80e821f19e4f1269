//! Checkpoints: a signed statement of the log's size and Merkle root.
//!
//! A C2SP signed note (`signed-note`, `tlog-checkpoint`) with Ed25519, so that common tools can check it:
//!
//! ```text
//! <origin>\n
//! <size in decimal>\n
//! <base64 of the root>\n
//! \n
//! — <key name> <base64 of key hash (4 bytes) and signature (64 bytes)>\n
//! ```
//! The key hash is the first four bytes of `SHA-256(name || 0x0A || 0x01 || public key)`. The key is named like the
//! origin. Refused: another shape, leading zeros, extension lines (we write none), a signature of any other key.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::Digest as _;

use super::merkle::Hash;

/// Bytes of a checkpoint, at most: three lines and some signatures.
pub const CHECKPOINT_MAX_BYTES: usize = 4_096;

/// The statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// Events in it.
    pub size: u64,
    /// Merkle root over them.
    pub root: Hash,
}

/// Why a text is not a checkpoint of this log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not a signed note with a checkpoint in it.
    #[error("not a signed checkpoint: {0}")]
    Malformed(&'static str),
    /// No signature by one of the keys that may sign.
    #[error("no signature by a known checkpoint key")]
    Unsigned,
    /// A signature that names a known key, and is wrong.
    #[error("the signature is wrong")]
    Forged,
}

impl Checkpoint {
    fn body(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    /// The note, signed with a key named like the origin.
    pub fn sign(&self, public: &[u8; 32], sign: impl FnOnce(&[u8]) -> [u8; 64]) -> String {
        let body = self.body();
        let mut signed = key_hash(&self.origin, public).to_vec();
        signed.extend_from_slice(&sign(body.as_bytes()));
        let mut note = body;
        write!(note, "\n\u{2014} {} {}\n", self.origin, STANDARD.encode(signed))
            .expect("writing to a string");
        note
    }

    /// Reads a note and verifies it with any one of these public keys.
    ///
    /// # Errors
    /// If it has another shape, or none of the keys signed it.
    pub fn verify(note: &str, keys: &[[u8; 32]]) -> Result<Self, Error> {
        Self::verify_signer(note, keys).map(|(checkpoint, _)| checkpoint)
    }

    /// As [`Self::verify`], with the public key that signed.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn verify_signer(note: &str, keys: &[[u8; 32]]) -> Result<(Self, [u8; 32]), Error> {
        let (body, signatures) = split(note)?;
        let checkpoint = Self::parse(body)?;
        let origin = checkpoint.origin.clone();
        for (hash, signature) in signature_lines(signatures, &origin) {
            let Some(key) = keys.iter().find(|key| key_hash(&origin, key) == hash) else {
                continue;
            };
            let verifying =
                VerifyingKey::from_bytes(key).map_err(|_| Error::Malformed("a key is not a curve point"))?;
            let signed = verifying.verify_strict(body.as_bytes(), &Signature::from_bytes(&signature));
            signed.map_err(|_| Error::Forged)?;
            return Ok((checkpoint, *key));
        }
        Err(Error::Unsigned)
    }

    /// Reads a note without looking at its signatures, to learn what it claims.
    ///
    /// # Errors
    /// If it has another shape.
    pub fn read_unverified(note: &str) -> Result<Self, Error> {
        Self::parse(split(note)?.0)
    }

    fn parse(body: &str) -> Result<Self, Error> {
        let mut lines = body.lines();
        let mut line = || lines.next().ok_or(Error::Malformed("it has three lines"));
        let (origin, size_text, root) = (line()?.to_owned(), line()?, line()?);
        let size: u64 = size_text.parse().map_err(|_| Error::Malformed("the size is a decimal number"))?;
        let root = STANDARD.decode(root).ok().and_then(|root| root.try_into().ok());
        let checkpoint =
            Self { origin, size, root: root.ok_or(Error::Malformed("the root is base64 of 32 bytes"))? };
        // One statement, one text: leading zeros, extension lines and other line ends are refused alike.
        if checkpoint.body() == body && is_key_name(&checkpoint.origin) {
            Ok(checkpoint)
        } else {
            Err(Error::Malformed("it is not written as this log writes it"))
        }
    }
}

/// C2SP signed-note: a key's name is not empty and has neither spaces nor `+`; no text of a note has control characters.
fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

fn split(note: &str) -> Result<(&str, &str), Error> {
    if note.len() > CHECKPOINT_MAX_BYTES {
        return Err(Error::Malformed("it is too long"));
    }
    let at = note.rfind("\n\n").ok_or(Error::Malformed("an empty line stands before the signatures"))?;
    Ok((&note[..=at], &note[at + 2..]))
}

fn signature_lines<'a>(lines: &'a str, name: &'a str) -> impl Iterator<Item = ([u8; 4], [u8; 64])> + 'a {
    lines.lines().filter_map(move |line| {
        let (signer, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        let bytes = STANDARD.decode(encoded).ok().filter(|bytes| signer == name && bytes.len() == 68)?;
        Some((bytes[..4].try_into().ok()?, bytes[4..].try_into().ok()?))
    })
}

fn key_hash(name: &str, public: &[u8; 32]) -> [u8; 4] {
    let hash =
        sha2::Sha256::new().chain_update(name).chain_update([0x0a, 0x01]).chain_update(public).finalize();
    [hash[0], hash[1], hash[2], hash[3]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer, SigningKey};

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn note(by: &SigningKey) -> String {
        let checkpoint = Checkpoint { origin: "strongroom/test".into(), size: 42, root: [7; 32] };
        checkpoint.sign(by.verifying_key().as_bytes(), |body| by.sign(body).to_bytes())
    }

    #[test]
    fn what_is_signed_verifies_with_that_key_only() {
        let note = note(&key(1));
        let public = key(1).verifying_key().to_bytes();
        let other = key(2).verifying_key().to_bytes();
        assert_eq!(Checkpoint::verify(&note, &[other, public]).unwrap().size, 42);
        assert_eq!(Checkpoint::verify(&note, &[other]), Err(Error::Unsigned));
        assert_eq!(Checkpoint::verify(&note, &[]), Err(Error::Unsigned));
    }

    #[test]
    fn a_changed_statement_is_forged() {
        let changed = note(&key(1)).replacen("42", "43", 1);
        assert_eq!(Checkpoint::verify(&changed, &[key(1).verifying_key().to_bytes()]), Err(Error::Forged));
    }

    #[test]
    fn another_shape_is_refused() {
        let good = note(&key(1));
        for bad in [
            String::new(),
            "\n\n".into(),
            good.replacen("42", "042", 1),
            good.replacen("42", "+42", 1),
            good.replacen("42\n", "42\r\n", 1),
            good.replacen("\n\n", "\nextension\n\n", 1),
            good.replacen("strongroom/test\n", "\n", 1),
            "x".repeat(CHECKPOINT_MAX_BYTES + 1),
        ] {
            assert!(matches!(Checkpoint::read_unverified(&bad), Err(Error::Malformed(_))), "{bad:?}");
        }
    }

    /// The key hash as the signed-note specification computes it, for one fixed key.
    #[test]
    fn the_note_is_frozen() {
        assert_eq!(
            note(&key(1)),
            "strongroom/test\n42\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n\n\u{2014} strongroom/test \
             uAxD6Dk+yeg7Y4RqB+TaVlfvqJdXKK0KWCwy90esnLr5VS/f2/qtDdTFeXWt484bmIn6rQqpbPOFv3O1a2gW/weSOAU=\n"
        );
    }
}
