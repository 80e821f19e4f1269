//! What is bounded by settings: each bound says so, says what to do, and is nobody else's.

use serde_json::{Value as Json, json};
use strongroom::config::limits::Limits;
use strongroom::config::{Settings, StorePlace};
use strongroom::kernel::digest::Digests;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::disk::Disk;
use crate::scene::{Answer, REPOSITORY, Scene, send};

async fn bounded(limits: Limits) -> Scene {
    let limits = Limits { free_space_mib: 0, ..limits };
    Scene::with(move |settings| Settings { limits, ..settings }).await
}

async fn grant(scene: &Scene, token: &str, size: usize) -> Answer {
    let path = format!("/v1/repositories/{REPOSITORY}/-/uploads");
    let open = scene.request("POST", &path).bearer_auth(token);
    send(open.json(&json!({ "blobs": [{ "size": size }] }))).await
}

async fn granted(scene: &Scene, token: &str, size: usize) -> String {
    let opened = grant(scene, token, size).await.is(200).json();
    opened["blobs"][0]["grant"].as_str().unwrap().to_owned()
}

async fn put(scene: &Scene, grant: &str, bytes: &[u8]) -> Answer {
    send(scene.request("PUT", "/data/blobs").bearer_auth(grant).body(bytes.to_vec())).await
}

/// An upload of three bytes that has sent one, and goes on as long as the socket is there.
async fn dripping(scene: &Scene, grant: &str) -> TcpStream {
    let mut socket = TcpStream::connect(scene.address).await.unwrap();
    let head = format!(
        "PUT /data/blobs HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {grant}\r\ncontent-length: 3\r\n\
         expect: 100-continue\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    // It is asked for its bytes when it has its place.
    let mut asked = [0; 25];
    socket.read_exact(&mut asked).await.unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    socket.write_all(b"a").await.unwrap();
    socket
}

#[tokio::test]
async fn one_token_that_asks_too_often_is_told_when_to_come_back_and_others_are_not() {
    let limits = Limits { requests_per_token: 1, requests_per_address: 1, ..Limits::default() };
    let scene = bounded(limits).await;
    let ask = |token: &str| send(scene.request("GET", "/v1/whoami").bearer_auth(token));
    let mut last = ask(&scene.admin).await;
    for _ in 0..20 {
        last = ask(&scene.admin).await;
    }
    let problem = last.refuses(429, "rate-exceeded");
    assert_eq!(problem["requests_per_second"], 1);
    assert!(last.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(last.header("ratelimit-policy"), "\"token\";q=2;w=2");
    assert!(last.header("ratelimit").starts_with("\"token\";r=0;t="));
    ask(&scene.uploader).await.is(200);
    // Whoever guesses is counted by where they are, and so are those who show nothing.
    for _ in 0..20 {
        last = ask("srt_0000000000000000000000000000000000000000000000000000000000000000").await;
    }
    last.refuses(429, "rate-exceeded");
    send(scene.request("GET", "/v1/keys")).await.refuses(429, "rate-exceeded");
    for watched in ["/healthz", "/readyz", "/metrics"] {
        send(scene.request("GET", watched)).await.is(200);
    }
    let text = send(scene.request("GET", "/metrics")).await.text();
    assert!(text.contains("strongroom_requests_over_rate_total{per=\"token\"}"), "{text}");
    scene.end().await;
}

#[tokio::test]
async fn one_client_has_so_many_uploads_and_leaves_places_for_others() {
    let limits = Limits { uploads: 2, uploads_per_client: 1, ..Limits::default() };
    let scene = bounded(limits).await;
    let others = [scene.token("repository:*:push").await, scene.token("repository:*:push").await];
    let mine = granted(&scene, &scene.uploader, 3).await;
    let held = dripping(&scene, &mine).await;
    let refused = put(&scene, &granted(&scene, &scene.uploader, 3).await, b"abc").await;
    assert_eq!(refused.refuses(429, "too-many-uploads")["max"], 1);
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    let second = dripping(&scene, &granted(&scene, &others[0], 3).await).await;
    let theirs = granted(&scene, &others[1], 3).await;
    let refused = put(&scene, &theirs, b"abc").await;
    refused.refuses(503, "busy");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    drop(second);
    let mut tried = put(&scene, &theirs, b"abc").await;
    while tried.status == 503 {
        // Until the server has seen that the other connection is gone.
        tried = put(&scene, &theirs, b"abc").await;
    }
    tried.is(201);
    drop(held);
    scene.end().await;
}

#[tokio::test]
async fn status_and_metrics_name_every_limit_and_what_is_used_of_it() {
    let scene = bounded(Limits { uploads: 77, ..Limits::default() }).await;
    let status = send(scene.upload("GET", "/v1/status")).await.is(200).json();
    let limits = status["limits"].as_array().unwrap();
    let named: Vec<&str> = limits.iter().map(|limit| limit["name"].as_str().unwrap()).collect();
    assert_eq!(named, Limits::NAMES);
    let limit = |name: &str| limits.iter().find(|limit| limit["name"] == name).unwrap();
    assert_eq!(*limit("uploads"), json!({ "name": "uploads", "value": 77, "used": 0 }));
    assert!(limit("connections")["used"].as_u64().unwrap() >= 1);
    assert_eq!(limit("body-idle-seconds")["used"], Json::Null);
    assert_eq!(status["store"], status["stores"][0]);
    assert!(status["store"]["free_bytes"].as_u64().unwrap() > 0);
    assert_eq!(status["undelivered_receipts"], 0);
    let metrics = send(scene.request("GET", "/metrics")).await.is(200).text();
    for name in Limits::NAMES {
        assert!(metrics.contains(&format!("strongroom_limit{{name=\"{name}\"}}")), "{name}: {metrics}");
    }
    for gauge in ["strongroom_limit_used{name=\"uploads\"}", "strongroom_store_free_bytes"] {
        assert!(metrics.contains(gauge), "{metrics}");
    }
    scene.end().await;
}

const MIB: usize = 1024 * 1024;

/// Brings blobs of a MiB until there is no room.
async fn fill(scene: &Scene) -> Vec<Vec<u8>> {
    let mut stored = Vec::new();
    loop {
        assert!(stored.len() < 64, "more than there is");
        let bytes = vec![u8::try_from(stored.len()).unwrap(); MIB];
        let opened = grant(scene, &scene.uploader, MIB).await;
        if opened.status != 200 {
            opened.refuses(507, "storage-full");
            return stored;
        }
        let grant = opened.json()["blobs"][0]["grant"].as_str().unwrap().to_owned();
        let answer = put(scene, &grant, &bytes).await;
        if answer.status != 201 {
            answer.refuses(507, "storage-full");
            return stored;
        }
        stored.push(bytes);
    }
}

/// Fills a disk up: refusals are clear, nothing acknowledged is lost, reads and the log go on, and so do uploads once
/// there is room.
async fn a_full_disk(keep_free_mib: u64) {
    let Some(disk) = Disk::mount() else { return };
    let filler = disk.path().join("filler");
    std::fs::write(&filler, vec![1; 10 * MIB]).unwrap();
    let place = StorePlace::Filesystem { path: disk.path().join("blobs") };
    let limits = Limits { free_space_mib: keep_free_mib, ..Limits::default() };
    let scene = Scene::with(move |mut settings| {
        settings.stores[0].place = place;
        Settings { limits, ..settings }
    })
    .await;
    let upload = granted(&scene, &scene.uploader, 2 * MIB).await;
    let tus = |method: &str, path: &str| {
        scene.request(method, path).bearer_auth(&upload).header("tus-resumable", "1.0.0")
    };
    let create = tus("POST", "/data/uploads").header("upload-length", (2 * MIB).to_string());
    let location = send(create).await.is(201).header("location").to_owned();
    let patch = |offset: usize, bytes: usize| {
        let request = tus("PATCH", &location).header("upload-offset", offset.to_string());
        send(request.header("content-type", "application/offset+octet-stream").body(vec![7; bytes]))
    };
    patch(0, 1_000).await.is(204);

    let stored = fill(&scene).await;
    assert!(stored.len() as u64 > 40 - keep_free_mib, "{} MiB went in", stored.len());
    assert!(stored.len() as u64 <= 54 - keep_free_mib, "{} MiB went in", stored.len());
    patch(1_000, 2 * MIB - 1_000).await.refuses(507, "storage-full");
    let head = send(tus("HEAD", &location)).await;
    let offset: usize = head.is(200).header("upload-offset").parse().unwrap();
    assert!(offset >= 1_000, "what was acknowledged stays");

    // What needs no room here goes on: the log, deletions of the log's own, reads of every blob.
    let blobs: Vec<&[u8]> = stored.iter().map(Vec::as_slice).collect();
    scene.accept(REPOSITORY, "v1", &blobs).await.is(201);
    for bytes in &stored {
        let grant = scene.read_grant(REPOSITORY, "v1", bytes).await;
        let path = format!("/data/blobs/{}", Digests::of(bytes).blake3);
        let read = send(scene.request("GET", &path).bearer_auth(grant)).await;
        assert!(read.is(200).body == *bytes);
    }
    let delete = scene.admin("DELETE", &format!("/v1/repositories/{REPOSITORY}/-/tags/v1"));
    send(delete).await.is(204);

    std::fs::remove_file(&filler).unwrap();
    let mut done = patch(offset, 2 * MIB - offset).await;
    while done.status == 507 {
        // Until it is measured again.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let head = send(tus("HEAD", &location)).await;
        let offset: usize = head.is(200).header("upload-offset").parse().unwrap();
        done = patch(offset, 2 * MIB - offset).await;
    }
    assert_eq!(done.is(204).header("strongroom-digest"), Digests::of(&vec![7; 2 * MIB]).blake3.to_string());
    scene.put(REPOSITORY, b"after").await;
    scene.end().await;
}

#[tokio::test]
async fn uploads_leave_free_what_they_have_to() {
    a_full_disk(8).await;
}

#[tokio::test]
async fn a_disk_that_is_full_to_the_last_byte_loses_nothing() {
    a_full_disk(0).await;
}
