//! `/v1/policies`. A policy's entity tag is the digest of its document.

use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::app::App;
use super::body;
use super::json::Json;
use super::page::Page;
use super::path::Path;
use super::precondition::{header_value, unchanged};
use super::problem::{Code, Problem};
use super::query::Query;
use super::tus::headers::text;
use crate::access::Caller;
use crate::control::Context;
use crate::control::policies::{self, Form, Known};
use crate::kernel::id::PolicyName;
use crate::kernel::limits::POLICY_SOURCE_MAX_BYTES;
use crate::retention::draft::{self, Draft};
use crate::views::policies::PolicyRow;
use crate::wire::policy as wire;
use crate::wire::time::Timestamp;

pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    page: Page<PolicyName>,
) -> Result<Response, Problem> {
    let found = policies::list(app.control(), &caller, page.after.as_ref(), page.limit).await?;
    let (count, last) = (found.len(), found.last().map(|row| row.policy.clone()));
    let entry = |row: PolicyRow| wire::PolicyEntry {
        policy: row.policy,
        version: row.version,
        document: row.document,
        updated_at: Timestamp::from_ms(row.changed_at_ms),
        actor: row.changed_by,
        position: row.position,
    };
    Ok(page.answer(wire::Policies { policies: found.into_iter().map(entry).collect() }, count, last))
}

/// `?version=`: which one; none is the one that stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct WhichVersion(Option<u64>);

impl<S: Send + Sync> FromRequestParts<S> for WhichVersion {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let mut query = Query::from_request_parts(parts, state).await?;
        let version = query.take("version")?;
        query.finish()?;
        Ok(Self(version))
    }
}

pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<PolicyName>,
    WhichVersion(version): WhichVersion,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Known { row, policy } = match version {
        None => policies::get(app.control(), &caller, &name).await?,
        Some(version) => policies::version(app.control(), &caller, &name, version).await?,
    };
    let etag = [(header::ETAG, header_value(format_args!("\"{}\"", row.document)))];
    if unchanged(&headers, &row.document.to_string())? {
        return Ok((StatusCode::NOT_MODIFIED, etag).into_response());
    }
    let document = wire::PolicyDocument {
        policy: row.policy,
        version: row.version,
        standing: row.standing,
        document: row.document,
        updated_at: Timestamp::from_ms(row.changed_at_ms),
        actor: row.changed_by,
        position: row.position,
        says: draft::draw(&policy),
    };
    Ok((etag, Json(document)).into_response())
}

pub(super) async fn history(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<PolicyName>,
    page: Page<u64>,
) -> Result<Response, Problem> {
    let from = page.after.map_or(0, |after| after.saturating_add(1));
    let found = policies::history(app.control(), &caller, &name, from, page.limit).await?;
    let (count, last) = (found.len(), found.last().map(|version| version.position));
    let entry = |version: policies::Version| wire::PolicyVersion {
        version: version.version,
        document: version.document,
        at: Timestamp::from_ms(version.at_ms),
        actor: version.actor,
        position: version.position,
    };
    Ok(page.answer(wire::PolicyVersions { versions: found.into_iter().map(entry).collect() }, count, last))
}

pub(super) async fn set(
    State(app): State<App>,
    context: Context,
    Path(name): Path<PolicyName>,
    headers: HeaderMap,
    request: Body,
) -> Result<Json<wire::PolicyChanged>, Problem> {
    let draft = written(&headers, request).await?;
    let set = policies::set(app.control(), &context, &name, &draft).await?;
    let policies::Set { version, document, changed, position } = set;
    Ok(Json(wire::PolicyChanged { policy: name, version, document, changed, position }))
}

pub(super) async fn remove(
    State(app): State<App>,
    context: Context,
    Path(name): Path<PolicyName>,
) -> Result<StatusCode, Problem> {
    policies::remove(app.control(), &context, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A policy as the body has it, in the form that its media type names.
pub(super) async fn written(headers: &HeaderMap, request: Body) -> Result<Draft, Problem> {
    let form = match text(headers, &header::CONTENT_TYPE)? {
        Some(wire::TOML_MEDIA_TYPE) => Form::Toml,
        Some("application/json") => Form::Json,
        _ => {
            let told = format!("Send `Content-Type: {}`, or `application/json`.", wire::TOML_MEDIA_TYPE);
            return Err(Problem::new(Code::MediaTypeUnsupported, told));
        }
    };
    let bytes = body::whole(request, POLICY_SOURCE_MAX_BYTES).await?;
    let source = std::str::from_utf8(&bytes)
        .map_err(|error| Problem::new(Code::InvalidBody, format!("The body is not UTF-8: {error}.")))?;
    Ok(form.read(source)?)
}
