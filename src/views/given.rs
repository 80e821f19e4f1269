//! Given events, for the tests of the folds.

use uuid::Uuid;

use crate::kernel::digest::{Blake3, Digests};
use crate::kernel::event::{
    Authority, BlobCorrupt, BlobDeleted, BlobDeletionStarted, BlobLinked, BlobMoved, BlobStored,
    BlobVerified, Damage, DamagedBlob, DiscardReason, DocumentErased, Event, Fact, HoldKind, HoldPlaced,
    HoldReleased, HoldTarget, KeyAdded, KeyKind, KeyRetired, LockBypassed, LockExtended, LockGround,
    LockMode, ManifestAccepted, ManifestDeleted, ManifestReadGranted, ManifestReferences, ManifestTiered,
    ObjectDiscarded, PinReleased, PinSet, PolicyRemoved, PolicySet, RepositoryCreated, RepositoryUpdated,
    RetrievalAvailable, RetrievalFailed, RetrievalFailure, RetrievalRequested, RetrievalRestoring,
    TagRemoved, TagSet, TokenMinted, TokenRevoked,
};
use crate::kernel::id::{EventId, KeyId, ObjectKey, RepositoryName, RetrievalId, StoreName, TokenId};
use crate::kernel::tier::Tier;
use crate::log::Recorded;

/// These facts in the log from position 0 on; at 1,000 ms and one more for each, all by `tester`.
pub(super) fn recorded<const N: usize>(facts: [Fact; N]) -> Vec<Recorded> {
    let record = |(position, fact): (u64, Fact)| {
        let event = Event {
            id: EventId(Uuid::from_u128(u128::from(position))),
            at_ms: 1_000 + position,
            actor: "tester".parse().unwrap(),
            stream: "test/stream".parse().unwrap(),
            seq: position,
            fact,
            cause: None,
        };
        Recorded { position, record: event.encode().unwrap(), event }
    };
    (0..).zip(facts).map(record).collect()
}

pub(super) fn repository(name: &str) -> RepositoryName {
    name.parse().unwrap()
}

pub(super) fn store() -> StoreName {
    "main".parse().unwrap()
}

fn digests(content: u8) -> Digests {
    Digests::of(&[content])
}

pub(super) fn blake3(content: u8) -> Blake3 {
    digests(content).blake3
}

pub(super) fn size_of(content: u8) -> i64 {
    i64::from(content) * 100
}

pub(super) fn object(number: u8) -> ObjectKey {
    ObjectKey::from_uuid(Uuid::from_u128(u128::from(number)))
}

pub(super) fn token(number: u8) -> TokenId {
    TokenId::from_uuid(Uuid::from_u128(u128::from(number)))
}

pub(super) fn key(number: u8) -> KeyId {
    KeyId::of(&[number; 32])
}

pub(super) fn repository_created(name: &str, public: bool) -> RepositoryCreated {
    RepositoryCreated { repository: repository(name), public, settings: Default::default() }
}

pub(super) fn repository_updated(name: &str, public: bool) -> RepositoryUpdated {
    RepositoryUpdated { repository: repository(name), public, settings: Default::default() }
}

pub(super) fn blob_stored(name: &str, content: u8, in_object: u8) -> BlobStored {
    let Digests { blake3, sha256 } = digests(content);
    BlobStored {
        repository: repository(name),
        blake3,
        sha256,
        size_bytes: size_of(content).unsigned_abs(),
        store: store(),
        object: object(in_object),
        node: "node".parse().unwrap(),
        receipt: "receipt".into(),
    }
}

pub(super) fn blob_linked(name: &str, content: u8, from: &str) -> BlobLinked {
    let from = Some(repository(from));
    BlobLinked { repository: repository(name), blake3: blake3(content), from, receipt: None }
}

pub(super) fn manifest_accepted(name: &str, content: u8) -> ManifestAccepted {
    let Digests { blake3, sha256 } = digests(content);
    ManifestAccepted {
        repository: repository(name),
        blake3,
        sha256,
        size_bytes: 300,
        media_type: "application/vnd.strongroom.manifest.v1+cbor".into(),
        artifact_type: None,
        subject: None,
        oci_sha256: None,
        oci_size_bytes: None,
        blobs: 1,
        blobs_bytes: 100,
    }
}

pub(super) fn read_granted(name: &str, content: u8, day: u64) -> ManifestReadGranted {
    ManifestReadGranted { repository: repository(name), blake3: blake3(content), day }
}

pub(super) fn tag_set(name: &str, tag: &str, content: u8) -> TagSet {
    let (repository, tag) = (repository(name), tag.parse().unwrap());
    TagSet { repository, tag, manifest: blake3(content), previous: None }
}

pub(super) fn tag_removed(name: &str, tag: &str, content: u8) -> TagRemoved {
    let (repository, tag) = (repository(name), tag.parse().unwrap());
    TagRemoved { repository, tag, previous: blake3(content) }
}

pub(super) fn pin_set(name: &str, pin: &str, content: u8) -> PinSet {
    let (repository, pin) = (repository(name), pin.parse().unwrap());
    PinSet { repository, pin, manifest: blake3(content), previous: None, statement: blake3(100) }
}

pub(super) fn pin_released(name: &str, pin: &str, content: u8) -> PinReleased {
    let (repository, pin) = (repository(name), pin.parse().unwrap());
    PinReleased { repository, pin, previous: blake3(content), statement: blake3(100) }
}

pub(super) fn token_minted(number: u8) -> TokenMinted {
    TokenMinted {
        token: token(number),
        hash: digests(number).sha256,
        subject: "service".parse().unwrap(),
        scopes: vec!["log:read".into()],
        expires_at_seconds: None,
    }
}

pub(super) fn token_revoked(number: u8) -> TokenRevoked {
    TokenRevoked { token: token(number) }
}

pub(super) fn key_added(number: u8) -> KeyAdded {
    KeyAdded { key: key(number), kind: KeyKind::Receipt, public: [number; 32], node: "node".parse().unwrap() }
}

pub(super) fn key_retired(number: u8) -> KeyRetired {
    KeyRetired { key: key(number) }
}

pub(super) fn object_discarded(number: u8, reason: DiscardReason) -> ObjectDiscarded {
    ObjectDiscarded { store: store(), object: object(number), reason }
}

pub(super) fn blob_corrupt(content: u8, in_object: u8) -> BlobCorrupt {
    let blob = DamagedBlob {
        blake3: blake3(content),
        object: object(in_object),
        found: Damage::Corrupt,
        report: "report".into(),
    };
    BlobCorrupt { store: store(), blobs: vec![blob] }
}

/// A summary of so many blobs, behind one and up to another.
pub(super) fn blob_verified(after: Option<u8>, through: Option<u8>, blobs: u64) -> BlobVerified {
    BlobVerified {
        store: store(),
        at_size: 0,
        after: after.map(blake3),
        through: through.map(blake3),
        selection: Default::default(),
        blobs,
        bytes: blobs * 100,
        root: [0; 32],
        unread: Vec::new(),
        restored: Vec::new(),
    }
}

pub(super) fn blob_restored(content: u8) -> BlobVerified {
    BlobVerified { restored: vec![blake3(content)], ..blob_verified(None, None, 0) }
}

pub(super) fn policy_set(name: &str, version: u64, document: u8) -> PolicySet {
    PolicySet { policy: name.parse().unwrap(), version, document: blake3(document) }
}

pub(super) fn policy_removed(name: &str, version: u64) -> PolicyRemoved {
    PolicyRemoved { policy: name.parse().unwrap(), version }
}

pub(super) fn manifest_references(
    name: &str,
    content: u8,
    blobs: &[u8],
    manifests: &[u8],
) -> ManifestReferences {
    ManifestReferences {
        repository: repository(name),
        blake3: blake3(content),
        blobs: blobs.iter().copied().map(blake3).collect(),
        manifests: manifests.iter().copied().map(blake3).collect(),
    }
}

pub(super) fn manifest_deleted(name: &str, content: u8) -> ManifestDeleted {
    let Digests { blake3, sha256 } = digests(content);
    ManifestDeleted {
        repository: repository(name),
        blake3,
        sha256,
        size_bytes: 300,
        blobs: 1,
        blobs_bytes: 100,
        authority: Authority::Actor { statement: digests(0).blake3 },
    }
}

pub(super) fn manifest_erased(name: &str, content: u8) -> ManifestDeleted {
    let authority = Authority::Erasure { statement: digests(0).blake3 };
    ManifestDeleted { authority, ..manifest_deleted(name, content) }
}

/// Of that content, which is the rendering of a manifest if one is given.
pub(super) fn document_erased(content: u8, manifest: Option<u8>) -> DocumentErased {
    let Digests { blake3: document, sha256 } = digests(content);
    DocumentErased { document, sha256, manifest: manifest.map(blake3), statement: digests(0).blake3 }
}

pub(super) fn blob_deletion_started(content: u8, in_object: u8) -> BlobDeletionStarted {
    let Digests { blake3, sha256 } = digests(content);
    let size_bytes = size_of(content).unsigned_abs();
    BlobDeletionStarted { blake3, sha256, size_bytes, store: store(), object: object(in_object) }
}

pub(super) fn blob_deleted(content: u8, in_object: u8) -> BlobDeleted {
    BlobDeleted { blake3: blake3(content), store: store(), object: object(in_object) }
}

pub(super) fn hold_placed(name: &str, on: &str) -> HoldPlaced {
    HoldPlaced {
        hold: name.parse().unwrap(),
        kind: HoldKind::Litigation,
        target: HoldTarget::Repository(repository(on)),
        statement: blake3(0),
    }
}

pub(super) fn hold_released(name: &str) -> HoldReleased {
    HoldReleased { hold: name.parse().unwrap(), statement: blake3(0) }
}

pub(super) fn lock_extended(name: &str, content: u8, mode: LockMode, until_ms: u64) -> LockExtended {
    let ground = LockGround::Actor { statement: blake3(0) };
    LockExtended { repository: repository(name), blake3: blake3(content), mode, until_ms, ground }
}

pub(super) fn lock_bypassed(name: &str, content: u8, until_ms: u64) -> LockBypassed {
    LockBypassed { repository: repository(name), blake3: blake3(content), until_ms, statement: blake3(0) }
}

pub(super) fn manifest_tiered(name: &str, content: u8, tier: Tier) -> ManifestTiered {
    ManifestTiered {
        repository: repository(name),
        blake3: blake3(content),
        tier,
        plan: blake3(0),
        policy: "weekly".parse().unwrap(),
        version: 1,
        rule: "old".parse().unwrap(),
    }
}

/// From the store of all others to a cold one.
pub(super) fn blob_moved(content: u8, from_object: u8, to_object: u8) -> BlobMoved {
    BlobMoved {
        blake3: blake3(content),
        size_bytes: size_of(content).unsigned_abs(),
        from_store: store(),
        from_object: object(from_object),
        store: "cold".parse().unwrap(),
        object: object(to_object),
        node: "node".parse().unwrap(),
        report: "report".into(),
    }
}

fn retrieval(number: u8) -> RetrievalId {
    RetrievalId(Uuid::from_u128(u128::from(number)))
}

pub(super) fn retrieval_requested(number: u8, name: &str, content: u8) -> RetrievalRequested {
    let (retrieval, repository, manifest) = (retrieval(number), repository(name), blake3(content));
    RetrievalRequested { retrieval, repository, manifest, blobs: 1, bytes: 100, days: 7 }
}

pub(super) fn retrieval_restoring(number: u8) -> RetrievalRestoring {
    RetrievalRestoring { retrieval: retrieval(number), repository: repository("a") }
}

pub(super) fn retrieval_available(number: u8, until_ms: u64) -> RetrievalAvailable {
    RetrievalAvailable { retrieval: retrieval(number), repository: repository("a"), until_ms }
}

pub(super) fn retrieval_failed(number: u8) -> RetrievalFailed {
    let (retrieval, repository) = (retrieval(number), repository("a"));
    RetrievalFailed { retrieval, repository, code: RetrievalFailure::GaveUp }
}
