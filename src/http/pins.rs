//! `/v1/repositories/{repository}/-/pins`. A pin's entity tag is the digest that it claims.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::json::Json;
use super::page::Page;
use super::path::Path;
use super::precondition::{header_value, of_tag, unchanged};
use super::problem::{Code, Problem};
use super::query::Query;
use crate::access::Caller;
use crate::control::pins::{self, Changed, Pin, Said, When};
use crate::control::{Context, Precondition};
use crate::kernel::digest::Digest;
use crate::kernel::id::{PinName, RepositoryName};
use crate::kernel::statement::{Key, Statement};
use crate::wire::pin as wire;
use crate::wire::time::Timestamp;

pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(repository): Path<RepositoryName>,
    page: Page<PinName>,
) -> Result<Response, Problem> {
    let found = pins::list(app.control(), &caller, &repository, page.after.as_ref(), page.limit).await?;
    let (count, last) = (found.len(), found.last().map(|found| found.row.pin.clone()));
    Ok(page.answer(wire::Pins { pins: found.into_iter().map(draw).collect() }, count, last))
}

/// What it claims now; with `?at=`, a position or a time, what it claimed then.
pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path((repository, pin)): Path<(RepositoryName, PinName)>,
    mut query: Query,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let at = query.take::<String>("at")?.map(|at| when(&at)).transpose()?;
    query.finish()?;
    let entry = match at {
        None => draw(pins::get(app.control(), &caller, &repository, &pin).await?),
        Some(when) => {
            let changed = pins::at(app.control(), &caller, &repository, &pin, when).await?;
            draw_then(pin, changed)?
        }
    };
    let etag = [(header::ETAG, header_value(format_args!("\"{}\"", entry.digest)))];
    if unchanged(&headers, &entry.digest.to_string())? {
        return Ok((StatusCode::NOT_MODIFIED, etag).into_response());
    }
    Ok((etag, Json(entry)).into_response())
}

fn when(text: &str) -> Result<When, Problem> {
    if let Ok(position) = text.parse() {
        return Ok(When::Position(position));
    }
    let time: Result<Timestamp, _> = text.parse();
    time.map(|time| When::Ms(time.as_ms())).map_err(|error| {
        let told = format!("Query parameter `at` is a position, or a time: {error}.");
        Problem::new(Code::InvalidQuery, told).member("parameter", "at")
    })
}

pub(super) async fn set(
    State(app): State<App>,
    context: Context,
    Path((repository, pin)): Path<(RepositoryName, PinName)>,
    headers: HeaderMap,
    Json(request): Json<wire::SetPin>,
) -> Result<Json<wire::PinChanged>, Problem> {
    let precondition = expected(of_tag(&headers)?, request.expected)?;
    let wanted = pins::Wanted { pin, said: said(request.said)?, precondition };
    let set = pins::set(app.control(), &context, &repository, &wanted, &request.digest).await?;
    Ok(Json(draw_set(set)))
}

pub(super) async fn release(
    State(app): State<App>,
    context: Context,
    Path((repository, pin)): Path<(RepositoryName, PinName)>,
    headers: HeaderMap,
    Json(request): Json<wire::ReleasePin>,
) -> Result<Json<wire::PinReleased>, Problem> {
    let precondition = expected(of_tag(&headers)?, request.expected.map(Some))?;
    let released =
        pins::release(app.control(), &context, &repository, &pin, &request.reason, precondition).await?;
    Ok(Json(wire::PinReleased { pin, previous: released.previous, position: released.position }))
}

pub(super) async fn history(
    State(app): State<App>,
    caller: Caller,
    Path((repository, pin)): Path<(RepositoryName, PinName)>,
    page: Page<u64>,
) -> Result<Response, Problem> {
    let found = pins::history(app.control(), &caller, &repository, &pin, page.after, page.limit).await?;
    let (count, last) = (found.len(), found.last().map(|changed| changed.position));
    Ok(page.answer(wire::PinHistory { changes: found.into_iter().map(draw_change).collect() }, count, last))
}

/// What is expected, from a header or the body.
pub(super) fn expected(header: Precondition, body: Option<Option<Digest>>) -> Result<Precondition, Problem> {
    match (header, body) {
        (precondition, None) => Ok(precondition),
        (Precondition::Any, Some(None)) => Ok(Precondition::Absent),
        (Precondition::Any, Some(Some(digest))) => Ok(Precondition::Is(digest)),
        (_, Some(_)) => {
            let told = "Say what you expect in the body's `expected` or in a header, not in both.";
            Err(Problem::new(Code::InvalidArgument, told))
        }
    }
}

pub(super) fn said(said: wire::Said) -> Result<Said, Problem> {
    let wire::Said { reason, source, revision, build } = said;
    let values =
        [(Key::Reason, reason), (Key::Source, source), (Key::Revision, revision), (Key::Build, build)];
    let values = values.into_iter().filter_map(|(key, value)| Some((key, value?)));
    Ok(Said::new(values).map_err(pins::Refused::from)?)
}

fn draw_said(says: Option<&Statement>) -> wire::Said {
    let value = |key| says.and_then(|says| says.get(key)).map(str::to_owned);
    wire::Said {
        reason: value(Key::Reason),
        source: value(Key::Source),
        revision: value(Key::Revision),
        build: value(Key::Build),
    }
}

fn draw(pin: Pin) -> wire::PinEntry {
    wire::PinEntry {
        digest: pin.row.manifest,
        updated_at: Timestamp::from_ms(pin.row.set_at_ms),
        actor: pin.row.set_by,
        position: pin.row.position,
        statement: pin.row.statement,
        said: draw_said(pin.says.as_ref()),
        pin: pin.row.pin,
    }
}

fn draw_then(pin: PinName, changed: Changed) -> Result<wire::PinEntry, Problem> {
    let digest =
        changed.manifest.ok_or_else(|| Problem::failure(Code::Internal, "a released pin was found"))?;
    Ok(wire::PinEntry {
        pin,
        digest,
        updated_at: Timestamp::from_ms(changed.at_ms),
        actor: changed.actor,
        position: changed.position,
        statement: changed.statement,
        said: draw_said(changed.says.as_ref()),
    })
}

pub(super) fn draw_set(set: pins::Set) -> wire::PinChanged {
    wire::PinChanged {
        pin: set.pin,
        digest: set.manifest,
        previous: set.previous,
        position: set.position.unwrap_or_default(),
        said: draw_said(set.says.as_ref()),
        missing: set.missing.into_iter().map(str::to_owned).collect(),
    }
}

fn draw_change(changed: Changed) -> wire::PinChange {
    wire::PinChange {
        position: changed.position,
        at: Timestamp::from_ms(changed.at_ms),
        actor: changed.actor,
        digest: changed.manifest,
        previous: changed.previous,
        statement: changed.statement,
        said: draw_said(changed.says.as_ref()),
    }
}
