//! A log whose folds can be told to fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use sqlx::PgConnection;
use strongroom::clock::{Clock, System};
use strongroom::kernel::digest::Digests;
use strongroom::kernel::event::{self, BlobStored, Event, TagSet};
use strongroom::kernel::id::{ObjectKey, StreamName};
use strongroom::log::{Folds, Guard, GuardFailure, Log, Member, NewEvent, Options, Recorded, Tasks, head};

use crate::harness::postgres::TestDatabase;

/// The folds of a log without views: they count, and fail when told to.
#[derive(Default)]
pub(crate) struct Bare {
    /// Applications that still have to fail.
    pub(crate) failures: AtomicU32,
}

pub(crate) const GENERATION: i32 = 1;

#[async_trait]
impl Folds for Bare {
    fn generation(&self) -> i32 {
        GENERATION
    }

    async fn failing_guards(
        &self,
        _: &mut PgConnection,
        guards: &[&Guard],
    ) -> Result<Vec<(usize, GuardFailure)>, sqlx::Error> {
        let fail = |guard: &Guard| match guard {
            Guard::BlobsLinked { repository, blobs } if !blobs.is_empty() => {
                Some(GuardFailure::BlobsMissing { repository: repository.clone(), missing: blobs.clone() })
            }
            _ => None,
        };
        Ok(guards.iter().enumerate().filter_map(|(index, guard)| Some((index, fail(guard)?))).collect())
    }

    async fn apply(&self, connection: &mut PgConnection, _: &[Recorded]) -> Result<(), sqlx::Error> {
        let fails =
            self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match fails {
            Ok(_) => sqlx::raw_sql("select 1 / 0").execute(connection).await.map(drop),
            Err(_) => Ok(()),
        }
    }
}

pub(crate) struct Fixture {
    pub(crate) log: Log,
    pub(crate) tasks: Tasks,
    pub(crate) folds: Arc<Bare>,
    pub(crate) database: TestDatabase,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with_clock(Arc::new(System)).await
    }

    pub(crate) async fn with_clock(clock: Arc<dyn Clock>) -> Self {
        let database = TestDatabase::fresh().await;
        head::set_fold_generation(&mut database.connect().await, GENERATION).await.unwrap();
        let folds = Arc::new(Bare::default());
        let (log, tasks) =
            Log::start(database.options(), folds.clone(), clock, Options::default()).await.unwrap();
        Self { log, tasks, folds, database }
    }

    /// A second process on the same log.
    pub(crate) async fn another(&self) -> (Log, Tasks) {
        Log::start(self.database.options(), self.folds.clone(), Arc::new(System), Options::default())
            .await
            .unwrap()
    }

    pub(crate) async fn append(&self, tag: &str) -> u64 {
        self.log.append(one(tag_set(tag, tag))).await.unwrap().last()
    }
}

pub(crate) fn tag_set(tag: &str, content: &str) -> NewEvent {
    let repository = "acme/reports".parse().unwrap();
    let tag = tag.parse().unwrap();
    let stream = StreamName::tag(&repository, &tag);
    let manifest = Digests::of(content.as_bytes()).blake3;
    NewEvent::new("tok_test".parse().unwrap(), stream, TagSet { repository, tag, manifest, previous: None })
}

/// An event with a receipt of that length, and the bytes of its record as the first of its stream.
pub(crate) fn blob_stored(receipt_bytes: usize) -> (NewEvent, usize) {
    let digests = Digests::of(b"x");
    let fact = BlobStored {
        repository: "acme/reports".parse().unwrap(),
        blake3: digests.blake3,
        sha256: digests.sha256,
        size_bytes: 1,
        store: "main".parse().unwrap(),
        object: ObjectKey::from_uuid(uuid::Uuid::now_v7()),
        node: "node".parse().unwrap(),
        receipt: "r".repeat(receipt_bytes),
    };
    let new = NewEvent::new("tok_test".parse().unwrap(), StreamName::blob(digests.blake3), fact);
    let event = Event {
        id: new.id,
        at_ms: System.now_ms(),
        actor: new.actor.clone(),
        stream: new.stream.clone(),
        seq: 0,
        fact: new.fact.clone(),
        cause: None,
    };
    let bytes = match event.encode() {
        Ok(record) => record.len(),
        Err(event::Error::TooLarge(bytes)) => bytes,
        Err(error) => panic!("{error}"),
    };
    (new, bytes)
}

pub(crate) fn one(event: NewEvent) -> Member {
    Member { events: vec![event], ..Member::default() }
}
