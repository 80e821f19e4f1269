//! A node on a database of the test's own.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use futures::TryStreamExt as _;
use sqlx::PgPool;
use strongroom::config::Settings;
use strongroom::kernel::id::PackageRef;
use strongroom::node::{Node, Options};
use tempfile::TempDir;

use super::postgres::{TestDatabase, scratch_directory};

/// A running node, its database and its directory.
pub(crate) struct TestNode {
    node: Option<Node>,
    options: Options,
    prepared: Prepared,
}

/// What a node is to run on.
pub(crate) struct Prepared {
    settings: Settings,
    directory: TempDir,
    database: TestDatabase,
}

impl Prepared {
    pub(crate) fn state_dir(&self) -> &Path {
        &self.settings.state_dir
    }

    /// What it is to run by.
    pub(crate) fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    /// Its database, as its owner.
    pub(crate) fn pool(&self) -> &PgPool {
        self.database.database.pool()
    }

    pub(crate) async fn open(self) -> TestNode {
        self.open_with(Options::default()).await
    }

    pub(crate) async fn open_with(self, options: Options) -> TestNode {
        let node = Node::open_with(self.settings.clone(), options.clone()).await.expect("a node starts");
        TestNode { node: Some(node), options, prepared: self }
    }
}

impl TestNode {
    /// Its place, and no node yet.
    pub(crate) async fn prepare() -> Prepared {
        let database = TestDatabase::fresh().await;
        let directory = scratch_directory();
        let mut settings = Settings::in_directory(directory.path().join("state"));
        std::fs::create_dir(&settings.state_dir).expect("the directory is ours");
        settings.database_url = Some(database.options().into());
        Prepared { settings, directory, database }
    }

    /// A fresh one.
    pub(crate) async fn start() -> Self {
        Self::prepare().await.open().await
    }

    /// Stops it in order, and starts another on the same database and directory.
    pub(crate) async fn restart(&mut self) {
        self.halt().await;
        self.start_again().await;
    }

    /// Starts another after [`Self::halt`].
    pub(crate) async fn start_again(&mut self) {
        let node = Node::open_with(self.prepared.settings.clone(), self.options.clone());
        self.node = Some(node.await.expect("a node starts again"));
    }

    /// Stops it, and keeps what it ran on. Its store is free when it is gone.
    pub(crate) async fn halt(&mut self) {
        let node = self.node.take().expect("it runs");
        node.shutdown().await;
    }

    /// What it runs by, or ran.
    pub(crate) fn settings(&self) -> &Settings {
        &self.prepared.settings
    }

    /// Stops it and checks that its views are what the log says.
    pub(crate) async fn stop(mut self) {
        self.halt().await;
        let pool = self.prepared.database.database.pool();
        let report = strongroom::views::check(pool, |_| {}).await.expect("views can be checked");
        assert!(report.is_clean(), "{report:?}");
    }

    /// The database, as its owner.
    pub(crate) fn database(&self) -> &TestDatabase {
        &self.prepared.database
    }

    pub(crate) fn state_dir(&self) -> &Path {
        self.prepared.state_dir()
    }

    /// A file of the test's own.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.prepared.directory.path().join(name);
        std::fs::write(&path, content).expect("the directory is ours");
        path
    }

    /// How many objects lie in its store.
    pub(crate) async fn objects(&self) -> usize {
        let listed = self.store().list().await.expect("a store can be listed");
        listed.try_collect::<Vec<_>>().await.expect("a store can be listed").len()
    }
}

impl Deref for TestNode {
    type Target = Node;

    fn deref(&self) -> &Node {
        self.node.as_ref().expect("it runs")
    }
}

/// A package as people write it.
pub(crate) fn package(text: &str) -> PackageRef {
    text.parse().expect("a package")
}
