//! Random histories of what people may do and are refused: whatever came of it, an audit finds it allowed.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use strongroom::control::holds::{self, Target};
use strongroom::control::{locks, plans};
use strongroom::kernel::digest::Blake3;
use strongroom::kernel::event::LockMode;
use strongroom::kernel::id::HoldName;
use strongroom::retention::FixedSelector;

use crate::deleting::{DAY_MS, GO, Story, because, nightly};
use crate::plane::{Actor, by_digest};

/// What was done so far.
#[derive(Default)]
struct Done {
    packages: Vec<Blake3>,
    plans: Vec<Blake3>,
    holds: Vec<HoldName>,
}

/// A hold on something, or the end of one.
async fn hold(story: &Story, rng: &mut StdRng, done: &mut Done, case: &str) {
    if done.holds.len() > 1 || (!done.holds.is_empty() && rng.random()) {
        let released = done.holds.remove(0);
        holds::release(&story.keeper.control, &story.keeper.context, &released, &because("x")).await.unwrap();
        return;
    }
    let Some(package) = done.packages.choose(rng) else { return };
    let annotations = [("case".to_owned(), case.to_owned())].into();
    let target = match rng.random_range(0..6) {
        0 => Target::Repository(nightly()),
        1 | 2 => Target::Package(nightly(), by_digest(*package)),
        _ => Target::Query(FixedSelector { annotations, ..Default::default() }),
    };
    let name = format!("h{}", rng.random::<u32>());
    // What is deleted by now cannot be held.
    if story.hold(&name, target).await.is_ok() {
        done.holds.push(name.parse().unwrap());
    }
}

fn a_policy(rng: &mut StdRng) -> String {
    let n = rng.random_range(1..9);
    let locking = format!(
        "[[rules]]\nname = 'l'\nselect = {{ annotations = {{ case = 'c' }} }}\n\
         action = {{ lock = {{ mode = 'governance', for = '{n}h' }} }}\n{GO}"
    );
    let some = GO.replace("'acme/nightly'", &format!("'*', tag = '*{n}'"));
    let approved = format!("limits = {{ approve = {} }}\n{GO}", rng.random::<bool>());
    let cold = GO.replace("'delete'", "{ tier = 'cold' }");
    [locking, some, approved, cold].choose(rng).unwrap().clone()
}

/// One thing that somebody does, or is refused.
async fn act(story: &Story, rng: &mut StdRng, done: &mut Done) {
    let Actor { control, context } = &story.keeper;
    let case = *["a", "b", "c"].choose(rng).unwrap();
    let one = done.packages.choose(rng).copied();
    match (rng.random_range(0..16), one) {
        (0..5, _) => {
            let content = format!("n{}", rng.random_range(0..12));
            done.packages.push(story.deposit(&content, case).await);
        }
        (5, Some(one)) => {
            let mode = if rng.random_ratio(1, 4) { LockMode::Compliance } else { LockMode::Governance };
            let until_ms = story.plane.now_ms() + rng.random_range(1..3) * DAY_MS;
            let (repository, reference, said) = (nightly(), by_digest(one), because("x"));
            drop(locks::extend(control, context, &repository, &reference, mode, until_ms, &said).await);
        }
        (6, Some(one)) => {
            drop(locks::bypass(control, context, &nightly(), &by_digest(one), None, &because("x")).await);
        }
        (7..9, _) => hold(story, rng, done, case).await,
        (9, _) => story.policy(&a_policy(rng)).await,
        (10, _) => done.plans.push(story.submit().await),
        (11, _) => {
            let Some(plan) = done.plans.last() else { return };
            drop(plans::approve(&story.approver.control, &story.approver.context, *plan).await);
            drop(plans::apply(control, context, *plan, 0).await);
        }
        (12, _) => story.plane.clock.advance_ms(rng.random_range(0..DAY_MS)),
        (_, Some(one)) => drop(story.delete(one).await),
        (_, None) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_random_history_of_what_is_allowed_and_refused_is_clean() {
    let (mut deletions, mut by_documents) = (0, 0);
    for seed in [1, 2, 3] {
        let story = Story::begin().await;
        let mut rng = StdRng::seed_from_u64(seed);
        let mut done = Done::default();
        for _ in 0..120 {
            act(&story, &mut rng, &mut done).await;
        }
        assert_eq!(story.found().await, [], "seed {seed}");
        let report = story.audit().await;
        assert_eq!(report.undecided_total, 0, "seed {seed}");
        deletions += report.deletions;
        by_documents += report.deletions_by_documents;
        story.plane.finish().await;
    }
    assert!(deletions > 20 && by_documents > 5, "{deletions} deletions, {by_documents} by documents");
}
