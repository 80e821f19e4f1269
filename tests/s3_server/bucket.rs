//! One bucket in memory: what the requests do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::{TryStreamExt as _, stream};
use s3s::dto::*;
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};

use super::Manners;
use super::content::{Content, Restored, Stored, Uploading, stored, tag_of};

/// Names of one listed page; few, so that the tests meet several pages.
const PAGE_NAMES: usize = 100;
/// Parts of one listed page.
const PAGE_PARTS: usize = 3;

fn tag(value: &str) -> Option<ETag> {
    Some(ETag::Strong(value.to_owned()))
}

pub(super) struct Bucket {
    name: &'static str,
    content: Arc<Content>,
    manners: Arc<Manners>,
}

impl Bucket {
    pub(super) fn new(name: &'static str, content: Arc<Content>, manners: Arc<Manners>) -> Self {
        Self { name, content, manners }
    }

    fn look(&self, bucket: &str) -> S3Result<()> {
        if bucket == self.name { Ok(()) } else { Err(s3_error!(NoSuchBucket)) }
    }

    /// Before something is written.
    fn write(&self, bucket: &str) -> S3Result<()> {
        self.look(bucket)?;
        self.manners.writes.fetch_add(1, Ordering::SeqCst);
        if !self.manners.full.load(Ordering::SeqCst) {
            return Ok(());
        }
        let mut error = S3Error::new(S3ErrorCode::Custom("XMinioStorageFull".into()));
        error.set_status_code(hyper::StatusCode::INSUFFICIENT_STORAGE);
        Err(error)
    }

    /// After something was written.
    fn answer<T>(&self, output: T) -> S3Result<S3Response<T>> {
        if self.manners.loses_this_answer() {
            return Err(s3_error!(InternalError, "the answer is lost to order"));
        }
        Ok(S3Response::new(output))
    }
}

/// Whether a write may be done on what is there.
fn may(found: Option<&Stored>, new: Option<&IfNoneMatch>, same: Option<&IfMatch>) -> S3Result<()> {
    if new.is_some() && found.is_some() {
        return Err(s3_error!(PreconditionFailed));
    }
    match (same, found) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(s3_error!(NoSuchKey)),
        (Some(ETagCondition::ETag(wanted)), Some(found)) if wanted.value() == found.tag => Ok(()),
        (Some(_), Some(_)) => Err(s3_error!(PreconditionFailed)),
    }
}

async fn collect(body: Option<StreamingBlob>) -> S3Result<Bytes> {
    let Some(body) = body else { return Ok(Bytes::new()) };
    let pieces: Vec<Bytes> =
        body.try_collect().await.map_err(|error| s3_error!(IncompleteBody, "{error}"))?;
    Ok(pieces.concat().into())
}

/// From where a page goes on.
fn page<T>(all: impl Iterator<Item = T>, length: usize) -> (Vec<T>, bool) {
    let mut page: Vec<T> = all.take(length + 1).collect();
    let is_truncated = page.len() > length;
    page.truncate(length);
    (page, is_truncated)
}

#[async_trait::async_trait]
impl S3 for Bucket {
    async fn put_object(&self, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let input = req.input;
        self.write(&input.bucket)?;
        let bytes = collect(input.body).await?;
        let new = stored(bytes, input.metadata, input.storage_class);
        let output = PutObjectOutput { e_tag: tag(&new.tag), ..Default::default() };
        {
            let mut inside = self.content.inside();
            if !self.manners.careless_put.load(Ordering::SeqCst) {
                may(inside.objects.get(&input.key), input.if_none_match.as_ref(), input.if_match.as_ref())?;
            }
            inside.objects.insert(input.key, new);
        }
        self.answer(output)
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = req.input;
        self.look(&input.bucket)?;
        let found = self.content.inside().objects.get(&input.key).cloned();
        let found = found.ok_or_else(|| s3_error!(NoSuchKey))?;
        found.may_be_read()?;
        let length = found.bytes.len();
        let range = match input.range {
            None => None,
            Some(range) => Some(range.check(length as u64).map_err(|_| s3_error!(InvalidRange))?),
        };
        let within = |at: u64| usize::try_from(at).unwrap();
        let content_range =
            range.as_ref().map(|range| format!("bytes {}-{}/{length}", range.start, range.end - 1));
        let bytes = match range {
            None => found.bytes.clone(),
            Some(range) => found.bytes.slice(within(range.start)..within(range.end)),
        };
        let output = GetObjectOutput {
            content_length: Some(bytes.len() as i64),
            content_range,
            e_tag: tag(&found.tag),
            last_modified: Some(found.at.into()),
            metadata: found.metadata,
            body: Some(StreamingBlob::wrap(stream::iter([Ok::<_, std::io::Error>(bytes)]))),
            ..Default::default()
        };
        Ok(S3Response::new(output))
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = req.input;
        self.look(&input.bucket)?;
        let found = self.content.inside().objects.get(&input.key).cloned();
        let found = found.ok_or_else(|| s3_error!(NoSuchKey))?;
        Ok(S3Response::new(HeadObjectOutput {
            content_length: Some(found.bytes.len() as i64),
            e_tag: tag(&found.tag),
            restore: found.restore(),
            // As Amazon: the ordinary class is not named.
            storage_class: found.class.filter(|class| class.as_str() != StorageClass::STANDARD),
            metadata: found.metadata,
            ..Default::default()
        }))
    }

    async fn restore_object(
        &self,
        req: S3Request<RestoreObjectInput>,
    ) -> S3Result<S3Response<RestoreObjectOutput>> {
        let input = req.input;
        self.look(&input.bucket)?;
        let wanted = input.restore_request.unwrap_or_default();
        let tier = wanted.glacier_job_parameters.map(|parameters| parameters.tier.as_str().to_owned());
        let days = wanted.days.filter(|days| *days > 0).ok_or_else(|| s3_error!(MalformedXML))?;
        let mut inside = self.content.inside();
        let status = {
            let found = inside.objects.get_mut(&input.key).ok_or_else(|| s3_error!(NoSuchKey))?;
            if !found.is_archive() {
                return Err(s3_error!(
                    InvalidObjectState,
                    "Restore is not allowed for the object's current storage class"
                ));
            }
            match found.copy {
                Restored::Ongoing(_) => {
                    return Err(s3_error!(RestoreAlreadyInProgress, "Object restore is already in progress"));
                }
                Restored::No => {
                    found.copy = Restored::Ongoing(days);
                    hyper::StatusCode::ACCEPTED
                }
                Restored::Until(_) => {
                    let seconds = u64::try_from(days).unwrap() * 24 * 60 * 60;
                    found.copy = Restored::Until(SystemTime::now() + Duration::from_secs(seconds));
                    hyper::StatusCode::OK
                }
            }
        };
        inside.asked.push((days, tier.unwrap_or_default()));
        Ok(S3Response::with_status(RestoreObjectOutput::default(), status))
    }

    async fn delete_object(
        &self,
        req: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.look(&req.input.bucket)?;
        self.content.inside().objects.remove(&req.input.key);
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = req.input;
        self.look(&input.bucket)?;
        let (prefix, after) =
            (input.prefix.unwrap_or_default(), input.continuation_token.unwrap_or_default());
        let inside = self.content.inside();
        let all = inside.objects.iter().filter(|(name, _)| name.starts_with(&prefix) && **name > after);
        let (names, is_truncated) = page(all, PAGE_NAMES);
        let contents: Vec<Object> = names
            .iter()
            .map(|(name, found)| Object {
                key: Some((*name).clone()),
                size: Some(found.bytes.len() as i64),
                last_modified: Some(found.at.into()),
                ..Default::default()
            })
            .collect();
        Ok(S3Response::new(ListObjectsV2Output {
            next_continuation_token: names.last().filter(|_| is_truncated).map(|(name, _)| (*name).clone()),
            is_truncated: Some(is_truncated),
            key_count: Some(names.len() as i32),
            contents: Some(contents),
            ..Default::default()
        }))
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let input = req.input;
        self.write(&input.bucket)?;
        let id = {
            let mut inside = self.content.inside();
            inside.begun += 1;
            let id = format!("upload-{}", inside.begun);
            let upload = Uploading {
                key: input.key.clone(),
                class: input.storage_class,
                metadata: input.metadata,
                parts: BTreeMap::new(),
            };
            inside.uploads.insert(id.clone(), upload);
            id
        };
        let output =
            CreateMultipartUploadOutput { upload_id: Some(id), key: Some(input.key), ..Default::default() };
        Ok(S3Response::new(output))
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        let input = req.input;
        self.write(&input.bucket)?;
        let bytes = collect(input.body).await?;
        let part_tag = tag_of(&bytes);
        {
            let mut inside = self.content.inside();
            let upload = inside.uploads.get_mut(&input.upload_id).ok_or_else(|| s3_error!(NoSuchUpload))?;
            upload.parts.insert(input.part_number, (bytes, part_tag.clone()));
        }
        self.answer(UploadPartOutput { e_tag: tag(&part_tag), ..Default::default() })
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        let input = req.input;
        self.look(&input.bucket)?;
        let inside = self.content.inside();
        let upload = inside.uploads.get(&input.upload_id).ok_or_else(|| s3_error!(NoSuchUpload))?;
        let after = input.part_number_marker.unwrap_or_default();
        let (parts, is_truncated) = page(upload.parts.range(after + 1..), PAGE_PARTS);
        let next = parts.last().filter(|_| is_truncated).map(|(number, _)| **number);
        let part = |(number, (bytes, part_tag)): &(&i32, &(Bytes, String))| Part {
            part_number: Some(**number),
            size: Some(bytes.len() as i64),
            e_tag: tag(part_tag),
            ..Default::default()
        };
        Ok(S3Response::new(ListPartsOutput {
            parts: Some(parts.iter().map(part).collect()),
            is_truncated: Some(is_truncated),
            next_part_number_marker: next,
            ..Default::default()
        }))
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let input = req.input;
        self.look(&input.bucket)?;
        // As MinIO does: only by the whole name.
        let name = input.prefix.unwrap_or_default();
        let inside = self.content.inside();
        let of_it = inside.uploads.iter().filter(|(_, upload)| upload.key == name);
        let uploads = of_it.map(|(id, upload)| MultipartUpload {
            key: Some(upload.key.clone()),
            upload_id: Some(id.clone()),
            ..Default::default()
        });
        Ok(S3Response::new(ListMultipartUploadsOutput {
            uploads: Some(uploads.collect()),
            is_truncated: Some(false),
            ..Default::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.look(&req.input.bucket)?;
        let gone = self.content.inside().uploads.remove(&req.input.upload_id);
        gone.ok_or_else(|| s3_error!(NoSuchUpload))?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = req.input;
        self.write(&input.bucket)?;
        let e_tag = {
            let mut inside = self.content.inside();
            if !self.manners.careless_completion.load(Ordering::SeqCst) {
                may(inside.objects.get(&input.key), input.if_none_match.as_ref(), input.if_match.as_ref())?;
            }
            let upload = inside.uploads.get(&input.upload_id).ok_or_else(|| s3_error!(NoSuchUpload))?;
            let whole = assemble(upload, &input.multipart_upload.unwrap_or_default())?;
            let new = stored(whole, upload.metadata.clone(), upload.class.clone());
            let e_tag = tag(&new.tag);
            inside.uploads.remove(&input.upload_id);
            inside.objects.insert(input.key, new);
            e_tag
        };
        self.answer(CompleteMultipartUploadOutput { e_tag, ..Default::default() })
    }
}

/// The bytes of an upload. As strict as R2: all parts but the last are of one size.
fn assemble(upload: &Uploading, wanted: &CompletedMultipartUpload) -> S3Result<Bytes> {
    let wanted = wanted.parts.as_deref().unwrap_or_default();
    let mut parts = Vec::new();
    for part in wanted {
        let number = part.part_number.unwrap_or_default();
        let found = upload.parts.get(&number).ok_or_else(|| s3_error!(InvalidPart))?;
        if part.e_tag.as_ref().map(ETag::value) != Some(&*found.1) {
            return Err(s3_error!(InvalidPart));
        }
        parts.push((number, found.0.clone()));
    }
    let Some(((_, last), before)) = parts.split_last() else { return Err(s3_error!(MalformedXML)) };
    if !parts.is_sorted_by(|(a, _), (b, _)| a < b) {
        return Err(s3_error!(InvalidPartOrder));
    }
    let size = before.first().map_or(last.len(), |(_, first)| first.len());
    if last.len() > size || before.iter().any(|(_, part)| part.len() != size) {
        return Err(s3_error!(InvalidPart, "parts are not equal"));
    }
    Ok(parts.iter().map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>().concat().into())
}
