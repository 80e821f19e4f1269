//! `package_tiers`: how near packages are to be; `tiered_claims`: what that means for their blobs.
//!
//! - The last `manifest.tiered` of a package counts, until it is deleted. Accepted again, it is hot.
//! - What warm and cold packages claim is made from what `package_references` says at the end of a run, so it does not depend
//!   on where runs are cut.
//! - A blob is to be as near as the nearest of all packages that reference it, in all repositories.

mod lying;
mod query;

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;

use super::row::bigint;
use crate::kernel::digest::Blake3;
use crate::kernel::event::Fact;
use crate::log::Recorded;

pub use lying::{Early, EarlyAt, Lying, Spread, Tiered, among, early, get, lying, spread};
pub use query::{Amount, Place, Standing, Stray, Strays, strays, totals};

type Package<'a> = (&'a str, &'a Blake3);

/// What a run of events says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes<'a> {
    removed: BTreeSet<Package<'a>>,
    rows: BTreeMap<Package<'a>, Row>,
    /// Packages that hold on to more than before.
    grown: BTreeSet<Package<'a>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Row {
    tier: &'static str,
    at_ms: i64,
    position: i64,
}

pub(super) fn fold(events: &[Recorded]) -> Changes<'_> {
    let mut changes = Changes::default();
    for Recorded { position, event, .. } in events {
        match &event.fact {
            Fact::ManifestTiered(fact) => {
                let row =
                    Row { tier: fact.tier.name(), at_ms: bigint(event.at_ms), position: bigint(*position) };
                changes.rows.insert((fact.repository.as_str(), &fact.blake3), row);
            }
            Fact::ManifestReferences(fact) => {
                changes.grown.insert((fact.repository.as_str(), &fact.blake3));
            }
            Fact::ManifestDeleted(fact) => {
                let package = (fact.repository.as_str(), &fact.blake3);
                changes.rows.remove(&package);
                changes.removed.insert(package);
            }
            _ => {}
        }
    }
    changes
}

/// As columns.
fn columns<'a>(packages: impl Iterator<Item = &'a Package<'a>>) -> (Vec<&'a str>, Vec<&'a [u8]>) {
    packages.map(|(repository, manifest)| (*repository, manifest.as_bytes().as_slice())).unzip()
}

impl Changes<'_> {
    /// After `references`, which says what packages hold on to.
    pub(super) async fn apply(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if !self.removed.is_empty() {
            let (repositories, manifests) = columns(self.removed.iter());
            sqlx::query_file!("src/views/tiers/remove.sql", &repositories as _, &manifests as _)
                .execute(&mut *connection)
                .await?;
        }
        if !self.rows.is_empty() {
            let (repositories, manifests) = columns(self.rows.keys());
            sqlx::query_file!(
                "src/views/tiers/apply.sql",
                &repositories as _,
                &manifests as _,
                &self.rows.values().map(|row| row.tier).collect::<Vec<_>>() as _,
                &self.rows.values().map(|row| row.at_ms).collect::<Vec<_>>(),
                &self.rows.values().map(|row| row.position).collect::<Vec<_>>(),
            )
            .execute(&mut *connection)
            .await?;
            sqlx::query_file!("src/views/tiers/unclaim.sql", &repositories as _, &manifests as _)
                .execute(&mut *connection)
                .await?;
        }
        let claiming: BTreeSet<&Package<'_>> = self.rows.keys().chain(&self.grown).collect();
        if !claiming.is_empty() {
            let (repositories, manifests) = columns(claiming.into_iter());
            sqlx::query_file!("src/views/tiers/claim.sql", &repositories as _, &manifests as _)
                .execute(connection)
                .await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::tier::Tier;
    use crate::views::given::{blake3, manifest_deleted, manifest_references, manifest_tiered, recorded};

    #[test]
    fn the_last_tier_counts_until_the_package_is_deleted() {
        let tiered = |tier| manifest_tiered("a", 1, tier).into();
        let events = recorded([tiered(Tier::Cold), tiered(Tier::Warm)]);
        let row = Row { tier: "warm", at_ms: 1_001, position: 1 };
        assert_eq!(fold(&events).rows, BTreeMap::from([(("a", &blake3(1)), row)]));
        let events = recorded([tiered(Tier::Cold), manifest_deleted("a", 1).into()]);
        let changes = fold(&events);
        assert!(changes.rows.is_empty());
        assert_eq!(changes.removed, BTreeSet::from([("a", &blake3(1))]));
    }

    #[test]
    fn what_a_package_holds_on_to_later_is_claimed_too() {
        let events = recorded([manifest_references("a", 1, &[2], &[]).into()]);
        assert_eq!(fold(&events).grown, BTreeSet::from([("a", &blake3(1))]));
    }
}
