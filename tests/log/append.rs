//! Appends: gap-free, once, by many, through failures.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use strongroom::clock::Manual;
use strongroom::kernel::limits::{CLOCK_JUMP_FORWARD_MAX_MS, EVENT_RECORD_MAX_BYTES};
use strongroom::kernel::merkle::{Frontier, leaf_hash};
use strongroom::log::{Error, Expected, Guard, Member, head, read, tiles};

use crate::fixture::{Fixture, blob_stored, one, tag_set};

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_of_two_processes_get_gap_free_positions_and_one_tree() {
    let fixture = Fixture::new().await;
    let (other, other_tasks) = fixture.another().await;
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..32 {
        let log = if caller % 2 == 0 { fixture.log.clone() } else { other.clone() };
        callers.spawn(async move {
            let mut positions = Vec::new();
            for n in 0..20 {
                positions
                    .push(log.append(one(tag_set(&format!("t{caller}-{n}"), "x"))).await.unwrap().last());
            }
            positions
        });
    }
    let positions: BTreeSet<u64> = callers.join_all().await.into_iter().flatten().collect();
    assert!(positions.iter().copied().eq(0..640), "every position is taken once");
    let pool = fixture.database.database.pool();
    let page = read::page(pool, &read::Query::from(0), 1_000).await.unwrap();
    let mut frontier = Frontier::new();
    page.records.iter().for_each(|raw| frontier.push(leaf_hash(&raw.record)));
    let mut connection = fixture.database.connect().await;
    assert_eq!(head::read(&mut connection).await.unwrap().frontier, frontier);
    assert_eq!(tiles::root_at(&mut connection, 640).await.unwrap(), frontier.root());
    drop(other);
    other_tasks.drain().await;
}

#[tokio::test]
async fn a_record_of_the_largest_size_is_kept_and_one_byte_more_is_refused() {
    let fixture = Fixture::new().await;
    fixture.append("before").await;
    let rest = blob_stored(0).1;
    let (largest, bytes) = blob_stored(EVENT_RECORD_MAX_BYTES - rest - 2);
    assert_eq!(bytes, EVENT_RECORD_MAX_BYTES);
    fixture.log.append(one(largest)).await.unwrap();
    let (larger, bytes) = blob_stored(EVENT_RECORD_MAX_BYTES - rest - 1);
    assert_eq!(bytes, EVENT_RECORD_MAX_BYTES + 1);
    let error = fixture.log.append(one(larger)).await.unwrap_err();
    assert!(matches!(error, Error::Record(_)), "{error}");
    let raw = read::entry(fixture.database.database.pool(), 1).await.unwrap().unwrap();
    assert_eq!(raw.record.len(), EVENT_RECORD_MAX_BYTES);
}

#[tokio::test]
async fn the_root_at_every_past_size_is_found_from_tiles() {
    let fixture = Fixture::new().await;
    let mut frontier = Frontier::new();
    let mut roots = vec![frontier.root()];
    let events: Vec<_> = (0..600).map(|n| tag_set(&format!("t{n}"), "x")).collect();
    fixture.log.append(Member { events, ..Member::default() }).await.unwrap();
    let pool = fixture.database.database.pool();
    for raw in read::page(pool, &read::Query::from(0), 1_000).await.unwrap().records {
        frontier.push(leaf_hash(&raw.record));
        roots.push(frontier.root());
    }
    let mut connection = fixture.database.connect().await;
    for size in [0, 1, 2, 255, 256, 257, 511, 512, 513, 600_usize] {
        assert_eq!(tiles::root_at(&mut connection, size as u64).await.unwrap(), roots[size], "size {size}");
    }
}

#[tokio::test]
async fn a_retried_append_is_the_same_append() {
    let fixture = Fixture::new().await;
    let event = tag_set("v1", "x");
    let member = || Member { expected: vec![(event.stream.clone(), Expected::Absent)], ..one(event.clone()) };
    let first = fixture.log.append(member()).await.unwrap();
    let second = fixture.log.append(member()).await.unwrap();
    assert_eq!((first.positions.clone(), first.repeated), (vec![0], false));
    assert_eq!((second.positions, second.repeated), (first.positions, true));
    let mut other = tag_set("v1", "y");
    other.id = event.id;
    assert!(matches!(fixture.log.append(one(other)).await, Err(Error::IdReused { position: 0, .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_race_for_a_version_one_wins() {
    let fixture = Fixture::new().await;
    let mut racers = tokio::task::JoinSet::new();
    for n in 0..50 {
        let log = fixture.log.clone();
        let event = tag_set("v1", &n.to_string());
        let member = Member { expected: vec![(event.stream.clone(), Expected::Absent)], ..one(event) };
        racers.spawn(async move { log.append(member).await });
    }
    let results = racers.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let conflicts = results.iter().filter(|result| matches!(result, Err(Error::Conflict { .. }))).count();
    assert_eq!(conflicts, 49);
}

#[tokio::test]
async fn a_guard_that_does_not_hold_says_what_is_missing() {
    let fixture = Fixture::new().await;
    let blob = strongroom::kernel::digest::Digests::of(b"x").blake3;
    let guard = Guard::BlobsLinked { repository: "acme/reports".parse().unwrap(), blobs: vec![blob] };
    let member = Member { guards: vec![guard], ..one(tag_set("v1", "x")) };
    let error = fixture.log.append(member).await.unwrap_err();
    assert!(matches!(error, Error::Guard(_)), "{error}");
    assert_eq!(fixture.append("v2").await, 0, "nothing of it was appended");
}

#[tokio::test]
async fn a_batch_whose_sql_fails_is_tried_one_by_one_and_leaves_nothing_behind() {
    let fixture = Fixture::new().await;
    fixture.folds.failures.store(1, Ordering::SeqCst);
    let error = fixture.log.append(one(tag_set("v1", "x"))).await.unwrap_err();
    assert!(matches!(error, Error::Database(_)), "{error}");
    assert_eq!(fixture.append("v1").await, 0, "the failed one took no position");
    // Two at once: the batch fails once, both succeed singly.
    fixture.folds.failures.store(1, Ordering::SeqCst);
    let (a, b) =
        tokio::join!(fixture.log.append(one(tag_set("a", "x"))), fixture.log.append(one(tag_set("b", "x"))));
    let outcomes = [a.is_ok(), b.is_ok()];
    assert!(outcomes.contains(&true), "one bad batch costs not everybody their append: {outcomes:?}");
}

#[tokio::test]
async fn appends_go_on_after_the_database_dropped_the_connection() {
    let fixture = Fixture::new().await;
    fixture.append("v1").await;
    let mut admin = fixture.database.connect().await;
    let kill = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'strongroom-writer' \
                and datname = current_database()";
    sqlx::raw_sql(kill).execute(&mut admin).await.unwrap();
    let member = one(tag_set("v2", "x"));
    // Either the writer noticed in time, or the caller is told that repeating is safe, and it is.
    let position = match fixture.log.append(member.clone()).await {
        Ok(appended) => appended.last(),
        Err(Error::Database(_)) => fixture.log.append(member).await.unwrap().last(),
        Err(other) => panic!("{other}"),
    };
    assert_eq!(position, 1);
}

#[tokio::test]
async fn a_clock_that_jumps_stops_appends_until_it_is_right() {
    let now = 1_800_000_000_000;
    let clock = Arc::new(Manual::at_ms(now));
    let fixture = Fixture::with_clock(clock.clone()).await;
    fixture.append("v1").await;
    clock.set_ms(now + CLOCK_JUMP_FORWARD_MAX_MS + 1);
    assert!(matches!(fixture.log.append(one(tag_set("v2", "x"))).await, Err(Error::Clock { .. })));
    clock.set_ms(now - 1_000);
    fixture.append("v2").await;
    let raw = read::entry(fixture.database.database.pool(), 1).await.unwrap().unwrap();
    assert_eq!(raw.decode().unwrap().event.at_ms, now, "time does not go back");
}

#[tokio::test]
async fn other_folds_may_not_append() {
    let fixture = Fixture::new().await;
    head::set_fold_generation(&mut fixture.database.connect().await, 99).await.unwrap();
    let error = fixture.log.append(one(tag_set("v1", "x"))).await.unwrap_err();
    assert!(matches!(error, Error::OtherFolds { live: 99, ours: 1 }), "{error}");
}

#[tokio::test]
async fn draining_answers_everything_that_was_queued() {
    let fixture = Fixture::new().await;
    let appends: Vec<_> = (0..100)
        .map(|n| {
            let log = fixture.log.clone();
            tokio::spawn(async move { log.append(one(tag_set(&format!("t{n}"), "x"))).await })
        })
        .collect();
    tokio::task::yield_now().await;
    drop(fixture.log);
    fixture.tasks.drain().await;
    for append in appends {
        append.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn draining_appends_what_is_queued_and_refuses_what_comes_later() {
    let Fixture { log, tasks, database: _database, .. } = Fixture::new().await;
    let queued: Vec<_> = (0..64)
        .map(|n| {
            let log = log.clone();
            let name = format!("v{n}");
            tokio::spawn(async move { log.append(one(tag_set(&name, &name))).await })
        })
        .collect();
    tokio::task::yield_now().await;
    tasks.drain().await;
    let mut appended = 0;
    for outcome in queued {
        match outcome.await.unwrap() {
            Ok(_) => appended += 1,
            Err(error) => assert!(matches!(error, Error::Closed), "{error}"),
        }
    }
    assert_eq!(*log.grown().borrow(), appended);
    assert!(matches!(log.append(one(tag_set("late", "late"))).await, Err(Error::Closed)));
}
