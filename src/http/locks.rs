//! `/v1/repositories/{repository}/-/manifests/{reference}/lock`.

use axum::extract::State;

use super::app::App;
use super::json::Json;
use super::path::Path;
use super::problem::{Code, Problem};
use crate::control::Context;
use crate::control::locks::{self, Changed};
use crate::kernel::id::{Reference, RepositoryName};
use crate::kernel::statement::Statement;
use crate::wire::lock as wire;
use crate::wire::time::Timestamp;

pub(super) async fn extend(
    State(app): State<App>,
    context: Context,
    Path((repository, reference)): Path<(RepositoryName, Reference)>,
    Json(request): Json<wire::ExtendLock>,
) -> Result<Json<wire::PackageLocks>, Problem> {
    let mode = request.mode.parse();
    let mode =
        mode.map_err(|expected| Problem::new(Code::InvalidArgument, format!("`mode`: {expected}.")))?;
    let statement = Statement::because(request.reason)?;
    let until_ms = request.until.as_ms();
    let extended =
        locks::extend(app.control(), &context, &repository, &reference, mode, until_ms, &statement).await?;
    Ok(Json(draw(&extended)))
}

pub(super) async fn bypass(
    State(app): State<App>,
    context: Context,
    Path((repository, reference)): Path<(RepositoryName, Reference)>,
    Json(request): Json<wire::BypassLock>,
) -> Result<Json<wire::PackageLocks>, Problem> {
    let statement = Statement::because(request.reason)?;
    let until_ms = request.until.map(Timestamp::as_ms);
    let bypassed =
        locks::bypass(app.control(), &context, &repository, &reference, until_ms, &statement).await?;
    Ok(Json(draw(&bypassed)))
}

fn draw(changed: &Changed) -> wire::PackageLocks {
    let until = |end: Option<crate::views::retention::End>| end.map(|end| Timestamp::from_ms(end.until_ms));
    wire::PackageLocks {
        digest: changed.manifest,
        governance_until: until(changed.locks.governance),
        compliance_until: until(changed.locks.compliance),
        bypassed_until: until(changed.locks.bypassed),
        position: changed.position,
    }
}
