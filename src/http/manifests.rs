//! `/v1/repositories/{repository}/-/manifests`: packages accepted and given back, in three forms.
//!
//! - The native form is the exact bytes that were accepted; the OCI form is the rendering frozen then; JSON is for people
//!   and scripts and has no digest of its own.
//! - `ETag` is the digest of the form that is given, so that caches never mix forms; `Strongroom-Digest` always names the
//!   manifest.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::json::Json;
use super::page::Page;
use super::path::Path;
use super::precondition::{header_value, of_tag, unchanged};
use super::problem::{Code, Problem};
use super::tus::headers::text;
use super::{accept as negotiation, body, manifest_json};
use crate::access::Caller;
use crate::control::{Context, manifests};
use crate::kernel::id::{Reference, RepositoryName};
use crate::kernel::limits::DOCUMENT_MAX_BYTES;
use crate::kernel::manifest::MediaType;
use crate::wire::manifest as wire;
use crate::wire::time::Timestamp;

pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(repository): Path<RepositoryName>,
    page: Page<u64>,
) -> Result<Response, Problem> {
    let found = manifests::list(app.control(), &caller, &repository, page.after, page.limit).await?;
    let (count, last) = (found.len(), found.last().map(|listed| listed.manifest.position));
    Ok(page.answer(wire::Manifests { manifests: found.into_iter().map(draw).collect() }, count, last))
}

fn draw(listed: manifests::Listed) -> wire::ManifestSummary {
    let manifests::Listed { manifest, tags, pins } = listed;
    wire::ManifestSummary {
        digest: manifest.blake3,
        sha256: manifest.sha256,
        artifact_type: manifest.artifact_type,
        size: manifest.size_bytes,
        blobs: manifest.blobs,
        bytes: manifest.blobs_bytes,
        accepted_at: Timestamp::from_ms(manifest.accepted_at_ms),
        tags,
        pins,
    }
}

pub(super) async fn accept(
    State(app): State<App>,
    context: Context,
    Path((repository, reference)): Path<(RepositoryName, Reference)>,
    request: Request,
) -> Result<Response, Problem> {
    let precondition = of_tag(request.headers())?;
    check_media_type(request.headers())?;
    let bytes = body::whole(request.into_body(), DOCUMENT_MAX_BYTES).await?;
    let accepted =
        manifests::accept(app.control(), &context, &repository, &reference, &bytes, precondition).await?;
    let document = draw_accepted(&accepted);
    let location = format!("/v1/repositories/{repository}/-/manifests/{}", document.digest);
    let status = if accepted.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, [(header::LOCATION, location)], Json(document)).into_response())
}

pub(super) fn draw_accepted(accepted: &manifests::Accepted) -> wire::AcceptedManifest {
    wire::AcceptedManifest {
        digest: accepted.digests.blake3,
        sha256: accepted.digests.sha256,
        oci_digest: accepted.oci_sha256,
        size: accepted.size_bytes,
        position: accepted.position,
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let (manifest, index) = (MediaType::MANIFEST, MediaType::INDEX);
    match text(headers, &header::CONTENT_TYPE)? {
        Some(media_type) if [manifest.as_str(), index.as_str()].contains(&media_type) => Ok(()),
        _ => {
            let told = format!("Send `Content-Type: {manifest}`, or `{index}`.");
            Err(Problem::new(Code::MediaTypeUnsupported, told))
        }
    }
}

/// The forms in which a manifest is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Native,
    Oci,
    Json,
}

pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path((repository, reference)): Path<(RepositoryName, Reference)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = manifests::find(app.control(), &caller, &repository, &reference).await?;
    let form = negotiate(&headers, &found.media_type)?;
    let etag = match (form, found.oci_sha256) {
        (Form::Native, _) => format!("\"{}\"", found.blake3),
        (Form::Oci, Some(rendering)) => format!("\"{rendering}\""),
        (Form::Oci, None) | (Form::Json, _) => format!("W/\"{}\"", found.blake3),
    };
    let known = [
        (header::ETAG, header_value(&etag)),
        (header::VARY, HeaderValue::from_static("Accept")),
        (super::bytes::DIGEST, header_value(found.blake3)),
        (super::bytes::SHA256, header_value(found.sha256)),
    ];
    if unchanged(&headers, etag.trim_start_matches("W/").trim_matches('"'))? {
        return Ok((StatusCode::NOT_MODIFIED, known).into_response());
    }
    // By its digest: the tag may have moved since it was looked up.
    let exactly = Reference::Digest(found.blake3.into());
    let stored = if form == Form::Oci { manifests::Form::Oci } else { manifests::Form::Native };
    let fetched = manifests::get(app.control(), &caller, &repository, &exactly, stored).await?;
    if form == Form::Json {
        return Ok((known, Json(manifest_json::draw(&fetched)?)).into_response());
    }
    Ok((known, [(header::CONTENT_TYPE, header_value(&fetched.media_type))], fetched.bytes).into_response())
}

fn negotiate(headers: &HeaderMap, native: &str) -> Result<Form, Problem> {
    let is_index = native == MediaType::INDEX.as_str();
    let oci = if is_index { MediaType::OCI_INDEX } else { MediaType::OCI_MANIFEST };
    let offers = [native, oci.as_str(), "application/json"];
    let accept = text(headers, &header::ACCEPT)?;
    let chosen = negotiation::negotiate(accept, &offers)
        .map_err(|error| Problem::new(Code::InvalidHeader, format!("Header `accept`: {error}.")))?
        .ok_or_else(|| Problem::new(Code::NotAcceptable, format!("Offered are {}.", offers.join(", "))))?;
    Ok([Form::Native, Form::Oci, Form::Json][chosen])
}
