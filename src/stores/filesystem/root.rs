//! The directory of a store: its lock, its format, and the way to a file in it without following a link.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::together;
use crate::kernel::id::ObjectKey;
use crate::stores::{Error, Kind};

/// What the format file says.
const FORMAT: &str = "strongroom filesystem store v1\n";

const DIRECTORY_MODE: Mode = Mode::RWXU;
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);

/// Where a file of an object lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Area {
    /// Complete.
    Objects,
    /// Under construction.
    Stages,
}

/// An open store directory, which this process owns as long as the value lives.
#[derive(Debug)]
pub(super) struct Root {
    objects: OwnedFd,
    stages: OwnedFd,
    documents: OwnedFd,
    /// Whether one barrier makes many files durable here.
    barrier: bool,
    /// None where another process has it.
    _lock: Option<OwnedFd>,
}

impl Root {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(path)?;
        let root = rustix::fs::open(path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_err(io)?;
        let lock = openat(&root, "lock", OFlags::CREATE | OFlags::RDWR)?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => return Err(Error::Owned(path.display().to_string())),
            outcome => outcome.map_err(io)?,
        }
        match openat(&root, "format", OFlags::RDONLY) {
            Ok(file) => {
                check_format(file, path)?;
                // What an earlier version did not have.
                make_kinds(&openat(&root, "documents", OFlags::RDONLY | OFlags::DIRECTORY)?)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create(&root)?;
                // The directory itself has to survive too.
                if let Some(parent) = path.canonicalize()?.parent() {
                    File::open(parent)?.sync_all()?;
                }
            }
            Err(error) => return Err(error.into()),
        }
        Self::of(&root, Some(lock))
    }

    /// Opens a store that is there, whoever has it. Nothing may be written through it.
    pub(super) fn open_beside(path: &Path) -> Result<Self, Error> {
        let root = rustix::fs::open(path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_err(io)?;
        check_format(openat(&root, "format", OFlags::RDONLY)?, path)?;
        Self::of(&root, None)
    }

    fn of(root: &OwnedFd, lock: Option<OwnedFd>) -> Result<Self, Error> {
        Ok(Self {
            objects: open_directory(root, "objects")?,
            stages: open_directory(root, "stages")?,
            documents: open_directory(root, "documents")?,
            barrier: together::has_barrier(root),
            _lock: lock,
        })
    }

    /// The directory of the documents of a kind. None in a store that an earlier version made and this one only reads.
    pub(super) fn documents(&self, kind: Kind) -> Result<Option<OwnedFd>, Error> {
        match open_directory(&self.documents, kind.name()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            opened => Ok(Some(opened?)),
        }
    }

    /// Bytes that whoever runs this may still write.
    pub(super) fn free_bytes(&self) -> Result<u64, Error> {
        let found = rustix::fs::fstatvfs(&self.objects).map_err(io)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }

    /// Whether one barrier makes many files durable here.
    pub(super) fn has_barrier(&self) -> bool {
        self.barrier
    }

    /// A barrier for what is written from now on.
    pub(super) fn barrier(&self) -> io::Result<OwnedFd> {
        // A fresh description: each sees the failures since it was opened, whoever else was told of them.
        open_directory(&self.objects, ".")
    }

    /// The directory of one shard.
    pub(super) fn shard(&self, area: Area, name: &str) -> Result<OwnedFd, Error> {
        let area = match area {
            Area::Objects => &self.objects,
            Area::Stages => &self.stages,
        };
        Ok(open_directory(area, name)?)
    }

    /// The directory that has, or would have, the file of that object.
    fn directory_of(&self, area: Area, key: &ObjectKey) -> Result<OwnedFd, Error> {
        self.shard(area, &key.as_str()[..2])
    }

    /// Opens the file of an object for reading.
    pub(super) fn open_to_read(&self, area: Area, key: &ObjectKey) -> Result<File, Error> {
        let directory = self.directory_of(area, key)?;
        // Without NONBLOCK a pipe in the place of an object would hang the reader.
        let file =
            File::from(missing(openat(&directory, leaf(key), OFlags::RDONLY | OFlags::NONBLOCK), key)?);
        if !file.metadata()?.is_file() {
            return Err(Error::Format(format!("object {key} is not a regular file")));
        }
        Ok(file)
    }

    /// Opens the file of a stage for writing.
    pub(super) fn open_to_write(&self, area: Area, key: &ObjectKey, flags: OFlags) -> Result<File, Error> {
        let directory = self.directory_of(area, key)?;
        let opened = openat(&directory, leaf(key), flags | OFlags::RDWR);
        match opened {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Error::Exists(key.clone())),
            opened => Ok(File::from(missing(opened, key)?)),
        }
    }

    /// Gives a finished stage its name among the objects, unless that is taken. Durable on return.
    pub(super) fn publish(&self, key: &ObjectKey) -> Result<(), Error> {
        let from = self.directory_of(Area::Stages, key)?;
        let to = self.directory_of(Area::Objects, key)?;
        match rustix::fs::linkat(&from, leaf(key), &to, leaf(key), AtFlags::empty()) {
            Err(Errno::EXIST) => return Err(Error::Exists(key.clone())),
            Err(Errno::NOENT) => return Err(Error::Missing(key.clone())),
            outcome => outcome.map_err(io)?,
        }
        rustix::fs::fsync(&to).map_err(io)?;
        // The second name is only in the way; if it comes back after a crash, the sweep takes it.
        self.unlink(Area::Stages, key)
    }

    /// Removes the file of an object, if it is there.
    pub(super) fn unlink(&self, area: Area, key: &ObjectKey) -> Result<(), Error> {
        let directory = self.directory_of(area, key)?;
        match rustix::fs::unlinkat(&directory, leaf(key), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(io(error)),
        }
    }

    /// Makes the names in the directory of that object durable.
    pub(super) fn sync_directory(&self, area: Area, key: &ObjectKey) -> Result<(), Error> {
        rustix::fs::fsync(self.directory_of(area, key)?).map_err(io)
    }
}

/// The file's name in its shard.
fn leaf(key: &ObjectKey) -> &str {
    &key.as_str()[3..]
}

fn missing(opened: io::Result<OwnedFd>, key: &ObjectKey) -> Result<OwnedFd, Error> {
    opened.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::Missing(key.clone()),
        _ => error.into(),
    })
}

/// Opens what is no link.
pub(super) fn openat(directory: &OwnedFd, name: &str, flags: OFlags) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(directory, name, flags, FILE_MODE)?)
}

fn open_directory(parent: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    openat(parent, name, OFlags::RDONLY | OFlags::DIRECTORY)
}

/// An error number as the error of this module.
pub(super) fn io(error: Errno) -> Error {
    io::Error::from(error).into()
}

fn check_format(file: OwnedFd, path: &Path) -> Result<(), Error> {
    let mut found = String::new();
    File::from(file).take(256).read_to_string(&mut found)?;
    if found == FORMAT {
        return Ok(());
    }
    Err(Error::Format(format!("{} says {:?}", path.join("format").display(), found)))
}

/// Makes all directories, then says so. A crash in between is met by doing it again.
fn create(root: &OwnedFd) -> Result<(), Error> {
    for area in ["objects", "stages"] {
        let area = make_directory(root, area)?;
        for shard in 0..=255 {
            make_directory(&area, &shard_name(shard))?;
        }
        rustix::fs::fsync(&area).map_err(io)?;
    }
    let documents = make_directory(root, "documents")?;
    make_kinds(&documents)?;
    let mut format = File::from(openat(root, "format.new", OFlags::CREATE | OFlags::TRUNC | OFlags::WRONLY)?);
    format.write_all(FORMAT.as_bytes())?;
    format.sync_all()?;
    rustix::fs::renameat(root, "format.new", root, "format").map_err(io)?;
    rustix::fs::fsync(root).map_err(io)
}

/// Makes a directory for each kind of documents that has none.
fn make_kinds(documents: &OwnedFd) -> Result<(), Error> {
    for kind in Kind::ALL {
        make_directory(documents, kind.name())?;
    }
    rustix::fs::fsync(documents).map_err(io)
}

/// The name of a shard.
pub(super) fn shard_name(shard: u8) -> String {
    format!("{shard:02x}")
}

fn make_directory(parent: &OwnedFd, name: &str) -> Result<OwnedFd, Error> {
    match rustix::fs::mkdirat(parent, name, DIRECTORY_MODE) {
        Ok(()) | Err(Errno::EXIST) => Ok(open_directory(parent, name)?),
        Err(error) => Err(io(error)),
    }
}
