//! Ed25519 keys (RFC 8032): one for each kind of statement.
//!
//! - A private key is never printed, cloned into a log, or written anywhere but to its own file, mode 0600.
//! - A key file is PKCS#8 PEM (RFC 8410), complete and durable before its public key is told to anyone. It is never
//!   overwritten, and one that others may read is refused.
//! - A key id is derived from the public key ([`KeyId::of`]), so it cannot be claimed for another key.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use ed25519_dalek::{Signature, Signer as _};
use rand::TryRngCore as _;

use crate::kernel::event::KeyKind;
use crate::kernel::id::KeyId;

/// Bytes of a key file, at most. Ours have about 120.
const KEY_FILE_MAX_BYTES: u64 = 4_096;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read or written.
    #[error("key file {path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its content is not an Ed25519 private key in PKCS#8 PEM.
    #[error("key file {0} does not hold an Ed25519 private key in PKCS#8 PEM")]
    Malformed(PathBuf),
    /// Others than its owner may read or write it.
    #[error("key file {path} has mode {mode:03o}; only its owner may have access (chmod 600)")]
    Exposed {
        /// Which.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// A private key, for one kind of statement.
pub struct SigningKey {
    kind: KeyKind,
    key: ed25519_dalek::SigningKey,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {}, secret)", self.kind, self.id())
    }
}

impl SigningKey {
    /// A fresh key from the system's random source.
    ///
    /// # Panics
    /// If the system has no randomness.
    pub fn generate(kind: KeyKind) -> Self {
        let mut seed = [0; 32];
        rand::rngs::OsRng.try_fill_bytes(&mut seed).expect("the system gives randomness");
        Self::from_seed(kind, seed)
    }

    /// From the 32 secret bytes.
    pub fn from_seed(kind: KeyKind, seed: [u8; 32]) -> Self {
        Self { kind, key: ed25519_dalek::SigningKey::from_bytes(&seed) }
    }

    /// The key in that file; a fresh one, if there is no such file yet.
    ///
    /// Blocking: for use at start. Durable when it returns.
    ///
    /// # Errors
    /// If the file cannot be read or made, is open to others, or holds something else.
    pub fn load_or_create(path: &Path, kind: KeyKind) -> Result<Self, KeyFileError> {
        match Self::load(path, kind) {
            Err(KeyFileError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Self::generate(kind).create(path)?;
                // Another process may have been first; what lies there now is the key.
                Self::load(path, kind)
            }
            outcome => outcome,
        }
    }

    /// The key in that file.
    ///
    /// # Errors
    /// As [`Self::load_or_create`], and if there is none.
    pub fn load(path: &Path, kind: KeyKind) -> Result<Self, KeyFileError> {
        let failed = |source| KeyFileError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::Exposed { path: path.to_owned(), mode });
        }
        let mut pem = String::new();
        file.take(KEY_FILE_MAX_BYTES).read_to_string(&mut pem).map_err(failed)?;
        let key = ed25519_dalek::SigningKey::from_pkcs8_pem(&pem)
            .map_err(|_| KeyFileError::Malformed(path.to_owned()))?;
        Ok(Self { kind, key })
    }

    /// Writes a file beside the final one and links it into place, so that no half key is ever seen, and none lost.
    fn create(&self, path: &Path) -> Result<(), KeyFileError> {
        let failed = |source| KeyFileError::Io { path: path.to_owned(), source };
        let pem =
            self.key.to_pkcs8_pem(LineEnding::LF).map_err(|_| KeyFileError::Malformed(path.to_owned()))?;
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        let write = || {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
            file.write_all(pem.as_bytes())?;
            file.sync_all()?;
            match fs::hard_link(&beside, path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                outcome => outcome?,
            }
            fs::remove_file(&beside)?;
            File::open(directory)?.sync_all()
        };
        write().map_err(failed)
    }

    /// What it signs.
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Its name.
    pub fn id(&self) -> KeyId {
        KeyId::of(self.key.verifying_key().as_bytes())
    }

    /// Its public half.
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey { kind: self.kind, key: self.key.verifying_key(), retired_at_ms: None }
    }

    /// Its signature over a message. Statements have their own `sign`; this is for other formats, such as checkpoints.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

/// A public key, what it is for, and until when it signed.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    kind: KeyKind,
    key: ed25519_dalek::VerifyingKey,
    retired_at_ms: Option<u64>,
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({} {})", self.kind, self.id())
    }
}

impl VerifyingKey {
    /// From the 32 public bytes. None if they are not a point of the curve.
    pub fn from_public(kind: KeyKind, public: &[u8; 32]) -> Option<Self> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(public).ok()?;
        Some(Self { kind, key, retired_at_ms: None })
    }

    /// The same key, retired at that time (ms since the epoch): what it says later is not believed.
    #[must_use]
    pub const fn retired(mut self, at_ms: u64) -> Self {
        self.retired_at_ms = Some(at_ms);
        self
    }

    /// What it signs.
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// When it was retired, ms since the epoch.
    pub const fn retired_at_ms(&self) -> Option<u64> {
        self.retired_at_ms
    }

    /// Its name.
    pub fn id(&self) -> KeyId {
        KeyId::of(self.key.as_bytes())
    }

    /// The 32 public bytes.
    pub fn public(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Whether this is its signature over the message. Strict: one signature, one form.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

/// Public keys by their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyRing(BTreeMap<KeyId, VerifyingKey>);

impl KeyRing {
    /// Of these keys. A key given twice counts once, as it was given last.
    pub fn of(keys: impl IntoIterator<Item = VerifyingKey>) -> Self {
        Self(keys.into_iter().map(|key| (key.id(), key)).collect())
    }

    /// Adds a key, or replaces what was known of it.
    pub fn insert(&mut self, key: VerifyingKey) {
        self.0.insert(key.id(), key);
    }

    /// Marks a key as retired at that time (ms since the epoch). False if it is not known.
    pub fn retire(&mut self, key: &KeyId, at_ms: u64) -> bool {
        self.0.get_mut(key).map(|key| key.retired_at_ms = Some(at_ms)).is_some()
    }

    /// The key of that id, retired or not.
    pub fn get(&self, key: &KeyId) -> Option<&VerifyingKey> {
        self.0.get(key)
    }

    /// All keys, in order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.0.values()
    }

    /// As a JSON Web Key Set (RFC 7517, RFC 8037 section 2). `use` is `sig`; what a key signs is in `strongroom:kind`,
    /// and a retired key has `strongroom:retired_at_ms`.
    pub fn jwks(&self) -> serde_json::Value {
        let keys: Vec<_> = self.iter().map(jwk).collect();
        serde_json::json!({ "keys": keys })
    }
}

fn jwk(key: &VerifyingKey) -> serde_json::Value {
    let mut jwk = serde_json::json!({
        "kty": "OKP",
        "crv": "Ed25519",
        "x": BASE64URL.encode(key.public()),
        "kid": key.id(),
        "use": "sig",
        "alg": "EdDSA",
        "strongroom:kind": key.kind().name(),
    });
    if let Some(at_ms) = key.retired_at_ms {
        jwk["strongroom:retired_at_ms"] = at_ms.into();
    }
    jwk
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_file_is_made_once_and_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("grant.pem");
        let made = SigningKey::load_or_create(&path, KeyKind::Grant).unwrap();
        let read = SigningKey::load_or_create(&path, KeyKind::Grant).unwrap();
        assert_eq!(made.verifying_key(), read.verifying_key());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left behind");
        assert!(fs::read_to_string(&path).unwrap().starts_with("-----BEGIN PRIVATE KEY-----\n"));
    }

    #[test]
    fn a_key_file_that_others_may_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("grant.pem");
        SigningKey::load_or_create(&path, KeyKind::Grant).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = SigningKey::load_or_create(&path, KeyKind::Grant).unwrap_err();
        assert!(matches!(error, KeyFileError::Exposed { mode: 0o640, .. }));
    }

    #[test]
    fn a_damaged_key_file_is_refused_and_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("grant.pem");
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
        file.write_all(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();
        let error = SigningKey::load_or_create(&path, KeyKind::Grant).unwrap_err();
        assert!(matches!(error, KeyFileError::Malformed(_)));
        assert!(fs::read_to_string(&path).unwrap().contains("AAAA"));
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = SigningKey::from_seed(KeyKind::Receipt, [7; 32]);
        let shown = format!("{key:?}");
        assert_eq!(shown, format!("SigningKey(receipt {}, secret)", key.id()));
    }

    /// The key of RFC 8037 appendix A.1 and its public form in A.2.
    #[test]
    fn a_key_set_has_the_form_of_the_rfc() {
        let seed = BASE64URL.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let key = SigningKey::from_seed(KeyKind::Grant, seed.try_into().unwrap());
        let mut ring = KeyRing::of([key.verifying_key()]);
        assert!(ring.retire(&key.id(), 5));
        assert_eq!(
            ring.jwks(),
            serde_json::json!({ "keys": [{
                "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                "kid": key.id(), "strongroom:kind": "grant", "strongroom:retired_at_ms": 5,
            }] })
        );
    }
}
