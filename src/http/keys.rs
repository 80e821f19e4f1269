//! `/v1/keys` and `/.well-known/jwks.json`: the public keys that check what is signed here.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::app::App;
use super::json::Json;
use super::problem::Problem;
use crate::control::keys;
use crate::views::keys::Key;
use crate::wire::key as wire;
use crate::wire::time::Timestamp;

pub(super) async fn list(State(app): State<App>) -> Result<Json<wire::Keys>, Problem> {
    let keys = keys::list(app.control()).await?;
    Ok(Json(wire::Keys { keys: keys.into_iter().map(draw).collect() }))
}

/// The same keys as an RFC 7517 key set.
pub(super) async fn jwks(State(app): State<App>) -> Result<Response, Problem> {
    let ring = keys::ring(app.control()).await?;
    let headers = [(header::CONTENT_TYPE, "application/jwk-set+json"), (header::CACHE_CONTROL, "max-age=60")];
    Ok((headers, ring.jwks().to_string()).into_response())
}

fn draw(key: Key) -> wire::KeyEntry {
    wire::KeyEntry {
        key: key.key,
        kind: key.kind.to_string(),
        public: URL_SAFE_NO_PAD.encode(key.public),
        node: key.node,
        added_at: Timestamp::from_ms(key.added_at_ms),
        retired_at: key.retired_at_ms.map(Timestamp::from_ms),
    }
}
