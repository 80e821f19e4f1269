//! Guards of deletions: they are few and large, so each is asked by itself.

use sqlx::PgConnection;

use crate::kernel::digest::Blake3;
use crate::kernel::id::ObjectKey;
use crate::log::guard::{Deletable, Kept};
use crate::log::{Guard, GuardFailure};
use crate::views::row::bigint;

/// Of these guards, those about deletions that do not hold, by their index.
pub(super) async fn failing(
    connection: &mut PgConnection,
    guards: &[&Guard],
) -> Result<Vec<(usize, GuardFailure)>, sqlx::Error> {
    let mut failing = Vec::new();
    for (index, guard) in guards.iter().enumerate() {
        let failure = match guard {
            Guard::BlobsFree { blobs, touched_until_ms } => {
                claimed(connection, blobs, *touched_until_ms).await?
            }
            Guard::PackagesDeletable(deletable) => kept(connection, deletable).await?,
            _ => None,
        };
        failing.extend(failure.map(|failure| (index, failure)));
    }
    Ok(failing)
}

async fn claimed(
    connection: &mut PgConnection,
    blobs: &[(Blake3, ObjectKey)],
    touched_until_ms: u64,
) -> Result<Option<GuardFailure>, sqlx::Error> {
    let found = sqlx::query_file_scalar!(
        "src/views/guards/blobs_claimed.sql",
        &blobs.iter().map(|(blob, _)| blob.as_bytes().as_slice()).collect::<Vec<_>>() as _,
        &blobs.iter().map(|(_, object)| object.as_str()).collect::<Vec<_>>() as _,
        bigint(touched_until_ms),
    )
    .fetch_all(connection)
    .await?;
    let claimed: Vec<Blake3> = found.into_iter().map(|ordinal| blobs[at(ordinal)].0).collect();
    Ok((!claimed.is_empty()).then_some(GuardFailure::BlobsClaimed { claimed }))
}

async fn kept(
    connection: &mut PgConnection,
    deletable: &Deletable,
) -> Result<Option<GuardFailure>, sqlx::Error> {
    let decided_at = bigint(deletable.decided_at);
    let changed = sqlx::query_file_scalar!("src/views/guards/retention_changed.sql", decided_at)
        .fetch_one(&mut *connection)
        .await?;
    if changed {
        return Ok(Some(GuardFailure::RetentionChanged));
    }
    let packages = &deletable.packages;
    let found = sqlx::query_file!(
        "src/views/guards/packages_kept.sql",
        &packages.iter().map(|(repository, _)| repository.as_str()).collect::<Vec<_>>() as _,
        &packages.iter().map(|(_, manifest)| manifest.as_bytes().as_slice()).collect::<Vec<_>>() as _,
        bigint(deletable.since),
    )
    .fetch_all(connection)
    .await?;
    let kept: Vec<(usize, Kept)> =
        found.into_iter().map(|row| (at(row.ordinal), reason(&row.kept))).collect();
    Ok((!kept.is_empty()).then_some(GuardFailure::PackagesKept { kept }))
}

fn at(ordinal: i64) -> usize {
    usize::try_from(ordinal - 1).expect("ordinals of the array that was sent")
}

/// As `packages_kept.sql` names it.
fn reason(name: &str) -> Kept {
    match name {
        "gone" => Kept::Gone,
        "locked" => Kept::Locked,
        "pinned" => Kept::Pinned,
        "tagged" => Kept::Tagged,
        "referred" => Kept::Referred,
        _ => Kept::Live,
    }
}
