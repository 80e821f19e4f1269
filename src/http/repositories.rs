//! `/v1/repositories` and `/v1/repositories/{repository}`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::json::Json;
use super::page::Page;
use super::path::Path;
use super::problem::Problem;
use crate::access::Caller;
use crate::control::{Context, repositories};
use crate::kernel::event::RepositorySettings;
use crate::kernel::id::RepositoryName;
use crate::views::repositories::Repository;
use crate::wire::repository as wire;
use crate::wire::time::Timestamp;

pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    page: Page<RepositoryName>,
) -> Result<Response, Problem> {
    let found = repositories::list(app.control(), &caller, page.after.as_ref(), page.limit).await?;
    let (count, last) = (found.len(), found.last().map(|repository| repository.name.clone()));
    let repositories = found.into_iter().map(draw).collect();
    Ok(page.answer(wire::Repositories { repositories }, count, last))
}

pub(super) async fn create(
    State(app): State<App>,
    context: Context,
    Json(request): Json<wire::CreateRepository>,
) -> Result<impl IntoResponse, Problem> {
    let created = repositories::create(app.control(), &context, &request.name, request.public).await?;
    Ok((StatusCode::CREATED, Json(draw(created))))
}

pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(repository): Path<RepositoryName>,
) -> Result<Json<wire::Repository>, Problem> {
    Ok(Json(draw(repositories::get(app.control(), &caller, &repository).await?)))
}

pub(super) async fn set(
    State(app): State<App>,
    context: Context,
    Path(repository): Path<RepositoryName>,
    Json(request): Json<wire::SetRepository>,
) -> Result<impl IntoResponse, Problem> {
    let wire::SetRepository { public, provenance, quota_bytes, quota_packages } = request;
    let settings = RepositorySettings { provenance, quota_bytes, quota_packages };
    let wanted = repositories::Wanted { public, settings };
    let set = repositories::set(app.control(), &context, &repository, wanted).await?;
    let status = if set.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(draw(set.repository))))
}

fn draw(repository: Repository) -> wire::Repository {
    wire::Repository {
        name: repository.name,
        public: repository.public,
        provenance: repository.provenance,
        quota_bytes: repository.quota_bytes,
        quota_packages: repository.quota_packages,
        created_at: Timestamp::from_ms(repository.created_at_ms),
        packages: repository.packages,
        bytes: repository.blobs_bytes,
    }
}
