//! The tables of the log, row by row: every column against its record, every tile against the leaves.

use std::collections::HashMap;

use sqlx::{PgConnection, Row as _};

use super::deletions::Evidence;
use super::log::Verifier;
use super::report::Subject;
use super::server::Progress;
use crate::kernel::digest::{Blake3, Sha256};
use crate::kernel::event::{Authority, Event, Fact, ManifestDeleted};
use crate::kernel::id::{ObjectKey, StoreName};
use crate::log::tiles::{Edge, Tile};

/// Rows read at once: some megabytes.
const PAGE_ROWS: i64 = 5_000;

/// What the log says should exist elsewhere.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// Objects that were stored, and neither discarded nor given up since.
    pub(super) objects: HashMap<(StoreName, ObjectKey), Stored>,
    /// Documents that must exist, with the position of the event that names them.
    pub(super) documents: Vec<(u64, Blake3)>,
    /// Frozen renderings that must exist.
    pub(super) renderings: Vec<(u64, Sha256)>,
    /// Documents that must not, with the position of the event that erased them.
    pub(super) erased: HashMap<Blake3, (u64, Sha256)>,
}

/// What an object must hold.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) position: u64,
    pub(super) blake3: Blake3,
    pub(super) sha256: Sha256,
    pub(super) size_bytes: u64,
    /// The event that says it is damaged, if one does.
    pub(super) damaged_at: Option<u64>,
}

struct Row {
    position: i64,
    stream: String,
    seq: i64,
    event_id: uuid::Uuid,
    r#type: String,
    repository: Option<String>,
    recorded_at: i64,
    record: Vec<u8>,
    leaf_hash: Vec<u8>,
}

/// Pushes every row of the log up to `size` through the verifier.
pub(super) async fn check(
    snapshot: &mut PgConnection,
    size: u64,
    verifier: &mut Verifier,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Claims, sqlx::Error> {
    let mut claims = Claims::default();
    let mut edge = Edge::new();
    let mut evidence = Evidence::default();
    let mut unlike_leaf = Vec::new();
    let mut next = 0_i64;
    loop {
        let rows = sqlx::query_file_as!(Row, "src/audit/sql/rows_page.sql", next, PAGE_ROWS)
            .fetch_all(&mut *snapshot)
            .await?;
        let Some(last) = rows.last() else { break };
        let after = last.position + 1;
        let mut tiles = Vec::new();
        for row in rows {
            if row.position != next {
                let detail = format!("positions {next}..{} are missing", row.position);
                verifier.report_mut().find(Subject::Order, next, detail);
            }
            next = row.position + 1;
            let verified = verifier.push(&row.record);
            if row.leaf_hash != verified.leaf {
                unlike_leaf.push(row.position);
            }
            tiles.extend(edge.push(verified.leaf));
            if let Some(event) = verified.event {
                check_columns(verifier, &row, &event);
                claims.take(row.position.unsigned_abs(), event.fact);
            }
        }
        next = after;
        evidence.settle(snapshot, verifier).await?;
        check_tiles(snapshot, verifier, &tiles).await?;
        progress(Progress { step: "log", done: verifier.size(), total: size });
    }
    let found = next.unsigned_abs();
    if found < size {
        let detail = format!("the head says {size} events, the log ends after {found}: its tail is missing");
        verifier.report_mut().find(Subject::Tail, found, detail);
    }
    name_unlike(verifier, &unlike_leaf);
    Ok(claims)
}

/// A record that does not have its stored leaf hash: one of the two was changed.
fn name_unlike(verifier: &mut Verifier, positions: &[i64]) {
    for position in positions {
        let detail = "the record does not hash to its leaf: one of the two was changed";
        verifier.report_mut().find(Subject::Record, position, detail);
        verifier.report_mut().find(Subject::Leaf, position, detail);
    }
}

fn check_columns(verifier: &mut Verifier, row: &Row, event: &Event) {
    let differing = [
        ("stream", row.stream != event.stream.as_str()),
        ("seq", row.seq.unsigned_abs() != event.seq || row.seq < 0),
        ("event_id", row.event_id != event.id.0),
        ("type", row.r#type != event.fact.type_name()),
        ("repository", row.repository.as_deref() != event.fact.repository().map(|name| name.as_str())),
        ("recorded_at", row.recorded_at.unsigned_abs() != event.at_ms || row.recorded_at < 0),
    ];
    for (column, _) in differing.iter().filter(|(_, differs)| *differs) {
        let at = format!("{} of position {}", column, row.position);
        verifier.report_mut().find(Subject::Column, at, "the column says something else than the record");
    }
}

impl Claims {
    fn take(&mut self, position: u64, fact: Fact) {
        match fact {
            Fact::BlobStored(stored) => {
                let claim = Stored {
                    position,
                    blake3: stored.blake3,
                    sha256: stored.sha256,
                    size_bytes: stored.size_bytes,
                    damaged_at: None,
                };
                self.objects.insert((stored.store, stored.object), claim);
            }
            Fact::ObjectDiscarded(discarded) => {
                self.objects.remove(&(discarded.store, discarded.object));
            }
            Fact::BlobMoved(moved) => {
                // A blob that was not there is another finding.
                if let Some(before) = self.objects.remove(&(moved.from_store, moved.from_object)) {
                    let claim = Stored { position, damaged_at: None, ..before };
                    self.objects.insert((moved.store, moved.object), claim);
                }
            }
            Fact::BlobCorrupt(corrupt) => {
                for blob in corrupt.blobs {
                    if let Some(claim) = self.objects.get_mut(&(corrupt.store.clone(), blob.object)) {
                        claim.damaged_at.get_or_insert(position);
                    }
                }
            }
            Fact::BlobVerified(verified) if !verified.restored.is_empty() => {
                let restored = |claim: &&mut Stored| verified.restored.contains(&claim.blake3);
                self.objects.values_mut().filter(restored).for_each(|claim| claim.damaged_at = None);
            }
            Fact::ManifestAccepted(accepted) => {
                self.documents.push((position, accepted.blake3));
                self.renderings.extend(accepted.oci_sha256.map(|digest| (position, digest)));
            }
            // From here on it is absent, and its object may be there or not.
            Fact::BlobDeletionStarted(started) => {
                self.objects.remove(&(started.store, started.object));
            }
            Fact::DocumentErased(erased) => {
                self.documents.push((position, erased.statement));
                self.erased.entry(erased.document).or_insert((position, erased.sha256));
            }
            Fact::ManifestDeleted(ManifestDeleted {
                authority: Authority::Erasure { statement }, ..
            }) => {
                self.documents.push((position, statement));
            }
            Fact::PinSet(set) => self.documents.push((position, set.statement)),
            Fact::PolicySet(set) => self.documents.push((position, set.document)),
            Fact::PlanSubmitted(submitted) => self.documents.push((position, submitted.plan)),
            Fact::PinReleased(released) => self.documents.push((position, released.statement)),
            _ => {}
        }
    }
}

async fn check_tiles(
    snapshot: &mut PgConnection,
    verifier: &mut Verifier,
    expected: &[Tile],
) -> Result<(), sqlx::Error> {
    for tile in expected {
        let level = i16::try_from(tile.level).expect("at most 8 levels");
        let index = i64::try_from(tile.index).expect("positions fit 63 bits");
        let row = sqlx::query_file!("src/audit/sql/rows_tile.sql", level, index)
            .fetch_optional(&mut *snapshot)
            .await?;
        let at = format!("level {level} index {index}");
        match row {
            None => verifier.report_mut().find(Subject::Tile, at, "the tile is missing"),
            Some(row) if row.hashes != tile.hashes.concat() || row.root != tile.root => {
                let nodes = row.hashes.as_chunks::<32>().0;
                let node = tile.hashes.iter().zip(nodes).position(|(ours, theirs)| ours != theirs);
                let detail = node.map_or_else(
                    || "its root is not that of its nodes".to_owned(),
                    |node| format!("node {node} is not what the records hash to"),
                );
                verifier.report_mut().find(Subject::Tile, at, detail);
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// The head row as it stands, however damaged.
pub(super) struct Head {
    pub(super) size: i64,
    frontier: Vec<u8>,
    last_at: i64,
}

pub(super) async fn head(snapshot: &mut PgConnection) -> Result<Head, sqlx::Error> {
    let row = sqlx::raw_sql(include_str!("../log/sql/head_read.sql")).fetch_optional(snapshot).await?;
    let Some(row) = row else { return Ok(Head { size: 0, frontier: Vec::new(), last_at: 0 }) };
    Ok(Head {
        size: row.try_get("size")?,
        frontier: row.try_get("frontier")?,
        last_at: row.try_get("last_at")?,
    })
}

pub(super) fn check_head(head: &Head, verifier: &mut Verifier) {
    let wrong = [
        ("size", head.size.unsigned_abs() != verifier.size() || head.size < 0),
        ("frontier", head.frontier != verifier.frontier().to_bytes()),
        ("last_at", head.last_at.unsigned_abs() != verifier.last_at_ms()),
    ];
    for (column, _) in wrong.iter().filter(|(_, wrong)| *wrong) {
        verifier.report_mut().find(Subject::Head, column, "is not what the records make it");
    }
}

/// Hands every signed checkpoint to the verifier.
pub(super) async fn expect_checkpoints(
    snapshot: &mut PgConnection,
    verifier: &mut Verifier,
) -> Result<(), sqlx::Error> {
    for row in sqlx::query_file!("src/audit/sql/rows_checkpoints.sql").fetch_all(snapshot).await? {
        let said = crate::kernel::checkpoint::Checkpoint::read_unverified(&row.note).ok();
        if said.is_none_or(|said| Some(said.size) != u64::try_from(row.size).ok() || row.root != said.root) {
            let detail = "the row says something else than the note in it";
            verifier.report_mut().find(Subject::Checkpoint, row.size, detail);
        }
        verifier.expect(&row.note);
    }
    Ok(())
}
