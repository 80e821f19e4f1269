//! One plane hangs in a step, for as long as it takes another to finish its work; then it wakes, and does what it was about
//! to do. What the other finished stays as it is, and nothing else is left.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use strongroom::contract::Receipt;
use strongroom::data::{Admitted, Append, DataPlane, Phase, Status, session};
use strongroom::kernel::limits::{CLOCK_SKEW_SECONDS, SESSION_LIFE_MAX_SECONDS};
use strongroom::stores::{Kind, Memory, Step, Store as _};

use tokio::task::JoinHandle;

use crate::harness::{Node, body, sample};

const MIDDLE: usize = 1024 * 1024 + 77;
const TRIES: usize = 20;

/// As a client does that asks where it is: creates, sends the first half and then the rest. What fails is tried again.
async fn upload(plane: &DataPlane, grant: &Admitted, bytes: &[u8]) -> Result<Status, session::Error> {
    let mut last = None;
    for _ in 0..TRIES {
        match attempt(plane, grant, bytes).await {
            Err(error) => last = Some(error),
            done => return done,
        }
    }
    Err(last.unwrap())
}

async fn attempt(plane: &DataPlane, grant: &Admitted, bytes: &[u8]) -> Result<Status, session::Error> {
    let mut status = plane.create(grant, None).await?;
    while !matches!(status.phase, Phase::Sealed(_)) {
        let offset = usize::try_from(status.offset).unwrap();
        let part = &bytes[offset..if offset < MIDDLE { MIDDLE } else { bytes.len() }];
        let append = Append::at(status.offset);
        status = plane.append(grant, status.session, append, body(part, part.len().max(1))).await?;
    }
    Ok(status)
}

/// Nothing but the objects is left, whatever was begun.
async fn only(node: &Node, memory: &Memory, objects: usize, step: usize) {
    node.plane.redeliver().await.unwrap();
    let lifetime_ms = (SESSION_LIFE_MAX_SECONDS + 3 * CLOCK_SKEW_SECONDS) * 1_000;
    node.clock.advance_ms(lifetime_ms);
    node.plane.sweep().await.unwrap();
    for kind in Kind::ALL {
        assert_eq!(memory.names(kind).await.unwrap(), [], "step {step}");
    }
    assert_eq!(memory.list().await.unwrap().count().await, objects, "step {step}");
}

/// Waits until the first plane hangs, and says where; or has ended without.
async fn hangs(memory: &Memory, first: &JoinHandle<impl Send>) -> Option<Step> {
    while memory.faults().hanging().is_none() && !first.is_finished() {
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    memory.faults().hanging()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_is_finished_by_another_plane_whatever_step_the_first_hangs_in() {
    let bytes = sample(MIDDLE + 200_000);
    let mut hung = Vec::new();
    for step in 0.. {
        let (node, memory) = Node::in_memory();
        let other = Node::on(node.store.clone());
        node.plane.redeliver().await.unwrap();
        let grant = node.may_upload(bytes.len() as u64);
        memory.faults().hang(step);
        let (plane, of_task, to_send) = (node.plane.clone(), grant.clone(), bytes.clone());
        let first = tokio::spawn(async move { upload(&plane, &of_task, &to_send).await });
        let Some(at) = hangs(&memory, &first).await else { break };
        hung.push(at);
        let done =
            upload(&other.plane, &grant, &bytes).await.unwrap_or_else(|error| panic!("step {step}: {error}"));
        other.check(&done, &bytes).await;
        memory.faults().release();
        // It may find that it was displaced, or that all is done; it never makes something else of it.
        if let Ok(found) = first.await.unwrap() {
            let receipts = [found, done.clone()].map(|status| match status.phase {
                Phase::Sealed(sealed) => sealed.receipt,
                other => panic!("step {step}: {other:?}"),
            });
            assert_eq!(receipts[0], receipts[1], "step {step}");
        }
        memory.faults().clear();
        other.check(&done, &bytes).await;
        only(&node, &memory, 1, step).await;
    }
    for wanted in [Step::Load, Step::Stage, Step::Swap, Step::Write, Step::Sync, Step::Seal] {
        assert!(hung.contains(&wanted), "{wanted:?} never hung: {hung:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_blob_is_stored_once_whatever_step_the_first_plane_hangs_in() {
    for step in 0.. {
        let (node, memory) = Node::in_memory();
        let other = Node::on(node.store.clone());
        node.plane.redeliver().await.unwrap();
        let grant = node.may_upload(5);
        memory.faults().hang(step);
        let (plane, of_task) = (node.plane.clone(), grant.clone());
        let first =
            tokio::spawn(async move { plane.put_small(&of_task, Bytes::from_static(b"small")).await });
        if hangs(&memory, &first).await.is_none() {
            assert!(step > 1, "two steps at least");
            break;
        }
        let done = other.plane.put_small(&grant, Bytes::from_static(b"small")).await.unwrap();
        memory.faults().release();
        if let Ok(found) = first.await.unwrap() {
            let objects = [&found, &done]
                .map(|sealed| -> Receipt { other.receipt(sealed) })
                .map(|receipt| receipt.object);
            assert_eq!(objects[0], objects[1], "step {step}");
        }
        assert_eq!(other.object(&other.receipt(&done).object).await.unwrap(), b"small");
        memory.faults().clear();
        only(&node, &memory, 1, step).await;
    }
}
