//! A grant that was verified, and what it opens.
//!
//! - Nobody else makes one than [`DataPlane::admit`].
//! - It goes on with the session that it began; another one goes on with it only for the same actor, repository and blob.

use std::ops::Deref;

use super::DataPlane;
use super::journal::Journal;
use super::session::Error;
use crate::contract::{self, Grant, Operation, Upload};
use crate::kernel::id::{SessionId, StoreName};

/// A grant that was verified here: the only thing that opens a door.
#[derive(Debug, Clone)]
pub struct Admitted(Grant);

impl Deref for Admitted {
    type Target = Grant;

    fn deref(&self) -> &Grant {
        &self.0
    }
}

impl Admitted {
    /// The terms of an upload in that store.
    pub(super) fn upload(&self, store: &StoreName) -> Result<&Upload, Error> {
        match &self.operation {
            Operation::Upload(_) if self.store != *store => {
                Err(Error::NotPermitted("it is for another store"))
            }
            Operation::Upload(upload) => Ok(upload),
            Operation::Read(_) => Err(Error::NotPermitted("it is for reading")),
        }
    }

    /// The session that this grant begins.
    pub(super) fn session(&self, upload: &Upload) -> SessionId {
        upload.session.unwrap_or(SessionId(self.id.0))
    }
}

impl DataPlane {
    /// Verifies a grant.
    ///
    /// # Errors
    /// With what is wrong with it.
    pub fn admit(&self, grant: &str) -> Result<Admitted, contract::Error> {
        let config = &self.0.config;
        Grant::verify(grant, &config.keys.current(), config.clock.now_ms()).map(Admitted)
    }
}

impl Journal {
    /// Whether that grant may go on with this session.
    pub(super) fn admit(&self, grant: &Admitted) -> Result<(), Error> {
        let upload = grant.upload(&self.terms.store)?;
        if grant.id == self.terms.grant {
            return Ok(());
        }
        if upload.session.is_some_and(|session| session != self.session) {
            return Err(Error::NotPermitted("it is for another session"));
        }
        if (&grant.actor, &grant.repository) != (&self.terms.actor, &self.terms.repository) {
            return Err(Error::NotPermitted("the session is another actor's, or of another repository"));
        }
        match (upload.expected, self.terms.expected) {
            (Some(wanted), Some(declared)) if wanted != declared => {
                Err(Error::NotPermitted("the session is for another blob"))
            }
            _ => Ok(()),
        }
    }
}
