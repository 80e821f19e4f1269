//! A place for a cluster, and what tests ask of one.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sqlx::PgPool;
use strongroom::postgres::embedded::{Cluster, Search};
use strongroom::postgres::{Database, Settings};

/// A directory for one test, removed at its end. Others may enter it: run as root, the server is another user.
pub(crate) struct Scene {
    root: tempfile::TempDir,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let open = std::fs::Permissions::from_mode(0o755);
        let root = tempfile::Builder::new().prefix("strongroom-test-").permissions(open).tempdir().unwrap();
        Self { root }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.root.path().canonicalize().unwrap()
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.state().join("pgdata")
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings::embedded(self.state())
    }

    /// Starts the cluster alone, without a database in it.
    pub(crate) fn start(&self) -> Cluster {
        Cluster::start(&self.state(), &usual()).unwrap()
    }

    /// Ends what a killed child left running, so that the directory can be removed.
    pub(crate) fn settle(&self) {
        let _ = self.start().stop();
    }

    pub(crate) async fn open(&self) -> Database {
        Database::open(&self.settings()).await.unwrap()
    }
}

pub(crate) fn usual() -> Search {
    Search::on_this_machine(None)
}

pub(crate) fn we_are_root() -> bool {
    rustix::process::geteuid().is_root()
}

pub(crate) async fn show(pool: &PgPool, setting: &str) -> String {
    sqlx::query_scalar("SELECT current_setting($1)").bind(setting).fetch_one(pool).await.unwrap()
}

pub(crate) fn entries(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
