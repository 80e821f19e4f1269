//! Guards of deletions and moves: they are few and large, so each is asked by itself.

use sqlx::PgConnection;

use crate::kernel::digest::{Blake3, Digests};
use crate::kernel::id::{ObjectKey, RepositoryName, StoreName};
use crate::log::guard::{Deletable, Erasable, Kept};
use crate::log::{Guard, GuardFailure};
use crate::views::row::bigint;

/// Of these guards, those about deletions and moves that do not hold, by their index.
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
            Guard::PackagesErasable(erasable) => unerasable(connection, erasable).await?,
            Guard::DocumentsUnneeded { documents, but } => needed(connection, documents, but).await?,
            Guard::BlobsAt { blobs } => elsewhere(connection, blobs).await?,
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

async fn elsewhere(
    connection: &mut PgConnection,
    blobs: &[(Blake3, StoreName, ObjectKey)],
) -> Result<Option<GuardFailure>, sqlx::Error> {
    let found = sqlx::query_file_scalar!(
        "src/views/guards/blobs_elsewhere.sql",
        &blobs.iter().map(|(blob, ..)| blob.as_bytes().as_slice()).collect::<Vec<_>>() as _,
        &blobs.iter().map(|(_, store, _)| store.as_str()).collect::<Vec<_>>() as _,
        &blobs.iter().map(|(.., object)| object.as_str()).collect::<Vec<_>>() as _,
    )
    .fetch_all(connection)
    .await?;
    let blobs: Vec<Blake3> = found.into_iter().map(|ordinal| blobs[at(ordinal)].0).collect();
    Ok((!blobs.is_empty()).then_some(GuardFailure::BlobsElsewhere { blobs }))
}

async fn kept(
    connection: &mut PgConnection,
    deletable: &Deletable,
) -> Result<Option<GuardFailure>, sqlx::Error> {
    if retention_changed(connection, deletable.decided_at).await? {
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

async fn retention_changed(connection: &mut PgConnection, decided_at: u64) -> Result<bool, sqlx::Error> {
    let decided_at = bigint(decided_at);
    sqlx::query_file_scalar!("src/views/guards/retention_changed.sql", decided_at).fetch_one(connection).await
}

async fn unerasable(
    connection: &mut PgConnection,
    erasable: &Erasable,
) -> Result<Option<GuardFailure>, sqlx::Error> {
    if retention_changed(connection, erasable.decided_at).await? {
        return Ok(Some(GuardFailure::RetentionChanged));
    }
    let packages = &erasable.packages;
    let found = sqlx::query_file!(
        "src/views/guards/packages_unerasable.sql",
        &packages.iter().map(|(repository, ..)| repository.as_str()).collect::<Vec<_>>() as _,
        &packages.iter().map(|(_, manifest, _)| manifest.as_bytes().as_slice()).collect::<Vec<_>>() as _,
        &packages.iter().map(|(.., pins)| bigint(*pins)).collect::<Vec<_>>(),
        bigint(erasable.decided_at),
    )
    .fetch_all(connection)
    .await?;
    let kept: Vec<(usize, Kept)> =
        found.into_iter().map(|row| (at(row.ordinal), reason(&row.kept))).collect();
    Ok((!kept.is_empty()).then_some(GuardFailure::PackagesKept { kept }))
}

async fn needed(
    connection: &mut PgConnection,
    documents: &[Digests],
    but: &[(RepositoryName, Blake3)],
) -> Result<Option<GuardFailure>, sqlx::Error> {
    let found = sqlx::query_file_scalar!(
        "src/views/guards/documents_needed.sql",
        &documents.iter().map(|document| document.blake3.as_bytes().as_slice()).collect::<Vec<_>>() as _,
        &documents.iter().map(|document| document.sha256.as_bytes().as_slice()).collect::<Vec<_>>() as _,
        &but.iter().map(|(repository, _)| repository.as_str()).collect::<Vec<_>>() as _,
        &but.iter().map(|(_, manifest)| manifest.as_bytes().as_slice()).collect::<Vec<_>>() as _,
    )
    .fetch_all(connection)
    .await?;
    let needed: Vec<Blake3> = found.into_iter().map(|ordinal| documents[at(ordinal)].blake3).collect();
    Ok((!needed.is_empty()).then_some(GuardFailure::DocumentsNeeded { needed }))
}

fn at(ordinal: i64) -> usize {
    usize::try_from(ordinal - 1).expect("ordinals of the array that was sent")
}

/// As `packages_kept.sql` and `packages_unerasable.sql` name it.
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
