//! The log by itself: every record canonical, every leaf, every version, and the root against signed checkpoints.
//!
//! Needs nothing but the records in order and the checkpoints, so a remote auditor with `log:read` can do all of it.
//! Keys are taken from the log (`key.added`), and so is when they end (`key.retired`): what a key signed before stays
//! valid, and a receipt or a checkpoint that it signed later is a finding. An auditor who noted a checkpoint earlier
//! hands it in ([`Verifier::expect_noted`]), and learns if the log is no longer a continuation of it.
//!
//! Memory: about 50 bytes for each event and stream, to find repeated ids and versions out of order, and what `scrubs`,
//! `deletions`, `erasures` and `authority` need.

use std::collections::{BTreeMap, HashMap, HashSet};

use uuid::Uuid;

use super::authority::Rights;
use super::deletions::{Deletions, Question};
use super::erasures::Erasures;
use super::report::{Report, Subject};
use super::scrubs::Blobs;
use crate::contract::{self, KeyRing, Outcome, Receipt, Reported, VerifyingKey};
use crate::kernel::checkpoint::{self, Checkpoint};
use crate::kernel::event::{BlobCorrupt, BlobLinked, BlobMoved, BlobStored, Damage, Event, Fact, KeyKind};
use crate::kernel::id::{KeyId, StreamName};
use crate::kernel::merkle::{Frontier, Hash, leaf_hash};

const SAYS_SOMETHING_ELSE: &str = "the event says something else than the receipt in it";

const NOT_AS_REPORTED: &str = "the event says something else than the report in it";

/// Verifies records as they come.
pub struct Verifier {
    frontier: Frontier,
    last_at_ms: u64,
    ids: HashSet<Uuid>,
    streams: HashMap<StreamName, u64>,
    keys: KeyRing,
    checkpoint_keys: Vec<[u8; 32]>,
    /// Checkpoint keys that were retired: at which position.
    retired_at: HashMap<KeyId, u64>,
    notes: BTreeMap<u64, Vec<Noted>>,
    blobs: Blobs,
    deletions: Deletions,
    erasures: Erasures,
    rights: Rights,
    report: Report,
}

/// A checkpoint that waits for its size to be reached, and then for its key to be known.
struct Noted {
    note: String,
    claims: Checkpoint,
    root: Option<Hash>,
    /// Whether the log showed it now, or an auditor had it from earlier.
    from: Sight,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sight {
    Log,
    Auditor,
}

/// A record that could be read.
#[derive(Debug)]
pub struct Verified {
    /// Its place.
    pub position: u64,
    /// Its hash.
    pub leaf: Hash,
    /// What it says. None if it could not be decoded.
    pub event: Option<Event>,
}

impl Default for Verifier {
    fn default() -> Self {
        Self::new()
    }
}

impl Verifier {
    /// Of an empty log.
    pub fn new() -> Self {
        Self {
            frontier: Frontier::new(),
            last_at_ms: 0,
            ids: HashSet::new(),
            streams: HashMap::new(),
            keys: KeyRing::of([]),
            checkpoint_keys: Vec::new(),
            retired_at: HashMap::new(),
            notes: BTreeMap::new(),
            blobs: Blobs::default(),
            deletions: Deletions::default(),
            erasures: Erasures::default(),
            rights: Rights::default(),
            report: Report::default(),
        }
    }

    /// Expects the log to be what this note says, when its size is reached. Hand in all notes before the records.
    pub fn expect(&mut self, note: &str) {
        match Checkpoint::read_unverified(note) {
            Ok(claims) => self.wait_for(note, claims, Sight::Log),
            Err(error) => self.report.find(Subject::Checkpoint, "unreadable", error),
        }
    }

    /// Expects the log to continue a checkpoint that an auditor noted earlier. That is proven by replay: the root over
    /// the records up to its size has to be the one that was noted.
    ///
    /// # Errors
    /// If it is no checkpoint: that says nothing about the log.
    pub fn expect_noted(&mut self, note: &str) -> Result<(), checkpoint::Error> {
        self.wait_for(note, Checkpoint::read_unverified(note)?, Sight::Auditor);
        Ok(())
    }

    fn wait_for(&mut self, note: &str, claims: Checkpoint, from: Sight) {
        // An empty log is signed before the key that signs it can be added to it.
        let root = (claims.size == 0).then(|| self.frontier.root());
        let noted = Noted { note: note.to_owned(), root, claims, from };
        self.notes.entry(noted.claims.size).or_default().push(noted);
    }

    /// Records verified so far.
    pub const fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root over them.
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// `at` of the last record that could be read.
    pub const fn last_at_ms(&self) -> u64 {
        self.last_at_ms
    }

    /// The right edge of the tree over them.
    pub const fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Takes the next record.
    pub fn push(&mut self, record: &[u8]) -> Verified {
        let position = self.frontier.size();
        let leaf = leaf_hash(record);
        self.frontier.push(leaf);
        self.report.events += 1;
        let event = match Event::decode(record) {
            Ok(event) => {
                self.check_order(position, &event);
                self.check_fact(position, &event);
                Some(event)
            }
            Err(error) => {
                self.report.find(Subject::Record, position, error);
                None
            }
        };
        let root = self.frontier.root();
        for noted in self.notes.get_mut(&self.frontier.size()).into_iter().flatten() {
            noted.root = Some(root);
        }
        Verified { position, leaf, event }
    }

    fn check_order(&mut self, position: u64, event: &Event) {
        if event.at_ms < self.last_at_ms {
            let detail =
                format!("its time {} is before that of the record before, {}", event.at_ms, self.last_at_ms);
            self.report.find(Subject::Order, position, detail);
        }
        self.last_at_ms = self.last_at_ms.max(event.at_ms);
        if !self.ids.insert(event.id.0) {
            self.report.find(
                Subject::Order,
                position,
                format!("event id {} stands in the log twice", event.id),
            );
        }
        let expected = self.streams.get(&event.stream).map_or(0, |version| version + 1);
        if event.seq != expected {
            let detail = format!("version {} of stream {}, expected {expected}", event.seq, event.stream);
            self.report.find(Subject::Order, position, detail);
        }
        self.streams.insert(event.stream.clone(), event.seq);
    }

    fn check_fact(&mut self, position: u64, event: &Event) {
        match &event.fact {
            Fact::KeyAdded(added) => match VerifyingKey::from_public(added.kind, &added.public) {
                Some(key) if key.id() == added.key => {
                    if added.kind == KeyKind::Checkpoint {
                        self.checkpoint_keys.push(added.public);
                    }
                    self.keys.insert(key);
                }
                _ => self.report.find(
                    Subject::Record,
                    position,
                    format!("key {} is not its public key", added.key),
                ),
            },
            Fact::KeyRetired(retired) => {
                self.keys.retire(&retired.key, event.at_ms);
                self.retired_at.entry(retired.key.clone()).or_insert(position);
            }
            Fact::BlobStored(stored) => self.check_stored(position, stored),
            Fact::BlobLinked(linked) => self.check_linked(position, linked),
            Fact::BlobCorrupt(corrupt) => self.check_corrupt(position, corrupt),
            Fact::BlobMoved(moved) => self.check_moved(position, moved),
            Fact::BlobVerified(verified) => {
                if let Some(detail) = self.blobs.check(verified) {
                    self.report.find(Subject::Scrub, position, detail);
                }
            }
            _ => {}
        }
        for detail in self.rights.check(event) {
            self.report.find(Subject::Authority, position, detail);
        }
        self.rights.fold(event);
        for detail in self.erasures.check(event, &self.deletions) {
            self.report.find(Subject::Deletion, position, detail);
        }
        self.erasures.fold(event);
        for detail in self.deletions.check(position, event) {
            self.report.find(Subject::Deletion, position, detail);
        }
        self.report.deletions += u64::from(matches!(event.fact, Fact::ManifestDeleted(_)));
        self.deletions.fold(position, event);
        self.blobs.fold(position, event.at_ms, &event.fact);
    }

    fn receipt(&mut self, position: u64, text: &str) -> Option<Receipt> {
        match Receipt::decode(text, &self.keys) {
            Ok(receipt) => {
                self.report.receipts += 1;
                Some(receipt)
            }
            Err(error) => {
                self.report.find(Subject::Receipt, position, error);
                None
            }
        }
    }

    fn check_linked(&mut self, position: u64, linked: &BlobLinked) {
        let Some(receipt) = linked.receipt.as_deref().and_then(|text| self.receipt(position, text)) else {
            return;
        };
        if receipt.digests.blake3 != linked.blake3 || receipt.repository != linked.repository {
            self.report.find(Subject::Receipt, position, SAYS_SOMETHING_ELSE);
        }
    }

    fn check_stored(&mut self, position: u64, stored: &BlobStored) {
        let Some(receipt) = self.receipt(position, &stored.receipt) else { return };
        let same = receipt.digests.blake3 == stored.blake3
            && receipt.digests.sha256 == stored.sha256
            && receipt.size_bytes == stored.size_bytes
            && receipt.store == stored.store
            && receipt.object == stored.object
            && receipt.repository == stored.repository
            && receipt.node == stored.node;
        if !same {
            self.report.find(Subject::Receipt, position, SAYS_SOMETHING_ELSE);
        }
    }

    fn check_corrupt(&mut self, position: u64, corrupt: &BlobCorrupt) {
        for blob in &corrupt.blobs {
            let report = match contract::Report::decode(&blob.report, &self.keys) {
                Ok(report) => report,
                Err(error) => {
                    self.report.find(Subject::Receipt, position, error);
                    continue;
                }
            };
            self.report.receipts += 1;
            let found = match report.outcome {
                Outcome::Corrupt(_) => Some(Damage::Corrupt),
                Outcome::Missing => Some(Damage::Missing),
                Outcome::Done
                | Outcome::Failed(_)
                | Outcome::Archived
                | Outcome::Restoring
                | Outcome::Available { .. } => None,
            };
            let same = report.store == corrupt.store
                && report.object == blob.object
                && report.task == Reported::Verify(blob.blake3)
                && found == Some(blob.found);
            if !same {
                self.report.find(Subject::Receipt, position, NOT_AS_REPORTED);
            }
        }
    }

    fn check_moved(&mut self, position: u64, moved: &BlobMoved) {
        if !self.blobs.lies_at(&moved.blake3, &moved.from_store, &moved.from_object) {
            let detail = format!(
                "blob {} was moved from object {} of store {}, which it did not have",
                moved.blake3, moved.from_object, moved.from_store
            );
            self.report.find(Subject::Record, position, detail);
        }
        let report = match contract::Report::decode(&moved.report, &self.keys) {
            Ok(report) => report,
            Err(error) => return self.report.find(Subject::Receipt, position, error),
        };
        self.report.receipts += 1;
        let copied = Reported::Move {
            blake3: moved.blake3,
            to_store: moved.store.clone(),
            to_object: moved.object.clone(),
        };
        let same = report.store == moved.from_store
            && report.object == moved.from_object
            && report.node == moved.node
            && report.task == copied
            && report.outcome == Outcome::Done;
        if !same {
            self.report.find(Subject::Receipt, position, NOT_AS_REPORTED);
        }
    }

    /// Ends: compares every checkpoint that was handed in.
    pub fn finish(mut self) -> Report {
        self.report.root = hex::encode(self.frontier.root());
        let mut last_good = 0;
        for (size, notes) in std::mem::take(&mut self.notes) {
            for noted in notes {
                if self.check_note(&noted, last_good) {
                    last_good = size;
                    self.report.checkpoints += 1;
                    self.report.checkpoint_size = Some(size);
                    self.report.checkpoint_note = Some(noted.note.clone());
                }
            }
        }
        self.report
    }

    fn check_note(&mut self, noted: &Noted, last_good: u64) -> bool {
        let (size, events) = (noted.claims.size, self.frontier.size());
        let whose = match noted.from {
            Sight::Log => "a checkpoint signed",
            Sight::Auditor => "the checkpoint that was noted earlier signed",
        };
        let signer = match Checkpoint::verify_signer(&noted.note, &self.checkpoint_keys) {
            Ok((_, public)) => KeyId::of(&public),
            Err(error) => {
                let detail = match noted.from {
                    Sight::Log => error.to_string(),
                    Sight::Auditor => format!(
                        "the checkpoint that was noted earlier: {error} of this log, so this log is not the one \
                         that was noted, or was made anew"
                    ),
                };
                self.report.find(Subject::Checkpoint, size, detail);
                return false;
            }
        };
        let (subject, at, detail) = match (noted.root, self.retired_at.get(&signer)) {
            (None, _) => {
                let detail = format!("{whose} {size} events, the log has {events}: its tail is missing");
                (Subject::Tail, events, detail)
            }
            (Some(root), _) if root != noted.claims.root => {
                let what = match noted.from {
                    Sight::Log => "the root is not what was signed",
                    Sight::Auditor => {
                        "the root is not that of the checkpoint that was noted earlier: the log is forked"
                    }
                };
                let detail = format!("{what}: something in positions {last_good}..{size} changed");
                (Subject::Checkpoint, size, detail)
            }
            (Some(_), Some(retired)) if size > *retired => {
                let detail = format!("key {signer} signed it, which was retired at position {retired}");
                (Subject::Checkpoint, size, detail)
            }
            (Some(_), _) => return true,
        };
        self.report.find(subject, at, detail);
        false
    }

    /// What of deletions only documents can tell, since this was asked last.
    pub(super) fn questions(&mut self) -> Vec<Question> {
        self.deletions.questions()
    }

    pub(super) const fn report_mut(&mut self) -> &mut Report {
        &mut self.report
    }
}
