//! What is swept, what is left, and when nothing is.

use std::sync::Arc;

use bytes::Bytes;
use strongroom::clock::{Clock, Manual, System};
use strongroom::control::objects::CLAIMABLE_MS;
use strongroom::kernel::event::{DiscardReason, Fact};
use strongroom::kernel::id::ObjectKey;
use strongroom::node::{Offline, Options, Why};
use strongroom::stores::Document;

use crate::harness::node::{TestNode, package};
use crate::scene::{audit, deposit, facts, object_made_at, read};

async fn put(test: &TestNode, object: &ObjectKey) {
    test.store().put(object, Bytes::from_static(b"nobody claims it")).await.unwrap();
}

fn discarded(facts: &[Fact]) -> Vec<(&ObjectKey, DiscardReason)> {
    let mut found = Vec::new();
    for fact in facts {
        if let Fact::ObjectDiscarded(said) = fact {
            found.push((&said.object, said.reason));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_claims_goes_by_an_event_first_and_everything_else_stays() {
    let mut test = TestNode::start().await;
    let target = package("acme/reports:v1");
    deposit(&test, &target, b"all is well").await;
    let now_ms = System.now_ms();
    let old = object_made_at(now_ms - CLAIMABLE_MS - 60_000);
    let young = object_made_at(now_ms - CLAIMABLE_MS + 600_000);
    let ageless = ObjectKey::from_uuid(uuid::Uuid::from_u128(7));
    for object in [&old, &young, &ageless] {
        put(&test, object).await;
    }

    let would = test.sweep(true).await.unwrap();
    assert_eq!(
        would.gone.iter().map(|gone| (&gone.object, gone.why)).collect::<Vec<_>>(),
        [(&old, Why::Unclaimed)]
    );
    assert_eq!((would.young, would.claimed), (2, would.objects - 3));
    assert_eq!(discarded(&facts(&test).await), []);
    assert_eq!(test.store().size(&old).await.unwrap(), Some(16));

    // Beside a service objects are given up, and that service deletes them.
    let offline = Offline::open(test.settings().clone()).await.unwrap();
    let given_up = offline.sweep(false).await.unwrap();
    offline.close().await;
    assert!(!given_up.gone[0].deleted && given_up.gone[0].discarded_at.is_some());
    assert_eq!(test.store().size(&old).await.unwrap(), Some(16));
    let swept = test.sweep(false).await.unwrap();
    assert_eq!((swept.gone.len(), swept.gone[0].why, swept.gone[0].deleted), (1, Why::Discarded, true));
    assert_eq!(discarded(&facts(&test).await), [(&old, DiscardReason::Abandoned)]);
    assert_eq!(test.store().size(&old).await.unwrap(), None);
    for object in [&young, &ageless] {
        assert_eq!(test.store().size(object).await.unwrap(), Some(16));
    }
    // Again, it finds nothing.
    assert_eq!(test.sweep(false).await.unwrap().gone, []);
    assert_eq!(read(&test, &target).await.unwrap(), b"all is well");

    // Without a service the command has the store.
    put(&test, &object_made_at(now_ms - CLAIMABLE_MS - 120_000)).await;
    test.halt().await;
    let offline = Offline::open(test.settings().clone()).await.unwrap();
    let swept = offline.sweep(false).await.unwrap();
    offline.close().await;
    assert!(swept.gone.len() == 1 && swept.gone[0].deleted, "{swept:?}");
    let report = audit(test.settings()).await;
    assert!(report.is_clean(), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sweepers_at_once_give_an_object_up_once() {
    let test = TestNode::start().await;
    let old_ms = System.now_ms() - CLAIMABLE_MS - 60_000;
    for _ in 0..20 {
        put(&test, &object_made_at(old_ms)).await;
    }
    let (one, other) = tokio::join!(test.sweep(false), test.sweep(false));
    for swept in [one.unwrap(), other.unwrap()] {
        assert!(swept.gone.iter().all(|gone| gone.deleted), "{swept:?}");
    }
    assert_eq!(discarded(&facts(&test).await).len(), 20);
    assert_eq!(test.objects().await, 0);
    test.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_swept_while_the_log_is_not_what_was_signed() {
    let test = TestNode::start().await;
    let old = object_made_at(System.now_ms() - CLAIMABLE_MS - 60_000);
    put(&test, &old).await;
    // As if the database had been replaced by an older one: the checkpoint outside is of a longer log.
    deposit(&test, &package("acme/reports:v1"), b"all is well").await;
    let (note, version) = test.store().load(Document::Checkpoint).await.unwrap().unwrap();
    test.store()
        .swap(Document::Checkpoint, Some(&version), Some(Bytes::from_static(b"no checkpoint")))
        .await
        .unwrap();
    for dry_run in [true, false] {
        let refused = test.sweep(dry_run).await.unwrap_err();
        assert!(refused.to_string().starts_with("nothing is swept: "), "{refused}");
    }
    assert_eq!(test.store().size(&old).await.unwrap(), Some(16));
    let (_, version) = test.store().load(Document::Checkpoint).await.unwrap().unwrap();
    test.store().swap(Document::Checkpoint, Some(&version), Some(note)).await.unwrap();
    assert_eq!(test.sweep(false).await.unwrap().gone.len(), 1);
    test.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_whose_upload_is_not_over_is_left_however_old_it_is() {
    let clock = Arc::new(Manual::at_ms(System.now_ms()));
    let options = Options { clock: clock.clone(), ..Options::default() };
    let test = TestNode::prepare().await.open_with(options).await;
    let object = object_made_at(clock.now_ms());
    put(&test, &object).await;
    let session = strongroom::kernel::id::SessionId(uuid::Uuid::try_parse(&object.as_str()[3..]).unwrap());
    let journal = Document::Session(session);
    let version =
        test.store().swap(journal, None, Some(Bytes::from_static(b"whatever it says"))).await.unwrap();
    clock.advance_ms(CLAIMABLE_MS + 60_000);
    let swept = test.sweep(false).await.unwrap();
    assert_eq!((swept.gone.len(), swept.uploading), (0, 1));
    test.store().swap(journal, version.as_ref(), None).await.unwrap();
    assert_eq!(test.sweep(false).await.unwrap().gone.len(), 1);
    test.stop().await;
}
