//! Everything at once, at random, on a real node: uploads of few contents, packages, tags, pins, holds, locks, policies, plans,
//! deletions, erasures, moves between two stores, retrievals and collections side by side, while days pass and the process is
//! killed and started again.
//!
//! - A life of a node has a runtime of its own: dropped with all that it was doing, as a killed process leaves it, and another is
//!   opened on the same database and directory.
//! - After each life the log is read by a fold of this test's own (`history.rs`): whatever was answered is in it, nothing went
//!   that was kept, and no bytes went that a package needed. What stands reads back byte for byte.
//! - In the end everything is released, most is deleted, and the stores have the bytes of the packages that stand and no other,
//!   each once and where its packages are to lie.
//!
//! The seed decides what each actor does and when a life ends, counted in acts; the machine decides how they meet. A seed is
//! played again by `STRONGROOM_SEED=<n>`, more of them by `STRONGROOM_SEEDS=<how many>`, each act said with `STRONGROOM_SAY=1`.

mod acts;
mod history;
mod world;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use strongroom::audit::Depth;
use strongroom::control::holds;
use strongroom::kernel::digest::Digests;
use strongroom::node::{Node, Offline, Options};
use strongroom::views;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::harness::node::TestNode;
use crate::scene::by_digest;
use history::History;
use world::{DAY_MS, Why, World};

/// Seeds that are played every time.
const ALWAYS: [u64; 1] = [7];

/// Fresh seeds that are played beside those if nothing is said.
const SEEDS: u64 = 1;
const LIVES: u64 = 3;
const ACTORS: u64 = 5;

#[test]
fn whatever_is_done_at_once_and_cut_off_nothing_is_lost_or_deleted_that_was_kept() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let fresh = uuid::Uuid::new_v4().as_u128() as u64 % 1_000_000;
    let seeds: Vec<u64> = match number("STRONGROOM_SEED") {
        Some(seed) => vec![seed],
        None => {
            let more = fresh..fresh + number("STRONGROOM_SEEDS").unwrap_or(SEEDS);
            ALWAYS.into_iter().chain(more).collect()
        }
    };
    for seed in seeds {
        let began = Instant::now();
        println!("seed {seed}: STRONGROOM_SEED={seed} plays it again");
        play(seed);
        println!("seed {seed}: {:.1} s", began.elapsed().as_secs_f64());
    }
}

fn play(seed: u64) {
    let outside = Runtime::new().unwrap();
    let mut prepared = outside.block_on(TestNode::prepare());
    let settings = prepared.settings_mut().clone();
    let world = Arc::new(World::new(settings));
    let mut random = StdRng::seed_from_u64(seed);
    for life in 0..LIVES {
        let inside = Runtime::new().unwrap();
        let acts = random.random_range(40..120);
        let is_killed = inside.block_on(live(&world, seed * 1_000 + life, acts, life == 0));
        // Whatever it was doing ends here, wherever it was.
        inside.shutdown_timeout(Duration::from_secs(20));
        let history = outside.block_on(History::read(prepared.pool()));
        println!("  life {life}: {} events, killed: {is_killed}, {}", history.events, world.said());
        history.check(&world);
        outside.block_on(check_views(&prepared));
    }
    let inside = Runtime::new().unwrap();
    inside.block_on(end(&world, &mut random));
    drop(inside);
    outside.block_on(async {
        check_views(&prepared).await;
        let history = History::read(prepared.pool()).await;
        history.check(&world);
        println!(
            "  in the end: {} packages stand, {} were deleted",
            history.standing().len(),
            history.deleted
        );
        let offline = Offline::open(world.settings.clone()).await.unwrap();
        let report = offline.audit(Depth::Full, &[], &|_| {}).await.unwrap();
        assert!(report.is_clean(), "{report:?}");
        views::rebuild(prepared.pool(), |_| {}).await.unwrap();
        check_views(&prepared).await;
        offline.close().await;
    });
}

async fn check_views(prepared: &crate::harness::node::Prepared) {
    let report = views::check(prepared.pool(), |_| {}).await.unwrap();
    assert!(report.is_clean(), "{report:?}");
}

async fn open(world: &World) -> Arc<Node> {
    let options = Options { clock: world.clock.clone(), ..Options::default() };
    Arc::new(Node::open_with(world.settings.clone(), options).await.unwrap())
}

/// Actors at work until so many acts are done. Then the node is stopped in order, or just dropped.
async fn live(world: &Arc<World>, seed: u64, acts: u64, is_first: bool) -> bool {
    let node = open(world).await;
    if is_first {
        world.admit_everybody(&node).await;
    }
    let history = History::read(node.pool()).await;
    read_back(&node, world, &history).await;
    let mut random = StdRng::seed_from_u64(seed);
    let is_killed = random.random_bool(0.7);
    let mut actors = JoinSet::new();
    world.allow(acts);
    for actor in 0..ACTORS {
        let (node, world) = (node.clone(), world.clone());
        actors.spawn(acts::go_on(node, world, StdRng::seed_from_u64(seed * 100 + actor), is_killed));
    }
    if is_killed {
        world.done().await;
        return true;
    }
    while let Some(ended) = actors.join_next().await {
        ended.unwrap();
    }
    node.shutdown().await;
    false
}

/// Every package that stands, byte for byte. What lies cold is retrieved first.
async fn read_back(node: &Node, world: &World, history: &History) {
    for package in history.standing() {
        let (repository, digest) = package;
        for (path, content) in world.files_of(package, history) {
            let mut read = world.read(node, repository, digest, &path).await;
            if let Err(Why::Cold) = read {
                let (context, reference) = (world.context("reader"), by_digest(*digest));
                node.retrieve(&context, repository, &reference, None).await.unwrap();
                read = world.read(node, repository, digest, &path).await;
            }
            let bytes = read.unwrap_or_else(|why| panic!("{repository}@{digest} {path}: {why}"));
            assert!(bytes == content, "{repository}@{digest} {path} reads otherwise");
        }
    }
}

/// Everything is released, most is deleted, and what is left over is collected and swept.
async fn end(world: &World, random: &mut StdRng) {
    let node = open(world).await;
    let (control, context) = (node.control(), world.context("keeper"));
    world.release_everything(&node).await;
    world.clock.advance_ms(4 * DAY_MS);
    let history = History::read(node.pool()).await;
    let standing: Vec<_> = history.standing().into_iter().cloned().collect();
    let kept = random.random_range(0..3);
    for (repository, digest) in standing.iter().skip(kept) {
        let deleted = world.delete(&node, &context, repository, *digest).await;
        deleted.unwrap_or_else(|error| panic!("nothing keeps {repository}@{digest}: {error}"));
    }
    world.move_all(&node, &context).await.unwrap();
    // Receipts that a killed node left are offered again; objects without one can be claimed by nobody any more.
    node.data().redeliver().await.unwrap();
    for _ in 0..2 {
        world.clock.advance_ms(9 * DAY_MS);
        node.data().sweep().await.unwrap();
        node.data().redeliver().await.unwrap();
        node.sweep(false).await.unwrap();
    }
    let before = world.bytes_on_disk();
    let there: BTreeSet<String> = world.objects_on_disk().into_iter().map(|object| object.key).collect();
    let unreported = History::read(node.pool()).await.deleting_but(&there);
    let freed = world.collect(&node, &context).await.unwrap();
    // What a sweep came upon first, or a killed node had no time to report, is reported now.
    let lost = before - world.bytes_on_disk();
    assert_eq!(lost + unreported, freed, "what is said to be freed is what the disk lost");
    assert_eq!(world.collect(&node, &context).await.unwrap(), 0);

    let history = History::read(node.pool()).await;
    let needed: BTreeSet<_> =
        history.standing().into_iter().flat_map(|package| history.blobs(package).clone()).collect();
    let to_lie: BTreeSet<_> = needed.iter().map(|blob| (history.store_of(blob), *blob)).collect();
    let objects = world.objects_on_disk();
    let found: Vec<_> =
        objects.iter().map(|object| (object.store, Digests::of(&object.bytes).blake3)).collect();
    assert_eq!(found.len(), needed.len(), "one object for each blob that is needed");
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), to_lie);
    read_back(&node, world, &history).await;
    assert!(holds::list(control, &context.caller, None, 1).await.is_ok());
    node.shutdown().await;
}
