//! A node on a clock of the test, and what is done to it.

use std::path::Path;
use std::sync::Arc;

use strongroom::access::Caller;
use strongroom::clock::{Clock as _, Manual, System};
use strongroom::config::Settings;
use strongroom::control::holds::{self, Place, Target};
use strongroom::control::{Context, deletions, plans, policies, retention};
use strongroom::kernel::digest::{Blake3, Digest};
use strongroom::kernel::event::{Fact, HoldKind};
use strongroom::kernel::id::{Reference, RepositoryName};
use strongroom::kernel::statement::Statement;
use strongroom::node::{DepositError, Options};

use crate::harness::node::{TestNode, package};

pub(crate) const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

pub(crate) struct Scene {
    pub(crate) node: TestNode,
    pub(crate) clock: Arc<Manual>,
}

impl Scene {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(settings: impl FnOnce(&mut Settings)) -> Self {
        let clock = Arc::new(Manual::at_ms(System.now_ms()));
        let options = Options { clock: clock.clone(), ..Options::default() };
        let mut prepared = TestNode::prepare().await;
        settings(prepared.settings_mut());
        Self { node: prepared.open_with(options).await, clock }
    }

    pub(crate) fn clock_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// Somebody who may do everything.
    pub(crate) fn context(&self, actor: &str) -> Context {
        Context::new(Caller::local(actor.parse().unwrap()))
    }

    /// Deposits a package of one file under a tag.
    pub(crate) async fn deposit(&self, target: &str, content: &[u8]) -> Blake3 {
        self.deposit_file(target, "file", content).await.unwrap()
    }

    /// The same with a file of that name.
    pub(crate) async fn deposit_file(
        &self,
        target: &str,
        name: &str,
        content: &[u8],
    ) -> Result<Blake3, DepositError> {
        let (package, file) = (package(target), self.node.file("deposited", content));
        self.node.deposit(&package, [(name.parse().unwrap(), &file)]).await?;
        Ok(self.digest(&package.repository, &package.reference).await)
    }

    /// Files under the stores that hold those bytes.
    pub(crate) fn files_with(&self, bytes: &[u8]) -> usize {
        files_with(&self.node.settings().state_dir, bytes)
    }

    pub(crate) async fn digest(&self, repository: &RepositoryName, reference: &Reference) -> Blake3 {
        let caller = self.context("reader").caller;
        let found = strongroom::control::manifests::find(self.node.control(), &caller, repository, reference);
        found.await.unwrap().blake3
    }

    pub(crate) async fn hold(&self, name: &str, target: Target) {
        let place = Place {
            hold: name.parse().unwrap(),
            kind: HoldKind::Litigation,
            target,
            statement: because("a court asks"),
        };
        holds::place(self.node.control(), &self.context("counsel"), &place).await.unwrap();
    }

    pub(crate) async fn delete(&self, target: &str) -> Result<deletions::Deleted, deletions::Error> {
        let target = package(target);
        let context = self.context("keeper");
        let statement = because("not needed");
        deletions::delete(self.node.control(), &context, &target.repository, &target.reference, &statement)
            .await
    }

    /// Sets a policy in TOML.
    pub(crate) async fn policy(&self, name: &str, toml: &str) {
        let draft = policies::Form::Toml.read(toml).unwrap();
        policies::set(self.node.control(), &self.context("admin"), &name.parse().unwrap(), &draft)
            .await
            .unwrap();
    }

    /// A plan for all policies, submitted.
    pub(crate) async fn plan(&self) -> Blake3 {
        let caller = self.context("planner").caller;
        let planned = retention::plan(self.node.control(), &caller, &[]).await.unwrap();
        let sequence = planned.documents.to_sequence();
        plans::submit(self.node.control(), &self.context("planner"), &sequence).await.unwrap().plan
    }

    /// Applies a plan to its end.
    pub(crate) async fn apply(&self, plan: Blake3) -> Result<plans::Step, plans::Error> {
        let mut all = plans::Step::default();
        loop {
            let step = plans::apply(self.node.control(), &self.context("applier"), plan, all.done).await?;
            all.deleted += step.deleted;
            all.locked += step.locked;
            all.tiered += step.tiered;
            all.gone += step.gone;
            all.skipped.extend(step.skipped.clone());
            (all.done, all.items) = (step.done, step.items);
            if step.is_last() {
                return Ok(all);
            }
        }
    }

    /// Every fact in the log.
    pub(crate) async fn facts(&self) -> Vec<Fact> {
        let mut facts = Vec::new();
        self.node.replay(|recorded| facts.push(recorded.event.fact)).await.unwrap();
        facts
    }

    /// Deletes whatever may be freed, to the end. How many objects and bytes.
    pub(crate) async fn collect(&self) -> (u64, u64) {
        let (mut from, mut objects, mut bytes) = (None, 0, 0);
        loop {
            let step = self.node.collect(&self.context("keeper"), from).await.unwrap();
            assert_eq!(step.reason, None);
            objects += step.deleted.count;
            bytes += step.deleted.bytes;
            match step.next {
                Some(next) => from = Some(next),
                None => return (objects, bytes),
            }
        }
    }
}

fn files_with(directory: &Path, bytes: &[u8]) -> usize {
    let holds = |path: &Path| std::fs::read(path).unwrap().windows(bytes.len()).any(|window| window == bytes);
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let of = |path: &Path| if path.is_dir() { files_with(path, bytes) } else { usize::from(holds(path)) };
    entries.map(|path| of(&path)).sum()
}

pub(crate) fn because(reason: &str) -> Statement {
    Statement::because(reason).unwrap()
}

pub(crate) fn by_digest(digest: Blake3) -> Reference {
    Reference::Digest(Digest::from(digest))
}
