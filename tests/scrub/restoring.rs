//! Backups: the database first, then the blobs; restored together, or one older than the other.

use std::path::Path;
use std::sync::Arc;

use strongroom::clock::{Clock as _, Manual, System};
use strongroom::config::Settings;
use strongroom::control::objects::CLAIMABLE_MS;
use strongroom::kernel::event::Fact;
use strongroom::log::checkpoint;
use strongroom::node::{Error, Node, Offline, Options, SweepError};

use crate::harness::node::{TestNode, package};
use crate::harness::postgres::TestDatabase;
use crate::scene::{audit, copy, deposit, facts, read};

/// A service on a restored database, and what else was restored into that directory.
fn restored(database: &TestDatabase, state_dir: &Path) -> Settings {
    let mut settings = Settings::in_directory(state_dir);
    settings.database_url = Some(database.options().into());
    settings
}

fn size(node: &Settings) -> usize {
    let mut waiting = vec![node.blobs_dir().expect("on this disk").join("objects")];
    let mut count = 0;
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory).unwrap().flatten() {
            if entry.path().is_dir() { waiting.push(entry.path()) } else { count += 1 }
        }
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_database_beside_newer_blobs_sweeps_and_forks_nothing_and_goes_on_by_an_operators_word() {
    let mut test = TestNode::start().await;
    let (before, after) = (package("acme/reports:before"), package("acme/reports:after"));
    deposit(&test, &before, b"before the backup").await;
    // T1: the database.
    test.halt().await;
    let database = test.database().copy().await;
    test.start_again().await;
    deposit(&test, &after, b"after the backup").await;
    // T2: the blobs.
    test.halt().await;
    let elsewhere = test.state_dir().parent().unwrap().join("elsewhere");
    copy(test.state_dir(), &elsewhere);
    let settings = restored(&database, &elsewhere);
    let objects = size(&settings);

    // Nothing is appended, signed or swept.
    let Err(Error::Checkpoint(refused)) = Node::open(settings.clone()).await else {
        panic!("it must not start")
    };
    assert!(
        matches!(refused, checkpoint::Error::Inconsistent { size, signed } if size < signed),
        "{refused}"
    );
    assert!(refused.to_string().contains("--accept-restored-log"), "one way forward: {refused}");
    let offline = Offline::open(settings.clone()).await.unwrap();
    assert!(matches!(offline.sweep(true).await, Err(SweepError::Unproven(_) | SweepError::Node(_))));
    offline.close().await;
    assert!(!audit(&settings).await.is_clean(), "the lost tail is a finding");

    // The operator's word, once.
    let clock = Arc::new(Manual::at_ms(System.now_ms()));
    let options =
        |accept| Options { accept_restored_log: accept, clock: clock.clone(), ..Options::default() };
    let node = Node::open_with(settings.clone(), options(true)).await.unwrap();
    let on_record = facts(&node).await;
    assert!(
        on_record
            .iter()
            .any(|fact| matches!(fact, Fact::LogRestored(lost) if lost.size as usize > on_record.len() - 2))
    );
    assert_eq!(read(&node, &before).await.unwrap(), b"before the backup");
    assert!(read(&node, &after).await.is_err(), "its events are lost, and said to be");
    assert_eq!(node.scrub(Default::default(), None, &Default::default(), &|_| {}).await.unwrap().missing, 0);
    node.shutdown().await;
    drop(node);
    let report = audit(&settings).await;
    assert!(report.is_clean(), "{report:?}");

    // Then it starts as ever, and what the lost events claimed is never swept.
    clock.advance_ms(CLAIMABLE_MS + 60_000);
    let node = Node::open_with(settings.clone(), options(false)).await.unwrap();
    let swept = node.sweep(false).await.unwrap();
    assert_eq!(swept.gone, []);
    assert!(swept.before_restoration > 0, "{swept:?}");
    assert_eq!(size(&settings), objects);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_not_shorter_was_changed_and_no_word_makes_it_go_on() {
    let mut test = TestNode::start().await;
    deposit(&test, &package("acme/reports:v1"), b"all is well").await;
    test.halt().await;
    let other = test.database().copy().await;
    // Two histories from here on.
    test.start_again().await;
    deposit(&test, &package("acme/reports:v2"), b"one history").await;
    test.halt().await;
    let elsewhere = test.state_dir().parent().unwrap().join("elsewhere");
    copy(test.state_dir(), &elsewhere);
    let settings = restored(&other, &elsewhere);
    // The other one grows under its own checkpoint first, and then meets the newer one.
    let anchor = elsewhere.join("blobs/documents/checkpoints/latest");
    let newer = std::fs::read(&anchor).unwrap();
    std::fs::remove_file(&anchor).unwrap();
    let alone = Options { accept_missing_checkpoint: true, ..Options::default() };
    let node = Node::open_with(settings.clone(), alone).await.unwrap();
    for n in 0..8 {
        let file = test.file("other", &[n; 9]);
        let target = package(&format!("acme/reports:other-{n}"));
        node.deposit(&target, [("file".parse().unwrap(), &file)]).await.unwrap();
    }
    node.shutdown().await;
    drop(node);
    std::fs::write(&anchor, newer).unwrap();
    let word = Options { accept_restored_log: true, ..Options::default() };
    let refused = Node::open_with(settings, word).await.err();
    assert!(
        matches!(refused, Some(Error::Checkpoint(checkpoint::Error::Inconsistent { .. }))),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn older_blobs_beside_a_newer_database_are_found_missing_and_come_back() {
    let mut test = TestNode::start().await;
    deposit(&test, &package("acme/reports:before"), b"before the backup").await;
    test.halt().await;
    // T1: the blobs, in the wrong order.
    let elsewhere = test.state_dir().parent().unwrap().join("elsewhere");
    copy(test.state_dir(), &elsewhere);
    test.start_again().await;
    let after = package("acme/reports:after");
    deposit(&test, &after, b"after the backup").await;
    test.halt().await;
    // T2: the database.
    let database = test.database().copy().await;
    let settings = restored(&database, &elsewhere);

    let node = Node::open(settings.clone()).await.unwrap();
    let found = node.scrub(Default::default(), None, &Default::default(), &|_| {}).await.unwrap();
    assert!(found.missing > 0 && found.corrupt == 0, "{found:?}");
    assert!(read(&node, &after).await.unwrap_err().contains("is missing since event"));
    let file = test.file("again", b"after the backup");
    node.deposit(&package("acme/reports:again"), [("file".parse().unwrap(), &file)]).await.unwrap();
    assert_eq!(read(&node, &package("acme/reports:again")).await.unwrap(), b"after the backup");
    assert_eq!(read(&node, &after).await.unwrap(), b"after the backup");
    node.shutdown().await;
}
