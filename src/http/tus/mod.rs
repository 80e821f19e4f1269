//! `/data/uploads`: resumable uploads, tus 1.0.0 with creation, creation-with-upload, creation-defer-length, expiration,
//! checksum and termination. The sessions themselves are the data plane's; here are only the protocol's words.
//!
//! - Every request but `OPTIONS` shows a grant as bearer and says `Tus-Resumable: 1.0.0`; every answer says it too.
//! - An offset that is answered is durable.
//! - The answer that completes an upload, and every `HEAD` after it, carries `Strongroom-Receipt`, the signed statement
//!   that the control plane takes, and both digests.

pub mod headers;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use self::headers::{
    Length, UPLOAD_DEFER_LENGTH, UPLOAD_EXPIRES, UPLOAD_LENGTH, UPLOAD_METADATA, UPLOAD_OFFSET,
};
use super::app::App;
use super::bytes::{DIGEST, SHA256};
use super::caller::granted;
use super::path::Path;
use super::precondition::header_value;
use super::problem::{Code, Problem};
use crate::data::{Admitted, Append, Creation, Phase, Status};
use crate::kernel::id::SessionId;
use crate::kernel::limits::BLOB_MAX_BYTES;

/// The signed statement that the bytes are stored.
pub(super) const RECEIPT: HeaderName = HeaderName::from_static("strongroom-receipt");

/// The layer that speaks the protocol's version: in every answer below `/data/uploads`, and in no other.
pub(super) async fn speak(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path != "/data/uploads" && !path.starts_with("/data/uploads/") {
        return next.run(request).await;
    }
    let refused = match *request.method() {
        Method::OPTIONS => None,
        _ => headers::check_version(request.headers()).err(),
    };
    let mut response = match refused {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    };
    response.headers_mut().insert(headers::TUS_RESUMABLE, HeaderValue::from_static(headers::VERSION));
    response
}

/// `OPTIONS`: what is spoken here.
pub(super) async fn discover() -> impl IntoResponse {
    let spoken = [
        (headers::TUS_VERSION, HeaderValue::from_static(headers::VERSION)),
        (headers::TUS_EXTENSION, HeaderValue::from_static(headers::EXTENSIONS)),
        (headers::TUS_MAX_SIZE, HeaderValue::from(BLOB_MAX_BYTES)),
        (headers::TUS_CHECKSUM_ALGORITHM, header_value(headers::checksum_algorithms())),
    ];
    (StatusCode::NO_CONTENT, spoken)
}

/// `POST /data/uploads`: the session of the grant, with its first bytes if they come along.
pub(super) async fn create(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let length = match headers::length(request.headers())? {
        Length::Exact(length) if length > BLOB_MAX_BYTES => {
            return Err(Problem::new(
                Code::UploadTooLarge,
                format!("A blob has at most {BLOB_MAX_BYTES} bytes."),
            ));
        }
        Length::Exact(length) => Some(length),
        Length::Deferred => None,
    };
    let metadata = headers::metadata(request.headers())?.map(ToOwned::to_owned);
    let grant = granted(&app, request.headers(), None).await?;
    let with_bytes = request.headers().contains_key(header::CONTENT_TYPE);
    if with_bytes {
        headers::check_media_type(request.headers())?;
    }
    let mut status = app.data().create(&grant, Creation { length, metadata }).await?;
    if with_bytes {
        status = receive(&app, &grant, status.session, 0, request).await?;
    }
    let location = format!("/data/uploads/{}", status.session);
    Ok((StatusCode::CREATED, [(header::LOCATION, header_value(location))], progress(&status)).into_response())
}

/// `HEAD`: how far the upload is.
pub(super) async fn status(
    State(app): State<App>,
    Path(session): Path<SessionId>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let grant = granted(&app, &request, None).await?;
    let status = app.data().status(&grant, session).await?;
    let mut known = progress(&status);
    known.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match status.length {
        Some(length) => known.insert(UPLOAD_LENGTH, HeaderValue::from(length)),
        None => known.insert(UPLOAD_DEFER_LENGTH, HeaderValue::from_static("1")),
    };
    if let Some(metadata) = &status.metadata {
        known.insert(UPLOAD_METADATA, header_value(metadata));
    }
    Ok((StatusCode::OK, known).into_response())
}

/// `PATCH`: the next bytes.
pub(super) async fn append(
    State(app): State<App>,
    Path(session): Path<SessionId>,
    request: Request,
) -> Result<Response, Problem> {
    headers::check_media_type(request.headers())?;
    let offset = headers::number(request.headers(), &UPLOAD_OFFSET)?;
    let offset =
        offset.ok_or_else(|| Problem::new(Code::InvalidHeader, "Header `upload-offset` has to be there."))?;
    let grant = granted(&app, request.headers(), None).await?;
    let status = receive(&app, &grant, session, offset, request).await?;
    Ok((StatusCode::NO_CONTENT, progress(&status)).into_response())
}

/// `DELETE`: the upload is given up.
pub(super) async fn terminate(
    State(app): State<App>,
    Path(session): Path<SessionId>,
    request: HeaderMap,
) -> Result<StatusCode, Problem> {
    let grant = granted(&app, &request, None).await?;
    app.data().terminate(&grant, session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Hands the body to the data plane as it comes from the socket.
async fn receive(
    app: &App,
    grant: &Admitted,
    session: SessionId,
    offset: u64,
    request: Request,
) -> Result<Status, Problem> {
    let checksum = headers::checksum(request.headers())?;
    // At creation the length is the creation's; only a later request may still say it.
    let late = if *request.method() == Method::PATCH {
        headers::number(request.headers(), &UPLOAD_LENGTH)?
    } else {
        None
    };
    let content_length = headers::number(request.headers(), &header::CONTENT_LENGTH)?;
    let append = Append { offset, content_length, length: late, checksum };
    let body = request.into_body().into_data_stream();
    Ok(app.data().append(grant, session, append, body).await?)
}

/// What every answer about a live session says.
fn progress(status: &Status) -> HeaderMap {
    let mut known = HeaderMap::new();
    known.insert(UPLOAD_OFFSET, HeaderValue::from(status.offset));
    match &status.phase {
        Phase::Receiving => {
            known.insert(UPLOAD_EXPIRES, headers::expires(status.ends_at_seconds));
        }
        Phase::Sealed(sealed) => {
            known.insert(RECEIPT, header_value(&sealed.receipt));
            known.insert(DIGEST, header_value(sealed.digests.blake3));
            known.insert(SHA256, header_value(sealed.digests.sha256));
        }
    }
    known
}
