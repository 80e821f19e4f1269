//! Multipart uploads: the requests.
//!
//! An upload is found by the object that it is for: some servers list uploads only by the whole name. So each has a marker
//! in the bucket, written before it begins; see `listing`.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use uuid::Uuid;

use super::bucket::{Bucket, If, metadata, unless_in_the_way};
use super::said::Said;
use super::state::Upload;
use crate::kernel::id::ObjectKey;
use crate::stores::Error;

/// A part that the server has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) number: u32,
    pub(super) tag: String,
    pub(super) bytes: u64,
}

fn number_of(number: u32) -> i32 {
    i32::try_from(number).expect("numbers of parts are small")
}

impl Bucket {
    /// Begins an upload for an object.
    pub(super) async fn begin_upload(&self, key: &ObjectKey, lineage: Uuid) -> Result<Upload, Error> {
        let marker = Uuid::now_v7();
        let name = self.names.marker(key, marker);
        self.put(&name, &Bytes::new(), If::Fresh, marker, None).await.map_err(Said::unexpected)?;
        let begun = self
            .client
            .create_multipart_upload()
            .bucket(self.name())
            .key(self.names.object(key))
            .set_metadata(Some(metadata(lineage)))
            .set_storage_class(self.settings.class())
            .send()
            .await;
        let begun = begun.map_err(|error| self.said(error).unexpected())?;
        let id = begun.upload_id.ok_or_else(|| Error::Format("an upload without an id".to_owned()))?;
        Ok(Upload { id, marker })
    }

    /// Uploads a part; gives its ETag.
    pub(super) async fn upload_part(
        &self,
        key: &ObjectKey,
        upload: &str,
        number: u32,
        bytes: Bytes,
    ) -> Result<String, Error> {
        let request =
            self.client.upload_part().bucket(self.name()).key(self.names.object(key)).upload_id(upload);
        let done = request.part_number(number_of(number)).body(ByteStream::from(bytes)).send().await;
        match done.map_err(|error| self.said(error)) {
            Ok(done) => Ok(done.e_tag.unwrap_or_default()),
            Err(Said::NotThere) => Err(Error::Missing(key.clone())),
            Err(other) => Err(other.unexpected()),
        }
    }

    /// Makes the object of its parts, unless it is there already.
    pub(super) async fn complete_upload(
        &self,
        key: &ObjectKey,
        upload: &str,
        parts: &[(u32, String)],
    ) -> Result<(), Said> {
        let completed = |(number, tag): &(u32, String)| {
            CompletedPart::builder().part_number(number_of(*number)).e_tag(tag).build()
        };
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(parts.iter().map(completed).collect()))
            .build();
        let complete = || async {
            let request = self.client.complete_multipart_upload().bucket(self.name());
            let request = request.key(self.names.object(key)).upload_id(upload).if_none_match("*");
            let done = request.multipart_upload(parts.clone()).send().await;
            done.map(|_| ()).map_err(|error| self.said(error))
        };
        unless_in_the_way(complete).await
    }

    /// The parts that an upload has; none if there is no such upload.
    pub(super) async fn list_parts(&self, key: &ObjectKey, upload: &str) -> Result<Option<Vec<Part>>, Error> {
        let request =
            self.client.list_parts().bucket(self.name()).key(self.names.object(key)).upload_id(upload);
        let mut pages = request.into_paginator().send();
        let mut parts = Vec::new();
        while let Some(page) = pages.next().await {
            let page = match page.map_err(|error| self.said(error)) {
                Ok(page) => page,
                Err(Said::NotThere) => return Ok(None),
                Err(other) => return Err(other.unexpected()),
            };
            for part in page.parts.unwrap_or_default() {
                parts.push(Part {
                    number: part
                        .part_number
                        .and_then(|number| u32::try_from(number).ok())
                        .unwrap_or_default(),
                    tag: part.e_tag.unwrap_or_default(),
                    bytes: part.size.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default(),
                });
            }
        }
        Ok(Some(parts))
    }

    /// The uploads for one object.
    pub(super) async fn list_uploads(&self, key: &ObjectKey) -> Result<Vec<String>, Error> {
        let name = self.names.object(key);
        let (mut uploads, mut from) = (Vec::new(), None::<(String, String)>);
        loop {
            let (key_marker, id_marker) = from.take().unzip();
            let request = self.client.list_multipart_uploads().bucket(self.name()).prefix(&name);
            let request = request.set_key_marker(key_marker).set_upload_id_marker(id_marker);
            let page = request.send().await.map_err(|error| self.said(error).unexpected())?;
            let of_it = page.uploads.unwrap_or_default().into_iter();
            uploads.extend(
                of_it
                    .filter(|upload| upload.key.as_ref() == Some(&name))
                    .filter_map(|upload| upload.upload_id),
            );
            if !page.is_truncated.unwrap_or_default() {
                return Ok(uploads);
            }
            from = page.next_key_marker.zip(page.next_upload_id_marker);
            if from.is_none() {
                return Ok(uploads);
            }
        }
    }

    /// Drops an upload and its parts.
    pub(super) async fn abort_upload(&self, key: &ObjectKey, upload: &str) -> Result<(), Error> {
        let request = self.client.abort_multipart_upload().bucket(self.name());
        let done = request.key(self.names.object(key)).upload_id(upload).send().await;
        match done.map_err(|error| self.said(error)) {
            Ok(_) | Err(Said::NotThere) => Ok(()),
            Err(other) => Err(other.unexpected()),
        }
    }
}
