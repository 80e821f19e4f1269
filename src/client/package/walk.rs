//! Finding what a package is made of.
//!
//! - One directory: what is in it is the package. A file, or several paths: each is there under its own name.
//! - Symbolic links are kept as links, never followed, except where a path that was named is itself one.
//! - Permission bits are kept; owners, times, set-id bits and extended attributes are not (they are no content).
//! - The result is in the order of the paths, the same on every machine.
//!
//! Refused, all at once and each with its reason: names that are no package paths (not UTF-8, backslashes, control
//! characters), links that leave the package, and whatever is no file, directory or link: sockets, pipes, devices.

use std::fs::{self, FileType, Metadata};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::exclude::Exclude;
use crate::kernel::manifest::{LinkTarget, Mode, PackagePath, entry};

/// Why a walk gives no package.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// Why not.
        reason: std::io::Error,
    },
    /// Some of it cannot be in a package.
    #[error("{}", refusals(.0))]
    Refused(Vec<Refused>),
    /// Two of the paths that were named have something at the same place.
    #[error("{0}; name them under another directory, or push them apart")]
    Tree(#[from] entry::Error),
}

/// Something that cannot be in a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Where it lies.
    pub path: PathBuf,
    /// Why not.
    pub reason: String,
}

fn refusals(refused: &[Refused]) -> String {
    let mut text = String::new();
    for one in refused {
        text += &format!("{}: {}\n", one.path.display(), one.reason);
    }
    let them = if refused.len() == 1 { "it" } else { "them" };
    text + &format!("leave {them} out with --exclude, or change {them}")
}

/// Something for a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its place in the package.
    pub path: PackagePath,
    /// What it is.
    pub kind: FoundKind,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundKind {
    /// A regular file.
    File(Source),
    /// A directory with nothing in it (that is not left out).
    Directory,
    /// A symbolic link.
    Symlink(LinkTarget),
}

/// A file as it was when it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Where it lies.
    pub path: PathBuf,
    /// Its length then.
    pub size_bytes: u64,
    /// Its permissions.
    pub mode: Mode,
    pub(super) stamp: Stamp,
}

/// By which a file is seen to be another, or to have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size_bytes: u64,
    modified: (i64, i64),
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size_bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// Walks through what the paths name.
///
/// # Errors
/// [`Error`]; what is refused is named together.
pub fn walk(roots: &[PathBuf], exclude: &Exclude) -> Result<Vec<Found>, Error> {
    let mut walk = Walk { exclude, found: Vec::new(), refused: Vec::new() };
    for root in roots {
        let metadata = fs::metadata(root).map_err(|reason| unreadable(root, reason))?;
        if metadata.is_dir() && roots.len() == 1 {
            walk.directory(root, "")?;
        } else {
            let name = own_name(root)?;
            if metadata.is_dir() {
                walk.entry(root, &name, metadata.file_type())?;
            } else {
                walk.named_file(root, &name, &metadata);
            }
        }
    }
    if !walk.refused.is_empty() {
        walk.refused.sort_by(|a, b| a.path.cmp(&b.path));
        return Err(Error::Refused(walk.refused));
    }
    walk.found.sort_by(|a, b| a.path.cmp(&b.path));
    entry::check_tree(walk.found.iter().map(|found| &found.path))?;
    Ok(walk.found)
}

struct Walk<'w> {
    exclude: &'w Exclude,
    found: Vec<Found>,
    refused: Vec<Refused>,
}

impl Walk<'_> {
    /// Everything in a directory; whether there was anything.
    fn directory(&mut self, directory: &Path, prefix: &str) -> Result<bool, Error> {
        let mut any = false;
        for entry in fs::read_dir(directory).map_err(|reason| unreadable(directory, reason))? {
            let entry = entry.map_err(|reason| unreadable(directory, reason))?;
            let path = entry.path();
            let name = match entry.file_name().into_string() {
                Ok(name) => name,
                Err(raw) => {
                    if !self.exclude.matches_raw(&Path::new(prefix).join(&raw)) {
                        self.refuse(&path, "its name is not UTF-8");
                        any = true;
                    }
                    continue;
                }
            };
            let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
            let kind = entry.file_type().map_err(|reason| unreadable(&path, reason))?;
            any |= self.entry(&path, &name, kind)?;
        }
        Ok(any)
    }

    /// One thing that lies at `path` and is to be `name` in the package; whether it is there then.
    fn entry(&mut self, path: &Path, name: &str, kind: FileType) -> Result<bool, Error> {
        if self.exclude.matches_raw(Path::new(name)) {
            return Ok(false);
        }
        let package_path = match name.parse() {
            Ok(package_path) => package_path,
            Err(reason) => {
                self.refuse(path, reason);
                return Ok(true);
            }
        };
        if kind.is_dir() {
            if !self.directory(path, name)? {
                self.found.push(Found { path: package_path, kind: FoundKind::Directory });
            }
        } else if kind.is_symlink() {
            self.link(path, package_path)?;
        } else if kind.is_file() {
            let metadata = fs::symlink_metadata(path).map_err(|reason| unreadable(path, reason))?;
            self.file(path, package_path, &metadata);
        } else {
            self.refuse(path, other(kind));
        }
        Ok(true)
    }

    /// A path that was named: what it leads to is taken, also through a link.
    fn named_file(&mut self, path: &Path, name: &str, metadata: &Metadata) {
        match name.parse() {
            _ if !metadata.is_file() => self.refuse(path, other(metadata.file_type())),
            Ok(package_path) if !self.exclude.matches(&package_path) => {
                self.file(path, package_path, metadata);
            }
            Ok(_) => {}
            Err(reason) => self.refuse(path, reason),
        }
    }

    fn file(&mut self, path: &Path, package_path: PackagePath, metadata: &Metadata) {
        let source = Source {
            path: path.to_owned(),
            size_bytes: metadata.len(),
            mode: Mode::from_unix(metadata.mode()),
            stamp: Stamp::of(metadata),
        };
        self.found.push(Found { path: package_path, kind: FoundKind::File(source) });
    }

    fn link(&mut self, path: &Path, package_path: PackagePath) -> Result<(), Error> {
        let target = fs::read_link(path).map_err(|reason| unreadable(path, reason))?;
        let Some(text) = target.to_str() else {
            self.refuse(path, "the target of this link is not UTF-8");
            return Ok(());
        };
        match text.parse::<LinkTarget>() {
            Ok(target) if target.stays_inside(&package_path) => {
                self.found.push(Found { path: package_path, kind: FoundKind::Symlink(target) });
            }
            Ok(_) => self.refuse(path, format!("this link leads out of the package, to {text}")),
            Err(reason) => self.refuse(path, format!("this link to {text:?} cannot be kept: {reason}")),
        }
        Ok(())
    }

    fn refuse(&mut self, path: &Path, reason: impl ToString) {
        self.refused.push(Refused { path: path.to_owned(), reason: reason.to_string() });
    }
}

/// The name under which a path that was named stands in the package; `.` and `..` have one on disk only.
fn own_name(root: &Path) -> Result<String, Error> {
    let name = match root.file_name() {
        Some(name) => Some(name.to_owned()),
        None => {
            let full = fs::canonicalize(root).map_err(|reason| unreadable(root, reason))?;
            full.file_name().map(ToOwned::to_owned)
        }
    };
    let refused =
        |reason: &str| Error::Refused(vec![Refused { path: root.to_owned(), reason: reason.into() }]);
    let name = name.ok_or_else(|| refused("it has no name of its own; push it alone"))?;
    name.into_string().map_err(|_| refused("its name is not UTF-8"))
}

fn other(kind: FileType) -> &'static str {
    if kind.is_socket() {
        "a socket is not a file"
    } else if kind.is_fifo() {
        "a named pipe is not a file"
    } else if kind.is_block_device() || kind.is_char_device() {
        "a device is not a file"
    } else {
        "this is neither a file, a directory nor a link"
    }
}

fn unreadable(path: &Path, reason: std::io::Error) -> Error {
    Error::Read { path: path.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;

    fn tree() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        fs::create_dir_all(at("a/empty")).unwrap();
        fs::create_dir_all(at("b")).unwrap();
        fs::write(at("a/run.sh"), "#!/bin/sh").unwrap();
        fs::set_permissions(at("a/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(at("b/Übergabe.pdf"), "").unwrap();
        symlink("../a/run.sh", at("b/link")).unwrap();
        root
    }

    fn names(found: &[Found]) -> Vec<&str> {
        found.iter().map(|found| found.path.as_str()).collect()
    }

    #[test]
    fn one_directory_is_the_package_with_everything_in_order() {
        let root = tree();
        let found = walk(&[root.path().to_owned()], &Exclude::default()).unwrap();
        assert_eq!(names(&found), ["a/empty", "a/run.sh", "b/link", "b/Übergabe.pdf"]);
        assert_eq!(found[0].kind, FoundKind::Directory);
        assert!(matches!(&found[1].kind, FoundKind::File(source) if source.mode.bits() == 0o755));
        assert!(matches!(&found[2].kind, FoundKind::Symlink(target) if target.as_str() == "../a/run.sh"));
        assert!(matches!(&found[3].kind, FoundKind::File(source) if source.size_bytes == 0));
    }

    #[test]
    fn several_paths_stand_under_their_own_names() {
        let root = tree();
        let both = [root.path().join("b/Übergabe.pdf"), root.path().join("a")];
        let found = walk(&both, &Exclude::default()).unwrap();
        assert_eq!(names(&found), ["a/empty", "a/run.sh", "Übergabe.pdf"]);
        let twice = [root.path().join("a"), root.path().join("b/../a")];
        assert!(matches!(walk(&twice, &Exclude::default()), Err(Error::Tree(_))));
    }

    #[test]
    fn what_is_left_out_is_not_even_looked_at() {
        let root = tree();
        let exclude = Exclude::new(["a/empty", "b"]).unwrap();
        assert_eq!(names(&walk(&[root.path().to_owned()], &exclude).unwrap()), ["a/run.sh"]);
        let all = Exclude::new(["*"]).unwrap();
        assert!(walk(&[root.path().to_owned()], &all).unwrap().is_empty());
    }

    #[test]
    fn what_cannot_be_kept_is_named_all_at_once() {
        let root = tree();
        let at = |path: &str| root.path().join(path);
        let _socket = UnixListener::bind(at("socket")).unwrap();
        symlink("/etc/passwd", at("absolute")).unwrap();
        symlink("../../outside", at("a/out")).unwrap();
        fs::write(at("back\\slash"), "").unwrap();
        let Err(Error::Refused(refused)) = walk(&[root.path().to_owned()], &Exclude::default()) else {
            panic!("refused")
        };
        let paths: Vec<_> = refused.iter().map(|one| one.path.strip_prefix(root.path()).unwrap()).collect();
        assert_eq!(paths, ["a/out", "absolute", "back\\slash", "socket"].map(Path::new));
        let text = Error::Refused(refused).to_string();
        assert!(text.contains("a socket is not a file") && text.ends_with("or change them"), "{text}");
        let exclude = Exclude::new(["socket", "absolute", "out", "back*"]).unwrap();
        assert_eq!(walk(&[root.path().to_owned()], &exclude).unwrap().len(), 4);
    }

    #[test]
    fn a_name_that_is_not_utf8_is_refused_unless_left_out() {
        use std::os::unix::ffi::OsStrExt;
        let root = tempfile::tempdir().unwrap();
        let name = std::ffi::OsStr::from_bytes(b"x\xff.tmp");
        if fs::write(root.path().join(name), "").is_err() {
            // Some filesystems have no such names; then there is nothing to refuse.
            return;
        }
        let roots = [root.path().to_owned()];
        assert!(matches!(walk(&roots, &Exclude::default()), Err(Error::Refused(_))));
        assert!(walk(&roots, &Exclude::new(["*.tmp"]).unwrap()).unwrap().is_empty());
    }

    #[test]
    fn what_is_not_there_is_named() {
        let error = walk(&[PathBuf::from("/nowhere/at/all")], &Exclude::default()).unwrap_err();
        assert!(error.to_string().contains("/nowhere/at/all"));
    }
}
