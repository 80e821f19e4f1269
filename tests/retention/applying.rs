//! Plans are applied by what is so then.

use strongroom::control::holds::Target;
use strongroom::control::plans::schedule::{self, Outcome};
use strongroom::control::plans::{self, Error};
use strongroom::control::{Precondition, retention, tags, why};
use strongroom::kernel::event::{Authority, Fact};
use strongroom::kernel::id::RepositoryName;

use crate::scene::{DAY_MS, Scene, by_digest};

const OLD_GO: &str = "[[rules]]\nname = 'old'\nselect = { repository = 'acme/nightly', older_than = '1d' }\naction = 'delete'\n";

fn nightly() -> RepositoryName {
    "acme/nightly".parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_held_or_tagged_since_the_plan_is_skipped_exactly_and_named() {
    let scene = Scene::start().await;
    let mut digests = Vec::new();
    for n in 0..5_u8 {
        digests.push(scene.deposit(&format!("acme/nightly:n{n}"), &[n]).await);
    }
    scene.deposit("acme/releases:v1", b"no rule is about it").await;
    scene.policy("nightlies", OLD_GO).await;
    scene.clock.advance_ms(2 * DAY_MS);
    let plan = scene.plan().await;
    scene.hold("case-1", Target::Package(nightly(), by_digest(digests[0]))).await;
    let admin = scene.context("admin");
    let tag = "keep-me".parse().unwrap();
    tags::set(scene.node.control(), &admin, &nightly(), &tag, &digests[1].into(), Precondition::Any)
        .await
        .unwrap();

    let applied = scene.apply(plan).await.unwrap();
    assert_eq!(applied.deleted, 3);
    let mut skipped: Vec<_> = applied.skipped.iter().map(|one| (one.digest, &one.reasons[0][..])).collect();
    skipped.sort_by_key(|(digest, _)| *digest != digests[0]);
    assert_eq!(skipped[0], (digests[0], "kept by hold case-1"));
    assert_eq!(skipped[1], (digests[1], "a tag was set on it since the plan was made"));
    assert_eq!(skipped.len(), 2);
    let deleted: Vec<_> = scene
        .facts()
        .await
        .into_iter()
        .filter_map(|fact| match fact {
            Fact::ManifestDeleted(fact) => Some(fact),
            _ => None,
        })
        .collect();
    assert_eq!(deleted.len(), 3);
    for tombstone in deleted {
        let Authority::Plan { plan: by, policy, version, rule } = tombstone.authority else {
            panic!("by a plan")
        };
        assert_eq!((by, policy.as_str(), version, rule.as_str()), (plan, "nightlies", 1, "old"));
    }
    let reader = scene.context("reader").caller;
    let told = why::why(scene.node.control(), &reader, &nightly(), &by_digest(digests[4])).await;
    let Err(why::Error::Deleted(gone)) = told.map(|_| ()) else { panic!("its tombstone is told") };
    assert!(
        gone.to_string().ends_with(&format!("rule nightlies/old of version 1 and plan {plan}")),
        "{gone}"
    );
    // Again, it does no harm.
    let size = scene.facts().await.len();
    let again = scene.apply(plan).await.unwrap();
    assert_eq!((again.deleted, again.gone), (0, 3));
    assert_eq!(scene.facts().await.len(), size);
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_policies_that_changed_is_refused() {
    let scene = Scene::start().await;
    scene.deposit("acme/nightly:n", b"n").await;
    scene.policy("nightlies", OLD_GO).await;
    scene.clock.advance_ms(2 * DAY_MS);
    let plan = scene.plan().await;
    scene
        .policy("other", "[[rules]]\nname = 'all'\nselect = { repository = 'acme/*' }\naction = 'keep'\n")
        .await;
    assert!(matches!(scene.apply(plan).await, Err(Error::Stale(policy)) if policy.as_str() == "other"));
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_a_second_approver_are_honoured() {
    let scene = Scene::start().await;
    for n in 0..3_u8 {
        scene.deposit(&format!("acme/nightly:n{n}"), &[n]).await;
    }
    scene.policy("nightlies", &format!("limits = {{ packages = 2, approve = true }}\n{OLD_GO}")).await;
    scene.clock.advance_ms(2 * DAY_MS);
    let caller = scene.context("planner").caller;
    let planned = retention::plan(scene.node.control(), &caller, &[]).await.unwrap();
    let (planner, sequence) = (scene.context("planner"), planned.documents.to_sequence());
    let submitted = plans::submit(scene.node.control(), &planner, &sequence).await;
    assert!(matches!(submitted, Err(Error::TooMuch { what: "packages", found: 3, limit: 2 })));

    // A limit that is not named stays: only the number is raised.
    scene.policy("nightlies", &format!("limits = {{ packages = 3 }}\n{OLD_GO}")).await;
    let plan = scene.plan().await;
    assert!(matches!(scene.apply(plan).await, Err(Error::NotApproved(by)) if by.as_str() == "planner"));
    let control = scene.node.control();
    let own = plans::approve(control, &scene.context("planner"), plan).await;
    assert!(matches!(own, Err(Error::OwnPlan(_))));
    plans::approve(control, &scene.context("approver"), plan).await.unwrap();
    assert_eq!(scene.apply(plan).await.unwrap().deleted, 3);
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn locks_of_rules_are_recorded_and_then_keep_without_the_rule() {
    let scene = Scene::start().await;
    scene.deposit("acme/nightly:n", b"n").await;
    let lock = "[[rules]]\nname = 'lock'\nselect = { repository = 'acme/nightly' }\naction = { lock = { mode = 'governance', for = '10d' } }\n";
    scene.policy("locks", lock).await;
    let plan = scene.plan().await;
    assert_eq!(scene.apply(plan).await.unwrap().locked, 1);
    strongroom::control::policies::remove(
        scene.node.control(),
        &scene.context("admin"),
        &"locks".parse().unwrap(),
    )
    .await
    .unwrap();
    assert!(scene.delete("acme/nightly:n").await.is_err());
    scene.clock.advance_ms(5 * DAY_MS);
    assert!(scene.delete("acme/nightly:n").await.is_err());
    scene.clock.advance_ms(6 * DAY_MS);
    scene.delete("acme/nightly:n").await.unwrap();
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_plans_and_applies_by_itself_unless_somebody_has_to_approve() {
    let scene = Scene::start().await;
    scene.deposit("acme/nightly:n", b"n").await;
    let daily = "schedule = { cron = '0 3 * * *', apply = true }\n";
    scene.policy("nightlies", &format!("{daily}limits = {{ approve = true }}\n{OLD_GO}")).await;
    let since_ms = scene.clock_ms();
    scene.clock.advance_ms(3 * DAY_MS);
    let run = async |since_ms| {
        let context = scene.context("strongroom");
        let ran =
            schedule::run_due(scene.node.control(), &context, since_ms, scene.clock_ms()).await.unwrap();
        ran.into_iter().map(|ran| ran.outcome.unwrap()).collect::<Vec<_>>()
    };
    let waits = run(since_ms).await;
    assert!(matches!(waits[..], [Outcome::Submitted(_)]), "{waits:?}");
    assert_eq!(run(scene.clock_ms()).await, [], "nothing is due before its time");

    scene.policy("nightlies", &format!("{daily}limits = {{ approve = false }}\n{OLD_GO}")).await;
    let applied = run(since_ms).await;
    assert!(matches!(applied[..], [Outcome::Applied { deleted: 1, .. }]), "{applied:?}");
    assert_eq!(run(since_ms).await, [Outcome::Nothing]);
    scene.node.stop().await;
}
