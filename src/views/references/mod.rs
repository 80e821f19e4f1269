//! `package_references`, `index_parts`, `blob_claims`: what holds on to what.
//!
//! - A package holds on to what its `manifest.references` name, all of them together, until it is deleted.
//! - A blob has as many claims as packages reference it, whether it is there or not: what is counted does not depend on
//!   the order in which blobs come and go.
//! - A blob was touched when it was last stored, linked, referenced, or given up by a package. How long it has been free
//!   counts from there.
//! - A blob has a row if it is there or is referenced, so what a run leaves does not depend on where runs are cut.

mod query;

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;

use super::row::bigint;
use crate::kernel::digest::Blake3;
use crate::kernel::event::Fact;
use crate::log::Recorded;

pub use query::{
    Free, FreeTotals, Unreferenced, claimed_among, claims_of, free, free_among, free_totals, listed_by,
    unrecorded,
};

type Package<'a> = (&'a str, &'a Blake3);

/// What a run of events says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes<'a> {
    /// Packages whose rows from before this run go, and when.
    removed: BTreeMap<Package<'a>, i64>,
    /// What packages hold on to that are there after it, in the order of the events.
    blobs: BTreeMap<Package<'a>, Vec<&'a Blake3>>,
    parts: BTreeMap<Package<'a>, BTreeSet<&'a Blake3>>,
    /// What that means for blobs.
    claims: BTreeMap<Blake3, Claim>,
    /// Blobs that are there after it, or are gone.
    there: BTreeMap<&'a Blake3, bool>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Claim {
    packages: i64,
    touched_ms: i64,
}

pub(super) fn fold(events: &[Recorded]) -> Changes<'_> {
    let mut changes = Changes::default();
    for Recorded { event, .. } in events {
        let at_ms = bigint(event.at_ms);
        match &event.fact {
            Fact::ManifestReferences(fact) => {
                let package = (fact.repository.as_str(), &fact.blake3);
                changes.blobs.entry(package).or_default().extend(&fact.blobs);
                changes.parts.entry(package).or_default().extend(&fact.manifests);
                for blob in &fact.blobs {
                    changes.claim(*blob, 1, at_ms);
                }
            }
            Fact::ManifestDeleted(fact) => {
                let package = (fact.repository.as_str(), &fact.blake3);
                changes.removed.entry(package).or_insert(at_ms);
                changes.parts.remove(&package);
                for blob in changes.blobs.remove(&package).unwrap_or_default() {
                    changes.claim(*blob, -1, at_ms);
                }
            }
            Fact::BlobStored(fact) => {
                changes.claim(fact.blake3, 0, at_ms);
                changes.there.insert(&fact.blake3, true);
            }
            Fact::BlobLinked(fact) => changes.claim(fact.blake3, 0, at_ms),
            Fact::BlobDeletionStarted(fact) => {
                changes.there.insert(&fact.blake3, false);
            }
            _ => {}
        }
    }
    changes
}

impl Changes<'_> {
    fn claim(&mut self, blob: Blake3, packages: i64, at_ms: i64) {
        let claim = self.claims.entry(blob).or_default();
        claim.packages += packages;
        claim.touched_ms = claim.touched_ms.max(at_ms);
    }

    pub(super) async fn apply(mut self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        self.remove(connection).await?;
        let released = self.release(connection).await?;
        if !self.blobs.is_empty() || !self.claims.is_empty() {
            self.add(connection).await?;
        }
        let gone = self.there.iter().filter(|(_, there)| !**there);
        let gone: Vec<&[u8]> = gone.map(|(blob, _)| blob.as_bytes().as_slice()).collect();
        // What is referenced or there needs its row; of these it is not known.
        let is_touched =
            |(blob, claim): &(&Blake3, &Claim)| claim.packages == 0 && !self.there.contains_key(blob);
        let touched = self.claims.iter().filter(is_touched).map(|(blob, _)| blob.as_bytes().as_slice());
        let unneeded: Vec<&[u8]> = touched.chain(released.iter().map(Vec::as_slice)).collect();
        if !gone.is_empty() || !unneeded.is_empty() {
            sqlx::query_file!("src/views/references/settle.sql", &gone as _, &unneeded as _)
                .execute(connection)
                .await?;
        }
        Ok(())
    }

    /// Blobs that lose packages, and neither come nor go. They have their rows, so nothing is inserted, which is less work than
    /// [`Self::add`], and this is most of a deletion. Answers those whose rows are not needed any more.
    async fn release(&mut self, connection: &mut PgConnection) -> Result<Vec<Vec<u8>>, sqlx::Error> {
        let there = &self.there;
        let is_released = |blob: &Blake3, claim: &mut Claim| claim.packages < 0 && !there.contains_key(blob);
        let released: BTreeMap<Blake3, Claim> = self.claims.extract_if(.., is_released).collect();
        if released.is_empty() {
            return Ok(Vec::new());
        }
        sqlx::query_file_scalar!(
            "src/views/references/release.sql",
            &released.keys().map(|blob| blob.as_bytes().as_slice()).collect::<Vec<_>>() as _,
            &released.values().map(|claim| -claim.packages).collect::<Vec<_>>(),
            &released.values().map(|claim| claim.touched_ms).collect::<Vec<_>>(),
        )
        .fetch_all(connection)
        .await
    }

    async fn remove(&mut self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.removed.is_empty() {
            return Ok(());
        }
        let removed = sqlx::query_file!(
            "src/views/references/remove.sql",
            &self.removed.keys().map(|(repository, _)| *repository).collect::<Vec<_>>() as _,
            &self.removed.keys().map(|(_, manifest)| manifest.as_bytes().as_slice()).collect::<Vec<_>>() as _,
            &self.removed.values().copied().collect::<Vec<_>>(),
        )
        .fetch_all(connection)
        .await?;
        for row in removed {
            // What is no digest was not written by this fold, and is found by a check.
            let digests = row.blobs.iter().filter_map(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
            for digest in digests {
                self.claim(Blake3::new(digest), -1, row.at_ms);
            }
        }
        Ok(())
    }

    async fn add(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        // A package that holds on to no blob has a row too: one without a blob in it.
        let blobs = self.blobs.iter().flat_map(|(package, blobs)| {
            let of =
                |blob: Option<&Blake3>| (package.0, *package.1, blob.map(|blob| blob.as_bytes().to_vec()));
            let none = blobs.is_empty().then(|| of(None));
            blobs.iter().map(move |blob| of(Some(blob))).chain(none)
        });
        let blobs: Vec<(&str, Blake3, Option<Vec<u8>>)> = blobs.collect();
        let parts =
            self.parts.iter().flat_map(|(package, parts)| parts.iter().map(move |part| (package, part)));
        let parts: Vec<(&Package<'_>, &&Blake3)> = parts.collect();
        sqlx::query_file!(
            "src/views/references/apply.sql",
            &blobs.iter().map(|row| row.0).collect::<Vec<_>>() as _,
            &blobs.iter().map(|row| row.1.as_bytes().as_slice()).collect::<Vec<_>>() as _,
            &blobs.iter().map(|row| row.2.as_deref()).collect::<Vec<_>>() as _,
            &parts.iter().map(|(package, _)| package.0).collect::<Vec<_>>() as _,
            &parts.iter().map(|(_, part)| part.as_bytes().as_slice()).collect::<Vec<_>>() as _,
            &parts.iter().map(|(package, _)| package.1.as_bytes().as_slice()).collect::<Vec<_>>() as _,
            &self.claims.keys().map(|blob| blob.as_bytes().as_slice()).collect::<Vec<_>>() as _,
            &self.claims.values().map(|claim| claim.packages).collect::<Vec<_>>(),
            &self.claims.values().map(|claim| claim.touched_ms).collect::<Vec<_>>(),
            &self.claims.keys().map(|blob| self.there.get(blob) == Some(&true)).collect::<Vec<_>>(),
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::given::{blake3, manifest_deleted, manifest_references, recorded};

    #[test]
    fn a_package_holds_on_to_all_that_its_events_name_together() {
        let events = recorded([
            manifest_references("a", 1, &[2, 3], &[]).into(),
            manifest_references("a", 1, &[4], &[9]).into(),
        ]);
        let changes = fold(&events);
        let package = ("a", &blake3(1));
        assert_eq!(changes.blobs[&package], [&blake3(2), &blake3(3), &blake3(4)]);
        assert_eq!(changes.parts[&package], BTreeSet::from([&blake3(9)]));
        assert!(changes.claims.values().all(|claim| claim.packages == 1));
    }

    #[test]
    fn what_is_deleted_in_the_run_that_made_it_claims_nothing_and_was_touched_then() {
        let events =
            recorded([manifest_references("a", 1, &[2], &[9]).into(), manifest_deleted("a", 1).into()]);
        let changes = fold(&events);
        assert!(changes.blobs.is_empty() && changes.parts.is_empty());
        assert_eq!(changes.claims[&blake3(2)], Claim { packages: 0, touched_ms: 1_001 });
        assert_eq!(changes.removed[&("a", &blake3(1))], 1_001, "it may have had a row before");
    }

    #[test]
    fn what_is_accepted_again_after_its_deletion_is_there() {
        let events = recorded([
            manifest_references("a", 1, &[2], &[]).into(),
            manifest_deleted("a", 1).into(),
            manifest_references("a", 1, &[2], &[]).into(),
        ]);
        let changes = fold(&events);
        assert_eq!(changes.blobs[&("a", &blake3(1))], [&blake3(2)]);
        assert_eq!(changes.claims[&blake3(2)], Claim { packages: 1, touched_ms: 1_002 });
    }
}
