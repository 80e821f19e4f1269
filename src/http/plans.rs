//! `/v1/plans`.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::body;
use super::json::Json;
use super::page::Page;
use super::path::Path;
use super::problem::{Code, Problem};
use super::tus::headers::text;
use crate::access::Caller;
use crate::control::Context;
use crate::control::plans::{self, Skipped};
use crate::kernel::digest::Blake3;
use crate::kernel::limits::PLAN_SUBMITTED_MAX_BYTES;
use crate::retention::Plan;
use crate::views::plans::{Act, PlanRow};
use crate::wire::application as wire;
use crate::wire::time::Timestamp;

pub(super) async fn submit(
    State(app): State<App>,
    context: Context,
    headers: HeaderMap,
    request: Body,
) -> Result<Response, Problem> {
    if text(&headers, &header::CONTENT_TYPE)? != Some(Plan::SEQUENCE_MEDIA_TYPE) {
        let told = format!("Send `Content-Type: {}`.", Plan::SEQUENCE_MEDIA_TYPE);
        return Err(Problem::new(Code::MediaTypeUnsupported, told));
    }
    let sequence = body::whole(request, PLAN_SUBMITTED_MAX_BYTES).await?;
    let submitted = plans::submit(app.control(), &context, &sequence).await?;
    Ok((StatusCode::CREATED, Json(draw(submitted))).into_response())
}

pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    page: Page<u64>,
) -> Result<Response, Problem> {
    let found = plans::list(app.control(), &caller, page.after, page.limit).await?;
    let (count, last) = (found.len(), found.last().map(|row| row.submitted.position));
    Ok(page.answer(wire::SubmittedPlans { plans: found.into_iter().map(draw).collect() }, count, last))
}

pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(plan): Path<Blake3>,
) -> Result<Json<wire::SubmittedPlan>, Problem> {
    Ok(Json(draw(plans::get(app.control(), &caller, plan).await?)))
}

pub(super) async fn documents(
    State(app): State<App>,
    caller: Caller,
    Path(plan): Path<Blake3>,
) -> Result<Response, Problem> {
    let documents = plans::documents(app.control(), &caller, plan).await?;
    let kind = [(header::CONTENT_TYPE, Plan::SEQUENCE_MEDIA_TYPE)];
    Ok((kind, documents.to_sequence()).into_response())
}

pub(super) async fn approve(
    State(app): State<App>,
    context: Context,
    Path(plan): Path<Blake3>,
) -> Result<Json<wire::SubmittedPlan>, Problem> {
    Ok(Json(draw(plans::approve(app.control(), &context, plan).await?)))
}

pub(super) async fn apply(
    State(app): State<App>,
    context: Context,
    Path(plan): Path<Blake3>,
    Json(request): Json<wire::ApplyPlan>,
) -> Result<Json<wire::AppliedStep>, Problem> {
    let step = plans::apply(app.control(), &context, plan, request.done).await?;
    let skipped = |one: Skipped| wire::SkippedPackage {
        repository: one.repository,
        digest: one.digest,
        reasons: one.reasons,
    };
    Ok(Json(wire::AppliedStep {
        done: step.done,
        items: step.items,
        deleted: step.deleted,
        deleted_bytes: step.deleted_bytes,
        locked: step.locked,
        tiered: step.tiered,
        tiered_bytes: step.tiered_bytes,
        gone: step.gone,
        skipped: step.skipped.into_iter().map(skipped).collect(),
    }))
}

fn draw(row: PlanRow) -> wire::SubmittedPlan {
    let act =
        |act: Act| wire::Act { at: Timestamp::from_ms(act.at_ms), actor: act.by, position: act.position };
    wire::SubmittedPlan {
        plan: row.plan,
        log_size: row.at_size,
        deletions: row.deletions,
        bytes: row.bytes,
        locks: row.locks,
        needs_approval: row.approve,
        submitted: act(row.submitted),
        approved: row.approved.map(act),
        applied: row.applied.map(act),
        deleted: row.deleted,
        deleted_bytes: row.deleted_bytes,
    }
}
