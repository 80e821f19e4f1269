//! `/v1/repositories/{repository}/-/receipts`: what the data plane signed, handed on by whoever got it.

use axum::extract::State;

use super::app::App;
use super::json::Json;
use super::path::Path;
use super::problem::Problem;
use crate::control::{Context, receipts};
use crate::kernel::id::RepositoryName;
use crate::wire::receipt as wire;

pub(super) async fn deliver(
    State(app): State<App>,
    context: Context,
    Path(repository): Path<RepositoryName>,
    Json(request): Json<wire::DeliverReceipt>,
) -> Result<Json<wire::AcceptedReceipt>, Problem> {
    let accepted = receipts::deliver(app.control(), &context, &repository, request.receipt.reveal()).await?;
    Ok(Json(wire::AcceptedReceipt {
        digest: accepted.digests.blake3,
        sha256: accepted.digests.sha256,
        size: accepted.size_bytes,
        position: accepted.position,
    }))
}

/// A data node hands over what it, or another, signed.
pub(super) async fn take(
    State(app): State<App>,
    context: Context,
    Json(request): Json<wire::DeliverReceipt>,
) -> Result<Json<wire::TakenReceipt>, Problem> {
    let verdict = receipts::hand_over(app.control(), &context, request.receipt.reveal()).await?;
    Ok(Json(wire::TakenReceipt { discarded: verdict == receipts::Verdict::Discarded }))
}
