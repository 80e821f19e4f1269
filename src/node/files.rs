//! Small files of the state directory: whole or absent, durable, readable by whom they are for.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::Error;

/// For what the server's user has to reach.
pub(super) const OPEN_TO_ALL: u32 = 0o755;
/// For secrets and evidence.
pub(super) const OWNER_ONLY: u32 = 0o700;

/// Makes a directory, and those above it, unless it is there.
pub(super) fn directory(path: &Path, mode: u32) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(mode).create(path).map_err(|source| failed(path, source))
}

/// Writes a file whole, for its owner only, in the place of what may be there. Durable on return.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), Error> {
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let write = || {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        match path.parent() {
            Some(directory) => File::open(directory)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(|source| failed(path, source))
}

/// Reads a file, if it is there.
pub(super) fn read(path: &Path) -> Result<Option<String>, Error> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        outcome => outcome.map(Some).map_err(|source| failed(path, source)),
    }
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::File { path: path.to_owned(), source }
}
