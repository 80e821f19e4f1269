use super::*;
use crate::control::given::given;
use crate::control::tags::Moved;
use crate::kernel::digest::Digests;
use crate::kernel::event::{LockExtended, LockGround, LockMode, TagSet};
use crate::kernel::manifest::{Descriptor, Header, Index, Manifest, MediaType};

fn name() -> RepositoryName {
    "acme/reports".parse().unwrap()
}

fn other() -> RepositoryName {
    "acme/archive".parse().unwrap()
}

fn layer(bytes: &[u8]) -> Descriptor {
    Descriptor {
        media_type: MediaType::OCTET_STREAM,
        digests: Digests::of(bytes),
        size_bytes: bytes.len() as u64,
        annotations: Default::default(),
    }
}

fn header(subject: Option<DocumentDescriptor>) -> Header {
    Header { artifact_type: Some(MediaType::PACKAGE), subject, ..Header::default() }
}

fn package(layers: &[&[u8]]) -> Document {
    let layers = layers.iter().map(|bytes| layer(bytes)).collect();
    Document::Manifest(Manifest::new(header(None), layer(b"config"), layers).unwrap())
}

fn command(document: &Document) -> Command {
    Command::new(name(), document, None)
}

fn tagging(document: &Document, precondition: Precondition) -> Command {
    Command::new(name(), document, Some(("v1".parse().unwrap(), precondition)))
}

fn reach(bytes: &[u8], from: Option<RepositoryName>) -> (Blake3, Reach) {
    let digests = Digests::of(bytes);
    (digests.blake3, Reach { sha256: digests.sha256, size_bytes: bytes.len() as u64, from })
}

fn part(document: &Document) -> (Blake3, Part) {
    let descriptor = document.descriptor();
    (descriptor.digests.blake3, Part { descriptor, blobs: 2, blobs_bytes: 10 })
}

fn blake3(bytes: &[u8]) -> Blake3 {
    Digests::of(bytes).blake3
}

fn sorted(mut digests: Vec<Blake3>) -> Vec<Blake3> {
    digests.sort_unstable();
    digests
}

/// Everything that `package(&[b"a"])` needs, linked here.
fn ready() -> State {
    State { blobs: [reach(b"config", None), reach(b"a", None)].into(), ..State::default() }
}

fn references(document: &Document, blobs: &[Blake3], manifests: &[Blake3]) -> Fact {
    let (blobs, manifests) = (blobs.to_vec(), manifests.to_vec());
    let blake3 = document.descriptor().digests.blake3;
    ManifestReferences { repository: name(), blake3, blobs, manifests }.into()
}

fn tag_set(document: &Document, previous: Option<Blake3>) -> Fact {
    let manifest = document.descriptor().digests.blake3;
    TagSet { repository: name(), tag: "v1".parse().unwrap(), manifest, previous }.into()
}

#[test]
fn what_rules_lock_stands_before_the_acceptance_or_the_tag_and_an_append_without_either_has_none() {
    let document = package(&[b"a"]);
    let lock = Fact::from(LockExtended {
        repository: name(),
        blake3: document.descriptor().digests.blake3,
        mode: LockMode::Compliance,
        until_ms: 7,
        ground: LockGround::Rule { policy: "law".parse().unwrap(), version: 1, rule: "all".parse().unwrap() },
    });
    let guard = Guard::PoliciesUnchanged { since: Some(3) };
    let locks = Locks { facts: vec![lock.clone()], guards: vec![guard.clone()] };
    let state = State { locks: locks.clone(), ..ready() };
    let decided = decide(&state, &tagging(&document, Precondition::Any)).unwrap().unwrap();
    let facts = [&decided.facts[1], decided.facts.last().unwrap()];
    assert_eq!(facts, [&lock, &tag_set(&document, None)]);
    assert!(decided.guards.contains(&guard));
    let tagged = decide(
        &State { accepted_at: Some(1), locks, ..State::default() },
        &tagging(&document, Precondition::Any),
    );
    assert_eq!(tagged.unwrap().unwrap().facts, [lock, tag_set(&document, None)]);
}

#[test]
fn a_package_whose_blobs_are_here_is_accepted_with_what_it_is_frozen_in_the_fact() {
    let document = package(&[b"a"]);
    let descriptor = document.descriptor();
    let rendering = descriptor.rendering.unwrap();
    let accepted = ManifestAccepted {
        repository: name(),
        blake3: descriptor.digests.blake3,
        sha256: descriptor.digests.sha256,
        size_bytes: descriptor.size_bytes,
        media_type: MediaType::MANIFEST.to_string(),
        artifact_type: Some(MediaType::PACKAGE.to_string()),
        subject: None,
        oci_sha256: Some(rendering.sha256),
        oci_size_bytes: Some(rendering.size_bytes),
        blobs: 2,
        blobs_bytes: 7,
    };
    let blobs = sorted(vec![blake3(b"config"), blake3(b"a")]);
    let documents = vec![descriptor.digests.sha256, rendering.sha256];
    let not_erased = Guard::NotErased { repository: name(), manifest: descriptor.digests.blake3, documents };
    given(ready()).when(|state| decide(state, &command(&document))).then(Some(Decided {
        facts: vec![references(&document, &blobs, &[]), accepted.into()],
        guards: vec![Guard::BlobsLinked { repository: name(), blobs }, not_erased],
        ..Decided::default()
    }));
}

#[test]
fn accepting_it_again_changes_nothing() {
    let again = State { accepted_at: Some(3), ..State::default() };
    given(again).when(|state| decide(state, &command(&package(&[b"a"])))).then(None);
}

#[test]
fn what_was_erased_is_not_accepted_again_and_the_log_checks_that_again() {
    let document = package(&[b"a"]);
    given(State { erased_at: Some(7), ..ready() })
        .when(|state| decide(state, &command(&document)))
        .then_refused(|error| matches!(error, Error::ErasedBefore { position: 7, .. }));
    let decided = decide(&ready(), &command(&document)).unwrap().unwrap();
    assert!(
        matches!(decided.guards.last(), Some(Guard::NotErased { documents, .. }) if documents.len() == 2)
    );
}

#[test]
fn every_missing_blob_is_named() {
    given(State { blobs: [reach(b"a", None)].into(), ..State::default() })
        .when(|state| decide(state, &command(&package(&[b"a", b"b"]))))
        .then_refused(|error| {
            let all = sorted(vec![blake3(b"config"), blake3(b"b")]);
            matches!(error, Error::BlobsMissing { missing } if *missing == all)
        });
}

#[test]
fn a_blob_described_otherwise_than_it_is_is_refused() {
    let mut state = ready();
    state.blobs.get_mut(&blake3(b"a")).unwrap().size_bytes = 2;
    given(state.clone())
        .when(|state| decide(state, &command(&package(&[b"a"]))))
        .then_refused(|error| matches!(error, Error::BlobsDiffer { blobs } if *blobs == [blake3(b"a")]));
    let known = state.blobs.get_mut(&blake3(b"a")).unwrap();
    (known.size_bytes, known.sha256) = (1, Digests::of(b"another").sha256);
    given(state)
        .when(|state| decide(state, &command(&package(&[b"a"]))))
        .then_refused(|error| matches!(error, Error::BlobsDiffer { .. }));
}

#[test]
fn blobs_within_reach_elsewhere_are_linked_first_and_guarded_where_they_are() {
    let state =
        State { blobs: [reach(b"config", None), reach(b"a", Some(other()))].into(), ..State::default() };
    let decided = decide(&state, &command(&package(&[b"a"]))).unwrap().unwrap();
    let linked = BlobLinked { repository: name(), blake3: blake3(b"a"), from: Some(other()), receipt: None };
    assert_eq!(decided.facts[0], linked.into());
    assert!(matches!(decided.facts[1], Fact::ManifestReferences(_)));
    assert!(matches!(decided.facts[2], Fact::ManifestAccepted(_)));
    assert_eq!(
        decided.guards[..2],
        [
            Guard::BlobsLinked { repository: other(), blobs: vec![blake3(b"a")] },
            Guard::BlobsLinked { repository: name(), blobs: vec![blake3(b"config")] },
        ]
    );
}

#[test]
fn a_tag_is_set_in_the_same_append_under_its_precondition() {
    let document = package(&[b"a"]);
    let decided = decide(&ready(), &tagging(&document, Precondition::Absent)).unwrap().unwrap();
    assert_eq!(decided.facts[2..], [tag_set(&document, None)]);

    let current = Current { digests: Digests::of(b"another manifest"), position: 1 };
    let tagged = State { tag: Some(current), ..ready() };
    given(tagged).when(|state| decide(state, &tagging(&document, Precondition::Absent))).then_refused(
        |error| matches!(error, Error::TagMoved(Moved { current: Some(now) }) if *now == current.digests.blake3),
    );
}

#[test]
fn tagging_an_accepted_package_records_the_tag_alone() {
    let document = package(&[b"a"]);
    let manifest = document.descriptor().digests.blake3;
    let accepted = State { accepted_at: Some(3), ..State::default() };
    given(accepted).when(|state| decide(state, &tagging(&document, Precondition::Any))).then(Some(Decided {
        facts: vec![tag_set(&document, None)],
        guards: vec![Guard::ManifestsAccepted { repository: name(), manifests: vec![manifest] }],
        ..Decided::default()
    }));
}

#[test]
fn a_subject_must_be_accepted_and_described_as_it_is() {
    let subject = package(&[b"subject"]);
    let about = |descriptor: DocumentDescriptor| {
        let manifest = Manifest::new(header(Some(descriptor)), layer(b"config"), vec![layer(b"a")]);
        Document::Manifest(manifest.unwrap())
    };
    let document = about(subject.descriptor());
    given(ready()).when(|state| decide(state, &command(&document))).then_refused(
        |error| matches!(error, Error::SubjectMissing(digest) if *digest == subject.descriptor().digests.blake3),
    );

    let known = State { manifests: [part(&subject)].into(), ..ready() };
    let decided = decide(&known, &command(&document)).unwrap().unwrap();
    let manifests = vec![subject.descriptor().digests.blake3];
    assert!(decided.guards.contains(&Guard::ManifestsAccepted { repository: name(), manifests }));

    let lying = about(DocumentDescriptor { size_bytes: 1, ..subject.descriptor() });
    given(known)
        .when(|state| decide(state, &command(&lying)))
        .then_refused(|error| matches!(error, Error::ManifestsDiffer { .. }));
}

#[test]
fn an_index_counts_what_its_parts_hold_and_needs_all_of_them() {
    let (first, second) = (package(&[b"1"]), package(&[b"2"]));
    let index = Index::new(header(None), vec![first.descriptor(), second.descriptor()]).unwrap();
    let document = Document::Index(index);
    given(State { manifests: [part(&first)].into(), ..State::default() })
        .when(|state| decide(state, &command(&document)))
        .then_refused(|error| {
            let missing_part = second.descriptor().digests.blake3;
            matches!(error, Error::ManifestsMissing { missing } if *missing == [missing_part])
        });
    let state = State { manifests: [part(&first), part(&second)].into(), ..State::default() };
    let decided = decide(&state, &command(&document)).unwrap().unwrap();
    assert!(matches!(
        &decided.facts[..],
        [_, Fact::ManifestAccepted(fact)] if fact.blobs == 4 && fact.blobs_bytes == 20
    ));
    let parts = [first, second].map(|part| part.descriptor().digests.blake3);
    assert_eq!(decided.facts[0], references(&document, &[], &parts));
}
