//! Documents as files that are replaced by rename.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use rustix::fs::{AtFlags, Dir, OFlags};
use rustix::io::Errno;

use super::root::{Root, io, openat};
use crate::kernel::limits::STORE_DOCUMENT_MAX_BYTES;
use crate::stores::{Document, Error, Kind, Version};

/// Locks that documents share by their names. One process has the store, so these order all swaps.
const LOCKS: usize = 64;

/// What an unfinished document's name begins with.
const UNFINISHED: &str = "new-";

/// The documents of a store.
#[derive(Debug)]
pub(super) struct Documents {
    /// One directory for each kind. A store of an earlier version that was only read may lack one.
    kinds: [Option<OwnedFd>; Kind::ALL.len()],
    locks: [Mutex<()>; LOCKS],
    unfinished: AtomicU64,
}

impl Documents {
    /// Opens them, and removes what a crash left unfinished.
    pub(super) fn open(root: &Root) -> Result<Self, Error> {
        let documents = Self::open_beside(root)?;
        for kind in Kind::ALL {
            let directory = documents.directory(kind)?;
            for name in names(directory)?.into_iter().filter(|name| name.starts_with(UNFINISHED)) {
                rustix::fs::unlinkat(directory, name, AtFlags::empty()).map_err(io)?;
            }
        }
        Ok(documents)
    }

    /// Opens them beside the process that has them: what is unfinished is its.
    pub(super) fn open_beside(root: &Root) -> Result<Self, Error> {
        let [sessions, receipts, checkpoints, trees] = Kind::ALL.map(|kind| root.documents(kind));
        Ok(Self {
            kinds: [sessions?, receipts?, checkpoints?, trees?],
            locks: std::array::from_fn(|_| Mutex::new(())),
            unfinished: AtomicU64::new(0),
        })
    }

    fn directory(&self, kind: Kind) -> Result<&OwnedFd, Error> {
        let directory = match kind {
            Kind::Sessions => &self.kinds[0],
            Kind::Receipts => &self.kinds[1],
            Kind::Checkpoints => &self.kinds[2],
            Kind::Trees => &self.kinds[3],
        };
        directory.as_ref().ok_or_else(|| Error::Format(format!("it has no directory of {}", kind.name())))
    }

    pub(super) fn load(&self, document: Document) -> Result<Option<(Bytes, Version)>, Error> {
        let Ok(directory) = self.directory(document.kind()) else { return Ok(None) };
        let file = match openat(directory, &document.name(), OFlags::RDONLY) {
            Ok(file) => File::from(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut content = Vec::new();
        file.take(STORE_DOCUMENT_MAX_BYTES as u64).read_to_end(&mut content)?;
        let version = Version::of(&content);
        Ok(Some((content.into(), version)))
    }

    pub(super) fn swap(
        &self,
        document: Document,
        expected: Option<&Version>,
        content: Option<&[u8]>,
    ) -> Result<Option<Version>, Error> {
        let name = document.name();
        let lock = name.bytes().map(usize::from).sum::<usize>() % LOCKS;
        let lock = &self.locks[lock];
        let _ordered = lock.lock().unwrap_or_else(PoisonError::into_inner);
        let found = self.load(document)?.map(|(_, version)| version);
        if found.as_ref() != expected {
            return Err(Error::Stale(document));
        }
        let directory = self.directory(document.kind())?;
        match content {
            Some(content) => self.replace(directory, &name, content)?,
            None if found.is_none() => return Ok(None),
            None => rustix::fs::unlinkat(directory, &*name, AtFlags::empty()).map_err(io)?,
        }
        rustix::fs::fsync(directory).map_err(io)?;
        Ok(content.map(Version::of))
    }

    /// Writes beside, makes that durable, and renames over.
    fn replace(&self, directory: &OwnedFd, name: &str, content: &[u8]) -> Result<(), Error> {
        assert!(content.len() <= STORE_DOCUMENT_MAX_BYTES, "documents are small");
        let beside = format!("{UNFINISHED}{}", self.unfinished.fetch_add(1, Ordering::SeqCst));
        let written = (|| {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY;
            let mut file = File::from(openat(directory, &beside, flags)?);
            file.write_all(content)?;
            file.sync_all()?;
            Ok(rustix::fs::renameat(directory, &*beside, directory, name)?)
        })();
        written.map_err(|error: io::Error| {
            match rustix::fs::unlinkat(directory, &*beside, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(left) => tracing::warn!(%left, "an unfinished document stays until the next start"),
            }
            error.into()
        })
    }

    pub(super) fn names(&self, kind: Kind) -> Result<Vec<Document>, Error> {
        let Ok(directory) = self.directory(kind) else { return Ok(Vec::new()) };
        let names = names(directory)?;
        Ok(names.iter().filter_map(|name| kind.document(name)).collect())
    }
}

fn names(directory: &OwnedFd) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory).map_err(io)? {
        names.push(entry.map_err(io)?.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}
