//! Reading: granted to who may, on record once a day.

use strongroom::contract::{Grant, Operation};
use strongroom::control::reads::{self, Error, Granted};
use strongroom::control::{self, Precondition, manifests, repositories};
use strongroom::kernel::digest::{Digest, Digests};
use strongroom::kernel::event::Fact;

use crate::plane::{Actor, Plane, by_tag, name, opened_to_all};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

async fn grant(actor: &Actor, only: Option<&[Digest]>) -> Result<Granted, Error> {
    reads::grant(&actor.control, &actor.context, &name("acme/a"), &by_tag("v1"), only).await
}

async fn tagged(plane: &Plane) {
    let admin = plane.admin();
    let package = plane.package(&admin, "acme/a", b"evidence").await.encode();
    admin.push("acme/a", &by_tag("v1"), &package, Precondition::Any).await.expect("accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_is_on_record_once_for_an_actor_a_package_and_a_day() {
    let plane = Plane::new().await;
    tagged(&plane).await;
    let reader = plane.actor("reader", "repository:acme/*:pull").await;
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let reader = reader.clone();
        callers.spawn(async move { grant(&reader, None).await.map(drop) });
    }
    callers.join_all().await.into_iter().for_each(|outcome| outcome.unwrap());
    assert_eq!(plane.facts("manifest.read-granted").await.len(), 1);
    grant(&plane.actor("other", "repository:acme/*:pull").await, None).await.unwrap();
    assert_eq!(plane.facts("manifest.read-granted").await.len(), 2, "another actor");
    plane.clock.advance_ms(DAY_MS);
    grant(&reader, None).await.unwrap();
    let days: Vec<u64> = plane
        .facts("manifest.read-granted")
        .await
        .into_iter()
        .map(|fact| match fact {
            Fact::ManifestReadGranted(fact) => fact.day,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(days[2], days[0] + 1, "another day");
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_names_the_object_of_its_blob() {
    let plane = Plane::new().await;
    tagged(&plane).await;
    let reader = plane.actor("reader", "repository:acme/*:pull").await;
    let wanted = Digests::of(b"evidence");
    let granted = grant(&reader, Some(&[wanted.sha256.into()])).await.unwrap();
    assert_eq!(granted.blobs.len(), 1);
    let verified = Grant::verify(&granted.blobs[0].grant, &plane.grants, plane.now_ms()).unwrap();
    let Operation::Read(read) = verified.operation else { panic!("not for reading") };
    assert_eq!((read.digests, read.size_bytes), (wanted, 8));
    let stored = plane.facts("blob.stored").await;
    assert!(stored.iter().any(|fact| matches!(fact, Fact::BlobStored(fact) if fact.object == read.object)));
    assert_eq!(grant(&reader, None).await.unwrap().blobs.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_read_is_neither_granted_nor_recorded() {
    let plane = Plane::new().await;
    tagged(&plane).await;
    let denied = |outcome: Result<Granted, Error>| {
        matches!(outcome, Err(Error::Package(manifests::Error::Shared(control::Error::Denied(_)))))
    };
    assert!(denied(grant(&plane.anonymous(), None).await));
    assert!(denied(grant(&plane.actor("stranger", "repository:other/*:pull log:read").await, None).await));
    let reader = plane.actor("reader", "repository:acme/*:pull").await;
    let other: Digest = Digests::of(b"other").blake3.into();
    let error = grant(&reader, Some(&[other])).await.unwrap_err();
    assert!(matches!(error, Error::NotInPackage { digests } if digests == [other]));
    assert!(plane.facts("manifest.read-granted").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_package_is_read_by_anyone_and_on_record() {
    let plane = Plane::new().await;
    tagged(&plane).await;
    repositories::set(&plane.control, &plane.admin().context, &name("acme/a"), opened_to_all())
        .await
        .unwrap();
    grant(&plane.anonymous(), None).await.unwrap();
    let last = plane.events().await.pop().unwrap().event;
    assert_eq!((last.actor.as_str(), last.fact.type_name()), ("anonymous", "manifest.read-granted"));
    plane.finish().await;
}
