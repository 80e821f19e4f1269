//! `/log`: the log for those who audit it.
//!
//! - `events` is one route in five forms, chosen by `Accept`: a JSON page, NDJSON, server-sent events, the exact
//!   records one after the other (`application/cbor-seq`, RFC 8742), which is what a verifier wants, and a page of
//!   CloudEvents, whose next one is in `Link: <..>; rel="next"`.
//! - `after` is the position after which to read; without it, from the beginning.
//! - `log:read` sees all; who may pull from a repository may ask for `?repository=` and sees what concerns it.

mod form;
mod stream;

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use self::form::Form;
use super::accept;
use super::app::App;
use super::json::Json;
use super::page::take_limit;
use super::path::Path;
use super::precondition::{header_value, unchanged};
use super::problem::{Code, Problem};
use super::query::Query;
use super::tus::headers::{number, text};
use crate::access::{Action, Caller};
use crate::control::repositories;
use crate::kernel::digest::Digests;
use crate::kernel::event::Fact;
use crate::log::{checkpoint as notes, read};
use crate::wire::cloud_event::{self, CloudEvent};
use crate::wire::event::{EventEntry, Events};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The forms of `events`, the first for who does not say.
const JSON: &str = "application/json";
const OFFERS: [&str; 5] = [
    JSON,
    Form::NdJson.media_type(),
    Form::Sse.media_type(),
    Form::CborSeq.media_type(),
    cloud_event::BATCH_MEDIA_TYPE,
];

pub(super) async fn events(
    State(app): State<App>,
    caller: Caller,
    mut query: Query,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let offer = negotiate(&headers)?;
    let mut wanted = wanted(&mut query)?;
    admit(&app, &caller, &wanted).await?;
    let form = match offer {
        1 => Form::NdJson,
        2 => Form::Sse,
        3 => Form::CborSeq,
        page_form => {
            let limit = take_limit(&mut query)?;
            query.finish()?;
            let page = page(&app, &wanted, limit).await?;
            let is_json = page_form == 0;
            return Ok(if is_json { Json(page).into_response() } else { batch(&app, &wanted, limit, page) });
        }
    };
    if form == Form::Sse
        && let Some(last) = number(&headers, &LAST_EVENT_ID)?
    {
        wanted.from = last.saturating_add(1);
    }
    let limit = query.take("limit")?;
    // An event source that ends is asked again at once, so it goes on unless told otherwise.
    let follow = query.take("follow")?.unwrap_or(form == Form::Sse);
    query.finish()?;
    let known = [
        (header::CONTENT_TYPE, form.media_type()),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "Accept"),
    ];
    Ok((known, stream::body(&app, stream::Wanted { query: wanted, form, limit, follow })).into_response())
}

fn negotiate(headers: &HeaderMap) -> Result<usize, Problem> {
    let chosen = accept::negotiate(text(headers, &header::ACCEPT)?, &OFFERS)
        .map_err(|error| Problem::new(Code::InvalidHeader, format!("Header `accept`: {error}.")))?;
    chosen.ok_or_else(|| Problem::new(Code::NotAcceptable, format!("Offered are {}.", OFFERS.join(", "))))
}

fn wanted(query: &mut Query) -> Result<read::Query, Problem> {
    let types: Vec<String> = query.take_all("type")?;
    if let Some(unknown) = types.iter().find(|name| !Fact::TYPES.contains(&name.as_str())) {
        let (unknown, known) = (unknown.chars().take(64).collect::<String>(), Fact::TYPES.join(", "));
        return Err(Problem::new(
            Code::InvalidQuery,
            format!("No event has type `{unknown}`; there are {known}."),
        ));
    }
    Ok(read::Query {
        from: query.take::<u64>("after")?.map_or(0, |after| after.saturating_add(1)),
        types,
        repository: query.take("repository")?,
        stream: query.take("stream")?,
    })
}

/// `log:read`, or being allowed to read the repository that is asked for.
async fn admit(app: &App, caller: &Caller, wanted: &read::Query) -> Result<(), Problem> {
    match &wanted.repository {
        Some(repository) if !caller.allows(Action::LogRead) => {
            repositories::get(app.control(), caller, repository).await?;
            Ok(())
        }
        _ => Ok(caller.require(Action::LogRead)?),
    }
}

async fn page(app: &App, wanted: &read::Query, limit: u32) -> Result<Events, Problem> {
    let page = read::page(app.node().pool(), wanted, limit).await?;
    let next = (page.next < page.size).then(|| page.next - 1);
    let mut events = Vec::with_capacity(page.records.len());
    for raw in page.records {
        let recorded = raw.decode()?;
        events.push(EventEntry::new(recorded.position, &recorded.event));
    }
    Ok(Events { events, head: page.size, next })
}

/// The page as CloudEvents. Their batch is a bare list, so where the next one begins goes into a header.
fn batch(app: &App, wanted: &read::Query, limit: u32, page: Events) -> Response {
    let log = app.node().log_name();
    let events: Vec<_> = page.events.into_iter().map(|entry| CloudEvent::new(log, entry)).collect();
    let mut response = Json(events).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(cloud_event::BATCH_MEDIA_TYPE));
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    if let Some(after) = page.next {
        let link = header_value(format_args!("<{}>; rel=\"next\"", path_behind(wanted, limit, after)));
        headers.insert(header::LINK, link);
    }
    response
}

/// The same question, behind that position.
fn path_behind(wanted: &read::Query, limit: u32, after: u64) -> String {
    let mut path = format!("/log/events?after={after}&limit={limit}");
    for name in &wanted.types {
        let _ = write!(path, "&type={name}");
    }
    if let Some(repository) = &wanted.repository {
        let _ = write!(path, "&repository={repository}");
    }
    if let Some(stream) = &wanted.stream {
        let _ = write!(path, "&stream={stream}");
    }
    path
}

/// The newest signed checkpoint, a C2SP signed note.
pub(super) async fn checkpoint(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.require(Action::LogRead)?;
    let note =
        notes::latest(app.node().pool()).await.map_err(|error| Problem::failure(Code::Unavailable, error))?;
    let note = note.ok_or_else(|| {
        Problem::new(
            Code::CheckpointUnknown,
            "The log is not signed yet; about a second after the first event it is.",
        )
    })?;
    let tag = Digests::of(note.as_bytes()).blake3.to_string();
    let known = [
        (header::ETAG, header_value(format_args!("\"{tag}\""))),
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    if unchanged(&headers, &tag)? {
        return Ok((StatusCode::NOT_MODIFIED, known).into_response());
    }
    Ok((known, note).into_response())
}

/// One record, exactly as it is hashed. It never changes.
pub(super) async fn entry(
    State(app): State<App>,
    caller: Caller,
    Path(position): Path<u64>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.require(Action::LogRead)?;
    let raw = read::entry(app.node().pool(), position).await?;
    let raw =
        raw.ok_or_else(|| Problem::new(Code::PositionUnknown, format!("No event has position {position}.")))?;
    let tag = Digests::of(&raw.record).blake3.to_string();
    let known = [
        (header::ETAG, header_value(format_args!("\"{tag}\""))),
        (header::CONTENT_TYPE, HeaderValue::from_static("application/cbor")),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable")),
    ];
    if unchanged(&headers, &tag)? {
        return Ok((StatusCode::NOT_MODIFIED, known).into_response());
    }
    Ok((known, raw.record).into_response())
}
