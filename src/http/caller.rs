//! Who calls: from the `Authorization` header to a [`Caller`], and from there to what the route table asks for.
//!
//! - No header is the anonymous caller. A header that is not understood, or a token that is unknown, revoked or expired,
//!   is refused even where nobody has to be known: a caller who shows a token wants it to count.
//! - Everyone is counted, by what they show: a token, a grant's actor, or else the address that they come from. What is
//!   refused counts there too.
//! - Secrets and grants are never put into a problem, a log line or an extension that prints.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::app::App;
use super::path;
use super::problem::{Code, Problem};
use super::rate::Peer;
use super::routes::Who;
use super::tus::headers::text;
use crate::access::{Action, Caller, Secret};
use crate::control::{Context, exchange, tokens};
use crate::data::Admitted;
use crate::kernel::id::{RepositoryName, RequestId};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What those ask who look after the process. Whoever watches it must not be turned away by it.
const WATCHED: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// The layer of every route: finds out who calls and refuses whom the table does not admit.
pub(super) async fn admit(
    State((app, who, path)): State<(App, Who, &'static str)>,
    request: Request,
    next: Next,
) -> Response {
    if let Err(problem) = app.require_plane(path) {
        return problem.into_response();
    }
    let (mut parts, body) = request.into_parts();
    let peer = parts.extensions.get::<Peer>().copied();
    if who == Who::Anyone
        && !WATCHED.contains(&path)
        && let Err(problem) = app.rates().address(peer)
    {
        return problem.into_response();
    }
    let response = match admitted(&app, who, peer, &mut parts).await {
        Ok(caller) => {
            parts.extensions.insert(caller);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => problem.into_response(),
    };
    // A grant that was no good; tokens were counted when they were looked up.
    if who == Who::Granted
        && response.status() == StatusCode::UNAUTHORIZED
        && let Err(problem) = app.rates().refused(peer)
    {
        return problem.into_response();
    }
    response
}

async fn admitted(app: &App, who: Who, peer: Option<Peer>, parts: &mut Parts) -> Result<Caller, Problem> {
    // Grants are no tokens; the handlers of the data plane read them, and count them.
    if matches!(who, Who::Granted | Who::Anyone) {
        return Ok(Caller::anonymous());
    }
    let caller = authenticate(app, &parts.headers, peer).await?;
    match who {
        Who::Granted | Who::Anyone | Who::Reader | Who::LogReader => {}
        Who::Token if caller.is_authenticated() => {}
        Who::Token => return Err(Problem::new(Code::Unauthenticated, "This needs a token.")),
        Who::Depositor => caller.require(Action::push(&repository(app, parts).await?))?,
        Who::Remover => caller.require(Action::delete(&repository(app, parts).await?))?,
        Who::Admin => caller.require(Action::Administer)?,
    }
    Ok(caller)
}

async fn repository(app: &App, parts: &mut Parts) -> Result<RepositoryName, Problem> {
    let name = path::parameter(parts, app, "repository").await.unwrap_or_default();
    name.parse().map_err(|error| Problem::new(Code::InvalidPath, format!("In the path, {error}.")))
}

async fn authenticate(app: &App, headers: &HeaderMap, peer: Option<Peer>) -> Result<Caller, Problem> {
    match bearer(headers)? {
        Some(text) => authenticate_text(app, text, peer).await,
        None => {
            app.rates().address(peer)?;
            Ok(Caller::anonymous())
        }
    }
}

/// Whose token it is: an API token, or an access token that was made from one. It is counted, and so is who has no good one.
pub(super) async fn authenticate_text(app: &App, text: &str, peer: Option<Peer>) -> Result<Caller, Problem> {
    let caller = match whose(app, text).await {
        Ok(caller) => caller,
        // That nobody can look is no fault of the token.
        Err(problem) if problem.code().status().is_server_error() => return Err(problem),
        Err(problem) => {
            app.rates().refused(peer)?;
            return Err(problem);
        }
    };
    // Tokens made from one token are no more room.
    match caller.token.as_ref().or(caller.parent.as_ref()) {
        Some(token) => app.rates().token(token)?,
        None => app.rates().address(peer)?,
    }
    Ok(caller)
}

async fn whose(app: &App, text: &str) -> Result<Caller, Problem> {
    // Only a signed statement has dots.
    if text.contains('.') {
        return Ok(exchange::authenticate(app.control(), text).await?);
    }
    let secret: Secret = text.parse()?;
    Ok(tokens::authenticate(app.control(), &secret).await?)
}

/// What follows `Bearer` in the `Authorization` header (RFC 6750 section 2.1).
///
/// # Errors
/// If the header stands there twice, is of another scheme, or is not visible ASCII.
pub(super) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = text(headers, &header::AUTHORIZATION)? else { return Ok(None) };
    let (scheme, secret) = value.split_once(' ').unwrap_or((value, ""));
    let secret = secret.trim_matches(' ');
    if !scheme.eq_ignore_ascii_case("bearer") || secret.is_empty() {
        return Err(Problem::new(
            Code::Unauthenticated,
            "The Authorization header is `Bearer`, a space, and a token.",
        ));
    }
    Ok(Some(secret))
}

/// The grant that came with a request for bytes, verified. One in the query wins: it is there because a link brought the
/// caller here, and a client that follows a link to the same host repeats the token that it showed before.
///
/// # Errors
/// If there is none, or it is forged, expired or of another kind.
pub(super) async fn granted(
    app: &App,
    headers: &HeaderMap,
    in_query: Option<&str>,
) -> Result<Admitted, Problem> {
    let grant = in_query.map_or_else(|| bearer(headers), |grant| Ok(Some(grant)))?;
    let grant = grant.ok_or_else(|| {
        Problem::new(
            Code::Unauthenticated,
            "This needs a grant of the control plane, as `Authorization: Bearer`.",
        )
    })?;
    let grant = app.admit(grant).await?;
    app.rates().grant(&grant.actor)?;
    Ok(grant)
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        Ok(parts
            .extensions
            .get::<Self>()
            .expect("every route is behind the layer that finds the caller")
            .clone())
    }
}

impl FromRequestParts<App> for Context {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let idempotency = text(&parts.headers, &IDEMPOTENCY_KEY)?.map(str::parse).transpose();
        let idempotency = idempotency.map_err(|error| {
            Problem::new(Code::InvalidHeader, format!("Header `{IDEMPOTENCY_KEY}`: {error}."))
        })?;
        Ok(Self { caller, cause: parts.extensions.get::<RequestId>().copied(), idempotency })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn header(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))])
    }

    #[test]
    fn only_bearer_is_understood() {
        assert_eq!(bearer(&HeaderMap::new()).unwrap(), None);
        assert_eq!(bearer(&header("Bearer srt_x")).unwrap(), Some("srt_x"));
        assert_eq!(bearer(&header("bearer  srt_x")).unwrap(), Some("srt_x"));
        for bad in ["", "Bearer", "Bearer ", "Basic YTpi", "srt_x"] {
            assert_eq!(bearer(&header(bad)).unwrap_err().code(), Code::Unauthenticated, "{bad}");
        }
    }
}
