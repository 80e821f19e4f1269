//! Entries: what the layers of a package mean as a tree of files.
//!
//! | entry | blob | annotations of its descriptor |
//! |---|---|---|
//! | file | its content, also of 0 bytes | `org.opencontainers.image.title` = path, ? `vnd.strongroom.file.mode` = octal |
//! | empty directory | `{}`, the OCI empty descriptor | `vnd.strongroom.entry.type` = `directory`, `vnd.strongroom.entry.path` |
//! | symbolic link | `{}`, the OCI empty descriptor | `vnd.strongroom.entry.type` = `symlink`, `.path`, `vnd.strongroom.entry.target` |
//!
//! Only regular files have a title, so an OCI client that places layers by title (oras) gets every file and skips the
//! rest. A layer with none of these annotations is a blob without a place in the tree.
//!
//! - Paths are unique, and nothing lies beneath a file, a link or a directory that is listed: directories that hold
//!   something follow from the paths, so a tree has one list of entries.
//! - A link stays inside the package ([`LinkTarget`]).
//! - The mode is the nine permission bits in three octal digits; set-id and sticky bits, owners and times are not kept.

use std::fmt;
use std::str::FromStr;

use super::descriptor::{self, Annotations, Descriptor, OWN_ANNOTATIONS};
use super::link::{self, LinkTarget};
use super::media_type::MediaType;
use super::path::{self, PackagePath};
use crate::kernel::digest::Digests;

/// A file's path: the annotation by which OCI clients place it.
pub const TITLE: &str = "org.opencontainers.image.title";
/// A file's permission bits.
pub const FILE_MODE: &str = "vnd.strongroom.file.mode";
/// What an entry is that is no file.
pub const ENTRY_TYPE: &str = "vnd.strongroom.entry.type";
/// The path of an entry that is no file.
pub const ENTRY_PATH: &str = "vnd.strongroom.entry.path";
/// Where a symbolic link points.
pub const ENTRY_TARGET: &str = "vnd.strongroom.entry.target";

const DIRECTORY: &str = "directory";
const SYMLINK: &str = "symlink";

/// Why a layer is no entry, or entries are no tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Its path is none.
    #[error("path {text:?}: {reason}")]
    Path {
        /// As given.
        text: String,
        /// What is wrong with it.
        reason: path::Error,
    },
    /// The target of a link is none.
    #[error("link target {text:?}: {reason}")]
    Target {
        /// As given.
        text: String,
        /// What is wrong with it.
        reason: link::Error,
    },
    /// A link that leads out of the package.
    #[error("the link {link} points to {target:?}, outside of the package")]
    Outside {
        /// Where the link lies.
        link: PackagePath,
        /// Where it points.
        target: LinkTarget,
    },
    /// A mode that is not three octal digits.
    #[error("`{FILE_MODE}` is three octal digits such as 644")]
    Mode,
    /// An entry type that this program does not know.
    #[error("`{ENTRY_TYPE}` is `{DIRECTORY}` or `{SYMLINK}`")]
    Type,
    /// The annotations of an entry do not belong together, or one is missing.
    #[error("`{0}` is missing or does not belong here")]
    Annotation(String),
    /// A directory or link that names content.
    #[error("a directory or link names the OCI empty descriptor, not content")]
    Content,
    /// Two entries with one path.
    #[error("the path {0} is there twice")]
    Twice(PackagePath),
    /// An entry beneath one that can hold nothing.
    #[error("{below} lies beneath {above}, which is an entry itself")]
    Beneath {
        /// The entry that would have to be a directory.
        above: PackagePath,
        /// The one inside.
        below: PackagePath,
    },
}

/// Permission bits of a file: `rwxrwxrwx`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mode(u32);

impl Mode {
    /// The permission bits of a Unix mode; the others are dropped.
    pub const fn from_unix(mode: u32) -> Self {
        Self(mode & 0o777)
    }

    /// The bits.
    pub const fn bits(self) -> u32 {
        self.0
    }
}

impl FromStr for Mode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.len() != 3 || !text.bytes().all(|b| matches!(b, b'0'..=b'7')) {
            return Err(Error::Mode);
        }
        u32::from_str_radix(text, 8).map(Self).map_err(|_| Error::Mode)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03o}", self.0)
    }
}

impl fmt::Debug for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One place in the tree of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where.
    pub path: PackagePath,
    /// What.
    pub kind: Kind,
}

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File(File),
    /// A directory with nothing in it.
    Directory,
    /// A symbolic link.
    Symlink(LinkTarget),
}

/// A regular file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// What kind of content; [`MediaType::OCTET_STREAM`] if no one knows.
    pub media_type: MediaType,
    /// The names of its content.
    pub digests: Digests,
    /// Bytes of content.
    pub size_bytes: u64,
    /// Permissions; none if it came from where there are none.
    pub mode: Option<Mode>,
    /// What else is said about it.
    pub annotations: Annotations,
}

impl Entry {
    /// The entry that a layer is; none for a blob without a place in the tree.
    ///
    /// # Errors
    /// If its annotations of ours contradict each other, or a path, target or mode is none.
    pub fn of_layer(layer: &Descriptor) -> Result<Option<Self>, Error> {
        let mut annotations = layer.annotations.clone();
        let entry = if let Some(title) = annotations.remove(TITLE) {
            let mode = annotations.remove(FILE_MODE).map(|mode| mode.parse()).transpose()?;
            refuse_own(&annotations)?;
            let file = File {
                media_type: layer.media_type.clone(),
                digests: layer.digests,
                size_bytes: layer.size_bytes,
                mode,
                annotations,
            };
            Self { path: parse_path(title)?, kind: Kind::File(file) }
        } else if let Some(kind) = annotations.remove(ENTRY_TYPE) {
            if !layer.is_empty() {
                return Err(Error::Content);
            }
            let path = parse_path(take(&mut annotations, ENTRY_PATH)?)?;
            let kind = match kind.as_str() {
                DIRECTORY => Kind::Directory,
                SYMLINK => Kind::Symlink(parse_target(take(&mut annotations, ENTRY_TARGET)?)?),
                _ => return Err(Error::Type),
            };
            if let Some(key) = annotations.into_keys().next() {
                return Err(Error::Annotation(key));
            }
            Self { path, kind }
        } else {
            refuse_own(&annotations)?;
            return Ok(None);
        };
        entry.check()?;
        Ok(Some(entry))
    }

    /// The layer that says this.
    pub fn to_layer(&self) -> Descriptor {
        let path = self.path.to_string();
        match &self.kind {
            Kind::File(file) => {
                let mut annotations = file.annotations.clone();
                annotations.insert(TITLE.into(), path);
                annotations.extend(file.mode.map(|mode| (FILE_MODE.into(), mode.to_string())));
                Descriptor {
                    media_type: file.media_type.clone(),
                    digests: file.digests,
                    size_bytes: file.size_bytes,
                    annotations,
                }
            }
            Kind::Directory => without_content(path, DIRECTORY, None),
            Kind::Symlink(target) => without_content(path, SYMLINK, Some(target)),
        }
    }

    fn check(&self) -> Result<(), Error> {
        match &self.kind {
            Kind::Symlink(target) if !target.stays_inside(&self.path) => {
                Err(Error::Outside { link: self.path.clone(), target: target.clone() })
            }
            Kind::File(_) | Kind::Directory | Kind::Symlink(_) => Ok(()),
        }
    }
}

fn without_content(path: String, kind: &str, target: Option<&LinkTarget>) -> Descriptor {
    let mut annotations = Annotations::new();
    annotations.insert(ENTRY_TYPE.into(), kind.into());
    annotations.insert(ENTRY_PATH.into(), path);
    annotations.extend(target.map(|target| (ENTRY_TARGET.into(), target.to_string())));
    Descriptor { annotations, ..Descriptor::empty() }
}

fn parse_path(text: String) -> Result<PackagePath, Error> {
    text.parse().map_err(|reason| Error::Path { text, reason })
}

fn parse_target(text: String) -> Result<LinkTarget, Error> {
    text.parse().map_err(|reason| Error::Target { text, reason })
}

fn take(annotations: &mut Annotations, key: &str) -> Result<String, Error> {
    annotations.remove(key).ok_or_else(|| Error::Annotation(key.to_owned()))
}

fn refuse_own(annotations: &Annotations) -> Result<(), Error> {
    descriptor::no_own_annotation(annotations).map_err(|_| {
        let key = annotations.keys().find(|key| key.starts_with(OWN_ANNOTATIONS));
        Error::Annotation(key.cloned().unwrap_or_default())
    })
}

/// Checks that entries are one tree: every path once, nothing beneath an entry. Over a whole package, which may have
/// several manifests.
///
/// # Errors
/// With the first pair of paths, in their order, that cannot be.
pub fn check_tree<'a>(paths: impl IntoIterator<Item = &'a PackagePath>) -> Result<(), Error> {
    let mut paths: Vec<&PackagePath> = paths.into_iter().collect();
    paths.sort_unstable();
    for pair in paths.windows(2) {
        // What lies beneath a path follows it at once, so neighbours are enough.
        let (above, below) = (pair[0], pair[1]);
        if above == below {
            return Err(Error::Twice(above.clone()));
        }
        if above.contains(below) {
            return Err(Error::Beneath { above: above.clone(), below: below.clone() });
        }
    }
    Ok(())
}
