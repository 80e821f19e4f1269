//! A receipt: the data plane states that certain bytes are durably stored.
//!
//! ```text
//! claims = { "aud": "strongroom-control", "sub": actor, "grant": uuid, "session": uuid, "repository": text,
//!            "blake3": digest, "sha256": digest, "size": uint, "store": text, "object": text, "node": text,
//!            "stored_at": ms, "exp": seconds }
//! ```
//! - It is signed only after the bytes are durable. It is the evidence inside `blob.stored`, so it can be checked years
//!   later: [`Receipt::decode`] asks for the signature only, [`Receipt::verify`] for its time too.
//! - It names the grant that led to it, so that a repeat is recognised, and to whom that was given: the actor of the
//!   event, whoever delivers the receipt. The control plane keeps no row of grants.
//! - After `exp` (deliver by) it is late: the control plane refuses it, and the object is discarded.

use serde::{Deserialize, Serialize};

use super::Error;
use super::jws::{self, Kind};
use super::keys::{KeyRing, SigningKey};
use crate::kernel::digest::{Blake3, Digests, Sha256};
use crate::kernel::event::KeyKind;
use crate::kernel::id::{Actor, GrantId, KeyId, NodeName, ObjectKey, RepositoryName, SessionId, StoreName};
use crate::kernel::limits::{BLOB_MAX_BYTES, CLOCK_SKEW_SECONDS, RECEIPT_DELIVERY_SECONDS};

/// `aud`: the plane that believes receipts.
const AUDIENCE: &str = "strongroom-control";

const KIND: Kind = Kind { typ: "strongroom-receipt+jwt", name: "receipt", key: KeyKind::Receipt };

/// A statement that certain bytes are durably stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The grant under which they came.
    pub grant: GrantId,
    /// To whom that grant was given.
    pub actor: Actor,
    /// The session by which they came.
    pub session: SessionId,
    /// The repository for which they came.
    pub repository: RepositoryName,
    /// Both digests, computed as the bytes arrived.
    pub digests: Digests,
    /// How many bytes.
    pub size_bytes: u64,
    /// The store that has them.
    pub store: StoreName,
    /// Where in that store.
    pub object: ObjectKey,
    /// The node that stored and signs.
    pub node: NodeName,
    /// Since when they are durable, ms since the epoch.
    pub stored_at_ms: u64,
    /// Until when the control plane takes it, seconds since the epoch.
    pub deliver_by_seconds: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    aud: String,
    sub: Actor,
    grant: GrantId,
    session: SessionId,
    repository: RepositoryName,
    blake3: Blake3,
    sha256: Sha256,
    size: u64,
    store: StoreName,
    object: ObjectKey,
    node: NodeName,
    stored_at: u64,
    exp: u64,
}

impl Receipt {
    /// As a signed statement.
    ///
    /// # Panics
    /// If the key is not a receipt key.
    pub fn sign(&self, key: &SigningKey) -> String {
        let claims = Claims {
            aud: AUDIENCE.into(),
            sub: self.actor.clone(),
            grant: self.grant,
            session: self.session,
            repository: self.repository.clone(),
            blake3: self.digests.blake3,
            sha256: self.digests.sha256,
            size: self.size_bytes,
            store: self.store.clone(),
            object: self.object.clone(),
            node: self.node.clone(),
            stored_at: self.stored_at_ms,
            exp: self.deliver_by_seconds,
        };
        jws::sign(&KIND, &claims, key)
    }

    /// Reads a signed receipt and checks all of it, at this time (ms since the epoch).
    ///
    /// # Errors
    /// With what is wrong.
    pub fn verify(text: &str, keys: &KeyRing, now_ms: u64) -> Result<Self, Error> {
        let receipt = Self::decode(text, keys)?;
        let now_seconds = now_ms / 1_000;
        if receipt.stored_at_ms / 1_000 > now_seconds.saturating_add(CLOCK_SKEW_SECONDS) {
            return Err(Error::Malformed("stored in the future"));
        }
        if now_seconds > receipt.deliver_by_seconds.saturating_add(CLOCK_SKEW_SECONDS) {
            return Err(Error::Expired(now_seconds - receipt.deliver_by_seconds));
        }
        Ok(receipt)
    }

    /// Reads a signed receipt and checks who signed it, whenever that was: for evidence in the log.
    ///
    /// # Errors
    /// With what is wrong.
    pub fn decode(text: &str, keys: &KeyRing) -> Result<Self, Error> {
        let (claims, key) = jws::open::<Claims>(&KIND, text, keys)?;
        if claims.aud != AUDIENCE {
            return Err(Error::WrongAudience(AUDIENCE));
        }
        if key.retired_at_ms().is_some_and(|at_ms| claims.stored_at > at_ms) {
            return Err(Error::RetiredKey(key.id()));
        }
        if claims.size > BLOB_MAX_BYTES {
            return Err(Error::Malformed("larger than a blob may be"));
        }
        if claims.exp > (claims.stored_at / 1_000).saturating_add(RECEIPT_DELIVERY_SECONDS) {
            return Err(Error::Malformed("lives longer than a receipt may"));
        }
        Ok(Self {
            grant: claims.grant,
            actor: claims.sub,
            session: claims.session,
            repository: claims.repository,
            digests: Digests { blake3: claims.blake3, sha256: claims.sha256 },
            size_bytes: claims.size,
            store: claims.store,
            object: claims.object,
            node: claims.node,
            stored_at_ms: claims.stored_at,
            deliver_by_seconds: claims.exp,
        })
    }

    /// The key that signed a receipt which was verified: its node must be the one that the receipt names.
    ///
    /// # Errors
    /// If it is no receipt.
    pub fn signer(verified: &str) -> Result<KeyId, Error> {
        jws::named_key(verified)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const NOW_MS: u64 = 1_790_000_000_000;

    fn receipt() -> Receipt {
        Receipt {
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
            deliver_by_seconds: NOW_MS / 1_000 + RECEIPT_DELIVERY_SECONDS,
        }
    }

    #[test]
    fn a_late_receipt_is_refused_but_stays_evidence() {
        let key = SigningKey::generate(KeyKind::Receipt);
        let ring = KeyRing::of([key.verifying_key()]);
        let text = receipt().sign(&key);
        let late_ms = NOW_MS + (RECEIPT_DELIVERY_SECONDS + CLOCK_SKEW_SECONDS + 1) * 1_000;
        assert_eq!(Receipt::verify(&text, &ring, NOW_MS), Ok(receipt()));
        assert_eq!(Receipt::verify(&text, &ring, late_ms), Err(Error::Expired(CLOCK_SKEW_SECONDS + 1)));
        assert_eq!(Receipt::decode(&text, &ring), Ok(receipt()));
        assert_eq!(Receipt::signer(&text), Ok(key.id()));
    }

    #[test]
    fn a_retired_key_keeps_its_word_but_gives_no_new_one() {
        let key = SigningKey::generate(KeyKind::Receipt);
        let mut ring = KeyRing::of([key.verifying_key()]);
        ring.retire(&key.id(), NOW_MS);
        assert!(Receipt::decode(&receipt().sign(&key), &ring).is_ok());
        let later = Receipt { stored_at_ms: NOW_MS + 1, ..receipt() };
        assert_eq!(Receipt::decode(&later.sign(&key), &ring), Err(Error::RetiredKey(key.id())));
    }

    #[test]
    fn an_edited_receipt_is_forged() {
        let key = SigningKey::generate(KeyKind::Receipt);
        let ring = KeyRing::of([key.verifying_key()]);
        let text = receipt().sign(&key);
        let other = Receipt { size_bytes: 2, ..receipt() }.sign(&key);
        let mixed = [other.rsplit_once('.').unwrap().0, text.rsplit_once('.').unwrap().1].join(".");
        assert_eq!(Receipt::verify(&mixed, &ring, NOW_MS), Err(Error::Forged));
    }

    #[test]
    fn it_fits_beside_the_rest_of_an_event_record() {
        let key = SigningKey::generate(KeyKind::Receipt);
        let ring = KeyRing::of([key.verifying_key()]);
        let longest = Receipt {
            actor: "a".repeat(128).parse().unwrap(),
            repository: "a".repeat(255).parse().unwrap(),
            store: "s".repeat(63).parse().unwrap(),
            node: "n".repeat(63).parse().unwrap(),
            size_bytes: BLOB_MAX_BYTES,
            ..receipt()
        };
        assert!(Receipt::decode(&longest.sign(&key), &ring).is_ok(), "within the bound of a statement");
    }
}
