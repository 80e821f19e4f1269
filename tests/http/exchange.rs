//! Token exchange (RFC 8693): narrower, shorter, ended with its parent.

use serde_json::Value as Json;
use strongroom::config::Settings;
use strongroom::config::limits::Limits;

use crate::scene::{Answer, REPOSITORY, Scene, send};

const GRANT_TYPE: (&str, &str) = ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
const SUBJECT_TYPE: (&str, &str) = ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token");

async fn post(scene: &Scene, fields: &[(&str, &str)]) -> Answer {
    let mut url = reqwest::Url::parse("http://x/").unwrap();
    url.query_pairs_mut().extend_pairs(fields);
    let body = url.query().unwrap_or_default().to_owned();
    let form = "application/x-www-form-urlencoded";
    send(scene.request("POST", "/v1/tokens/exchange").header("content-type", form).body(body)).await
}

async fn exchange(scene: &Scene, token: &str, more: &[(&str, &str)]) -> Answer {
    let fields = [&[GRANT_TYPE, SUBJECT_TYPE, ("subject_token", token)], more].concat();
    post(scene, &fields).await
}

async fn exchanged(scene: &Scene, token: &str, more: &[(&str, &str)]) -> Json {
    let answer = exchange(scene, token, more).await;
    assert_eq!(answer.is(200).header("cache-control"), "no-store");
    answer.json()
}

fn text(document: &Json, name: &str) -> String {
    document[name].as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn a_narrower_token_does_what_it_says_and_no_more() {
    let scene = Scene::start().await;
    scene.deposit(REPOSITORY, "v1", &[b"bytes"]).await;
    let before = send(scene.admin("GET", "/log/events")).await.json()["head"].clone();
    let parent = scene.token("repository:acme/*:pull,push log:read").await;
    let after = send(scene.admin("GET", "/log/events")).await.json()["head"].clone();
    assert_eq!(after.as_u64(), before.as_u64().map(|size| size + 1), "minting is an event");

    let made =
        exchanged(&scene, &parent, &[("scope", "repository:acme/reports:pull"), ("expires_in", "60")]).await;
    assert_eq!(made["token_type"], "Bearer");
    assert_eq!(made["issued_token_type"], SUBJECT_TYPE.1);
    assert_eq!((&made["expires_in"], &made["scope"]), (&60.into(), &"repository:acme/reports:pull".into()));
    let child = text(&made, "access_token");
    let manifest = format!("/v1/repositories/{REPOSITORY}/-/manifests/v1");
    send(scene.request("GET", &manifest).bearer_auth(&child)).await.is(200);
    send(scene.request("GET", "/log/events").bearer_auth(&child)).await.is(403);
    send(
        scene
            .request("POST", &format!("/v1/repositories/{REPOSITORY}/-/uploads"))
            .bearer_auth(&child)
            .json(&serde_json::json!({"uploads": []})),
    )
    .await
    .is(403);
    let who = send(scene.request("GET", "/v1/whoami").bearer_auth(&child)).await.is(200).json();
    let parent_id =
        send(scene.request("GET", "/v1/whoami").bearer_auth(&parent)).await.is(200).json()["token"].clone();
    assert_eq!((&who["parent"], &who["token"]), (&parent_id, &Json::Null));
    let last = send(scene.admin("GET", "/log/events")).await.json()["head"].clone();
    assert_eq!(last, after, "exchanging is no event");
    scene.end().await;
}

#[tokio::test]
async fn an_access_token_ends_with_its_parent_and_cannot_end_it() {
    let scene = Scene::start().await;
    let parent = scene.token("log:read").await;
    let child = text(&exchanged(&scene, &parent, &[]).await, "access_token");
    let grandchild = text(&exchanged(&scene, &child, &[]).await, "access_token");
    for token in [&child, &grandchild] {
        send(scene.request("GET", "/log/events").bearer_auth(token)).await.is(200);
    }
    let id = text(&send(scene.request("GET", "/v1/whoami").bearer_auth(&parent)).await.json(), "token");
    let path = format!("/v1/tokens/{id}");
    send(scene.request("DELETE", &path).bearer_auth(&child)).await.is(403);
    send(scene.request("DELETE", &path).bearer_auth(&parent)).await.is(204);
    for token in [&parent, &child, &grandchild] {
        let answer = send(scene.request("GET", "/log/events").bearer_auth(token)).await;
        assert_eq!(answer.is(401).json()["code"], "token-invalid");
    }
    scene.end().await;
}

#[tokio::test]
async fn a_refusal_is_one_of_the_rfc_and_says_what_to_do() {
    let scene = Scene::start().await;
    let parent = scene.token("repository:acme/*:pull").await;
    let subject = ("subject_token", &*parent);
    let rows: &[(&[(&str, &str)], &str)] = &[
        (&[SUBJECT_TYPE, subject], "unsupported_grant_type"),
        (&[("grant_type", "password"), SUBJECT_TYPE, subject], "unsupported_grant_type"),
        (&[GRANT_TYPE, subject], "invalid_request"),
        (&[GRANT_TYPE, SUBJECT_TYPE], "invalid_request"),
        (&[GRANT_TYPE, SUBJECT_TYPE, ("subject_token", "")], "invalid_request"),
        (&[GRANT_TYPE, SUBJECT_TYPE, ("subject_token", "srt_x")], "invalid_request"),
        (&[GRANT_TYPE, SUBJECT_TYPE, ("subject_token", "a.b.c")], "invalid_request"),
        (&[GRANT_TYPE, SUBJECT_TYPE, subject, subject], "invalid_request"),
        (&[GRANT_TYPE, SUBJECT_TYPE, subject, ("actor_token", "x")], "invalid_request"),
        (&[GRANT_TYPE, SUBJECT_TYPE, subject, ("requested_token_type", "urn:x")], "invalid_request"),
        (&[GRANT_TYPE, SUBJECT_TYPE, subject, ("audience", "elsewhere")], "invalid_target"),
        (&[GRANT_TYPE, SUBJECT_TYPE, subject, ("resource", "https://elsewhere.example")], "invalid_target"),
        (&[GRANT_TYPE, SUBJECT_TYPE, subject, ("scope", "root")], "invalid_scope"),
        (&[GRANT_TYPE, SUBJECT_TYPE, subject, ("scope", " ")], "invalid_scope"),
        (&[GRANT_TYPE, SUBJECT_TYPE, subject, ("scope", "admin")], "invalid_scope"),
        (&[GRANT_TYPE, SUBJECT_TYPE, subject, ("expires_in", "0")], "invalid_request"),
        (&[GRANT_TYPE, SUBJECT_TYPE, subject, ("expires_in", "3601")], "invalid_request"),
        (&[GRANT_TYPE, SUBJECT_TYPE, subject, ("expires_in", "soon")], "invalid_request"),
    ];
    for (fields, error) in rows {
        let problem = post(&scene, fields).await.is(400).json();
        assert_eq!(problem["error"], *error, "{fields:?}: {problem}");
        assert_eq!(problem["error_description"], problem["detail"]);
    }
    // What is not known is ignored, and what is empty is absent (RFC 6749 section 3.2).
    exchange(&scene, &parent, &[("client_id", "ci"), ("scope", ""), ("audience", "")]).await.is(200);
    let json = send(scene.request("POST", "/v1/tokens/exchange").json(&serde_json::json!({}))).await;
    assert_eq!(json.is(415).json()["code"], "media-type-unsupported");
    scene.end().await;
}

#[tokio::test]
async fn a_grant_is_no_access_token_and_an_access_token_no_grant() {
    let scene = Scene::start().await;
    scene.deposit(REPOSITORY, "v1", &[b"bytes"]).await;
    let grant = scene.read_grant(REPOSITORY, "v1", b"bytes").await;
    send(scene.request("GET", "/v1/whoami").bearer_auth(&grant)).await.is(401);
    exchange(&scene, &grant, &[]).await.is(400);
    let token = text(&exchanged(&scene, &scene.admin, &[]).await, "access_token");
    let digest = strongroom::kernel::digest::Digests::of(b"bytes").blake3;
    send(scene.request("GET", &format!("/data/blobs/{digest}")).bearer_auth(&token)).await.is(401);
    scene.end().await;
}

#[tokio::test]
async fn tokens_that_were_made_from_one_are_no_more_room_and_guesses_count_here_too() {
    let limits = Limits { requests_per_token: 1, free_space_mib: 0, ..Limits::default() };
    let scene = Scene::with(move |settings| Settings { limits, ..settings }).await;
    let made = exchanged(&scene, &scene.admin, &[]).await;
    let child = text(&made, "access_token");
    let ask = |token: &str| send(scene.request("GET", "/v1/whoami").bearer_auth(token));
    let mut last = ask(&child).await;
    for _ in 0..20 {
        last = ask(&child).await;
    }
    assert_eq!(last.refuses(429, "rate-exceeded")["per"], "token");
    ask(&scene.admin).await.refuses(429, "rate-exceeded");
    assert_eq!(exchange(&scene, &scene.admin, &[]).await.refuses(429, "rate-exceeded")["per"], "token");
    ask(&scene.uploader).await.is(200);
    scene.end().await;

    let limits = Limits { requests_per_address: 300, ..limits };
    let scene = Scene::with(move |settings| Settings { limits, ..settings }).await;
    let guess = "srt_0000000000000000000000000000000000000000000000000000000000000000";
    let mut last = exchange(&scene, guess, &[]).await;
    for _ in 0..20 {
        last = exchange(&scene, guess, &[]).await;
    }
    assert_eq!(last.refuses(429, "rate-exceeded")["per"], "address");
    scene.end().await;
}
