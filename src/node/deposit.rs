//! Depositing files as a package, without HTTP between.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tokio_util::io::ReaderStream;

use super::Node;
use crate::contract;
use crate::control::manifests::{self, Accepted};
use crate::control::uploads::{self, Opened, Wanted};
use crate::control::{Context, Precondition};
use crate::data::{Append, Phase, Sealed, session};
use crate::kernel::digest::{Blake3, Digests};
use crate::kernel::id::{PackageRef, Reference, RepositoryName};
use crate::kernel::limits::READ_PIECE_BYTES;
use crate::kernel::manifest::{
    self, Annotations, Entry, File, Header, Kind, MediaType, Mode, Package, PackagePath, descriptor,
};

/// Why it was not deposited.
#[derive(Debug, thiserror::Error)]
pub enum DepositError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file changed while it was read.
    #[error("{} changed while it was read", .0.display())]
    Changed(PathBuf),
    /// The files are no package.
    #[error(transparent)]
    Manifest(#[from] manifest::Error),
    /// The upload was not granted.
    #[error(transparent)]
    Open(#[from] uploads::Error),
    /// The data plane refused the grant.
    #[error(transparent)]
    Contract(#[from] contract::Error),
    /// The bytes were not taken.
    #[error(transparent)]
    Upload(#[from] session::Error),
    /// The bytes are stored, but the control plane does not know it yet: try again.
    #[error("the log did not take the receipt for {0} yet; try again")]
    Undelivered(Blake3),
    /// The package was not accepted.
    #[error(transparent)]
    Accept(#[from] manifests::Error),
}

/// A package that was deposited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deposited {
    /// By its digest, whatever tag it was given.
    pub package: PackageRef,
    /// As the log has it.
    pub accepted: Accepted,
}

impl Node {
    /// Deposits files under the paths that they shall have in the package. By a tag, the tag names the package then.
    ///
    /// # Errors
    /// If a file cannot be read, or the package is refused. Bytes that were stored by then are there for the next try.
    pub async fn deposit<P: AsRef<Path>>(
        &self,
        target: &PackageRef,
        files: impl IntoIterator<Item = (PackagePath, P)>,
    ) -> Result<Deposited, DepositError> {
        let context = self.context();
        let repository = &target.repository;
        let mut entries = Vec::new();
        for (path, source) in files {
            let file = self.deposit_file(&context, repository, source.as_ref()).await?;
            entries.push(Entry { path, kind: Kind::File(file) });
        }
        let package = Package::of(Header::default(), entries)?;
        // What stands for no content of its own: the empty config, links, empty directories.
        self.deposit_bytes(&context, repository, Bytes::from_static(descriptor::EMPTY_BYTES)).await?;
        for part in package.parts() {
            let reference = Reference::Digest(part.descriptor().digests.blake3.into());
            self.accept(&context, repository, &reference, &part.encode()).await?;
        }
        let top = package.top().encode();
        let accepted = self.accept(&context, repository, &target.reference, &top).await?;
        let reference = Reference::Digest(accepted.digests.blake3.into());
        Ok(Deposited { package: PackageRef { repository: repository.clone(), reference }, accepted })
    }

    async fn accept(
        &self,
        context: &Context,
        repository: &RepositoryName,
        reference: &Reference,
        bytes: &[u8],
    ) -> Result<Accepted, manifests::Error> {
        manifests::accept(self.control(), context, repository, reference, bytes, Precondition::Any).await
    }

    async fn deposit_file(
        &self,
        context: &Context,
        repository: &RepositoryName,
        source: &Path,
    ) -> Result<File, DepositError> {
        let failed = |error| DepositError::File { path: source.to_owned(), source: error };
        let file = tokio::fs::File::open(source).await.map_err(failed)?;
        let metadata = file.metadata().await.map_err(failed)?;
        let size_bytes = metadata.len();
        let wanted = Wanted { digest: None, size_bytes: Some(size_bytes) };
        let grant = self.open_upload(context, repository, wanted).await?;
        let grant = self.data.admit(&grant)?;
        let mut status = self.data.create(&grant, Some(size_bytes)).await?;
        if let Phase::Receiving = status.phase {
            let body = ReaderStream::with_capacity(file, READ_PIECE_BYTES as usize);
            status = self.data.append(&grant, status.session, Append::at(status.offset), body).await?;
        }
        let Phase::Sealed(sealed) = status.phase else {
            return Err(DepositError::Changed(source.to_owned()));
        };
        let digests = delivered(sealed)?;
        Ok(File {
            media_type: MediaType::OCTET_STREAM,
            digests,
            size_bytes,
            mode: Some(Mode::from_unix(metadata.permissions().mode())),
            annotations: Annotations::new(),
        })
    }

    async fn deposit_bytes(
        &self,
        context: &Context,
        repository: &RepositoryName,
        bytes: Bytes,
    ) -> Result<(), DepositError> {
        let digests = Digests::of(&bytes);
        let wanted = Wanted { digest: Some(digests.blake3.into()), size_bytes: Some(bytes.len() as u64) };
        let opened = uploads::open(self.control(), context, repository, &[wanted]).await?;
        if let Some(Opened::Upload { grant, .. }) = opened.into_iter().next() {
            let grant = self.data.admit(&grant)?;
            delivered(self.data.put_small(&grant, bytes).await?)?;
        }
        Ok(())
    }

    /// A grant for a blob whose digest is not known yet, so that it cannot be present.
    async fn open_upload(
        &self,
        context: &Context,
        repository: &RepositoryName,
        wanted: Wanted,
    ) -> Result<String, DepositError> {
        let opened = uploads::open(self.control(), context, repository, &[wanted]).await?;
        match opened.into_iter().next() {
            Some(Opened::Upload { grant, .. }) => Ok(grant),
            Some(Opened::Present { .. }) | None => {
                unreachable!("one answer for each, present only by its digest")
            }
        }
    }
}

fn delivered(sealed: Sealed) -> Result<Digests, DepositError> {
    if sealed.delivered { Ok(sealed.digests) } else { Err(DepositError::Undelivered(sealed.digests.blake3)) }
}
