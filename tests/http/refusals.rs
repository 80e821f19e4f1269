//! Input to refuse, as a table: each row is a request, and the code that it gets. Nothing is a 500.

use serde_json::json;

use crate::scene::{CBOR, REPOSITORY, Scene, send};

/// Method, path, headers, body, and then status and code.
type Row<'a> = (&'a str, String, Vec<(&'a str, &'a str)>, Vec<u8>, u16, &'a str);

const JSON: (&str, &str) = ("content-type", "application/json");

fn row<'a>(
    method: &'a str,
    path: impl Into<String>,
    headers: &[(&'a str, &'a str)],
    body: impl Into<Vec<u8>>,
    status: u16,
    code: &'a str,
) -> Row<'a> {
    (method, path.into(), headers.to_vec(), body.into(), status, code)
}

async fn check(scene: &Scene, rows: Vec<Row<'_>>) {
    for (method, path, headers, body, status, code) in rows {
        let mut request = scene.admin(method, &path).body(body.clone());
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        let answer = send(request).await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let about = format!("{method} {path} {headers:?} {shown}");
        assert_eq!(answer.status, status, "{about}: {}", String::from_utf8_lossy(&answer.body));
        answer.refuses(status, code);
    }
}

#[tokio::test]
async fn bad_names_digests_and_paths_are_refused() {
    let scene = Scene::start().await;
    scene.put(REPOSITORY, b"x").await;
    let upper = format!("blake3:{}", "A".repeat(64));
    let at = |tail: &str| format!("/v1/repositories/{REPOSITORY}/-/{tail}");
    let rows = vec![
        row("GET", "/v1/repositories/Acme", &[], "", 400, "invalid-path"),
        row("GET", "/v1/repositories/a//b", &[], "", 400, "invalid-path"),
        row("GET", "/v1/repositories/acme/../../etc/passwd", &[], "", 404, "route-unknown"),
        row("GET", "/v1/repositories/%2e%2e/%2e%2e/etc", &[], "", 404, "route-unknown"),
        row("GET", "/v1/repositories/acme%2F..%2Fetc", &[], "", 400, "invalid-path"),
        row("GET", "/v1/repositories/acme%00", &[], "", 400, "invalid-path"),
        row("GET", "/v1/repositories/acme%ff", &[], "", 400, "invalid-path"),
        row("GET", format!("/v1/repositories/{}", "a".repeat(256)), &[], "", 400, "invalid-path"),
        row("GET", "/v1/repositories/a/-/b/-/tags", &[], "", 400, "invalid-path"),
        row("GET", at("manifests/.hidden"), &[], "", 400, "invalid-path"),
        row("GET", at("manifests/md5:00"), &[], "", 400, "invalid-path"),
        row("GET", at("manifests/blake3:00"), &[], "", 400, "invalid-path"),
        row("GET", at(&format!("manifests/{upper}")), &[], "", 400, "invalid-path"),
        row("GET", at(&format!("blobs/{upper}")), &[], "", 400, "invalid-path"),
        row("GET", at("blobs/v1"), &[], "", 400, "invalid-path"),
        row("GET", at("tags/-v1"), &[], "", 400, "invalid-path"),
        row("GET", at(&format!("tags/{}", "t".repeat(129))), &[], "", 400, "invalid-path"),
        row("GET", at(&format!("blobs/blake3:{}", "0".repeat(64))), &[], "", 404, "blob-unknown"),
        row("GET", at("manifests/none"), &[], "", 404, "manifest-unknown"),
        row("GET", at("tags/none"), &[], "", 404, "tag-unknown"),
        row("GET", "/v1/repositories/acme/none", &[], "", 404, "repository-unknown"),
        row("DELETE", "/v1/tokens/srt_x", &[], "", 400, "invalid-path"),
        row("DELETE", format!("/v1/tokens/tok_{}", "0".repeat(32)), &[], "", 404, "token-unknown"),
        row("GET", "/log/entries/-1", &[], "", 400, "invalid-path"),
        row("GET", "/log/entries/18446744073709551616", &[], "", 400, "invalid-path"),
        row("GET", "/log/entries/18446744073709551615", &[], "", 404, "position-unknown"),
        row("GET", "/nothing", &[], "", 404, "route-unknown"),
        row("GET", "/", &[], "", 404, "route-unknown"),
        row("POST", "/v1/whoami", &[], "", 405, "method-not-allowed"),
        row("PATCH", "/v1/repositories/acme", &[], "", 405, "method-not-allowed"),
        row("BREW", "/healthz", &[], "", 405, "method-not-allowed"),
    ];
    check(&scene, rows).await;
    let answer = send(scene.admin("DELETE", "/v1/whoami")).await;
    assert!(answer.header("allow").contains("GET"), "{answer:?}");
    scene.end().await;
}

#[tokio::test]
async fn bad_json_is_refused() {
    let scene = Scene::start().await;
    let tag = format!("/v1/repositories/{REPOSITORY}/-/tags/v1");
    let uploads = format!("/v1/repositories/{REPOSITORY}/-/uploads");
    let blobs = |n: usize| json!({ "blobs": vec![json!({}); n] }).to_string();
    let huge = format!("{}{{}}", " ".repeat(1024 * 1024));
    let rows = vec![
        row("POST", "/v1/repositories", &[], "{}", 415, "media-type-unsupported"),
        row(
            "POST",
            "/v1/repositories",
            &[("content-type", "text/plain")],
            "{}",
            415,
            "media-type-unsupported",
        ),
        row("POST", "/v1/repositories", &[JSON], "", 400, "invalid-body"),
        row("POST", "/v1/repositories", &[JSON], "{", 400, "invalid-body"),
        row("POST", "/v1/repositories", &[JSON], "[]", 400, "invalid-body"),
        row("POST", "/v1/repositories", &[JSON], r#"{"name":"A"}"#, 400, "invalid-body"),
        row("POST", "/v1/repositories", &[JSON], r#"{"name":"a","pubic":true}"#, 400, "invalid-body"),
        row("POST", "/v1/repositories", &[JSON], r#"{"name":"a","name":"b"}"#, 400, "invalid-body"),
        row("POST", "/v1/repositories", &[JSON], r#"{"name":"a"}{}"#, 400, "invalid-body"),
        row("POST", "/v1/repositories", &[JSON], &b"{\"name\":\"\xff\"}"[..], 400, "invalid-body"),
        row("POST", "/v1/repositories", &[JSON], "[".repeat(100_000), 400, "invalid-body"),
        row("POST", "/v1/repositories", &[JSON], huge, 413, "body-too-large"),
        row("PUT", tag, &[JSON], r#"{"digest":"md5:00"}"#, 400, "invalid-body"),
        row("POST", &*uploads, &[JSON], r#"{"blobs":[{"digest":"blake3:XY"}]}"#, 400, "invalid-body"),
        row("POST", &*uploads, &[JSON], r#"{"blobs":[{"size":-1}]}"#, 400, "invalid-body"),
        row("POST", &*uploads, &[JSON], r#"{"blobs":[{"size":1.5}]}"#, 400, "invalid-body"),
        row("POST", &*uploads, &[JSON], r#"{"blobs":[{"size":99999999999999999}]}"#, 413, "upload-too-large"),
        row("POST", &*uploads, &[JSON], blobs(0), 400, "invalid-argument"),
        row("POST", &*uploads, &[JSON], blobs(1_001), 400, "invalid-argument"),
        row("POST", "/v1/tokens", &[JSON], "{}", 400, "invalid-argument"),
        row("POST", "/v1/tokens", &[JSON], r#"{"scopes":["root"]}"#, 400, "invalid-argument"),
        row("POST", "/v1/tokens", &[JSON], r#"{"role":"root"}"#, 400, "invalid-argument"),
        row(
            "POST",
            "/v1/tokens",
            &[JSON],
            r#"{"role":"auditor","subject":"Ann Smith"}"#,
            400,
            "invalid-body",
        ),
        row(
            "POST",
            "/v1/tokens",
            &[JSON],
            r#"{"role":"auditor","expires_in_seconds":0}"#,
            400,
            "invalid-argument",
        ),
    ];
    check(&scene, rows).await;
    scene.end().await;
}

#[tokio::test]
async fn bad_headers_and_queries_are_refused() {
    let scene = Scene::start().await;
    scene.deposit(REPOSITORY, "v1", &[b"x"]).await;
    let tag = format!("/v1/repositories/{REPOSITORY}/-/tags/v1");
    let manifest = format!("/v1/repositories/{REPOSITORY}/-/manifests/v1");
    let long = "k".repeat(40_000);
    let rows = vec![
        row("GET", "/v1/repositories?limit=0", &[], "", 400, "invalid-query"),
        row("GET", "/v1/repositories?limit=1001", &[], "", 400, "invalid-query"),
        row("GET", "/v1/repositories?limit=x", &[], "", 400, "invalid-query"),
        row("GET", "/v1/repositories?limit=1&limit=2", &[], "", 400, "invalid-query"),
        row("GET", "/v1/repositories?cursor=%21", &[], "", 400, "invalid-query"),
        row("GET", "/v1/repositories?page=2", &[], "", 400, "invalid-query"),
        row("GET", "/v1/repositories?limit=%ff", &[], "", 400, "invalid-query"),
        row("GET", "/v1/repositories?limit=%", &[], "", 400, "invalid-query"),
        row("GET", "/log/events?after=-1", &[], "", 400, "invalid-query"),
        row("GET", "/log/events?type=tag.sat", &[], "", 400, "invalid-query"),
        row("GET", "/log/events?repository=A", &[], "", 400, "invalid-query"),
        row(
            "GET",
            "/log/events?follow=maybe",
            &[("accept", "application/x-ndjson")],
            "",
            400,
            "invalid-query",
        ),
        row("GET", "/log/events", &[("accept", "image/png")], "", 406, "not-acceptable"),
        row("GET", "/log/events", &[("accept", "nonsense")], "", 400, "invalid-header"),
        row(
            "GET",
            "/log/events",
            &[("accept", "text/event-stream"), ("last-event-id", "x")],
            "",
            400,
            "invalid-header",
        ),
        row("GET", &*manifest, &[("accept", "image/png")], "", 406, "not-acceptable"),
        row("GET", &*manifest, &[("if-none-match", "v1")], "", 400, "invalid-header"),
        row("DELETE", &*tag, &[("if-match", "v1")], "", 400, "invalid-header"),
        row("DELETE", &*tag, &[("if-match", "*")], "", 400, "invalid-header"),
        row("PUT", &*manifest, &[("content-type", CBOR), ("if-match", "\"v1\"")], "", 400, "invalid-header"),
        row("PUT", &*manifest, &[("content-type", "application/json")], "{}", 415, "media-type-unsupported"),
        row(
            "POST",
            "/v1/repositories",
            &[JSON, ("idempotency-key", "")],
            r#"{"name":"b"}"#,
            400,
            "invalid-header",
        ),
        row(
            "POST",
            "/v1/repositories",
            &[JSON, ("idempotency-key", "a b")],
            r#"{"name":"b"}"#,
            400,
            "invalid-header",
        ),
        row("GET", "/healthz", &[("x-long", &long)], "", 431, "headers-too-large"),
    ];
    check(&scene, rows).await;
    scene.end().await;
}

#[tokio::test]
async fn what_is_no_token_of_ours_is_refused() {
    let scene = Scene::start().await;
    for (authorization, status, code) in [
        ("Basic YTpi", 401, "unauthenticated"),
        ("Bearer", 401, "unauthenticated"),
        ("Bearer nonsense", 401, "token-invalid"),
        (&format!("Bearer srt_{}", "0".repeat(64)), 401, "token-invalid"),
    ] {
        let answer = send(scene.request("GET", "/v1/whoami").header("authorization", authorization)).await;
        answer.refuses(status, code);
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
    scene.end().await;
}

#[tokio::test]
async fn an_idempotency_key_makes_a_repeat_the_same_request() {
    let scene = Scene::start().await;
    let create = |name: &str, key: &str| {
        let request = scene.admin("POST", "/v1/repositories").json(&json!({ "name": name }));
        send(request.header("idempotency-key", key.to_owned()))
    };
    create("a/one", "k1").await.is(201);
    create("a/one", "k1").await.is(201);
    create("a/one", "k2").await.refuses(409, "repository-exists");
    create("a/two", "k1").await.refuses(422, "idempotency-conflict");
    scene.end().await;
}

#[tokio::test]
async fn every_answer_carries_a_request_id() {
    let scene = Scene::start().await;
    let id = "0190a3f0-0000-7000-8000-000000000001";
    let answer = send(scene.request("GET", "/healthz").header("x-request-id", id)).await;
    assert_eq!(answer.is(200).header("x-request-id"), id);
    let answer = send(scene.request("GET", "/nothing").header("x-request-id", "not a uuid")).await;
    assert!(answer.header("x-request-id").parse::<uuid::Uuid>().is_ok());
    scene.put(REPOSITORY, b"x").await;
    let tokens = send(
        scene.admin("POST", "/v1/tokens").header("x-request-id", id).json(&json!({ "role": "auditor" })),
    );
    tokens.await.is(201);
    let events = send(scene.admin("GET", "/log/events?type=token.minted")).await.json();
    let last = events["events"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["cause"], id, "{last}");
    scene.end().await;
}
