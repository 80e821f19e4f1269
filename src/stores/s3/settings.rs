//! Which bucket, and how to speak to it.
//!
//! - Credentials come from where every AWS tool looks: the environment, the profile, the container, the instance.
//! - TLS is rustls on ring with the roots of the system; an `http://` endpoint is spoken to as it is.
//! - Every call has an end: no answer is an error within [`Patience`], and a body that stands still is one too.
//! - Payloads are signed: a server that got other bytes than were sent refuses them.

use std::fmt;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    Builder, Credentials, RequestChecksumCalculation, ResponseChecksumValidation, SharedHttpClient,
};
use aws_sdk_s3::types::StorageClass;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use crate::kernel::limits::{
    HASH_BLOCK_BYTES, S3_ATTEMPT_SECONDS, S3_ATTEMPTS_MAX, S3_CONNECT_SECONDS, S3_PART_MAX_BYTES,
    S3_PART_MIN_BYTES, S3_PARTS_PLANNED,
};
use crate::stores::Error;

/// The region that is signed for if an endpoint is given and no region: most servers but Amazon's take any.
const ANY_REGION: &str = "us-east-1";

/// A bucket, or a prefix of one.
#[derive(Debug, Clone)]
pub struct S3Settings {
    /// Its name.
    pub bucket: String,
    /// Where it is, if not at Amazon: a URL.
    pub endpoint: Option<String>,
    /// Its region, if not that of the environment or the profile.
    pub region: Option<String>,
    /// What the names of everything begin with; nothing, if the bucket is ours alone.
    pub prefix: String,
    /// The storage class of objects, if not the bucket's own.
    pub storage_class: Option<String>,
    /// How fast archived objects are restored, in Amazon's words: `Standard`, `Bulk` or `Expedited`.
    pub restore_tier: String,
    /// Credentials, if they are not to be looked for.
    pub credentials: Option<S3Credentials>,
    /// Whether links to objects are given out.
    pub links: bool,
    /// Bytes of a part, as long as an object has not too many; whole MiB.
    pub part_bytes: u64,
    /// How long to wait.
    pub patience: Patience,
}

/// A pair of keys.
#[derive(Clone)]
pub struct S3Credentials {
    /// The public half.
    pub access_key: String,
    /// The other half.
    pub secret_key: String,
}

impl fmt::Debug for S3Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3Credentials({}, ..)", self.access_key)
    }
}

/// How long to wait for a server, and how often to try.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the answer to one attempt, its body sent.
    pub attempt: Duration,
    /// Attempts.
    pub attempts: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(S3_CONNECT_SECONDS),
            attempt: Duration::from_secs(S3_ATTEMPT_SECONDS),
            attempts: S3_ATTEMPTS_MAX,
        }
    }
}

impl S3Settings {
    /// A bucket at Amazon, with everything else by default.
    pub fn bucket(name: impl Into<String>) -> Self {
        Self {
            bucket: name.into(),
            endpoint: None,
            region: None,
            prefix: String::new(),
            storage_class: None,
            restore_tier: "Standard".to_owned(),
            credentials: None,
            links: false,
            part_bytes: S3_PART_MIN_BYTES,
            patience: Patience::default(),
        }
    }

    /// Where it is, for people.
    pub(super) fn shown(&self) -> String {
        let place = self.endpoint.as_deref().unwrap_or("s3");
        match &*self.prefix {
            "" => format!("{place}/{}", self.bucket),
            prefix => format!("{place}/{}/{prefix}", self.bucket),
        }
    }

    pub(super) fn class(&self) -> Option<StorageClass> {
        self.storage_class.as_deref().map(StorageClass::from)
    }

    /// Bytes of each part but the last, of an object of that length: all equal, and not too many of them.
    pub(super) fn part_bytes_for(&self, length: Option<u64>) -> Result<u64, Error> {
        assert!(self.part_bytes.is_multiple_of(HASH_BLOCK_BYTES), "what is read again lies within a part");
        let Some(length) = length else {
            // Twice as much as may be needed, so that there is room for what no one has announced.
            return Ok((2 * self.part_bytes).min(S3_PART_MAX_BYTES));
        };
        let needed = length.div_ceil(S3_PARTS_PLANNED).next_multiple_of(HASH_BLOCK_BYTES);
        if needed > S3_PART_MAX_BYTES {
            return Err(Error::TooLong { max: S3_PART_MAX_BYTES * S3_PARTS_PLANNED });
        }
        Ok(needed.max(self.part_bytes))
    }

    /// A client for it. Nothing is said to the server yet.
    pub(super) async fn client(&self) -> Client {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let found = self.look_around(http).await;
        let endpoint = self.endpoint.clone().or_else(|| found.endpoint_url().map(str::to_owned));
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(self.patience.connect)
            .operation_attempt_timeout(self.patience.attempt)
            .build();
        let mut config = Builder::from(&found)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(self.patience.attempts))
            // Not every server knows the newer checksums; the signature covers every byte anyway.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            // By host name a bucket is found at Amazon only.
            .force_path_style(endpoint.is_some());
        config.set_endpoint_url(endpoint);
        Client::from_conf(config.build())
    }

    async fn look_around(&self, http: SharedHttpClient) -> SdkConfig {
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http);
        if let Some(S3Credentials { access_key, secret_key }) = &self.credentials {
            loader =
                loader.credentials_provider(Credentials::new(access_key, secret_key, None, None, "settings"));
        }
        if let Some(region) = &self.region {
            loader = loader.region(Region::new(region.clone()));
        } else if self.endpoint.is_some() {
            // Not Amazon's, so no machine of Amazon's is asked where it stands.
            loader = loader.region(
                RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
                    .or_else(ProfileFileRegionProvider::new())
                    .or_else(Region::from_static(ANY_REGION)),
            );
        }
        loader.load().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn parts_grow_with_the_object_and_are_never_too_many() {
        let settings = S3Settings::bucket("b");
        assert_eq!(settings.part_bytes_for(Some(0)).unwrap(), 8 * MIB);
        assert_eq!(settings.part_bytes_for(Some(8 * MIB * S3_PARTS_PLANNED)).unwrap(), 8 * MIB);
        assert_eq!(settings.part_bytes_for(Some(8 * MIB * S3_PARTS_PLANNED + 1)).unwrap(), 9 * MIB);
        assert_eq!(settings.part_bytes_for(None).unwrap(), 16 * MIB);
        let max = S3_PART_MAX_BYTES * S3_PARTS_PLANNED;
        assert_eq!(settings.part_bytes_for(Some(max)).unwrap(), S3_PART_MAX_BYTES);
        assert!(
            matches!(settings.part_bytes_for(Some(max + 1)), Err(Error::TooLong { max: told }) if told == max)
        );
    }

    #[test]
    fn a_secret_is_not_shown() {
        let credentials = S3Credentials { access_key: "public".into(), secret_key: "s3cret".into() };
        let settings = S3Settings { credentials: Some(credentials), ..S3Settings::bucket("b") };
        assert!(!format!("{settings:?}").contains("s3cret"));
    }
}
