//! `/v1/repositories/{repository}/-/uploads`: what is to be done about each of a batch of blobs.

use axum::extract::State;

use super::app::App;
use super::json::Json;
use super::path::Path;
use super::problem::Problem;
use crate::control::{Context, uploads};
use crate::kernel::id::RepositoryName;
use crate::kernel::limits::{SMALL_BATCH_BLOBS_MAX, SMALL_BATCH_BYTES_MAX, SMALL_BLOB_MAX_BYTES};
use crate::wire::time::Timestamp;
use crate::wire::upload as wire;

pub(super) async fn open(
    State(app): State<App>,
    context: Context,
    Path(repository): Path<RepositoryName>,
    Json(request): Json<wire::OpenUploads>,
) -> Result<Json<wire::OpenedUploads>, Problem> {
    let wanted = |blob: wire::WantedBlob| uploads::Wanted { digest: blob.digest, size_bytes: blob.size };
    let wanted: Vec<_> = request.blobs.into_iter().map(wanted).collect();
    let opened = uploads::open(app.control(), &context, &repository, &wanted).await?;
    let has_uploads = opened.iter().any(|blob| matches!(blob, uploads::Opened::Upload { .. }));
    // Before the caller sends what could not be taken; a data node elsewhere says it itself.
    if let (true, Some(data)) = (has_uploads, app.data_plane()) {
        data.check_room().await?;
    }
    let blobs = opened.into_iter().map(|blob| draw(&app, blob)).collect();
    let together = Some(wire::Together { blobs: SMALL_BATCH_BLOBS_MAX as u64, bytes: SMALL_BATCH_BYTES_MAX });
    Ok(Json(wire::OpenedUploads { blobs, small_max: SMALL_BLOB_MAX_BYTES, together }))
}

fn draw(app: &App, blob: uploads::Opened) -> wire::OpenedBlob {
    match blob {
        uploads::Opened::Present { digest, .. } => wire::OpenedBlob::Present { digest },
        uploads::Opened::Upload { grant, expires_at_seconds } => wire::OpenedBlob::Upload {
            href: app.data_href("/data/uploads"),
            grant: grant.into(),
            expires_at: Timestamp::from_seconds(expires_at_seconds),
        },
    }
}
