//! A directory on disk that packages are unpacked into and compared with.
//!
//! - Every name is opened relative to its parent's descriptor, and no component may be a symbolic link: nothing
//!   outside of the directory is read or written, whatever the tree holds or becomes meanwhile.
//! - What is written appears whole: under a temporary name first, then renamed.
//! - Nothing is deleted but temporary files, and what a rename replaces.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::kernel::manifest::{self, LinkTarget, PackagePath};

/// Where unfinished files are, inside of the directory.
pub const PARTIAL: &str = ".strongroom-partial";

/// Why something in the directory cannot be looked at or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system says no.
    #[error("{}: {reason}", path.display())]
    System {
        /// Where.
        path: PathBuf,
        /// Why not.
        reason: io::Error,
    },
    /// A directory of the path is none here, but a link or a file.
    #[error("{} is not a directory; nothing is written through it", path.display())]
    NotADirectory {
        /// Which component.
        path: PathBuf,
    },
    /// Another process unpacks here.
    #[error("another pull is writing to {}; wait for it to end", path.display())]
    Busy {
        /// The directory.
        path: PathBuf,
    },
}

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// A regular file.
    File {
        /// Its length.
        size_bytes: u64,
        /// Its permission bits.
        mode: manifest::Mode,
    },
    /// A directory.
    Directory,
    /// A symbolic link, and what it says.
    Symlink(Vec<u8>),
    /// A socket, pipe or device.
    Other,
}

/// An open directory.
#[derive(Debug)]
pub struct Tree {
    root: OwnedFd,
    path: PathBuf,
}

const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);

impl Tree {
    /// Opens a directory that is there.
    ///
    /// # Errors
    /// [`Error::System`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
        let root = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| system(path, errno))?;
        Ok(Self { root, path: path.to_owned() })
    }

    /// Opens a directory, made first if it is not there.
    ///
    /// # Errors
    /// [`Error::System`].
    pub fn create(path: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(path).map_err(|reason| Error::System { path: path.to_owned(), reason })?;
        Self::open(path)
    }

    /// Where a path of the package lies.
    pub fn locate(&self, path: &PackagePath) -> PathBuf {
        self.path.join(path.as_str())
    }

    /// What lies at a path. None if there is nothing, or nothing above it.
    ///
    /// # Errors
    /// [`Error`].
    pub fn look(&self, path: &PackagePath) -> Result<Option<Seen>, Error> {
        let Some(parent) = self.parent(path, false)? else { return Ok(None) };
        let name = path.file_name();
        let stat = match rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(system(&self.locate(path), errno)),
        };
        Ok(Some(match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Seen::File {
                size_bytes: u64::try_from(stat.st_size).unwrap_or_default(),
                mode: manifest::Mode::from_unix(stat.st_mode),
            },
            FileType::Directory => Seen::Directory,
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(&parent, name, Vec::new());
                Seen::Symlink(target.map_err(|errno| system(&self.locate(path), errno))?.into_bytes())
            }
            _ => Seen::Other,
        }))
    }

    /// Opens a file to read.
    ///
    /// # Errors
    /// [`Error`]; also if there is none.
    pub fn read(&self, path: &PackagePath) -> Result<File, Error> {
        let parent = self.parent(path, false)?.ok_or_else(|| system(&self.locate(path), Errno::NOENT))?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = rustix::fs::openat(&parent, path.file_name(), flags, Mode::empty());
        file.map(File::from).map_err(|errno| system(&self.locate(path), errno))
    }

    /// Whether a directory has nothing in it.
    ///
    /// # Errors
    /// [`Error`]; also if there is none.
    pub fn is_empty(&self, path: &PackagePath) -> Result<bool, Error> {
        Ok(self.names(Some(path))?.is_empty())
    }

    /// The names in a directory, or in the whole; sorted, and as bytes, because not every name is text.
    ///
    /// # Errors
    /// [`Error`]; also if there is none.
    pub fn names(&self, path: Option<&PackagePath>) -> Result<Vec<Vec<u8>>, Error> {
        let shown = path.map_or(self.path.clone(), |path| self.locate(path));
        let error = |errno| system(&shown, errno);
        let directory = match path {
            None => rustix::fs::openat(&self.root, ".", DIRECTORY, Mode::empty()).map_err(error)?,
            Some(path) => {
                let parent = self.parent(path, false)?.ok_or_else(|| error(Errno::NOENT))?;
                self.subdirectory(&parent, path.file_name(), &shown, false)?
                    .ok_or_else(|| error(Errno::NOENT))?
            }
        };
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&directory).map_err(error)? {
            let entry = entry.map_err(error)?;
            let name = entry.file_name().to_bytes();
            if !matches!(name, b"." | b"..") {
                names.push(name.to_vec());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Makes a directory, and those above it. One that is there is as good.
    ///
    /// # Errors
    /// [`Error`].
    pub fn make_directory(&self, path: &PackagePath) -> Result<(), Error> {
        let parent = self.parent(path, true)?.expect("made if it was not there");
        self.subdirectory(&parent, path.file_name(), &self.locate(path), true).map(|_| ())
    }

    /// Sets a file's permission bits.
    ///
    /// # Errors
    /// [`Error`].
    pub fn set_mode(&self, path: &PackagePath, mode: manifest::Mode) -> Result<(), Error> {
        let file = self.read(path)?;
        set_mode(&file, mode).map_err(|errno| system(&self.locate(path), errno))
    }

    /// The descriptor of the directory that holds a path. None if it is not there and not to be made.
    fn parent(&self, path: &PackagePath, make: bool) -> Result<Option<OwnedFd>, Error> {
        let mut at =
            self.root.try_clone().map_err(|reason| Error::System { path: self.path.clone(), reason })?;
        let mut so_far = self.path.clone();
        for name in path.components().take(path.depth()) {
            so_far.push(name);
            match self.subdirectory(&at, name, &so_far, make)? {
                Some(next) => at = next,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    fn subdirectory(
        &self,
        at: &OwnedFd,
        name: &str,
        shown: &Path,
        make: bool,
    ) -> Result<Option<OwnedFd>, Error> {
        if make {
            match rustix::fs::mkdirat(at, name, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(system(shown, errno)),
            }
        }
        match rustix::fs::openat(at, name, DIRECTORY, Mode::empty()) {
            Ok(directory) => Ok(Some(directory)),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::NOTDIR | Errno::LOOP) => Err(Error::NotADirectory { path: shown.to_owned() }),
            Err(errno) => Err(system(shown, errno)),
        }
    }

    /// Where unfinished files go; held against other processes until dropped. What one that was killed left is gone.
    ///
    /// # Errors
    /// [`Error::Busy`], or [`Error::System`].
    pub fn partial(self: &Arc<Self>) -> Result<Partial, Error> {
        let path = self.path.join(PARTIAL);
        loop {
            let directory = self.subdirectory(&self.root, PARTIAL, &path, true)?;
            // Another process has just finished, and removed it.
            let Some(directory) = directory else { continue };
            match rustix::fs::flock(&directory, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => return Err(Error::Busy { path: self.path.clone() }),
                Err(errno) => return Err(system(&path, errno)),
            }
            let held = rustix::fs::fstat(&directory).map_err(|errno| system(&path, errno))?;
            let named = rustix::fs::statat(&self.root, PARTIAL, AtFlags::SYMLINK_NOFOLLOW);
            if named.is_ok_and(|named| (named.st_dev, named.st_ino) == (held.st_dev, held.st_ino)) {
                let partial = Partial { tree: self.clone(), directory, path };
                partial.clear()?;
                return Ok(partial);
            }
        }
    }
}

/// Unfinished files of one process.
#[derive(Debug)]
pub struct Partial {
    tree: Arc<Tree>,
    directory: OwnedFd,
    path: PathBuf,
}

impl Partial {
    fn clear(&self) -> Result<(), Error> {
        let entries =
            rustix::fs::Dir::read_from(&self.directory).map_err(|errno| system(&self.path, errno))?;
        for entry in entries {
            let entry = entry.map_err(|errno| system(&self.path, errno))?;
            let name = entry.file_name();
            if !matches!(name.to_bytes(), b"." | b"..") {
                rustix::fs::unlinkat(&self.directory, name, AtFlags::empty())
                    .map_err(|errno| system(&self.path, errno))?;
            }
        }
        Ok(())
    }

    /// A new file, empty, for this process only until it is placed.
    ///
    /// # Errors
    /// [`Error::System`].
    pub fn create(&self, name: &str) -> Result<File, Error> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        rustix::fs::openat(&self.directory, name, flags, Mode::from_raw_mode(0o666))
            .map(File::from)
            .map_err(|errno| system(&self.path.join(name), errno))
    }

    /// Makes a link of that name, to be placed like a file.
    ///
    /// # Errors
    /// [`Error::System`].
    pub fn link(&self, name: &str, target: &LinkTarget) -> Result<(), Error> {
        rustix::fs::symlinkat(target.as_str(), &self.directory, name)
            .map_err(|errno| system(&self.path.join(name), errno))
    }

    /// Gives a finished file its place.
    ///
    /// # Errors
    /// [`Error`]; [`Error::System`] with "exists" if something is there and is not to be replaced.
    pub fn place(&self, name: &str, path: &PackagePath, replace: bool) -> Result<(), Error> {
        let parent = self.tree.parent(path, true)?.expect("made if it was not there");
        let shown = self.tree.locate(path);
        // Also how two paths are noticed that only this filesystem takes for one.
        if !replace && rustix::fs::statat(&parent, path.file_name(), AtFlags::SYMLINK_NOFOLLOW).is_ok() {
            return Err(system(&shown, Errno::EXIST));
        }
        rustix::fs::renameat(&self.directory, name, &parent, path.file_name())
            .map_err(|errno| system(&shown, errno))
    }

    /// Drops a file that will not be finished.
    pub fn remove(&self, name: &str) {
        // What stays is cleared by the next pull.
        _ = rustix::fs::unlinkat(&self.directory, name, AtFlags::empty());
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        _ = self.clear();
        _ = rustix::fs::unlinkat(&self.tree.root, PARTIAL, AtFlags::REMOVEDIR);
    }
}

/// Sets an open file's permission bits, whatever the umask.
///
/// # Errors
/// As the system says.
pub fn set_mode(file: &File, mode: manifest::Mode) -> Result<(), Errno> {
    rustix::fs::fchmod(file, Mode::from_raw_mode(mode.bits()))
}

fn system(path: &Path, errno: Errno) -> Error {
    Error::System { path: path.to_owned(), reason: errno.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;
    use std::os::unix::fs::symlink;

    fn path(text: &str) -> PackagePath {
        text.parse().unwrap()
    }

    fn put(tree: &Arc<Tree>, at: &str, content: &[u8]) -> Result<(), Error> {
        let partial = tree.partial()?;
        partial.create("new")?.write_all(content).unwrap();
        partial.place("new", &path(at), false)
    }

    #[test]
    fn what_is_placed_is_seen_and_nothing_else_stays() {
        let directory = tempfile::tempdir().unwrap();
        let tree = Arc::new(Tree::create(&directory.path().join("new/deep")).unwrap());
        assert_eq!(tree.look(&path("a/b/file")).unwrap(), None);
        put(&tree, "a/b/file", b"content").unwrap();
        tree.set_mode(&path("a/b/file"), manifest::Mode::from_unix(0o751)).unwrap();
        tree.make_directory(&path("empty/one")).unwrap();
        let mode = manifest::Mode::from_unix(0o751);
        assert_eq!(tree.look(&path("a/b/file")).unwrap(), Some(Seen::File { size_bytes: 7, mode }));
        assert_eq!(tree.look(&path("empty/one")).unwrap(), Some(Seen::Directory));
        assert!(!directory.path().join("new/deep").join(PARTIAL).exists());
        assert!(put(&tree, "a/b/file", b"other").is_err(), "not replaced unasked");
    }

    #[test]
    fn nothing_is_read_or_written_through_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let (inside, outside) = (directory.path().join("in"), directory.path().join("out"));
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("secret"), "secret").unwrap();
        let tree = Arc::new(Tree::create(&inside).unwrap());
        symlink(&outside, inside.join("link")).unwrap();
        symlink(outside.join("secret"), inside.join("file")).unwrap();
        let refused = |result: Result<(), Error>| assert!(matches!(result, Err(Error::NotADirectory { .. })));
        refused(put(&tree, "link/new", b"x"));
        refused(tree.make_directory(&path("link/new")));
        refused(tree.look(&path("link/secret")).map(|_| ()));
        refused(tree.read(&path("link/secret")).map(|_| ()));
        assert!(tree.read(&path("file")).is_err());
        assert!(matches!(tree.look(&path("file")).unwrap(), Some(Seen::Symlink(_))));
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    }

    #[test]
    fn a_second_pull_is_refused_and_a_killed_one_cleaned_up_after() {
        let directory = tempfile::tempdir().unwrap();
        let tree = Arc::new(Tree::create(directory.path()).unwrap());
        let partial = tree.partial().unwrap();
        assert!(matches!(tree.partial(), Err(Error::Busy { .. })));
        partial.create("left").unwrap();
        // As a kill leaves it: the lock gone, the file there.
        rustix::fs::flock(&partial.directory, FlockOperation::Unlock).unwrap();
        let second = tree.partial().unwrap();
        assert!(second.create("left").is_ok());
    }

    #[test]
    fn a_file_in_the_place_of_a_directory_is_named() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("a"), "").unwrap();
        let tree = Arc::new(Tree::create(directory.path()).unwrap());
        let error = put(&tree, "a/b", b"x").unwrap_err();
        assert!(error.to_string().contains("is not a directory"), "{error}");
    }
}
