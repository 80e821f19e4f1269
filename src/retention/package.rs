//! What is known of a package when policies are evaluated.

use crate::kernel::digest::Blake3;
use crate::kernel::id::{RepositoryName, Tag};
use crate::kernel::manifest::Annotations;
use crate::kernel::tier::Tier;

/// A package, as the log says it is at one position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Where.
    pub repository: RepositoryName,
    /// Its primary address.
    pub digest: Blake3,
    /// Media type of its manifest.
    pub media_type: String,
    /// What kind of package it says it is.
    pub artifact_type: Option<String>,
    /// What its manifest is annotated with. None: the document was not loaded, or it was erased.
    pub annotations: Option<Annotations>,
    /// The tags that name it.
    pub tags: Vec<TagOf>,
    /// Bytes of its blobs together.
    pub size_bytes: u64,
    /// When it was accepted, in milliseconds since the epoch; so for all times here.
    pub accepted_at_ms: u64,
    /// When its clock started: when it was accepted, or when the last event hold that covered it was released.
    pub clock_start_ms: u64,
    /// The last day, in days since the epoch, on which someone was given it to read.
    pub last_read_day: Option<u64>,
    /// Until when a governance lock is recorded.
    pub governance_until_ms: Option<u64>,
    /// Until when a compliance lock is recorded.
    pub compliance_until_ms: Option<u64>,
    /// Governance locks up to this time were bypassed.
    pub bypassed_until_ms: Option<u64>,
    /// How near it is to be.
    pub tier: Tier,
    /// What it costs to take its blobs out of stores of each tier, the nearest first: bytes times the days for which they are
    /// charged there yet.
    pub early_byte_days: [u64; Tier::ALL.len()],
    /// Pins on it, by name.
    pub pins: Vec<String>,
    /// Holds that cover it, by name.
    pub holds: Vec<String>,
    /// Indexes of its repository that list it and were not deleted.
    pub listed_by: Vec<Blake3>,
    /// The manifest that it is about, if that was not deleted.
    pub subject: Option<Blake3>,
}

/// A tag that names a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagOf {
    /// Its name.
    pub tag: Tag,
    /// When it was last set.
    pub set_at_ms: u64,
}

/// What of a package never changes.
#[derive(Debug, Clone, Copy)]
pub struct Properties<'a> {
    /// Where.
    pub repository: &'a RepositoryName,
    /// Media type of its manifest.
    pub media_type: &'a str,
    /// What kind of package it says it is.
    pub artifact_type: Option<&'a str>,
    /// What its manifest is annotated with; none if that is not known.
    pub annotations: Option<&'a Annotations>,
    /// When it was accepted.
    pub accepted_at_ms: u64,
}

impl Package {
    /// One that is accepted at that time and is nothing yet: for whoever says what it is.
    pub fn new(repository: RepositoryName, digest: Blake3, media_type: String, accepted_at_ms: u64) -> Self {
        Self {
            repository,
            digest,
            media_type,
            artifact_type: None,
            annotations: None,
            tags: Vec::new(),
            size_bytes: 0,
            accepted_at_ms,
            clock_start_ms: accepted_at_ms,
            last_read_day: None,
            governance_until_ms: None,
            compliance_until_ms: None,
            bypassed_until_ms: None,
            tier: Tier::Hot,
            early_byte_days: [0; Tier::ALL.len()],
            pins: Vec::new(),
            holds: Vec::new(),
            listed_by: Vec::new(),
            subject: None,
        }
    }

    /// What of it never changes.
    pub fn properties(&self) -> Properties<'_> {
        Properties {
            repository: &self.repository,
            media_type: &self.media_type,
            artifact_type: self.artifact_type.as_deref(),
            annotations: self.annotations.as_ref(),
            accepted_at_ms: self.accepted_at_ms,
        }
    }

    /// Whether it is no part of an index that is there, and not about another package that is there.
    pub fn stands_alone(&self) -> bool {
        self.listed_by.is_empty() && self.subject.is_none()
    }
}
