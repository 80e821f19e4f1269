//! Beginning a session.
//!
//! 1. The journal is written, create-only, under the id that the grant gives. A repeat finds it and is answered with it.
//! 2. Nothing else: the stage comes with the first bytes, so sessions that are opened and dropped cost one document each.

use futures::stream;

use super::append::Append;
use super::journal::{Durable, Journal, Phase, Terms};
use super::session::{Ended, Error, Status};
use super::{Admitted, DataPlane};
use crate::contract::{Size, Upload};
use crate::kernel::id::ObjectKey;
use crate::kernel::limits::UPLOAD_METADATA_MAX_BYTES;
use crate::stores;

/// What a client says of the upload that it begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Creation {
    /// Bytes of the whole blob, if that is known by now.
    pub length: Option<u64>,
    /// Kept and given back, never interpreted: visible ASCII of at most
    /// [`UPLOAD_METADATA_MAX_BYTES`].
    pub metadata: Option<String>,
}

impl From<Option<u64>> for Creation {
    fn from(length: Option<u64>) -> Self {
        Self { length, metadata: None }
    }
}

impl DataPlane {
    /// Begins the session that the grant allows. The same grant again gives the same session.
    ///
    /// # Errors
    /// If the grant does not allow it, or was used for another upload.
    pub async fn create(&self, grant: &Admitted, creation: impl Into<Creation>) -> Result<Status, Error> {
        let Creation { length, metadata } = creation.into();
        let inner = &self.0;
        if inner.closing.is_cancelled() {
            return Err(Error::Closing);
        }
        let upload = grant.upload(&inner.config.store_name)?;
        let length = agreed_length(upload, length)?;
        if metadata.as_ref().is_some_and(|metadata| metadata.len() > UPLOAD_METADATA_MAX_BYTES) {
            return Err(Error::TooLarge { max: UPLOAD_METADATA_MAX_BYTES as u64 });
        }
        self.check_room().await?;
        let now_ms = inner.config.clock.now_ms();
        if now_ms / 1_000 > upload.session_ends_at_seconds {
            return Err(Error::Gone(Ended::Expired));
        }
        let session = grant.session(upload);
        match self.standing(grant, session).await {
            Err(Error::Unknown(_)) => {}
            existing => return existing,
        }
        let journal = Journal {
            session,
            epoch: 0,
            created_at_ms: now_ms,
            object: ObjectKey::from_uuid(session.0),
            terms: Terms::of(grant, upload),
            length,
            metadata,
            phase: Phase::Receiving(Durable::default()),
        };
        if inner.config.store.size(&journal.object).await?.is_some() {
            // A small blob came under this grant.
            return Err(Error::GrantUsed(grant.id));
        }
        match self.save(&journal, None).await {
            // Another request with the same grant was faster.
            Err(Error::Displaced) => return self.status(grant, session).await,
            outcome => outcome?,
        };
        if length == Some(0) {
            let nothing = stream::empty::<Result<bytes::Bytes, stores::Error>>();
            return self.append(grant, session, Append::at(0), nothing).await;
        }
        journal.status()
    }
}

/// The length of the whole, as far as grant and client know it.
fn agreed_length(upload: &Upload, given: Option<u64>) -> Result<Option<u64>, Error> {
    match (upload.size, given) {
        (Size::Exact(exact), None) => Ok(Some(exact)),
        (size, Some(given)) => check_length(size, given).map(|()| Some(given)),
        (Size::AtMost(_), None) => Ok(None),
    }
}

/// Whether the whole may have that length.
pub(super) fn check_length(size: Size, given: u64) -> Result<(), Error> {
    match size {
        Size::Exact(exact) if exact != given => Err(Error::Length { expected: exact, found: given }),
        Size::AtMost(max) if given > max => Err(Error::TooLarge { max }),
        Size::Exact(_) | Size::AtMost(_) => Ok(()),
    }
}

impl Terms {
    fn of(grant: &Admitted, upload: &Upload) -> Self {
        Self {
            grant: grant.id,
            actor: grant.actor.clone(),
            repository: grant.repository.clone(),
            store: grant.store.clone(),
            expected: upload.expected,
            size: upload.size,
            ends_at_seconds: upload.session_ends_at_seconds,
        }
    }
}
