//! Who may call what: every operation of the route table has a case here, or the test fails.

use serde_json::json;
use strongroom::http::routes::OPERATIONS;
use strongroom::kernel::digest::Digests;

use crate::scene::{Answer, CBOR, REPOSITORY, Scene, manifest, send};

/// Who shows what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum As {
    Nobody,
    Forged,
    /// Has every right, on another repository.
    Stranger,
    Puller,
    Pusher,
    Deleter,
    Auditor,
    /// May plan, and nothing else.
    Planner,
    Admin,
    /// A grant to upload a blob.
    UploadGrant,
    /// A grant to read the blob.
    ReadGrant,
}

/// An operation, who is refused with what status, and who is let in.
struct Case {
    operation: (&'static str, &'static str),
    refused: &'static [(As, u16)],
    admitted: &'static [As],
}

const READ: &[(As, u16)] = &[(As::Nobody, 401), (As::Forged, 401), (As::Stranger, 403)];
const PUSH: &[(As, u16)] =
    &[(As::Nobody, 401), (As::Forged, 401), (As::Stranger, 403), (As::Puller, 403), (As::Auditor, 403)];
const DELETE: &[(As, u16)] = &[(As::Nobody, 401), (As::Forged, 401), (As::Stranger, 403), (As::Pusher, 403)];
/// Who may not see holds.
const HELD: &[(As, u16)] = &[(As::Nobody, 401), (As::Forged, 401), (As::Stranger, 403), (As::Puller, 403)];
const ADMIN: &[(As, u16)] =
    &[(As::Nobody, 401), (As::Forged, 401), (As::Stranger, 403), (As::Deleter, 403), (As::Auditor, 403)];
const TOKEN: &[(As, u16)] = &[(As::Nobody, 401), (As::Forged, 401)];
const LOG: &[(As, u16)] = &[(As::Nobody, 401), (As::Forged, 401), (As::Pusher, 403)];
const GRANT: &[(As, u16)] = &[(As::Nobody, 401), (As::Forged, 401), (As::Admin, 401)];
const UPLOAD: &[(As, u16)] = &[(As::Nobody, 401), (As::Forged, 401), (As::Admin, 401), (As::ReadGrant, 403)];

const fn case(
    method: &'static str,
    path: &'static str,
    refused: &'static [(As, u16)],
    admitted: &'static [As],
) -> Case {
    Case { operation: (method, path), refused, admitted }
}

const CASES: &[Case] = &[
    case("GET", "/v1/repositories", &[(As::Forged, 401)], &[As::Nobody, As::Puller]),
    case("POST", "/v1/repositories", PUSH, &[As::Pusher, As::Admin]),
    case("GET", "/v1/repositories/{repository}", READ, &[As::Puller]),
    case("PUT", "/v1/repositories/{repository}", PUSH, &[As::Admin]),
    case("POST", "/v1/repositories/{repository}/-/uploads", PUSH, &[As::Pusher]),
    case("POST", "/v1/repositories/{repository}/-/receipts", PUSH, &[As::Pusher]),
    case("GET", "/v1/repositories/{repository}/-/manifests", READ, &[As::Puller]),
    case("GET", "/v1/repositories/{repository}/-/manifests/{reference}", READ, &[As::Puller]),
    case("PUT", "/v1/repositories/{repository}/-/manifests/{reference}", PUSH, &[As::Pusher]),
    case("POST", "/v1/repositories/{repository}/-/reads", READ, &[As::Puller]),
    case("GET", "/v1/repositories/{repository}/-/blobs/{digest}", READ, &[As::Puller]),
    case("GET", "/v1/repositories/{repository}/-/blobs/{digest}/content", READ, &[As::Puller]),
    case("GET", "/v1/repositories/{repository}/-/damaged-blobs", READ, &[As::Puller]),
    case("GET", "/v1/repositories/{repository}/-/tags", READ, &[As::Puller]),
    case("GET", "/v1/repositories/{repository}/-/tags/{tag}", READ, &[As::Puller]),
    case("PUT", "/v1/repositories/{repository}/-/tags/{tag}", PUSH, &[As::Pusher]),
    case("DELETE", "/v1/repositories/{repository}/-/tags/{tag}", DELETE, &[As::Deleter]),
    case("GET", "/v1/repositories/{repository}/-/pins", READ, &[As::Puller]),
    case("GET", "/v1/repositories/{repository}/-/pins/{pin}", READ, &[As::Puller]),
    case("PUT", "/v1/repositories/{repository}/-/pins/{pin}", PUSH, &[As::Pusher]),
    case("POST", "/v1/repositories/{repository}/-/pins/{pin}/release", DELETE, &[As::Deleter]),
    case("GET", "/v1/repositories/{repository}/-/pins/{pin}/history", READ, &[As::Puller]),
    case("POST", "/v1/repositories/{repository}/-/publications", PUSH, &[As::Pusher]),
    case("GET", "/v1/tokens", ADMIN, &[As::Admin]),
    case("POST", "/v1/tokens", ADMIN, &[As::Admin]),
    case("POST", "/v1/tokens/exchange", &[], &[As::Nobody]),
    case("DELETE", "/v1/tokens/{token}", TOKEN, &[As::Admin]),
    case("POST", "/v1/receipts", PUSH, &[As::Admin]),
    case("POST", "/v1/orders", ADMIN, &[As::Admin]),
    case("POST", "/v1/orders/next", PUSH, &[As::Admin]),
    case("POST", "/v1/reports", PUSH, &[As::Admin]),
    case("POST", "/v1/objects/judgements", PUSH, &[As::Admin]),
    case("POST", "/v1/objects/discards", PUSH, &[As::Admin]),
    case("GET", "/v1/policies", PUSH, &[As::Planner, As::Admin]),
    case("GET", "/v1/policies/{policy}", PUSH, &[As::Planner, As::Admin]),
    case("PUT", "/v1/policies/{policy}", ADMIN, &[As::Admin]),
    case("DELETE", "/v1/policies/{policy}", ADMIN, &[As::Admin]),
    case("GET", "/v1/policies/{policy}/versions", PUSH, &[As::Planner, As::Admin]),
    case("POST", "/v1/retention/plan", PUSH, &[As::Planner]),
    case("POST", "/v1/retention/test", PUSH, &[As::Planner]),
    case("GET", "/data/status", &[], &[As::Nobody]),
    case("GET", "/v1/whoami", TOKEN, &[As::Stranger]),
    case("GET", "/v1/status", TOKEN, &[As::Stranger]),
    case("GET", "/v1/keys", &[], &[As::Nobody]),
    case("POST", "/v1/keys", PUSH, &[As::Admin]),
    case("DELETE", "/v1/keys/{key}", ADMIN, &[As::Admin]),
    case("GET", "/.well-known/jwks.json", &[], &[As::Nobody]),
    case("OPTIONS", "/data/uploads", &[], &[As::Nobody]),
    case("POST", "/data/uploads", UPLOAD, &[As::UploadGrant]),
    case("OPTIONS", "/data/uploads/{session}", &[], &[As::Nobody]),
    case("HEAD", "/data/uploads/{session}", UPLOAD, &[As::UploadGrant]),
    case("PATCH", "/data/uploads/{session}", UPLOAD, &[As::UploadGrant]),
    case("DELETE", "/data/uploads/{session}", UPLOAD, &[As::UploadGrant]),
    case("PUT", "/data/blobs", UPLOAD, &[As::UploadGrant]),
    case("POST", "/data/blobs", UPLOAD, &[As::UploadGrant]),
    case("GET", "/data/blobs/{digest}", GRANT, &[As::ReadGrant]),
    case("GET", "/data/blobs/{digest}/slices", GRANT, &[As::ReadGrant]),
    case("GET", "/log/events", LOG, &[As::Auditor]),
    case("GET", "/log/checkpoint", LOG, &[As::Auditor]),
    case("GET", "/log/entries/{position}", LOG, &[As::Auditor]),
    case("GET", "/healthz", &[], &[As::Nobody]),
    case("GET", "/readyz", &[], &[As::Nobody]),
    case("GET", "/metrics", &[], &[As::Nobody]),
    case("GET", "/openapi.json", &[], &[As::Nobody]),
    case("GET", "/v1/holds", HELD, &[As::Planner, As::Auditor, As::Admin]),
    case("GET", "/v1/holds/{hold}", HELD, &[As::Planner, As::Auditor, As::Admin]),
    case("POST", "/v1/holds", PUSH, &[As::Admin]),
    case("POST", "/v1/holds/{hold}/release", PUSH, &[As::Admin]),
    case("PUT", "/v1/repositories/{repository}/-/manifests/{reference}/lock", PUSH, &[As::Admin]),
    case("POST", "/v1/repositories/{repository}/-/manifests/{reference}/lock/bypass", PUSH, &[As::Admin]),
    case("GET", "/v1/repositories/{repository}/-/manifests/{reference}/why", READ, &[As::Puller]),
    case("POST", "/v1/plans", PUSH, &[As::Planner, As::Admin]),
    case("GET", "/v1/plans", HELD, &[As::Planner, As::Auditor, As::Admin]),
    case("GET", "/v1/plans/{plan}", HELD, &[As::Planner, As::Auditor, As::Admin]),
    case("GET", "/v1/plans/{plan}/documents", HELD, &[As::Planner, As::Auditor, As::Admin]),
    case("POST", "/v1/plans/{plan}/approval", PUSH, &[As::Admin]),
    case("POST", "/v1/plans/{plan}/application", PUSH, &[As::Admin]),
    case("GET", "/v1/repositories/{repository}/-/retrievals", READ, &[As::Puller]),
    case("POST", "/v1/retrievals", READ, &[As::Puller, As::Pusher]),
    case("GET", "/v1/retrievals/{retrieval}", TOKEN, &[As::Puller]),
    case("GET", "/v1/tiers", PUSH, &[As::Planner, As::Admin]),
    case("POST", "/v1/tiers", PUSH, &[As::Admin]),
    case("GET", "/v1/collection", PUSH, &[As::Planner, As::Admin]),
    case("POST", "/v1/collection", PUSH, &[As::Admin]),
    case("POST", "/v1/documents/{digest}/erasure", PUSH, &[As::Admin]),
    // Last: whoever may delete does, unless something keeps the package.
    case("POST", "/v1/repositories/{repository}/-/manifests/{reference}/deletion", DELETE, &[As::Deleter]),
    case("POST", "/v1/repositories/{repository}/-/manifests/{reference}/erasure", PUSH, &[As::Admin]),
];

#[test]
fn every_operation_has_an_authorization_case() {
    for operation in OPERATIONS {
        let has = CASES.iter().any(|case| case.operation == (operation.method, operation.path));
        assert!(has, "{} {} has no authorization case", operation.method, operation.path);
    }
    assert_eq!(CASES.len(), OPERATIONS.len(), "a case is of no operation, or stands here twice");
}

#[tokio::test]
async fn only_whom_the_table_names_may_call() {
    let scene = Scene::start().await;
    scene.deposit(REPOSITORY, "v1", &[b"bytes"]).await;
    for case in CASES {
        for (who, status) in case.refused {
            let answer = call(&scene, case.operation, *who).await;
            assert_eq!(answer.status, *status, "{:?} as {who:?}: {}", case.operation, answer.text());
            let is_head = case.operation.0 == "HEAD";
            assert!(is_head || answer.header("content-type") == "application/problem+json");
        }
        for who in case.admitted {
            let answer = call(&scene, case.operation, *who).await;
            let status = answer.status.as_u16();
            assert!(
                ![401, 403].contains(&status) && status < 500,
                "{:?} as {who:?}: {answer:?}",
                case.operation
            );
        }
    }
    scene.end().await;
}

/// What each actor shows as bearer.
async fn credential(scene: &Scene, who: As) -> Option<String> {
    Some(match who {
        As::Nobody => return None,
        As::Forged => format!("srt_{}", "f".repeat(64)),
        As::Stranger => scene.token("repository:other/*:pull,push,delete").await,
        As::Puller => scene.token("repository:acme/*:pull").await,
        As::Pusher => scene.token("repository:acme/*:pull,push").await,
        As::Deleter => scene.token("repository:acme/*:pull,delete").await,
        As::Auditor => scene.token("repository:acme/*:pull log:read").await,
        As::Planner => scene.token("retention:plan").await,
        As::Admin => scene.admin.clone(),
        As::UploadGrant => scene.open(REPOSITORY, json!({})).await,
        As::ReadGrant => scene.read_grant(REPOSITORY, "v1", b"bytes").await,
    })
}

/// The path with something in each of its places, and the query that it needs.
fn target(method: &str, path: &str, session: &str) -> String {
    let blob = Digests::of(b"bytes").blake3;
    let concrete = path
        .replace("{repository}", REPOSITORY)
        .replace("{reference}", "v1")
        // A tag that is not there: what is removed once is not there for the next case.
        .replace("{tag}", if method == "DELETE" { "gone" } else { "v1" })
        .replace("{pin}", if method == "GET" || path.ends_with("release") { "gone" } else { "prod" })
        .replace("{digest}", &blob.to_string())
        .replace("{policy}", "weekly")
        .replace("{hold}", "case-1")
        .replace("{plan}", &blob.to_string())
        .replace("{key}", "0123456789abcdef")
        .replace("{token}", "tok_00000000000000000000000000000000")
        .replace("{retrieval}", "00000000-0000-7000-8000-000000000000")
        .replace("{session}", session)
        .replace("{position}", "0");
    let query = match path {
        "/v1/retention/test" => "?policy=weekly",
        _ if path.ends_with("/content") => "?package=v1",
        _ => "",
    };
    format!("{concrete}{query}")
}

async fn call(scene: &Scene, (method, path): (&str, &str), who: As) -> Answer {
    let credential = credential(scene, who).await;
    let session = match (&credential, who, path) {
        (Some(grant), As::UploadGrant, "/data/uploads/{session}") => begin(scene, grant).await,
        _ => "00000000-0000-7000-8000-000000000000".to_owned(),
    };
    let mut request = scene.request(method, &target(method, path, &session));
    if let Some(credential) = credential {
        request = request.bearer_auth(credential);
    }
    if path.starts_with("/data/uploads") {
        request = request.header("tus-resumable", "1.0.0");
    }
    send(match (method, path.rsplit('/').next().unwrap_or_default()) {
        ("POST", "repositories") => request.json(&json!({ "name": "acme/another" })),
        ("PUT", "{repository}") => request.json(&json!({ "public": false })),
        ("POST", "uploads") if path.starts_with("/data") => request.header("upload-length", "3"),
        ("POST", "uploads") => request.json(&json!({ "blobs": [{ "size": 3 }] })),
        ("POST", "receipts") => request.json(&json!({ "receipt": "no.such.receipt" })),
        ("POST", "orders") => request.json(&json!({ "order": "no.such.order" })),
        ("POST", "next") => request.json(&json!({ "node": "d2", "stores": [], "in_hand": [] })),
        ("POST", "reports") => request.json(&json!({ "report": "no.such.report" })),
        ("POST", "judgements" | "discards") => {
            request.json(&json!({ "node": "d2", "store": "main", "objects": [] }))
        }
        ("POST", "reads") => request.json(&json!({ "reference": "v1" })),
        ("POST", "keys") => {
            let public = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
            request.json(&json!({ "kind": "receipt", "public": public, "node": "d2" }))
        }
        ("POST", "plans") => {
            request.header("content-type", "application/vnd.strongroom.plan.v1+cbor-seq").body("no plan")
        }
        ("POST", "holds") => request.json(&json!({
            "hold": "case-1", "kind": "litigation", "repository": REPOSITORY, "reason": "x"
        })),
        ("PUT", "lock") => {
            request.json(&json!({ "mode": "governance", "until": "2100-01-01T00:00:00Z", "reason": "x" }))
        }
        ("POST", "bypass" | "deletion") => request.json(&json!({ "reason": "x" })),
        ("POST", "erasure") => request.json(&json!({ "authority": "Art. 17 GDPR", "reason": "x" })),
        ("POST", "collection" | "application" | "tiers") => request.json(&json!({})),
        ("POST", "retrievals") => request.json(&json!({ "repository": REPOSITORY, "reference": "v1" })),
        ("POST", "plan") => request.json(&json!({})),
        ("POST", "test") => request.json(&policy()),
        ("PUT", "{policy}") => request.json(&policy()),
        ("POST", "tokens") => request.json(&json!({ "role": "auditor" })),
        ("PUT", "{reference}") => request.header("content-type", CBOR).body(manifest(&[b"bytes"]).encode()),
        ("PUT", "{tag}") => {
            request.json(&json!({ "digest": Digests::of(&manifest(&[b"bytes"]).encode()).blake3 }))
        }
        ("PUT", "{pin}") => request.json(&json!({
            "digest": Digests::of(&manifest(&[b"bytes"]).encode()).blake3, "said": { "reason": "x" }
        })),
        ("POST", "release") => request.json(&json!({ "reason": "x" })),
        ("POST", "publications") => {
            request.json(&json!({ "manifest": "", "pin": "prod", "said": { "reason": "x" } }))
        }
        ("PATCH", "{session}") => {
            let request = request.header("content-type", "application/offset+octet-stream");
            request.header("upload-offset", "0").body("abc")
        }
        ("PUT", "blobs") => request.body("abc"),
        _ => request,
    })
    .await
}

/// A policy that keeps everything.
fn policy() -> serde_json::Value {
    json!({ "rules": [{ "name": "all", "select": {}, "action": "keep" }] })
}

async fn begin(scene: &Scene, grant: &str) -> String {
    let create = scene.request("POST", "/data/uploads").bearer_auth(grant);
    let answer = send(create.header("tus-resumable", "1.0.0").header("upload-length", "3")).await;
    answer.is(201).header("location").rsplit('/').next().unwrap().to_owned()
}
