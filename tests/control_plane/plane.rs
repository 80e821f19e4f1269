//! A control plane without a data plane: receipts are signed here, as a data plane would, or as it must not.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use strongroom::access::{Caller, ITSELF, Secret};
use strongroom::clock::{Clock, Manual, System};
use strongroom::contract::{Grant, KeyRing, Operation, Receipt, SigningKey};
use strongroom::control::manifests::{self, Accepted};
use strongroom::control::tiers::{StoreTier, Stores};
use strongroom::control::uploads::{self, Opened, Wanted};
use strongroom::control::{Context, Control, Parts, Precondition, keys, receipts, tokens};
use strongroom::kernel::digest::{Blake3, Digests};
use strongroom::kernel::event::{Fact, KeyKind};
use strongroom::kernel::id::{ObjectKey, Reference, RepositoryName, SessionId, Tag};
use strongroom::kernel::limits::{GC_GRACE_HOURS, RECEIPT_DELIVERY_SECONDS};
use strongroom::kernel::manifest::{Descriptor, Header, Manifest, MediaType};
use strongroom::kernel::tier::Tier;
use strongroom::log::{Log, Member, NewEvent, Options, Recorded, Tasks, read};
use strongroom::views::{self, Views};
use uuid::Uuid;

use crate::harness::postgres::TestDatabase;

/// The plane of one test, with its keys and its clock.
pub(crate) struct Plane {
    pub(crate) control: Control,
    pub(crate) clock: Arc<Manual>,
    pub(crate) receipt_key: SigningKey,
    pub(crate) grants: KeyRing,
    pub(crate) database: TestDatabase,
    log: Log,
    tasks: Tasks,
}

/// A control plane of another process over the same database.
pub(crate) struct Other {
    pub(crate) control: Control,
    pub(crate) pool: PgPool,
    log: Log,
    _tasks: Tasks,
}

impl Other {
    /// Until it hears what others append.
    pub(crate) async fn hears(&self) {
        while self.log.heard().is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Someone with a token.
#[derive(Clone)]
pub(crate) struct Actor {
    pub(crate) control: Control,
    pub(crate) context: Context,
}

/// For how long a blob has to be free here before it is collected.
pub(crate) const GRACE_MS: u64 = GC_GRACE_HOURS * 3_600_000;

/// A hot store for deposits, and a cold one that charges for 90 days and takes nothing smaller than 4 bytes.
fn stores() -> Stores {
    let store = |name: &str, tier, min_object_bytes, early_delete_days| StoreTier {
        name: name.parse().expect("a store"),
        tier,
        min_object_bytes,
        early_delete_days,
    };
    Stores::of([store("main", Tier::Hot, 0, 0), store("cold", Tier::Cold, 4, 90)])
}

impl Plane {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::fresh().await;
        let pool = database.database.pool().clone();
        views::prepare(&pool).await.expect("views of an empty log");
        let clock = Arc::new(Manual::at_ms(System.now_ms()));
        let started = Log::start(database.options(), Arc::new(Views), clock.clone(), Options::default());
        let (log, tasks) = started.await.expect("a log starts");
        let (grant_key, receipt_key) =
            (SigningKey::generate(KeyKind::Grant), SigningKey::generate(KeyKind::Receipt));
        let grants = KeyRing::of([grant_key.verifying_key()]);
        let store = "main".parse().expect("a store");
        let control = Control::new(Parts {
            log: log.clone(),
            pool,
            clock: clock.clone(),
            grant_key,
            store,
            stores: stores(),
            grace_ms: GRACE_MS,
        });
        let node = "node-1".parse().expect("a node");
        let actor = "strongroom".parse().expect("an actor");
        keys::add(&control, &actor, &receipt_key.verifying_key(), &node).await.expect("a key is added");
        Self { control, clock, receipt_key, grants, database, log, tasks }
    }

    /// Another process, with a pool of its own.
    pub(crate) async fn other(&self) -> Other {
        self.other_by(self.clock.clone()).await
    }

    /// Another process, whose clock is another.
    pub(crate) async fn other_by(&self, clock: Arc<Manual>) -> Other {
        let pool = PgPool::connect_with(self.database.options()).await.expect("the database answers");
        let started = Log::start(self.database.options(), Arc::new(Views), clock.clone(), Options::default());
        let (log, tasks) = started.await.expect("a log starts");
        let control = Control::new(Parts {
            log: log.clone(),
            pool: pool.clone(),
            clock,
            grant_key: SigningKey::generate(KeyKind::Grant),
            store: "main".parse().expect("a store"),
            stores: stores(),
            grace_ms: GRACE_MS,
        });
        Other { control, pool, log, _tasks: tasks }
    }

    /// Who may do everything.
    pub(crate) fn admin(&self) -> Actor {
        self.actor_of(Caller::local("admin".parse().expect("an actor")))
    }

    /// Someone by a real token with these scopes.
    pub(crate) async fn actor(&self, subject: &str, scopes: &str) -> Actor {
        let mint = tokens::Mint {
            subject: Some(subject.parse().expect("an actor")),
            scopes: scopes.parse().expect("scopes"),
            expires_in_seconds: None,
        };
        let itself = Context::new(Caller::local(ITSELF.parse().expect("an actor")));
        let minted = tokens::mint(&self.control, &itself, mint).await.expect("minted");
        self.actor_of(self.caller(&minted.secret).await.expect("a token that works"))
    }

    /// Someone without a token.
    pub(crate) fn anonymous(&self) -> Actor {
        self.actor_of(Caller::anonymous())
    }

    pub(crate) async fn caller(&self, secret: &Secret) -> Result<Caller, tokens::Error> {
        tokens::authenticate(&self.control, secret).await
    }

    pub(crate) fn actor_of(&self, caller: Caller) -> Actor {
        Actor { control: self.control.clone(), context: Context::new(caller) }
    }

    /// The receipt of a data plane that took those bytes under that grant.
    pub(crate) fn receipt(&self, grant: &str, bytes: &[u8]) -> Receipt {
        let now_ms = self.clock.now_ms();
        let grant = Grant::verify(grant, &self.grants, now_ms).expect("a grant of ours");
        let Operation::Upload(_) = grant.operation else { panic!("not for an upload") };
        Receipt {
            grant: grant.id,
            actor: grant.actor,
            session: SessionId(grant.id.0),
            repository: grant.repository,
            digests: Digests::of(bytes),
            size_bytes: bytes.len() as u64,
            store: grant.store,
            object: ObjectKey::from_uuid(Uuid::now_v7()),
            node: "node-1".parse().expect("a node"),
            stored_at_ms: now_ms,
            deliver_by_seconds: now_ms / 1_000 + RECEIPT_DELIVERY_SECONDS,
        }
    }

    /// Stores bytes as that actor would: opened, brought, delivered.
    pub(crate) async fn store(&self, actor: &Actor, repository: &str, bytes: &[u8]) -> receipts::Accepted {
        let grant = actor.grant(repository).await;
        let receipt = self.receipt(&grant, bytes).sign(&self.receipt_key);
        receipts::accept(&self.control, None, &receipt).await.expect("a true receipt is accepted")
    }

    /// Stores all blobs of a small package there, and makes its manifest.
    pub(crate) async fn package(&self, actor: &Actor, repository: &str, content: &[u8]) -> Manifest {
        self.store(actor, repository, b"config").await;
        self.store(actor, repository, content).await;
        manifest(content)
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// Records what no use case of this plane does.
    pub(crate) async fn append(&self, event: NewEvent) {
        let member = Member { events: vec![event], ..Member::default() };
        self.log.append(member).await.expect("appended");
    }

    /// Every event so far.
    pub(crate) async fn events(&self) -> Vec<Recorded> {
        let page = read::page(self.database.database.pool(), &read::Query::from(0), 10_000).await;
        let records = page.expect("a log is read").records;
        records.into_iter().map(|raw| raw.decode().expect("a record of ours")).collect()
    }

    /// Facts of one type.
    pub(crate) async fn facts(&self, type_name: &str) -> Vec<Fact> {
        let facts = self.events().await.into_iter().map(|recorded| recorded.event.fact);
        facts.filter(|fact| fact.type_name() == type_name).collect()
    }

    /// Ends in order, and checks that the views are what the log says.
    pub(crate) async fn finish(self) {
        self.tasks.drain().await;
        let checked = views::check(self.database.database.pool(), |_| {}).await.expect("views are checked");
        assert!(checked.is_clean(), "{checked:?}");
    }
}

impl Actor {
    /// A grant to upload whatever there.
    pub(crate) async fn grant(&self, repository: &str) -> String {
        match &self.open(repository, &[Wanted::default()]).await.expect("it is granted")[0] {
            Opened::Upload { grant, .. } => grant.clone(),
            Opened::Present { .. } => panic!("nothing was named that could be present"),
        }
    }

    pub(crate) async fn open(
        &self,
        repository: &str,
        wanted: &[Wanted],
    ) -> Result<Vec<Opened>, uploads::Error> {
        uploads::open(&self.control, &self.context, &name(repository), wanted).await
    }

    pub(crate) async fn push(
        &self,
        repository: &str,
        reference: &Reference,
        bytes: &[u8],
        precondition: Precondition,
    ) -> Result<Accepted, manifests::Error> {
        manifests::accept(&self.control, &self.context, &name(repository), reference, bytes, precondition)
            .await
    }

    /// The same, by digest and without a tag.
    pub(crate) async fn push_plain(
        &self,
        repository: &str,
        bytes: &[u8],
    ) -> Result<Accepted, manifests::Error> {
        self.push(repository, &by_digest(Digests::of(bytes).blake3), bytes, Precondition::Any).await
    }

    /// The same, in a request that has this idempotency key.
    pub(crate) fn repeating(&self, key: &str) -> Self {
        let mut repeating = self.clone();
        repeating.context.idempotency = Some(key.parse().expect("a key"));
        repeating
    }
}

/// A package of a config and one file.
pub(crate) fn manifest(content: &[u8]) -> Manifest {
    let header = Header { artifact_type: Some(MediaType::PACKAGE), ..Header::default() };
    Manifest::new(header, descriptor(b"config"), vec![descriptor(content)]).expect("a manifest")
}

pub(crate) fn descriptor(bytes: &[u8]) -> Descriptor {
    Descriptor {
        media_type: MediaType::OCTET_STREAM,
        digests: Digests::of(bytes),
        size_bytes: bytes.len() as u64,
        annotations: Default::default(),
    }
}

pub(crate) fn name(text: &str) -> RepositoryName {
    text.parse().expect("a repository name")
}

pub(crate) fn tag(text: &str) -> Tag {
    text.parse().expect("a tag")
}

pub(crate) fn by_tag(text: &str) -> Reference {
    Reference::Tag(tag(text))
}

pub(crate) fn by_digest(digest: Blake3) -> Reference {
    Reference::Digest(digest.into())
}

pub(crate) fn opened_to_all() -> strongroom::control::repositories::Wanted {
    strongroom::control::repositories::Wanted { public: Some(true), ..Default::default() }
}
