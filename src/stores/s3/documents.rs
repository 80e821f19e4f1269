//! Documents as objects that are replaced under a condition.
//!
//! - A version is an ETag.
//! - Few servers delete under a condition. So a document that is given up is replaced by nothing (an object of no bytes),
//!   under its condition, and that lies there until no one can want the name any more.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use uuid::Uuid;

use super::bucket::{Bucket, If};
use super::said::Said;
use crate::kernel::limits::{S3_EMPTY_DOCUMENT_SECONDS, STORE_DOCUMENT_MAX_BYTES};
use crate::stores::{Document, Error, Kind, Version};

/// How often to look again while others come and go.
const TRIES: usize = 4;

impl Version {
    fn of_tag(tag: &str) -> Self {
        Self(tag.as_bytes().to_vec())
    }

    fn tag(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl Bucket {
    pub(super) async fn load(&self, document: Document) -> Result<Option<(Bytes, Version)>, Error> {
        let found = self.get_whole(&self.names.document(document)).await?;
        Ok(found.filter(|(bytes, _)| !bytes.is_empty()).map(|(bytes, tag)| (bytes, Version::of_tag(&tag))))
    }

    pub(super) async fn swap(
        &self,
        document: Document,
        expected: Option<&Version>,
        content: Option<Bytes>,
    ) -> Result<Option<Version>, Error> {
        assert!(content.as_ref().is_none_or(|content| !content.is_empty()), "nothing is not a document");
        assert!(
            content.as_ref().is_none_or(|content| content.len() <= STORE_DOCUMENT_MAX_BYTES),
            "documents are small"
        );
        match expected {
            Some(version) => {
                // Versions of other stores are none of this one.
                let tag = version.tag().ok_or(Error::Stale(document))?;
                let is_kept = content.is_some();
                let tag = self.write(document, If::Tag(tag), &content.unwrap_or_default()).await?;
                Ok(is_kept.then(|| Version::of_tag(&tag)))
            }
            None => match content {
                Some(content) => Ok(Some(self.make(document, &content).await?)),
                None => match self.load(document).await? {
                    None => Ok(None),
                    Some(_) => Err(Error::Stale(document)),
                },
            },
        }
    }

    /// Writes a document that is not there: has no object, or an empty one.
    async fn make(&self, document: Document, content: &Bytes) -> Result<Version, Error> {
        for _ in 0..TRIES {
            match self.write(document, If::New, content).await {
                Err(Error::Stale(_)) => {}
                outcome => return outcome.map(|tag| Version::of_tag(&tag)),
            }
            match self.head(&self.names.document(document)).await? {
                Some(found) if found.bytes == 0 => {
                    match self.write(document, If::Tag(&found.tag), content).await {
                        Err(Error::Stale(_)) => {}
                        outcome => return outcome.map(|tag| Version::of_tag(&tag)),
                    }
                }
                Some(_) => return Err(Error::Stale(document)),
                None => {}
            }
        }
        Err(Error::Stale(document))
    }

    async fn write(&self, document: Document, condition: If<'_>, content: &Bytes) -> Result<String, Error> {
        let name = self.names.document(document);
        match self.put_known(&name, content, condition, Uuid::now_v7(), None).await {
            Ok(tag) => Ok(tag),
            Err(Said::NotSo | Said::NotThere | Said::Conflict) => Err(Error::Stale(document)),
            Err(other) => Err(other.unexpected()),
        }
    }

    /// The documents of a kind. Those that were given up long ago are removed in passing.
    pub(super) async fn document_names(&self, kind: Kind) -> Result<Vec<Document>, Error> {
        let prefix = self.names.documents(kind);
        let mut pages =
            self.client.list_objects_v2().bucket(self.name()).prefix(&prefix).into_paginator().send();
        let mut documents = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.said(error).unexpected())?;
            for object in page.contents.unwrap_or_default() {
                let Some(name) = object.key() else { continue };
                let Some(document) = name.strip_prefix(&prefix).and_then(|name| kind.document(name)) else {
                    continue;
                };
                if object.size.is_none_or(|bytes| bytes > 0) {
                    documents.push(document);
                } else if object.last_modified.is_some_and(|at| is_old(at.secs())) {
                    self.delete(name).await?;
                }
            }
        }
        Ok(documents)
    }
}

fn is_old(at_seconds: i64) -> bool {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let age = since.saturating_sub(Duration::from_secs(u64::try_from(at_seconds).unwrap_or_default()));
    age.as_secs() > S3_EMPTY_DOCUMENT_SECONDS
}
