//! The calls about how long things are kept.

use reqwest::Method;

use super::{Client, Error};
use crate::kernel::id::{HoldName, Reference, RepositoryName};
use crate::wire::collection::{Collect, Collected, CollectionStatus, NextStep};
use crate::wire::deletion::{DeletePackage, DeletedPackage, WhyKept};
use crate::wire::hold::{HoldEntry, Holds, PlaceHold, ReleaseHold};
use crate::wire::lock::{BypassLock, ExtendLock, PackageLocks};

impl Client {
    /// What may be collected, and what was.
    ///
    /// # Errors
    /// [`Error`]; so for all that follow.
    pub async fn collection(&self) -> Result<CollectionStatus, Error> {
        self.get("/v1/collection").await
    }

    /// One step of a collection, from where the last one ended.
    pub async fn collect(&self, from: Option<NextStep>) -> Result<Collected, Error> {
        self.change(Method::POST, "/v1/collection", &Collect { from }).await
    }

    /// Deletes a package, if nothing keeps it.
    pub async fn delete_package(
        &self,
        name: &RepositoryName,
        reference: &Reference,
        reason: &str,
    ) -> Result<DeletedPackage, Error> {
        let path = format!("/v1/repositories/{name}/-/manifests/{reference}/deletion");
        self.change(Method::POST, &path, &DeletePackage { reason: reason.to_owned() }).await
    }

    /// What keeps a package.
    pub async fn why(&self, name: &RepositoryName, reference: &Reference) -> Result<WhyKept, Error> {
        self.get(&format!("/v1/repositories/{name}/-/manifests/{reference}/why")).await
    }

    /// Every hold, standing and released.
    pub async fn holds(&self) -> Result<Vec<HoldEntry>, Error> {
        self.pages("/v1/holds", |page: Holds| page.holds).await
    }

    /// One hold.
    pub async fn hold(&self, hold: &HoldName) -> Result<HoldEntry, Error> {
        self.get(&format!("/v1/holds/{hold}")).await
    }

    /// Places a hold.
    pub async fn place_hold(&self, request: &PlaceHold) -> Result<HoldEntry, Error> {
        self.change(Method::POST, "/v1/holds", request).await
    }

    /// Releases a hold.
    pub async fn release_hold(&self, hold: &HoldName, reason: &str) -> Result<HoldEntry, Error> {
        let request = ReleaseHold { reason: reason.to_owned() };
        self.change(Method::POST, &format!("/v1/holds/{hold}/release"), &request).await
    }

    /// Locks a package, or moves the end of its lock.
    pub async fn extend_lock(
        &self,
        name: &RepositoryName,
        reference: &Reference,
        request: &ExtendLock,
    ) -> Result<PackageLocks, Error> {
        let path = format!("/v1/repositories/{name}/-/manifests/{reference}/lock");
        self.change(Method::PUT, &path, request).await
    }

    /// Lifts the governance locks of a package.
    pub async fn bypass_lock(
        &self,
        name: &RepositoryName,
        reference: &Reference,
        request: &BypassLock,
    ) -> Result<PackageLocks, Error> {
        let path = format!("/v1/repositories/{name}/-/manifests/{reference}/lock/bypass");
        self.change(Method::POST, &path, request).await
    }
}
