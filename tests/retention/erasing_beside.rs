//! Erasure beside what else there is of the same package: an index that lists it, and a move of its bytes.

use std::path::Path;

use strongroom::control::manifests::{self, Form};
use strongroom::control::objects::READABLE_MS;
use strongroom::control::{Precondition, deletions, pins, retention};
use strongroom::kernel::digest::Blake3;
use strongroom::kernel::id::RepositoryName;
use strongroom::kernel::manifest::{Document, Header, Index};
use strongroom::kernel::statement::Key;

use crate::cold::ALL_COLD;
use crate::harness::node::package;
use crate::scene::{Scene, by_digest};

fn reports() -> RepositoryName {
    "acme/reports".parse().unwrap()
}

impl Scene {
    /// A package of one file of that name.
    async fn deposit_file(&self, target: &str, name: &str) -> Blake3 {
        let file = self.node.file("deposited", format!("the content of {name}").as_bytes());
        self.node.deposit(&package(target), [(name.parse().unwrap(), &file)]).await.unwrap();
        let package = package(target);
        self.digest(&package.repository, &package.reference).await
    }

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
    let one = scene.deposit_file("acme/reports:one", "one.txt").await;
    let two = scene.deposit_file("acme/reports:two", "two.txt").await;
    let index = scene.index("all", &[one, two]).await;
    assert_eq!(scene.read_file("acme/reports:all", "one.txt").await.unwrap(), b"the content of one.txt");

    let erased = scene.erase(&reports(), one).await.unwrap();
    assert_eq!((erased.listed_by.as_slice(), erased.documents_erased), (&[index][..], true));
    let refused = scene.read_file("acme/reports:all", "one.txt").await.unwrap_err();
    assert!(refused.contains(&format!("{one} was erased")), "{refused}");
    let by_its_digest = scene.read_file(&format!("acme/reports@{two}"), "two.txt").await;
    assert_eq!(by_its_digest.unwrap(), b"the content of two.txt");

    let control = scene.node.control();
    let pin = pins::Wanted {
        pin: "prod".parse().unwrap(),
        precondition: Precondition::Any,
        said: pins::Said::new([(Key::Reason, "the release".to_owned())]).unwrap(),
    };
    let refused = pins::set(control, &scene.context("keeper"), &reports(), &pin, &index.into()).await;
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

/// Files under a directory that hold those bytes.
fn files_with(directory: &Path, bytes: &[u8]) -> usize {
    let holds = |path: &Path| std::fs::read(path).unwrap().windows(bytes.len()).any(|window| window == bytes);
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let of = |path: &Path| if path.is_dir() { files_with(path, bytes) } else { usize::from(holds(path)) };
    entries.map(|path| of(&path)).sum()
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
        // Grants to read what was moved end first.
        scene.clock.advance_ms(READABLE_MS + 1);
        scene.collect().await;
        assert_eq!(files_with(&scene.node.settings().state_dir, content.as_bytes()), 0, "round {round}");
    }
    scene.expect_sound().await;
    scene.node.stop().await;
}
