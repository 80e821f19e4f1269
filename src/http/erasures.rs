//! `/v1/repositories/{repository}/-/manifests/{reference}/erasure` and `/v1/documents/{digest}/erasure`.

use axum::extract::State;

use super::app::App;
use super::collection::amount;
use super::json::Json;
use super::path::Path;
use super::problem::Problem;
use crate::control::Context;
use crate::control::erasures::Erase;
use crate::kernel::digest::Digest;
use crate::kernel::id::{Reference, RepositoryName};
use crate::kernel::statement::{self, Key, Statement};
use crate::wire::erasure as wire;

pub(super) async fn package(
    State(app): State<App>,
    context: Context,
    Path((repository, reference)): Path<(RepositoryName, Reference)>,
    Json(request): Json<wire::ErasePackage>,
) -> Result<Json<wire::ErasedPackage>, Problem> {
    let statement = ground(request.authority, request.reason)?;
    let request = Erase { statement, everywhere: request.everywhere, after: request.after };
    let erased = app.erase(&context, &repository, &reference, &request).await?;
    let pins = erased.pins.into_iter();
    Ok(Json(wire::ErasedPackage {
        digest: erased.manifest,
        position: erased.position,
        repositories: erased.repositories,
        pins: pins.map(|(repository, pin)| wire::ReleasedPin { repository, pin }).collect(),
        documents_erased: erased.documents_erased,
        still_in: erased.still_in,
        still_in_others: erased.still_in_others,
        listed_by: erased.listed_by,
        referrers: erased.referrers,
        subject: erased.subject,
        started: amount(erased.step.started),
        deleted: amount(erased.step.deleted),
        failed: erased.step.failed,
        failure: erased.step.reason,
        kept_blobs: erased.kept,
        next: erased.next,
    }))
}

pub(super) async fn document(
    State(app): State<App>,
    context: Context,
    Path(digest): Path<Digest>,
    Json(request): Json<wire::EraseDocument>,
) -> Result<Json<wire::ErasedDocument>, Problem> {
    let statement = ground(request.authority, request.reason)?;
    let erased = app.node().erase_document(&context, &digest, &statement).await?;
    let (digest, position, before) = (erased.document, erased.position, erased.before);
    Ok(Json(wire::ErasedDocument { digest, position, before }))
}

fn ground(authority: String, reason: String) -> Result<Statement, statement::Error> {
    Statement::new([(Key::Authority, authority), (Key::Reason, reason)])
}
