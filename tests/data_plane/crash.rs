//! Real files: what is acknowledged is there after a kill -9, and nothing more is believed.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use strongroom::data::Phase;
use strongroom::stores::{Filesystem, Store};

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
