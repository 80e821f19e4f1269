//! The private cluster from nothing to ready, and back.
//!
//! Order of a start, and what a kill after each step leaves:
//!
//! 1. lock the state directory (released by the kernel);
//! 2. find binaries, choose the user, test its way to the data (nothing);
//! 3. stop what an earlier service left running (nothing: the next start does it again);
//! 4. `initdb` into `pgdata.new.<unique>`, rename to `pgdata` (half a `pgdata.new.*`, which the next start removes);
//! 5. start the server (an orphan: step 3 of the next start);
//! 6. write its address, migrate, mark the address ready (a stale file, not believed without a living holder).

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::process::{Signal, geteuid};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio::sync::watch;

pub use super::server::Stopped;

use super::process::{RunAs, bind_to_this_thread, command, give_to, reaches};
use super::server::Server;
use super::socket::{self, PORT, SocketDirectory};
use super::state::{Claim, Running, StateLock};
use super::{Error, Installation, Search, orphan};

/// The cluster's superuser: the owner of everything in a cluster that is ours alone.
const USER: &str = "strongroom";
/// The name of our database in it, made when it is first opened.
pub(crate) const DATABASE: &str = "strongroom";

/// A running private cluster, and the right to run it. Dropping it stops the server (and blocks meanwhile).
#[derive(Debug)]
pub struct Cluster {
    installation: Installation,
    // The order matters when dropped: the server before its socket's directory, the lock last.
    server: Server,
    socket: SocketDirectory,
    state: StateLock,
}

/// How unfinished clusters are called; what follows is unique.
const UNFINISHED: &str = "pgdata.new";

/// What [`own_or_find`] came to.
#[derive(Debug)]
pub(crate) enum Opened {
    /// We run the cluster.
    Owned(Box<Cluster>),
    /// Another process does; its address, if it is ready.
    Elsewhere { state: PathBuf, holder: Option<u32>, address: Option<Box<PgConnectOptions>> },
}

impl Cluster {
    /// Starts the cluster of a state directory, making it first where there is none. Blocks: half a second for a new
    /// cluster, much less later, longer after a crash.
    ///
    /// # Errors
    /// [`Error::InUse`] while another process runs it; else see [`Error`].
    pub fn start(state: &Path, search: &Search) -> Result<Self, Error> {
        match StateLock::claim(state)? {
            Claim::Granted(lock) => Self::start_locked(lock, search),
            Claim::Held { directory, holder } => Err(Error::InUse { state: directory, holder }),
        }
    }

    fn start_locked(lock: StateLock, search: &Search) -> Result<Self, Error> {
        let state = lock.directory();
        if let Some(stale) = Running::read(state) {
            Running::remove(state);
            socket::forget(&stale.socket_directory);
        }
        let data = state.join("pgdata");
        let run_as = RunAs::choose(&data);
        let run_as = run_as.as_ref();
        check_reach(state, &data, run_as)?;
        let installation = search.find(state, pinned_major(&data)?, run_as)?;
        orphan::stop(&data)?;
        clear_unfinished(state)?;
        if !data.join("PG_VERSION").is_file() {
            initialise(&installation, state, &data, run_as)?;
        }
        let socket = SocketDirectory::create(state, run_as)?;
        let server = Server::start(&installation, state, &socket, run_as)?;
        let cluster = Self { installation, server, socket, state: lock };
        cluster.publish(false)?;
        let version = &cluster.installation.version;
        tracing::info!(version, data = %data.display(), "the database server is ready");
        Ok(cluster)
    }

    /// Writes the server's address; others may attach once `ready`.
    pub(crate) fn publish(&self, ready: bool) -> Result<(), Error> {
        let running = Running {
            socket_directory: self.socket.path().to_owned(),
            port: PORT,
            username: USER.to_owned(),
            database: DATABASE.to_owned(),
            server_pid: self.server.pid(),
            holder_pid: std::process::id(),
            ready,
        };
        running.write(self.state.directory())
    }

    /// How to connect to a database of this cluster. Every field is set, so that the caller's `PG*` variables are
    /// not followed.
    #[must_use]
    pub fn connect_options(&self, database: &str) -> PgConnectOptions {
        options(self.socket.path(), PORT, USER, database)
    }

    /// The binaries that run it.
    #[must_use]
    pub fn installation(&self) -> &Installation {
        &self.installation
    }

    /// The postmaster's process id.
    #[must_use]
    pub fn server_pid(&self) -> u32 {
        self.server.pid()
    }

    /// The state directory, absolute.
    #[must_use]
    pub fn state_directory(&self) -> &Path {
        self.state.directory()
    }

    /// Becomes true when the server has ended, whoever ended it.
    #[must_use]
    pub fn ended(&self) -> watch::Receiver<bool> {
        self.server.ended()
    }

    /// Stops the server: fast, then immediate, then killed. Blocks.
    #[must_use]
    pub fn stop(self) -> Stopped {
        self.stop_server()
    }

    fn stop_server(&self) -> Stopped {
        Running::remove(self.state.directory());
        let how = self.server.stop();
        if !matches!(how, Stopped::Fast | Stopped::Already) {
            tracing::warn!(?how, "the database server did not stop in order; the next start recovers it");
        }
        how
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop_server();
    }
}

/// Runs the cluster of a state directory, or finds who does.
pub(crate) fn own_or_find(state: &Path, search: &Search) -> Result<Opened, Error> {
    match StateLock::claim(state)? {
        Claim::Granted(lock) => Cluster::start_locked(lock, search).map(|c| Opened::Owned(Box::new(c))),
        Claim::Held { directory, holder } => {
            let address = Running::of_holder(&directory, holder)
                .map(|at| Box::new(options(&at.socket_directory, at.port, &at.username, &at.database)));
            Ok(Opened::Elsewhere { state: directory, holder, address })
        }
    }
}

fn options(socket: &Path, port: u16, user: &str, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .host("localhost")
        .socket(socket)
        .port(port)
        .username(user)
        // Unused, the socket's directory is the access control; set so that PGPASSWORD is not sent.
        .password("")
        .database(database)
        .ssl_mode(PgSslMode::Disable)
        // PGOPTIONS cannot be unset here, but what comes later wins.
        .options([("synchronous_commit", "on")])
}

/// The major version that an existing data directory can be opened with.
fn pinned_major(data: &Path) -> Result<Option<u32>, Error> {
    match fs::read_to_string(data.join("PG_VERSION")) {
        Ok(text) => text.trim().parse().map(Some).map_err(|_| Error::NotACluster { data: data.to_owned() }),
        Err(source) if source.kind() == io::ErrorKind::NotFound => {
            let occupied = fs::read_dir(data).is_ok_and(|mut entries| entries.next().is_some());
            if occupied { Err(Error::NotACluster { data: data.to_owned() }) } else { Ok(None) }
        }
        Err(source) => Err(Error::Io { doing: "read the version of", path: data.to_owned(), source }),
    }
}

fn check_reach(state: &Path, data: &Path, run_as: Option<&RunAs>) -> Result<(), Error> {
    if let Some(user) = run_as
        && !reaches(state, run_as)
    {
        return Err(Error::Unreachable { directory: state.to_owned(), user: user.name.clone() });
    }
    if let (None, Ok(found)) = (run_as, fs::metadata(data))
        && found.uid() != geteuid().as_raw()
    {
        return Err(Error::NotOurs { data: data.to_owned(), owner: found.uid() });
    }
    Ok(())
}

/// Makes the cluster beside its place and renames it: a killed `initdb` leaves no half of a cluster.
fn initialise(
    installation: &Installation,
    state: &Path,
    data: &Path,
    run_as: Option<&RunAs>,
) -> Result<(), Error> {
    // A name of its own: an initdb that was cut off may still write to, or clean up, the one that it was given.
    let beside = state.join(format!("{UNFINISHED}.{}", uuid::Uuid::now_v7().simple()));
    let failed = |doing, source| Error::Io { doing, path: beside.clone(), source };
    DirBuilder::new()
        .mode(0o700)
        .create(&beside)
        .and_then(|()| give_to(&beside, run_as))
        .map_err(|source| failed("create", source))?;
    let mut initdb = command(&installation.binaries.join("initdb"), run_as);
    initdb
        .args(["--username", USER, "--auth-local=trust", "--auth-host=reject"])
        // Bytewise order: no locale of the machine, and no update of it, can change an index.
        .args(["--encoding=UTF8", "--no-locale", "--data-checksums", "--no-instructions", "-D"])
        .arg(&beside);
    // This thread waits for the end, so it may carry the death signal. Interrupted, initdb would go on to clean up.
    let output = bind_to_this_thread(&mut initdb, Signal::KILL)
        .output()
        .map_err(|source| failed("run initdb in", source))?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        return Err(Error::Initdb { output: String::from_utf8_lossy(&said).trim().to_owned() });
    }
    // An empty directory in its place is replaced by the rename; initdb has synced all below.
    fs::rename(&beside, data)
        .and_then(|()| File::open(state)?.sync_all())
        .map_err(|source| failed("rename", source))?;
    tracing::info!(data = %data.display(), version = installation.version, "made a new database cluster");
    Ok(())
}

/// Removes what a killed `initdb` left. Its last server process may take a moment to see that nobody feeds it.
fn clear_unfinished(state: &Path) -> Result<(), Error> {
    let failed = |source| Error::Io { doing: "list", path: state.to_owned(), source };
    for entry in fs::read_dir(state).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with(UNFINISHED) {
            orphan::stop(&path)?;
            if let Err(error) = fs::remove_dir_all(&path) {
                tracing::warn!(path = %path.display(), %error, "an unfinished cluster could not be removed; the next start tries again");
            }
        }
    }
    Ok(())
}
