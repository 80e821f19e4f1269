//! `/v1/keys` and `/.well-known/jwks.json`: the public keys that check what is signed here.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::app::App;
use super::json::Json;
use super::path::Path;
use super::problem::{Code, Problem};
use crate::contract::VerifyingKey;
use crate::control::{Context, keys};
use crate::kernel::event::KeyKind;
use crate::kernel::id::KeyId;
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

/// Records a key. The answer is the same each time, and says if the key was retired meanwhile.
pub(super) async fn add(
    State(app): State<App>,
    context: Context,
    Json(request): Json<wire::AddKey>,
) -> Result<Json<wire::KeyEntry>, Problem> {
    let invalid = |what: &str| Problem::new(Code::InvalidArgument, format!("{what}."));
    let kind: KeyKind = request.kind.parse().map_err(|known| invalid(&format!("`kind` is {known}")))?;
    let public: Option<[u8; 32]> =
        URL_SAFE_NO_PAD.decode(&request.public).ok().and_then(|bytes| bytes.try_into().ok());
    let key = public.and_then(|public| VerifyingKey::from_public(kind, &public));
    let key = key.ok_or_else(|| invalid("`public` is an Ed25519 public key, base64url without padding"))?;
    Ok(Json(draw(keys::enroll(app.control(), &context, &key, &request.node).await?)))
}

pub(super) async fn retire(
    State(app): State<App>,
    context: Context,
    Path(key): Path<KeyId>,
) -> Result<Json<wire::KeyEntry>, Problem> {
    Ok(Json(draw(keys::retire(app.control(), &context, &key).await?)))
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
