//! `/v1/status`: what is running, and how far the log is.

use axum::extract::State;

use super::app::App;
use super::json::Json;
use super::problem::Problem;
use crate::wire::status as wire;

pub(super) async fn status(State(app): State<App>) -> Result<Json<wire::Status>, Problem> {
    Ok(Json(app.status().await?))
}
