//! The calls about how long things are kept.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

use super::transport::Repeat;
use super::{Client, Error};
use crate::kernel::digest::{Blake3, Digest};
use crate::kernel::id::{HoldName, Reference, RepositoryName};
use crate::retention::Plan;
use crate::wire::application::{AppliedStep, ApplyPlan, SubmittedPlan, SubmittedPlans};
use crate::wire::collection::{Collect, Collected, CollectionStatus, NextStep};
use crate::wire::deletion::{DeletePackage, DeletedPackage, WhyKept};
use crate::wire::erasure::{EraseDocument, ErasePackage, ErasedDocument, ErasedPackage};
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

    /// One step of the erasure of a package.
    pub async fn erase_package(
        &self,
        name: &RepositoryName,
        reference: &Reference,
        request: &ErasePackage,
    ) -> Result<ErasedPackage, Error> {
        let path = format!("/v1/repositories/{name}/-/manifests/{reference}/erasure");
        self.change(Method::POST, &path, request).await
    }

    /// Erases what somebody said.
    pub async fn erase_document(
        &self,
        document: &Digest,
        request: &EraseDocument,
    ) -> Result<ErasedDocument, Error> {
        self.change(Method::POST, &format!("/v1/documents/{document}/erasure"), request).await
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

    /// Submits a plan by its documents, as one sequence.
    pub async fn submit_plan(&self, documents: Vec<u8>) -> Result<SubmittedPlan, Error> {
        let documents = bytes::Bytes::from(documents);
        let response = self
            .send(Method::POST, "/v1/plans", Repeat::Safe, |request| {
                request.header(CONTENT_TYPE, Plan::SEQUENCE_MEDIA_TYPE).body(documents.clone())
            })
            .await?;
        self.transport().json(response).await
    }

    /// Every plan that was submitted.
    pub async fn plans(&self) -> Result<Vec<SubmittedPlan>, Error> {
        self.pages("/v1/plans", |page: SubmittedPlans| page.plans).await
    }

    /// Approves a plan that somebody else submitted.
    pub async fn approve_plan(&self, plan: &Blake3) -> Result<SubmittedPlan, Error> {
        let path = format!("/v1/plans/{plan}/approval");
        let response = self.send(Method::POST, &path, Repeat::Safe, |request| request).await?;
        self.transport().json(response).await
    }

    /// One step of a plan's application, behind as many items as were done.
    pub async fn apply_plan(&self, plan: &Blake3, done: u64) -> Result<AppliedStep, Error> {
        self.change(Method::POST, &format!("/v1/plans/{plan}/application"), &ApplyPlan { done }).await
    }
}
