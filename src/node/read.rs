//! Reading a file of a package.

use bytes::Bytes;
use futures::TryStreamExt as _;

use super::Node;
use crate::contract;
use crate::control::manifests::{self, Form};
use crate::control::reads;
use crate::data::download::{self, Download};
use crate::kernel::id::{PackageRef, Reference, RepositoryName};
use crate::kernel::manifest::{self, Document, Entry, Kind, Manifest, PackagePath};

/// Why it cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The package cannot be found or read.
    #[error(transparent)]
    Package(#[from] manifests::Error),
    /// Its manifest cannot be read.
    #[error(transparent)]
    Manifest(#[from] manifest::Error),
    /// There is no file of that name in it.
    #[error("there is no file {0} in the package")]
    NoFile(PackagePath),
    /// The reading was not granted.
    #[error(transparent)]
    Grant(#[from] reads::Error),
    /// The data plane refused the grant.
    #[error(transparent)]
    Contract(#[from] contract::Error),
    /// The bytes did not come, or were not those that were deposited.
    #[error(transparent)]
    Download(#[from] download::Error),
}

/// A file on its way out. Read to the end, it is what was deposited, or an error.
#[derive(Debug)]
pub struct Reading(Download);

impl Reading {
    /// Its length.
    pub fn size_bytes(&self) -> u64 {
        self.0.size_bytes
    }

    /// As it comes.
    pub fn into_stream(self) -> Download {
        self.0
    }

    /// All of it, in memory.
    ///
    /// # Errors
    /// If the bytes do not come, or are not those that were deposited.
    pub async fn bytes(mut self) -> Result<Vec<u8>, ReadError> {
        let mut bytes = Vec::new();
        while let Some(piece) = self.0.stream.try_next().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }
}

impl Node {
    /// Opens a file of a package. That it was given out is on record when this returns.
    ///
    /// # Errors
    /// If there is no such package, or no such file in it.
    pub async fn read(&self, package: &PackageRef, path: &PackagePath) -> Result<Reading, ReadError> {
        let (part, entry) = self.find(package, path).await?;
        let Kind::File(file) = entry.kind else { return Err(ReadError::NoFile(path.clone())) };
        let (context, only) = (self.context(), [file.digests.blake3.into()]);
        let granted = reads::grant(self.control(), &context, &package.repository, &part, Some(&only)).await?;
        let blob = granted.blobs.first().ok_or_else(|| ReadError::NoFile(path.clone()))?;
        let admitted = self.data.admit(&blob.grant)?;
        Ok(Reading(self.data.open_blob(&admitted, None).await?))
    }

    /// The entry of that name, and the manifest that holds it.
    async fn find(&self, package: &PackageRef, path: &PackagePath) -> Result<(Reference, Entry), ReadError> {
        let bytes = self.manifest(&package.repository, &package.reference).await?;
        let entry_of =
            |manifest: &Manifest| manifest.entries().iter().find(|entry| entry.path == *path).cloned();
        match Document::decode(&bytes)? {
            Document::Manifest(manifest) => {
                let entry = entry_of(&manifest).ok_or_else(|| ReadError::NoFile(path.clone()))?;
                Ok((package.reference.clone(), entry))
            }
            Document::Index(index) => {
                for part in index.manifests() {
                    let reference = Reference::Digest(part.digests.blake3.into());
                    let bytes = self.manifest(&package.repository, &reference).await?;
                    if let Some(entry) = entry_of(&Manifest::decode(&bytes)?) {
                        return Ok((reference, entry));
                    }
                }
                Err(ReadError::NoFile(path.clone()))
            }
        }
    }

    async fn manifest(&self, repository: &RepositoryName, reference: &Reference) -> Result<Bytes, ReadError> {
        let caller = self.context().caller;
        let fetched = manifests::get(self.control(), &caller, repository, reference, Form::Native).await?;
        Ok(fetched.bytes)
    }
}
