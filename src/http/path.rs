//! Repository names in paths. They hold slashes, so what belongs to a repository follows `/-/`, which no name contains.
//!
//! ```text
//! /v1/repositories/acme/reports/-/tags/v1     ->  /v1/repositories/acme%2Freports/-/tags/v1
//! `-- prefix ----' `-- name ---' `- tail --'
//! ```
//! The name is everything up to the last `/-/` and becomes one segment, before any route is looked at: routes are then
//! ordinary, and whether it *is* a name is decided where it is parsed. Another surface with names in its paths adds
//! its prefix to [`PREFIXES`].

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::Uri;
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use serde::de::DeserializeOwned;

use super::problem::{Code, Problem};

/// After these, a path goes on with a repository name.
const PREFIXES: [&str; 1] = ["/v1/repositories/"];

/// Before what belongs to a repository.
const SEPARATOR: &str = "/-/";

/// Makes one segment of the repository name in a path, if there is one.
pub(super) fn make_routable(uri: &mut Uri) {
    let Some(path) = one_segment(uri.path()) else { return };
    let target = uri.query().map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
    // The parts were part of a valid URI; only `%2F` was put in the place of `/`.
    let Ok(target) = PathAndQuery::try_from(target) else { return };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target);
    if let Ok(routable) = Uri::from_parts(parts) {
        *uri = routable;
    }
}

fn one_segment(path: &str) -> Option<String> {
    let (prefix, rest) = PREFIXES.iter().find_map(|prefix| Some((prefix, path.strip_prefix(prefix)?)))?;
    let (name, tail) = rest.split_at(rest.rfind(SEPARATOR).unwrap_or(rest.len()));
    name.contains('/').then(|| format!("{prefix}{}{tail}", name.replace('/', "%2F")))
}

/// The parameters of a path, each parsed as its type.
#[derive(Debug, Clone)]
pub(super) struct Path<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        use axum::extract::path::ErrorKind;
        use axum::extract::rejection::PathRejection;
        let refused = |reason: String| Problem::new(Code::InvalidPath, reason);
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(parameters)) => Ok(Self(parameters)),
            Err(PathRejection::FailedToDeserializePathParams(error)) => Err(refused(match error.kind() {
                ErrorKind::Message(reason) | ErrorKind::DeserializeError { message: reason, .. } => {
                    format!("In the path, {reason}.")
                }
                _ => "The path has a part that is not valid.".to_owned(),
            })),
            Err(_) => Err(refused("The path is not valid percent-encoded UTF-8.".to_owned())),
        }
    }
}

/// The parameter of that name as the path has it, percent-decoded.
pub(super) async fn parameter<S: Send + Sync>(parts: &mut Parts, state: &S, name: &str) -> Option<String> {
    let parameters = RawPathParams::from_request_parts(parts, state).await.ok()?;
    parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_name_becomes_one_segment() {
        let cases = [
            ("/v1/repositories", "/v1/repositories"),
            ("/v1/repositories/acme", "/v1/repositories/acme"),
            ("/v1/repositories/acme/reports", "/v1/repositories/acme%2Freports"),
            ("/v1/repositories/a/b/c/-/tags?limit=1", "/v1/repositories/a%2Fb%2Fc/-/tags?limit=1"),
            ("/v1/repositories/acme/-/manifests/blake3:00", "/v1/repositories/acme/-/manifests/blake3:00"),
            // The last separator counts; what is before it is then no name, and refused as one.
            ("/v1/repositories/a/-/b/-/tags", "/v1/repositories/a%2F-%2Fb/-/tags"),
            ("/v1/repositories/../../etc/-/tags/x", "/v1/repositories/..%2F..%2Fetc/-/tags/x"),
            ("/v1/tokens/a/b", "/v1/tokens/a/b"),
            ("/log/events", "/log/events"),
        ];
        for (given, expected) in cases {
            let mut uri: Uri = given.parse().unwrap();
            make_routable(&mut uri);
            assert_eq!(uri.to_string(), expected);
        }
    }
}
