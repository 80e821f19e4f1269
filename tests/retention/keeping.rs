//! What keeps a package from being deleted by its name.

use strongroom::control::deletions::Error;
use strongroom::control::holds::Target;
use strongroom::control::why::Fate;
use strongroom::control::{holds, locks, why};
use strongroom::kernel::event::{Authority, Fact, LockMode};
use strongroom::retention::FixedSelector;

use crate::harness::node::package;
use crate::scene::{DAY_MS, Scene, because, by_digest};

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_all_that_keeps_a_package_in_order_and_nothing_else_is_changed() {
    let scene = Scene::start().await;
    let digest = scene.deposit("acme/reports:v1", b"evidence").await;
    let (repository, reference) = ("acme/reports".parse().unwrap(), by_digest(digest));
    let control = scene.node.control();
    let until_ms = scene.clock_ms() + 10 * DAY_MS;
    let keeper = scene.context("keeper");
    for mode in LockMode::ALL {
        let said = because("seven years, says the law");
        locks::extend(control, &keeper, &repository, &reference, mode, until_ms, &said).await.unwrap();
    }
    let selector = FixedSelector { repositories: ["acme/*".parse().unwrap()].into(), ..Default::default() };
    scene.hold("all-of-acme", Target::Query(selector)).await;
    scene.hold("case-1", Target::Package(repository.clone(), reference.clone())).await;
    scene
        .policy("keeps", "[[rules]]\nname = 'all'\nselect = { repository = 'acme/*' }\naction = 'keep'\n")
        .await;
    let size = scene.facts().await.len();

    let Err(Error::Kept { blockers }) = scene.delete("acme/reports:v1").await else { panic!("it is kept") };
    let kinds: Vec<&str> = blockers.iter().map(|blocker| blocker.kind).collect();
    assert_eq!(kinds, ["hold", "hold", "compliance-lock", "governance-lock", "keep-rule"]);
    assert_eq!(scene.facts().await.len(), size, "a refusal is no event");

    let told = why::why(control, &keeper.caller, &repository, &reference).await.unwrap();
    assert_eq!(told.outcome, Fate::Kept);
    assert_eq!(told.keeps.len(), 5);
    assert_eq!(told.keeps[0].by.as_ref().unwrap().as_str(), "counsel");
    assert_eq!(told.keeps[2].statement.as_ref().unwrap().reason(), Some("seven years, says the law"));
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nothing_keeps_is_deleted_with_its_tags_and_leaves_a_tombstone() {
    let scene = Scene::start().await;
    let digest = scene.deposit("acme/reports:v1", b"evidence").await;
    scene.hold("case-1", Target::Repository("acme/reports".parse().unwrap())).await;
    assert!(scene.delete("acme/reports:v1").await.is_err());
    let released = because("the case is closed");
    holds::release(scene.node.control(), &scene.context("counsel"), &"case-1".parse().unwrap(), &released)
        .await
        .unwrap();
    let deleted = scene.delete("acme/reports:v1").await.unwrap();
    assert_eq!((deleted.manifest, deleted.tags), (digest, vec!["v1".parse().unwrap()]));
    let facts = scene.facts().await;
    let Some(Fact::ManifestDeleted(tombstone)) = facts.last() else { panic!("{:?}", facts.last()) };
    assert_eq!(tombstone.authority, Authority::Actor { statement: because("not needed").digest() });
    assert!(scene.delete("acme/reports:v1").await.is_err(), "there is none any more");
    let (repository, caller) = ("acme/reports".parse().unwrap(), scene.context("reader").caller);
    let reference = by_digest(digest);
    let ask = || why::why(scene.node.control(), &caller, &repository, &reference);
    let Err(why::Error::Deleted(gone)) = ask().await.map(|_| ()) else { panic!("its tombstone is told") };
    assert_eq!((gone.position + 1, gone.by.as_str()), (facts.len() as u64, "keeper"));
    assert!(gone.to_string().ends_with(": not needed"), "{gone}");
    // The same bytes may come again.
    assert_eq!(scene.deposit("acme/reports:v1", b"evidence").await, digest);
    assert_eq!(ask().await.unwrap().manifest, digest);
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_moves_only_later_and_a_bypass_lifts_what_is_recorded() {
    let scene = Scene::start().await;
    scene.deposit("acme/reports:v1", b"evidence").await;
    let target = package("acme/reports:v1");
    let (control, keeper) = (scene.node.control(), scene.context("keeper"));
    let later = scene.clock_ms() + 10 * DAY_MS;
    let said = because("a reason");
    let extend = |until_ms| {
        let (repository, reference) = (&target.repository, &target.reference);
        locks::extend(control, &keeper, repository, reference, LockMode::Governance, until_ms, &said)
    };
    extend(later).await.unwrap();
    for earlier in [later, later - 1, scene.clock_ms()] {
        assert!(matches!(extend(earlier).await, Err(locks::Error::NotLater { .. })));
    }
    assert!(scene.delete("acme/reports:v1").await.is_err());
    locks::bypass(control, &keeper, &target.repository, &target.reference, None, &said).await.unwrap();
    extend(later + DAY_MS).await.unwrap();
    assert!(scene.delete("acme/reports:v1").await.is_err(), "what is locked beyond the bypass is locked");
    locks::bypass(control, &keeper, &target.repository, &target.reference, None, &said).await.unwrap();
    scene.delete("acme/reports:v1").await.unwrap();
    scene.node.stop().await;
}
