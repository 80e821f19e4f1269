//! The calls of the control plane, one method each, under the names of the resources.

use reqwest::header::{ACCEPT, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH, LINK};
use reqwest::{Method, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::transport::Repeat;
use super::{Client, Error};
use crate::kernel::digest::{Blake3, Digest};
use crate::kernel::id::{KeyId, Reference, RepositoryName, Tag, TokenId};
use crate::kernel::limits::PAGE_MAX_ITEMS;
use crate::wire::blob::{Blob, DamagedBlob, DamagedBlobs};
use crate::wire::key::{AddKey, KeyEntry, Keys};
use crate::wire::manifest::{AcceptedManifest, ManifestSummary, Manifests};
use crate::wire::read::{GrantReads, GrantedReads};
use crate::wire::receipt::{AcceptedReceipt, DeliverReceipt, TakenReceipt};
use crate::wire::repository::{CreateRepository, Repositories, Repository, SetRepository};
use crate::wire::secret::Secret;
use crate::wire::status::Status;
use crate::wire::tag::{SetTag, TagChanged, TagEntry, Tags};
use crate::wire::token::{
    ACCESS_TOKEN_TYPE, EXCHANGE_GRANT_TYPE, ExchangedToken, FORM_MEDIA_TYPE, MintToken, MintedToken,
    TokenEntry, Tokens, Whoami,
};
use crate::wire::upload::{OpenUploads, OpenedUploads};

/// What a tag must name for a change to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Whatever it names.
    Always,
    /// Nothing: it must not exist.
    Absent,
    /// This manifest.
    Names(Digest),
}

impl Client {
    /// Every repository that the caller may see.
    ///
    /// # Errors
    /// [`Error`]; so for all that follow.
    pub async fn repositories(&self) -> Result<Vec<Repository>, Error> {
        self.pages("/v1/repositories", |page: Repositories| page.repositories).await
    }

    /// One repository.
    pub async fn repository(&self, name: &RepositoryName) -> Result<Repository, Error> {
        self.get(&format!("/v1/repositories/{name}")).await
    }

    /// Creates a repository; an error if there is one of that name.
    pub async fn create_repository(&self, request: &CreateRepository) -> Result<Repository, Error> {
        self.change(Method::POST, "/v1/repositories", request).await
    }

    /// Creates or changes a repository.
    pub async fn set_repository(
        &self,
        name: &RepositoryName,
        request: &SetRepository,
    ) -> Result<Repository, Error> {
        self.change(Method::PUT, &format!("/v1/repositories/{name}"), request).await
    }

    /// Every blob of a repository that is damaged.
    pub async fn damaged_blobs(&self, name: &RepositoryName) -> Result<Vec<DamagedBlob>, Error> {
        let path = format!("/v1/repositories/{name}/-/damaged-blobs");
        self.pages(&path, |page: DamagedBlobs| page.blobs).await
    }

    /// Opens a batch of uploads. Stateless: nothing is recorded.
    pub async fn open_uploads(
        &self,
        name: &RepositoryName,
        request: &OpenUploads,
    ) -> Result<OpenedUploads, Error> {
        self.change(Method::POST, &format!("/v1/repositories/{name}/-/uploads"), request).await
    }

    /// Hands over what the data plane signed. The same receipt may be handed over any number of times.
    pub async fn deliver_receipt(
        &self,
        name: &RepositoryName,
        receipt: &Secret,
    ) -> Result<AcceptedReceipt, Error> {
        let request = DeliverReceipt { receipt: receipt.clone() };
        self.change(Method::POST, &format!("/v1/repositories/{name}/-/receipts"), &request).await
    }

    /// Deposits a manifest, and sets a tag if the reference is one (then only under that condition).
    pub async fn put_manifest(
        &self,
        name: &RepositoryName,
        reference: &Reference,
        media_type: &str,
        manifest: Vec<u8>,
        condition: Condition,
    ) -> Result<AcceptedManifest, Error> {
        let path = format!("/v1/repositories/{name}/-/manifests/{reference}");
        let manifest = bytes::Bytes::from(manifest);
        let response = self
            .send(Method::PUT, &path, Repeat::Safe, |request| {
                conditional(request, condition).header(CONTENT_TYPE, media_type).body(manifest.clone())
            })
            .await?;
        self.transport().json(response).await
    }

    /// The exact bytes of a manifest and its media type; checked against the digest, if asked by one.
    pub async fn manifest(
        &self,
        name: &RepositoryName,
        reference: &Reference,
        accept: &str,
    ) -> Result<(String, bytes::Bytes), Error> {
        let path = format!("/v1/repositories/{name}/-/manifests/{reference}");
        let response =
            self.send(Method::GET, &path, Repeat::Safe, |request| request.header(ACCEPT, accept)).await?;
        let media_type = header(&response, CONTENT_TYPE.as_str()).unwrap_or_default().to_owned();
        let body = self.transport().read(response, crate::kernel::limits::DOCUMENT_MAX_BYTES).await?;
        Ok((media_type, body))
    }

    /// A manifest as people read it.
    pub async fn manifest_json(
        &self,
        name: &RepositoryName,
        reference: &Reference,
    ) -> Result<crate::wire::manifest::Manifest, Error> {
        self.get(&format!("/v1/repositories/{name}/-/manifests/{reference}")).await
    }

    /// Every package of a repository, newest first.
    pub async fn manifests(&self, name: &RepositoryName) -> Result<Vec<ManifestSummary>, Error> {
        self.pages(&format!("/v1/repositories/{name}/-/manifests"), |page: Manifests| page.manifests).await
    }

    /// Asks for a package to read.
    pub async fn grant_reads(
        &self,
        name: &RepositoryName,
        request: &GrantReads,
    ) -> Result<GrantedReads, Error> {
        self.change(Method::POST, &format!("/v1/repositories/{name}/-/reads"), request).await
    }

    /// What is known of a blob.
    pub async fn blob(&self, name: &RepositoryName, digest: &Digest) -> Result<Blob, Error> {
        self.get(&format!("/v1/repositories/{name}/-/blobs/{digest}")).await
    }

    /// Every tag of a repository.
    pub async fn tags(&self, name: &RepositoryName) -> Result<Vec<TagEntry>, Error> {
        self.pages(&format!("/v1/repositories/{name}/-/tags"), |page: Tags| page.tags).await
    }

    /// One tag.
    pub async fn tag(&self, name: &RepositoryName, tag: &Tag) -> Result<TagEntry, Error> {
        self.get(&format!("/v1/repositories/{name}/-/tags/{tag}")).await
    }

    /// Makes a tag name a manifest that is there.
    pub async fn set_tag(
        &self,
        name: &RepositoryName,
        tag: &Tag,
        digest: Digest,
        condition: Condition,
    ) -> Result<TagChanged, Error> {
        let expected = match condition {
            Condition::Always => None,
            Condition::Absent => Some(None),
            Condition::Names(digest) => Some(Some(digest)),
        };
        let request = SetTag { digest, expected };
        self.change(Method::PUT, &format!("/v1/repositories/{name}/-/tags/{tag}"), &request).await
    }

    /// Removes a tag. The manifest stays.
    pub async fn remove_tag(
        &self,
        name: &RepositoryName,
        tag: &Tag,
        expected: Option<Blake3>,
    ) -> Result<(), Error> {
        let condition = expected.map_or(Condition::Always, |digest| Condition::Names(digest.into()));
        let path = format!("/v1/repositories/{name}/-/tags/{tag}");
        self.send(Method::DELETE, &path, Repeat::Unsafe, |request| conditional(request, condition)).await?;
        Ok(())
    }

    /// Makes a token. A lost answer is an error, because the secret in it was lost too.
    pub async fn mint_token(&self, request: &MintToken) -> Result<MintedToken, Error> {
        let response =
            self.send(Method::POST, "/v1/tokens", Repeat::Unsafe, |builder| builder.json(request)).await?;
        self.transport().json(response).await
    }

    /// Exchanges the token of this client for one that may do less, for a while; as much, if no scope is named.
    ///
    /// # Errors
    /// [`Error`]; without a token, the server says that one is missing.
    pub async fn exchange_token(
        &self,
        scopes: &[String],
        expires_in_seconds: Option<u64>,
    ) -> Result<ExchangedToken, Error> {
        let mut form = reqwest::Url::parse("http://x/").expect("an address");
        {
            let mut pairs = form.query_pairs_mut();
            pairs.append_pair("grant_type", EXCHANGE_GRANT_TYPE);
            pairs.append_pair("subject_token_type", ACCESS_TOKEN_TYPE);
            if let Some(token) = &self.token {
                pairs.append_pair("subject_token", token.reveal());
            }
            if !scopes.is_empty() {
                pairs.append_pair("scope", &scopes.join(" "));
            }
            if let Some(seconds) = expires_in_seconds {
                pairs.append_pair("expires_in", &seconds.to_string());
            }
        }
        let body = bytes::Bytes::from(form.query().unwrap_or_default().to_owned());
        let response = self
            .send(Method::POST, "/v1/tokens/exchange", Repeat::Safe, |request| {
                request.header(CONTENT_TYPE, FORM_MEDIA_TYPE).body(body.clone())
            })
            .await?;
        self.transport().json(response).await
    }

    /// Every token, without secrets.
    pub async fn tokens(&self) -> Result<Vec<TokenEntry>, Error> {
        self.pages("/v1/tokens", |page: Tokens| page.tokens).await
    }

    /// Makes a token stop working.
    pub async fn revoke_token(&self, token: &TokenId) -> Result<(), Error> {
        self.send(Method::DELETE, &format!("/v1/tokens/{token}"), Repeat::Safe, |request| request).await?;
        Ok(())
    }

    /// Who the caller is to the server.
    pub async fn whoami(&self) -> Result<Whoami, Error> {
        self.get("/v1/whoami").await
    }

    /// What is running there.
    pub async fn status(&self) -> Result<Status, Error> {
        self.get("/v1/status").await
    }

    /// Every key that ever signed there.
    pub async fn keys(&self) -> Result<Vec<KeyEntry>, Error> {
        self.get("/v1/keys").await.map(|keys: Keys| keys.keys)
    }

    /// Records a key of a node. The same again changes nothing.
    pub async fn add_key(&self, request: &AddKey) -> Result<KeyEntry, Error> {
        let response =
            self.send(Method::POST, "/v1/keys", Repeat::Safe, |builder| builder.json(request)).await?;
        self.transport().json(response).await
    }

    /// Hands over a receipt as a node of the data plane.
    pub async fn hand_over_receipt(&self, receipt: &str) -> Result<TakenReceipt, Error> {
        let request = DeliverReceipt { receipt: receipt.to_owned().into() };
        let post = |builder: RequestBuilder| builder.json(&request);
        let response = self.send(Method::POST, "/v1/receipts", Repeat::Safe, post).await?;
        self.transport().json(response).await
    }

    /// What a data node says of itself.
    pub async fn data_status(&self) -> Result<Status, Error> {
        self.get("/data/status").await
    }

    /// Makes a key sign nothing new.
    pub async fn retire_key(&self, key: &KeyId) -> Result<KeyEntry, Error> {
        let path = format!("/v1/keys/{key}");
        let response = self.send(Method::DELETE, &path, Repeat::Safe, |request| request).await?;
        self.transport().json(response).await
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let json = |request: RequestBuilder| request.header(ACCEPT, "application/json");
        let response = self.send(Method::GET, path, Repeat::Safe, json).await?;
        self.transport().json(response).await
    }

    pub(super) async fn change<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        request: &impl Serialize,
    ) -> Result<T, Error> {
        // One key for all repeats, so that they are one change.
        let key = uuid::Uuid::now_v7().to_string();
        let response = self
            .send(method, path, Repeat::Safe, |builder| builder.header("Idempotency-Key", &key).json(request))
            .await?;
        self.transport().json(response).await
    }

    /// All pages of a list.
    pub(super) async fn pages<P: DeserializeOwned, T>(
        &self,
        path: &str,
        items: impl Fn(P) -> Vec<T>,
    ) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        let mut next = Some(format!("{path}?limit={PAGE_MAX_ITEMS}"));
        while let Some(path) = next {
            let response = self.send(Method::GET, &path, Repeat::Safe, |request| request).await?;
            next = header(&response, LINK.as_str()).and_then(next_page).map(str::to_owned);
            let page: P = self.transport().json(response).await?;
            all.extend(items(page));
        }
        Ok(all)
    }
}

fn conditional(request: RequestBuilder, condition: Condition) -> RequestBuilder {
    match condition {
        Condition::Always => request,
        Condition::Absent => request.header(IF_NONE_MATCH, "*"),
        Condition::Names(digest) => request.header(IF_MATCH, format!("\"{digest}\"")),
    }
}

/// A header that is text.
pub(super) fn header<'r>(response: &'r Response, name: &str) -> Option<&'r str> {
    response.headers().get(name)?.to_str().ok()
}

/// The target of `rel="next"` in a `Link` header (RFC 8288), as a path.
fn next_page(link: &str) -> Option<&str> {
    let next = link.split(',').find(|part| part.contains("rel=\"next\""))?;
    let (_, target) = next.split_once('<')?;
    target.split_once('>').map(|(target, _)| target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_among_links() {
        assert_eq!(next_page("</v1/x?cursor=a>; rel=\"next\""), Some("/v1/x?cursor=a"));
        assert_eq!(next_page("</a>; rel=\"prev\", </b?c>; rel=\"next\""), Some("/b?c"));
        assert_eq!(next_page("</a>; rel=\"prev\""), None);
        assert_eq!(next_page("nonsense"), None);
    }
}
