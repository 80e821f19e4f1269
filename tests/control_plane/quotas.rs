//! Quotas: counted from the log, exact where something is recorded.

use strongroom::control::uploads::{self, Wanted};
use strongroom::control::{Exceeded, Limited, manifests, repositories};
use strongroom::kernel::event::RepositorySettings;

use crate::plane::{Plane, name};

const SCOPES: &str = "repository:acme/*:pull,push";

async fn limit(plane: &Plane, settings: RepositorySettings) -> repositories::Set {
    let wanted = repositories::Wanted { public: None, settings };
    repositories::set(&plane.control, &plane.admin().context, &name("acme/a"), wanted)
        .await
        .expect("an admin may")
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_packages_at_once_no_more_are_accepted_than_may_be() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", SCOPES).await;
    limit(&plane, RepositorySettings { quota_packages: Some(3), ..Default::default() }).await;
    let mut pushes = tokio::task::JoinSet::new();
    for n in 0..8 {
        let package = plane.package(&uploader, "acme/a", format!("content {n}").as_bytes()).await.encode();
        let uploader = uploader.clone();
        pushes.spawn(async move { uploader.push_plain("acme/a", &package).await });
    }
    let outcomes = pushes.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 3);
    for refused in outcomes.into_iter().filter_map(Result::err) {
        let manifests::Error::Quota(Exceeded { what, limit, used, wanted, .. }) = refused else {
            panic!("{refused}")
        };
        assert_eq!((what, limit, used, wanted), (Limited::Packages, 3, 3, 1));
    }
    // What is there already may come again.
    assert_eq!(plane.facts("manifest.accepted").await.len(), 3);
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_are_refused_before_they_are_sent_and_when_they_are_linked() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", SCOPES).await;
    let elsewhere = plane.package(&uploader, "acme/b", b"ten bytes!").await.encode();
    uploader.push_plain("acme/b", &elsewhere).await.unwrap();
    limit(&plane, RepositorySettings { quota_bytes: Some(12), ..Default::default() }).await;
    let want = |size_bytes| Wanted { digest: None, size_bytes: Some(size_bytes) };
    assert!(uploader.open("acme/a", &[want(6), want(6)]).await.is_ok());
    let refused = uploader.open("acme/a", &[want(6), want(7)]).await.unwrap_err();
    let uploads::Error::Quota(exceeded) = refused else { panic!("{refused}") };
    assert_eq!((exceeded.what, exceeded.limit, exceeded.used, exceeded.wanted), (Limited::Bytes, 12, 0, 13));
    // The package has a config of 6 bytes and a file of 10, both linked from the other repository.
    let refused = uploader.push_plain("acme/a", &elsewhere).await.unwrap_err();
    let manifests::Error::Quota(exceeded) = refused else { panic!("{refused}") };
    assert_eq!((exceeded.used, exceeded.wanted), (0, 16));
    limit(&plane, RepositorySettings { quota_bytes: Some(16), ..Default::default() }).await;
    uploader.push_plain("acme/a", &elsewhere).await.unwrap();
    assert!(uploader.open("acme/a", &[Wanted::default()]).await.is_err(), "nothing is left");
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_is_not_named_stays() {
    let plane = Plane::new().await;
    let all = RepositorySettings {
        provenance: Some(strongroom::kernel::event::Provenance::Warn),
        quota_bytes: Some(1_000),
        quota_packages: Some(10),
    };
    limit(&plane, all).await;
    let opened = repositories::Wanted { public: Some(true), ..Default::default() };
    repositories::set(&plane.control, &plane.admin().context, &name("acme/a"), opened).await.unwrap();
    let none = RepositorySettings::default();
    for (settings, expected) in [
        (RepositorySettings { quota_bytes: Some(5), ..none }, (5, 10)),
        (RepositorySettings { quota_packages: Some(0), ..none }, (5, 0)),
        (RepositorySettings { provenance: all.provenance, ..none }, (5, 0)),
        (none, (5, 0)),
    ] {
        let now = limit(&plane, settings).await.repository;
        assert_eq!((now.quota_bytes, now.quota_packages), expected);
        assert!(now.public, "nobody named it");
        assert_eq!(Some(now.provenance), all.provenance);
    }
    plane.finish().await;
}
