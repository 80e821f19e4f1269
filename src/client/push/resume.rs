//! Uploads that were begun: remembered on disk, so that a client that was killed goes on where it was.
//!
//! ```text
//! <directory>/<64 hex>.json = { "address": text, "repository": text, "digest": text, "url": text, "grant": text }
//! ```
//! The name is the BLAKE3 of address, repository and digest. A file is there while its upload is unfinished; it is
//! written before the first byte is sent, and replaced or removed whole.
//!
//! - A record is a hint: one that is gone, damaged or refused by the server costs an upload from the start.
//! - While a process works on an upload it holds a lock on the record; another that wants the same one uploads for
//!   itself and leaves the record alone.
//! - The directory and its files are for their owner only, because a grant is inside.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use crate::kernel::digest::{Blake3, Digests};
use crate::kernel::id::RepositoryName;
use crate::kernel::limits::SESSION_LIFE_MAX_SECONDS;
use crate::wire::secret::Secret;

/// Bytes of a record; it has two addresses and a grant.
const RECORD_MAX_BYTES: u64 = 64 * 1024;

/// Where records are kept.
#[derive(Debug, Clone)]
pub(crate) struct Records {
    directory: PathBuf,
}

/// An upload that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Begun {
    address: String,
    repository: RepositoryName,
    digest: Blake3,
    /// The session.
    pub(crate) url: String,
    /// By which it was made; a newer one does as well.
    pub(crate) grant: Secret,
}

/// The record of one upload, held against others.
#[derive(Debug)]
pub(crate) struct Record {
    path: PathBuf,
    file: File,
    address: String,
    repository: RepositoryName,
    digest: Blake3,
}

impl Records {
    /// In this directory, made if it is not there. What can no longer be resumed is removed.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let life = Duration::from_secs(SESSION_LIFE_MAX_SECONDS);
        for entry in fs::read_dir(directory)?.flatten() {
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            let age = modified.ok().and_then(|then| SystemTime::now().duration_since(then).ok());
            if age.is_some_and(|age| age > life) {
                // Whoever else removes it was only faster.
                _ = fs::remove_file(entry.path());
            }
        }
        Ok(Self { directory: directory.to_owned() })
    }

    /// The record of one upload. None if another process holds it.
    pub(crate) fn hold(
        &self,
        address: &str,
        repository: &RepositoryName,
        digest: Blake3,
    ) -> io::Result<Option<Record>> {
        let name = Digests::of(format!("{address}\n{repository}\n{digest}").as_bytes()).blake3.hex();
        let path = self.directory.join(format!("{name}.json"));
        loop {
            let mut options = File::options();
            let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
            // A record that was removed between opening and locking is held by no one else's name any more.
            if is_at(&file, &path) {
                let (address, repository) = (address.to_owned(), repository.clone());
                return Ok(Some(Record { path, file, address, repository, digest }));
            }
        }
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(held), Ok(named)) => (held.dev(), held.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

impl Record {
    /// The upload as it was last remembered.
    pub(crate) fn begun(&mut self) -> Option<Begun> {
        let mut text = String::new();
        self.file.rewind().ok()?;
        (&self.file).take(RECORD_MAX_BYTES).read_to_string(&mut text).ok()?;
        let begun: Begun = serde_json::from_str(&text).ok()?;
        let same = begun.address == self.address
            && begun.repository == self.repository
            && begun.digest == self.digest;
        same.then_some(begun)
    }

    /// Remembers an upload.
    pub(crate) fn remember(&mut self, url: &str, grant: &Secret) -> io::Result<()> {
        let begun = Begun {
            address: self.address.clone(),
            repository: self.repository.clone(),
            digest: self.digest,
            url: url.to_owned(),
            grant: grant.clone(),
        };
        let text = serde_json::to_vec(&begun)?;
        self.file.rewind()?;
        self.file.set_len(0)?;
        self.file.write_all(&text)
    }

    /// The upload is finished, or can no longer be.
    pub(crate) fn forget(self) {
        // What stays is swept later, and harms nothing before.
        _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn records() -> (tempfile::TempDir, Records) {
        let directory = tempfile::tempdir().unwrap();
        let records = Records::open(&directory.path().join("uploads")).unwrap();
        (directory, records)
    }

    fn hold(records: &Records, content: &[u8]) -> Option<Record> {
        let digest = Digests::of(content).blake3;
        records.hold("http://host", &"a/b".parse().unwrap(), digest).unwrap()
    }

    #[test]
    fn what_was_begun_is_there_for_the_next_process_and_gone_when_finished() {
        let (_directory, records) = records();
        let mut record = hold(&records, b"x").unwrap();
        assert_eq!(record.begun(), None);
        record.remember("http://host/data/uploads/1", &Secret::new("long grant".into())).unwrap();
        record.remember("http://host/data/uploads/2", &Secret::new("g".into())).unwrap();
        drop(record);
        let mut again = hold(&records, b"x").unwrap();
        assert_eq!(again.begun().unwrap().url, "http://host/data/uploads/2");
        again.forget();
        assert_eq!(hold(&records, b"x").unwrap().begun(), None);
        assert_eq!(hold(&records, b"y").unwrap().begun(), None);
    }

    #[test]
    fn an_upload_that_another_works_on_is_left_alone() {
        let (_directory, records) = records();
        let held = hold(&records, b"x");
        assert!(held.is_some());
        assert!(hold(&records, b"x").is_none());
        drop(held);
        assert!(hold(&records, b"x").is_some());
    }

    #[test]
    fn a_damaged_record_is_as_good_as_none_and_nobody_else_can_read_one() {
        let (_directory, records) = records();
        let mut record = hold(&records, b"x").unwrap();
        record.remember("u", &Secret::new("g".into())).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&record.path), mode(&records.directory)), (0o600, 0o700));
        fs::write(&record.path, "{\"url\":").unwrap();
        assert_eq!(record.begun(), None);
    }

    #[test]
    fn records_that_outlived_their_session_are_removed() {
        let (_directory, records) = records();
        let mut record = hold(&records, b"x").unwrap();
        record.remember("u", &Secret::new("g".into())).unwrap();
        let old = SystemTime::now() - Duration::from_secs(SESSION_LIFE_MAX_SECONDS + 60);
        record.file.set_modified(old).unwrap();
        drop(record);
        Records::open(&records.directory).unwrap();
        assert_eq!(fs::read_dir(&records.directory).unwrap().count(), 0);
    }
}
