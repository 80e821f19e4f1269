//! A log with as many packages as one likes, as two years of builds would have left it: made of events and documents, through
//! the writer and the folds that a service has. The bytes of its blobs are not there.
//!
//! ```text
//! 500 packages a repository, of 10 blobs of their own and one shared by 20; tags `build-N`, every 20th also `release-N`
//! (annotated `branch=main`, the others `branch=feature`); one in 100 is pinned, one in 10 was read
//! ```

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use indicatif::ProgressBar;
use sqlx::Executor as _;
use uuid::Uuid;

use crate::clock::{Clock as _, Manual, System};
use crate::contract::{Receipt, SigningKey};
use crate::kernel::digest::{Blake3, Digests};
use crate::kernel::event::{
    BlobLinked, BlobStored, Fact, KeyKind, ManifestAccepted, ManifestReadGranted, ManifestReferences, PinSet,
    RepositoryCreated, RepositorySettings, TagSet,
};
use crate::kernel::id::{Actor, GrantId, NodeName, ObjectKey, RepositoryName, SessionId, StoreName};
use crate::kernel::limits::CLOCK_JUMP_FORWARD_MAX_MS;
use crate::kernel::manifest::descriptor::EMPTY_BYTES;
use crate::kernel::manifest::{Annotations, Entry, File, Header, Kind, Manifest, MediaType};
use crate::kernel::statement::{self, Statement};
use crate::log::{Log, Member, NewEvent, Options, documents};
use crate::postgres::{Database, Settings};
use crate::views;

/// Blobs that one package alone has.
pub(super) const BLOBS_OF_ITS_OWN: u64 = 10;

const PACKAGES_A_REPOSITORY: u64 = 500;
const PACKAGES_A_SHARED_BLOB: u64 = 20;
const PACKAGES_A_RELEASE: u64 = 20;
const PACKAGES_A_PIN: u64 = 100;
const PACKAGES_A_READ: u64 = 10;

/// Packages of one append, at most: what they come to is far below what an append may have.
const PACKAGES_A_MEMBER: u64 = 25;

/// Appends, at least: the time between two of them is none that a log would take for a jump of the clock.
const MEMBERS_MIN: u64 = 30;
const _: () = assert!(DAYS * DAY_MS / MEMBERS_MIN < CLOCK_JUMP_FORWARD_MAX_MS);

/// The fewest packages that make such a log.
pub(super) const PACKAGES_MIN: u64 = MEMBERS_MIN;

const BLOB_BYTES: u64 = 40_000;
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
const DAYS: u64 = 730;

/// What was made.
pub(super) struct Generated {
    pub(super) blobs: u64,
    pub(super) events: u64,
    /// Of all tables and indexes of the schema, bytes.
    pub(super) log_bytes: u64,
    /// As much for views.
    pub(super) view_bytes: u64,
}

/// Makes the log of a service that was never started.
pub(super) async fn generate(
    state: &Path,
    packages: u64,
    progress: &ProgressBar,
) -> anyhow::Result<Generated> {
    let database = Database::open(&Settings::embedded(state)).await.context("starting the cluster")?;
    views::prepare(database.pool()).await?;
    let clock = Arc::new(Manual::at_ms(System.now_ms() - DAYS * DAY_MS));
    let (log, tasks) =
        Log::start(database.connect_options(), Arc::new(views::Views), clock.clone(), Options::default())
            .await?;
    let maker = Maker::new()?;
    documents::put(database.pool(), &[(statement::MEDIA_TYPE, &maker.statement.encode())]).await?;
    let at_once = PACKAGES_A_MEMBER.min(packages / MEMBERS_MIN);
    for from in (0..packages).step_by(usize::try_from(at_once)?) {
        let mut made = Made::default();
        (from..packages.min(from + at_once)).try_for_each(|n| maker.package(n, &mut made))?;
        let native = made.documents.iter().map(|(media_type, bytes)| (&**media_type, &**bytes));
        documents::put(database.pool(), &native.collect::<Vec<_>>()).await?;
        let events = made.facts.into_iter().map(|fact| maker.event(fact)).collect();
        log.append(Member { events, ..Member::default() }).await?;
        clock.advance_ms(DAYS * DAY_MS * at_once / packages);
        progress.inc(at_once);
    }
    drop(log);
    tasks.drain().await;
    // As after any bulk of changes: the planner of the database knows what there is.
    database.pool().execute("analyze").await?;
    let generated = measure(&database).await?;
    database.close().await;
    Ok(generated)
}

async fn measure(database: &Database) -> anyhow::Result<Generated> {
    let found = sqlx::query_file!("src/cli/bench/retention/sizes.sql").fetch_one(database.pool()).await?;
    let number = |value: i64| u64::try_from(value).unwrap_or(0);
    Ok(Generated {
        blobs: number(found.blobs),
        events: number(found.events),
        log_bytes: number(found.log_bytes),
        view_bytes: number(found.view_bytes),
    })
}

/// What packages come to, in the order in which it happened.
#[derive(Default)]
struct Made {
    facts: Vec<Fact>,
    documents: Vec<(String, Vec<u8>)>,
}

struct Maker {
    actor: Actor,
    store: StoreName,
    node: NodeName,
    receipt: String,
    statement: Statement,
    /// In every address, so that no two runs share one.
    salt: Uuid,
}

impl Maker {
    fn new() -> anyhow::Result<Self> {
        let (actor, store, node): (Actor, StoreName, NodeName) =
            ("bench".parse()?, "main".parse()?, "local".parse()?);
        let receipt = Receipt {
            grant: GrantId(Uuid::now_v7()),
            session: SessionId(Uuid::now_v7()),
            actor: actor.clone(),
            repository: "bench/app-0000".parse()?,
            digests: Digests::of(b""),
            size_bytes: BLOB_BYTES,
            store: store.clone(),
            object: ObjectKey::from_uuid(Uuid::now_v7()),
            node: node.clone(),
            stored_at_ms: 0,
            deliver_by_seconds: u64::from(u32::MAX),
        };
        let receipt = receipt.sign(&SigningKey::generate(KeyKind::Receipt));
        let statement = Statement::because("a measure")?;
        Ok(Self { actor, store, node, receipt, statement, salt: Uuid::now_v7() })
    }

    fn event(&self, fact: Fact) -> NewEvent {
        NewEvent::new(self.actor.clone(), fact.stream(), fact)
    }

    fn package(&self, n: u64, made: &mut Made) -> anyhow::Result<()> {
        let repository: RepositoryName = format!("bench/app-{:04}", n / PACKAGES_A_REPOSITORY).parse()?;
        if n.is_multiple_of(PACKAGES_A_REPOSITORY) {
            self.repository(n == 0, &repository, made);
        }
        let mut entries = Vec::new();
        for m in 0..BLOBS_OF_ITS_OWN {
            let digests = self.digests("own", n * BLOBS_OF_ITS_OWN + m);
            made.facts.push(self.stored(&repository, digests, BLOB_BYTES));
            entries.push(file(&format!("part-{m}"), digests)?);
        }
        let shared = self.digests("shared", n / PACKAGES_A_SHARED_BLOB);
        if n.is_multiple_of(PACKAGES_A_SHARED_BLOB) {
            made.facts.push(self.stored(&repository, shared, BLOB_BYTES));
        }
        entries.push(file("shared", shared)?);
        let is_release = n.is_multiple_of(PACKAGES_A_RELEASE);
        let branch = if is_release { "main" } else { "feature" };
        let annotations = [("branch", branch.to_owned()), ("build", n.to_string())];
        let annotations: Annotations =
            annotations.into_iter().map(|(key, value)| (format!("example.{key}"), value)).collect();
        let manifest = Manifest::from_entries(Header { annotations, ..Header::default() }, entries)?;
        let digest = self.accepted(&repository, &manifest, made);
        let tag = |name: String| -> anyhow::Result<Fact> {
            let (repository, manifest) = (repository.clone(), digest);
            Ok(TagSet { repository, tag: name.parse()?, manifest, previous: None }.into())
        };
        made.facts.push(tag(format!("build-{n}"))?);
        if is_release {
            made.facts.push(tag(format!("release-{n}"))?);
        }
        if n.is_multiple_of(PACKAGES_A_PIN) {
            let (repository, pin) = (repository.clone(), format!("pin-{n}").parse()?);
            let statement = Digests::of(&self.statement.encode()).blake3;
            made.facts.push(PinSet { repository, pin, manifest: digest, previous: None, statement }.into());
        }
        if n.is_multiple_of(PACKAGES_A_READ) {
            let day = System.now_ms() / DAY_MS - DAYS / 2;
            made.facts.push(ManifestReadGranted { repository, blake3: digest, day }.into());
        }
        Ok(())
    }

    /// It comes to be, with what stands for no content.
    fn repository(&self, is_first: bool, repository: &RepositoryName, made: &mut Made) {
        let (settings, repository) = (RepositorySettings::default(), repository.clone());
        made.facts.push(RepositoryCreated { repository: repository.clone(), public: false, settings }.into());
        let empty = Digests::of(EMPTY_BYTES);
        made.facts.push(if is_first {
            self.stored(&repository, empty, EMPTY_BYTES.len() as u64)
        } else {
            let from = "bench/app-0000".parse().ok();
            BlobLinked { repository, blake3: empty.blake3, from, receipt: None }.into()
        });
    }

    fn stored(&self, repository: &RepositoryName, digests: Digests, size_bytes: u64) -> Fact {
        BlobStored {
            repository: repository.clone(),
            blake3: digests.blake3,
            sha256: digests.sha256,
            size_bytes,
            store: self.store.clone(),
            object: ObjectKey::from_uuid(Uuid::now_v7()),
            node: self.node.clone(),
            receipt: self.receipt.clone(),
        }
        .into()
    }

    fn accepted(&self, repository: &RepositoryName, manifest: &Manifest, made: &mut Made) -> Blake3 {
        let (native, oci) = (manifest.encode(), manifest.oci_json());
        let (digests, rendering) = (Digests::of(&native), Digests::of(&oci));
        let blobs: Vec<Blake3> = manifest.blobs().into_keys().collect();
        let references = ManifestReferences::split(repository, digests.blake3, &blobs, &[]);
        made.facts.extend(references.into_iter().map(Fact::from));
        let accepted = ManifestAccepted {
            repository: repository.clone(),
            blake3: digests.blake3,
            sha256: digests.sha256,
            size_bytes: native.len() as u64,
            media_type: MediaType::MANIFEST.to_string(),
            artifact_type: manifest.artifact_type().map(ToString::to_string),
            subject: None,
            oci_sha256: Some(rendering.sha256),
            oci_size_bytes: Some(oci.len() as u64),
            blobs: blobs.len() as u64,
            blobs_bytes: manifest.blobs_bytes(),
        };
        made.facts.push(accepted.into());
        made.documents.push((MediaType::MANIFEST.to_string(), native));
        made.documents.push((MediaType::OCI_MANIFEST.to_string(), oci));
        digests.blake3
    }

    fn digests(&self, kind: &str, n: u64) -> Digests {
        Digests::of(format!("{kind} {n} of {}", self.salt).as_bytes())
    }
}

fn file(path: &str, digests: Digests) -> anyhow::Result<Entry> {
    let kind = Kind::File(File {
        media_type: MediaType::OCTET_STREAM,
        digests,
        size_bytes: BLOB_BYTES,
        mode: None,
        annotations: Annotations::new(),
    });
    Ok(Entry { path: path.parse()?, kind })
}
