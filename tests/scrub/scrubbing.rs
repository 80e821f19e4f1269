//! What is read again, what is found, and what follows.

use std::sync::atomic::{AtomicU64, Ordering};

use strongroom::control::reads;
use strongroom::control::uploads::{self, Opened, Wanted};
use strongroom::kernel::digest::Digests;
use strongroom::kernel::event::{Damage, Fact, Selection};
use strongroom::node::{Offline, ReadError};
use tokio_util::sync::CancellationToken;

use crate::harness::node::{TestNode, package};
use crate::scene::{audit, change_a_byte, deposit, facts, object_with, read, scrub};

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_blob_is_given_to_nobody_until_the_same_bytes_repair_it() {
    let test = TestNode::start().await;
    let (target, other) = (package("acme/reports:v1"), package("acme/other:v1"));
    deposit(&test, &target, b"all is well").await;
    deposit(&test, &other, b"unharmed").await;
    change_a_byte(&object_with(test.settings(), b"all is well"));

    let found = scrub(&test).await;
    assert_eq!((found.corrupt, found.missing, found.unread, found.complete), (1, 0, 0, true));
    let facts_then = facts(&test).await;
    let since = facts_then.iter().position(|fact| matches!(fact, Fact::BlobCorrupt(_))).unwrap() as u64;
    assert!(matches!(facts_then.last(), Some(Fact::BlobVerified(said)) if said.through.is_none()));

    // Not by a grant, and whoever asks is told which and since when.
    let digest = Digests::of(b"all is well").blake3;
    let refused = test.read(&target, &"file".parse().unwrap()).await.unwrap_err();
    assert!(refused.to_string().contains(&format!("{digest} is corrupt since event {since}")), "{refused}");
    let ReadError::Grant(reads::Error::BlobsDamaged { damaged }) = refused else { panic!("damaged") };
    assert_eq!((damaged[0].0, damaged[0].1.found, damaged[0].1.position), (digest, Damage::Corrupt, since));
    assert_eq!(read(&test, &other).await.unwrap(), b"unharmed");
    // Not present: it has to come again.
    let wanted = Wanted { digest: Some(digest.into()), size_bytes: None };
    let opened = uploads::open(test.control(), &test.context(), &target.repository, &[wanted]).await.unwrap();
    assert!(matches!(opened[0], Opened::Upload { .. }));
    // An audit names it, and says that it is known.
    let report = audit(test.settings()).await;
    assert_eq!(report.findings_total, 1, "{report:?}");
    assert!(report.findings[0].detail.contains(&format!("known since position {since}")), "{report:?}");

    // Reading it again says nothing new.
    assert_eq!(scrub(&test).await.corrupt, 1);
    let corrupt = |facts: &[Fact]| facts.iter().filter(|fact| matches!(fact, Fact::BlobCorrupt(_))).count();
    assert_eq!(corrupt(&facts(&test).await), 1);

    deposit(&test, &package("acme/reports:v2"), b"all is well").await;
    assert_eq!(read(&test, &target).await.unwrap(), b"all is well");
    assert_eq!(scrub(&test).await.corrupt, 0);
    let report = audit(test.settings()).await;
    assert!(report.is_clean(), "{report:?}");
    test.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_is_not_accepted_on_a_corrupt_blob() {
    use strongroom::control::Precondition;
    use strongroom::control::manifests;

    let test = TestNode::start().await;
    let target = package("acme/reports:v1");
    deposit(&test, &target, b"all is well").await;
    let context = test.context();
    let stored = manifests::get(
        test.control(),
        &context.caller,
        &target.repository,
        &target.reference,
        manifests::Form::Native,
    );
    let document = stored.await.unwrap().bytes;
    deposit(&test, &package("acme/elsewhere:v1"), b"something else").await;
    std::fs::remove_file(object_with(test.settings(), b"all is well")).unwrap();
    assert_eq!(scrub(&test).await.missing, 1);

    let elsewhere = package("acme/elsewhere:v2");
    let refused = manifests::accept(
        test.control(),
        &context,
        &elsewhere.repository,
        &elsewhere.reference,
        &document,
        Precondition::Any,
    );
    let refused = refused.await.unwrap_err();
    let digest = Digests::of(b"all is well").blake3;
    let manifests::Error::BlobsMissing { missing } = refused else { panic!("{refused}") };
    assert!(missing.contains(&digest), "what is damaged has to be pushed");
    // What was accepted is still listed.
    let caller = test.context().caller;
    let listed = manifests::list(test.control(), &caller, &target.repository, None, 10).await.unwrap();
    assert_eq!(listed.len(), 1);
    test.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_blob_that_is_put_back_is_found_restored() {
    let test = TestNode::start().await;
    let target = package("acme/reports:v1");
    deposit(&test, &target, b"all is well").await;
    deposit(&test, &package("acme/reports:v2"), b"unharmed").await;
    let object = object_with(test.settings(), b"all is well");
    let aside = test.state_dir().join("aside");
    std::fs::rename(&object, &aside).unwrap();
    assert_eq!(scrub(&test).await.missing, 1);
    assert!(read(&test, &target).await.unwrap_err().contains("is missing since event"));

    std::fs::rename(&aside, &object).unwrap();
    let found = scrub(&test).await;
    assert_eq!((found.restored, found.missing), (1, 0));
    assert_eq!(read(&test, &target).await.unwrap(), b"all is well");
    // A summary after that counts it again.
    scrub(&test).await;
    let report = audit(test.settings()).await;
    assert!(report.is_clean(), "{report:?}");
    test.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrub_that_is_stopped_goes_on_where_it_was_after_a_restart() {
    let mut test = TestNode::start().await;
    for n in 0..6_u8 {
        deposit(&test, &package(&format!("acme/reports:v{n}")), &[n; 100]).await;
    }
    let (stop, told) = (CancellationToken::new(), AtomicU64::new(0));
    let stop_after_three = |_| {
        if told.fetch_add(1, Ordering::SeqCst) == 2 {
            stop.cancel();
        }
    };
    let first = test.scrub(Selection::default(), None, &stop, &stop_after_three).await.unwrap();
    assert!(!first.complete && first.blobs > 0 && first.blobs < first.blobs_total, "{first:?}");

    test.restart().await;
    let second = scrub(&test).await;
    assert!(second.complete);
    assert_eq!((second.blobs, second.blobs_total), (first.blobs_total, first.blobs_total));
    let said: Vec<_> = facts(&test).await;
    let said: Vec<_> = said
        .iter()
        .filter_map(|fact| if let Fact::BlobVerified(said) = fact { Some(said) } else { None })
        .collect();
    assert_eq!(said.len(), 2);
    assert_eq!((said[0].after, said[1].through), (None, None));
    assert_eq!(said[0].through, said[1].after);
    assert_eq!(said[0].blobs + said[1].blobs, first.blobs_total);
    let report = audit(test.settings()).await;
    assert!(report.is_clean(), "{report:?}");
    test.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_is_read_beside_a_service_and_is_no_progress_of_the_whole() {
    let test = TestNode::start().await;
    deposit(&test, &package("acme/reports:v1"), b"all is well").await;
    deposit(&test, &package("acme/other:v1"), b"something else").await;
    let offline = Offline::open(test.settings().clone()).await.unwrap();
    let part = Selection { repository: Some("acme/other".parse().unwrap()), since_ms: None };
    let found = offline.scrub(part, None, &CancellationToken::new(), &|_| {}).await.unwrap();
    offline.close().await;
    // The file and the config of its package.
    assert!(found.complete && found.blobs < 4, "{found:?}");
    let all = scrub(&test).await;
    assert_eq!(all.blobs, all.blobs_total);
    assert!(all.blobs > found.blobs);
    let report = audit(test.settings()).await;
    assert!(report.is_clean(), "{report:?}");
    test.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_in_which_nothing_is_found_is_not_taken_for_lost() {
    let test = TestNode::start().await;
    let files: Vec<_> = (0..120_u32).map(|n| test.file(&format!("file-{n}"), &n.to_be_bytes())).collect();
    let named = files.iter().enumerate().map(|(n, file)| (format!("file-{n}").parse().unwrap(), file));
    test.deposit(&package("acme/reports:v1"), named).await.unwrap();
    let objects = test.settings().blobs_dir().expect("on this disk").join("objects");
    let aside = test.state_dir().join("aside");
    let away = |from: &std::path::Path, to: &std::path::Path| {
        std::fs::create_dir_all(to).unwrap();
        for shard in std::fs::read_dir(from).unwrap().flatten() {
            for object in std::fs::read_dir(shard.path()).into_iter().flatten().flatten() {
                let to = to.join(shard.file_name());
                std::fs::create_dir_all(&to).unwrap();
                std::fs::rename(object.path(), to.join(object.file_name())).unwrap();
            }
        }
    };
    away(&objects, &aside);
    let refused =
        test.scrub(Selection::default(), None, &CancellationToken::new(), &|_| {}).await.unwrap_err();
    assert!(refused.to_string().contains("all missing"), "{refused}");
    assert!(
        !facts(&test).await.iter().any(|fact| matches!(fact, Fact::BlobCorrupt(_) | Fact::BlobVerified(_)))
    );
    away(&aside, &objects);
    assert_eq!(scrub(&test).await.missing, 0);
    test.stop().await;
}
