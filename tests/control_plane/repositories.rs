//! Repositories.

use strongroom::control::repositories::{self, Error};
use strongroom::control::{self};

use crate::plane::{Plane, name, opened_to_all};

const PUSH: &str = "repository:acme/*:pull,push";

fn is_denied<T>(outcome: &Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::Shared(control::Error::Denied(_))))
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_create_it_at_once_one_does() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", PUSH).await;
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let uploader = uploader.clone();
        callers.spawn(async move {
            repositories::create(&uploader.control, &uploader.context, &name("acme/reports"), false).await
        });
    }
    let outcomes = callers.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(_) | Err(Error::Exists(_)))));
    assert_eq!(plane.facts("repository.created").await.len(), 1);
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_creation_is_the_first_one() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", PUSH).await.repeating("one");
    let create = |repository: &'static str| {
        let uploader = uploader.clone();
        async move { repositories::create(&uploader.control, &uploader.context, &name(repository), false).await }
    };
    assert_eq!(create("acme/reports").await.unwrap(), create("acme/reports").await.unwrap());
    let reused = create("acme/other").await;
    assert!(matches!(reused, Err(Error::Shared(control::Error::IdempotencyKeyReused))));
    assert_eq!(plane.facts("repository.created").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_read_it_sees_no_difference_between_closed_and_absent() {
    let plane = Plane::new().await;
    let (admin, stranger) = (plane.admin(), plane.actor("stranger", "repository:other/*:pull,push").await);
    repositories::create(&admin.control, &admin.context, &name("acme/reports"), false).await.unwrap();
    for who in [&stranger, &plane.anonymous()] {
        let [closed, absent] = ["acme/reports", "acme/absent"].map(name);
        let closed = repositories::get(&plane.control, &who.context.caller, &closed).await;
        let absent = repositories::get(&plane.control, &who.context.caller, &absent).await;
        assert!(is_denied(&closed) && is_denied(&absent));
    }
    let seen = repositories::list(&plane.control, &stranger.context.caller, None, 10).await.unwrap();
    assert!(seen.is_empty());

    let opened =
        repositories::set(&admin.control, &admin.context, &name("acme/reports"), opened_to_all()).await;
    assert!(!opened.unwrap().created);
    let seen = repositories::list(&plane.control, &plane.anonymous().context.caller, None, 10).await.unwrap();
    assert_eq!(seen.len(), 1);
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_scope_nothing_is_created_or_opened() {
    let plane = Plane::new().await;
    let reader = plane.actor("reader", "repository:acme/*:pull log:read").await;
    let uploader = plane.actor("uploader", PUSH).await;
    let name = name("acme/reports");
    assert!(is_denied(&repositories::create(&plane.control, &reader.context, &name, false).await));
    assert!(is_denied(&repositories::create(&plane.control, &uploader.context, &name, true).await));
    repositories::create(&plane.control, &uploader.context, &name, false).await.unwrap();
    assert!(is_denied(&repositories::set(&plane.control, &uploader.context, &name, opened_to_all()).await));
    assert!(plane.facts("repository.updated").await.is_empty());
}
