//! Random histories of one upload: however its bytes are cut, its connections break and its process dies, the blob that
//! comes out has the digests of the bytes that went in.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use proptest::prelude::*;
use strongroom::data::{Append, Checksum, Phase, session};

use strongroom::stores::Memory;

use crate::harness::{Node, body, broken, sample};
use crate::s3_server::Server;

#[derive(Debug, Clone)]
enum Op {
    /// So many bytes in pieces of that size.
    Send { bytes: usize, piece: usize },
    /// With a checksum, right or wrong.
    Checked { bytes: usize, right: bool },
    /// The connection breaks after so many bytes.
    Break { bytes: usize },
    /// The client vanishes in the middle, and another connection takes over.
    Vanish { bytes: usize },
    /// The process dies.
    Crash,
}

fn op() -> impl Strategy<Value = Op> {
    let bytes = prop_oneof![0usize..100, 0usize..700_000, Just(1024 * 1024)];
    prop_oneof![
        (bytes.clone(), 1_000usize..300_000).prop_map(|(bytes, piece)| Op::Send { bytes, piece }),
        (bytes.clone(), any::<bool>()).prop_map(|(bytes, right)| Op::Checked { bytes, right }),
        bytes.clone().prop_map(|bytes| Op::Break { bytes }),
        bytes.prop_map(|bytes| Op::Vanish { bytes }),
        Just(Op::Crash),
    ]
}

/// What outlives the processes.
enum World {
    Memory(Memory),
    Bucket(Server),
}

impl World {
    async fn bucket() -> (Node, Self) {
        let server = Server::start().await;
        (Node::on(Arc::new(server.store().await)), Self::Bucket(server))
    }

    async fn crash(&mut self, node: &mut Node) {
        match self {
            Self::Memory(memory) => {
                *memory = memory.crash();
                node.restart_on(memory);
            }
            // What the old process has on its way still arrives, as it may from one that is only thought dead.
            Self::Bucket(server) => {
                node.store = Arc::new(server.store().await);
                node.restart();
            }
        }
    }
}

async fn run((mut node, mut world): (Node, World), length: usize, ops: Vec<Op>) {
    let bytes = sample(length);
    let grant = node.may_upload(length as u64);
    let session = node.plane.create(&grant, Some(length as u64)).await.unwrap().session;
    for op in ops {
        let status = node.plane.status(&grant, session).await.unwrap();
        if let Phase::Sealed(_) = status.phase {
            break;
        }
        let rest = &bytes[usize::try_from(status.offset).unwrap()..];
        let at = Append::at(status.offset);
        let upto = |count: usize| &rest[..count.min(rest.len())];
        match op {
            Op::Send { bytes, piece } => {
                let sent = upto(bytes);
                match node.plane.append(&grant, session, at, body(sent, piece)).await {
                    Ok(after) => assert_eq!(after.offset, status.offset + sent.len() as u64),
                    Err(error) => assert!(overtaken(&error), "{error}"),
                }
            }
            Op::Checked { bytes, right } => {
                let sent = upto(bytes);
                let mut sum = *blake3::hash(sent).as_bytes();
                sum[0] ^= u8::from(!right);
                let at = Append { checksum: Some(Checksum::Blake3(sum)), ..at };
                let outcome = node.plane.append(&grant, session, at, body(sent, 65_536)).await;
                match outcome {
                    Ok(after) => assert!(right && after.offset == status.offset + sent.len() as u64),
                    Err(session::Error::Checksum) => assert!(!right),
                    Err(error) => assert!(overtaken(&error), "{error}"),
                }
            }
            Op::Break { bytes } => {
                let sent = upto(bytes);
                let outcome = node.plane.append(&grant, session, at, broken(sent)).await;
                match outcome {
                    Ok(after) => assert!(matches!(after.phase, Phase::Sealed(_))),
                    Err(session::Error::Disconnected { .. }) => {}
                    Err(error) => assert!(overtaken(&error), "{error}"),
                }
            }
            Op::Vanish { bytes } => {
                let body = body(upto(bytes), 40_000).chain(stream::pending::<Result<Bytes, String>>());
                let (plane, grant) = (node.plane.clone(), grant.clone());
                drop(tokio::spawn(async move { plane.append(&grant, session, at, body).await }));
                tokio::task::yield_now().await;
            }
            Op::Crash => {
                world.crash(&mut node).await;
            }
        }
    }
    let done = loop {
        let status = node.plane.status(&grant, session).await.unwrap();
        let rest = &bytes[usize::try_from(status.offset).unwrap()..];
        match node.append(&grant, session, status.offset, rest).await {
            Ok(done) => break done,
            Err(error) => assert!(overtaken(&error), "{error}"),
        }
    };
    node.check(&done, &bytes).await;
}

/// The request of a client that vanished was only now read to its end: ask again where the session is.
///
/// Or a process that was thought dead, but was not, was faster.
fn overtaken(error: &session::Error) -> bool {
    matches!(error, session::Error::Offset { .. } | session::Error::Displaced)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn the_blob_is_the_bytes_that_were_sent(
        length in prop_oneof![1usize..1000, 1usize..3_000_000, Just(2 * 1024 * 1024)],
        ops in prop::collection::vec(op(), 0..12),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let (node, memory) = Node::in_memory();
            run((node, World::Memory(memory)), length, ops).await;
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]
    #[test]
    fn the_blob_is_the_bytes_that_were_sent_to_a_bucket(
        length in prop_oneof![1usize..1000, 1usize..5_000_000, Just(3 * 1024 * 1024)],
        ops in prop::collection::vec(op(), 0..12),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async { run(World::bucket().await, length, ops).await });
    }
}
