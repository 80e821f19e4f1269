//! `/data/blobs`: small blobs in one request, and every blob back.
//!
//! - Bytes that are given are verified as they stream: an answer that would be wrong breaks off instead of ending, a range
//!   before any wrong byte.
//! - A caller who says that it compares what it gets with the digest (`Strongroom-Verifies: blake3`) may be sent to the
//!   bucket itself, where the store is set to do that. Nobody else is: what comes from there nobody has verified.
//! - A blob never changes, so its entity tag is its digest and caches may keep it, privately: a grant was needed.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt as _, stream};
use http_body::Body as _;

use super::app::App;
use super::body;
use super::caller::granted;
use super::conditional::EntityTag;
use super::json::Json;
use super::path::Path;
use super::precondition::{header_value, unchanged};
use super::problem::{Code, Problem};
use super::query::Query;
use super::range::{Wanted, wanted};
use super::tus::headers::text;
use crate::contract::{Operation, Read};
use crate::data::Admitted;
use crate::kernel::digest::Digest;
use crate::kernel::limits::SMALL_BLOB_MAX_BYTES;
use crate::wire::upload as wire;

/// The primary address of what is answered.
pub(super) const DIGEST: HeaderName = HeaderName::from_static("strongroom-digest");
/// Its alias.
pub(super) const SHA256: HeaderName = HeaderName::from_static("strongroom-sha256");

/// What the caller compares what it gets with.
const VERIFIES: HeaderName = HeaderName::from_static("strongroom-verifies");

/// A blob in one request: nothing is acknowledged before it is sealed.
pub(super) async fn put(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let grant = granted(&app, request.headers(), None).await?;
    // Held while the bytes are: what all uploads together have in memory is bounded.
    let announced = request.body().size_hint().upper().unwrap_or(SMALL_BLOB_MAX_BYTES);
    let _place = app.data().place(&grant)?;
    let _room = app.data().reserve(&grant, announced).await?;
    let max_bytes = usize::try_from(SMALL_BLOB_MAX_BYTES).expect("a small blob fits memory");
    let bytes = body::whole(request.into_body(), max_bytes).await?;
    let sealed = app.data().put_small(&grant, bytes).await?;
    let document = wire::StoredBlob {
        digest: sealed.digests.blake3,
        sha256: sealed.digests.sha256,
        size: sealed.size_bytes,
        receipt: sealed.receipt.into(),
    };
    Ok((StatusCode::CREATED, Json(document)).into_response())
}

/// A blob, or a range of it. Answers `HEAD` too.
pub(super) async fn get(
    State(app): State<App>,
    Path(digest): Path<Digest>,
    mut query: Query,
    method: Method,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let in_query: Option<String> = query.take("grant")?;
    query.finish()?;
    let grant = granted(&app, &request, in_query.as_deref()).await?;
    let read = to_read(&grant, &digest)?;
    let tag = read.digests.blake3.to_string();
    let mut known = HeaderMap::new();
    known.insert(header::ETAG, header_value(format_args!("\"{tag}\"")));
    known.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable"));
    known.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    known.insert(DIGEST, header_value(read.digests.blake3));
    known.insert(SHA256, header_value(read.digests.sha256));
    if unchanged(&request, &tag)? {
        return Ok((StatusCode::NOT_MODIFIED, known).into_response());
    }
    // A link is signed for one method.
    if method == Method::GET
        && verifies(&request)?
        && let Some(link) = app.data().link(&grant).await?
    {
        known.insert(header::LOCATION, header_value(link));
        known.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        return Ok((StatusCode::TEMPORARY_REDIRECT, known).into_response());
    }
    let size_bytes = read.size_bytes;
    let range = match wanted(range_header(&request, &tag)?, size_bytes) {
        Wanted::Whole => None,
        Wanted::Part(range) => Some(range),
        Wanted::Unsatisfiable => return Err(not_satisfiable(size_bytes)),
    };
    let status = if let Some(range) = &range {
        let content = format!("bytes {}-{}/{size_bytes}", range.start, range.end - 1);
        known.insert(header::CONTENT_RANGE, header_value(content));
        StatusCode::PARTIAL_CONTENT
    } else {
        StatusCode::OK
    };
    let mut download = app.data().open_blob(&grant, range).await?;
    // Before the head of the answer is out, damage can still be said instead of shown by breaking off.
    let first = download.stream.next().await.transpose()?;
    let stream = stream::iter(first.map(Ok)).chain(download.stream);
    known.insert(header::CONTENT_LENGTH, HeaderValue::from(download.range.end - download.range.start));
    known.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    // What was deposited is shown by no browser as a page of ours.
    known.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok((status, known, Body::from_stream(stream)).into_response())
}

/// Whether the caller compares what it gets with the BLAKE3 of the blob.
fn verifies(headers: &HeaderMap) -> Result<bool, Problem> {
    Ok(text(headers, &VERIFIES)?.is_some_and(|digest| digest.eq_ignore_ascii_case("blake3")))
}

/// What the grant allows to read, if that is the blob that the path names.
pub(super) fn to_read<'g>(grant: &'g Admitted, digest: &Digest) -> Result<&'g Read, Problem> {
    let Operation::Read(read) = &grant.operation else {
        return Err(Problem::new(Code::GrantNarrower, "The grant is for an upload, not to read."));
    };
    if !read.digests.matches(digest) {
        return Err(Problem::new(Code::GrantNarrower, "The grant is for another blob."));
    }
    Ok(read)
}

/// The `Range` header, unless `If-Range` names other bytes than these.
fn range_header<'h>(headers: &'h HeaderMap, tag: &str) -> Result<Option<&'h str>, Problem> {
    let range = text(headers, &header::RANGE)?;
    match text(headers, &header::IF_RANGE)?.map(EntityTag::parse) {
        None => Ok(range),
        Some(Ok(EntityTag { opaque, weak: false })) if opaque == tag => Ok(range),
        // A date, a weak tag, another tag: not known to be the same bytes, so all of them (RFC 9110 section 13.1.5).
        Some(_) => Ok(None),
    }
}

/// 416, with the size that there is.
pub(super) fn not_satisfiable(size_bytes: u64) -> Problem {
    Problem::new(Code::RangeNotSatisfiable, format!("The blob has {size_bytes} bytes."))
        .header(header::CONTENT_RANGE, header_value(format_args!("bytes */{size_bytes}")))
}
