//! Bytes lie where plans say, and nothing is lost on the way.

use strongroom::control::collection;
use strongroom::control::objects::READABLE_MS;
use strongroom::control::retention;
use strongroom::control::tiers::{self, Step};
use strongroom::control::why;
use strongroom::kernel::event::{Fact, Selection};
use strongroom::kernel::tier::Tier;
use strongroom::retention::plan::What;
use strongroom::views;
use tokio_util::sync::CancellationToken;

use crate::cold::{ALL_COLD, ALL_HOT, EARLY_DAYS, How, store};
use crate::harness::node::package;
use crate::scene::{DAY_MS, Scene};

const CONTENT: &[u8] = b"evidence of the year before";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plan_makes_cold_is_moved_and_comes_back_as_it_was() {
    let scene = Scene::with_a_cold_store().await;
    scene.deposit("acme/reports:v1", CONTENT).await;
    assert_eq!(scene.move_all().await, Step::default(), "what no plan tiered stays");
    assert_eq!(scene.tier_all(ALL_COLD).await, 1);
    let moved = scene.move_all().await.moved;
    assert_eq!((moved.count, moved.bytes), (1, CONTENT.len() as u64));
    assert_eq!(scene.move_all().await, Step::default(), "repeated, it finds nothing");
    assert!(scene.is_cold("acme/reports:v1").await);

    scene.retrieve("acme/reports:v1").await.unwrap();
    assert_eq!(scene.read("acme/reports:v1").await.unwrap(), CONTENT);

    assert_eq!(scene.tier_all(ALL_HOT).await, 1);
    assert_eq!(scene.move_all().await.moved.count, 1);
    assert_eq!(scene.moves().await, ["main -> cold", "cold -> main"]);
    scene.clock.advance_ms(30 * DAY_MS);
    assert_eq!(scene.read("acme/reports:v1").await.unwrap(), CONTENT, "hot needs no retrieval");
    scene.expect_sound().await;
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_object_before_goes_when_no_grant_to_read_it_stands_any_more() {
    let scene = Scene::with_a_cold_store().await;
    scene.deposit("acme/reports:v1", CONTENT).await;
    scene.tier_all(ALL_COLD).await;
    scene.move_all().await;
    let objects = scene.node.objects().await;
    scene.clock.advance_ms(READABLE_MS);
    assert_eq!(scene.collect().await, (0, 0), "a grant of the moment before may still be used");
    assert!(scene.node.sweep(false).await.unwrap().gone.is_empty());
    scene.clock.advance_ms(2);
    assert_eq!(scene.collect().await, (1, CONTENT.len() as u64));
    assert_eq!(scene.node.objects().await, objects - 1);
    assert_eq!(scene.collect().await, (0, 0));
    scene.expect_sound().await;
    scene.retrieve("acme/reports:v1").await.unwrap();
    assert_eq!(scene.read("acme/reports:v1").await.unwrap(), CONTENT);
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_is_as_near_as_the_nearest_package_that_references_it() {
    let scene = Scene::with_a_cold_store().await;
    scene.deposit("acme/reports:v1", CONTENT).await;
    scene.deposit("other/copies:v1", CONTENT).await;
    assert_eq!(scene.tier_all(ALL_COLD).await, 1);
    assert_eq!(scene.move_all().await.moved.count, 0, "a hot package of another repository has it too");
    scene.delete("other/copies:v1").await.unwrap();
    assert_eq!(scene.move_all().await.moved.count, 1);
    assert!(scene.is_cold("acme/reports:v1").await);
    // Who deposits it again has it at hand, when it was brought back.
    scene.deposit("other/copies:v2", CONTENT).await;
    assert_eq!(scene.move_all().await.moved.count, 1);
    assert_eq!(scene.read("other/copies:v2").await.unwrap(), CONTENT);
    assert_eq!(scene.moves().await, ["main -> cold", "cold -> main"]);
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_smaller_than_a_store_takes_stays_and_is_read_without_a_retrieval() {
    let scene = Scene::with_a_cold_store().await;
    scene.deposit("acme/reports:small", b"small").await;
    assert_eq!(scene.tier_all(ALL_COLD).await, 1);
    assert_eq!(scene.move_all().await.moved.count, 0);
    assert_eq!(scene.read("acme/reports:small").await.unwrap(), b"small");
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_says_what_moves_and_what_leaving_early_costs_and_nothing_twice() {
    let scene = Scene::with_a_cold_store().await;
    let digest = scene.deposit("acme/reports:v1", CONTENT).await;
    scene.tier_all(ALL_COLD).await;
    scene.move_all().await;
    let caller = scene.context("planner").caller;
    let again = retention::plan(scene.node.control(), &caller, &[]).await.unwrap().plan;
    assert!(again.items.is_empty(), "it is cold already");
    scene.clock.advance_ms(10 * DAY_MS);
    scene.policy("tiers", ALL_HOT).await;
    let back = retention::plan(scene.node.control(), &caller, &[]).await.unwrap().plan;
    assert_eq!((back.items.len(), back.items[0].digest), (1, digest));
    assert_eq!(back.items[0].what, What::Tier(Tier::Hot));
    let days_left = EARLY_DAYS - 10;
    assert_eq!(back.items[0].early_byte_days, CONTENT.len() as u64 * days_left);
    assert_eq!(back.totals().early_byte_days, CONTENT.len() as u64 * days_left);
    scene.clock.advance_ms(days_left * DAY_MS);
    let late = retention::plan(scene.node.control(), &caller, &[]).await.unwrap().plan;
    assert_eq!(late.items[0].early_byte_days, 0);
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_whose_rule_says_something_else_by_now_moves_nothing() {
    let scene = Scene::with_a_cold_store().await;
    scene.deposit("acme/reports:v1", CONTENT).await;
    scene.policy("tiers", ALL_COLD).await;
    let plan = scene.plan().await;
    scene.delete("acme/reports:v1").await.unwrap();
    let applied = scene.apply(plan).await.unwrap();
    assert_eq!((applied.tiered, applied.gone), (0, 1));
    scene.deposit("acme/reports:v2", CONTENT).await;
    let plan = scene.plan().await;
    scene.policy("tiers", ALL_HOT).await;
    assert!(scene.apply(plan).await.is_err(), "the policy of the plan stands no more");
    assert!(!scene.facts().await.iter().any(|fact| matches!(fact, Fact::ManifestTiered(_))));
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_movers_at_once_one_moves_each_blob() {
    let scene = Scene::with_a_cold_store().await;
    for n in 0..5 {
        scene.deposit(&format!("acme/reports:v{n}"), format!("evidence number {n} of many").as_bytes()).await;
    }
    scene.tier_all(ALL_COLD).await;
    let (one, other) = tokio::join!(scene.move_all(), scene.move_all());
    assert_eq!(one.moved.count + other.moved.count, 5);
    assert_eq!(scene.moves().await.len(), 5);
    for n in 0..5 {
        scene.retrieve(&format!("acme/reports:v{n}")).await.unwrap();
        assert_eq!(
            scene.read(&format!("acme/reports:v{n}")).await.unwrap(),
            format!("evidence number {n} of many").as_bytes()
        );
    }
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_is_cut_off_anywhere_is_done_again_and_loses_nothing() {
    let scene = Scene::with_a_cold_store().await;
    scene.deposit("acme/reports:v1", CONTENT).await;
    scene.tier_all(ALL_COLD).await;
    for how in [How::Untaken, How::ReportLost] {
        let desk = scene.desk(how).await;
        let step =
            tiers::step(scene.node.control(), &scene.context("keeper"), &desk, None, u64::MAX).await.unwrap();
        assert_eq!((step.moved.count, step.failed), (0, 1), "{how:?}");
        assert!(step.reason.is_some());
        assert_eq!(scene.read("acme/reports:v1").await.unwrap(), CONTENT, "{how:?}");
    }
    assert_eq!(scene.move_all().await.moved.count, 1);
    scene.retrieve("acme/reports:v1").await.unwrap();
    assert_eq!(scene.read("acme/reports:v1").await.unwrap(), CONTENT);
    // A collection that is cut off between the order and its record is done again too.
    scene.clock.advance_ms(READABLE_MS + 1);
    for how in [How::Untaken, How::ReportLost] {
        let desk = scene.desk(how).await;
        let step =
            collection::step(scene.node.control(), &scene.context("keeper"), &desk, None).await.unwrap();
        assert_eq!((step.deleted.count, step.failed), (0, 1), "{how:?}");
    }
    assert_eq!(scene.collect().await.0, 1);
    assert_eq!(scene.read("acme/reports:v1").await.unwrap(), CONTENT);
    scene.expect_sound().await;
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_while_it_lies_cold_goes_from_there() {
    let scene = Scene::with_a_cold_store().await;
    scene.deposit("acme/reports:v1", CONTENT).await;
    scene.tier_all(ALL_COLD).await;
    scene.move_all().await;
    scene.retrieve("acme/reports:v1").await.unwrap();
    scene.delete("acme/reports:v1").await.unwrap();
    scene.clock.advance_ms(30 * DAY_MS);
    // The object of the file in each store, and the other blob of the package.
    assert_eq!(scene.collect().await.0, 3);
    let totals = views::deleting_blobs::totals(scene.node.pool()).await.unwrap();
    assert_eq!((totals.deleting, totals.deleted), (0, 3));
    scene.deposit("acme/reports:v2", CONTENT).await;
    assert_eq!(scene.read("acme/reports:v2").await.unwrap(), CONTENT, "accepted again, it is hot");
    scene.expect_sound().await;
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrub_and_an_audit_follow_what_was_moved() {
    let scene = Scene::with_a_cold_store().await;
    scene.deposit("acme/reports:v1", CONTENT).await;
    scene.deposit("acme/reports:v2", b"what is not moved").await;
    let scrub = async || {
        let stop = CancellationToken::new();
        scene.node.scrub(Selection::default(), None, &stop, &|_| {}).await.unwrap()
    };
    let before = scrub().await;
    scene.policy("tiers", &ALL_COLD.replace("acme/*'", "acme/*', tag = 'v1'")).await;
    let plan = scene.plan().await;
    assert_eq!(scene.apply(plan).await.unwrap().tiered, 1);
    scene.move_all().await;
    let after = scrub().await;
    assert_eq!(
        (after.blobs, after.bytes),
        (before.blobs, before.bytes),
        "each blob is read once, where it lies"
    );
    scene.expect_sound().await;
    assert_eq!(
        views::rebuild(scene.node.pool(), |_| {}).await.unwrap().events,
        scene.facts().await.len() as u64
    );
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn why_says_where_a_package_lies_and_the_status_what_waits() {
    let scene = Scene::with_a_cold_store().await;
    scene.deposit("acme/reports:v1", CONTENT).await;
    scene.tier_all(ALL_COLD).await;
    let context = scene.context("admin");
    let status = tiers::status(scene.node.control(), &context).await.unwrap();
    assert_eq!(status.iter().map(|one| one.store.as_str()).collect::<Vec<_>>(), ["main", "cold"]);
    assert_eq!(status[0].moves.len(), 1);
    assert_eq!((&status[0].moves[0].0, status[0].moves[0].1.count), (&store("cold"), 1));
    scene.move_all().await;
    scene.retrieve("acme/reports:v1").await.unwrap();
    let package = package("acme/reports:v1");
    let why = why::why(scene.node.control(), &context.caller, &package.repository, &package.reference);
    let why = why.await.unwrap();
    assert_eq!(why.tiered.unwrap().tier, Tier::Cold);
    let lies: Vec<_> = why.lies.iter().map(|(at, tier)| (at.store.as_str(), *tier, at.blobs)).collect();
    assert_eq!(lies, [("cold", Some(Tier::Cold), 1), ("main", Some(Tier::Hot), 1)]);
    assert!(why.retrieval.is_some());
    scene.node.stop().await;
}
