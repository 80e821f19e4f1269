//! A small log in which everything happens that can: the source of `events.json`.

use std::collections::BTreeMap;

use strongroom::contract::{Found, Outcome, Receipt, Report, Reported, SigningKey};
use strongroom::kernel::digest::{Blake3, Digests, Sha256};
use strongroom::kernel::event::{
    BlobCorrupt, BlobLinked, BlobStored, BlobVerified, Damage, DamagedBlob, DiscardReason, Event, Fact,
    KeyAdded, KeyKind, KeyRetired, LogRestored, ManifestAccepted, ManifestReadGranted, Members,
    ObjectDiscarded, RepositoryCreated, RepositoryUpdated, Selection, TagRemoved, TagSet, TokenMinted,
    TokenRevoked,
};
use strongroom::kernel::id::{
    EventId, GrantId, ObjectKey, OrderId, RepositoryName, RequestId, SessionId, StreamName, TokenId,
};
use uuid::Uuid;

#[path = "about_retention.rs"]
mod about_retention;
#[path = "about_tiers.rs"]
mod about_tiers;

pub(super) const AT_MS: u64 = 1_795_262_400_000;

pub(super) const REPORT: &[u8] = b"quarter,total\nQ1,42\n";

/// A fact and the stream in which it stands.
pub(super) type Told = (StreamName, Fact);

/// The small log. Times stand still and go on; half of the events have a cause.
pub(crate) fn log() -> Vec<Event> {
    let mut versions: BTreeMap<StreamName, u64> = BTreeMap::new();
    let told = [
        keys_and_tokens(),
        repositories(),
        blobs(),
        manifests(),
        tags(),
        endings(),
        scrubs(),
        about_retention::all(),
        about_tiers::all(),
    ]
    .concat();
    let event = |(n, (stream, fact)): (u128, Told)| {
        let next = versions.entry(stream.clone()).or_default();
        let seq = *next;
        *next += 1;
        Event {
            id: EventId(id(n)),
            at_ms: AT_MS + 250 * u64::try_from(n / 2).expect("small"),
            actor: name("svc:lab"),
            stream,
            seq,
            fact,
            cause: n.is_multiple_of(2).then(|| RequestId(id(1_000 + n))),
        }
    };
    (0..).zip(told).map(event).collect()
}

/// A UUIDv7 of a fixed time and number.
pub(crate) fn id(n: u128) -> Uuid {
    Uuid::from_u128(u128::from(AT_MS) << 80 | 7 << 76 | 2 << 62 | n)
}

pub(crate) fn receipt_key() -> SigningKey {
    SigningKey::from_seed(KeyKind::Receipt, [2; 32])
}

/// A name that must parse.
pub(super) fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a valid name")
}

pub(super) fn reports() -> RepositoryName {
    name("acme/reports")
}

fn drafts() -> RepositoryName {
    name("acme/drafts")
}

fn keys_and_tokens() -> Vec<Told> {
    let key = receipt_key().verifying_key();
    let added = KeyAdded { key: key.id(), kind: key.kind(), public: *key.public(), node: name("node-1") };
    let (token, bare) = (TokenId::from_uuid(id(900)), TokenId::from_uuid(id(904)));
    let minted = TokenMinted {
        token: token.clone(),
        hash: Sha256::new([7; 32]),
        subject: name("svc:lab"),
        scopes: vec!["repository:acme/*:pull,push".into(), "log:read".into()],
        expires_at_seconds: Some(AT_MS / 1_000 + 86_400),
    };
    let other =
        TokenMinted { token: bare.clone(), scopes: vec![], expires_at_seconds: None, ..minted.clone() };
    vec![
        (StreamName::key(&key.id()), added.into()),
        (StreamName::token(&token), minted.into()),
        (StreamName::token(&bare), other.into()),
    ]
}

fn repositories() -> Vec<Told> {
    let created =
        |repository| RepositoryCreated { repository, public: false, settings: Default::default() }.into();
    let updated = RepositoryUpdated { repository: reports(), public: true, settings: Default::default() };
    vec![
        (StreamName::repository(&reports()), created(reports())),
        (StreamName::repository(&drafts()), created(drafts())),
        (StreamName::repository(&reports()), updated.into()),
    ]
}

fn receipt(repository: RepositoryName, content: &[u8], n: u128) -> Receipt {
    Receipt {
        grant: GrantId(id(n)),
        session: SessionId(id(n)),
        actor: name("svc:lab"),
        repository,
        digests: Digests::of(content),
        size_bytes: content.len() as u64,
        store: name("main"),
        object: ObjectKey::from_uuid(id(n)),
        node: name("node-1"),
        stored_at_ms: AT_MS,
        deliver_by_seconds: AT_MS / 1_000 + 604_800,
    }
}

fn stored(receipt: &Receipt) -> Fact {
    let stored = BlobStored {
        repository: receipt.repository.clone(),
        blake3: receipt.digests.blake3,
        sha256: receipt.digests.sha256,
        size_bytes: receipt.size_bytes,
        store: receipt.store.clone(),
        object: receipt.object.clone(),
        node: receipt.node.clone(),
        receipt: receipt.sign(&receipt_key()),
    };
    stored.into()
}

/// A blob, linked on each of the two grounds; and a blob of nothing.
fn blobs() -> Vec<Told> {
    let blake3 = Digests::of(REPORT).blake3;
    let linked = |from, receipt| BlobLinked { repository: drafts(), blake3, from, receipt }.into();
    let again = receipt(drafts(), REPORT, 902).sign(&receipt_key());
    vec![
        (StreamName::blob(blake3), stored(&receipt(reports(), REPORT, 901))),
        (StreamName::blob(blake3), linked(Some(reports()), None)),
        (StreamName::blob(blake3), linked(None, Some(again))),
        (StreamName::blob(Digests::of(b"").blake3), stored(&receipt(reports(), b"", 903))),
    ]
}

pub(super) fn manifest() -> Digests {
    Digests::of(b"a manifest")
}

pub(super) fn subject() -> Digests {
    Digests::of(b"the manifest before")
}

/// With everything that it may say, and with nothing more than it must.
fn manifests() -> Vec<Told> {
    let whole = ManifestAccepted {
        repository: reports(),
        blake3: manifest().blake3,
        sha256: manifest().sha256,
        size_bytes: 10,
        media_type: "application/vnd.strongroom.manifest.v1+cbor".into(),
        artifact_type: Some("application/vnd.acme.report".into()),
        subject: Some(subject().blake3),
        oci_sha256: Some(Digests::of(b"its rendering").sha256),
        oci_size_bytes: Some(13),
        blobs: 2,
        blobs_bytes: 22,
    };
    let bare = ManifestAccepted {
        blake3: subject().blake3,
        sha256: subject().sha256,
        media_type: "application/vnd.oci.image.manifest.v1+json".into(),
        artifact_type: None,
        subject: None,
        oci_sha256: None,
        oci_size_bytes: None,
        ..whole.clone()
    };
    let read = ManifestReadGranted { repository: reports(), blake3: manifest().blake3, day: 20_778 };
    let stream = |digests: Digests| StreamName::manifest(&reports(), digests.blake3);
    vec![
        (stream(subject()), bare.into()),
        (stream(manifest()), whole.into()),
        (stream(manifest()), read.into()),
    ]
}

fn tags() -> Vec<Told> {
    let set = |manifest, previous| TagSet { repository: reports(), tag: name("latest"), manifest, previous };
    let removed = TagRemoved { repository: reports(), tag: name("latest"), previous: manifest().blake3 };
    let facts: [Fact; 3] = [
        set(subject().blake3, None).into(),
        set(manifest().blake3, Some(subject().blake3)).into(),
        removed.into(),
    ];
    facts.map(|fact| (StreamName::tag(&reports(), &name("latest")), fact)).into()
}

fn endings() -> Vec<Told> {
    let (token, key) = (TokenId::from_uuid(id(900)), receipt_key().id());
    let mut told: Vec<Told> = vec![
        (StreamName::token(&token), TokenRevoked { token: token.clone() }.into()),
        (StreamName::key(&key), KeyRetired { key: key.clone() }.into()),
    ];
    told.extend((905..).zip(DiscardReason::ALL).map(|(n, reason)| {
        let object = ObjectKey::from_uuid(id(n));
        let stream = StreamName::object(&name("main"), &object);
        (stream, ObjectDiscarded { store: name("main"), object, reason }.into())
    }));
    told
}

fn report(blob: Blake3, object: &ObjectKey, outcome: Outcome) -> String {
    let report = Report {
        order: OrderId(id(920)),
        node: name("node-1"),
        store: name("main"),
        object: object.clone(),
        at_ms: AT_MS,
        task: Reported::Verify(blob),
        outcome,
    };
    report.sign(&SigningKey::from_seed(KeyKind::Report, [4; 32]))
}

/// The blobs are read again twice: all of them, and those of a repository that were stored lately.
fn scrubs() -> Vec<Told> {
    let (full, empty) = (Digests::of(REPORT).blake3, Digests::of(b"").blake3);
    let (full_object, empty_object) = (ObjectKey::from_uuid(id(901)), ObjectKey::from_uuid(id(903)));
    let found = Outcome::Corrupt(Found { size_bytes: 20, digests: Some(Digests::of(b"else")) });
    let damaged = |blake3, object: &ObjectKey, found, outcome| {
        let report = report(blake3, object, outcome);
        DamagedBlob { blake3, object: object.clone(), found, report }
    };
    let corrupt = BlobCorrupt {
        store: name("main"),
        blobs: vec![
            damaged(full, &full_object, Damage::Corrupt, found),
            damaged(empty, &empty_object, Damage::Missing, Outcome::Missing),
        ],
    };
    let mut members = Members::default();
    members.push(&full, &full_object, REPORT.len() as u64);
    let all = BlobVerified {
        store: name("main"),
        at_size: 10,
        after: None,
        through: None,
        selection: Selection::default(),
        blobs: members.blobs(),
        bytes: members.bytes(),
        root: members.root(),
        unread: vec![],
        restored: vec![],
    };
    let part = BlobVerified {
        after: Some(Blake3::new([1; 32])),
        through: Some(Blake3::new([254; 32])),
        selection: Selection { repository: Some(reports()), since_ms: Some(AT_MS) },
        blobs: 0,
        bytes: 0,
        root: Members::default().root(),
        unread: vec![empty],
        restored: vec![full],
        ..all.clone()
    };
    let restored = LogRestored { size: 50, root: [9; 32] };
    let stream = StreamName::scrub(&name("main"));
    vec![
        (stream.clone(), all.into()),
        (stream.clone(), corrupt.into()),
        (stream, part.into()),
        (StreamName::restorations(), restored.into()),
    ]
}
