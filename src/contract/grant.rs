//! A grant: the control plane lets a client move certain bytes.
//!
//! ```text
//! claims = { "aud": "strongroom-data", "jti": uuid, "sub": actor, "iat": seconds, "exp": seconds,
//!            "repository": text, "store": text, and one of
//!            "upload": { "size": uint / "size_max": uint, "session_exp": seconds, ? "session": uuid, ? "digest": digest },
//!            "read": { "blake3": digest, "sha256": digest, "size": uint, "object": text } }
//! ```
//! - It is narrow: one operation, one repository, one blob, one store; it holds no secret of its own.
//! - It lives for [`GRANT_LIFE_SECONDS`] at most, so one signed with a key that is retired meanwhile soon ends.
//! - An upload grant is good for one upload. The session that comes from it may go on under a later grant of the same
//!   actor for the same repository, until `session_exp`; the terms of the first grant stay those of the session.
//! - A read grant says where the object lies, so that the data plane needs no database to find it.

use serde::{Deserialize, Serialize};

use super::Error;
use super::jws::{self, Kind};
use super::keys::{KeyRing, SigningKey};
use crate::kernel::digest::{Blake3, Digest, Digests, Sha256};
use crate::kernel::event::KeyKind;
use crate::kernel::id::{Actor, GrantId, ObjectKey, RepositoryName, SessionId, StoreName};
use crate::kernel::limits::{
    BLOB_MAX_BYTES, CLOCK_SKEW_SECONDS, GRANT_LIFE_SECONDS, SESSION_LIFE_MAX_SECONDS,
};

/// `aud`: the plane that honours grants.
const AUDIENCE: &str = "strongroom-data";

const KIND: Kind = Kind { typ: "strongroom-grant+jwt", name: "grant", key: KeyKind::Grant };

/// A permission to move certain bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its own name, fresh for each.
    pub id: GrantId,
    /// To whom it was given.
    pub actor: Actor,
    /// The repository in whose name the bytes move.
    pub repository: RepositoryName,
    /// The store that has, or will have, the object.
    pub store: StoreName,
    /// When it was signed, seconds since the epoch.
    pub issued_at_seconds: u64,
    /// Until when it may be used, seconds since the epoch; at most [`GRANT_LIFE_SECONDS`] later.
    pub expires_at_seconds: u64,
    /// What may be done.
    pub operation: Operation,
}

/// What a grant permits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// To deposit one blob.
    Upload(Upload),
    /// To read one blob.
    Read(Read),
}

/// Terms of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The session, if the control plane names one. Otherwise it has the id of the grant.
    pub session: Option<SessionId>,
    /// The digest that the bytes must have, if it was declared.
    pub expected: Option<Digest>,
    /// How many bytes.
    pub size: Size,
    /// When the session ends, whatever happens; seconds since the epoch.
    pub session_ends_at_seconds: u64,
}

/// How many bytes may be deposited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// This many.
    Exact(u64),
    /// Any number up to this one.
    AtMost(u64),
}

impl Size {
    /// The most bytes that it allows.
    pub const fn max(self) -> u64 {
        match self {
            Self::Exact(bytes) | Self::AtMost(bytes) => bytes,
        }
    }

    /// Whether a complete blob may have this many bytes.
    pub const fn allows(self, bytes: u64) -> bool {
        match self {
            Self::Exact(exact) => bytes == exact,
            Self::AtMost(most) => bytes <= most,
        }
    }
}

/// Terms of a read: which blob, and where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Both digests of the blob.
    pub digests: Digests,
    /// Its length.
    pub size_bytes: u64,
    /// The object that has its bytes, in the grant's store.
    pub object: ObjectKey,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    aud: String,
    jti: GrantId,
    sub: Actor,
    iat: u64,
    exp: u64,
    repository: RepositoryName,
    store: StoreName,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload: Option<UploadClaims>,
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<ReadClaims>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UploadClaims {
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_max: Option<u64>,
    session_exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadClaims {
    blake3: Blake3,
    sha256: Sha256,
    size: u64,
    object: ObjectKey,
}

impl Grant {
    /// As a signed statement.
    ///
    /// # Panics
    /// If the key is not a grant key.
    pub fn sign(&self, key: &SigningKey) -> String {
        let (upload, read) = match &self.operation {
            Operation::Upload(upload) => (Some(upload.claims()), None),
            Operation::Read(read) => (None, Some(read.claims())),
        };
        let claims = Claims {
            aud: AUDIENCE.into(),
            jti: self.id,
            sub: self.actor.clone(),
            iat: self.issued_at_seconds,
            exp: self.expires_at_seconds,
            repository: self.repository.clone(),
            store: self.store.clone(),
            upload,
            read,
        };
        jws::sign(&KIND, &claims, key)
    }

    /// Reads a signed grant and checks all of it, at this time (ms since the epoch).
    ///
    /// # Errors
    /// With what is wrong.
    pub fn verify(text: &str, keys: &KeyRing, now_ms: u64) -> Result<Self, Error> {
        let (claims, key) = jws::open::<Claims>(&KIND, text, keys)?;
        let retired_at_ms = key.retired_at_ms();
        let key = key.id();
        if claims.aud != AUDIENCE {
            return Err(Error::WrongAudience(AUDIENCE));
        }
        let grant = Self::from_claims(claims)?;
        if retired_at_ms.is_some_and(|at_ms| grant.issued_at_seconds > at_ms.div_ceil(1_000)) {
            return Err(Error::RetiredKey(key));
        }
        let now_seconds = now_ms / 1_000;
        if grant.issued_at_seconds > now_seconds.saturating_add(CLOCK_SKEW_SECONDS) {
            return Err(Error::Malformed("signed in the future"));
        }
        let end = grant.expires_at_seconds.saturating_add(CLOCK_SKEW_SECONDS);
        if now_seconds > end {
            return Err(Error::Expired(now_seconds - grant.expires_at_seconds));
        }
        Ok(grant)
    }

    fn from_claims(claims: Claims) -> Result<Self, Error> {
        let operation = match (claims.upload, claims.read) {
            (Some(upload), None) => Operation::Upload(upload.terms(claims.iat)?),
            (None, Some(read)) => Operation::Read(read.terms()),
            _ => return Err(Error::Malformed("a grant is for one operation")),
        };
        if claims.exp > claims.iat.saturating_add(GRANT_LIFE_SECONDS) {
            return Err(Error::Malformed("lives longer than a grant may"));
        }
        Ok(Self {
            id: claims.jti,
            actor: claims.sub,
            repository: claims.repository,
            store: claims.store,
            issued_at_seconds: claims.iat,
            expires_at_seconds: claims.exp,
            operation,
        })
    }
}

impl Upload {
    fn claims(&self) -> UploadClaims {
        let (size, size_max) = match self.size {
            Size::Exact(bytes) => (Some(bytes), None),
            Size::AtMost(bytes) => (None, Some(bytes)),
        };
        UploadClaims {
            size,
            size_max,
            session_exp: self.session_ends_at_seconds,
            session: self.session,
            digest: self.expected,
        }
    }
}

impl UploadClaims {
    fn terms(self, issued_at_seconds: u64) -> Result<Upload, Error> {
        let size = match (self.size, self.size_max) {
            (Some(bytes), None) => Size::Exact(bytes),
            (None, Some(bytes)) => Size::AtMost(bytes),
            _ => return Err(Error::Malformed("a size is exact or a maximum")),
        };
        if size.max() > BLOB_MAX_BYTES {
            return Err(Error::Malformed("larger than a blob may be"));
        }
        if self.session_exp > issued_at_seconds.saturating_add(SESSION_LIFE_MAX_SECONDS) {
            return Err(Error::Malformed("lives longer than a session may"));
        }
        Ok(Upload {
            session: self.session,
            expected: self.digest,
            size,
            session_ends_at_seconds: self.session_exp,
        })
    }
}

impl Read {
    fn claims(&self) -> ReadClaims {
        ReadClaims {
            blake3: self.digests.blake3,
            sha256: self.digests.sha256,
            size: self.size_bytes,
            object: self.object.clone(),
        }
    }
}

impl ReadClaims {
    fn terms(self) -> Read {
        let digests = Digests { blake3: self.blake3, sha256: self.sha256 };
        Read { digests, size_bytes: self.size, object: self.object }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
    use uuid::Uuid;

    use super::*;
    use crate::contract::Receipt;

    const NOW_SECONDS: u64 = 1_790_000_000;
    const NOW_MS: u64 = NOW_SECONDS * 1_000;

    fn upload() -> Grant {
        Grant {
            id: GrantId(Uuid::from_u128(1)),
            actor: "svc:lab".parse().unwrap(),
            repository: "acme/reports".parse().unwrap(),
            store: "main".parse().unwrap(),
            issued_at_seconds: NOW_SECONDS,
            expires_at_seconds: NOW_SECONDS + GRANT_LIFE_SECONDS,
            operation: Operation::Upload(Upload {
                session: None,
                expected: Some(Digests::of(b"x").sha256.into()),
                size: Size::Exact(1),
                session_ends_at_seconds: NOW_SECONDS + SESSION_LIFE_MAX_SECONDS,
            }),
        }
    }

    fn read() -> Grant {
        let terms = Read {
            digests: Digests::of(b"x"),
            size_bytes: 1,
            object: ObjectKey::from_uuid(Uuid::from_u128(2)),
        };
        Grant { operation: Operation::Read(terms), ..upload() }
    }

    fn key_and_ring() -> (SigningKey, KeyRing) {
        let key = SigningKey::generate(KeyKind::Grant);
        let ring = KeyRing::of([key.verifying_key()]);
        (key, ring)
    }

    #[test]
    fn what_is_signed_is_read_back() {
        let (key, ring) = key_and_ring();
        for grant in [upload(), read()] {
            assert_eq!(Grant::verify(&grant.sign(&key), &ring, NOW_MS), Ok(grant));
        }
    }

    #[test]
    fn it_ends_when_it_says_and_the_skew_is_allowed() {
        let (key, ring) = key_and_ring();
        let text = upload().sign(&key);
        let end_seconds = NOW_SECONDS + GRANT_LIFE_SECONDS;
        let at = |seconds: u64| Grant::verify(&text, &ring, seconds * 1_000);
        assert!(at(end_seconds + CLOCK_SKEW_SECONDS).is_ok());
        assert_eq!(at(end_seconds + CLOCK_SKEW_SECONDS + 1), Err(Error::Expired(CLOCK_SKEW_SECONDS + 1)));
        assert!(at(NOW_SECONDS - CLOCK_SKEW_SECONDS).is_ok());
        assert!(matches!(at(NOW_SECONDS - CLOCK_SKEW_SECONDS - 1), Err(Error::Malformed(_))));
    }

    #[test]
    fn a_widened_grant_is_forged() {
        let (key, ring) = key_and_ring();
        let text = upload().sign(&key);
        let parts: Vec<&str> = text.split('.').collect();
        let claims = String::from_utf8(BASE64URL.decode(parts[1]).unwrap()).unwrap();
        for (from, to) in [
            (r#""size":1"#, r#""size":9"#),
            ("acme/reports", "acme/secrets"),
            (r#""exp":179"#, r#""exp":189"#),
            ("svc:lab", "svc:boss"),
        ] {
            assert!(claims.contains(from), "{claims}");
            let widened = BASE64URL.encode(claims.replace(from, to));
            let text = [parts[0], &widened, parts[2]].join(".");
            assert_eq!(Grant::verify(&text, &ring, NOW_MS), Err(Error::Forged), "{to}");
        }
    }

    #[test]
    fn another_key_and_an_unknown_one_are_refused() {
        let (key, ring) = key_and_ring();
        let stranger = SigningKey::generate(KeyKind::Grant);
        let text = upload().sign(&stranger);
        assert_eq!(Grant::verify(&text, &ring, NOW_MS), Err(Error::UnknownKey(stranger.id())));
        // The stranger's signature under the name of the known key.
        let honest = upload().sign(&key);
        let forged = [honest.rsplit_once('.').unwrap().0, text.rsplit_once('.').unwrap().1].join(".");
        assert_eq!(Grant::verify(&forged, &ring, NOW_MS), Err(Error::Forged));
    }

    #[test]
    fn a_receipt_is_no_grant_and_a_grant_no_receipt() {
        let (key, mut ring) = key_and_ring();
        let receipts = SigningKey::generate(KeyKind::Receipt);
        ring.insert(receipts.verifying_key());
        let receipt = Receipt {
            grant: GrantId(Uuid::from_u128(1)),
            actor: "service-1".parse().unwrap(),
            session: SessionId(Uuid::from_u128(1)),
            repository: "acme/reports".parse().unwrap(),
            digests: Digests::of(b"x"),
            size_bytes: 1,
            store: "main".parse().unwrap(),
            object: ObjectKey::from_uuid(Uuid::from_u128(2)),
            node: "node-1".parse().unwrap(),
            stored_at_ms: NOW_MS,
            deliver_by_seconds: NOW_SECONDS + 60,
        };
        let text = receipt.sign(&receipts);
        assert!(Receipt::verify(&text, &ring, NOW_MS).is_ok());
        assert!(matches!(Grant::verify(&text, &ring, NOW_MS), Err(Error::WrongKind { .. })));
        assert!(matches!(Receipt::verify(&upload().sign(&key), &ring, NOW_MS), Err(Error::WrongKind { .. })));
    }

    #[test]
    fn the_right_form_from_a_key_for_something_else_is_refused() {
        let seed = [3; 32];
        let text = upload().sign(&SigningKey::from_seed(KeyKind::Grant, seed));
        let ring = KeyRing::of([SigningKey::from_seed(KeyKind::Receipt, seed).verifying_key()]);
        assert!(matches!(Grant::verify(&text, &ring, NOW_MS), Err(Error::WrongKind { .. })));
    }

    #[test]
    fn the_wrong_audience_is_refused() {
        let (key, ring) = key_and_ring();
        let text = upload().sign(&key);
        let claims = BASE64URL.decode(text.split('.').nth(1).unwrap()).unwrap();
        let mut claims: Claims = serde_json::from_slice(&claims).unwrap();
        claims.aud = "strongroom-control".into();
        let text = jws::sign(&KIND, &claims, &key);
        assert_eq!(Grant::verify(&text, &ring, NOW_MS), Err(Error::WrongAudience(AUDIENCE)));
    }

    #[test]
    fn a_retired_key_keeps_its_word_but_gives_no_new_one() {
        let (key, mut ring) = key_and_ring();
        ring.retire(&key.id(), NOW_MS);
        assert!(Grant::verify(&upload().sign(&key), &ring, NOW_MS).is_ok());
        let later = Grant { issued_at_seconds: NOW_SECONDS + 1, ..upload() };
        assert_eq!(Grant::verify(&later.sign(&key), &ring, NOW_MS), Err(Error::RetiredKey(key.id())));
        // Dated back, it ends with the life of the last honest one.
        let backdated = Grant { expires_at_seconds: NOW_SECONDS + GRANT_LIFE_SECONDS + 1, ..upload() };
        assert!(matches!(Grant::verify(&backdated.sign(&key), &ring, NOW_MS), Err(Error::Malformed(_))));
    }

    #[test]
    fn terms_beyond_the_bounds_are_refused_even_if_signed() {
        let (key, ring) = key_and_ring();
        let with = |change: fn(&mut Upload)| {
            let mut grant = upload();
            let Operation::Upload(terms) = &mut grant.operation else { unreachable!("an upload") };
            change(terms);
            Grant::verify(&grant.sign(&key), &ring, NOW_MS)
        };
        assert!(with(|_| ()).is_ok());
        assert!(matches!(with(|t| t.size = Size::AtMost(BLOB_MAX_BYTES + 1)), Err(Error::Malformed(_))));
        assert!(matches!(with(|t| t.session_ends_at_seconds += 1), Err(Error::Malformed(_))));
    }
}
