//! Retrieving a package.
//!
//! ```text
//! manifest -> compare with what is there -> ask for what is missing -> download (several at once) -> place
//! ```
//! - Every blob is hashed as it is written, and takes its place only if it is what the manifest says.
//! - What is right already is left alone, so a pull that was cut is finished by another.
//! - Nothing that differs is overwritten unless that was asked for, and that is found out before anything is written.
//! - A blob that is damaged does not keep the others from being retrieved; all that are, are named.

mod fetch;
mod part;
pub(super) mod plan;
mod read;

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::progress::Progress;
use super::{Client, Package, error, tree};
use crate::kernel::digest::Blake3;
use crate::kernel::id::{PackageRef, RepositoryName};
use crate::kernel::manifest::PackagePath;
pub use part::{NoSpan, Span, cat_range};
use plan::Plan;
use read::Source;
use tree::Tree;

/// Why a pull did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server refused, or is not there.
    #[error(transparent)]
    Client(#[from] error::Error),
    /// Something in the directory cannot be looked at or written.
    #[error(transparent)]
    Tree(#[from] tree::Error),
    /// What is there differs.
    #[error("{}\n{} not what the package has; --force overwrites them", list(.0), count(.0.len(), "path is", "paths are"))]
    Exists(Vec<PackagePath>),
    /// A directory is where something else has to be; it is not removed.
    #[error("{0} is a directory here and none in the package; move it away")]
    Directory(PackagePath),
    /// The package has a path that unfinished files need.
    #[error("the package has a path `{}`, which a pull needs for itself", tree::PARTIAL)]
    Reserved,
    /// There is no such path in the package.
    #[error("the package has no file {0}")]
    NoSuchFile(PackagePath),
    /// Nothing says which file of the package is meant.
    #[error("the package has not exactly one file; name the one that is meant")]
    WhichFile,
    /// There are no such bytes in the file.
    #[error("the range is not within {path}, which has {size_bytes} bytes")]
    NoSuchRange {
        /// The file.
        path: PackagePath,
        /// Its bytes.
        size_bytes: u64,
    },
    /// Bytes are not what the manifest says.
    #[error("{}", damages(.0))]
    Damaged(Vec<Damaged>),
    /// What was to be written cannot take it.
    #[error("cannot write: {0}")]
    Output(std::io::Error),
}

/// A blob that could not be retrieved as it was deposited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damaged {
    /// Which one.
    pub digest: Blake3,
    /// Where in the package it belongs.
    #[serde(serialize_with = "as_texts")]
    pub paths: Vec<PackagePath>,
    /// What is wrong with it.
    pub reason: String,
}

/// What was retrieved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pulled {
    /// From where.
    pub repository: RepositoryName,
    /// The package's primary address.
    pub digest: Blake3,
    /// Entries that were written.
    pub written: u64,
    /// Entries that were right already.
    pub unchanged: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Bytes that were downloaded.
    pub received_bytes: u64,
    /// Blobs of the package that have no path, and so were not retrieved.
    pub without_path: Vec<Blake3>,
}

/// Retrieves a package into a directory, which is made if it is not there.
///
/// # Errors
/// [`Error`]. What was written before stays, and another pull goes on from it.
pub async fn pull(
    client: &Client,
    package: &PackageRef,
    directory: &Path,
    force: bool,
    progress: &Arc<Progress>,
) -> Result<Pulled, Error> {
    let found = client.package(&package.repository, &package.reference).await?;
    let plan = Plan::make(&found, directory, force, progress).await?;
    let (bytes, unchanged) = (plan.bytes, plan.unchanged);
    let tree = Tree::create(directory)?;
    let source = Source::of(client, &package.repository, &found).await?;
    let (written, received_bytes) = fetch::fetch(&source, tree, plan, progress).await?;
    Ok(Pulled {
        repository: package.repository.clone(),
        digest: found.digests.blake3,
        written,
        unchanged,
        bytes,
        received_bytes,
        without_path: without_path(&found),
    })
}

/// Writes one file of a package to `output`. Its digest is checked at the end; what was written before a damage was
/// found has been written.
///
/// # Errors
/// [`Error`].
pub async fn cat(
    client: &Client,
    package: &PackageRef,
    path: &PackagePath,
    output: impl tokio::io::AsyncWrite + Unpin,
) -> Result<u64, Error> {
    let found = client.package(&package.repository, &package.reference).await?;
    let source = Source::of(client, &package.repository, &found).await?;
    let file = found.file(path).ok_or_else(|| Error::NoSuchFile(path.clone()))?;
    fetch::write_to(&source, path, file, output).await
}

/// Blobs of layers that are no entry.
fn without_path(package: &Package) -> Vec<Blake3> {
    let mut all = Vec::new();
    for manifest in &package.manifests {
        for layer in manifest.layers() {
            if matches!(crate::kernel::manifest::Entry::of_layer(layer), Ok(None)) {
                all.push(layer.digests.blake3);
            }
        }
    }
    all
}

/// Paths that are named in a message before the rest is only counted.
const NAMED_MAX: usize = 20;

fn list(paths: &[PackagePath]) -> String {
    let mut text: Vec<String> = paths.iter().take(NAMED_MAX).map(ToString::to_string).collect();
    if paths.len() > NAMED_MAX {
        text.push(format!("and {} more", paths.len() - NAMED_MAX));
    }
    text.join("\n")
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn damages(damaged: &[Damaged]) -> String {
    let line = |one: &Damaged| {
        let paths: Vec<&str> = one.paths.iter().map(PackagePath::as_str).collect();
        format!("{}: blob {} is damaged: {}", paths.join(", "), one.digest, one.reason)
    };
    let lines: Vec<String> = damaged.iter().map(line).collect();
    format!("{}\nrun `strongroom audit` on the server to see all that is damaged", lines.join("\n"))
}

fn as_texts<S: serde::Serializer>(paths: &[PackagePath], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(PackagePath::as_str))
}
