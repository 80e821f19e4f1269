//! The state directory: who holds it, and where the holder's server listens.
//!
//! ```text
//! <state>/lock            flock'ed by the process that runs the cluster; its text is that process's id
//! <state>/postgres.json   where the running server listens, and whether others may attach; removed when it stops
//! <state>/pgdata          the cluster            <state>/pgdata.new.* an initdb that has not finished
//! <state>/postgres.log    what the server says   <state>/socket       its socket
//! ```
//!
//! - The kernel's lock decides who is alive, never a file's existence: it goes with the process, however that ends.
//! - `postgres.json` may be stale after a kill. It counts only while the lock is held, and only if it names a living
//!   holder, the one that the lock file names.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{Pid, geteuid, test_kill_process};
use serde::{Deserialize, Serialize};

use super::Error;

/// The right to run a cluster in a state directory. Released when dropped, or when the process ends in any way.
#[derive(Debug)]
pub(crate) struct StateLock {
    directory: PathBuf,
    _file: File,
}

/// What asking for the lock gave.
#[derive(Debug)]
pub(crate) enum Claim {
    Granted(StateLock),
    /// Somebody else has it; the id is absent in the instant before it is written.
    Held {
        directory: PathBuf,
        holder: Option<u32>,
    },
}

impl StateLock {
    /// Creates the state directory where it is missing, and asks for its lock without waiting.
    pub(crate) fn claim(directory: &Path) -> Result<Claim, Error> {
        let failed = |doing, source| Error::Io { doing, path: directory.to_owned(), source };
        create(directory).map_err(|source| failed("create the state directory", source))?;
        let directory =
            directory.canonicalize().map_err(|source| failed("resolve the state directory", source))?;
        let path = directory.join("lock");
        let failed = |doing, source| Error::Io { doing, path: path.clone(), source };
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o644)
            .open(&path)
            .map_err(|source| failed("open the lock of the state directory", source))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let holder = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                return Ok(Claim::Held { directory, holder });
            }
            Err(TryLockError::Error(source)) => return Err(failed("lock", source)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|source| failed("write", source))?;
        Ok(Claim::Granted(Self { directory, _file: file }))
    }

    /// The state directory, absolute and without links.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }
}

/// Creates the directory and those above it, and makes each name durable: what is synced below a directory whose
/// own name a power cut takes away would be lost with it.
fn create(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    // As root the server runs as another user, which has to pass through to its data; nobody needs to list it.
    let mode = if geteuid().is_root() { 0o711 } else { 0o700 };
    let missing: Vec<_> = directory.ancestors().take_while(|path| !path.is_dir()).collect();
    for path in missing.into_iter().rev().filter(|path| !path.as_os_str().is_empty()) {
        let mode = if path == directory { mode } else { 0o755 };
        match DirBuilder::new().mode(mode).create(path) {
            Err(source) if source.kind() != io::ErrorKind::AlreadyExists => return Err(source),
            _ => {}
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

/// Where a running server listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) socket_directory: PathBuf,
    pub(crate) port: u16,
    pub(crate) username: String,
    pub(crate) database: String,
    pub(crate) server_pid: u32,
    pub(crate) holder_pid: u32,
    /// Its holder has brought the schema up to date. Until then the file only serves to clean up after a kill.
    pub(crate) ready: bool,
}

impl Running {
    fn path(state: &Path) -> PathBuf {
        state.join("postgres.json")
    }

    /// Whatever is written there, of a living holder or not.
    pub(crate) fn read(state: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(Self::path(state)).ok()?).ok()
    }

    /// What the living `holder` of the lock wrote, once it is ready.
    pub(crate) fn of_holder(state: &Path, holder: Option<u32>) -> Option<Self> {
        Self::read(state).filter(|running| {
            running.ready && Some(running.holder_pid) == holder && lives(running.holder_pid)
        })
    }

    /// Publishes it whole or not at all. It helps only the living, so nothing is synced.
    pub(crate) fn write(&self, state: &Path) -> Result<(), Error> {
        let (path, beside) = (Self::path(state), state.join("postgres.json.new"));
        let text = serde_json::to_vec_pretty(self).expect("a struct of text and numbers has a JSON form");
        fs::write(&beside, text).and_then(|()| fs::rename(&beside, &path)).map_err(|source| Error::Io {
            doing: "write",
            path,
            source,
        })
    }

    pub(crate) fn remove(state: &Path) {
        // A stale file is harmless: readers ask for the living holder.
        let _ = fs::remove_file(Self::path(state));
    }
}

fn lives(process: u32) -> bool {
    let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) else { return false };
    !matches!(test_kill_process(pid), Err(Errno::SRCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(holder_pid: u32) -> Running {
        Running {
            socket_directory: "/s".into(),
            port: 5432,
            username: "u".into(),
            database: "d".into(),
            server_pid: 2,
            holder_pid,
            ready: true,
        }
    }

    #[test]
    fn a_second_claim_names_the_holder_and_the_lock_goes_with_it() {
        let state = tempfile::tempdir().unwrap();
        let Claim::Granted(first) = StateLock::claim(state.path()).unwrap() else {
            panic!("nobody holds it")
        };
        let Claim::Held { holder, .. } = StateLock::claim(state.path()).unwrap() else {
            panic!("it is held")
        };
        assert_eq!(holder, Some(std::process::id()));
        drop(first);
        // A child that another test forks just now has the lock too, until it becomes its program.
        while let Claim::Held { .. } = StateLock::claim(state.path()).unwrap() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_missing_directory_is_created_with_those_above_it_and_is_closed_to_listing() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let state = root.path().join("a/b/c");
        create(&state).unwrap();
        create(&state).unwrap();
        let mode = fs::metadata(&state).unwrap().permissions().mode();
        assert_eq!(mode & 0o066, 0, "{mode:o}");
        fs::write(root.path().join("file"), "").unwrap();
        assert!(create(&root.path().join("file/state")).is_err());
    }

    #[test]
    fn a_stale_address_is_not_believed() {
        let state = tempfile::tempdir().unwrap();
        let us = std::process::id();
        running(us).write(state.path()).unwrap();
        assert_eq!(Running::of_holder(state.path(), Some(us)), Some(running(us)));
        assert_eq!(Running::of_holder(state.path(), Some(us + 1)), None, "another holds the lock");
        assert_eq!(Running::of_holder(state.path(), None), None, "the holder has not written its id yet");
        Running { ready: false, ..running(us) }.write(state.path()).unwrap();
        assert_eq!(Running::of_holder(state.path(), Some(us)), None, "the holder is still starting");

        let mut child = std::process::Command::new("true").spawn().unwrap();
        let dead = child.id();
        child.wait().unwrap();
        running(dead).write(state.path()).unwrap();
        assert_eq!(Running::of_holder(state.path(), Some(dead)), None, "the holder is dead");
    }
}
