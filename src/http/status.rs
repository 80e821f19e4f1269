//! `/v1/status`: what is running, and how far the log is.

use axum::extract::State;

use super::app::App;
use super::json::Json;
use super::problem::Problem;
use crate::wire::status as wire;

pub(super) async fn status(State(app): State<App>) -> Result<Json<wire::Status>, Problem> {
    Ok(Json(app.status().await?))
}

/// What a node of the data plane can say to whoever asks: it knows no tokens.
pub(super) async fn data(State(app): State<App>) -> Json<wire::Status> {
    Json(app.data_status())
}
