//! Real files: what is acknowledged is there after a kill -9, and nothing more is believed.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use strongroom::data::Phase;
use strongroom::kernel::digest::Digests;
use strongroom::stores::{Filesystem, Store};

use crate::child;
use crate::harness::{Node, broken, sample};

const MIB: usize = 1024 * 1024;

async fn store(directory: &Path) -> Arc<dyn Store> {
    Arc::new(Filesystem::open(directory).await.unwrap())
}

/// Another process on the same directory, once the old one has let go of it.
async fn restarted(node: Node, directory: &Path) -> Node {
    drop(node);
    Node::on(store(directory).await)
}

#[tokio::test]
async fn an_upload_goes_on_after_a_restart_on_real_files() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::on(store(directory.path()).await);
    let bytes = sample(5 * MIB + 4321);
    let grant = node.may_upload(bytes.len() as u64);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    let cut = 2 * MIB + 1234;
    let gone =
        node.plane.append(&grant, session, strongroom::data::Append::at(0), broken(&bytes[..cut])).await;
    assert!(gone.is_err());

    // What a crash leaves behind the durable end: bytes that were written, but not acknowledged.
    let stage = directory
        .path()
        .join("stages")
        .join(strongroom::kernel::id::ObjectKey::from_uuid(session.0).as_str());
    let mut file = std::fs::OpenOptions::new().append(true).open(&stage).unwrap();
    file.write_all(&[0xee; 100_000]).unwrap();
    drop(file);

    let node = restarted(node, directory.path()).await;
    let status = node.plane.status(&grant, session).await.unwrap();
    assert_eq!((status.offset, &status.phase), (cut as u64, &Phase::Receiving));
    let done = node.append(&grant, session, status.offset, &bytes[cut..]).await.unwrap();
    let receipt = node.check(&done, &bytes).await;
    assert!(!stage.exists());

    let node = restarted(node, directory.path()).await;
    assert_eq!(node.plane.status(&grant, session).await.unwrap(), done, "the first receipt");
    node.check(&done, &bytes).await;
    let read = node.plane.open_blob(&node.may_read(&receipt), None).await.unwrap();
    assert_eq!(read.size_bytes, bytes.len() as u64);
}

#[tokio::test]
async fn durable_bytes_that_are_gone_are_not_papered_over() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::on(store(directory.path()).await);
    let grant = node.may_upload(10);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    node.append(&grant, session, 0, b"abcdef").await.unwrap();
    let stage = directory
        .path()
        .join("stages")
        .join(strongroom::kernel::id::ObjectKey::from_uuid(session.0).as_str());
    std::fs::OpenOptions::new().write(true).open(&stage).unwrap().set_len(5).unwrap();
    let error = node.append(&grant, session, 6, b"ghij").await.unwrap_err();
    assert!(error.to_string().contains("5 bytes, 6 were durable"), "{error}");
}

/// The child is killed after it has said so much; everything that it said is true, and the upload is finished by another.
async fn killed_after(says: usize) {
    let directory = tempfile::tempdir().unwrap();
    let mut child = child::start(directory.path());
    let (mut acknowledged, mut receipts) = (0, Vec::new());
    let mut hear = |(word, rest): (String, String)| match &*word {
        "offset" => acknowledged = rest.parse::<u64>().unwrap(),
        _ => receipts.push(rest),
    };
    (0..says).for_each(|_| hear(child.next().unwrap()));
    child.kill();
    while let Some(said) = child.next() {
        hear(said);
    }

    let node = Node::on(store(directory.path()).await);
    let grant = node.may_upload(child::LENGTH as u64);
    let bytes = sample(child::LENGTH);
    let status = node.plane.create(&grant, None).await.unwrap();
    assert!(status.offset >= acknowledged, "{} of {acknowledged} acknowledged bytes", status.offset);
    let rest = &bytes[usize::try_from(status.offset).unwrap()..];
    let done = node.append(&grant, status.session, status.offset, rest).await.unwrap();
    node.check(&done, &bytes).await;
    assert!(!receipts.is_empty());
    for receipt in receipts {
        let receipt = node.believe(&receipt);
        let found = node.object(&receipt.object).await.unwrap();
        assert_eq!(Digests::of(&found), receipt.digests);
    }
}

#[tokio::test]
async fn what_was_acknowledged_before_a_kill_is_there_after_it() {
    for says in [2, 3, 6, 11, 20] {
        killed_after(says).await;
    }
}
