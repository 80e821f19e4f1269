//! `/v1/repositories/{repository}/-/publications`: a package accepted and a pin moved to it, in one step.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::app::App;
use super::json::{self, Json};
use super::manifests::draw_accepted;
use super::path::Path;
use super::pins::{draw_set, expected, said};
use super::precondition::of_tag;
use super::problem::{Code, Problem};
use crate::control::{Context, manifests, pins};
use crate::kernel::id::RepositoryName;
use crate::kernel::limits::PUBLICATION_MAX_BYTES;
use crate::wire::pin as wire;

pub(super) async fn publish(
    State(app): State<App>,
    context: Context,
    Path(repository): Path<RepositoryName>,
    request: Request,
) -> Result<Response, Problem> {
    let header = of_tag(request.headers())?;
    let request: wire::Publish = json::of_at_most(request, PUBLICATION_MAX_BYTES).await?;
    let bytes = STANDARD
        .decode(&request.manifest)
        .map_err(|error| Problem::new(Code::InvalidBody, format!("`manifest` is base64: {error}.")))?;
    let precondition = expected(header, request.expected)?;
    let pin = pins::Wanted { pin: request.pin, said: said(request.said)?, precondition };
    let published =
        manifests::publish(app.control(), &context, &repository, &bytes, request.tag, pin).await?;
    let status = if published.manifest.created { StatusCode::CREATED } else { StatusCode::OK };
    let document =
        wire::Published { manifest: draw_accepted(&published.manifest), pin: draw_set(published.pin) };
    Ok((status, Json(document)).into_response())
}
