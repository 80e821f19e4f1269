//! `/openapi.json`: made from the route table and the documents of [`crate::wire`], so that it cannot name a route that
//! is not there. What a route is about, takes and gives stands in `described`; that nothing is missing is tested, and a
//! golden file pins the whole.

mod described;
mod policies;
mod retention;

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, Content, InfoBuilder, OpenApi, OpenApiBuilder, Paths, Ref, Required, ResponseBuilder,
};

use self::described::{Described, described};
use super::problem::Code;
use super::routes::{OPERATIONS, Operation, Who};
use crate::wire::problem::{MEDIA_TYPE, Problem};

/// The document.
///
/// # Panics
/// If the route table has an operation that `described` does not know: a test walks the table.
pub fn build() -> OpenApi {
    let mut components = ComponentsBuilder::new()
        .security_scheme("token", bearer("An API token, `srt_..`."))
        .security_scheme("grant", bearer("A grant of the control plane: a JWT for one blob."))
        .schema_from::<Problem>();
    let mut paths = Paths::new();
    for operation in OPERATIONS {
        let described = described(operation.name).expect("every operation is described");
        for register in &described.schemas {
            components = register(components);
        }
        paths.add_path_operation(operation.path, vec![method(operation)], draw(operation, described));
    }
    let about = "An event-sourced artifact evidence store. Errors are RFC 9457 problems with a stable `code`; every answer \
                 carries `X-Request-Id`, which the events that a request leads to name as their cause. Repository names \
                 may hold slashes. POSTs take an `Idempotency-Key`.";
    let info =
        InfoBuilder::new().title("Strongroom").version(env!("CARGO_PKG_VERSION")).description(Some(about));
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components.build())).build()
}

fn bearer(about: &str) -> SecurityScheme {
    SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(about)).build())
}

fn method(operation: &Operation) -> HttpMethod {
    match operation.method {
        "GET" => HttpMethod::Get,
        "HEAD" => HttpMethod::Head,
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        "OPTIONS" => HttpMethod::Options,
        other => unreachable!("the route table has no method {other}"),
    }
}

fn draw(operation: &Operation, described: Described) -> utoipa::openapi::path::Operation {
    let tag = operation.path.trim_start_matches("/v1").split('/').nth(1).unwrap_or_default();
    // Two paths may share a handler; an id names one operation.
    let id = format!("{} {}", operation.method, operation.path);
    let mut drawn = OperationBuilder::new()
        .tag(tag.trim_start_matches('.'))
        .operation_id(Some(id))
        .summary(Some(described.summary))
        .description(Some(who(operation.who)));
    for name in parameters_of(operation.path) {
        drawn = drawn.parameter(parameter(name, ParameterIn::Path, true));
    }
    for name in described.query {
        drawn = drawn.parameter(parameter(name, ParameterIn::Query, false));
    }
    for name in described.headers {
        drawn = drawn.parameter(parameter(name, ParameterIn::Header, false));
    }
    for (status, response) in described.answers {
        drawn = drawn.response(status.to_string(), response);
    }
    drawn = drawn.request_body(described.request);
    for code in described.refusals {
        let problem = Content::new(Some(Ref::from_schema_name("Problem")));
        let text = format!("`{}`: {}", code.name(), code.title());
        let refused = ResponseBuilder::new().description(text).content(MEDIA_TYPE, problem);
        drawn = drawn.response(code.status().as_str(), refused.build());
    }
    match operation.who {
        Who::Anyone => drawn,
        Who::Granted => drawn.security(SecurityRequirement::new::<_, [&str; 0], _>("grant", [])),
        Who::Reader => {
            drawn
                .security(SecurityRequirement::default())
                .security(SecurityRequirement::new::<_, [&str; 0], _>("token", []))
        }
        Who::Token | Who::Depositor | Who::Remover | Who::Admin | Who::LogReader => {
            drawn.security(SecurityRequirement::new::<_, [&str; 0], _>("token", []))
        }
    }
    .build()
}

fn who(who: Who) -> &'static str {
    match who {
        Who::Anyone => "Open to everyone.",
        Who::Token => "Needs a valid token.",
        Who::Reader => "Needs `repository:<name>:pull`, or nothing if the repository is public.",
        Who::Depositor => "Needs `repository:<name>:push`.",
        Who::Remover => "Needs `repository:<name>:delete`.",
        Who::Admin => "Needs `admin`.",
        Who::LogReader => {
            "Needs `log:read`; with `?repository=`, `repository:<name>:pull` is enough for events."
        }
        Who::Granted => "Needs a grant of the control plane as bearer.",
    }
}

fn parameters_of(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

fn parameter(name: &str, place: ParameterIn, required: bool) -> Parameter {
    let text = <String as utoipa::PartialSchema>::schema();
    let required = if required { Required::True } else { Required::False };
    ParameterBuilder::new().name(name).parameter_in(place).required(required).schema(Some(text)).build()
}

pub(super) async fn document() -> impl IntoResponse {
    let json = build().to_json().expect("the document is plain data");
    ([(header::CONTENT_TYPE, "application/json")], json)
}

/// The codes that any operation may refuse with, whoever may call it.
const ALWAYS: [Code; 3] = [Code::InvalidHeader, Code::RateExceeded, Code::Internal];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_described_and_drawn() {
        for operation in OPERATIONS {
            assert!(described(operation.name).is_some(), "{} has no description", operation.name);
        }
        let document = serde_json::to_value(build()).unwrap();
        for operation in OPERATIONS {
            let drawn = &document["paths"][operation.path][operation.method.to_lowercase()];
            assert!(
                drawn["responses"].as_object().is_some_and(|answers| !answers.is_empty()),
                "{operation:?}"
            );
        }
    }

    #[test]
    fn every_schema_that_is_referred_to_is_there() {
        let document = serde_json::to_value(build()).unwrap();
        let text = document.to_string();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for reference in text.split("#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{name}");
        }
    }
}
