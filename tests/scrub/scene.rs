//! What the tests do to a node and its store.

use std::path::{Path, PathBuf};

use strongroom::audit::{Depth, Report};
use strongroom::config::Settings;
use strongroom::control::scrub::Progress;
use strongroom::kernel::event::{Fact, Selection};
use strongroom::kernel::id::{ObjectKey, PackageRef};
use strongroom::node::{Node, Offline};
use tokio_util::sync::CancellationToken;
use uuid::{NoContext, Timestamp, Uuid};

use crate::harness::node::TestNode;

/// Deposits one file under a tag of its own.
pub(crate) async fn deposit(test: &TestNode, package: &PackageRef, content: &[u8]) {
    let file = test.file("deposited", content);
    test.deposit(package, [("file".parse().unwrap(), &file)]).await.unwrap();
}

/// The file of a package.
pub(crate) async fn read(node: &Node, package: &PackageRef) -> Result<Vec<u8>, String> {
    let reading = node.read(package, &"file".parse().unwrap()).await.map_err(|error| error.to_string())?;
    reading.bytes().await.map_err(|error| error.to_string())
}

/// The object that has this content.
pub(crate) fn object_with(settings: &Settings, content: &[u8]) -> PathBuf {
    let mut waiting = vec![settings.blobs_dir().expect("on this disk").join("objects")];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if std::fs::read(&path).unwrap() == content {
                return path;
            }
        }
    }
    panic!("no object has it")
}

pub(crate) fn change_a_byte(path: &Path) {
    let mut content = std::fs::read(path).unwrap();
    content[0] ^= 1;
    std::fs::write(path, content).unwrap();
}

/// Reads all blobs again.
pub(crate) async fn scrub(node: &Node) -> Progress {
    node.scrub(Selection::default(), None, &CancellationToken::new(), &|_| {}).await.unwrap()
}

/// Every fact in the log.
pub(crate) async fn facts(node: &Node) -> Vec<Fact> {
    let mut facts = Vec::new();
    node.replay(|recorded| facts.push(recorded.event.fact)).await.unwrap();
    facts
}

/// An audit of everything, beside whoever runs.
pub(crate) async fn audit(settings: &Settings) -> Report {
    let offline = Offline::open(settings.clone()).await.unwrap();
    let report = offline.audit(Depth::Full, &[], &|_| {}).await.unwrap();
    offline.close().await;
    report
}

/// A key as it was given to an upload at that time.
pub(crate) fn object_made_at(ms: u64) -> ObjectKey {
    let made = Timestamp::from_unix(NoContext, ms / 1_000, 0);
    ObjectKey::from_uuid(Uuid::new_v7(made))
}

/// Everything in a directory, to another that is not there yet.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}
