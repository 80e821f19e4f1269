//! Erasure beside what else there is of the same package: an index that lists it, and a move of its bytes.

use std::sync::Arc;

use async_trait::async_trait;
use futures::TryStreamExt as _;
use strongroom::contract::{Order, Task};
use strongroom::control::manifests::{self, Form};
use strongroom::control::orders::{Carry, Desk, NotCarried};
use strongroom::control::{Precondition, deletions, pins, retention, tiers};
use strongroom::data::Orderly;
use strongroom::kernel::digest::Blake3;
use strongroom::kernel::event::Fact;
use strongroom::kernel::manifest::{Document, Header, Index};
use strongroom::stores::{Memory, Store as _};
use tokio::sync::Notify;

use crate::cold::{ALL_COLD, store};
use crate::erasing::{prod, reports};
use crate::harness::node::package;
use crate::scene::{Scene, by_digest};

impl Scene {
    async fn index(&self, tag: &str, parts: &[Blake3]) -> Blake3 {
        let (control, context) = (self.node.control(), self.context("depositor"));
        let mut listed = Vec::new();
        for part in parts {
            let form = Form::Native;
            let found =
                manifests::get(control, &context.caller, &reports(), &by_digest(*part), form).await.unwrap();
            listed.push(Document::decode(&found.bytes).unwrap().descriptor());
        }
        let bytes = Index::new(Header::default(), listed).unwrap().encode();
        let reference = tag.parse().unwrap();
        let accepted =
            manifests::accept(control, &context, &reports(), &reference, &bytes, Precondition::Any).await;
        accepted.unwrap().digests.blake3
    }

    async fn read_file(&self, target: &str, path: &str) -> Result<Vec<u8>, String> {
        let reading = self.node.read(&package(target), &path.parse().unwrap()).await;
        reading.map_err(|error| error.to_string())?.bytes().await.map_err(|error| error.to_string())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_says_which_of_its_parts_was_erased_and_the_others_are_read() {
    let scene = Scene::start().await;
    let one = scene.deposit_file("acme/reports:one", "one.txt", b"the content of one.txt").await.unwrap();
    let two = scene.deposit_file("acme/reports:two", "two.txt", b"the content of two.txt").await.unwrap();
    let index = scene.index("all", &[one, two]).await;
    assert_eq!(scene.read_file("acme/reports:all", "one.txt").await.unwrap(), b"the content of one.txt");

    let erased = scene.erase(&reports(), one).await.unwrap();
    assert_eq!((erased.listed_by.as_slice(), erased.documents_erased), (&[index][..], true));
    let refused = scene.read_file("acme/reports:all", "one.txt").await.unwrap_err();
    assert!(refused.contains(&format!("{one} was erased")), "{refused}");
    let by_its_digest = scene.read_file(&format!("acme/reports@{two}"), "two.txt").await;
    assert_eq!(by_its_digest.unwrap(), b"the content of two.txt");

    let control = scene.node.control();
    let refused = pins::set(control, &scene.context("keeper"), &reports(), &prod(), &index.into()).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains(&one.to_string()), "a pin claims what is there whole: {refused}");
    // What is left of it is kept by the index as before.
    let kept = scene.delete(&format!("acme/reports@{two}")).await.unwrap_err();
    assert!(matches!(&kept, deletions::Error::Kept { .. }), "{kept}");
    let caller = scene.context("planner").caller;
    let all = "[[rules]]\nname = 'all'\nselect = { repository = 'acme/*' }\naction = 'delete'\n";
    scene.policy("weekly", all).await;
    let plan = retention::plan(control, &caller, &[]).await.unwrap().plan;
    assert_eq!(plan.totals().deletions, 2, "the index, then what it lists");
    scene.expect_sound().await;
    scene.node.stop().await;
}

/// Obeys an order to move, and reports it when it is told to.
struct Late {
    orderly: Orderly,
    obeyed: Notify,
    go_on: Notify,
}

#[async_trait]
impl Carry for Late {
    async fn carry(&self, _: &Order, text: &str) -> Result<String, NotCarried> {
        let read = self.orderly.read(text).expect("a true order");
        let obeyed = self.orderly.obey(&read).await;
        if let Task::Move(_) = read.task {
            self.obeyed.notify_one();
            self.go_on.notified().await;
        }
        Ok(obeyed.text)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_what_was_erased_before_it_is_on_record_is_deleted_at_once() {
    let scene = Scene::with_a_cold_store().await;
    let digest = scene.deposit("acme/reports:v1", b"Jane Doe, whose file moves").await;
    assert_eq!(scene.tier_all(ALL_COLD).await, 1);
    let cold = Arc::new(Memory::new());
    let (orders, orderly) = scene.orderly(cold.clone()).await;
    let late = Arc::new(Late { orderly, obeyed: Notify::new(), go_on: Notify::new() });
    let desk = Desk::new(orders, late.clone());
    let objects = async || cold.list().await.unwrap().try_collect::<Vec<_>>().await.unwrap().len();

    let (context, repository) = (scene.context("keeper"), reports());
    let moving = tiers::step(scene.node.control(), &context, &desk, None, u64::MAX);
    let erasing = async {
        late.obeyed.notified().await;
        assert_eq!(objects().await, 1, "the copy is made");
        let erased = scene.erase(&repository, digest).await.unwrap();
        late.go_on.notify_one();
        erased
    };
    let (step, erased) = tokio::join!(moving, erasing);
    let step = step.unwrap();
    assert_eq!((step.moved.count, step.overtaken, step.failed), (0, 1, 0), "{step:?}");
    assert!(erased.documents_erased && erased.step.failed == 0, "{erased:?}");
    assert_eq!(objects().await, 0);
    let given_up = |fact: &Fact| matches!(fact, Fact::ObjectDiscarded(fact) if fact.store == store("cold"));
    assert_eq!(scene.facts().await.iter().filter(|fact| given_up(fact)).count(), 1);
    scene.expect_sound().await;
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_erased_while_it_moves_is_gone_from_both_stores() {
    let scene = Scene::with_a_cold_store().await;
    for round in 0..6 {
        let (target, content) = (format!("acme/reports:r{round}"), format!("Jane Doe, file number {round}"));
        let digest = scene.deposit(&target, content.as_bytes()).await;
        assert_eq!(scene.tier_all(ALL_COLD).await, 1);
        let repository = reports();
        let (_, erased) = tokio::join!(scene.move_all(), scene.erase(&repository, digest));
        let erased = erased.unwrap();
        assert!(erased.documents_erased && erased.step.failed == 0, "{erased:?}");
        assert_eq!(
            scene.files_with(content.as_bytes()),
            0,
            "round {round}: at once, and without a collection"
        );
    }
    scene.expect_sound().await;
    scene.node.stop().await;
}
