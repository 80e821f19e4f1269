//! Policies and plans.

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder, Response};

use super::transport::Repeat;
use super::{Client, Error};
use crate::kernel::id::PolicyName;
use crate::kernel::limits::{DOCUMENT_MAX_BYTES, PLAN_PARTS_MAX};
use crate::retention::Plan;
use crate::wire::plan::MakePlan;
use crate::wire::policy::{
    Policies, PolicyChanged, PolicyDocument, PolicyEntry, PolicyVersion, PolicyVersions, TOML_MEDIA_TYPE,
};

/// A policy as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// In TOML.
    Toml(String),
    /// In JSON with the same fields.
    Json(String),
}

impl Written {
    fn put(&self, request: RequestBuilder) -> RequestBuilder {
        let (media_type, text) = match self {
            Self::Toml(text) => (TOML_MEDIA_TYPE, text),
            Self::Json(text) => ("application/json", text),
        };
        request.header(CONTENT_TYPE, media_type).body(text.clone())
    }
}

impl Client {
    /// Every policy that stands.
    ///
    /// # Errors
    /// [`Error`]; so for all that follow.
    pub async fn policies(&self) -> Result<Vec<PolicyEntry>, Error> {
        self.pages("/v1/policies", |page: Policies| page.policies).await
    }

    /// A policy and what it says: the version that stands, or that one.
    pub async fn policy(&self, name: &PolicyName, version: Option<u64>) -> Result<PolicyDocument, Error> {
        let query = version.map_or_else(String::new, |version| format!("?version={version}"));
        self.get(&format!("/v1/policies/{name}{query}")).await
    }

    /// Every version of a policy, and its removals.
    pub async fn policy_versions(&self, name: &PolicyName) -> Result<Vec<PolicyVersion>, Error> {
        self.pages(&format!("/v1/policies/{name}/versions"), |page: PolicyVersions| page.versions).await
    }

    /// Sets a policy. What it does not name at its top stays as it was.
    pub async fn set_policy(&self, name: &PolicyName, written: &Written) -> Result<PolicyChanged, Error> {
        let key = uuid::Uuid::now_v7().to_string();
        let path = format!("/v1/policies/{name}");
        let put = |request: RequestBuilder| written.put(request.header("Idempotency-Key", &key));
        let response = self.send(Method::PUT, &path, Repeat::Safe, put).await?;
        self.transport().json(response).await
    }

    /// Lets a policy stand no more.
    pub async fn remove_policy(&self, name: &PolicyName) -> Result<(), Error> {
        let key = uuid::Uuid::now_v7().to_string();
        let path = format!("/v1/policies/{name}");
        let with_key = |request: RequestBuilder| request.header("Idempotency-Key", &key);
        self.send(Method::DELETE, &path, Repeat::Safe, with_key).await?;
        Ok(())
    }

    /// What a policy would do if it were set by that name.
    pub async fn test_policy(&self, name: &PolicyName, written: &Written) -> Result<(Plan, Bytes), Error> {
        let path = format!("/v1/retention/test?policy={name}");
        let post = |request: RequestBuilder| written.put(request).header(ACCEPT, Plan::SEQUENCE_MEDIA_TYPE);
        let response = self.send(Method::POST, &path, Repeat::Safe, post).await?;
        self.plan_of(response).await
    }

    /// What policies would do now, those that are named or all that stand: the plan, and its file form.
    pub async fn plan(&self, request: &MakePlan) -> Result<(Plan, Bytes), Error> {
        let post = |builder: RequestBuilder| builder.header(ACCEPT, Plan::SEQUENCE_MEDIA_TYPE).json(request);
        let response = self.send(Method::POST, "/v1/retention/plan", Repeat::Safe, post).await?;
        self.plan_of(response).await
    }

    async fn plan_of(&self, response: Response) -> Result<(Plan, Bytes), Error> {
        let bytes = self.transport().read(response, (PLAN_PARTS_MAX + 1) * DOCUMENT_MAX_BYTES).await?;
        let plan = Plan::decode(&bytes).map_err(|error| self.transport().unexpected(error.to_string()))?;
        Ok((plan, bytes))
    }
}
