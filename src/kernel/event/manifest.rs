//! `manifest.accepted`, `manifest.read-granted`.
//!
//! ```text
//! manifest.accepted     = { "repository": text, "blake3": bytes .size 32, "sha256": bytes .size 32, "size": uint,
//!                           "media": text, ? "artifact": text, ? "subject": bytes .size 32,
//!                           ? "oci-sha256": bytes .size 32, ? "oci-size": uint, "blobs": uint, "bytes": uint }
//! manifest.read-granted = { "repository": text, "blake3": bytes .size 32, "day": uint (days since the epoch) }
//! ```
//! The rendering for OCI clients is frozen here by its digest, so that it can never change under a signature.

use super::{Data, Fields, RepositoryName, Value, cbor, map, text};
use crate::kernel::digest::{Blake3, Sha256};

/// A package was accepted: its manifest is a document, all that it references is live and linked here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestAccepted {
    /// Where.
    pub repository: RepositoryName,
    /// The manifest's primary address.
    pub blake3: Blake3,
    /// Its alias.
    pub sha256: Sha256,
    /// Its length.
    pub size_bytes: u64,
    /// Its media type.
    pub media_type: String,
    /// What kind of package it says it is.
    pub artifact_type: Option<String>,
    /// The manifest that it is about.
    pub subject: Option<Blake3>,
    /// SHA-256 of its frozen OCI rendering (none where the manifest itself is OCI JSON).
    pub oci_sha256: Option<Sha256>,
    /// Length of that rendering.
    pub oci_size_bytes: Option<u64>,
    /// Distinct blobs that it references, the config among them.
    pub blobs: u64,
    /// Bytes of those blobs together.
    pub blobs_bytes: u64,
}

impl Data for ManifestAccepted {
    const TYPE: &'static str = "manifest.accepted";

    fn write(&self) -> Vec<(String, Value)> {
        map([
            ("repository", text(&self.repository)),
            ("blake3", Some(Value::Bytes(self.blake3.as_bytes().to_vec()))),
            ("sha256", Some(Value::Bytes(self.sha256.as_bytes().to_vec()))),
            ("size", Some(Value::Unsigned(self.size_bytes))),
            ("media", text(&self.media_type)),
            ("artifact", self.artifact_type.as_ref().map(Value::text)),
            ("subject", self.subject.map(|digest| Value::Bytes(digest.as_bytes().to_vec()))),
            ("oci-sha256", self.oci_sha256.map(|digest| Value::Bytes(digest.as_bytes().to_vec()))),
            ("oci-size", self.oci_size_bytes.map(Value::Unsigned)),
            ("blobs", Some(Value::Unsigned(self.blobs))),
            ("bytes", Some(Value::Unsigned(self.blobs_bytes))),
        ])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            repository: fields.parse("repository")?,
            blake3: Blake3::new(fields.array_32("blake3")?),
            sha256: Sha256::new(fields.array_32("sha256")?),
            size_bytes: fields.unsigned("size")?,
            media_type: fields.parse("media")?,
            artifact_type: fields.parse_optional("artifact")?,
            subject: fields.array_32_optional("subject")?.map(Blake3::new),
            oci_sha256: fields.array_32_optional("oci-sha256")?.map(Sha256::new),
            oci_size_bytes: fields.unsigned_optional("oci-size")?,
            blobs: fields.unsigned("blobs")?,
            blobs_bytes: fields.unsigned("bytes")?,
        })
    }
}

/// Someone was given a package to read: once for an actor, a package and a day. The custody trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestReadGranted {
    /// Where it lies.
    pub repository: RepositoryName,
    /// Which one.
    pub blake3: Blake3,
    /// The day in UTC, in days since the Unix epoch.
    pub day: u64,
}

impl Data for ManifestReadGranted {
    const TYPE: &'static str = "manifest.read-granted";

    fn write(&self) -> Vec<(String, Value)> {
        map([
            ("repository", text(&self.repository)),
            ("blake3", Some(Value::Bytes(self.blake3.as_bytes().to_vec()))),
            ("day", Some(Value::Unsigned(self.day))),
        ])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            repository: fields.parse("repository")?,
            blake3: Blake3::new(fields.array_32("blake3")?),
            day: fields.unsigned("day")?,
        })
    }
}
