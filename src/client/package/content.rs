//! Reading the files of a package.
//!
//! - A file that is no longer what the walk found (another file, length or time of change), before, while or after
//!   it is read, is an error: a package has to be what was there at one moment. Whatever that misses is seen by the
//!   server, which takes only what matches the declared digest.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::walk::{Source, Stamp};
use crate::kernel::digest::Digests;
use crate::kernel::hash::Hasher;

/// Bytes read at a time; the hash functions are at full speed from here on.
const BUFFER_BYTES: usize = 256 * 1024;

/// Why a file's content cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        reason: io::Error,
    },
    /// It is not what it was.
    #[error("{} changed while it was being read; push again when nothing writes to it", path.display())]
    Changed {
        /// Which.
        path: PathBuf,
    },
}

/// Opens a file, if it is still the one that was found.
///
/// # Errors
/// [`Error`].
pub fn open(source: &Source) -> Result<File, Error> {
    let file = File::open(&source.path).map_err(|reason| unreadable(&source.path, reason))?;
    check(source, &file)?;
    Ok(file)
}

/// Whether an open file is still what was found.
///
/// # Errors
/// [`Error`].
pub fn check(source: &Source, file: &File) -> Result<(), Error> {
    let metadata = file.metadata().map_err(|reason| unreadable(&source.path, reason))?;
    if Stamp::of(&metadata) == source.stamp { Ok(()) } else { Err(changed(source)) }
}

/// Reads a file once and hashes it. `read` is told of the bytes as they pass.
///
/// # Errors
/// [`Error`].
pub fn hash(source: &Source, mut read: impl FnMut(u64)) -> Result<Digests, Error> {
    let mut file = open(source)?;
    let mut hasher = Hasher::new();
    let mut buffer =
        vec![0; BUFFER_BYTES.min(usize::try_from(source.size_bytes).unwrap_or(BUFFER_BYTES) + 1)];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(bytes) => {
                hasher.update(&buffer[..bytes]);
                read(bytes as u64);
            }
            Err(reason) if reason.kind() == io::ErrorKind::Interrupted => {}
            Err(reason) => return Err(unreadable(&source.path, reason)),
        }
        if hasher.bytes() > source.size_bytes {
            return Err(changed(source));
        }
    }
    check(source, &file)?;
    if hasher.bytes() == source.size_bytes { Ok(hasher.finish()) } else { Err(changed(source)) }
}

/// Reads a small file whole.
///
/// # Errors
/// [`Error`].
pub fn read(source: &Source) -> Result<Vec<u8>, Error> {
    let file = open(source)?;
    let mut content = Vec::with_capacity(usize::try_from(source.size_bytes).unwrap_or_default());
    let read = (&file).take(source.size_bytes + 1).read_to_end(&mut content);
    read.map_err(|reason| unreadable(&source.path, reason))?;
    check(source, &file)?;
    if content.len() as u64 == source.size_bytes { Ok(content) } else { Err(changed(source)) }
}

pub(crate) fn changed(source: &Source) -> Error {
    Error::Changed { path: source.path.clone() }
}

fn unreadable(path: &Path, reason: io::Error) -> Error {
    Error::Read { path: path.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::super::exclude::Exclude;
    use super::super::{FoundKind, walk};
    use super::*;
    use std::fs;
    use std::io::Write;

    fn source(directory: &Path, content: &[u8]) -> Source {
        let path = directory.join("file");
        fs::write(&path, content).unwrap();
        let found = walk(&[path], &Exclude::default()).unwrap().remove(0);
        let FoundKind::File(source) = found.kind else { panic!("a file") };
        source
    }

    #[test]
    fn a_file_is_hashed_whatever_its_length() {
        let directory = tempfile::tempdir().unwrap();
        for length in [0, 1, BUFFER_BYTES, 3 * BUFFER_BYTES + 7] {
            let content = vec![7; length];
            let source = source(directory.path(), &content);
            let mut seen = 0;
            assert_eq!(hash(&source, |bytes| seen += bytes).unwrap(), Digests::of(&content));
            assert_eq!(seen, length as u64);
            assert_eq!(read(&source).unwrap(), content);
        }
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let source = source(directory.path(), &vec![7; 3 * BUFFER_BYTES]);
        let mut grown = false;
        let result = hash(&source, |_| {
            if !std::mem::replace(&mut grown, true) {
                File::options().append(true).open(&source.path).unwrap().write_all(b"more").unwrap();
            }
        });
        assert!(matches!(result, Err(Error::Changed { .. })), "{result:?}");
        assert!(matches!(read(&source), Err(Error::Changed { .. })));
    }

    #[test]
    fn a_file_that_another_took_the_place_of_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let source = source(directory.path(), b"one");
        fs::write(directory.path().join("other"), b"two").unwrap();
        fs::rename(directory.path().join("other"), &source.path).unwrap();
        assert!(matches!(hash(&source, |_| ()), Err(Error::Changed { .. })));
        fs::remove_file(&source.path).unwrap();
        assert!(matches!(hash(&source, |_| ()), Err(Error::Read { .. })));
    }
}
