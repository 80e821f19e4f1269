//! Complete objects.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use uuid::Uuid;

use super::bucket::{Bucket, If};
use super::said::Said;
use crate::kernel::id::ObjectKey;
use crate::kernel::limits::{BLOB_MAX_BYTES, S3_READ_RESUMES_MAX};
use crate::stores::{Error, Pieces};

impl Bucket {
    pub(super) async fn put_object(&self, key: &ObjectKey, bytes: &Bytes, mark: Uuid) -> Result<(), Error> {
        match self.put_known(&self.names.object(key), bytes, If::New, mark, self.settings.class()).await {
            Ok(_) => Ok(()),
            Err(Said::NotSo) => Err(Error::Exists(key.clone())),
            Err(other) => Err(other.unexpected()),
        }
    }

    /// A link by which anyone can read an object for a while.
    pub(super) async fn presign(&self, key: &ObjectKey, life: Duration) -> Result<String, Error> {
        let config =
            PresigningConfig::expires_in(life).map_err(|error| Error::Io(std::io::Error::other(error)))?;
        let request = self.client.get_object().bucket(self.name()).key(self.names.object(key));
        let signed = request.presigned(config).await.map_err(|error| self.said(error).unexpected())?;
        Ok(signed.uri().to_owned())
    }
}

/// A read under way. If an answer breaks off, the rest is asked for again, of the same object.
struct Reading {
    bucket: Arc<Bucket>,
    key: ObjectKey,
    body: ByteStream,
    tag: Option<String>,
    rest: Range<u64>,
    resumes: u32,
}

/// A range as HTTP has it: both ends in it.
fn header(range: &Range<u64>) -> String {
    if range.end >= BLOB_MAX_BYTES {
        return format!("bytes={}-", range.start);
    }
    format!("bytes={}-{}", range.start, range.end - 1)
}

pub(super) async fn read(bucket: Arc<Bucket>, key: &ObjectKey, range: Range<u64>) -> Result<Pieces, Error> {
    let name = bucket.names.object(key);
    if range.is_empty() {
        return match bucket.head(&name).await? {
            Some(_) => Ok(stream::empty().boxed()),
            None => Err(Error::Missing(key.clone())),
        };
    }
    let found = match bucket.get(&name, Some(header(&range)), None).await {
        Ok(found) => found,
        Err(Said::NotThere) => return Err(Error::Missing(key.clone())),
        Err(Said::Archived) => return Err(Error::Archived(key.clone())),
        Err(Said::BeyondTheEnd) => return Ok(stream::empty().boxed()),
        Err(other) => return Err(other.unexpected()),
    };
    let reading =
        Reading { bucket, key: key.clone(), body: found.body, tag: found.e_tag, rest: range, resumes: 0 };
    Ok(stream::unfold(Some(reading), |reading| async move { reading?.next().await }).boxed())
}

impl Reading {
    async fn next(mut self) -> Option<(Result<Bytes, Error>, Option<Self>)> {
        loop {
            match self.body.next().await? {
                Ok(piece) => {
                    self.rest.start += piece.len() as u64;
                    return Some((Ok(piece), Some(self)));
                }
                Err(error) => {
                    let broken = self.bucket.broken(&error);
                    if let Err(error) = self.resume(broken).await {
                        return Some((Err(error), None));
                    }
                }
            }
        }
    }

    async fn resume(&mut self, broken: Error) -> Result<(), Error> {
        if self.resumes == S3_READ_RESUMES_MAX || self.rest.is_empty() {
            return Err(broken);
        }
        self.resumes += 1;
        tracing::debug!(object = %self.key, at = self.rest.start, error = %broken, "reading on");
        let name = self.bucket.names.object(&self.key);
        match self.bucket.get(&name, Some(header(&self.rest)), self.tag.clone()).await {
            Ok(found) => self.body = found.body,
            Err(Said::NotThere) => return Err(Error::Missing(self.key.clone())),
            Err(Said::Archived) => return Err(Error::Archived(self.key.clone())),
            Err(Said::Failed(error)) => return Err(error),
            Err(_) => return Err(broken),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_both_of_its_ends_in_http() {
        assert_eq!(header(&(0..1)), "bytes=0-0");
        assert_eq!(header(&(5..u64::MAX)), "bytes=5-");
    }
}
