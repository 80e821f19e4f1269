//! Packages: accepted whole, or refused with everything that is missing.

use strongroom::control::manifests::{self, Error, Form};
use strongroom::control::tags::Moved;
use strongroom::control::{self, Precondition, repositories};
use strongroom::kernel::digest::{Blake3, Digest, Digests};
use strongroom::kernel::event::Fact;
use strongroom::kernel::manifest::{
    self, Document, DocumentDescriptor, Entry, File, Header, Index, Kind, Manifest, MediaType,
};

use crate::plane::{Actor, Plane, by_digest, by_tag, descriptor, manifest, name, opened_to_all};

const SCOPES: &str = "repository:acme/*:pull,push";

fn digest_of(document: &Manifest) -> Blake3 {
    document.descriptor().digests.blake3
}

async fn uploader(plane: &Plane) -> Actor {
    plane.actor("uploader", SCOPES).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_is_accepted_with_its_tag_and_read_back_exactly_in_both_forms() {
    let plane = Plane::new().await;
    let uploader = uploader(&plane).await;
    let package = plane.package(&uploader, "acme/a", b"evidence").await;
    let bytes = package.encode();
    let accepted = uploader.push("acme/a", &by_tag("v1"), &bytes, Precondition::Absent).await.unwrap();
    assert!(accepted.created);
    let types: Vec<_> =
        plane.events().await[accepted.position as usize..].iter().map(|r| r.event.fact.type_name()).collect();
    assert_eq!(types, ["manifest.accepted", "tag.set"], "one append");

    let caller = &uploader.context.caller;
    let oci = Digest::Sha256(accepted.oci_sha256.unwrap());
    for reference in [by_tag("v1"), by_digest(accepted.digests.blake3), oci.to_string().parse().unwrap()] {
        let native = manifests::get(&plane.control, caller, &name("acme/a"), &reference, Form::Native).await;
        assert_eq!(native.unwrap().bytes, bytes);
        let rendered = manifests::get(&plane.control, caller, &name("acme/a"), &reference, Form::Oci).await;
        let rendered = rendered.unwrap();
        assert_eq!(rendered.bytes, package.oci_json());
        assert_eq!(Digest::from(rendered.digests.sha256), oci);
        assert_eq!(rendered.media_type, MediaType::OCI_MANIFEST.as_str());
    }
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accepting_the_same_package_again_gives_the_first_position() {
    let plane = Plane::new().await;
    let uploader = uploader(&plane).await;
    let bytes = plane.package(&uploader, "acme/a", b"evidence").await.encode();
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (uploader, bytes) = (uploader.clone(), bytes.clone());
        callers.spawn(async move { uploader.push_plain("acme/a", &bytes).await.unwrap() });
    }
    let outcomes = callers.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.created).count(), 1);
    assert!(outcomes.iter().all(|outcome| outcome.position == outcomes[0].position));
    assert_eq!(plane.facts("manifest.accepted").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_missing_blob_is_named_and_nothing_is_recorded() {
    let plane = Plane::new().await;
    let uploader = uploader(&plane).await;
    let before = plane.events().await.len();
    let bytes = manifest(b"never stored").encode();
    let error = uploader.push("acme/a", &by_tag("v1"), &bytes, Precondition::Any).await.unwrap_err();
    let mut all = vec![Digests::of(b"config").blake3, Digests::of(b"never stored").blake3];
    all.sort_unstable();
    assert!(matches!(error, Error::BlobsMissing { missing } if missing == all));
    assert_eq!(plane.events().await.len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_of_a_repository_that_the_token_may_pull_are_linked_others_are_missing() {
    let plane = Plane::new().await;
    let owner = plane.admin();
    let package = plane.package(&owner, "acme/a", b"evidence").await.encode();
    let blind = plane.actor("blind", "repository:other/*:pull,push").await;
    let error = blind.push_plain("other/x", &package).await.unwrap_err();
    assert!(matches!(error, Error::BlobsMissing { missing } if missing.len() == 2), "known by digest only");

    let reader = plane.actor("reader", "repository:other/*:push repository:acme/*:pull").await;
    let accepted = reader.push_plain("other/x", &package).await.unwrap();
    assert!(accepted.created);
    let links = plane.facts("blob.linked").await;
    assert_eq!(links.len(), 2);
    let from = |fact: &Fact| matches!(fact, Fact::BlobLinked(fact) if fact.from == Some(name("acme/a")));
    assert!(links.iter().all(from));
    assert_eq!(plane.facts("blob.stored").await.len(), 2);
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_of_a_public_repository_are_within_reach_of_everyone() {
    let plane = Plane::new().await;
    let owner = plane.admin();
    let package = plane.package(&owner, "acme/a", b"evidence").await.encode();
    repositories::set(&plane.control, &owner.context, &name("acme/a"), opened_to_all()).await.unwrap();
    let other = plane.actor("other", "repository:other/*:push").await;
    assert!(other.push_plain("other/x", &package).await.unwrap().created);
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_manifest_is_refused() {
    let plane = Plane::new().await;
    let uploader = uploader(&plane).await;
    let good = plane.package(&uploader, "acme/a", b"evidence").await.encode();
    let before = plane.events().await.len();
    let cut = good[..good.len() - 1].to_vec();
    let longer = [good.clone(), vec![0]].concat();
    let json = br#"{"schemaVersion":2}"#.to_vec();
    for bytes in [Vec::new(), cut, longer, json, vec![0xff; 100]] {
        let error = uploader.push("acme/a", &by_tag("v1"), &bytes, Precondition::Any).await.unwrap_err();
        assert!(matches!(error, Error::Invalid(manifest::Error::Encoding(_))), "{error}");
    }
    let other = by_digest(Digests::of(b"other").blake3);
    let error = uploader.push("acme/a", &other, &good, Precondition::Any).await.unwrap_err();
    assert!(matches!(error, Error::DigestDiffers { .. }));
    let lying = Manifest::new(
        Header { artifact_type: Some(MediaType::PACKAGE), ..Header::default() },
        descriptor(b"config"),
        vec![strongroom::kernel::manifest::Descriptor { size_bytes: 7, ..descriptor(b"evidence") }],
    );
    let error = uploader.push_plain("acme/a", &lying.unwrap().encode()).await.unwrap_err();
    assert!(matches!(error, Error::BlobsDiffer { blobs } if blobs == [Digests::of(b"evidence").blake3]));
    assert_eq!(plane.events().await.len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_scope_nothing_is_accepted_or_read() {
    let plane = Plane::new().await;
    let uploader = uploader(&plane).await;
    let package = plane.package(&uploader, "acme/a", b"evidence").await.encode();
    uploader.push("acme/a", &by_tag("v1"), &package, Precondition::Any).await.unwrap();
    let reader = plane.actor("reader", "repository:acme/*:pull").await;
    let denied = reader.push_plain("acme/a", &package).await;
    assert!(matches!(denied, Err(Error::Shared(control::Error::Denied(_)))));
    let pusher = plane.actor("pusher", "repository:acme/*:push").await;
    for who in [&pusher, &plane.anonymous()] {
        let caller = &who.context.caller;
        let denied =
            manifests::get(&plane.control, caller, &name("acme/a"), &by_tag("v1"), Form::Native).await;
        assert!(matches!(denied, Err(Error::Shared(control::Error::Denied(_)))));
    }
    let unknown =
        manifests::find(&plane.control, &reader.context.caller, &name("acme/a"), &by_tag("v9")).await;
    assert!(matches!(unknown, Err(Error::Unknown { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_moved_stops_the_whole_append() {
    let plane = Plane::new().await;
    let uploader = uploader(&plane).await;
    let first = plane.package(&uploader, "acme/a", b"first").await;
    let second = plane.package(&uploader, "acme/a", b"second").await.encode();
    uploader.push("acme/a", &by_tag("v1"), &first.encode(), Precondition::Absent).await.unwrap();
    let stale = Precondition::Is(Digests::of(b"stale").blake3.into());
    for precondition in [Precondition::Absent, stale] {
        let error = uploader.push("acme/a", &by_tag("v1"), &second, precondition).await.unwrap_err();
        assert!(matches!(error, Error::TagMoved(Moved { current }) if current == Some(digest_of(&first))));
    }
    assert_eq!(plane.facts("manifest.accepted").await.len(), 1, "the package was not accepted either");
    let expected = Precondition::Is(first.descriptor().digests.sha256.into());
    assert!(uploader.push("acme/a", &by_tag("v1"), &second, expected).await.unwrap().created);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_is_the_same_append_though_its_precondition_holds_no_more() {
    let plane = Plane::new().await;
    let uploader = uploader(&plane).await;
    let bytes = plane.package(&uploader, "acme/a", b"evidence").await.encode();
    let repeating = uploader.repeating("request-1");
    let v1 = by_tag("v1");
    let push = || repeating.push("acme/a", &v1, &bytes, Precondition::Absent);
    let first = push().await.unwrap();
    let again = push().await.unwrap();
    assert_eq!((again.position, again.created), (first.position, false));
    let other = repeating.push("acme/a", &by_tag("v2"), &bytes, Precondition::Absent).await;
    assert!(matches!(other, Err(Error::Shared(control::Error::IdempotencyKeyReused))));
    assert_eq!(plane.facts("tag.set").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_must_be_there_first() {
    let plane = Plane::new().await;
    let uploader = uploader(&plane).await;
    let subject = plane.package(&uploader, "acme/a", b"subject").await;
    let header = Header {
        artifact_type: Some(MediaType::PACKAGE),
        subject: Some(subject.descriptor()),
        ..Header::default()
    };
    let about = Manifest::new(header, descriptor(b"config"), vec![descriptor(b"subject")]).unwrap().encode();
    let error = uploader.push_plain("acme/a", &about).await.unwrap_err();
    assert!(matches!(error, Error::SubjectMissing(missing) if missing == digest_of(&subject)));
    uploader.push_plain("acme/a", &subject.encode()).await.unwrap();
    assert!(uploader.push_plain("acme/a", &about).await.unwrap().created);
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_needs_its_parts_and_they_must_be_one_tree() {
    let plane = Plane::new().await;
    let uploader = uploader(&plane).await;
    plane.store(&uploader, "acme/a", manifest::descriptor::EMPTY_BYTES).await;
    plane.store(&uploader, "acme/a", b"content").await;
    let part = |path: &str| {
        let file = File {
            media_type: MediaType::OCTET_STREAM,
            digests: Digests::of(b"content"),
            size_bytes: 7,
            mode: None,
            annotations: Default::default(),
        };
        let entry = Entry { path: path.parse().unwrap(), kind: Kind::File(file) };
        Manifest::from_entries(Header::default(), vec![entry]).unwrap()
    };
    let index = |parts: &[&Manifest]| {
        let descriptors: Vec<DocumentDescriptor> = parts.iter().map(|part| part.descriptor()).collect();
        let header = Header { artifact_type: Some(MediaType::PACKAGE), ..Header::default() };
        Document::Index(Index::new(header, descriptors).unwrap()).encode()
    };
    let (a, b, beneath) = (part("a"), part("b"), part("a/b"));
    let error = uploader.push_plain("acme/a", &index(&[&a, &b])).await.unwrap_err();
    assert!(
        matches!(error, Error::ManifestsMissing { missing } if missing == [digest_of(&a), digest_of(&b)])
    );
    for part in [&a, &b, &beneath] {
        uploader.push_plain("acme/a", &part.encode()).await.unwrap();
    }
    let error = uploader.push_plain("acme/a", &index(&[&a, &beneath])).await.unwrap_err();
    assert!(matches!(error, Error::Invalid(manifest::Error::Tree(_))), "{error}");
    assert!(uploader.push_plain("acme/a", &index(&[&a, &b])).await.unwrap().created);
    plane.finish().await;
}
