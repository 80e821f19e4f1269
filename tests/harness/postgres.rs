//! A database a test.

use std::sync::{Arc, Weak};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Executor};
use strongroom::postgres::embedded::{Cluster, Search};
use strongroom::postgres::{Database, Settings};
use tempfile::TempDir;
use testcontainers::core::{ContainerPort, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};
use tokio::sync::Mutex;

/// How long a container may take to answer: its first start initialises a cluster.
const CONTAINER_READY_WITHIN: Duration = Duration::from_secs(120);

/// A database of this test alone, migrated. Its server lives as long as any test holds one.
pub(crate) struct TestDatabase {
    pub(crate) database: Database,
    server: Arc<Server>,
}

enum Server {
    Embedded(Cluster),
    Container { options: PgConnectOptions, _container: Box<ContainerAsync<GenericImage>> },
}

/// How the state directories of test clusters are named, with the process behind it.
const STATE_PREFIX: &str = "strongroom-tests-";

struct Shared {
    last: Weak<Server>,
    /// An embedded one is kept; a container has to be dropped by its last user, or nobody removes it.
    kept: Option<Arc<Server>>,
}

static SHARED: Mutex<Shared> = Mutex::const_new(Shared { last: Weak::new(), kept: None });

impl TestDatabase {
    /// A fresh one.
    pub(crate) async fn fresh() -> Self {
        Self::create(server().await, "template1").await
    }

    /// A copy of this one, as it is now. Connections to this one are cut, and made anew when they are needed.
    pub(crate) async fn copy(&self) -> Self {
        let mut admin =
            PgConnection::connect_with(&self.server.options("postgres")).await.expect("the server answers");
        let name = self.options().get_database().expect("a test database has a name").to_owned();
        sqlx::query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1")
            .bind(&name)
            .execute(&mut admin)
            .await
            .expect("the owner may end connections");
        Self::create(self.server.clone(), &name).await
    }

    async fn create(server: Arc<Server>, template: &str) -> Self {
        let name = format!("test_{}", uuid::Uuid::now_v7().simple());
        let mut admin =
            PgConnection::connect_with(&server.options("postgres")).await.expect("the server answers");
        let create = format!("create database {name} template {template}");
        admin.execute(sqlx::AssertSqlSafe(create)).await.expect("a fresh name");
        admin.close().await.expect("an idle connection closes");
        let settings = Settings {
            database_url: Some(server.options(&name).into()),
            ..Settings::embedded("/nonexistent")
        };
        let database = Database::open(&settings).await.expect("a fresh database opens");
        Self { database, server }
    }

    /// How to reach it as its owner.
    pub(crate) fn options(&self) -> PgConnectOptions {
        self.database.connect_options()
    }

    /// A second way in, as another process would have.
    pub(crate) async fn connect(&self) -> PgConnection {
        PgConnection::connect_with(&self.options()).await.expect("the server answers")
    }
}

impl Server {
    fn options(&self, database: &str) -> PgConnectOptions {
        match self {
            Self::Embedded(cluster) => cluster.connect_options(database),
            Self::Container { options, .. } => options.clone().database(database),
        }
    }
}

async fn server() -> Arc<Server> {
    let mut shared = SHARED.lock().await;
    if let Some(server) = shared.last.upgrade() {
        return server;
    }
    let server = match std::env::var("STRONGROOM_TEST_POSTGRES").as_deref() {
        Ok("container") => Arc::new(container().await),
        Ok(other) if other != "embedded" => {
            panic!("STRONGROOM_TEST_POSTGRES is `embedded` or `container`, not {other}")
        }
        _ => {
            let server = Arc::new(embedded().await);
            shared.kept = Some(server.clone());
            server
        }
    };
    shared.last = Arc::downgrade(&server);
    server
}

/// A cluster for the whole test binary: making one costs seconds. It ends with this process, by its death signal; its
/// directory is removed by the next one that comes along.
async fn embedded() -> Server {
    let state = std::env::temp_dir().join(format!("{STATE_PREFIX}{}", std::process::id()));
    let started = tokio::task::spawn_blocking(move || {
        remove_left_behind();
        std::fs::create_dir(&state).expect("the temporary directory is writable");
        Cluster::start(&state, &Search::on_this_machine(None))
    });
    Server::Embedded(started.await.expect("no panic").expect("a private cluster starts"))
}

fn remove_left_behind() {
    for entry in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(STATE_PREFIX));
        let Some(process) = process.and_then(|process| process.parse().ok()) else { continue };
        let alive = rustix::process::Pid::from_raw(process)
            .is_some_and(|process| rustix::process::test_kill_process(process).is_ok());
        if !alive {
            // Another test binary may be at it too, or its owner be another user.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

async fn container() -> Server {
    let image = std::env::var("STRONGROOM_TEST_POSTGRES_IMAGE").unwrap_or_else(|_| "postgres:17".into());
    let (name, tag) = image.split_once(':').unwrap_or((&image, "latest"));
    let container = GenericImage::new(name, tag)
        .with_exposed_port(ContainerPort::Tcp(5432))
        .with_wait_for(WaitFor::Nothing)
        .with_env_var("POSTGRES_PASSWORD", "strongroom")
        .start()
        .await
        .expect("an engine answers and has the image");
    let host = container.get_host().await.expect("the engine has an address").to_string();
    let port = container.get_host_port_ipv4(5432).await.expect("the port is published");
    let options = PgConnectOptions::new_without_pgpass()
        .host(&host)
        .port(port)
        .username("postgres")
        .password("strongroom");
    let answers = async {
        while PgConnection::connect_with(&options.clone().database("postgres")).await.is_err() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(CONTAINER_READY_WITHIN, answers)
        .await
        .expect("the container's server answers in time");
    Server::Container { options, _container: Box::new(container) }
}

/// A directory that goes with the test, and that the user who runs Postgres can reach.
pub(crate) fn scratch_directory() -> TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().expect("the temporary directory is writable");
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    directory
}
