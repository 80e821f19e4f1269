//! One node with a control plane that can be told what to answer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use strongroom::clock::{Clock as _, Manual};
use strongroom::contract::{Grant, KeyRing, Operation, Read, Receipt, SigningKey, Size, Upload};
use strongroom::data::{
    Admitted, Append, Bounds, Config, DataPlane, Deliver, Disposition, Phase, Sealed, Status, Undelivered,
    session,
};
use strongroom::kernel::digest::{Digest, Digests};
use strongroom::kernel::event::KeyKind;
use strongroom::kernel::id::{GrantId, ObjectKey, SessionId, StoreName};
use strongroom::kernel::limits::{GRANT_LIFE_SECONDS, SESSION_LIFE_MAX_SECONDS};
use strongroom::stores::{Memory, Store};
use uuid::Uuid;

pub(crate) const START_MS: u64 = 1_790_000_000_000;

/// A control plane that keeps what it is offered.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) offered: Mutex<Vec<String>>,
    pub(crate) answer: Mutex<Result<Disposition, Undelivered>>,
}

#[async_trait]
impl Deliver for Control {
    async fn deliver(&self, receipt: &str) -> Result<Disposition, Undelivered> {
        self.offered.lock().unwrap().push(receipt.to_owned());
        self.answer.lock().unwrap().clone()
    }
}

/// A node, and all that outlives its process.
pub(crate) struct Node {
    pub(crate) plane: DataPlane,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<Manual>,
    pub(crate) control: Arc<Control>,
    pub(crate) grants: SigningKey,
    next_id: AtomicU64,
}

impl Node {
    pub(crate) fn on(store: Arc<dyn Store>) -> Self {
        // Tests of anything else must not depend on how full the machine's disk is.
        Self::bounded(store, Bounds { free_bytes: 0, ..Bounds::default() })
    }

    pub(crate) fn in_memory() -> (Self, Memory) {
        let memory = Memory::new();
        (Self::on(Arc::new(memory.clone())), memory)
    }

    pub(crate) fn with_patience(patience: Duration) -> Self {
        Self::bounded(Arc::new(Memory::new()), Bounds { idle: patience, ..Bounds::default() })
    }

    pub(crate) fn with_budget(budget_bytes: usize) -> Self {
        let bounds =
            Bounds { buffer_bytes: budget_bytes, buffer_bytes_per_client: budget_bytes, ..Bounds::default() };
        Self::bounded(Arc::new(Memory::new()), bounds)
    }

    pub(crate) fn bounded(store: Arc<dyn Store>, bounds: Bounds) -> Self {
        let clock = Arc::new(Manual::at_ms(START_MS));
        let answer = Mutex::new(Ok(Disposition::Accepted));
        let control = Arc::new(Control { offered: Mutex::default(), answer });
        let grants = SigningKey::from_seed(KeyKind::Grant, [1; 32]);
        let plane = DataPlane::open(config(store.clone(), clock.clone(), control.clone(), bounds));
        Self { plane, store, clock, control, grants, next_id: AtomicU64::new(1) }
    }

    /// As [`Self::on`], and it reads from that store too, which is named so.
    pub(crate) fn with_another(store: Arc<dyn Store>, name: &str, other: Arc<dyn Store>) -> Self {
        let mut node = Self::on(store.clone());
        let bounds = Bounds { free_bytes: 0, ..Bounds::default() };
        let mut config = config(store, node.clock.clone(), node.control.clone(), bounds);
        config.stores.insert(name.parse().unwrap(), other);
        node.plane = DataPlane::open(config);
        node
    }

    /// Another process on the same store. The old one is as good as gone.
    pub(crate) fn restart(&mut self) {
        let (store, clock, control) = (self.store.clone(), self.clock.clone(), self.control.clone());
        let bounds = Bounds { free_bytes: 0, ..Bounds::default() };
        self.plane = DataPlane::open(config(store, clock, control, bounds));
    }

    /// Another process on what is left of that store.
    pub(crate) fn restart_on(&mut self, memory: &Memory) {
        self.store = Arc::new(memory.clone());
        self.restart();
    }

    pub(crate) fn control_answers(&self, answer: Result<Disposition, Undelivered>) {
        *self.control.answer.lock().unwrap() = answer;
    }

    pub(crate) fn offered(&self) -> Vec<String> {
        self.control.offered.lock().unwrap().clone()
    }

    /// An upload grant with fresh id, valid now.
    pub(crate) fn upload(&self, size: Size, expected: Option<Digest>) -> Grant {
        let now_seconds = self.clock.now_ms() / 1_000;
        let id = self.next_id.fetch_add(1, Ordering::SeqCst);
        Grant {
            id: GrantId(Uuid::from_u128(u128::from(id) << 64 | u128::from(id))),
            actor: "svc:lab".parse().unwrap(),
            repository: "acme/reports".parse().unwrap(),
            store: "main".parse().unwrap(),
            issued_at_seconds: now_seconds,
            expires_at_seconds: now_seconds + GRANT_LIFE_SECONDS,
            operation: Operation::Upload(Upload {
                session: None,
                expected,
                size,
                session_ends_at_seconds: now_seconds + SESSION_LIFE_MAX_SECONDS,
            }),
        }
    }

    pub(crate) fn admit(&self, grant: &Grant) -> Admitted {
        self.plane.admit(&grant.sign(&self.grants)).unwrap()
    }

    /// A grant for a blob of that size, admitted.
    pub(crate) fn may_upload(&self, size: u64) -> Admitted {
        self.admit(&self.upload(Size::Exact(size), None))
    }

    /// A grant to read what that receipt is about, admitted.
    pub(crate) fn may_read(&self, receipt: &Receipt) -> Admitted {
        let read =
            Read { digests: receipt.digests, size_bytes: receipt.size_bytes, object: receipt.object.clone() };
        let grant = Grant { operation: Operation::Read(read), ..self.upload(Size::Exact(0), None) };
        self.admit(&grant)
    }

    pub(crate) async fn append(
        &self,
        grant: &Admitted,
        session: SessionId,
        offset: u64,
        bytes: &[u8],
    ) -> Result<Status, session::Error> {
        self.plane.append(grant, session, Append::at(offset), body(bytes, 64 * 1024)).await
    }

    /// The receipt inside, verified.
    pub(crate) fn receipt(&self, sealed: &Sealed) -> Receipt {
        self.believe(&sealed.receipt)
    }

    /// A receipt, verified.
    pub(crate) fn believe(&self, receipt: &str) -> Receipt {
        let ring = KeyRing::of([SigningKey::from_seed(KeyKind::Receipt, [2; 32]).verifying_key()]);
        Receipt::verify(receipt, &ring, self.clock.now_ms()).unwrap()
    }

    /// The bytes of an object, straight from the store.
    pub(crate) async fn object(&self, key: &ObjectKey) -> Option<Vec<u8>> {
        let size = self.store.size(key).await.unwrap()?;
        let pieces: Vec<Bytes> =
            self.store.read(key, 0..size).await.unwrap().map(Result::unwrap).collect().await;
        Some(pieces.concat())
    }

    /// That a sealed session is what it claims to be.
    pub(crate) async fn check(&self, status: &Status, bytes: &[u8]) -> Receipt {
        let sealed = sealed(status);
        let receipt = self.receipt(sealed);
        assert_eq!(sealed.digests, Digests::of(bytes));
        assert_eq!(receipt.digests, sealed.digests);
        assert_eq!((sealed.size_bytes, receipt.size_bytes), (bytes.len() as u64, bytes.len() as u64));
        assert!(self.object(&receipt.object).await.unwrap() == bytes, "the object has the bytes");
        receipt
    }
}

fn config(store: Arc<dyn Store>, clock: Arc<Manual>, control: Arc<Control>, bounds: Bounds) -> Config {
    let store_name: StoreName = "main".parse().unwrap();
    Config {
        stores: HashMap::from([(store_name.clone(), store.clone())]),
        store,
        store_name,
        node: "node-1".parse().unwrap(),
        receipts: SigningKey::from_seed(KeyKind::Receipt, [2; 32]),
        keys: KeyRing::of([SigningKey::from_seed(KeyKind::Grant, [1; 32]).verifying_key()]).into(),
        clock,
        deliver: control,
        bounds,
    }
}

pub(crate) fn sealed(status: &Status) -> &Sealed {
    match &status.phase {
        Phase::Sealed(sealed) => sealed,
        Phase::Receiving => panic!("not sealed: {status:?}"),
    }
}

/// Bytes that repeat nowhere near a block.
pub(crate) fn sample(length: usize) -> Vec<u8> {
    (0..length).map(|i| ((i * 31 + i / 251) % 253) as u8).collect()
}

/// A body that brings those bytes in pieces.
pub(crate) fn body(bytes: &[u8], piece: usize) -> impl Stream<Item = Result<Bytes, String>> + Send + use<> {
    let pieces: Vec<_> = bytes.chunks(piece).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces)
}

/// A body that breaks off after those bytes.
pub(crate) fn broken(bytes: &[u8]) -> impl Stream<Item = Result<Bytes, String>> + Send + use<> {
    body(bytes, 50_000).chain(stream::iter([Err("connection reset".to_owned())]))
}
