//! `manifests`: the packages of each repository.
//!
//! - The first `manifest.accepted` of a manifest in a repository makes its row; nothing changes it, `manifest.deleted`
//!   removes it. It may be accepted again.
//! - Only a new row adds to the repository's packages, and only one that goes takes from them.

mod query;

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;

use super::row::bigint;
use crate::kernel::digest::{Blake3, Sha256};
use crate::kernel::event::{Fact, ManifestAccepted};
use crate::log::Recorded;

pub use query::{Manifest, among, by_tag, get, list, page, referrers, resolve};

/// Rows that go, and after that rows to make where there are none.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes<'a> {
    deleted: BTreeSet<(&'a str, &'a Blake3)>,
    accepted: BTreeMap<(&'a str, &'a Blake3), Accepted<'a>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Accepted<'a> {
    fact: &'a ManifestAccepted,
    at_ms: i64,
    by: &'a str,
    position: i64,
}

pub(super) fn fold(events: &[Recorded]) -> Changes<'_> {
    let mut changes = Changes::default();
    for Recorded { position, event, .. } in events {
        match &event.fact {
            Fact::ManifestAccepted(fact) => {
                let accepted = Accepted {
                    fact,
                    at_ms: bigint(event.at_ms),
                    by: event.actor.as_str(),
                    position: bigint(*position),
                };
                changes.accepted.entry((fact.repository.as_str(), &fact.blake3)).or_insert(accepted);
            }
            Fact::ManifestDeleted(fact) => {
                let package = (fact.repository.as_str(), &fact.blake3);
                changes.accepted.remove(&package);
                changes.deleted.insert(package);
            }
            _ => {}
        }
    }
    changes
}

impl Changes<'_> {
    pub(super) async fn apply(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if !self.deleted.is_empty() {
            sqlx::query_file!(
                "src/views/manifests/remove.sql",
                &self.deleted.iter().map(|(repository, _)| *repository).collect::<Vec<_>>() as _,
                &self.deleted.iter().map(|(_, blake3)| blake3.as_bytes().as_slice()).collect::<Vec<_>>() as _,
            )
            .execute(&mut *connection)
            .await?;
        }
        if self.accepted.is_empty() {
            return Ok(());
        }
        let rows: Vec<&Accepted<'_>> = self.accepted.values().collect();
        let facts: Vec<&ManifestAccepted> = rows.iter().map(|row| row.fact).collect();
        sqlx::query_file!(
            "src/views/manifests/apply.sql",
            &facts.iter().map(|fact| fact.repository.as_str()).collect::<Vec<_>>() as _,
            &facts.iter().map(|fact| fact.blake3.as_bytes().as_slice()).collect::<Vec<_>>() as _,
            &facts.iter().map(|fact| fact.sha256.as_bytes().as_slice()).collect::<Vec<_>>() as _,
            &facts.iter().map(|fact| bigint(fact.size_bytes)).collect::<Vec<_>>(),
            &facts.iter().map(|fact| fact.media_type.as_str()).collect::<Vec<_>>() as _,
            &facts.iter().map(|fact| fact.artifact_type.as_deref()).collect::<Vec<_>>() as _,
            &facts.iter().map(|fact| bytes(fact.subject.as_ref().map(Blake3::as_bytes))).collect::<Vec<_>>()
                as _,
            &facts
                .iter()
                .map(|fact| bytes(fact.oci_sha256.as_ref().map(Sha256::as_bytes)))
                .collect::<Vec<_>>() as _,
            &facts.iter().map(|fact| fact.oci_size_bytes.map(bigint)).collect::<Vec<_>>() as _,
            &facts.iter().map(|fact| bigint(fact.blobs)).collect::<Vec<_>>(),
            &facts.iter().map(|fact| bigint(fact.blobs_bytes)).collect::<Vec<_>>(),
            &rows.iter().map(|row| row.at_ms).collect::<Vec<_>>(),
            &rows.iter().map(|row| row.by).collect::<Vec<_>>() as _,
            &rows.iter().map(|row| row.position).collect::<Vec<_>>(),
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

fn bytes(digest: Option<&[u8; 32]>) -> Option<&[u8]> {
    digest.map(<[u8; 32]>::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::given::{blake3, manifest_accepted, manifest_deleted, recorded};

    #[test]
    fn the_first_acceptance_in_a_repository_wins() {
        let events = recorded([
            manifest_accepted("a", 1).into(),
            manifest_accepted("b", 1).into(),
            manifest_accepted("a", 1).into(),
        ]);
        let changes = fold(&events);
        let positions: Vec<_> =
            changes.accepted.iter().map(|(key, row)| (key.0, *key.1, row.position)).collect();
        assert_eq!(positions, [("a", blake3(1), 0), ("b", blake3(1), 1)]);
    }

    #[test]
    fn what_is_deleted_and_accepted_again_is_a_new_row() {
        let events = recorded([
            manifest_accepted("a", 1).into(),
            manifest_deleted("a", 1).into(),
            manifest_accepted("a", 1).into(),
        ]);
        let changes = fold(&events);
        let package = ("a", &blake3(1));
        assert!(changes.deleted.contains(&package));
        assert_eq!(changes.accepted[&package].position, 2);
    }
}
