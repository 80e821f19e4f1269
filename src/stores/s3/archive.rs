//! Archive classes: `GLACIER` and `DEEP_ARCHIVE` (S3 API, RestoreObject and HeadObject).
//!
//! ```text
//! HEAD   x-amz-storage-class: GLACIER                                                        archived
//!        x-amz-restore: ongoing-request="true"                                               restoring
//!        x-amz-restore: ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT" available until then
//! POST   ?restore   RestoreRequest(Days, GlacierJobParameters(Tier))
//!        202 asked for; 200 the copy that is there stays longer; 409 RestoreAlreadyInProgress
//! GET    403 InvalidObjectState: archived
//! ```
//! - What the server says of the object counts, not what class this store writes in: a bucket's own rules may have moved it.
//! - An object of any other class can be read, `GLACIER_IR` too.
//! - A copy that can be read is not asked for again: that would be another request that is paid for, and a later end each time
//!   somebody asks how far it is.

use async_trait::async_trait;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_sdk_s3::types::{GlacierJobParameters, RestoreRequest, StorageClass, Tier};

use super::bucket::Bucket;
use super::said::Said;
use crate::kernel::id::ObjectKey;
use crate::stores::{Archive, Availability, Error, Standing};

/// The archive side of a bucket.
#[derive(Debug)]
pub(super) struct Classes<'a>(pub(super) &'a Bucket);

#[async_trait]
impl Archive for Classes<'_> {
    async fn look(&self, key: &ObjectKey) -> Result<Option<Standing>, Error> {
        let Some(found) = self.0.head(&self.0.names.object(key)).await? else { return Ok(None) };
        let availability = availability(found.class.as_ref(), found.restore.as_deref()).ok_or_else(|| {
            let told = found.restore.unwrap_or_default();
            Error::Unfit(format!(
                "{} says of a restoration {told:?}, which is not understood",
                self.0.place()
            ))
        })?;
        Ok(Some(Standing { size_bytes: found.bytes, availability }))
    }

    async fn restore(&self, key: &ObjectKey, days: u32) -> Result<Option<Standing>, Error> {
        match self.look(key).await? {
            Some(Standing { availability: Availability::Archived, .. }) => {}
            other => return Ok(other),
        }
        match self.0.request_restore(key, days).await {
            Ok(()) | Err(Said::Underway) => {}
            Err(Said::NotThere) => return Ok(None),
            Err(other) => return Err(other.unexpected()),
        }
        let standing = self.look(key).await?;
        // It was asked for, whether a look shows that already or not.
        Ok(standing.map(|standing| match standing.availability {
            Availability::Archived => Standing { availability: Availability::Restoring, ..standing },
            _ => standing,
        }))
    }
}

impl Bucket {
    async fn request_restore(&self, key: &ObjectKey, days: u32) -> Result<(), Said> {
        let tier = Tier::from(&*self.settings.restore_tier);
        let parameters = GlacierJobParameters::builder().tier(tier).build().expect("it has a tier");
        let wanted = RestoreRequest::builder()
            .days(i32::try_from(days).unwrap_or(i32::MAX))
            .glacier_job_parameters(parameters)
            .build();
        let request = self.client.restore_object().bucket(self.name()).key(self.names.object(key));
        let asked = request.restore_request(wanted).send().await;
        asked.map(drop).map_err(|error| self.said(error))
    }
}

/// What class and `x-amz-restore` say; nothing, if the latter is not understood.
fn availability(class: Option<&StorageClass>, restore: Option<&str>) -> Option<Availability> {
    let is_archive = matches!(class, Some(StorageClass::Glacier | StorageClass::DeepArchive));
    match restore {
        _ if !is_archive => Some(Availability::Available { until_ms: None }),
        None => Some(Availability::Archived),
        Some(told) => match field(told, "ongoing-request")? {
            "true" => Some(Availability::Restoring),
            "false" => {
                let date = DateTime::from_str(field(told, "expiry-date")?, DateTimeFormat::HttpDate).ok()?;
                Some(Availability::Available { until_ms: Some(u64::try_from(date.to_millis().ok()?).ok()?) })
            }
            _ => None,
        },
    }
}

/// The value of a field: `name="value"`.
fn field<'a>(told: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = told.split_once(name)?;
    rest.strip_prefix("=\"")?.split_once('"').map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_say_whether_it_can_be_read() {
        let always = Some(Availability::Available { until_ms: None });
        // As Amazon documents them (S3 API, HeadObject).
        let until = "ongoing-request=\"false\", expiry-date=\"Fri, 21 Dec 2012 00:00:00 GMT\"";
        let (archived, asked) = (Some(Availability::Archived), Some("ongoing-request=\"true\""));
        for (class, restore, expected) in [
            (None, None, always),
            (Some("STANDARD"), None, always),
            (Some("GLACIER_IR"), None, always),
            (Some("GLACIER"), None, archived),
            (Some("DEEP_ARCHIVE"), None, archived),
            (Some("GLACIER"), asked, Some(Availability::Restoring)),
            (
                Some("GLACIER"),
                Some(until),
                Some(Availability::Available { until_ms: Some(1_356_048_000_000) }),
            ),
            (Some("GLACIER"), Some("ongoing-request=\"false\""), None),
            (Some("GLACIER"), Some("ongoing-request=\"false\", expiry-date=\"soon\""), None),
            (Some("GLACIER"), Some("ongoing-request=\"perhaps\""), None),
            (Some("GLACIER"), Some(""), None),
        ] {
            assert_eq!(
                availability(class.map(StorageClass::from).as_ref(), restore),
                expected,
                "{class:?} {restore:?}"
            );
        }
    }
}
