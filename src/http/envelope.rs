//! What every request goes through, before it is routed and after it is answered.
//!
//! - It gets a request id: the caller's `X-Request-Id` if that is a UUID, else a fresh one. Events name it as `cause`,
//!   the answer carries it, the log lines of the request are in a span with it.
//! - Its path is made routable ([`super::path`]), its body patient ([`super::body`]).
//! - A panic below is a redacted 500.
//! - One line in the log says how it ended: method, path (never the query, which may hold a grant), status, duration;
//!   also when the caller went away before the answer.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;
use tracing::Instrument as _;
use uuid::Uuid;

use super::body::Patient;
use super::path;
use super::problem::{self, Code, Problem};
use super::tus::headers::METHOD_OVERRIDE;
use crate::kernel::id::RequestId;
use crate::kernel::limits::REQUEST_HEAD_MAX_BYTES;

/// `X-Request-Id`
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The path as the caller wrote it, for links in answers.
#[derive(Debug, Clone)]
pub(super) struct OriginalPath(pub(super) String);

/// The outermost layer.
pub(super) async fn envelope(State(idle): State<Duration>, mut request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let mut account = Account::open(&request);
    let span = tracing::info_span!("request", %id, method = %account.method, path = account.path);
    prepare(&mut request, id, idle);
    let answered = async {
        let response = if head_bytes(&request) > REQUEST_HEAD_MAX_BYTES {
            Problem::new(
                Code::HeadersTooLarge,
                format!("Line and headers may have {REQUEST_HEAD_MAX_BYTES} bytes."),
            )
            .into_response()
        } else {
            AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(problem::panicked)
        };
        account.close(response.status().as_u16());
        response
    };
    let mut response = answered.instrument(span).await;
    let id = HeaderValue::from_str(&id.to_string()).expect("a UUID is ASCII");
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

fn request_id(request: &Request) -> RequestId {
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let given = given.and_then(|text| text.parse().ok());
    given.unwrap_or_else(|| RequestId(Uuid::now_v7()))
}

fn prepare(request: &mut Request, id: RequestId, idle: Duration) {
    let original = OriginalPath(request.uri().path().to_owned());
    request.extensions_mut().insert(id);
    request.extensions_mut().insert(original);
    path::make_routable(request.uri_mut());
    override_method(request);
    let expects_continue = request.headers().contains_key(header::EXPECT);
    let body = std::mem::take(request.body_mut());
    *request.body_mut() = Body::new(Patient::with_patience(body, expects_continue, idle));
}

/// tus 1.0.0, "X-HTTP-Method-Override": for callers behind something that knows only GET and POST.
fn override_method(request: &mut Request) {
    if request.method() != Method::POST || !request.uri().path().starts_with("/data/uploads/") {
        return;
    }
    let method =
        request.headers().get(METHOD_OVERRIDE).and_then(|value| Method::from_bytes(value.as_bytes()).ok());
    if let Some(method) = method {
        *request.method_mut() = method;
    }
}

fn head_bytes(request: &Request) -> usize {
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    headers.sum::<usize>() + request.uri().path_and_query().map_or(0, |target| target.as_str().len())
}

/// One request's entry in the log and in the metrics, written when it is closed or dropped.
struct Account {
    method: Method,
    path: String,
    started: Instant,
    open: bool,
}

impl Account {
    fn open(request: &Request) -> Self {
        metrics::gauge!("strongroom_http_requests_in_progress").increment(1);
        let path = request.uri().path().chars().take(512).collect();
        Self { method: request.method().clone(), path, started: Instant::now(), open: true }
    }

    fn close(&mut self, status: u16) {
        self.open = false;
        let seconds = self.started.elapsed().as_secs_f64();
        tracing::info!(status, milliseconds = seconds * 1e3, "answered");
        let (method, status) = (self.method_label(), status.to_string());
        metrics::counter!("strongroom_http_requests_total", "method" => method, "status" => status)
            .increment(1);
        metrics::histogram!("strongroom_http_request_seconds", "method" => method).record(seconds);
    }

    /// Methods that callers invent must not become series of their own.
    fn method_label(&self) -> &'static str {
        match self.method.as_str() {
            "GET" => "GET",
            "HEAD" => "HEAD",
            "POST" => "POST",
            "PUT" => "PUT",
            "PATCH" => "PATCH",
            "DELETE" => "DELETE",
            "OPTIONS" => "OPTIONS",
            _ => "other",
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        metrics::gauge!("strongroom_http_requests_in_progress").decrement(1);
        if self.open {
            tracing::info!("the caller went away before the answer");
        }
    }
}
