//! `/v1/retention`: plans, as documents or as JSON. Nothing is written.

use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};

use super::accept as negotiation;
use super::app::App;
use super::json::Json;
use super::policies::written;
use super::precondition::header_value;
use super::problem::{Code, Problem};
use super::query::Query;
use super::tus::headers::text;
use crate::access::Caller;
use crate::control::retention::{self, Planned};
use crate::kernel::id::PolicyName;
use crate::retention::Plan;
use crate::wire::plan as wire;

/// The forms in which a plan is given. JSON for who does not say.
const OFFERS: [&str; 2] = ["application/json", Plan::SEQUENCE_MEDIA_TYPE];

pub(super) async fn plan(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(request): Json<wire::MakePlan>,
) -> Result<Response, Problem> {
    let form = negotiate(&headers)?;
    let planned = retention::plan(app.control(), &caller, &request.policies).await?;
    Ok(answer(form, &planned))
}

/// `?policy=`: the name that the policy would be set by.
#[derive(Debug, Clone)]
pub(super) struct AsPolicy(PolicyName);

impl<S: Send + Sync> FromRequestParts<S> for AsPolicy {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let mut query = Query::from_request_parts(parts, state).await?;
        let name = query.take("policy")?;
        query.finish()?;
        let missing =
            || Problem::new(Code::InvalidQuery, "Say by which name the policy would be set: `policy=`.");
        name.map(Self).ok_or_else(missing)
    }
}

pub(super) async fn test(
    State(app): State<App>,
    caller: Caller,
    AsPolicy(name): AsPolicy,
    headers: HeaderMap,
    request: Body,
) -> Result<Response, Problem> {
    let form = negotiate(&headers)?;
    let draft = written(&headers, request).await?;
    let planned = retention::test(app.control(), &caller, &name, draft).await?;
    Ok(answer(form, &planned))
}

fn negotiate(headers: &HeaderMap) -> Result<&'static str, Problem> {
    let chosen = negotiation::negotiate(text(headers, &header::ACCEPT)?, &OFFERS)
        .map_err(|error| Problem::new(Code::InvalidHeader, format!("Header `accept`: {error}.")))?;
    let told = || Problem::new(Code::NotAcceptable, format!("Offered are {}.", OFFERS.join(", ")));
    chosen.map(|chosen| OFFERS[chosen]).ok_or_else(told)
}

fn answer(form: &str, planned: &Planned) -> Response {
    let digest = planned.documents.digest();
    let known = [(super::bytes::DIGEST, header_value(digest)), (header::VARY, header_value("Accept"))];
    if form == Plan::SEQUENCE_MEDIA_TYPE {
        let kind = [(header::CONTENT_TYPE, header_value(form))];
        return (known, kind, planned.documents.to_sequence()).into_response();
    }
    (known, Json(wire::Plan::draw(&planned.plan, digest))).into_response()
}
