//! JSON bodies, read strictly: the media type is checked, the size bounded, unknown fields refused (by the documents in
//! [`crate::wire`]), nothing may follow the value. Every refusal says where.

use axum::extract::{FromRequest, Request};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::body;
use super::problem::{Code, Problem};
use super::tus::headers::text;
use crate::kernel::limits::JSON_BODY_MAX_BYTES;

/// A JSON document, in a request or an answer.
#[derive(Debug, Clone)]
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        of_at_most(request, JSON_BODY_MAX_BYTES).await.map(Self)
    }
}

/// A JSON document that may have another number of bytes than most.
pub(super) async fn of_at_most<T: DeserializeOwned>(
    request: Request,
    max_bytes: usize,
) -> Result<T, Problem> {
    let media_type = text(request.headers(), &header::CONTENT_TYPE)?;
    if !media_type.is_some_and(is_json) {
        return Err(Problem::new(Code::MediaTypeUnsupported, "Send `Content-Type: application/json`."));
    }
    parse(&body::whole(request.into_body(), max_bytes).await?)
}

/// `application/json`, with no charset or the only one that JSON has (RFC 8259 section 8.1).
fn is_json(media_type: &str) -> bool {
    let (essence, parameters) = media_type.split_once(';').unwrap_or((media_type, ""));
    let parameters = parameters.trim();
    essence.trim().eq_ignore_ascii_case("application/json")
        && (parameters.is_empty()
            || parameters.eq_ignore_ascii_case("charset=utf-8")
            || parameters.eq_ignore_ascii_case("charset=\"utf-8\""))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Problem::new(
            Code::InvalidBody,
            format!("The body is not UTF-8 from byte {} on.", error.valid_up_to()),
        )
    })?;
    serde_json::from_str(text)
        .map_err(|error| Problem::new(Code::InvalidBody, format!("The JSON body: {error}.")))
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::repository::CreateRepository;
    use axum::body::Body;

    async fn read(media_type: Option<&str>, body: impl Into<Body>) -> Result<CreateRepository, Code> {
        let mut request = Request::new(body.into());
        if let Some(media_type) = media_type {
            request.headers_mut().insert(header::CONTENT_TYPE, media_type.parse().unwrap());
        }
        Json::from_request(request, &())
            .await
            .map(|Json(document)| document)
            .map_err(|problem| problem.code())
    }

    #[tokio::test]
    async fn a_body_that_is_not_the_document_is_refused() {
        let good = r#"{"name":"acme/reports"}"#;
        assert_eq!(read(Some("application/json"), good).await.unwrap().name.as_str(), "acme/reports");
        assert!(read(Some("Application/JSON; charset=UTF-8"), good).await.is_ok());
        for media_type in [None, Some("text/plain"), Some("application/json;charset=latin1"), Some("json")] {
            assert_eq!(read(media_type, good).await, Err(Code::MediaTypeUnsupported), "{media_type:?}");
        }
        let deep = "[".repeat(100_000);
        for bad in [
            "",
            "{",
            "null",
            "[]",
            "{}",
            r#"{"name":"A"}"#,
            r#"{"name":"a","x":1}"#,
            r#"{"name":"a"} x"#,
            r#"{"name":"a","name":"b"}"#,
            r#"{"name":1}"#,
            &deep,
        ] {
            assert_eq!(
                read(Some("application/json"), bad.to_owned()).await,
                Err(Code::InvalidBody),
                "{bad:.40}"
            );
        }
        assert_eq!(read(Some("application/json"), vec![b'"', 0xff, b'"']).await, Err(Code::InvalidBody));
        let large = " ".repeat(JSON_BODY_MAX_BYTES + 1);
        assert_eq!(read(Some("application/json"), large).await, Err(Code::BodyTooLarge));
    }
}
