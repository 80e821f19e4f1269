//! `/v1/tokens` and `/v1/whoami`.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::json::Json;
use super::page::Page;
use super::path::Path;
use super::problem::Problem;
use crate::access::{Caller, Role, Scopes};
use crate::control::{Context, tokens};
use crate::kernel::id::TokenId;
use crate::views::tokens::Token;
use crate::wire::time::Timestamp;
use crate::wire::token as wire;

pub(super) async fn mint(
    State(app): State<App>,
    context: Context,
    Json(request): Json<wire::MintToken>,
) -> Result<Response, Problem> {
    let scopes = Scopes::parse(&request.scopes)?;
    let of_role = request.role.as_deref().map(Role::parse_scopes).transpose()?;
    let mint = tokens::Mint {
        subject: request.subject,
        scopes: scopes.union(of_role.unwrap_or_default()),
        expires_in_seconds: request.expires_in_seconds,
    };
    let minted = tokens::mint(app.control(), &context, mint).await?;
    let document = wire::MintedToken {
        token: minted.token,
        secret: minted.secret.reveal().to_owned().into(),
        subject: minted.subject,
        scopes: minted.scopes.to_texts(),
        expires_at: minted.expires_at_seconds.map(Timestamp::from_seconds),
    };
    // The only answer that holds a secret of long life: nothing on the way may keep it.
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(document)).into_response())
}

pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    page: Page<TokenId>,
) -> Result<Response, Problem> {
    let found = tokens::list(app.control(), &caller, page.after.as_ref(), page.limit).await?;
    let (count, last) = (found.len(), found.last().map(|token| token.token.clone()));
    Ok(page.answer(wire::Tokens { tokens: found.into_iter().map(draw).collect() }, count, last))
}

pub(super) async fn revoke(
    State(app): State<App>,
    context: Context,
    Path(token): Path<TokenId>,
) -> Result<StatusCode, Problem> {
    tokens::revoke(app.control(), &context, &token).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn whoami(caller: Caller) -> Json<wire::Whoami> {
    let scopes = caller.scopes.to_texts();
    let expires_at = caller.expires_at_seconds.map(Timestamp::from_seconds);
    Json(wire::Whoami {
        subject: caller.actor,
        scopes,
        token: caller.token,
        parent: caller.parent,
        expires_at,
    })
}

fn draw(token: Token) -> wire::TokenEntry {
    wire::TokenEntry {
        token: token.token,
        subject: token.subject,
        scopes: token.scopes,
        minted_at: Timestamp::from_ms(token.minted_at_ms),
        expires_at: token.expires_at_seconds.map(Timestamp::from_seconds),
        revoked_at: token.revoked_at_ms.map(Timestamp::from_ms),
    }
}
