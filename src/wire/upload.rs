//! `POST /v1/repositories/{name}/-/uploads`: opening a batch of uploads, and what `/data` answers to bytes.
//!
//! For each wanted blob, in the order asked: `present` (nothing to send) or `upload` (where, and with what grant).
//! A blob of at most `small_max` bytes may go in one `PUT` to `/data/blobs`, and many of them together in one `POST`
//! there; any blob may go as a tus session.

use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::secret::Secret;
use super::time::Timestamp;
use crate::kernel::digest::{Blake3, Digest, Sha256};

/// What to open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenUploads {
    /// At most 1,000.
    pub blobs: Vec<WantedBlob>,
}

/// A blob that the client has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedBlob {
    /// Its digest, if known; then the content must match it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub digest: Option<Digest>,
    /// Its length in bytes, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OpenedUploads {
    /// One for each that was asked, in that order.
    pub blobs: Vec<OpenedBlob>,
    /// Bytes that one `PUT` to `/data/blobs` may have.
    pub small_max: u64,
    /// How many such blobs may come together in one `POST` to `/data/blobs`; absent where that is not spoken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub together: Option<Together>,
}

/// What one `POST` to `/data/blobs` may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Together {
    /// So many blobs.
    pub blobs: u64,
    /// In a body of so many bytes.
    pub bytes: u64,
}

/// What is to be done about one blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum OpenedBlob {
    /// It is there already.
    Present {
        /// As asked for.
        #[schema(value_type = String)]
        digest: Digest,
    },
    /// It is to be sent.
    Upload {
        /// The tus creation URL, absolute or relative to the address that was asked.
        href: String,
        /// The permission, for `Authorization: Bearer` at the data plane.
        #[schema(value_type = String)]
        grant: Secret,
        /// When the grant ends; open again for another.
        #[schema(value_type = String, format = DateTime)]
        expires_at: Timestamp,
    },
}

/// The answer to `PUT /data/blobs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StoredBlob {
    /// Its primary address.
    #[schema(value_type = String)]
    pub digest: Blake3,
    /// Its alias.
    #[schema(value_type = String)]
    pub sha256: Sha256,
    /// Its length in bytes.
    pub size: u64,
    /// The signed statement that it is stored, for the control plane.
    #[schema(value_type = String)]
    pub receipt: Secret,
}

/// The media type of the body of `POST /data/blobs`: a CBOR sequence (RFC 8742) of
/// `{ "grant": text, "content": bytes }`, canonical.
pub const BATCH_MEDIA_TYPE: &str = "application/cbor-seq";

/// The answer to `POST /data/blobs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StoredBlobs {
    /// One for each that came, in that order.
    pub blobs: Vec<BatchedBlob>,
}

/// What became of one blob.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum BatchedBlob {
    /// It is stored, as after a `PUT`.
    Stored(StoredBlob),
    /// It is not.
    Refused {
        /// Why, as a `PUT` of it alone would be answered.
        problem: Problem,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_own_members() {
        let text = r#"{"blobs":[{"status":"upload","href":"/data/uploads","grant":"g","expires_at":"2026-01-01T00:00:00Z"}],"small_max":1}"#;
        let opened: OpenedUploads = serde_json::from_str(text).unwrap();
        assert!(matches!(&opened.blobs[0], OpenedBlob::Upload { grant, .. } if grant.reveal() == "g"));
        assert!(!format!("{opened:?}").contains("\"g\""));
        assert!(serde_json::from_str::<OpenUploads>(r#"{"blobs":[{"digest":"md5:00"}]}"#).is_err());
    }
}
