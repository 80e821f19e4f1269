//! Guards of the log, answered from the views: one statement for each kind that a batch has.
//!
//! - What is missing is named in full, in the order in which the guard named it, each once.
//! - A blob must be stored, linked and not damaged; none alone is enough.

mod deletions;

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;

use crate::kernel::digest::{Blake3, Sha256};
use crate::log::{Guard, GuardFailure};
use crate::views::row::bigint;

/// Of these guards, those that do not hold, by their index, in order.
pub(super) async fn failing(
    connection: &mut PgConnection,
    guards: &[&Guard],
) -> Result<Vec<(usize, GuardFailure)>, sqlx::Error> {
    let asked = Asked::of(guards);
    let mut missing = Missing::default();
    if !asked.blobs.digests.is_empty() {
        let Wanted { repositories, owners, digests } = &asked.blobs;
        let found = sqlx::query_file_scalar!(
            "src/views/guards/blobs_missing.sql",
            repositories as _,
            &owners,
            digests as _
        )
        .fetch_all(&mut *connection)
        .await?;
        missing.0.extend(found.into_iter().map(|ordinal| asked.blobs.named(ordinal)));
    }
    if !asked.manifests.digests.is_empty() {
        let Wanted { repositories, owners, digests } = &asked.manifests;
        let found = sqlx::query_file_scalar!(
            "src/views/guards/manifests_missing.sql",
            repositories as _,
            &owners,
            digests as _
        )
        .fetch_all(&mut *connection)
        .await?;
        missing.0.extend(found.into_iter().map(|ordinal| asked.manifests.named(ordinal)));
    }
    if !asked.intact.digests.is_empty() {
        let Wanted { owners, digests, .. } = &asked.intact;
        let found = sqlx::query_file_scalar!("src/views/guards/blobs_damaged.sql", &owners, digests as _)
            .fetch_all(&mut *connection)
            .await?;
        missing.0.extend(found.into_iter().map(|ordinal| asked.intact.named(ordinal)));
    }
    objects(connection, &asked, &mut missing).await?;
    quotas(connection, &asked, &mut missing).await?;
    erased(connection, &asked, &mut missing).await?;
    let mut failures = missing.failures(guards);
    failures.extend(policies(connection, guards).await?);
    failures.extend(deletions::failing(connection, guards).await?);
    Ok(failures)
}

/// Guards about policies: all ask the same.
async fn policies(
    connection: &mut PgConnection,
    guards: &[&Guard],
) -> Result<Vec<(usize, GuardFailure)>, sqlx::Error> {
    let asked = guards.iter().enumerate().filter_map(|(index, guard)| match guard {
        Guard::PoliciesUnchanged { since } => Some((index, since.map(bigint))),
        _ => None,
    });
    let asked: Vec<(usize, Option<i64>)> = asked.collect();
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let changed = sqlx::query_file_scalar!("src/views/policies/changed.sql").fetch_one(connection).await?;
    let failing = asked.into_iter().filter(|(_, since)| *since != changed);
    Ok(failing.map(|(index, _)| (index, GuardFailure::RetentionChanged)).collect())
}

/// Guards about objects.
async fn objects(
    connection: &mut PgConnection,
    asked: &Asked<'_>,
    missing: &mut Missing,
) -> Result<(), sqlx::Error> {
    if !asked.objects.is_empty() {
        let discarded = sqlx::query_file_scalar!(
            "src/views/guards/objects_discarded.sql",
            &asked.objects.iter().map(|(index, _, _)| *index as i64).collect::<Vec<_>>(),
            &asked.objects.iter().map(|(_, store, _)| *store).collect::<Vec<_>>() as _,
            &asked.objects.iter().map(|(_, _, object)| *object).collect::<Vec<_>>() as _,
        )
        .fetch_all(&mut *connection)
        .await?;
        missing.0.extend(discarded.into_iter().map(|index| (index as usize, None)));
    }
    if !asked.unclaimed.is_empty() {
        let claimed = sqlx::query_file_scalar!(
            "src/views/guards/objects_claimed.sql",
            &asked.unclaimed.iter().map(|(index, _, _)| *index as i64).collect::<Vec<_>>(),
            &asked.unclaimed.iter().map(|(_, store, _)| *store).collect::<Vec<_>>() as _,
            &asked.unclaimed.iter().map(|(_, _, object)| *object).collect::<Vec<_>>() as _,
        )
        .fetch_all(&mut *connection)
        .await?;
        missing.0.extend(claimed.into_iter().map(|index| (index as usize, None)));
    }
    Ok(())
}

/// Guards about quotas.
async fn quotas(
    connection: &mut PgConnection,
    asked: &Asked<'_>,
    missing: &mut Missing,
) -> Result<(), sqlx::Error> {
    if asked.quotas.is_empty() {
        return Ok(());
    }
    let over = sqlx::query_file_scalar!(
        "src/views/guards/over_quota.sql",
        &asked.quotas.iter().map(|(index, ..)| *index as i64).collect::<Vec<_>>(),
        &asked.quotas.iter().map(|(_, repository, ..)| *repository).collect::<Vec<_>>() as _,
        &asked.quotas.iter().map(|(_, _, packages, _)| bigint(*packages)).collect::<Vec<_>>(),
        &asked.quotas.iter().map(|(.., bytes)| bigint(*bytes)).collect::<Vec<_>>(),
    )
    .fetch_all(connection)
    .await?;
    missing.0.extend(over.into_iter().map(|index| (index as usize, None)));
    Ok(())
}

/// Guards about packages that may have been erased.
async fn erased(
    connection: &mut PgConnection,
    asked: &Asked<'_>,
    missing: &mut Missing,
) -> Result<(), sqlx::Error> {
    if asked.unerased.is_empty() {
        return Ok(());
    }
    let erased = sqlx::query_file_scalar!(
        "src/views/guards/packages_erased.sql",
        &asked.unerased.iter().map(|(index, ..)| *index as i64).collect::<Vec<_>>(),
        &asked.unerased.iter().map(|(_, repository, ..)| *repository).collect::<Vec<_>>() as _,
        &asked.unerased.iter().map(|(_, _, manifest, _)| *manifest).collect::<Vec<_>>() as _,
        &asked.unerased.iter().map(|(.., document)| *document).collect::<Vec<_>>() as _,
    )
    .fetch_all(connection)
    .await?;
    missing.0.extend(erased.into_iter().map(|index| (index as usize, None)));
    Ok(())
}

/// What the guards of each kind ask, as columns.
#[derive(Debug, Default)]
struct Asked<'a> {
    blobs: Wanted<'a>,
    manifests: Wanted<'a>,
    /// Index of the guard, store, object.
    objects: Vec<(usize, &'a str, &'a str)>,
    /// Wherever they are linked.
    intact: Wanted<'a>,
    /// Index of the guard, store, object.
    unclaimed: Vec<(usize, &'a str, &'a str)>,
    /// Index of the guard, repository, packages and bytes that it gets.
    quotas: Vec<(usize, &'a str, u64, u64)>,
    /// Index of the guard, repository, manifest, and one of its documents.
    unerased: Vec<(usize, &'a str, &'a [u8], &'a [u8])>,
}

/// Digests that have to be in a repository. The name of a repository is sent once, however many digests it is for.
#[derive(Debug, Default)]
struct Wanted<'a> {
    /// By index of the guard; null for guards of other kinds.
    repositories: Vec<Option<&'a str>>,
    owners: Vec<i64>,
    digests: Vec<&'a [u8]>,
}

impl<'a> Wanted<'a> {
    fn add(&mut self, index: usize, repository: &'a str, digests: &'a [Blake3]) {
        self.repositories.resize(index, None);
        self.repositories.push(Some(repository));
        self.add_anywhere(index, digests);
    }

    fn add_anywhere(&mut self, index: usize, digests: &'a [Blake3]) {
        self.owners.extend(digests.iter().map(|_| index as i64));
        self.digests.extend(digests.iter().map(|digest| digest.as_bytes().as_slice()));
    }

    /// Guard and digest of a 1-based ordinal.
    fn named(&self, ordinal: i64) -> (usize, Option<Blake3>) {
        let at = usize::try_from(ordinal - 1).expect("ordinals of the array that was sent");
        (self.owners[at] as usize, Blake3::from_slice(self.digests[at]))
    }
}

impl<'a> Asked<'a> {
    fn of(guards: &[&'a Guard]) -> Self {
        let mut asked = Self::default();
        for (index, guard) in guards.iter().enumerate() {
            match guard {
                Guard::BlobsLinked { repository, blobs } => {
                    asked.blobs.add(index, repository.as_str(), blobs);
                }
                Guard::ManifestsAccepted { repository, manifests } => {
                    asked.manifests.add(index, repository.as_str(), manifests);
                }
                Guard::ObjectNotDiscarded { store, object } => {
                    asked.objects.push((index, store.as_str(), object.as_str()));
                }
                Guard::BlobsIntact { blobs } => asked.intact.add_anywhere(index, blobs),
                Guard::WithinQuota { repository, packages, bytes } => {
                    asked.quotas.push((index, repository.as_str(), *packages, *bytes));
                }
                Guard::ObjectUnclaimed { store, object } => {
                    asked.unclaimed.push((index, store.as_str(), object.as_str()));
                }
                Guard::NotErased { repository, manifest, documents } => {
                    let package = (repository.as_str(), manifest.as_bytes().as_slice());
                    let of =
                        |document: &'a Sha256| (index, package.0, package.1, document.as_bytes().as_slice());
                    asked.unerased.extend(documents.iter().map(of));
                }
                Guard::BlobsFree { .. }
                | Guard::PackagesDeletable(_)
                | Guard::PackagesErasable(_)
                | Guard::DocumentsUnneeded { .. }
                | Guard::PoliciesUnchanged { .. }
                | Guard::RecordedWithin { .. }
                | Guard::BlobsAt { .. } => {}
            }
        }
        asked
    }
}

/// What is in the way: index of the guard, and the digest that is missing where it is one.
#[derive(Debug, Default)]
struct Missing(Vec<(usize, Option<Blake3>)>);

impl Missing {
    fn failures(self, guards: &[&Guard]) -> Vec<(usize, GuardFailure)> {
        let mut by_guard: BTreeMap<usize, Vec<Blake3>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for (index, digest) in self.0 {
            let of_guard = by_guard.entry(index).or_default();
            of_guard.extend(digest.filter(|digest| seen.insert((index, *digest))));
        }
        let failure = |(index, missing): (usize, Vec<Blake3>)| {
            let failure = match guards[index] {
                Guard::BlobsLinked { repository, .. } => {
                    GuardFailure::BlobsMissing { repository: repository.clone(), missing }
                }
                Guard::ManifestsAccepted { repository, .. } => {
                    GuardFailure::ManifestsMissing { repository: repository.clone(), missing }
                }
                Guard::ObjectNotDiscarded { store, object } => {
                    GuardFailure::ObjectDiscarded { store: store.clone(), object: object.clone() }
                }
                Guard::BlobsIntact { .. } => GuardFailure::BlobsDamaged { damaged: missing },
                Guard::WithinQuota { repository, .. } => {
                    GuardFailure::OverQuota { repository: repository.clone() }
                }
                Guard::ObjectUnclaimed { store, object } => {
                    GuardFailure::ObjectClaimed { store: store.clone(), object: object.clone() }
                }
                Guard::BlobsFree { .. } => GuardFailure::BlobsClaimed { claimed: missing },
                Guard::PackagesDeletable(_)
                | Guard::PackagesErasable(_)
                | Guard::PoliciesUnchanged { .. }
                | Guard::RecordedWithin { .. } => GuardFailure::RetentionChanged,
                Guard::BlobsAt { .. } => GuardFailure::BlobsElsewhere { blobs: missing },
                Guard::DocumentsUnneeded { .. } => GuardFailure::DocumentsNeeded { needed: missing },
                Guard::NotErased { manifest, .. } => GuardFailure::Erased { manifest: *manifest },
            };
            (index, failure)
        };
        by_guard.into_iter().map(failure).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::given::{blake3, object, repository, store};

    #[test]
    fn what_is_missing_is_named_once_in_the_order_asked() {
        let guards = [
            Guard::ObjectNotDiscarded { store: store(), object: object(7) },
            Guard::BlobsLinked { repository: repository("a"), blobs: vec![blake3(2), blake3(1), blake3(2)] },
        ];
        let guards: Vec<&Guard> = guards.iter().collect();
        let asked = Asked::of(&guards);
        assert_eq!(asked.blobs.repositories, [None, Some("a")]);
        let missing = Missing([1, 2, 3].map(|ordinal| asked.blobs.named(ordinal)).to_vec());
        let expected =
            GuardFailure::BlobsMissing { repository: repository("a"), missing: vec![blake3(2), blake3(1)] };
        assert_eq!(missing.failures(&guards), [(1, expected)]);
    }
}
