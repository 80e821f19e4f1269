//! The part of the small log that is about how long things are kept.

use strongroom::kernel::digest::{Blake3, Digests};
use strongroom::kernel::event::{
    Authority, BlobDeleted, BlobDeletionStarted, DocumentErased, Fact, HoldKind, HoldPlaced, HoldReleased,
    HoldTarget, LockBypassed, LockExtended, LockGround, LockMode, ManifestDeleted, ManifestReferences,
    PinReleased, PinSet, PlanApplied, PlanApproved, PlanSubmitted, PolicyRemoved, PolicySet, Provenance,
    RepositoryCreated, RepositorySettings, RepositoryUpdated,
};
use strongroom::kernel::id::{ObjectKey, RepositoryName, StreamName};

use super::{AT_MS, REPORT, Told, id, manifest, name, reports, subject};

pub(super) fn all() -> Vec<Told> {
    [pins(), settings(), policies(), retention(), deletions(), plans(), erasures()].concat()
}

/// Set, moved with another statement, released.
fn pins() -> Vec<Told> {
    let stream = StreamName::pin(&reports(), &name("prod"));
    let set = |manifest, previous, statement: &[u8]| PinSet {
        repository: reports(),
        pin: name("prod"),
        manifest,
        previous,
        statement: Digests::of(statement).blake3,
    };
    let released = PinReleased {
        repository: reports(),
        pin: name("prod"),
        previous: manifest().blake3,
        statement: Digests::of(b"why it is over").blake3,
    };
    let facts: [Fact; 3] = [
        set(subject().blake3, None, b"why").into(),
        set(manifest().blake3, Some(subject().blake3), b"why it moves").into(),
        released.into(),
    ];
    facts.map(|fact| (stream.clone(), fact)).into()
}

/// Each setting by itself, and all at the creation.
fn settings() -> Vec<Told> {
    let (repository, public) = (name::<RepositoryName>("acme/limited"), false);
    let none = RepositorySettings::default();
    let all = RepositorySettings {
        provenance: Some(Provenance::Warn),
        quota_bytes: Some(10 << 30),
        quota_packages: Some(1_000),
    };
    let updated = |settings| RepositoryUpdated { repository: repository.clone(), public, settings }.into();
    let facts: [Fact; 4] = [
        RepositoryCreated { repository: repository.clone(), public, settings: all }.into(),
        updated(RepositorySettings { provenance: Some(Provenance::Enforce), ..none }),
        updated(RepositorySettings { quota_bytes: Some(0), ..none }),
        updated(RepositorySettings { quota_packages: Some(u64::MAX), ..none }),
    ];
    facts.map(|fact| (StreamName::repository(&repository), fact)).into()
}

fn policies() -> Vec<Told> {
    let (policy, stream) = (name("weekly"), StreamName::policy(&name("weekly")));
    let document = Digests::of(b"a policy").blake3;
    let set = |version| PolicySet { policy: name("weekly"), version, document }.into();
    vec![
        (stream.clone(), set(1)),
        (stream.clone(), set(2)),
        (stream, PolicyRemoved { policy, version: 2 }.into()),
    ]
}

fn statement() -> Blake3 {
    Digests::of(b"a statement").blake3
}

/// A hold on each kind of target, and a lock on each ground.
fn retention() -> Vec<Told> {
    let placed = |hold: &str, kind, target| {
        let hold: strongroom::kernel::id::HoldName = name(hold);
        let stream = StreamName::hold(&hold);
        (stream, HoldPlaced { hold, kind, target, statement: statement() }.into())
    };
    let released = HoldReleased { hold: name("case-1"), statement: statement() };
    let rule = LockGround::Rule { policy: name("releases"), version: 2, rule: name("keep-seven-years") };
    let lock = |mode, ground| LockExtended {
        repository: reports(),
        blake3: manifest().blake3,
        mode,
        until_ms: AT_MS + 1_000,
        ground,
    };
    let bypassed = LockBypassed {
        repository: reports(),
        blake3: manifest().blake3,
        until_ms: AT_MS + 1_000,
        statement: statement(),
    };
    let stream = StreamName::manifest(&reports(), manifest().blake3);
    vec![
        placed("case-1", HoldKind::Litigation, HoldTarget::Package(reports(), manifest().blake3)),
        placed("case-2", HoldKind::Event, HoldTarget::Repository(reports())),
        placed("case-3", HoldKind::Litigation, HoldTarget::Query(Digests::of(b"a selector").blake3)),
        (StreamName::hold(&name("case-1")), released.into()),
        (stream.clone(), lock(LockMode::Governance, rule).into()),
        (stream.clone(), lock(LockMode::Compliance, LockGround::Actor { statement: statement() }).into()),
        (stream, bypassed.into()),
    ]
}

/// A package goes by a plan, another by a word; then a blob goes.
fn deletions() -> Vec<Told> {
    let references = ManifestReferences {
        repository: reports(),
        blake3: manifest().blake3,
        blobs: vec![Digests::of(REPORT).blake3, Digests::of(b"").blake3],
        manifests: vec![subject().blake3],
    };
    let by_plan = ManifestDeleted {
        repository: reports(),
        blake3: manifest().blake3,
        sha256: manifest().sha256,
        size_bytes: 10,
        blobs: 2,
        blobs_bytes: 22,
        authority: Authority::Plan {
            plan: Digests::of(b"a plan").blake3,
            policy: name("nightlies"),
            version: 1,
            rule: name("older-than-a-month"),
        },
    };
    let by_word = ManifestDeleted {
        blake3: subject().blake3,
        sha256: subject().sha256,
        authority: Authority::Actor { statement: statement() },
        ..by_plan.clone()
    };
    let Digests { blake3, sha256 } = Digests::of(b"");
    let (store, object) = (name("main"), ObjectKey::from_uuid(id(903)));
    let started = BlobDeletionStarted { blake3, sha256, size_bytes: 0, store, object: object.clone() };
    let gone = BlobDeleted { blake3, store: name("main"), object };
    let stream = |digests: Digests| StreamName::manifest(&reports(), digests.blake3);
    vec![
        (stream(manifest()), references.into()),
        (stream(manifest()), by_plan.into()),
        (stream(subject()), by_word.into()),
        (StreamName::blob(blake3), started.into()),
        (StreamName::blob(blake3), gone.into()),
    ]
}

/// A package goes because a law demands it, with its manifest and its rendering; then what somebody said.
fn erasures() -> Vec<Told> {
    let manifest = Digests::of(b"a manifest with names");
    let by_law = ManifestDeleted {
        repository: reports(),
        blake3: manifest.blake3,
        sha256: manifest.sha256,
        size_bytes: 21,
        blobs: 1,
        blobs_bytes: 19,
        authority: Authority::Erasure { statement: statement() },
    };
    let erased = |content: &[u8], manifest| {
        let Digests { blake3: document, sha256 } = Digests::of(content);
        let fact = DocumentErased { document, sha256, manifest, statement: statement() };
        (StreamName::document(document), fact.into())
    };
    vec![
        (StreamName::manifest(&reports(), manifest.blake3), by_law.into()),
        erased(b"a manifest with names", None),
        erased(b"its rendering with names", Some(manifest.blake3)),
        erased(b"a reason with names", None),
    ]
}

/// A plan that somebody else has to approve.
fn plans() -> Vec<Told> {
    let plan = Digests::of(b"a plan").blake3;
    let submitted = PlanSubmitted { plan, at_size: 40, deletions: 1, bytes: 22, locks: 0, approve: true };
    let facts: [Fact; 3] = [submitted.into(), PlanApproved { plan }.into(), PlanApplied { plan }.into()];
    facts.map(|fact| (StreamName::plan(plan), fact)).into()
}
