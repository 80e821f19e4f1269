//! Packages and tags over HTTP.

use serde_json::json;
use strongroom::kernel::cbor::{self, Bounds, Value};
use strongroom::kernel::digest::Digests;

use crate::scene::{Answer, CBOR, REPOSITORY, Scene, manifest, send};

fn path(reference: &str) -> String {
    format!("/v1/repositories/{REPOSITORY}/-/manifests/{reference}")
}

async fn put(scene: &Scene, reference: &str, bytes: Vec<u8>) -> Answer {
    send(scene.upload("PUT", &path(reference)).header("content-type", CBOR).body(bytes)).await
}

#[tokio::test]
async fn every_missing_blob_is_named() {
    let scene = Scene::start().await;
    scene.put(REPOSITORY, b"here").await;
    let absent: Vec<Vec<u8>> = (0..200).map(|n| format!("absent {n}").into_bytes()).collect();
    let mut blobs: Vec<&[u8]> = vec![b"here"];
    blobs.extend(absent.iter().map(Vec::as_slice));
    let problem = scene.accept(REPOSITORY, "v1", &blobs).await.refuses(409, "blobs-missing");
    let mut named: Vec<String> = serde_json::from_value(problem["missing"].clone()).unwrap();
    let mut expected: Vec<String> = absent.iter().map(|blob| Digests::of(blob).blake3.to_string()).collect();
    named.sort();
    expected.sort();
    assert_eq!(named, expected);
    scene.end().await;
}

#[tokio::test]
async fn a_blob_known_by_digest_only_is_not_there() {
    let scene = Scene::start().await;
    let secret = scene.put("other/place", b"secret").await;
    let stranger = scene.token("repository:acme/*:pull,push").await;
    scene.put(REPOSITORY, b"x").await;
    // Knowing the digest opens an upload like for any other, and links nothing.
    let open =
        scene.request("POST", &format!("/v1/repositories/{REPOSITORY}/-/uploads")).bearer_auth(&stranger);
    let opened = send(open.json(&json!({ "blobs": [{ "digest": secret.blake3, "size": 6 }] }))).await;
    assert_eq!(opened.is(200).json()["blobs"][0]["status"], "upload");
    let blob = format!("/v1/repositories/{REPOSITORY}/-/blobs/{}", secret.blake3);
    send(scene.request("GET", &blob).bearer_auth(&stranger)).await.refuses(404, "blob-unknown");
    let manifests = scene.request("PUT", &path("v1")).bearer_auth(&stranger).header("content-type", CBOR);
    let problem = send(manifests.body(manifest(&[b"secret"]).encode())).await.refuses(409, "blobs-missing");
    assert_eq!(problem["missing"][0], secret.blake3.to_string());
    scene.end().await;
}

#[tokio::test]
async fn bytes_that_are_no_manifest_are_refused() {
    let scene = Scene::start().await;
    scene.put(REPOSITORY, b"x").await;
    let good = manifest(&[b"x"]).encode();
    let mut longer = good.clone();
    longer.push(0);
    // The same map with its first key once more: another encoding.
    let mut reordered = good.clone();
    reordered[0] += 1;
    let rows: [(&str, Vec<u8>); 7] = [
        ("empty", vec![]),
        ("JSON", b"{}".to_vec()),
        ("cut", good[..good.len() - 1].to_vec()),
        ("longer", longer),
        ("wrong count", reordered),
        ("indefinite", vec![0xbf, 0xff]),
        ("deep", vec![0x81; 10_000]),
    ];
    for (what, bytes) in rows {
        let answer = put(&scene, "v1", bytes).await;
        assert_eq!(answer.status, 400, "{what}: {}", answer.text());
        answer.refuses(400, "manifest-invalid");
    }
    put(&scene, "v1", vec![0; 4 * 1024 * 1024 + 1]).await.refuses(413, "body-too-large");
    scene.end().await;
}

#[tokio::test]
async fn a_path_that_leaves_the_package_is_refused() {
    let scene = Scene::start().await;
    scene.put(REPOSITORY, b"x").await;
    for title in ["/etc/passwd", "../up", "a/../../b", "a\\b", "a\0b", "", ".", "a//b", "C:\\x\n"] {
        let answer = put(&scene, "v1", with_title(title)).await;
        assert_eq!(answer.status, 400, "{title:?}: {}", answer.text());
        answer.refuses(400, "manifest-invalid");
    }
    scene.end().await;
}

/// A manifest whose layer has that title, which our own encoder would refuse to make.
fn with_title(title: &str) -> Vec<u8> {
    let good = manifest(&[b"x"]).encode();
    let Value::Map(mut fields) = cbor::decode(&good, Bounds::bytes(10_000)).unwrap() else { unreachable!() };
    let annotation = Value::Map(vec![("org.opencontainers.image.title".into(), Value::text(title))]);
    for (key, value) in &mut fields {
        if let ("layers", Value::Array(layers)) = (key.as_str(), &mut *value)
            && let Value::Map(layer) = &mut layers[0]
        {
            layer.push(("annotations".into(), annotation.clone()));
        }
    }
    cbor::encode(&Value::Map(fields))
}

#[tokio::test]
async fn the_digest_in_the_path_has_to_be_that_of_the_bytes() {
    let scene = Scene::start().await;
    scene.put(REPOSITORY, b"x").await;
    let bytes = manifest(&[b"x"]).encode();
    let digests = Digests::of(&bytes);
    let other = Digests::of(b"other").blake3.to_string();
    put(&scene, &other, bytes.clone()).await.refuses(422, "digest-mismatch");
    put(&scene, &digests.blake3.to_string(), bytes.clone()).await.is(201);
    put(&scene, &digests.sha256.to_string(), bytes).await.is(200);
    scene.end().await;
}

#[tokio::test]
async fn a_manifest_is_given_in_three_forms() {
    let scene = Scene::start().await;
    let digests = scene.deposit(REPOSITORY, "v1", &[b"one", b"two"]).await;
    let get = |reference: &str, accept: &str| {
        send(scene.upload("GET", &path(reference)).header("accept", accept.to_owned()))
    };
    let native = get("v1", "*/*").await;
    assert_eq!(native.is(200).body, manifest(&[b"one", b"two"]).encode());
    assert_eq!(native.header("content-type"), CBOR);
    assert_eq!(native.header("etag"), format!("\"{}\"", digests.blake3));
    let oci = get("v1", "application/vnd.oci.image.manifest.v1+json").await;
    assert_eq!(oci.is(200).body, manifest(&[b"one", b"two"]).oci_json());
    let oci_digest = Digests::of(&oci.body).sha256;
    assert_eq!(oci.header("etag"), format!("\"{oci_digest}\""));
    let friendly = get(&oci_digest.to_string(), "application/json, */*;q=0.1").await.is(200).json();
    assert_eq!(friendly["digest"], digests.blake3.to_string());
    assert_eq!(friendly["layers"].as_array().unwrap().len(), 2);
    let head = send(scene.upload("HEAD", &path("v1"))).await;
    assert_eq!(head.is(200).header("strongroom-digest"), digests.blake3.to_string());
    assert!(head.body.is_empty());
    let etag = native.header("etag").to_owned();
    send(scene.upload("GET", &path("v1")).header("if-none-match", etag)).await.is(304);
    scene.end().await;
}

#[tokio::test]
async fn a_tag_moves_only_from_where_the_caller_saw_it() {
    let scene = Scene::start().await;
    let first = scene.deposit(REPOSITORY, "v1", &[b"first"]).await.blake3;
    let second = scene.deposit(REPOSITORY, "v2", &[b"second"]).await.blake3;
    let tag = format!("/v1/repositories/{REPOSITORY}/-/tags/v1");
    let set = |body: serde_json::Value| send(scene.upload("PUT", &tag).json(&body));
    let problem = set(json!({ "digest": second, "expected": second })).await.refuses(412, "tag-moved");
    assert_eq!(problem["current"], first.to_string());
    set(json!({ "digest": second, "expected": null })).await.refuses(412, "tag-moved");
    let both = scene.upload("PUT", &tag).json(&json!({ "digest": second, "expected": first }));
    send(both.header("if-match", format!("\"{first}\""))).await.refuses(400, "invalid-argument");
    set(json!({ "digest": Digests::of(b"none").blake3 })).await.refuses(404, "manifest-unknown");
    let moved = set(json!({ "digest": second, "expected": first })).await.is(200).json();
    assert_eq!(moved["previous"], first.to_string());
    let stale = scene.admin("DELETE", &tag).header("if-match", format!("\"{first}\""));
    send(stale).await.refuses(412, "tag-moved");
    let bytes = manifest(&[b"first"]).encode();
    let accept = |name: &'static str, value: String| {
        let put = scene.upload("PUT", &path("v1")).header("content-type", CBOR).header(name, value);
        send(put.body(bytes.clone()))
    };
    accept("if-match", format!("\"{first}\"")).await.refuses(412, "tag-moved");
    accept("if-none-match", "*".into()).await.refuses(412, "tag-moved");
    accept("if-match", format!("\"{second}\"")).await.is(200);
    send(scene.admin("DELETE", &tag)).await.is(204);
    send(scene.admin("DELETE", &tag)).await.refuses(404, "tag-unknown");
    scene.end().await;
}

#[tokio::test]
async fn lists_are_paged_to_their_end() {
    let scene = Scene::start().await;
    scene.deposit(REPOSITORY, "t0", &[b"x"]).await;
    for n in 1..5 {
        scene.accept(REPOSITORY, &format!("t{n}"), &[b"x"]).await;
    }
    let mut next = Some(format!("/v1/repositories/{REPOSITORY}/-/tags?limit=2"));
    let mut seen = Vec::new();
    while let Some(page) = next {
        let answer = send(scene.upload("GET", &page)).await;
        seen.extend(answer.is(200).json()["tags"].as_array().unwrap().clone());
        next = answer.headers.get("link").map(|link| {
            let link = link.to_str().unwrap();
            link.trim_start_matches('<').split('>').next().unwrap().to_owned()
        });
    }
    let names: Vec<_> = seen.iter().map(|tag| tag["tag"].as_str().unwrap()).collect();
    assert_eq!(names, ["t0", "t1", "t2", "t3", "t4"]);
    scene.end().await;
}

#[tokio::test]
async fn a_public_repository_is_read_without_a_token() {
    let scene = Scene::start().await;
    scene.deposit(REPOSITORY, "v1", &[b"x"]).await;
    send(scene.request("GET", &path("v1"))).await.refuses(401, "unauthenticated");
    let repository = format!("/v1/repositories/{REPOSITORY}");
    send(scene.admin("PUT", &repository).json(&json!({ "public": true }))).await.is(200);
    send(scene.request("GET", &path("v1"))).await.is(200);
    let listed = send(scene.request("GET", "/v1/repositories")).await.is(200).json();
    assert_eq!(listed["repositories"][0]["name"], REPOSITORY);
    let put = scene.request("PUT", &path("v1")).header("content-type", CBOR);
    send(put.body(manifest(&[b"x"]).encode())).await.refuses(401, "unauthenticated");
    scene.end().await;
}
