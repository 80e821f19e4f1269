//! What a pull has to write, decided before anything is written.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Error;
use crate::client::Package;
use crate::client::progress::Progress;
use crate::client::tree::{self, PARTIAL, Seen, Tree};
use crate::kernel::digest::{Blake3, Digests};
use crate::kernel::hash::Hasher;
use crate::kernel::manifest::{Entry, File, Kind, LinkTarget, Mode, PackagePath};

/// The work.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Blobs to retrieve, and the files that they become.
    pub(super) blobs: BTreeMap<Blake3, Wanted>,
    /// Links to make.
    pub(super) links: Vec<(PackagePath, LinkTarget)>,
    /// Directories to make.
    pub(super) directories: Vec<PackagePath>,
    /// Files whose content is right, and whose permissions are not.
    pub(super) modes: Vec<(PackagePath, Mode)>,
    /// Whether what is in the way is replaced.
    pub(super) force: bool,
    /// Entries that are right.
    pub(super) unchanged: u64,
    /// Bytes of all files.
    pub(super) bytes: u64,
}

/// One blob and its files.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) digests: Digests,
    pub(super) size_bytes: u64,
    pub(super) files: Vec<(PackagePath, Option<Mode>)>,
}

/// How what is there compares with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compared {
    /// The same.
    Right,
    /// Nothing is there.
    Missing,
    /// A file with that content and other permissions.
    OtherMode,
    /// A file with other content.
    OtherContent,
    /// A link that says something else.
    OtherTarget,
    /// A directory that holds something, where an empty one has to be.
    NotEmpty,
    /// Another kind of thing.
    OtherKind {
        /// Which one is there.
        directory: bool,
    },
}

impl Plan {
    /// Compares a package with a directory, reading what may be right.
    pub(super) async fn make(
        package: &Package,
        directory: &Path,
        force: bool,
        progress: &Arc<Progress>,
    ) -> Result<Self, Error> {
        let entries: Vec<Entry> = package.entries().cloned().collect();
        let (directory, progress) = (directory.to_owned(), progress.clone());
        let plan = tokio::task::spawn_blocking(move || decide(entries, directory, force, &progress));
        plan.await.expect("comparing does not panic")
    }

    fn want(&mut self, path: PackagePath, file: &File) {
        let wanted = || Wanted { digests: file.digests, size_bytes: file.size_bytes, files: Vec::new() };
        self.blobs.entry(file.digests.blake3).or_insert_with(wanted).files.push((path, file.mode));
    }
}

fn decide(
    entries: Vec<Entry>,
    directory: PathBuf,
    force: bool,
    progress: &Arc<Progress>,
) -> Result<Plan, Error> {
    let tree = if directory.exists() { Some(Tree::open(&directory)?) } else { None };
    let mut plan = Plan { force, ..Plan::default() };
    let mut differing = Vec::new();
    for entry in entries {
        if entry.path.components().next() == Some(PARTIAL) {
            return Err(Error::Reserved);
        }
        let size_bytes = size(&entry);
        progress.expect(u64::from(size_bytes.is_some()), size_bytes.unwrap_or_default());
        plan.bytes += size_bytes.unwrap_or_default();
        let compared = match &tree {
            None => Compared::Missing,
            Some(tree) => compare(tree, &entry, |_| ())?,
        };
        match compared {
            Compared::Right => {
                plan.unchanged += 1;
                progress.done(u64::from(size_bytes.is_some()), size_bytes.unwrap_or_default());
                continue;
            }
            // A directory of the package that got something into it still is what it has to be.
            Compared::NotEmpty => {
                plan.unchanged += 1;
                continue;
            }
            Compared::OtherMode => {
                progress.done(1, size_bytes.unwrap_or_default());
                if let Kind::File(File { mode: Some(mode), .. }) = &entry.kind {
                    plan.modes.push((entry.path, *mode));
                }
                continue;
            }
            Compared::OtherKind { directory: true } => return Err(Error::Directory(entry.path)),
            Compared::Missing => {}
            Compared::OtherContent | Compared::OtherTarget | Compared::OtherKind { directory: false } => {
                differing.push(entry.path.clone());
            }
        }
        match entry.kind {
            Kind::File(file) => plan.want(entry.path, &file),
            Kind::Directory => plan.directories.push(entry.path),
            Kind::Symlink(target) => plan.links.push((entry.path, target)),
        }
    }
    if force || differing.is_empty() { Ok(plan) } else { Err(Error::Exists(differing)) }
}

/// Bytes of a file; none if the entry is no file.
pub(crate) fn size(entry: &Entry) -> Option<u64> {
    match &entry.kind {
        Kind::File(file) => Some(file.size_bytes),
        Kind::Directory | Kind::Symlink(_) => None,
    }
}

/// Compares what is at an entry's path with it. `read` is told of the bytes that were read.
pub(crate) fn compare(tree: &Tree, entry: &Entry, read: impl FnMut(u64)) -> Result<Compared, tree::Error> {
    let Some(seen) = tree.look(&entry.path)? else { return Ok(Compared::Missing) };
    let other = Compared::OtherKind { directory: seen == Seen::Directory };
    Ok(match (&entry.kind, seen) {
        (Kind::Directory, Seen::Directory) => {
            if tree.is_empty(&entry.path)? {
                Compared::Right
            } else {
                Compared::NotEmpty
            }
        }
        (Kind::Symlink(target), Seen::Symlink(found)) => {
            if found == target.as_str().as_bytes() {
                Compared::Right
            } else {
                Compared::OtherTarget
            }
        }
        (Kind::File(file), Seen::File { size_bytes, mode }) => {
            if size_bytes != file.size_bytes || !has_digests(tree, &entry.path, file.digests, read)? {
                Compared::OtherContent
            } else if file.mode.is_some_and(|wanted| wanted != mode) {
                Compared::OtherMode
            } else {
                Compared::Right
            }
        }
        _ => other,
    })
}

fn has_digests(
    tree: &Tree,
    path: &PackagePath,
    digests: Digests,
    mut read: impl FnMut(u64),
) -> Result<bool, tree::Error> {
    let mut file = tree.read(path)?;
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish() == digests),
            Ok(bytes) => {
                hasher.update(&buffer[..bytes]);
                read(bytes as u64);
            }
            Err(reason) if reason.kind() == std::io::ErrorKind::Interrupted => {}
            Err(reason) => return Err(tree::Error::System { path: tree.locate(path), reason }),
        }
    }
}
