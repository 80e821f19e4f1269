//! `POST /v1/tokens/exchange`: OAuth 2.0 token exchange (RFC 8693), as libraries of OAuth speak it.
//!
//! - The form is read as RFC 6749 says: what is not known is ignored, what is empty is absent, nothing stands twice.
//! - A refusal is a problem document that also has `error` and `error_description` (RFC 6749 section 5.2), with status
//!   400 as that section asks.
//! - `expires_in` in the request is ours: the RFC leaves the time to the server.
//! - There is no delegation (`actor_token`) and no other target than this service.

use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::body;
use super::caller::authenticate_text;
use super::json::Json;
use super::problem::{Code, Problem};
use super::query::Query;
use super::rate::Peer;
use super::tus::headers::text;
use crate::access::Scopes;
use crate::control::exchange::{self, Error, Exchange};
use crate::kernel::limits::JSON_BODY_MAX_BYTES;
use crate::wire::token as wire;

pub(super) async fn exchange(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let peer = request.extensions().get::<Peer>().copied();
    let form = Form::read(request).await?;
    form.check()?;
    let subject = form
        .one("subject_token")?
        .ok_or_else(|| refused("invalid_request", "`subject_token` is missing."))?;
    let caller = authenticate_text(&app, &subject, peer).await.map_err(|problem| {
        // That nobody can look, or that it was asked too often, is no fault of the token.
        if problem.code().status().is_server_error() || problem.code() == Code::RateExceeded {
            problem
        } else {
            refused("invalid_request", problem.detail())
        }
    })?;
    let exchanged = exchange::exchange(app.control(), &caller, &form.wanted()?).await?;
    let document = wire::ExchangedToken {
        access_token: exchanged.token.into(),
        issued_token_type: wire::ACCESS_TOKEN_TYPE.to_owned(),
        token_type: "Bearer".to_owned(),
        expires_in: exchanged.expires_in_seconds,
        scope: exchanged.scopes.to_string(),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(document)).into_response())
}

/// The parameters, decoded.
struct Form(Vec<(String, String)>);

impl Form {
    async fn read(request: Request) -> Result<Self, Problem> {
        let media_type = text(request.headers(), &header::CONTENT_TYPE)?.unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case(wire::FORM_MEDIA_TYPE) {
            let told = format!("Send `Content-Type: {}`.", wire::FORM_MEDIA_TYPE);
            return Err(Problem::new(Code::MediaTypeUnsupported, told));
        }
        let bytes = body::whole(request.into_body(), JSON_BODY_MAX_BYTES).await?;
        let pairs = std::str::from_utf8(&bytes).ok().and_then(|text| Query::parse(text).ok());
        let broken =
            || refused("invalid_request", "The form's percent-encoding is broken or gives no UTF-8.");
        pairs.map(|pairs| Self(pairs.into_pairs())).ok_or_else(broken)
    }

    /// The parameter of that name, if it has a value.
    fn one(&self, name: &str) -> Result<Option<String>, Problem> {
        let mut values = self.0.iter().filter(|(key, value)| key == name && !value.is_empty());
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(refused("invalid_request", format!("`{name}` may stand there once."))),
            (value, None) => Ok(value.map(|(_, value)| value.clone())),
        }
    }

    /// What may only be one thing.
    fn check(&self) -> Result<(), Problem> {
        let grant_type = self.one("grant_type")?;
        if grant_type.as_deref() != Some(wire::EXCHANGE_GRANT_TYPE) {
            let told = format!("`grant_type` is {}.", wire::EXCHANGE_GRANT_TYPE);
            return Err(refused("unsupported_grant_type", told));
        }
        if self.one("subject_token_type")?.as_deref() != Some(wire::ACCESS_TOKEN_TYPE) {
            let told = format!("`subject_token_type` is {}.", wire::ACCESS_TOKEN_TYPE);
            return Err(refused("invalid_request", told));
        }
        if self.one("requested_token_type")?.is_some_and(|wanted| wanted != wire::ACCESS_TOKEN_TYPE) {
            let told = format!("`requested_token_type` is {}, or left out.", wire::ACCESS_TOKEN_TYPE);
            return Err(refused("invalid_request", told));
        }
        if self.one("actor_token")?.is_some() {
            return Err(refused("invalid_request", "`actor_token`: nobody acts for another here."));
        }
        match self
            .0
            .iter()
            .find(|(name, value)| matches!(&**name, "audience" | "resource") && !value.is_empty())
        {
            Some((name, _)) => Err(refused(
                "invalid_target",
                format!("`{name}`: tokens are for this service; leave it out."),
            )),
            None => Ok(()),
        }
    }

    fn wanted(&self) -> Result<Exchange, Problem> {
        let scopes = self.one("scope")?.map(|scope| Scopes::parse([scope])).transpose();
        let seconds = self.one("expires_in")?.map(|seconds| seconds.parse()).transpose();
        Ok(Exchange {
            scopes: scopes.map_err(|error| refused("invalid_scope", format!("{error}.")))?,
            expires_in_seconds: seconds
                .map_err(|_| refused("invalid_request", "`expires_in` is a number of seconds."))?,
        })
    }
}

fn refused(error: &'static str, detail: impl Into<String>) -> Problem {
    let detail = detail.into();
    Problem::new(Code::InvalidArgument, detail.clone())
        .member("error", error)
        .member("error_description", detail)
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let told = format!("{error}.");
        match error {
            Error::NothingAllowed => refused("invalid_scope", told),
            Error::Wider { lacking } => refused("invalid_scope", told).member("lacking", lacking.to_texts()),
            Error::Expiry { max_seconds } => {
                refused("invalid_request", told).member("max_seconds", max_seconds)
            }
            Error::TooLong { .. } => refused("invalid_scope", told),
            Error::NoToken | Error::Statement(_) => Self::new(Code::TokenInvalid, told),
            Error::Token(error) => error.into(),
            Error::Shared(error) => error.into(),
        }
    }
}
