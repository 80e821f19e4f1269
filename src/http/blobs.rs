//! `/v1/repositories/{repository}/-/blobs/{digest}`: what is known of a blob, and the way to its bytes for those who
//! follow redirects (curl, browsers).

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::json::Json;
use super::page::Page;
use super::path::Path;
use super::precondition::header_value;
use super::problem::{Code, Problem};
use super::query::Query;
use crate::access::Caller;
use crate::control::{Context, blobs, reads};
use crate::kernel::digest::{Blake3, Digest};
use crate::kernel::id::{Reference, RepositoryName};
use crate::views::damaged_blobs::Damaged;
use crate::wire::blob as wire;
use crate::wire::time::Timestamp;

pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path((repository, digest)): Path<(RepositoryName, Digest)>,
) -> Result<Json<wire::Blob>, Problem> {
    let blob = blobs::get(app.control(), &caller, &repository, &digest).await?.blob;
    Ok(Json(wire::Blob {
        digest: blob.blake3,
        sha256: blob.sha256,
        size: blob.size_bytes,
        stored_at: Timestamp::from_ms(blob.stored_at_ms),
        damaged: blob
            .damaged
            .map(|damaged| wire::Damage { found: damaged.found.to_string(), since: damaged.position }),
    }))
}

/// Blobs of the repository that are given to nobody.
pub(super) async fn damaged(
    State(app): State<App>,
    caller: Caller,
    Path(repository): Path<RepositoryName>,
    page: Page<Blake3>,
) -> Result<Response, Problem> {
    let found = blobs::damaged(app.control(), &caller, &repository, page.after, page.limit).await?;
    let (count, last) = (found.len(), found.last().map(|blob| blob.blake3));
    let draw = |blob: Damaged| wire::DamagedBlob {
        digest: blob.blake3,
        found: blob.found.to_string(),
        since: blob.position,
    };
    Ok(page.answer(wire::DamagedBlobs { blobs: found.into_iter().map(draw).collect() }, count, last))
}

/// Redirects to the bytes, with a grant. Reads are recorded by package, so `?package=` says of which.
pub(super) async fn content(
    State(app): State<App>,
    context: Context,
    Path((repository, digest)): Path<(RepositoryName, Digest)>,
    mut query: Query,
) -> Result<Response, Problem> {
    let package: Option<Reference> = query.take("package")?;
    query.finish()?;
    let package = package.ok_or_else(|| {
        Problem::new(
            Code::InvalidQuery,
            "Say with `?package=` of which package, by tag or digest: reads are recorded.",
        )
    })?;
    let granted = reads::grant(app.control(), &context, &repository, &package, Some(&[digest])).await?;
    let blob = granted.blobs.into_iter().next();
    let blob = blob.ok_or_else(|| Problem::new(Code::BlobUnknown, "The package has no such blob."))?;
    let href = app.data_href(&format!("/data/blobs/{}?grant={}", blob.digests.blake3, blob.grant));
    let headers = [(header::LOCATION, header_value(href)), (header::CACHE_CONTROL, header_value("no-store"))];
    Ok((StatusCode::TEMPORARY_REDIRECT, headers).into_response())
}
