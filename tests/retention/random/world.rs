//! What all actors of all lives share: settings, clock, contents, what was answered.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use strongroom::access::Caller;
use strongroom::clock::{Clock as _, Manual, System};
use strongroom::config::{Settings, StorePlace, StoreSettings};
use strongroom::control::{Context, Precondition, deletions, holds, pins, policies, reads, tokens};
use strongroom::kernel::digest::{Blake3, Digests};
use strongroom::kernel::id::{PackageRef, PinName, RepositoryName};
use strongroom::kernel::statement::Statement;
use strongroom::kernel::tier::Tier;
use strongroom::node::{Node, ReadError};
use strongroom::retention::FixedSelector;
use tokio::sync::Notify;

use super::history::History;
use crate::scene::{because, by_digest};

pub(super) const HOUR_MS: u64 = 60 * 60 * 1_000;
pub(super) const DAY_MS: u64 = 24 * HOUR_MS;
pub(super) const REPOSITORIES: [&str; 2] = ["acme/nightly", "acme/releases"];
pub(super) const PINS: [&str; 2] = ["prod", "stage"];
pub(super) const TAGS: [&str; 3] = ["latest", "v1", "v2"];
/// Everybody who does anything that an audit asks about.
const ACTORS: [&str; 8] =
    ["admin", "counsel", "deployer", "keeper", "officer", "planner", "reader", "tagger"];
pub(super) const POLICIES: [&str; 3] = ["deletes", "keeps", "tiers"];

/// Few, so that they are uploaded again and again: small and large, as the data plane tells them apart.
pub(super) const CONTENTS: [(u8, usize); 5] =
    [(1, 10), (2, 3_000), (3, 100_000), (4, 1_200_000), (5, 70_000)];

/// What is smaller is not moved to the cold store.
pub(super) const MIN_BYTES: u64 = 1_000;

/// What lies in a store.
pub(super) struct Object {
    pub(super) store: &'static str,
    pub(super) key: String,
    pub(super) bytes: Vec<u8>,
}

/// Something that was answered, and where the log has to say it.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    pub(super) position: u64,
    pub(super) type_name: &'static str,
}

/// A package that could not be read, while the log grew from one size to the other.
#[derive(Clone, Debug)]
pub(super) struct Unread {
    pub(super) package: (RepositoryName, Blake3),
    pub(super) between: (u64, u64),
    pub(super) why: Why,
}

/// Why something was not read.
#[derive(Clone, Debug)]
pub(super) enum Why {
    /// It lies cold, and was not retrieved.
    Cold,
    /// The error says so.
    Other(String),
}

impl From<ReadError> for Why {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Grant(reads::Error::RetrievalNeeded { .. }) => Self::Cold,
            error => Self::Other(error.to_string()),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cold => f.write_str("it lies cold"),
            Self::Other(error) => f.write_str(error),
        }
    }
}

pub(super) struct World {
    pub(super) settings: Settings,
    pub(super) clock: Arc<Manual>,
    /// Acts that may still be done in this life.
    left: AtomicI64,
    ended: Notify,
    pub(super) answered: Mutex<Vec<Answered>>,
    pub(super) unread: Mutex<Vec<Unread>>,
    /// By act: how often it was done, and refused.
    counts: Mutex<BTreeMap<&'static str, (u64, u64)>>,
    /// The contents of each package that was deposited.
    packages: Mutex<BTreeMap<(RepositoryName, Blake3), Vec<usize>>>,
    names: AtomicI64,
}

impl World {
    /// With a cold store on the same disk.
    pub(super) fn new(mut settings: Settings) -> Self {
        settings.stores.push(StoreSettings {
            name: "cold".parse().unwrap(),
            place: StorePlace::Filesystem { path: settings.state_dir.join("cold") },
            redirect: false,
            tier: Tier::Cold,
            min_object_bytes: MIN_BYTES,
            early_delete_days: 30,
        });
        Self {
            settings,
            clock: Arc::new(Manual::at_ms(System.now_ms())),
            left: AtomicI64::new(0),
            ended: Notify::new(),
            answered: Mutex::default(),
            unread: Mutex::default(),
            counts: Mutex::default(),
            packages: Mutex::default(),
            names: AtomicI64::new(0),
        }
    }

    pub(super) fn allow(&self, acts: u64) {
        self.left.store(acts as i64, Ordering::SeqCst);
    }

    /// Whether another act may begin.
    pub(super) fn may_act(&self) -> bool {
        self.left.load(Ordering::SeqCst) > 0
    }

    /// One was done.
    pub(super) fn acted(&self, act: &'static str, refused: bool) {
        let mut counts = self.counts.lock().unwrap();
        let count = counts.entry(act).or_default();
        if refused {
            count.1 += 1
        } else {
            count.0 += 1
        }
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.ended.notify_one();
        }
    }

    /// Returns once all acts of this life are done.
    pub(super) async fn done(&self) {
        self.ended.notified().await;
    }

    /// How often what was done so far.
    pub(super) fn said(&self) -> String {
        let counts = self.counts.lock().unwrap();
        let one = |(act, (done, refused)): (&&str, &(u64, u64))| format!("{act} {done}/{}", done + refused);
        counts.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn answer(&self, type_name: &'static str, position: u64) {
        self.answered.lock().unwrap().push(Answered { position, type_name });
    }

    pub(super) fn context(&self, actor: &str) -> Context {
        Context::new(Caller::local(actor.parse().unwrap()))
    }

    /// A name that nothing had yet.
    pub(super) fn fresh_name(&self) -> String {
        format!("n{}", self.names.fetch_add(1, Ordering::SeqCst))
    }

    pub(super) fn remember(&self, package: (RepositoryName, Blake3), contents: &[usize]) {
        self.packages.lock().unwrap().insert(package, contents.to_vec());
    }

    pub(super) fn known(&self) -> Vec<(RepositoryName, Blake3)> {
        self.packages.lock().unwrap().keys().cloned().collect()
    }

    /// Paths and contents of a package. One whose deposit was not answered is known by its blobs.
    pub(super) fn files_of(
        &self,
        package: &(RepositoryName, Blake3),
        history: &History,
    ) -> Vec<(String, Vec<u8>)> {
        let packages = self.packages.lock().unwrap();
        let has = |at: &usize| history.blobs(package).contains(&Digests::of(&content(*at)).blake3);
        let contents = match packages.get(package) {
            Some(contents) => contents.clone(),
            None => (0..CONTENTS.len()).filter(has).collect(),
        };
        contents.into_iter().map(|at| (path(at), content(at))).collect()
    }

    pub(super) async fn read(
        &self,
        node: &Node,
        repository: &RepositoryName,
        package: &Blake3,
        path: &str,
    ) -> Result<Vec<u8>, Why> {
        let target = PackageRef { repository: repository.clone(), reference: by_digest(*package) };
        Ok(node.read(&target, &path.parse().unwrap()).await?.bytes().await?)
    }

    pub(super) async fn delete(
        &self,
        node: &Node,
        context: &Context,
        repository: &RepositoryName,
        package: Blake3,
    ) -> Result<u64, deletions::Error> {
        let statement = because_of_the_test();
        let reference = by_digest(package);
        let deleted = deletions::delete(node.control(), context, repository, &reference, &statement).await?;
        self.answer("manifest.deleted", deleted.position);
        Ok(deleted.position)
    }

    /// To the end. Bytes that went.
    pub(super) async fn collect(&self, node: &Node, context: &Context) -> Result<u64, String> {
        let (mut from, mut bytes) = (None, 0);
        loop {
            let step = node.collect(context, from).await.map_err(|error| error.to_string())?;
            bytes += step.deleted.bytes;
            match step.next {
                Some(next) => from = Some(next),
                None => return Ok(bytes),
            }
        }
    }

    /// Whatever is to lie elsewhere by now, to the end.
    pub(super) async fn move_all(&self, node: &Node, context: &Context) -> Result<(), String> {
        let mut after = None;
        loop {
            let step = node.move_some(context, after).await.map_err(|error| error.to_string())?;
            match step.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// A token for everybody, so that an audit finds that they had the right to what they did.
    pub(super) async fn admit_everybody(&self, node: &Node) {
        for actor in ACTORS {
            let mint = tokens::Mint {
                subject: Some(actor.parse().unwrap()),
                scopes: "repository:*:pull,push,delete retention:plan,apply,hold,lock,bypass,erase admin"
                    .parse()
                    .unwrap(),
                expires_in_seconds: None,
            };
            tokens::mint(node.control(), &node.context(), mint).await.unwrap();
        }
    }

    /// Holds, pins and policies go; locks end by themselves.
    pub(super) async fn release_everything(&self, node: &Node) {
        let (control, context) = (node.control(), self.context("keeper"));
        for hold in holds::list(control, &context.caller, None, 1_000).await.unwrap() {
            if hold.hold.released.is_none() {
                holds::release(control, &context, &hold.hold.hold, &because_of_the_test()).await.unwrap();
            }
        }
        for repository in REPOSITORIES {
            let repository: RepositoryName = repository.parse().unwrap();
            for pin in PINS {
                let pin: PinName = pin.parse().unwrap();
                // It may claim nothing.
                let _ =
                    pins::release(control, &context, &repository, &pin, "the end", Precondition::Any).await;
            }
        }
        for policy in POLICIES {
            // It may not stand.
            let _ = policies::remove(control, &context, &policy.parse().unwrap()).await;
        }
    }

    /// Every object that lies in a store.
    pub(super) fn objects_on_disk(&self) -> Vec<Object> {
        let mut objects = Vec::new();
        let cold = self.settings.state_dir.join("cold");
        for (store, directory) in [("main", self.settings.blobs_dir().unwrap()), ("cold", &cold)] {
            let within = directory.join("objects");
            files(&within, &mut |path| {
                let key = path.strip_prefix(&within).unwrap().to_str().unwrap().to_owned();
                objects.push(Object { store, key, bytes: std::fs::read(path).unwrap() });
            });
        }
        objects
    }

    pub(super) fn bytes_on_disk(&self) -> u64 {
        self.objects_on_disk().iter().map(|object| object.bytes.len() as u64).sum()
    }
}

fn files(directory: &Path, found: &mut impl FnMut(&Path)) {
    for entry in std::fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found(&path) }
    }
}

pub(super) fn content(at: usize) -> Vec<u8> {
    let (byte, length) = CONTENTS[at];
    vec![byte; length]
}

pub(super) fn path(at: usize) -> String {
    format!("file-{at}")
}

pub(super) fn because_of_the_test() -> Statement {
    because("the test says so")
}

/// What the holds of queries select: all of one repository.
pub(super) fn selector(repository: &str) -> FixedSelector {
    FixedSelector { repositories: [repository.parse().unwrap()].into(), ..Default::default() }
}
