//! `/v1/collection`.

use axum::extract::State;

use super::app::App;
use super::json::Json;
use super::problem::Problem;
use crate::control::Context;
use crate::control::collection::{self, Amount, Next};
use crate::wire::collection as wire;
use crate::wire::time::Timestamp;

pub(super) async fn status(
    State(app): State<App>,
    context: Context,
) -> Result<Json<wire::CollectionStatus>, Problem> {
    let status = collection::status(app.control(), &context).await?;
    Ok(Json(wire::CollectionStatus {
        grace_seconds: status.grace_ms / 1_000,
        free: amount(status.free),
        waiting: amount(status.young),
        next_at: status.next_at_ms.map(Timestamp::from_ms),
        deleting: amount(status.deleting),
        deleted: amount(status.deleted),
    }))
}

pub(super) async fn step(
    State(app): State<App>,
    context: Context,
    Json(request): Json<wire::Collect>,
) -> Result<Json<wire::Collected>, Problem> {
    let from = request.from.map(|from| Next { blob: from.blob, position: from.position });
    let step = app.collect(&context, from).await?;
    let next = step.next.map(|next| wire::NextStep { blob: next.blob, position: next.position });
    Ok(Json(wire::Collected {
        started: amount(step.started),
        deleted: amount(step.deleted),
        failed: step.failed,
        reason: step.reason,
        next,
    }))
}

/// As it is shown.
pub(super) fn amount(amount: Amount) -> wire::Amount {
    wire::Amount { count: amount.count, bytes: amount.bytes }
}
