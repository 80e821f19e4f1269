//! A small body of evidence: keys, blobs with receipts and objects, documents, tags; enough events for a full tile.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use strongroom::audit::{self, Depth, Report};
use strongroom::clock::System;
use strongroom::contract::{Receipt, SigningKey};
use strongroom::kernel::digest::Digests;
use strongroom::kernel::event::{
    BlobStored, Fact, KeyAdded, KeyKind, ManifestAccepted, RepositoryCreated, TagSet,
};
use strongroom::kernel::id::{Actor, GrantId, ObjectKey, RepositoryName, SessionId, StoreName, StreamName};
use strongroom::log::checkpoint::{Anchor, AnchorError, Signer, Trust};
use strongroom::log::{Log, Member, NewEvent, Options, documents};
use strongroom::stores::{Memory, Store};
use strongroom::views;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::harness::postgres::TestDatabase;

pub(crate) const ORIGIN: &str = "strongroom/evidence";

/// Blobs that are stored: with the rest of the events more than one tile.
const BLOBS: u64 = 300;

pub(crate) struct Evidence {
    pub(crate) database: TestDatabase,
    pub(crate) store: Arc<Memory>,
    pub(crate) anchor: Arc<Kept>,
    pub(crate) blob: ObjectKey,
}

#[derive(Default)]
pub(crate) struct Kept(pub(crate) Mutex<Option<String>>);

#[async_trait]
impl Anchor for Kept {
    async fn load(&self) -> Result<Option<String>, AnchorError> {
        Ok(self.0.lock().await.clone())
    }

    async fn swap(&self, expected: Option<&str>, next: &str) -> Result<(), AnchorError> {
        let mut kept = self.0.lock().await;
        assert_eq!(kept.as_deref(), expected, "this test has one signer");
        *kept = Some(next.to_owned());
        Ok(())
    }
}

fn actor() -> Actor {
    "tok_test".parse().unwrap()
}

fn repository() -> RepositoryName {
    "acme/reports".parse().unwrap()
}

pub(crate) fn store_name() -> StoreName {
    "main".parse().unwrap()
}

fn event(fact: impl Into<Fact>) -> NewEvent {
    let fact = fact.into();
    NewEvent::new(actor(), fact.stream(), fact)
}

fn key(kind: KeyKind) -> SigningKey {
    SigningKey::from_seed(kind, [kind as u8 + 1; 32])
}

impl Evidence {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::fresh().await;
        let pool = database.database.pool();
        views::prepare(pool).await.unwrap();
        let (log, tasks) =
            Log::start(database.options(), Arc::new(views::Views), Arc::new(System), Options::default())
                .await
                .unwrap();
        let (store, anchor) = (Arc::new(Memory::new()), Arc::new(Kept::default()));
        let signing = key(KeyKind::Checkpoint);
        let known_keys = vec![*signing.verifying_key().public()];
        let signer = Signer { origin: ORIGIN.into(), key: signing, known_keys, anchor: anchor.clone() };
        signer.prove(pool, Trust::AnchorRequired).await.unwrap();
        append(&log, keys_and_repository()).await;
        let (blobs, blob) = blobs(&*store).await;
        append(&log, blobs).await;
        append(&log, package(pool).await).await;
        let checkpoints = signer.start(database.options(), log.grown());
        drop(log);
        tasks.drain().await;
        checkpoints.stop().await;
        Self { database, store, anchor, blob }
    }

    /// The same evidence, to be damaged.
    pub(crate) async fn copy(&self) -> Self {
        let (store, anchor, blob) = (self.store.clone(), self.anchor.clone(), self.blob.clone());
        Self { database: self.database.copy().await, store, anchor, blob }
    }

    pub(crate) async fn audit(&self, depth: Depth) -> Result<Report, audit::Error> {
        let stores: HashMap<StoreName, Arc<dyn Store>> =
            HashMap::from([(store_name(), self.store.clone() as Arc<dyn Store>)]);
        let anchor = self.anchor.load().await.unwrap();
        let expected = audit::Expected { anchor: anchor.as_deref(), noted: &[] };
        audit::server::run(self.database.database.pool(), expected, Some(&stores), depth, &|_| {}).await
    }

    /// Changes what only force can change.
    pub(crate) async fn force(&self, statement: &str) {
        let statement = format!(
            "set session_replication_role = replica; alter table log.events disable trigger all; \
             alter table log.tiles disable trigger all; alter table log.checkpoints disable trigger all; \
             alter table log.documents disable trigger all; {statement}"
        );
        let mut owner = self.database.connect().await;
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut owner).await.unwrap();
    }
}

async fn append(log: &Log, events: Vec<NewEvent>) {
    log.append(Member { events, ..Member::default() }).await.unwrap();
}

fn keys_and_repository() -> Vec<NewEvent> {
    let mut events: Vec<NewEvent> = KeyKind::ALL
        .into_iter()
        .map(|kind| {
            let key = key(kind);
            let public = *key.verifying_key().public();
            event(KeyAdded { key: key.id(), kind, public, node: "here".parse().unwrap() })
        })
        .collect();
    events.push(event(RepositoryCreated {
        repository: repository(),
        public: false,
        settings: Default::default(),
    }));
    events
}

async fn blobs(store: &dyn Store) -> (Vec<NewEvent>, ObjectKey) {
    let mut events = Vec::new();
    let mut last = None;
    for n in 0..BLOBS {
        let bytes = Bytes::from(format!("evidence number {n}"));
        let (digests, object) = (Digests::of(&bytes), ObjectKey::from_uuid(Uuid::now_v7()));
        let size_bytes = bytes.len() as u64;
        store.put(&object, bytes).await.unwrap();
        let receipt = Receipt {
            grant: GrantId(Uuid::now_v7()),
            session: SessionId(Uuid::now_v7()),
            actor: actor(),
            repository: repository(),
            digests,
            size_bytes,
            store: store_name(),
            object: object.clone(),
            node: "here".parse().unwrap(),
            stored_at_ms: 1_800_000_000_000,
            deliver_by_seconds: 1_800_000_600,
        };
        events.push(event(BlobStored {
            repository: repository(),
            blake3: digests.blake3,
            sha256: digests.sha256,
            size_bytes,
            store: store_name(),
            object: object.clone(),
            node: "here".parse().unwrap(),
            receipt: receipt.sign(&key(KeyKind::Receipt)),
        }));
        last = Some(object);
    }
    (events, last.unwrap())
}

async fn package(pool: &sqlx::PgPool) -> Vec<NewEvent> {
    let (manifest, oci): (&[u8], &[u8]) = (b"a manifest", b"{}");
    let rows = [
        ("application/vnd.strongroom.manifest.v1+cbor", manifest),
        ("application/vnd.oci.image.manifest.v1+json", oci),
    ];
    documents::put(pool, &rows).await.unwrap();
    let (native, rendering) = (Digests::of(manifest), Digests::of(oci));
    let accepted = ManifestAccepted {
        repository: repository(),
        blake3: native.blake3,
        sha256: native.sha256,
        size_bytes: 10,
        media_type: "application/vnd.strongroom.manifest.v1+cbor".into(),
        artifact_type: None,
        subject: None,
        oci_sha256: Some(rendering.sha256),
        oci_size_bytes: Some(2),
        blobs: BLOBS,
        blobs_bytes: 1,
    };
    let tag = "v1".parse().unwrap();
    let tagged = TagSet { repository: repository(), tag, manifest: native.blake3, previous: None };
    assert_eq!(event(tagged.clone()).stream, StreamName::tag(&repository(), &tagged.tag));
    vec![event(accepted), event(tagged)]
}
