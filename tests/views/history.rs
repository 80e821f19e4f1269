//! Facts from small worlds, so that random ones meet: repeated, out of order, about what does not exist.

use proptest::prelude::*;
use strongroom::kernel::digest::Digests;
use strongroom::kernel::event::{
    BlobCorrupt, BlobLinked, BlobStored, BlobVerified, Damage, DamagedBlob, DiscardReason, Fact, KeyAdded,
    KeyKind, KeyRetired, LockMode, ManifestAccepted, ManifestReadGranted, ObjectDiscarded, PinReleased,
    PinSet, PolicyRemoved, PolicySet, Provenance, RepositoryCreated, RepositorySettings, RepositoryUpdated,
    Selection, TagRemoved, TagSet, TokenMinted, TokenRevoked,
};
use strongroom::kernel::id::{KeyId, ObjectKey, PinName, RepositoryName, StoreName, Tag, TokenId};
use uuid::Uuid;

#[path = "about_retention.rs"]
pub(crate) mod about_retention;

use about_retention::*;

pub(crate) fn repository(n: u16) -> RepositoryName {
    format!("acme/repository-{n}").parse().expect("a name")
}

pub(crate) fn tag(n: u16) -> Tag {
    format!("v{n}").parse().expect("a tag")
}

pub(crate) fn digests(content: u16) -> Digests {
    Digests::of(&content.to_be_bytes())
}

pub(crate) fn object(n: u16) -> ObjectKey {
    ObjectKey::from_uuid(Uuid::from_u128(u128::from(n)))
}

pub(crate) fn token(n: u16) -> TokenId {
    TokenId::from_uuid(Uuid::from_u128(u128::from(n)))
}

pub(crate) fn key(n: u16) -> KeyId {
    KeyId::of(digests(n).blake3.as_bytes())
}

pub(crate) fn store() -> StoreName {
    "main".parse().expect("a store")
}

pub(crate) fn created(in_repository: u16, public: bool) -> Fact {
    RepositoryCreated { repository: repository(in_repository), public, settings: Default::default() }.into()
}

pub(crate) fn updated(in_repository: u16, public: bool) -> Fact {
    let settings = RepositorySettings { quota_packages: public.then_some(7), ..Default::default() };
    RepositoryUpdated { repository: repository(in_repository), public, settings }.into()
}

pub(crate) fn stored(in_repository: u16, content: u16, in_object: u16) -> Fact {
    let Digests { blake3, sha256 } = digests(content);
    BlobStored {
        repository: repository(in_repository),
        blake3,
        sha256,
        size_bytes: 1_000 + u64::from(content),
        store: store(),
        object: object(in_object),
        node: "node".parse().expect("a node"),
        receipt: "a receipt".into(),
    }
    .into()
}

pub(crate) fn linked(in_repository: u16, content: u16, from: u16) -> Fact {
    let from = Some(repository(from));
    BlobLinked { repository: repository(in_repository), blake3: digests(content).blake3, from, receipt: None }
        .into()
}

pub(crate) fn accepted(in_repository: u16, content: u16) -> Fact {
    let Digests { blake3, sha256 } = digests(content);
    // Every other one has what may be absent.
    let full = content.is_multiple_of(2);
    ManifestAccepted {
        repository: repository(in_repository),
        blake3,
        sha256,
        size_bytes: 300,
        media_type: "application/vnd.strongroom.manifest.v1+cbor".into(),
        artifact_type: full.then(|| "application/vnd.example+json".into()),
        subject: full.then(|| digests(content / 2).blake3),
        oci_sha256: full.then(|| digests(content + 10_000).sha256),
        oci_size_bytes: full.then_some(400),
        blobs: 2,
        blobs_bytes: 2_000,
    }
    .into()
}

pub(crate) fn read(in_repository: u16, content: u16, day: u64) -> Fact {
    ManifestReadGranted { repository: repository(in_repository), blake3: digests(content).blake3, day }.into()
}

pub(crate) fn tag_set(in_repository: u16, name: u16, content: u16) -> Fact {
    let (repository, tag, manifest) = (repository(in_repository), tag(name), digests(content).blake3);
    TagSet { repository, tag, manifest, previous: None }.into()
}

pub(crate) fn tag_removed(in_repository: u16, name: u16) -> Fact {
    let (repository, tag) = (repository(in_repository), tag(name));
    TagRemoved { repository, tag, previous: digests(0).blake3 }.into()
}

pub(crate) fn limited(in_repository: u16, settings: RepositorySettings) -> Fact {
    RepositoryUpdated { repository: repository(in_repository), public: false, settings }.into()
}

fn settings() -> impl Strategy<Value = RepositorySettings> {
    let provenance = proptest::option::of(proptest::sample::select(&Provenance::ALL[..]));
    (provenance, proptest::option::of(0_u64..9), proptest::option::of(0_u64..9)).prop_map(
        |(provenance, quota_bytes, quota_packages)| RepositorySettings {
            provenance,
            quota_bytes,
            quota_packages,
        },
    )
}

pub(crate) fn pin(n: u16) -> PinName {
    format!("p{n}").parse().expect("a pin")
}

pub(crate) fn pin_set(in_repository: u16, name: u16, content: u16) -> Fact {
    let (repository, pin, manifest) = (repository(in_repository), pin(name), digests(content).blake3);
    PinSet { repository, pin, manifest, previous: None, statement: digests(content + 100).blake3 }.into()
}

pub(crate) fn pin_released(in_repository: u16, name: u16) -> Fact {
    let (repository, pin) = (repository(in_repository), pin(name));
    let (previous, statement) = (digests(0).blake3, digests(1).blake3);
    PinReleased { repository, pin, previous, statement }.into()
}

pub(crate) fn minted(n: u16, scopes: usize) -> Fact {
    TokenMinted {
        token: token(n),
        hash: digests(n).sha256,
        subject: "service".parse().expect("an actor"),
        scopes: (0..scopes).map(|scope| format!("repository:acme/{scope}:pull")).collect(),
        expires_at_seconds: (scopes > 1).then_some(2_000_000_000),
    }
    .into()
}

pub(crate) fn revoked(n: u16) -> Fact {
    TokenRevoked { token: token(n) }.into()
}

pub(crate) fn key_added(n: u16, kind: KeyKind) -> Fact {
    let public = *digests(n).blake3.as_bytes();
    KeyAdded { key: key(n), kind, public, node: "node".parse().expect("a node") }.into()
}

pub(crate) fn key_retired(n: u16) -> Fact {
    KeyRetired { key: key(n) }.into()
}

pub(crate) fn discarded(n: u16, reason: DiscardReason) -> Fact {
    ObjectDiscarded { store: store(), object: object(n), reason }.into()
}

pub(crate) fn corrupt(content: u16, in_object: u16, found: Damage) -> Fact {
    let blob = DamagedBlob {
        blake3: digests(content).blake3,
        object: object(in_object),
        found,
        report: "a report".into(),
    };
    BlobCorrupt { store: store(), blobs: vec![blob] }.into()
}

pub(crate) fn policy_set(n: u16, version: u64, document: u16) -> Fact {
    let policy = format!("policy-{n}").parse().expect("a policy");
    PolicySet { policy, version, document: digests(document).blake3 }.into()
}

pub(crate) fn policy_removed(n: u16, version: u64) -> Fact {
    PolicyRemoved { policy: format!("policy-{n}").parse().expect("a policy"), version }.into()
}

/// A summary of all blobs behind one and up to another; one blob is restored.
pub(crate) fn verified(after: Option<u16>, through: Option<u16>, restored: Option<u16>) -> Fact {
    BlobVerified {
        store: store(),
        at_size: 10,
        after: after.map(|content| digests(content).blake3),
        through: through.map(|content| digests(content).blake3),
        selection: Selection::default(),
        blobs: 3,
        bytes: 3_000,
        root: [0; 32],
        unread: vec![],
        restored: restored.map(|content| digests(content).blake3).into_iter().collect(),
    }
    .into()
}

/// Any fact, mostly of the kinds that are frequent.
pub(crate) fn fact() -> impl Strategy<Value = Fact> {
    let repository = 0_u16..6;
    let content = 0_u16..40;
    let name = 0_u16..8;
    let few = 0_u16..8;
    prop_oneof![
        1 => (repository.clone(), any::<bool>()).prop_map(|(at, public)| created(at, public)),
        1 => (repository.clone(), any::<bool>()).prop_map(|(at, public)| updated(at, public)),
        8 => (repository.clone(), content.clone(), 0_u16..4).prop_map(|(at, blob, object)| stored(at, blob, object)),
        4 => (content.clone(), 0_u16..4, proptest::sample::select(&Damage::ALL[..])).prop_map(|(blob, object, found)| corrupt(blob, object, found)),
        2 => (proptest::option::of(few.clone()), proptest::option::of(few.clone()), proptest::option::of(content.clone())).prop_map(|(after, through, blob)| verified(after, through, blob)),
        4 => (repository.clone(), content.clone(), repository.clone()).prop_map(|(at, blob, from)| linked(at, blob, from)),
        4 => (repository.clone(), content.clone()).prop_map(|(at, manifest)| accepted(at, manifest)),
        4 => (repository.clone(), content.clone(), 20_000_u64..20_004).prop_map(|(at, manifest, day)| read(at, manifest, day)),
        8 => (repository.clone(), name.clone(), content).prop_map(|(at, tag, manifest)| tag_set(at, tag, manifest)),
        4 => (repository.clone(), name.clone()).prop_map(|(at, tag)| tag_removed(at, tag)),
        1 => (repository.clone(), settings()).prop_map(|(at, settings)| limited(at, settings)),
        4 => (repository.clone(), name.clone(), 0_u16..40).prop_map(|(at, pin, manifest)| pin_set(at, pin, manifest)),
        2 => (repository, name).prop_map(|(at, pin)| pin_released(at, pin)),
        1 => (few.clone(), 0_usize..4).prop_map(|(token, scopes)| minted(token, scopes)),
        1 => few.clone().prop_map(revoked),
        1 => (few.clone(), 1..4_u64, few.clone()).prop_map(|(n, version, document)| policy_set(n, version, document)),
        1 => (few.clone(), 1..4_u64).prop_map(|(n, version)| policy_removed(n, version)),
        1 => (few.clone(), proptest::sample::select(&KeyKind::ALL[..])).prop_map(|(key, kind)| key_added(key, kind)),
        1 => few.clone().prop_map(key_retired),
        1 => (few.clone(), proptest::sample::select(&DiscardReason::ALL[..])).prop_map(|(object, reason)| discarded(object, reason)),
        8 => about_retention(),
    ]
}

/// A history that leaves rows in every table.
pub(crate) fn everything() -> Vec<Fact> {
    [most(), about_tiers_in_order()].concat()
}

fn most() -> Vec<Fact> {
    vec![
        created(0, false),
        created(1, true),
        created(2, false),
        updated(2, true),
        stored(0, 1, 1),
        stored(0, 2, 2),
        linked(1, 1, 0),
        accepted(0, 3),
        accepted(0, 4),
        accepted(1, 4),
        tag_set(0, 1, 3),
        tag_set(0, 2, 4),
        tag_set(1, 1, 4),
        tag_set(0, 1, 4),
        read(0, 3, 20_000),
        read(0, 3, 20_001),
        minted(1, 2),
        minted(2, 0),
        revoked(2),
        key_added(1, KeyKind::Grant),
        key_added(2, KeyKind::Receipt),
        key_retired(1),
        discarded(7, DiscardReason::Late),
        discarded(8, DiscardReason::Duplicate),
        stored(0, 5, 5),
        corrupt(5, 5, Damage::Corrupt),
        verified(None, Some(2), None),
        pin_set(0, 1, 3),
        pin_set(0, 2, 3),
        pin_set(0, 1, 4),
        pin_set(1, 3, 4),
        pin_released(1, 3),
        limited(0, RepositorySettings { quota_bytes: Some(1 << 40), ..Default::default() }),
        limited(0, RepositorySettings { provenance: Some(Provenance::Enforce), ..Default::default() }),
        policy_set(1, 1, 20),
        policy_set(2, 1, 21),
        policy_set(1, 2, 22),
        policy_removed(2, 1),
        references(0, 4),
        accepted(0, 6),
        references(0, 6),
        deleted(0, 6),
        stored(0, 9, 9),
        deletion_started(9, 9),
        blob_deleted(9, 9),
        deletion_started(10, 10),
        hold_placed(0),
        hold_placed(1),
        hold_placed(2),
        hold_released(1),
        locked(0, 4, LockMode::Governance, 2_000_000_000_000),
        locked(0, 4, LockMode::Compliance, 2_000_000_000_001),
        bypassed(0, 4, 2_000_000_000_000),
        plan_submitted(1),
        plan_approved(1),
        accepted(0, 8),
        deleted_by_plan(0, 8, 1),
        plan_applied(1),
        accepted(1, 6),
        package_erased(1, 6),
        document_erased(6),
        document_erased(7),
    ]
}
