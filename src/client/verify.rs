//! Files on disk against a package, without downloading them.
//!
//! The manifest alone is fetched, and checked against its digest. What differs, is missing, or is there and not in
//! the package is a finding; what cannot be read is an error, because then it is not known.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::progress::Progress;
use super::pull::plan::{Compared, compare, size};
use super::tree::{self, PARTIAL, Seen, Tree};
use super::{Client, error};
use crate::kernel::digest::Blake3;
use crate::kernel::id::{PackageRef, RepositoryName};
use crate::kernel::manifest::{Entry, PackagePath};

/// Why nothing could be said.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The manifest cannot be had.
    #[error(transparent)]
    Client(#[from] error::Error),
    /// The directory cannot be read.
    #[error(transparent)]
    Tree(#[from] tree::Error),
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The repository of the package.
    pub repository: RepositoryName,
    /// The package's primary address.
    pub digest: Blake3,
    /// Entries of the package.
    pub entries: u64,
    /// Bytes that were read and hashed.
    pub bytes: u64,
    /// Where the directory differs; empty, if it is the package.
    pub findings: Vec<Finding>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// Where, in the package or the directory.
    pub path: String,
    /// What.
    pub difference: Difference,
}

/// How a path differs from the package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// It is in the package and not there.
    Missing,
    /// Its content, or what a link says, is another.
    Changed,
    /// Its permission bits are others.
    Mode,
    /// It is another kind of thing.
    Kind,
    /// It is there and not in the package.
    Extra,
}

impl Difference {
    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Changed => "changed",
            Self::Mode => "mode",
            Self::Kind => "kind",
            Self::Extra => "extra",
        }
    }
}

/// Compares a directory with a package.
///
/// # Errors
/// [`Error`], if the manifest or something in the directory cannot be read.
pub async fn verify(
    client: &Client,
    package: &PackageRef,
    directory: &Path,
    progress: &Arc<Progress>,
) -> Result<Verified, Error> {
    let found = client.package(&package.repository, &package.reference).await?;
    let mut entries: Vec<Entry> = found.entries().cloned().collect();
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    let count = entries.len() as u64;
    let (directory, progress) = (directory.to_owned(), progress.clone());
    let compared = tokio::task::spawn_blocking(move || compare_all(&entries, &directory, &progress));
    let (findings, bytes) = compared.await.expect("comparing does not panic")?;
    Ok(Verified {
        repository: package.repository.clone(),
        digest: found.digests.blake3,
        entries: count,
        bytes,
        findings,
    })
}

fn compare_all(
    entries: &[Entry],
    directory: &Path,
    progress: &Arc<Progress>,
) -> Result<(Vec<Finding>, u64), Error> {
    let tree = Tree::open(directory)?;
    let bytes = entries.iter().filter_map(size).sum();
    progress.expect(entries.len() as u64, bytes);
    let (mut findings, mut read) = (Vec::new(), 0);
    for entry in entries {
        let mut here = 0;
        let compared = compare(&tree, entry, |bytes| {
            here += bytes;
            progress.done(0, bytes);
        });
        // What the file's length alone told is counted as read, so that the count ends at the total.
        progress.done(1, size(entry).unwrap_or_default().saturating_sub(here));
        read += here;
        let difference = match compared {
            // Where a directory should be is a link or a file, so the path is not there.
            Err(tree::Error::NotADirectory { .. }) => Some(Difference::Missing),
            Err(error) => return Err(error.into()),
            // What is in it is named by itself, as extra.
            Ok(Compared::Right | Compared::NotEmpty) => None,
            Ok(Compared::Missing) => Some(Difference::Missing),
            Ok(Compared::OtherMode) => Some(Difference::Mode),
            Ok(Compared::OtherContent | Compared::OtherTarget) => Some(Difference::Changed),
            Ok(Compared::OtherKind { .. }) => Some(Difference::Kind),
        };
        findings.extend(difference.map(|difference| Finding { path: entry.path.to_string(), difference }));
    }
    let mut extra = Extra { tree: &tree, entries, found: Vec::new() };
    extra.look_in(None)?;
    findings.extend(extra.found);
    findings.sort();
    Ok((findings, read))
}

/// What is there and not in the package.
struct Extra<'e> {
    tree: &'e Tree,
    /// In the order of their paths.
    entries: &'e [Entry],
    found: Vec<Finding>,
}

impl Extra<'_> {
    fn look_in(&mut self, directory: Option<&PackagePath>) -> Result<(), Error> {
        for name in self.tree.names(directory)? {
            let shown = directory.map_or(PathBuf::new(), |above| PathBuf::from(above.as_str()));
            let shown = shown.join(String::from_utf8_lossy(&name).as_ref());
            let path = std::str::from_utf8(&name).ok().and_then(|name| match directory {
                None if name == PARTIAL => None,
                None => name.parse::<PackagePath>().ok(),
                Some(above) => format!("{above}/{name}").parse().ok(),
            });
            let Some(path) = path else {
                if directory.is_some() || name != PARTIAL.as_bytes() {
                    self.add(&shown, Difference::Extra);
                }
                continue;
            };
            if self.entries.binary_search_by(|entry| entry.path.cmp(&path)).is_ok() {
                if self.tree.look(&path)? == Some(Seen::Directory) {
                    // An empty directory of the package, or something that was found to be another kind of thing.
                    self.look_in(Some(&path))?;
                }
            } else if !self.leads_to_entries(&path) {
                self.add(&shown, Difference::Extra);
            } else if self.tree.look(&path)? == Some(Seen::Directory) {
                self.look_in(Some(&path))?;
            } else {
                self.add(&shown, Difference::Kind);
            }
        }
        Ok(())
    }

    /// Whether it is a directory of the package that holds something. What lies in a directory follows it.
    fn leads_to_entries(&self, path: &PackagePath) -> bool {
        let at = self.entries.partition_point(|entry| entry.path < *path);
        self.entries.get(at).is_some_and(|entry| path.contains(&entry.path))
    }

    fn add(&mut self, path: &Path, difference: Difference) {
        self.found.push(Finding { path: path.display().to_string(), difference });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::digest::Digests;
    use crate::kernel::manifest::{File, Kind, MediaType, Mode};
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn file(path: &str, content: &[u8]) -> Entry {
        let file = File {
            media_type: MediaType::OCTET_STREAM,
            digests: Digests::of(content),
            size_bytes: content.len() as u64,
            mode: Some(Mode::from_unix(0o644)),
            annotations: Default::default(),
        };
        Entry { path: path.parse().unwrap(), kind: Kind::File(file) }
    }

    fn entries() -> Vec<Entry> {
        vec![
            file("a/b", b"content"),
            Entry { path: "a/empty".parse().unwrap(), kind: Kind::Directory },
            Entry { path: "a/link".parse().unwrap(), kind: Kind::Symlink("b".parse().unwrap()) },
            file("c", b""),
        ]
    }

    fn unpacked() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        fs::create_dir_all(at("a/empty")).unwrap();
        for (path, content) in [("a/b", "content"), ("c", "")] {
            fs::write(at(path), content).unwrap();
            fs::set_permissions(at(path), fs::Permissions::from_mode(0o644)).unwrap();
        }
        symlink("b", at("a/link")).unwrap();
        root
    }

    fn findings(root: &Path) -> Vec<(String, Difference)> {
        let (findings, _) = compare_all(&entries(), root, &Progress::new()).unwrap();
        findings.into_iter().map(|finding| (finding.path, finding.difference)).collect()
    }

    #[test]
    fn an_unpacked_package_has_no_findings() {
        let root = unpacked();
        assert_eq!(findings(root.path()), []);
        let progress = Progress::new();
        compare_all(&entries(), root.path(), &progress).unwrap();
        let end = progress.snapshot();
        assert_eq!((end.done_bytes, end.done_files), (end.total_bytes, end.total_files));
    }

    #[test]
    fn every_kind_of_difference_is_found() {
        type Damage = fn(&Path);
        let cases: &[(Damage, &[(&str, Difference)])] = &[
            (|root| fs::write(root.join("a/b"), "CONTENT").unwrap(), &[("a/b", Difference::Changed)]),
            (|root| fs::write(root.join("c"), "x").unwrap(), &[("c", Difference::Changed)]),
            (|root| fs::remove_file(root.join("c")).unwrap(), &[("c", Difference::Missing)]),
            (|root| fs::remove_dir(root.join("a/empty")).unwrap(), &[("a/empty", Difference::Missing)]),
            (
                |root| fs::set_permissions(root.join("c"), fs::Permissions::from_mode(0o755)).unwrap(),
                &[("c", Difference::Mode)],
            ),
            (
                |root| {
                    fs::remove_file(root.join("a/link")).unwrap();
                    symlink("c", root.join("a/link")).unwrap();
                },
                &[("a/link", Difference::Changed)],
            ),
            (
                |root| {
                    fs::remove_file(root.join("a/link")).unwrap();
                    fs::write(root.join("a/link"), "b").unwrap();
                },
                &[("a/link", Difference::Kind)],
            ),
            (|root| fs::write(root.join("a/empty/new"), "").unwrap(), &[("a/empty/new", Difference::Extra)]),
            (|root| fs::create_dir(root.join("d")).unwrap(), &[("d", Difference::Extra)]),
            (
                |root| {
                    fs::rename(root.join("a"), root.join("z")).unwrap();
                    symlink("z", root.join("a")).unwrap();
                },
                &[
                    ("a", Difference::Kind),
                    ("a/b", Difference::Missing),
                    ("a/empty", Difference::Missing),
                    ("a/link", Difference::Missing),
                    ("z", Difference::Extra),
                ],
            ),
        ];
        for (damage, expected) in cases {
            let root = unpacked();
            damage(root.path());
            let expected: Vec<_> = expected.iter().map(|(path, what)| ((*path).to_owned(), *what)).collect();
            assert_eq!(findings(root.path()), expected);
        }
    }

    #[test]
    fn a_directory_that_is_not_there_is_no_finding_but_an_error() {
        assert!(compare_all(&entries(), Path::new("/nowhere/at/all"), &Progress::new()).is_err());
    }
}
