//! Bytes that no package needs are freed, and no others.

use strongroom::kernel::event::Fact;
use strongroom::kernel::limits::GC_GRACE_HOURS;

use crate::harness::node::package;
use crate::scene::Scene;

const GRACE_MS: u64 = GC_GRACE_HOURS * 3_600_000;

/// Bytes of all files under the blob store.
fn bytes_on_disk(scene: &Scene) -> u64 {
    let mut waiting = vec![scene.node.settings().blobs_dir().unwrap().join("objects")];
    let mut bytes = 0;
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            match entry.file_type().unwrap().is_dir() {
                true => waiting.push(entry.path()),
                false => bytes += entry.metadata().unwrap().len(),
            }
        }
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_freed_is_what_the_disk_loses_and_what_another_package_needs_stays() {
    let scene = Scene::start().await;
    scene.deposit("acme/reports:shared", b"in both").await;
    scene.deposit("acme/copies:shared", b"in both").await;
    scene.deposit("acme/reports:alone", &[7; 100_000]).await;
    let before = bytes_on_disk(&scene);
    for target in ["acme/reports:shared", "acme/reports:alone"] {
        scene.delete(target).await.unwrap();
    }
    assert_eq!(scene.collect().await, (0, 0), "nothing goes before its grace is over");
    scene.clock.advance_ms(GRACE_MS + 1);
    let (objects, freed) = scene.collect().await;
    assert_eq!(objects, 1);
    assert_eq!(before - bytes_on_disk(&scene), freed);
    assert_eq!(freed, 100_000);
    let facts = scene.facts().await;
    let started = facts.iter().position(|fact| matches!(fact, Fact::BlobDeletionStarted(_))).unwrap();
    let ended = facts.iter().position(|fact| matches!(fact, Fact::BlobDeleted(_))).unwrap();
    assert!(started < ended);
    assert_eq!(scene.collect().await, (0, 0), "repeated, it finds nothing");

    let copy = scene.node.read(&package("acme/copies:shared"), &"file".parse().unwrap()).await.unwrap();
    assert_eq!(copy.bytes().await.unwrap(), b"in both");
    // What was freed is uploaded again as any new content.
    scene.deposit("acme/reports:again", &[7; 100_000]).await;
    let again = scene.node.read(&package("acme/reports:again"), &"file".parse().unwrap()).await.unwrap();
    assert_eq!(again.bytes().await.unwrap(), [7; 100_000]);
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_that_comes_back_within_the_grace_keeps_its_bytes() {
    let scene = Scene::start().await;
    scene.deposit("acme/reports:v1", b"evidence").await;
    scene.delete("acme/reports:v1").await.unwrap();
    scene.clock.advance_ms(GRACE_MS - 1_000);
    scene.deposit("acme/reports:v1", b"evidence").await;
    scene.clock.advance_ms(GRACE_MS * 2);
    assert_eq!(scene.collect().await, (0, 0));
    let read = scene.node.read(&package("acme/reports:v1"), &"file".parse().unwrap()).await.unwrap();
    assert_eq!(read.bytes().await.unwrap(), b"evidence");
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn collections_at_once_start_each_deletion_once() {
    let scene = Scene::start().await;
    for n in 0..8_u8 {
        scene.deposit(&format!("acme/reports:v{n}"), &[n; 1_000]).await;
        scene.delete(&format!("acme/reports:v{n}")).await.unwrap();
    }
    scene.clock.advance_ms(GRACE_MS + 1);
    let before = bytes_on_disk(&scene);
    // Decided on the same log, they wait for its writer together.
    let collected = futures::future::join_all((0..6).map(|_| scene.collect())).await;
    let objects: u64 = collected.iter().map(|(objects, _)| objects).sum();
    let freed: u64 = collected.iter().map(|(_, bytes)| bytes).sum();
    // One of them is the empty configuration that they share.
    assert_eq!((before - bytes_on_disk(&scene), objects), (freed, 9), "what they say together is so");
    let mut started: Vec<_> = Vec::new();
    for fact in scene.facts().await {
        if let Fact::BlobDeletionStarted(fact) = fact {
            assert!(!started.contains(&fact.object), "the deletion of {} was started twice", fact.object);
            started.push(fact.object);
        }
    }
    assert_eq!(started.len(), 9);
    scene.node.stop().await;
}
