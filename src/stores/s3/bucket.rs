//! Single requests to the bucket, each with its refusals sorted out.
//!
//! - What is written carries a mark of its writer, so that a request whose answer was lost, and which then meets its own
//!   work, is known for what it is.
//! - Requests that lost against another one that was under way are made again.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::StorageClass;
use bytes::Bytes;
use uuid::Uuid;

use super::names::Names;
use super::said::{Said, said};
use super::settings::S3Settings;
use crate::kernel::limits::{S3_CONFLICT_PAUSE_MS, S3_CONFLICTS_MAX, STORE_DOCUMENT_MAX_BYTES};
use crate::stores::Error;

/// The metadata that names the writer.
const MARK: &str = "strongroom-mark";

/// A bucket, and how things are named in it.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) client: Client,
    pub(super) names: Names,
    pub(super) settings: S3Settings,
    name: String,
    place: String,
}

/// Under what condition something is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum If<'a> {
    /// Nothing has that name.
    New,
    /// What has that name has this ETag.
    Tag(&'a str),
    /// The name is a fresh one.
    Fresh,
}

/// What has a name.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) tag: String,
    pub(super) bytes: u64,
    pub(super) class: Option<StorageClass>,
    /// `x-amz-restore`.
    pub(super) restore: Option<String>,
    mark: Option<String>,
}

impl Found {
    pub(super) fn is_marked(&self, mark: Uuid) -> bool {
        self.mark.as_deref() == Some(&*mark.simple().to_string())
    }
}

/// The metadata that an object of that writer carries.
pub(super) fn metadata(mark: Uuid) -> HashMap<String, String> {
    HashMap::from([(MARK.to_owned(), mark.simple().to_string())])
}

fn mark_of(metadata: Option<&HashMap<String, String>>) -> Option<String> {
    metadata?.get(MARK).cloned()
}

/// Makes a request again as long as others are in its way.
pub(super) async fn unless_in_the_way<T, F>(request: impl Fn() -> F) -> Result<T, Said>
where
    F: Future<Output = Result<T, Said>>,
{
    let mut tries = 0;
    loop {
        match request().await {
            Err(Said::Conflict) if tries < S3_CONFLICTS_MAX => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(S3_CONFLICT_PAUSE_MS << tries)).await;
            }
            outcome => return outcome,
        }
    }
}

impl Bucket {
    pub(super) async fn new(settings: S3Settings) -> Self {
        Self {
            client: settings.client().await,
            names: Names::below(&settings.prefix),
            name: settings.bucket.clone(),
            place: settings.shown(),
            settings,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) fn said<E>(&self, error: SdkError<E, HttpResponse>) -> Said
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        said(&self.place, error)
    }

    /// Writes something whole; gives its ETag.
    pub(super) async fn put(
        &self,
        name: &str,
        bytes: &Bytes,
        condition: If<'_>,
        mark: Uuid,
        class: Option<StorageClass>,
    ) -> Result<String, Said> {
        let (is_new, tag) = match condition {
            If::New => (Some("*".to_owned()), None),
            If::Tag(tag) => (None, Some(tag.to_owned())),
            If::Fresh => (None, None),
        };
        let put = || async {
            let request =
                self.client.put_object().bucket(&self.name).key(name).set_metadata(Some(metadata(mark)));
            let request = request.set_if_none_match(is_new.clone()).set_if_match(tag.clone());
            let request = request.set_storage_class(class.clone()).body(ByteStream::from(bytes.clone()));
            let done = request.send().await.map_err(|error| self.said(error))?;
            Ok(done.e_tag.unwrap_or_default())
        };
        unless_in_the_way(put).await
    }

    /// As [`Self::put`], for one who may have been there before: an answer may have been lost.
    pub(super) async fn put_known(
        &self,
        name: &str,
        bytes: &Bytes,
        condition: If<'_>,
        mark: Uuid,
        class: Option<StorageClass>,
    ) -> Result<String, Said> {
        match self.put(name, bytes, condition, mark, class).await {
            Err(refused @ (Said::NotSo | Said::NotThere)) => match self.head(name).await {
                Ok(Some(found)) if found.is_marked(mark) => Ok(found.tag),
                Ok(_) => Err(refused),
                Err(error) => Err(Said::Failed(error)),
            },
            outcome => outcome,
        }
    }

    /// What has that name, without its bytes.
    pub(super) async fn head(&self, name: &str) -> Result<Option<Found>, Error> {
        let answer = self.client.head_object().bucket(&self.name).key(name).send().await;
        match answer.map_err(|error| self.said(error)) {
            Ok(found) => Ok(Some(Found {
                tag: found.e_tag.unwrap_or_default(),
                bytes: found.content_length.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default(),
                mark: mark_of(found.metadata.as_ref()),
                class: found.storage_class,
                restore: found.restore,
            })),
            Err(Said::NotThere) => Ok(None),
            Err(other) => Err(other.unexpected()),
        }
    }

    /// Begins to read something, or a range of it as HTTP has it, of the copy with that ETag if one is given.
    pub(super) async fn get(
        &self,
        name: &str,
        range: Option<String>,
        tag: Option<String>,
    ) -> Result<GetObjectOutput, Said> {
        let request = self.client.get_object().bucket(&self.name).key(name);
        request.set_range(range).set_if_match(tag).send().await.map_err(|error| self.said(error))
    }

    /// Something small, whole.
    pub(super) async fn get_whole(&self, name: &str) -> Result<Option<(Bytes, String)>, Error> {
        let found = match self.get(name, None, None).await {
            Ok(found) => found,
            Err(Said::NotThere) => return Ok(None),
            Err(other) => return Err(other.unexpected()),
        };
        if found.content_length.is_some_and(|bytes| bytes > STORE_DOCUMENT_MAX_BYTES as i64) {
            return Err(Error::Format(format!("{}: {name} is larger than any document", self.place)));
        }
        let tag = found.e_tag.unwrap_or_default();
        Ok(Some((self.collect(found.body).await?, tag)))
    }

    /// All bytes of a body.
    pub(super) async fn collect(&self, body: ByteStream) -> Result<Bytes, Error> {
        let collected = body.collect().await.map_err(|error| self.broken(&error))?;
        Ok(collected.into_bytes())
    }

    /// What it means that an answer's bytes do not come.
    pub(super) fn broken(&self, error: &impl std::fmt::Display) -> Error {
        Error::Unreachable(format!("{} broke off in the middle of an answer: {error}", self.place))
    }

    /// Deletes something, if it is there.
    pub(super) async fn delete(&self, name: &str) -> Result<(), Error> {
        let done = self.client.delete_object().bucket(&self.name).key(name).send().await;
        match done.map_err(|error| self.said(error)) {
            Ok(_) | Err(Said::NotThere) => Ok(()),
            Err(other) => Err(other.unexpected()),
        }
    }
}
