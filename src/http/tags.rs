//! `/v1/repositories/{repository}/-/tags`. A tag's entity tag is the digest that it names.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::json::Json;
use super::page::Page;
use super::path::Path;
use super::precondition::{header_value, of_tag, unchanged};
use super::problem::{Code, Problem};
use crate::access::Caller;
use crate::control::{Context, Precondition, tags};
use crate::kernel::id::{RepositoryName, Tag};
use crate::views::tags::TagRow;
use crate::wire::tag as wire;
use crate::wire::time::Timestamp;

pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(repository): Path<RepositoryName>,
    page: Page<Tag>,
) -> Result<Response, Problem> {
    let found = tags::list(app.control(), &caller, &repository, page.after.as_ref(), page.limit).await?;
    let (count, last) = (found.len(), found.last().map(|row| row.tag.clone()));
    Ok(page.answer(wire::Tags { tags: found.into_iter().map(draw).collect() }, count, last))
}

pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path((repository, tag)): Path<(RepositoryName, Tag)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let row = tags::get(app.control(), &caller, &repository, &tag).await?;
    let etag = [(header::ETAG, header_value(format_args!("\"{}\"", row.manifest)))];
    if unchanged(&headers, &row.manifest.to_string())? {
        return Ok((StatusCode::NOT_MODIFIED, etag).into_response());
    }
    Ok((etag, Json(draw(row))).into_response())
}

pub(super) async fn set(
    State(app): State<App>,
    context: Context,
    Path((repository, tag)): Path<(RepositoryName, Tag)>,
    headers: HeaderMap,
    Json(request): Json<wire::SetTag>,
) -> Result<Json<wire::TagChanged>, Problem> {
    let precondition = match (of_tag(&headers)?, request.expected) {
        (precondition, None) => precondition,
        (Precondition::Any, Some(None)) => Precondition::Absent,
        (Precondition::Any, Some(Some(digest))) => Precondition::Is(digest),
        (_, Some(_)) => {
            let told = "Say what you expect in the body's `expected` or in a header, not in both.";
            return Err(Problem::new(Code::InvalidArgument, told));
        }
    };
    let changed =
        tags::set(app.control(), &context, &repository, &tag, &request.digest, precondition).await?;
    Ok(Json(wire::TagChanged {
        tag: changed.tag,
        digest: changed.manifest,
        previous: changed.previous,
        position: changed.position,
    }))
}

pub(super) async fn remove(
    State(app): State<App>,
    context: Context,
    Path((repository, tag)): Path<(RepositoryName, Tag)>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    tags::remove(app.control(), &context, &repository, &tag, of_tag(&headers)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn draw(row: TagRow) -> wire::TagEntry {
    wire::TagEntry {
        tag: row.tag,
        digest: row.manifest,
        updated_at: Timestamp::from_ms(row.set_at_ms),
        actor: row.set_by,
    }
}
