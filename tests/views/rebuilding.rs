//! Live, rebuilt and checked are the same; a rebuild is all or nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::Config;
use strongroom::kernel::event::Fact;
use strongroom::views::Progress::{self, Folded, Swapped, Swapping};
use strongroom::views::{self, replay};

use crate::history::about_retention::{blob_deleted, deleted, deletion_started};
use crate::history::{accepted, everything, fact, stored, tag_set};
use crate::scene::{Scene, append};

proptest! {
    #![proptest_config(Config { cases: 4, max_shrink_iters: 64, failure_persistence: None, ..Config::default() })]

    /// However a history is cut into runs, the views are what one long run gives.
    #[test]
    fn live_rebuilt_and_checked_are_the_same(
        history in vec(fact(), 1_000..4_000),
        cuts in vec(prop_oneof![Just(1_usize), 2_usize..20, 100_usize..1_000], 1..100),
    ) {
        tokio::runtime::Runtime::new().unwrap().block_on(live_is_rebuilt(history, cuts));
    }
}

async fn live_is_rebuilt(history: Vec<Fact>, cuts: Vec<usize>) {
    let scene = Scene::new().await;
    let (mut rest, mut cuts) = (&history[..], cuts.into_iter().cycle());
    while !rest.is_empty() {
        let (run, behind) = rest.split_at(cuts.next().unwrap().min(rest.len()));
        scene.append(run.to_vec()).await;
        rest = behind;
    }
    totals_add_up(&scene).await;
    assert_eq!(scene.check().await, [""; 0]);
    let live = scene.rows().await;
    assert_eq!(scene.rebuild().await, history.len() as u64);
    assert_eq!(scene.rows().await, live);
    assert_eq!(scene.check().await, [""; 0]);
    assert_eq!(scene.schemas().await, ["view"]);
}

/// The totals are kept by adding; here they are counted.
async fn totals_add_up(scene: &Scene) {
    let wrong: i64 = sqlx::query_scalar(
        "select count(*) from repository_totals t
         left join (select repository, count(*) n, sum(size_bytes) bytes from blob_repositories group by 1) b
            using (repository)
         left join (select repository, count(*) n from manifests group by 1) m using (repository)
         where (t.packages, t.blobs, t.blobs_bytes)
            is distinct from (coalesce(m.n, 0), coalesce(b.n, 0), coalesce(b.bytes, 0))",
    )
    .fetch_one(scene.pool())
    .await
    .unwrap();
    assert_eq!(wrong, 0);
}

/// Enough for more than one run of a rebuild.
#[tokio::test]
async fn a_repository_that_holds_nothing_any_more_is_as_one_that_never_did() {
    let scene = Scene::new().await;
    let history =
        [stored(1, 3, 3), accepted(1, 9), deleted(1, 9), deletion_started(3, 3), blob_deleted(3, 3)];
    for fact in history {
        scene.append(vec![fact]).await;
    }
    assert_eq!(scene.check().await, Vec::<String>::new(), "in runs of one, and as one run");
    assert_eq!(scene.rows().await["repository_totals"], Vec::<String>::new());
}

fn long_history() -> Vec<Fact> {
    let mut facts = everything();
    facts.extend((0..12_000).map(|n: u16| tag_set(n % 6, n, n % 40)));
    facts
}

/// A row that the log knows nothing of, to tell the live views from rebuilt ones.
const MARK: &str = "insert into view.keys values ('mark', 'grant', sha256('mark'), 'node', 0, null, 0)";

#[tokio::test]
async fn a_rebuild_that_is_killed_at_any_step_leaves_the_live_views_as_they_were() {
    let scene = Scene::with(long_history()).await;
    scene.execute(MARK).await;
    let mut steps = Vec::new();
    loop {
        let (pool, seen, kill_after) = (scene.pool().clone(), Arc::new(Mutex::new(Vec::new())), steps.len());
        let seen_here = seen.clone();
        let kill = move |step| {
            let mut seen = seen_here.lock().unwrap_or_else(PoisonError::into_inner);
            seen.push(step);
            assert!(seen.len() <= kill_after, "killed, as told");
        };
        let before = scene.rows().await;
        let ended = tokio::spawn(async move { views::rebuild(&pool, kill).await }).await;
        steps = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if steps.last() == Some(&Progress::Swapped) {
            break;
        }
        assert!(ended.unwrap_err().is_panic());
        assert_eq!(scene.rows().await, before, "killed after {steps:?}");
        // Whatever it locked is free again.
        scene.append(vec![tag_set(0, 0, kill_after as u16)]).await;
    }
    assert!(matches!(steps[..], [Folded { .. }, Folded { .. }, Swapping, Swapped]), "{steps:?}");
    // Killed between the swap and the dropping of what was replaced.
    assert_eq!(scene.schemas().await, ["view", "view_retired"]);
    assert_eq!(scene.check().await, [""; 0]);
    assert_eq!(scene.schemas().await, ["view"]);
}

#[tokio::test]
async fn what_a_killed_rebuild_left_is_dropped_at_the_next_start() {
    let scene = Scene::with(everything()).await;
    for schema in ["view_rebuild", "view_check", "view_retired"] {
        scene.execute(&format!("create schema {schema}; create table {schema}.tags (tag text)")).await;
    }
    assert_eq!(views::prepare(scene.pool()).await.unwrap(), views::Prepared::Ready);
    assert_eq!(scene.schemas().await, ["view"]);
}

#[tokio::test]
async fn appends_and_readers_go_on_during_rebuilds() {
    let scene = Arc::new(Scene::with(long_history()).await);
    let done = Arc::new(AtomicBool::new(false));
    let appending = tokio::spawn({
        let (log, done) = (scene.log.clone(), done.clone());
        async move {
            let mut n = 0_u16;
            while !done.load(Ordering::SeqCst) {
                n += 1;
                append(&log, vec![accepted(n % 6, n), stored(n % 6, n, n), tag_set(n % 6, n, n)])
                    .await
                    .unwrap();
            }
            n
        }
    });
    let reading = tokio::spawn({
        let (pool, done) = (scene.pool().clone(), done.clone());
        async move {
            let mut last = (0, 0);
            while !done.load(Ordering::SeqCst) {
                let sql = "select (select count(*) from manifests), (select sum(packages)::bigint from repository_totals)";
                let now: (i64, i64) = sqlx::query_as(sql).fetch_one(&pool).await.unwrap();
                assert_eq!(now.0, now.1, "half of a state");
                assert!(now >= last, "from {last:?} back to {now:?}");
                last = now;
            }
        }
    });
    for _ in 0..3 {
        scene.rebuild().await;
        assert_eq!(scene.check().await, [""; 0]);
    }
    done.store(true, Ordering::SeqCst);
    reading.await.unwrap();
    assert!(appending.await.unwrap() > 0);
    let live = scene.rows().await;
    scene.rebuild().await;
    assert_eq!(scene.rows().await, live);
}

#[tokio::test]
async fn a_rebuild_mends_what_was_changed() {
    let scene = Scene::with(everything()).await;
    let live = scene.rows().await;
    scene.execute("delete from view.blobs; update view.tags set position = 0; drop table view.tokens").await;
    scene.rebuild().await;
    assert_eq!(scene.rows().await, live);
    scene.append(vec![tag_set(0, 1, 3)]).await;
    assert_eq!(scene.check().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_rebuild_or_check_at_a_time() {
    let scene = Arc::new(Scene::with(everything()).await);
    let (inside, entered) = std::sync::mpsc::channel();
    let (leave, wait) = std::sync::mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let rebuilding = tokio::spawn({
        let pool = scene.pool().clone();
        async move {
            let hold = move |step| {
                if matches!(step, Folded { .. }) {
                    inside.send(()).unwrap();
                    tokio::task::block_in_place(|| wait.lock().unwrap().recv()).unwrap();
                }
            };
            views::rebuild(&pool, hold).await
        }
    });
    tokio::task::spawn_blocking(move || entered.recv()).await.unwrap().unwrap();
    let (check, rebuild) =
        tokio::join!(views::check(scene.pool(), |_| {}), views::rebuild(scene.pool(), |_| {}));
    assert!(matches!(check, Err(replay::Error::Busy)), "{check:?}");
    assert!(matches!(rebuild, Err(replay::Error::Busy)), "{rebuild:?}");
    // A start does not wait for it, and leaves its scratch schema alone.
    assert_eq!(views::prepare(scene.pool()).await.unwrap(), views::Prepared::Ready);
    assert_eq!(scene.schemas().await, ["view", "view_rebuild"]);
    leave.send(()).unwrap();
    assert_eq!(rebuilding.await.unwrap().unwrap().events, everything().len() as u64);
}

#[tokio::test]
async fn a_damaged_log_is_not_rebuilt_from() {
    let damages = [
        ("delete from log.events where position = 3", "the log has a gap: position 3 is missing"),
        (
            "update log.events set record = record || '\\x00' where position = 3",
            "record at position 3: event record: not the canonical encoding of its value (order of keys, \
             shortest lengths, nothing after the end)",
        ),
    ];
    for (damage, message) in damages {
        let scene = Scene::with(everything()).await;
        let live = scene.rows().await;
        scene.execute("alter table log.events disable trigger events_append_only").await;
        scene.execute(damage).await;
        let error = views::rebuild(scene.pool(), |_| {}).await.unwrap_err();
        assert_eq!(error.to_string(), message);
        assert!(error.is_damage());
        assert!(views::check(scene.pool(), |_| {}).await.unwrap_err().is_damage());
        assert_eq!(scene.rows().await, live);
    }
}
