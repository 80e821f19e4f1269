//! `/v1/repositories/{repository}/-/reads`: being given a package to read.

use axum::extract::State;

use super::app::App;
use super::json::Json;
use super::path::Path;
use super::problem::Problem;
use crate::control::{Context, reads};
use crate::kernel::id::RepositoryName;
use crate::wire::read as wire;
use crate::wire::time::Timestamp;

pub(super) async fn grant(
    State(app): State<App>,
    context: Context,
    Path(repository): Path<RepositoryName>,
    Json(request): Json<wire::GrantReads>,
) -> Result<Json<wire::GrantedReads>, Problem> {
    let only = request.digests.as_deref();
    let granted = reads::grant(app.control(), &context, &repository, &request.reference, only).await?;
    let draw = |blob: reads::GrantedBlob| wire::GrantedBlob {
        digest: blob.digests.blake3,
        size: blob.size_bytes,
        href: app.data_href(&format!("/data/blobs/{}", blob.digests.blake3)),
        grant: blob.grant.into(),
    };
    Ok(Json(wire::GrantedReads {
        digest: granted.manifest,
        blobs: granted.blobs.into_iter().map(draw).collect(),
        expires_at: Timestamp::from_seconds(granted.expires_at_seconds),
    }))
}
