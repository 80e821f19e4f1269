//! `/v1/tiers` and `/v1/retrievals`.

use axum::extract::State;
use axum::response::Response;

use super::app::App;
use super::collection::amount;
use super::json::Json;
use super::page::Page;
use super::path::Path;
use super::problem::Problem;
use crate::access::Caller;
use crate::control::Context;
use crate::control::retrievals::{self, Found};
use crate::control::tiers;
use crate::kernel::id::{RepositoryName, RetrievalId};
use crate::wire::retrieval::{RetrievalEntry, Retrievals, RetrievePackage};
use crate::wire::tier as wire;
use crate::wire::time::Timestamp;

pub(super) async fn status(
    State(app): State<App>,
    context: Context,
) -> Result<Json<wire::TierStatus>, Problem> {
    let stores = tiers::status(app.control(), &context).await?;
    let draw = |store: tiers::StoreStatus| wire::StoreStanding {
        store: store.store,
        tier: store.tier.map(|tier| tier.to_string()),
        lying: amount(store.lying),
        moves: store
            .moves
            .into_iter()
            .map(|(to_store, moves)| wire::WaitingMove { to_store, amount: amount(moves) })
            .collect(),
    };
    Ok(Json(wire::TierStatus { stores: stores.into_iter().map(draw).collect() }))
}

pub(super) async fn step(
    State(app): State<App>,
    context: Context,
    Json(request): Json<wire::MoveBlobs>,
) -> Result<Json<wire::MovedBlobs>, Problem> {
    let step = app.move_some(&context, request.from).await?;
    Ok(Json(wire::MovedBlobs {
        moved: amount(step.moved),
        restoring: step.restoring,
        large: step.large,
        overtaken: step.overtaken,
        failed: step.failed,
        reason: step.reason,
        next: step.next,
    }))
}

pub(super) async fn retrieve(
    State(app): State<App>,
    context: Context,
    Json(request): Json<RetrievePackage>,
) -> Result<Json<RetrievalEntry>, Problem> {
    let found = app.retrieve(&context, &request.repository, &request.reference, request.days).await?;
    Ok(Json(draw(found)))
}

pub(super) async fn retrieval(
    State(app): State<App>,
    caller: Caller,
    Path(retrieval): Path<RetrievalId>,
) -> Result<Json<RetrievalEntry>, Problem> {
    Ok(Json(draw(retrievals::get(app.control(), &caller, retrieval).await?)))
}

pub(super) async fn retrievals(
    State(app): State<App>,
    caller: Caller,
    Path(repository): Path<RepositoryName>,
    page: Page<u64>,
) -> Result<Response, Problem> {
    let found = retrievals::list(app.control(), &caller, &repository, page.after, page.limit).await?;
    let (count, last) = (found.len(), found.last().map(|(row, _)| row.position));
    Ok(page.answer(Retrievals { retrievals: found.into_iter().map(draw).collect() }, count, last))
}

/// As it is shown.
pub(super) fn draw((row, state): Found) -> RetrievalEntry {
    RetrievalEntry {
        retrieval: row.retrieval,
        repository: row.repository,
        digest: row.manifest,
        state: state.name().to_owned(),
        days: row.days,
        blobs: row.blobs,
        bytes: row.bytes,
        requested_at: Timestamp::from_ms(row.requested_at_ms),
        actor: row.requested_by,
        position: row.position,
        restoring_at: row.restoring_at_ms.map(Timestamp::from_ms),
        available_at: row.available_ms.map(|(at_ms, _)| Timestamp::from_ms(at_ms)),
        until: row.available_ms.map(|(_, until_ms)| Timestamp::from_ms(until_ms)),
        failed_at: row.failed.map(|(at_ms, _)| Timestamp::from_ms(at_ms)),
        code: row.failed.map(|(_, code)| code.to_string()),
    }
}
