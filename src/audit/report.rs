//! What an audit found.

use std::fmt;

use serde::Serialize;

/// Findings of one subject kept whole; beyond these they are only counted, so that a destroyed log gives a readable
/// report and no kind of damage hides another.
const FINDINGS_KEPT: usize = 20;

/// The kind of thing that is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// The bytes of a record, or what they say.
    Record,
    /// A stored leaf hash.
    Leaf,
    /// The order of records: positions, versions in streams, times.
    Order,
    /// Records that were there when a checkpoint was signed.
    Tail,
    /// A column that repeats part of a record.
    Column,
    /// The head row.
    Head,
    /// A Merkle tile.
    Tile,
    /// A signed checkpoint, or a root that is not what it signed.
    Checkpoint,
    /// A signed statement inside an event.
    Receipt,
    /// A summary of blobs that were read again.
    Scrub,
    /// A deletion that nothing allowed, or that something stood in the way of.
    Deletion,
    /// An act of somebody who had no right to it then.
    Authority,
    /// A row of a view.
    View,
    /// A document.
    Document,
    /// The bytes of a blob.
    Blob,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Record => "record",
            Self::Leaf => "leaf",
            Self::Order => "order",
            Self::Tail => "tail",
            Self::Column => "column",
            Self::Head => "head",
            Self::Tile => "tile",
            Self::Checkpoint => "checkpoint",
            Self::Receipt => "receipt",
            Self::Scrub => "scrub",
            Self::Deletion => "deletion",
            Self::Authority => "authority",
            Self::View => "view",
            Self::Document => "document",
            Self::Blob => "blob",
        })
    }
}

/// One thing that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind of thing.
    pub subject: Subject,
    /// Where: a position, a digest, a table and key.
    pub at: String,
    /// What is wrong.
    pub detail: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.subject, self.at, self.detail)
    }
}

/// What was looked at, and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Events verified.
    pub events: u64,
    /// Merkle root over them, lowercase hex.
    pub root: String,
    /// Checkpoints whose signature and root were verified.
    pub checkpoints: u64,
    /// Size in the newest of them.
    pub checkpoint_size: Option<u64>,
    /// The signed note of that one: for an auditor to keep.
    pub checkpoint_note: Option<String>,
    /// Receipts whose signature was verified.
    pub receipts: u64,
    /// Deletions of packages that were looked at.
    pub deletions: u64,
    /// Those of them about which documents were asked too: the plan that names it, the selectors of holds.
    pub deletions_by_documents: u64,
    /// View tables compared with the log; none where only the log could be seen.
    pub view_tables: u64,
    /// Documents hashed again.
    pub documents: u64,
    /// Blobs looked at.
    pub blobs: u64,
    /// Those of them that were not read, since they would have to be retrieved from an archive: they are there, and have their
    /// size.
    pub blobs_archived: u64,
    /// Bytes of blobs that were read and hashed again; 0 in a quick audit.
    pub blob_bytes_hashed: u64,
    /// The first findings of each subject.
    pub findings: Vec<Finding>,
    /// All findings, counted.
    pub findings_total: u64,
    /// The first things that could not be decided, since a document is not there.
    pub undecided: Vec<Finding>,
    /// All of them, counted.
    pub undecided_total: u64,
}

impl Report {
    /// Whether nothing was found. Something may be undecided nevertheless: see [`Self::is_decided`].
    pub const fn is_clean(&self) -> bool {
        self.findings_total == 0
    }

    /// Whether everything could be decided.
    pub const fn is_decided(&self) -> bool {
        self.undecided_total == 0
    }

    pub(super) fn cannot_decide(&mut self, subject: Subject, at: impl ToString, detail: impl ToString) {
        self.undecided_total += 1;
        if self.undecided.len() < FINDINGS_KEPT {
            self.undecided.push(Finding { subject, at: at.to_string(), detail: detail.to_string() });
        }
    }

    pub(super) fn find(&mut self, subject: Subject, at: impl ToString, detail: impl ToString) {
        self.findings_total += 1;
        if self.findings.iter().filter(|finding| finding.subject == subject).count() < FINDINGS_KEPT {
            self.findings.push(Finding { subject, at: at.to_string(), detail: detail.to_string() });
        }
    }
}
