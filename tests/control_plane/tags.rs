//! Tags: moved by one of many, and by nobody who is stale.

use strongroom::control::manifests;
use strongroom::control::tags::{self, Changed, Error, Moved};
use strongroom::control::{self, Precondition};
use strongroom::kernel::digest::Digest;
use strongroom::kernel::event::Fact;

use crate::plane::{Actor, Plane, name, tag};

const SCOPES: &str = "repository:acme/*:pull,push,delete";

async fn set(actor: &Actor, to: &Digest, precondition: Precondition) -> Result<Changed, Error> {
    tags::set(&actor.control, &actor.context, &name("acme/a"), &tag("latest"), to, precondition).await
}

/// Accepted packages to point at.
async fn packages(plane: &Plane, actor: &Actor, count: usize) -> Vec<Digest> {
    let mut digests = Vec::new();
    for n in 0..count {
        let package = plane.package(actor, "acme/a", format!("content {n}").as_bytes()).await.encode();
        digests.push(actor.push_plain("acme/a", &package).await.expect("accepted").digests.blake3.into());
    }
    digests
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_race_on_one_version_of_a_tag_exactly_one_wins() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", SCOPES).await;
    let packages = packages(&plane, &uploader, 8).await;
    let mut expected = Precondition::Absent;
    let mut history = Vec::new();
    for _ in 0..5 {
        let mut callers = tokio::task::JoinSet::new();
        for to in packages.clone() {
            let uploader = uploader.clone();
            callers.spawn(async move { set(&uploader, &to, expected).await });
        }
        let outcomes = callers.join_all().await;
        let winners: Vec<&Changed> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
        // One who sets what the tag names already needs no event, and wins nothing.
        let winner = winners.iter().find(|won| won.previous != Some(won.manifest)).unwrap();
        let moved = winners.iter().filter(|won| won.previous != Some(won.manifest)).count();
        assert_eq!(moved, 1);
        for outcome in &outcomes {
            match outcome {
                Ok(_) => {}
                Err(Error::TagMoved(Moved { current })) => assert!(current.is_some()),
                Err(error) => panic!("{error}"),
            }
        }
        expected = Precondition::Is(winner.manifest.into());
        history.push(winner.manifest);
    }
    let recorded: Vec<_> = plane
        .facts("tag.set")
        .await
        .into_iter()
        .map(|fact| match fact {
            Fact::TagSet(fact) => (fact.previous, fact.manifest),
            other => panic!("{other:?}"),
        })
        .collect();
    let chain: Vec<_> =
        std::iter::once(None).chain(history.iter().copied().map(Some)).zip(history.iter().copied()).collect();
    assert_eq!(recorded, chain, "each names what the tag named before");
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_expectation_is_refused_with_what_the_tag_names_now() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", SCOPES).await;
    let packages = packages(&plane, &uploader, 2).await;
    set(&uploader, &packages[0], Precondition::Absent).await.unwrap();
    set(&uploader, &packages[1], Precondition::Is(packages[0])).await.unwrap();
    for stale in [Precondition::Absent, Precondition::Is(packages[0])] {
        let error = set(&uploader, &packages[0], stale).await.unwrap_err();
        assert!(matches!(error, Error::TagMoved(Moved { current: Some(now) }) if packages[1] == now.into()));
    }
    let (repository, latest) = (name("acme/a"), tag("latest"));
    let remove =
        |precondition| tags::remove(&plane.control, &uploader.context, &repository, &latest, precondition);
    let error = remove(Precondition::Is(packages[0])).await.unwrap_err();
    assert!(matches!(error, Error::TagMoved(_)));
    assert_eq!(Digest::from(remove(Precondition::Is(packages[1])).await.unwrap().previous), packages[1]);
    assert!(matches!(remove(Precondition::Any).await, Err(Error::Unknown(_))));
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_change_is_the_same_append() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", SCOPES).await;
    let packages = packages(&plane, &uploader, 2).await;
    let repeating = uploader.repeating("request-1");
    let first = set(&repeating, &packages[0], Precondition::Absent).await.unwrap();
    // Meanwhile the tag moved on; the repetition still answers what that request did.
    set(&uploader, &packages[1], Precondition::Any).await.unwrap();
    assert_eq!(set(&repeating, &packages[0], Precondition::Absent).await.unwrap(), first);
    let reused = set(&repeating, &packages[1], Precondition::Any).await;
    assert!(matches!(reused, Err(Error::Shared(control::Error::IdempotencyKeyReused))));
    // Another caller's key of the same name is another key.
    let other = plane.actor("other", SCOPES).await.repeating("request-1");
    assert!(set(&other, &packages[0], Precondition::Any).await.is_ok());
    assert_eq!(plane.facts("tag.set").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_names_only_what_is_accepted_there_and_only_for_who_may() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", SCOPES).await;
    let packages = packages(&plane, &uploader, 1).await;
    let (elsewhere, latest) = (name("acme/b"), tag("latest"));
    let (context, any) = (&uploader.context, Precondition::Any);
    let outcome = tags::set(&plane.control, context, &elsewhere, &latest, &packages[0], any).await;
    assert!(matches!(outcome, Err(Error::ManifestUnknown(_))));
    set(&uploader, &packages[0], Precondition::Any).await.unwrap();
    let pusher = plane.actor("pusher", "repository:acme/*:push").await;
    let repository = name("acme/a");
    let removed =
        tags::remove(&plane.control, &pusher.context, &repository, &latest, Precondition::Any).await;
    assert!(matches!(removed, Err(Error::Shared(control::Error::Denied(_)))));
    let reader = plane.actor("reader", "repository:acme/*:pull").await;
    let moved = set(&reader, &packages[0], Precondition::Any).await;
    assert!(matches!(moved, Err(Error::Shared(control::Error::Denied(_)))));
    let listed =
        manifests::list(&plane.control, &reader.context.caller, &repository, None, 10).await.unwrap();
    assert_eq!(listed[0].tags, [latest]);
}
