//! `/data/blobs/{digest}/slices`: a range of a blob with its proof, which leads to the digest and needs no trust in us.
//!
//! - The form is that of [`crate::kernel::tree::slice`]: the blob's size, then the slice as `bao-tree` reads it with groups of
//!   16 KiB. The range is rounded out to whole groups; its reader cuts.
//! - The same range of the same blob is the same bytes for ever, so caches may keep it, as the blob.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt as _, stream};

use super::app::App;
use super::bytes::{DIGEST, SHA256, not_satisfiable, to_read};
use super::caller::granted;
use super::path::Path;
use super::precondition::{header_value, unchanged};
use super::problem::Problem;
use super::query::Query;
use super::range;
use crate::kernel::digest::Digest;

/// What is answered.
pub(super) const MEDIA_TYPE: &str = "application/vnd.strongroom.slice";

/// A slice of a blob. Answers `HEAD` too.
pub(super) async fn get(
    State(app): State<App>,
    Path(digest): Path<Digest>,
    mut query: Query,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let in_query: Option<String> = query.take("grant")?;
    let wanted: Option<String> = query.take("range")?;
    query.finish()?;
    let grant = granted(&app, &request, in_query.as_deref()).await?;
    let read = to_read(&grant, &digest)?;
    let range = match wanted {
        None => 0..read.size_bytes,
        Some(text) => range::part(&text, read.size_bytes).ok_or_else(|| not_satisfiable(read.size_bytes))?,
    };
    let tag = format!("{}/{}-{}", read.digests.blake3, range.start, range.end);
    let mut known = HeaderMap::new();
    known.insert(header::ETAG, header_value(format_args!("\"{tag}\"")));
    known.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable"));
    known.insert(DIGEST, header_value(read.digests.blake3));
    known.insert(SHA256, header_value(read.digests.sha256));
    if unchanged(&request, &tag)? {
        return Ok((StatusCode::NOT_MODIFIED, known).into_response());
    }
    let mut slice = app.data().open_slice(&grant, Some(range)).await?;
    // Before the head of the answer is out, damage can still be said instead of shown by breaking off.
    let first = slice.stream.next().await.transpose()?;
    let stream = stream::iter(first.map(Ok)).chain(slice.stream);
    known.insert(header::CONTENT_LENGTH, HeaderValue::from(slice.encoded_bytes));
    known.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    known.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok((StatusCode::OK, known, Body::from_stream(stream)).into_response())
}
