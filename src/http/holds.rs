//! `/v1/holds`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::json::Json;
use super::page::Page;
use super::path::Path;
use super::problem::{Code, Problem};
use crate::access::Caller;
use crate::control::Context;
use crate::control::holds::{self, Known, Place, Target};
use crate::kernel::event::HoldTarget;
use crate::kernel::id::HoldName;
use crate::kernel::statement::{Key, Statement};
use crate::retention::FixedSelector;
use crate::wire::hold as wire;
use crate::wire::time::Timestamp;

pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    page: Page<HoldName>,
) -> Result<Response, Problem> {
    let found = holds::list(app.control(), &caller, page.after.as_ref(), page.limit).await?;
    let (count, last) = (found.len(), found.last().map(|known| known.hold.hold.clone()));
    Ok(page.answer(wire::Holds { holds: found.into_iter().map(draw).collect() }, count, last))
}

pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(hold): Path<HoldName>,
) -> Result<Json<wire::HoldEntry>, Problem> {
    Ok(Json(draw(holds::get(app.control(), &caller, &hold).await?)))
}

pub(super) async fn place(
    State(app): State<App>,
    context: Context,
    Json(request): Json<wire::PlaceHold>,
) -> Result<Response, Problem> {
    let kind = request.kind.parse().map_err(|expected| invalid("kind", expected))?;
    let target = match (request.repository, request.reference, request.query) {
        (Some(repository), Some(reference), None) => Target::Package(repository, reference),
        (Some(repository), None, None) => Target::Repository(repository),
        (None, None, Some(query)) => Target::Query(selector(query)?),
        _ => {
            let told = "Name a `repository`, a `repository` and a `reference`, or a `query`.";
            return Err(Problem::new(Code::InvalidArgument, told));
        }
    };
    let matter = request.matter.map(|matter| (Key::Matter, matter));
    let statement = Statement::new([(Key::Reason, request.reason)].into_iter().chain(matter))?;
    let place = Place { hold: request.hold, kind, target, statement };
    let placed = holds::place(app.control(), &context, &place).await?;
    Ok((StatusCode::CREATED, Json(draw(placed))).into_response())
}

pub(super) async fn release(
    State(app): State<App>,
    context: Context,
    Path(hold): Path<HoldName>,
    Json(request): Json<wire::ReleaseHold>,
) -> Result<Json<wire::HoldEntry>, Problem> {
    let statement = Statement::because(request.reason)?;
    Ok(Json(draw(holds::release(app.control(), &context, &hold, &statement).await?)))
}

fn selector(query: wire::HoldQuery) -> Result<FixedSelector, Problem> {
    fn parsed<T, C>(field: &'static str, texts: &[String]) -> Result<C, Problem>
    where
        T: std::str::FromStr<Err: std::fmt::Display>,
        C: FromIterator<T>,
    {
        texts.iter().map(|text| text.parse().map_err(|error| invalid(field, error))).collect()
    }
    let ms = |time: Option<Timestamp>| time.map(Timestamp::as_ms);
    let selector = FixedSelector {
        repositories: parsed("repositories", &query.repositories)?,
        artifact_types: parsed("artifact_types", &query.artifact_types)?,
        media_types: parsed("media_types", &query.media_types)?,
        annotations: query.annotations,
        has_annotations: query.has_annotations,
        accepted_after_ms: ms(query.accepted_after),
        accepted_before_ms: ms(query.accepted_before),
    };
    // What cannot be read back is not written.
    match FixedSelector::decode(&selector.encode()) {
        Ok(selector) => Ok(selector),
        Err(error) => Err(invalid("query", error)),
    }
}

fn invalid(field: &str, reason: impl std::fmt::Display) -> Problem {
    Problem::new(Code::InvalidArgument, format!("`{field}`: {reason}."))
}

fn draw(known: Known) -> wire::HoldEntry {
    let Known { hold, selector, statement, release } = known;
    let digest = match hold.target {
        HoldTarget::Package(_, digest) => Some(digest),
        HoldTarget::Repository(_) | HoldTarget::Query(_) => None,
    };
    let said = |key| statement.as_ref().and_then(|statement| statement.get(key).map(str::to_owned));
    wire::HoldEntry {
        kind: hold.kind.to_string(),
        repository: hold.target.repository().cloned(),
        digest,
        query: selector.map(query),
        matter: said(Key::Matter),
        reason: said(Key::Reason),
        placed_at: Timestamp::from_ms(hold.placed_at_ms),
        actor: hold.placed_by,
        position: hold.position,
        released: hold.released.map(|end| wire::HoldRelease {
            at: Timestamp::from_ms(end.at_ms),
            actor: end.by,
            reason: release.as_ref().and_then(Statement::reason).map(str::to_owned),
            position: end.position,
        }),
        hold: hold.hold,
    }
}

fn query(selector: FixedSelector) -> wire::HoldQuery {
    wire::HoldQuery {
        repositories: selector.repositories.iter().map(ToString::to_string).collect(),
        artifact_types: selector.artifact_types.iter().map(ToString::to_string).collect(),
        media_types: selector.media_types.iter().map(ToString::to_string).collect(),
        annotations: selector.annotations,
        has_annotations: selector.has_annotations,
        accepted_after: selector.accepted_after_ms.map(Timestamp::from_ms),
        accepted_before: selector.accepted_before_ms.map(Timestamp::from_ms),
    }
}
