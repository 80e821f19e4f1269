//! The part of the small log that is about where things lie, and how they come back.

use strongroom::contract::{Outcome, Report, Reported, SigningKey};
use strongroom::kernel::digest::Digests;
use strongroom::kernel::event::{
    BlobMoved, Fact, KeyKind, ManifestTiered, RetrievalAvailable, RetrievalFailed, RetrievalFailure,
    RetrievalRequested, RetrievalRestoring,
};
use strongroom::kernel::id::{ObjectKey, OrderId, RetrievalId, StreamName};
use strongroom::kernel::tier::Tier;

use super::{AT_MS, REPORT, Told, id, manifest, name, reports};

pub(super) fn all() -> Vec<Told> {
    [tiers(), moved(), retrievals()].concat()
}

/// A package in each tier, the last one its own.
fn tiers() -> Vec<Told> {
    let tiered = |tier| {
        let fact = ManifestTiered {
            repository: reports(),
            blake3: manifest().blake3,
            tier,
            plan: Digests::of(b"a plan").blake3,
            policy: name("nightlies"),
            version: 1,
            rule: name("older-than-a-month"),
        };
        (StreamName::manifest(&reports(), manifest().blake3), fact.into())
    };
    Tier::ALL.map(tiered).into()
}

/// A blob goes to a cold store; the report of that is inside.
fn moved() -> Vec<Told> {
    let blake3 = Digests::of(REPORT).blake3;
    let (from_object, object) = (ObjectKey::from_uuid(id(901)), ObjectKey::from_uuid(id(930)));
    let report = Report {
        order: OrderId(id(921)),
        node: name("node-1"),
        store: name("main"),
        object: from_object.clone(),
        at_ms: AT_MS,
        task: Reported::Move { blake3, to_store: name("cold"), to_object: object.clone() },
        outcome: Outcome::Done,
    };
    let fact = BlobMoved {
        blake3,
        size_bytes: REPORT.len() as u64,
        from_store: name("main"),
        from_object,
        store: name("cold"),
        object,
        node: name("node-1"),
        report: report.sign(&SigningKey::from_seed(KeyKind::Report, [4; 32])),
    };
    vec![(StreamName::blob(blake3), fact.into())]
}

/// One that comes, and one for each way in which it does not.
fn retrievals() -> Vec<Told> {
    let requested = |retrieval| RetrievalRequested {
        retrieval,
        repository: reports(),
        manifest: manifest().blake3,
        blobs: 1,
        bytes: REPORT.len() as u64,
        days: 7,
    };
    let comes = RetrievalId(id(940));
    let (repository, until_ms) = (reports(), AT_MS + 604_800_000);
    let facts: [Fact; 3] = [
        requested(comes).into(),
        RetrievalRestoring { retrieval: comes, repository: reports() }.into(),
        RetrievalAvailable { retrieval: comes, repository, until_ms }.into(),
    ];
    let mut told: Vec<Told> = facts.map(|fact| (StreamName::retrieval(comes), fact)).into();
    for (n, code) in (941..).zip(RetrievalFailure::ALL) {
        let retrieval = RetrievalId(id(n));
        let failed = RetrievalFailed { retrieval, repository: reports(), code };
        told.push((StreamName::retrieval(retrieval), requested(retrieval).into()));
        told.push((StreamName::retrieval(retrieval), failed.into()));
    }
    told
}
