//! Problem documents: the only place that knows which error is which status.
//!
//! RFC 9457 `application/problem+json`: `type` is `urn:strongroom:problem:<code>`, `code` is stable and made for
//! programs, `detail` says what was wrong with the input and what to do, further members are named by the code.
//! - A [`Code`] alone knows its status and title; errors of other modules become a code in the files beside, by exhaustive
//!   matches, so that a new error does not compile until somebody has decided what a caller is told.
//! - What a caller can do nothing about is a 5xx: the answer says so and no more, the reason is logged, once.
//! - No refusal leaves this module without a code.

mod control;
mod data;
mod protection;
mod retention;
mod tiers;

use std::borrow::Cow;

use axum::http::header::{self, HeaderName};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::wire::problem as wire;

/// Declares [`Code`] as one table, so that name, status and title of a code stand side by side.
macro_rules! codes {
    ($($variant:ident $status:literal $code:literal $title:literal)*) => {
        /// What a caller is told, for programs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $title] $variant,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The HTTP status that carries it.
            pub fn status(self) -> StatusCode {
                let status: u16 = match self { $(Self::$variant => $status,)* };
                StatusCode::from_u16(status).expect("the table holds statuses")
            }

            /// Its title, the same for every occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }
        }
    };
}

codes! {
    InvalidPath            400 "invalid-path"             "The path names something that cannot exist"
    InvalidQuery           400 "invalid-query"            "The query is not valid"
    InvalidHeader          400 "invalid-header"           "A header is not valid"
    InvalidBody            400 "invalid-body"             "The body is not what this operation takes"
    IncompleteBody         400 "incomplete-body"          "The body ended early"
    InvalidArgument        400 "invalid-argument"         "A value is not valid"
    ManifestInvalid        400 "manifest-invalid"         "The manifest is not valid"
    PolicyInvalid          400 "policy-invalid"           "The policy is not valid"
    PlanInvalid            400 "plan-invalid"             "The plan is not valid"
    ReceiptInvalid         400 "receipt-invalid"          "The receipt is not valid"
    OrderInvalid           400 "order-invalid"            "The order is not valid"
    ReportInvalid          400 "report-invalid"           "The report is not valid"
    LengthMismatch         400 "length-mismatch"          "The bytes are not as many as declared"
    Unauthenticated        401 "unauthenticated"          "Who is calling is not known"
    TokenInvalid           401 "token-invalid"            "The token is not valid"
    GrantInvalid           401 "grant-invalid"            "The grant is not valid"
    GrantExpired           401 "grant-expired"            "The grant has expired"
    ScopeMissing           403 "scope-missing"            "The token may not do this"
    OwnPlan                403 "own-plan"                 "Who submitted a plan cannot approve it"
    GrantNarrower          403 "grant-narrower"           "The grant is for something else"
    QuotaExceeded          403 "quota-exceeded"           "The repository may not hold so much"
    RouteUnknown           404 "route-unknown"            "There is no such route"
    OtherPlane             404 "other-plane"              "This node does not serve that plane"
    RepositoryUnknown      404 "repository-unknown"       "There is no such repository"
    ManifestUnknown        404 "manifest-unknown"         "There is no such manifest"
    TagUnknown             404 "tag-unknown"              "There is no such tag"
    PinUnknown             404 "pin-unknown"              "There is no such pin"
    BlobUnknown            404 "blob-unknown"             "There is no such blob"
    SubjectUnknown         404 "subject-unknown"          "The manifest's subject is not here"
    TokenUnknown           404 "token-unknown"            "There is no such token"
    KeyUnknown             404 "key-unknown"              "There is no such key"
    PolicyUnknown          404 "policy-unknown"           "There is no such policy"
    PlanUnknown            404 "plan-unknown"             "No such plan was submitted"
    RetrievalUnknown       404 "retrieval-unknown"        "There is no such retrieval"
    HoldUnknown            404 "hold-unknown"             "There is no such hold"
    DocumentUnknown        404 "document-unknown"         "There is no such document"
    SessionUnknown         404 "session-unknown"          "There is no such upload"
    PositionUnknown        404 "position-unknown"         "The log does not reach so far"
    CheckpointUnknown      404 "checkpoint-unknown"       "There is no checkpoint yet"
    MethodNotAllowed       405 "method-not-allowed"       "The route does not take this method"
    NotAcceptable          406 "not-acceptable"           "None of the accepted media types is offered"
    BodyTooSlow            408 "body-too-slow"            "The body did not arrive in time"
    RepositoryExists       409 "repository-exists"        "The repository exists"
    BlobsMissing           409 "blobs-missing"            "Blobs that the manifest names are not in the repository"
    BlobsDamaged           409 "blobs-damaged"            "Blobs of the package are damaged"
    BlobArchived           409 "blob-archived"            "The blob has to be retrieved before it can be read"
    ProvenanceMissing      409 "provenance-missing"       "The package does not say what it was built from"
    OffsetMismatch         409 "offset-mismatch"          "The upload stands at another offset"
    SessionBusy            409 "session-busy"             "The upload is taken by another request"
    AlreadyMinted          409 "already-minted"           "The request was made before"
    KeyInUse               409 "key-in-use"               "The log is signed with that key"
    KeyTaken               409 "key-taken"                "The key is recorded for something else"
    HoldExists             409 "hold-exists"              "The name of the hold is taken"
    HoldReleased           409 "hold-released"            "The hold was released"
    PlanStale              409 "plan-stale"               "The policies of the plan say something else by now"
    PlanNotApproved        409 "plan-not-approved"        "The plan has to be approved by somebody else"
    PlanTooMuch            409 "plan-too-much"            "The plan does more than its policies allow at a time"
    PackageKept            409 "package-kept"             "Something keeps the package"
    LockNotLater           409 "lock-not-later"           "A lock moves only later"
    RetrievalNeeded        409 "retrieval-needed"         "The package has to be retrieved before it is read"
    RetrievalUnneeded      409 "retrieval-unneeded"       "The package can be read without a retrieval"
    NotLocked              409 "not-locked"               "There is no such lock"
    GrantUsed              409 "grant-used"               "The grant was used for another upload"
    ManifestErased         409 "manifest-erased"          "The manifest was erased and does not come back"
    DocumentNeeded         409 "document-needed"          "The document is needed"
    ManifestsMissing       409 "manifests-missing"        "Manifests that the index lists are not in the repository"
    ReceiptRefused         409 "receipt-refused"          "The receipt came too late or for something else"
    OrderUntaken           409 "order-untaken"            "No data node takes the order"
    TooManyPolicies        409 "too-many-policies"        "As many policies stand as may"
    PackageDeleted         410 "package-deleted"          "The package was deleted"
    Erased                 410 "erased"                   "The package was erased"
    SessionGone            410 "session-gone"             "The upload has ended"
    TagMoved               412 "tag-moved"                "The tag names something else"
    PinMoved               412 "pin-moved"                "The pin claims something else"
    TusVersion             412 "tus-version"              "Only tus 1.0.0 is spoken here"
    PlanTooLarge           413 "plan-too-large"           "The plan is larger than plans may be"
    BodyTooLarge           413 "body-too-large"           "The body is larger than allowed"
    UploadTooLarge         413 "upload-too-large"         "The upload is larger than allowed"
    MediaTypeUnsupported   415 "media-type-unsupported"   "The body has another media type than this operation takes"
    RangeNotSatisfiable    416 "range-not-satisfiable"    "The range lies outside of the bytes"
    IdempotencyConflict    422 "idempotency-conflict"     "The idempotency key belongs to another request"
    DigestMismatch         422 "digest-mismatch"          "The bytes are not those of the declared digest"
    RateExceeded           429 "rate-exceeded"            "Too many requests in too short a time"
    TooManyUploads         429 "too-many-uploads"         "Too many uploads at once by one client"
    HeadersTooLarge        431 "headers-too-large"        "Line and headers are larger than allowed"
    ChecksumMismatch       460 "checksum-mismatch"        "The bytes are not those of the checksum"
    Internal               500 "internal"                 "Something failed here"
    BlobCorrupt            500 "blob-corrupt"             "The stored bytes are not what they were"
    ObjectMissing          500 "object-missing"           "The stored bytes are not there"
    Busy                   503 "busy"                     "Too much is going on"
    Contended              503 "contended"                "Others are changing the same thing"
    Unavailable            503 "unavailable"              "A part of the service is not available"
    StorageFull            507 "storage-full"             "There is no room for more bytes"
}

/// One refusal.
#[derive(Debug)]
pub struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    members: Vec<(&'static str, serde_json::Value)>,
    headers: Vec<(HeaderName, HeaderValue)>,
    logged: Option<String>,
}

impl Problem {
    /// A refusal that says what was wrong with the input and what to do.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), members: Vec::new(), headers: Vec::new(), logged: None }
    }

    /// A failure of ours: the caller gets the code and its title, the log gets the reason.
    pub fn failure(code: Code, reason: impl std::fmt::Display) -> Self {
        let told = "This is no fault of the request; the request id finds the reason in the service's log.";
        Self { logged: Some(reason.to_string()), ..Self::new(code, told) }
    }

    /// A failure that goes away: the caller is told when to try again.
    pub fn busy(code: Code, retry_after_seconds: u64, reason: impl std::fmt::Display) -> Self {
        let told = "Nothing was done. Try again after the time in Retry-After.";
        let problem = Self { logged: Some(reason.to_string()), ..Self::new(code, told) };
        problem.header(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds.max(1)))
    }

    /// With one more member in the document.
    #[must_use]
    pub fn member(mut self, name: &'static str, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).expect("members of a problem are plain data");
        self.members.push((name, value));
        self
    }

    /// With one more header in the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// What a program reads.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// What a person reads.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The document, where it is a part of an answer: the log gets its reason here, as it would from an answer.
    pub(in crate::http) fn told(&self) -> wire::Problem {
        self.log();
        self.document()
    }

    fn log(&self) {
        if let Some(reason) = &self.logged {
            tracing::error!(code = self.code.name(), reason, "request failed");
        }
    }

    /// The document.
    pub fn document(&self) -> wire::Problem {
        let Self { code, detail, members, .. } = self;
        let problem = wire::Problem::new(code.status().as_u16(), code.name(), code.title(), detail.as_ref());
        members.iter().fold(problem, |problem, (name, value)| problem.with(name, value))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.log();
        let body = serde_json::to_vec(&self.document()).expect("a problem is plain data");
        let mut response =
            (self.code.status(), [(header::CONTENT_TYPE, wire::MEDIA_TYPE)], body).into_response();
        if self.code.status() == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"strongroom\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response.headers_mut().extend(self.headers);
        response
    }
}

/// No such route: what a mistyped path gets.
pub async fn unknown_route(uri: axum::http::Uri) -> Problem {
    Problem::new(Code::RouteUnknown, "Nothing answers at this path; /openapi.json lists what does.")
        .member("path", uri.path().chars().take(256).collect::<String>())
}

/// The route is known, the method is not; axum adds `Allow`.
pub async fn method_not_allowed() -> Problem {
    Problem::new(Code::MethodNotAllowed, "The `Allow` header lists the methods of this route.")
}

/// What a panic becomes: a bug, told to nobody but the log.
#[expect(clippy::needless_pass_by_value, reason = "the signature that tower-http's layer takes")]
pub fn panicked(panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    Problem::failure(Code::Internal, format_args!("panic: {text}")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_has_a_name_of_its_own_and_an_error_status() {
        let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!((400..600).contains(&code.status().as_u16()), "{code:?}");
            assert!(code.name().bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{code:?}");
        }
    }

    #[tokio::test]
    async fn a_failure_tells_the_caller_nothing_of_its_reason() {
        let response = Problem::failure(Code::Internal, "password=hunter2").into_response();
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()["content-type"], wire::MEDIA_TYPE);
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        assert!(!String::from_utf8_lossy(&body).contains("hunter2"));
    }

    #[test]
    fn a_problem_is_drawn_as_rfc_9457_says() {
        let problem = Problem::new(Code::TagMoved, "now elsewhere").member("current", "blake3:00");
        assert_eq!(
            serde_json::to_value(problem.document()).unwrap(),
            json!({
                "type": "urn:strongroom:problem:tag-moved",
                "title": "The tag names something else",
                "status": 412,
                "detail": "now elsewhere",
                "code": "tag-moved",
                "current": "blake3:00",
            })
        );
    }

    #[test]
    fn being_busy_says_when_to_come_back() {
        let response = Problem::busy(Code::Busy, 0, "queue full").into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "1");
    }
}
