//! The calls about pins.

use reqwest::Method;

use super::control::Condition;
use super::{Client, Error};
use crate::kernel::digest::Digest;
use crate::kernel::id::{PinName, RepositoryName};
use crate::wire::pin::{
    PinChange, PinChanged, PinEntry, PinHistory, PinReleased, Pins, Publish, Published, ReleasePin, Said,
    SetPin,
};

impl Client {
    /// Every pin of a repository.
    ///
    /// # Errors
    /// [`Error`]; so for all that follow.
    pub async fn pins(&self, name: &RepositoryName) -> Result<Vec<PinEntry>, Error> {
        self.pages(&format!("/v1/repositories/{name}/-/pins"), |page: Pins| page.pins).await
    }

    /// What a pin claims now, or claimed at a position or a time (RFC 3339).
    pub async fn pin(
        &self,
        name: &RepositoryName,
        pin: &PinName,
        at: Option<&str>,
    ) -> Result<PinEntry, Error> {
        let path = format!("/v1/repositories/{name}/-/pins/{pin}");
        match at {
            None => self.get(&path).await,
            Some(at) => {
                let mut query = reqwest::Url::parse("http://x/").expect("an address");
                query.query_pairs_mut().append_pair("at", at);
                self.get(&format!("{path}?{}", query.query().unwrap_or_default())).await
            }
        }
    }

    /// Makes a pin claim a package that is there.
    pub async fn set_pin(
        &self,
        name: &RepositoryName,
        pin: &PinName,
        digest: Digest,
        condition: Condition,
        said: Said,
    ) -> Result<PinChanged, Error> {
        let request = SetPin { digest, expected: expected(condition), said };
        self.change(Method::PUT, &format!("/v1/repositories/{name}/-/pins/{pin}"), &request).await
    }

    /// Makes a pin claim nothing.
    pub async fn release_pin(
        &self,
        name: &RepositoryName,
        pin: &PinName,
        request: &ReleasePin,
    ) -> Result<PinReleased, Error> {
        self.change(Method::POST, &format!("/v1/repositories/{name}/-/pins/{pin}/release"), request).await
    }

    /// Deposits a manifest and makes a pin claim it, in one step; sets a tag too, if one is given.
    pub async fn publish(&self, name: &RepositoryName, request: &Publish) -> Result<Published, Error> {
        self.change(Method::POST, &format!("/v1/repositories/{name}/-/publications"), request).await
    }

    /// Every change of a pin, oldest first.
    pub async fn pin_history(&self, name: &RepositoryName, pin: &PinName) -> Result<Vec<PinChange>, Error> {
        let path = format!("/v1/repositories/{name}/-/pins/{pin}/history");
        self.pages(&path, |page: PinHistory| page.changes).await
    }
}

/// As bodies say it.
pub(super) fn expected(condition: Condition) -> Option<Option<Digest>> {
    match condition {
        Condition::Always => None,
        Condition::Absent => Some(None),
        Condition::Names(digest) => Some(Some(digest)),
    }
}
