//! Where the server listens: one unix socket in a directory that nobody else can enter.
//!
//! - The directory is 0700 and belongs to the user that runs the server. Whoever can open the socket is trusted, so
//!   the directory is the access control.
//! - A socket path has at most 107 bytes (`sun_path` less its NUL; 103 on macOS). Under a longer state directory the
//!   socket lies in a private temporary directory instead, which goes when the server stops.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::Error;
use super::process::{RunAs, give_to, reaches};

/// The port only names the socket file: nothing listens on the network.
pub(crate) const PORT: u16 = 5432;

const FILE: &str = ".s.PGSQL.5432";
const PATH_BYTES_MAX: usize = if cfg!(target_os = "macos") { 103 } else { 107 };
const TEMPORARY_PREFIX: &str = "strongroom-postgres-";

/// A private directory for the socket. Dropping it removes a temporary one.
#[derive(Debug)]
pub(crate) struct SocketDirectory {
    path: PathBuf,
    temporary: bool,
}

impl SocketDirectory {
    /// Makes the directory anew, empty.
    pub(crate) fn create(state: &Path, run_as: Option<&RunAs>) -> Result<Self, Error> {
        let beside = state.join("socket");
        if fits(&beside) {
            match fs::remove_dir_all(&beside) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::Io { doing: "clear the socket directory", path: beside, source });
                }
                _ => {}
            }
            make_private(&beside, run_as)?;
            return Ok(Self { path: beside, temporary: false });
        }
        let name = format!("{TEMPORARY_PREFIX}{}", uuid::Uuid::now_v7().simple());
        for parent in [std::env::temp_dir(), PathBuf::from("/tmp")] {
            let path = parent.join(&name);
            if fits(&path) && reaches(&parent, run_as) {
                make_private(&path, run_as)?;
                return Ok(Self { path, temporary: true });
            }
        }
        Err(Error::SocketPathTooLong { path: beside, bytes_max: PATH_BYTES_MAX })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The value of `unix_socket_directories`, a list: quoted, so that a comma in a path is no separator.
    pub(crate) fn setting(&self) -> String {
        format!("\"{}\"", self.path.to_string_lossy().replace('"', "\"\""))
    }
}

impl Drop for SocketDirectory {
    fn drop(&mut self) {
        if self.temporary {
            // What stays here is an empty private directory in the temporary directory.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Removes a temporary directory that a killed service left behind; touches nothing that we did not name.
pub(crate) fn forget(left_behind: &Path) {
    let ours = left_behind
        .file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.starts_with(TEMPORARY_PREFIX));
    if ours {
        // Gone already is as good.
        let _ = fs::remove_dir_all(left_behind);
    }
}

fn fits(directory: &Path) -> bool {
    // The server takes the path as text in a list, so it has to be text.
    directory.to_str().is_some_and(|text| text.len() + 1 + FILE.len() <= PATH_BYTES_MAX)
}

/// Fails on whatever is there already: a planted directory or link is not ours.
fn make_private(path: &Path, run_as: Option<&RunAs>) -> Result<(), Error> {
    DirBuilder::new()
        .mode(0o700)
        .create(path)
        .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o700)))
        .and_then(|()| give_to(path, run_as))
        .map_err(|source| Error::Io { doing: "create the socket directory", path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_path_of_107_bytes_fits_and_one_more_does_not() {
        let room = PATH_BYTES_MAX - 1 - FILE.len();
        assert!(fits(Path::new(&"d".repeat(room))));
        assert!(!fits(Path::new(&"d".repeat(room + 1))));
    }

    #[test]
    fn only_directories_that_we_named_are_forgotten() {
        let parent = tempfile::tempdir().unwrap();
        let (ours, other) = (parent.path().join("strongroom-postgres-1"), parent.path().join("other"));
        fs::create_dir(&ours).unwrap();
        fs::create_dir(&other).unwrap();
        forget(&ours);
        forget(&other);
        assert!(!ours.exists() && other.exists());
    }

    #[test]
    fn the_setting_quotes_commas_and_quotes() {
        let directory = SocketDirectory { path: "/a,b\"c".into(), temporary: false };
        assert_eq!(directory.setting(), "\"/a,b\"\"c\"");
    }
}
