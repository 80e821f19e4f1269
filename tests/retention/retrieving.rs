//! Packages come back from cold stores, for some days.

use strongroom::control::retrievals::{self, Error, State};
use strongroom::kernel::event::{Fact, RetrievalFailure};
use strongroom::kernel::limits::{RETRIEVAL_DAYS, RETRIEVAL_DAYS_MAX, RETRIEVAL_PATIENCE_DAYS};

use crate::cold::{ALL_COLD, How};
use crate::harness::node::package;
use crate::scene::{DAY_MS, Scene};

const CONTENT: &[u8] = b"evidence of the year before";

/// With a package that lies cold.
async fn cold() -> Scene {
    let scene = Scene::with_a_cold_store().await;
    scene.deposit("acme/reports:v1", CONTENT).await;
    scene.tier_all(ALL_COLD).await;
    assert_eq!(scene.move_all().await.moved.count, 1);
    scene
}

fn told(fact: &Fact) -> Option<&'static str> {
    let name = fact.type_name();
    name.starts_with("retrieval.").then_some(name)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_may_be_read_from_its_retrieval_until_that_expires_and_is_asked_for_again() {
    let scene = Box::pin(cold()).await;
    assert!(scene.is_cold("acme/reports:v1").await);
    let (first, state) = scene.retrieve("acme/reports:v1").await.unwrap();
    assert_eq!(state, State::Available, "a disk has it at once");
    assert_eq!((first.blobs, first.bytes, first.days), (1, CONTENT.len() as u64, RETRIEVAL_DAYS));
    assert_eq!(first.available_ms.unwrap().1, scene.clock_ms() + RETRIEVAL_DAYS * DAY_MS);
    assert_eq!(scene.read("acme/reports:v1").await.unwrap(), CONTENT);
    let (again, _) = scene.retrieve("acme/reports:v1").await.unwrap();
    assert_eq!(again, first, "one that stands is given as it is");

    scene.clock.advance_ms(RETRIEVAL_DAYS * DAY_MS - 1);
    assert!(!scene.is_cold("acme/reports:v1").await);
    scene.clock.advance_ms(1);
    assert!(scene.is_cold("acme/reports:v1").await);
    let context = scene.context("reader");
    let expired = retrievals::get(scene.node.control(), &context.caller, first.retrieval).await.unwrap();
    assert_eq!(expired.1, State::Expired);

    let (second, state) = scene.retrieve("acme/reports:v1").await.unwrap();
    assert_eq!(state, State::Available);
    assert_ne!(second.retrieval, first.retrieval);
    assert_eq!(scene.read("acme/reports:v1").await.unwrap(), CONTENT);
    let repository = package("acme/reports:v1").repository;
    let listed =
        retrievals::list(scene.node.control(), &context.caller, &repository, None, 10).await.unwrap();
    assert_eq!(
        listed.iter().map(|(row, _)| row.retrieval).collect::<Vec<_>>(),
        [second.retrieval, first.retrieval]
    );
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_at_the_same_time_gets_the_same_retrieval() {
    let scene = Box::pin(cold()).await;
    let package = package("acme/reports:v1");
    let ask = async |who: &str| {
        let context = scene.context(who);
        let asked = retrievals::request(
            scene.node.control(),
            &context,
            &package.repository,
            &package.reference,
            None,
        );
        asked.await.unwrap().0.retrieval
    };
    let (one, other, third) = tokio::join!(ask("one"), ask("two"), ask("one"));
    assert_eq!((one, one), (other, third));
    let requested = scene.facts().await;
    let requested = requested.iter().filter(|fact| matches!(fact, Fact::RetrievalRequested(_)));
    assert_eq!(requested.count(), 1);
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_takes_its_time_and_every_step_may_be_cut_off() {
    let scene = Box::pin(cold()).await;
    let context = scene.context("reader");
    let (package, actor) = (package("acme/reports:v1"), "strongroom".parse().unwrap());
    let control = scene.node.control();
    let asked = retrievals::request(control, &context, &package.repository, &package.reference, Some(3))
        .await
        .unwrap();
    let id = asked.0.retrieval;
    assert_eq!(asked.1, State::Requested);
    for how in [How::Untaken, How::ReportLost] {
        let desk = scene.desk(how).await;
        assert_eq!(
            retrievals::drive(control, &actor, &desk, id).await.unwrap().1,
            State::Requested,
            "{how:?}"
        );
        assert!(scene.is_cold("acme/reports:v1").await);
    }
    let desk = scene.desk(How::Archive(2)).await;
    for _ in 0..2 {
        assert_eq!(retrievals::drive(control, &actor, &desk, id).await.unwrap().1, State::Restoring);
        assert!(scene.is_cold("acme/reports:v1").await);
    }
    assert_eq!(retrievals::step(control, &actor, &desk).await.unwrap(), 1);
    let (row, state) = retrievals::get(control, &context.caller, id).await.unwrap();
    assert_eq!(state, State::Available);
    let (from_ms, until_ms) = row.available_ms.unwrap();
    assert!(until_ms - from_ms <= DAY_MS, "the store gives it for less than was asked");
    assert_eq!(scene.read("acme/reports:v1").await.unwrap(), CONTENT);
    assert!(!retrievals::any_open(control).await.unwrap());
    let facts = scene.facts().await;
    let told: Vec<_> = facts.iter().filter_map(told).collect();
    assert_eq!(told, ["retrieval.requested", "retrieval.restoring", "retrieval.available"]);
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retrieval_fails_for_a_reason_that_is_told() {
    let scene = Box::pin(cold()).await;
    let context = scene.context("reader");
    let (named, actor) = (package("acme/reports:v1"), "strongroom".parse().unwrap());
    let control = scene.node.control();
    let ask = async || {
        let asked = retrievals::request(control, &context, &named.repository, &named.reference, None).await;
        asked.unwrap().0.retrieval
    };
    let desk = scene.desk(How::Archive(usize::MAX)).await;
    let drive = async |id| retrievals::drive(control, &actor, &desk, id).await.unwrap();
    let slow = ask().await;
    assert_eq!(drive(slow).await.1, State::Restoring);
    scene.clock.advance_ms(RETRIEVAL_PATIENCE_DAYS * DAY_MS + 1);
    let (row, state) = drive(slow).await;
    assert_eq!((state, row.failed.unwrap().1), (State::Failed, RetrievalFailure::GaveUp));

    let missing = ask().await;
    assert_ne!(missing, slow);
    // The desk of the test has another cold store, in which there is nothing.
    let empty = scene.desk(How::Well).await;
    let (row, _) = retrievals::drive(control, &actor, &empty, missing).await.unwrap();
    assert_eq!(row.failed.unwrap().1, RetrievalFailure::BlobMissing);

    let deleted = ask().await;
    scene.delete("acme/reports:v1").await.unwrap();
    let (row, _) = drive(deleted).await;
    assert_eq!(row.failed.unwrap().1, RetrievalFailure::PackageDeleted);
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_no_retrieval_gets_none_and_days_are_bounded() {
    let scene = Box::pin(cold()).await;
    scene.deposit("acme/reports:hot", b"what was deposited just now").await;
    assert!(matches!(scene.retrieve("acme/reports:hot").await, Err(Error::Unneeded)));
    let (package, context) = (package("acme/reports:v1"), scene.context("reader"));
    for days in [0, RETRIEVAL_DAYS_MAX + 1] {
        let asked = scene.node.retrieve(&context, &package.repository, &package.reference, Some(days)).await;
        assert!(matches!(asked, Err(Error::Days(found)) if found == days));
    }
    assert!(!scene.facts().await.iter().any(|fact| told(fact).is_some()));
    scene.node.stop().await;
}
