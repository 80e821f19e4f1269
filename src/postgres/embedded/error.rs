//! Why there is no cluster to talk to. Each says what to do.

use std::io;
use std::path::PathBuf;

use super::find::MAJOR_MIN;

/// What kept the private cluster from running.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process holds the state directory.
    #[error(
        "the state directory {} is in use by {}; stop that one first, or choose another with --state-dir",
        .state.display(), process(.holder.as_ref())
    )]
    InUse {
        /// The directory, absolute.
        state: PathBuf,
        /// The process that holds it, where it could be read.
        holder: Option<u32>,
    },

    /// The directory is held, but its server did not become reachable.
    #[error(
        "{} holds the state directory {} but its database does not answer; wait until it has started, or stop it",
        process(.holder.as_ref()), .state.display()
    )]
    HolderSilent {
        /// The directory, absolute.
        state: PathBuf,
        /// The process that holds it, where it could be read.
        holder: Option<u32>,
    },

    /// A file or directory of the cluster could not be used.
    #[error("cannot {doing} {}: {source}", .path.display())]
    Io {
        /// What was tried, as a verb.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },

    /// Running as root, and the user that runs the server cannot get to the data.
    #[error(
        "PostgreSQL refuses to run as root, and user {user} cannot enter {}: it or a directory above it is closed to \
         that user (as /root is); choose a state directory like /var/lib/strongroom with --state-dir",
        .directory.display()
    )]
    Unreachable {
        /// The state directory.
        directory: PathBuf,
        /// The user that would run the server.
        user: String,
    },

    /// The data directory belongs to somebody else.
    #[error(
        "{} belongs to user id {owner}, and only that user or root can run its server; run as that user, or choose \
         another directory with --state-dir",
        .data.display()
    )]
    NotOurs {
        /// The data directory.
        data: PathBuf,
        /// Its owner.
        owner: u32,
    },

    /// There is something in the place of the data directory.
    #[error(
        "{} is not empty and is no PostgreSQL data directory; move it away, or choose another with --state-dir",
        .data.display()
    )]
    NotACluster {
        /// The data directory.
        data: PathBuf,
    },

    /// `--postgres-bin` names no server that can be used here.
    #[error("--postgres-bin {}: {reason}", .directory.display())]
    BadBinaries {
        /// What was given.
        directory: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// No server binaries here, and none could be downloaded.
    #[error(
        "no PostgreSQL server to run ({wanted}; {reason}); install postgresql (apt-get install postgresql, brew \
         install postgresql), or name its directory with --postgres-bin, or use a running server with --database-url"
    )]
    NoServer {
        /// Which versions would do.
        wanted: Wanted,
        /// What was seen, and why the download failed.
        reason: String,
    },

    /// `initdb` failed.
    #[error("initdb failed: {output}{}", passwd_hint(.output))]
    Initdb {
        /// What it said.
        output: String,
    },

    /// The server ended, or never became ready.
    #[error("the PostgreSQL server did not start ({how}); the end of {} says: {tail}", .log.display())]
    NotStarted {
        /// Ended or took too long.
        how: &'static str,
        /// Its log.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },

    /// A server of an earlier service is still there.
    #[error(
        "the database server of an earlier service still runs (processes {pids:?}) and does not stop; end it by hand \
         with `kill -INT`, then start again"
    )]
    OrphanStays {
        /// Its processes.
        pids: Vec<i32>,
    },

    /// Neither under the state directory nor in a temporary directory is room for a socket path.
    #[error(
        "the socket path under {} would have more than {bytes_max} bytes, and no temporary directory does better; \
         choose a shorter path with --state-dir",
        .path.display()
    )]
    SocketPathTooLong {
        /// Where it would have been.
        path: PathBuf,
        /// The system's limit.
        bytes_max: usize,
    },
}

/// The versions that a search accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The major version of an existing data directory.
    pub pinned: Option<u32>,
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.pinned {
            Some(major) => write!(f, "the data directory needs version {major}"),
            None => write!(f, "version {MAJOR_MIN} or newer"),
        }
    }
}

fn process(holder: Option<&u32>) -> String {
    holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

fn passwd_hint(output: &str) -> &'static str {
    if output.contains("could not look up effective user ID") {
        " (the user that runs Strongroom has no entry in /etc/passwd: add one, or use --database-url)"
    } else {
        ""
    }
}
