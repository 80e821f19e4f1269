//! Callers that behave badly: slow, gone, many.

use std::time::Duration;

use serde_json::json;
use strongroom::kernel::digest::Digests;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::scene::{REPOSITORY, Scene, send};

async fn begin(scene: &Scene, length: usize) -> (String, String) {
    let grant = scene.open(REPOSITORY, json!({ "size": length })).await;
    let create = scene.request("POST", "/data/uploads").bearer_auth(&grant).header("tus-resumable", "1.0.0");
    let answer = send(create.header("upload-length", length.to_string())).await;
    let location = answer.is(201).header("location").to_owned();
    (grant, location)
}

fn patch_head(location: &str, grant: &str, offset: u64, length: usize) -> String {
    format!(
        "PATCH {location} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {grant}\r\ntus-resumable: 1.0.0\r\n\
         content-type: application/offset+octet-stream\r\nupload-offset: {offset}\r\ncontent-length: {length}\r\n\r\n"
    )
}

/// The offset that is durable once the server has seen that the connection ended.
async fn offset_reaches(scene: &Scene, location: &str, grant: &str, expected: u64) {
    loop {
        let head = scene.request("HEAD", location).bearer_auth(grant).header("tus-resumable", "1.0.0");
        let offset: u64 = send(head).await.is(200).header("upload-offset").parse().unwrap();
        assert!(offset <= expected);
        if offset == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_upload_whose_connection_ends_keeps_what_arrived() {
    let scene = Scene::start().await;
    let bytes = vec![5u8; 400_000];
    for half_closed in [false, true] {
        let (grant, location) = begin(&scene, bytes.len()).await;
        let mut socket = TcpStream::connect(scene.address).await.unwrap();
        socket.write_all(patch_head(&location, &grant, 0, bytes.len()).as_bytes()).await.unwrap();
        socket.write_all(&bytes[..250_000]).await.unwrap();
        if half_closed {
            socket.shutdown().await.unwrap();
            let mut answer = Vec::new();
            socket.read_to_end(&mut answer).await.unwrap();
            assert!(!answer.starts_with(b"HTTP/1.1 5"), "{}", String::from_utf8_lossy(&answer));
        } else {
            drop(socket);
        }
        offset_reaches(&scene, &location, &grant, 250_000).await;
        let rest = scene.request("PATCH", &location).bearer_auth(&grant).header("tus-resumable", "1.0.0");
        let rest =
            rest.header("upload-offset", "250000").header("content-type", "application/offset+octet-stream");
        let done = send(rest.body(bytes[250_000..].to_vec())).await;
        assert_eq!(done.is(204).header("strongroom-digest"), Digests::of(&bytes).blake3.to_string());
    }
    scene.end().await;
}

#[tokio::test]
async fn a_slow_upload_holds_up_nobody() {
    let scene = Scene::start().await;
    let mut slow = Vec::new();
    for _ in 0..50 {
        let (grant, location) = begin(&scene, 1_000).await;
        let mut socket = TcpStream::connect(scene.address).await.unwrap();
        socket.write_all(patch_head(&location, &grant, 0, 1_000).as_bytes()).await.unwrap();
        socket.write_all(b"drip").await.unwrap();
        slow.push((socket, grant, location));
    }
    let whole = scene.put(REPOSITORY, b"fast").await;
    assert_eq!(whole, Digests::of(b"fast"));
    // Whoever holds the grant takes over from a connection that does not go on.
    let (_socket, grant, location) = &slow[0];
    offset_reaches(&scene, location, grant, 4).await;
    let takeover = scene.request("PATCH", location).bearer_auth(grant).header("tus-resumable", "1.0.0");
    let takeover =
        takeover.header("upload-offset", "4").header("content-type", "application/offset+octet-stream");
    send(takeover.body(vec![1u8; 996])).await.is(204);
    scene.end().await;
}

#[tokio::test]
async fn broken_http_is_no_failure_of_ours() {
    let scene = Scene::start().await;
    for broken in [
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET /\0 HTTP/1.1\r\nhost: x\r\n\r\n",
        "POST /v1/tokens HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        "POST /v1/tokens HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        "POST /v1/tokens HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        "\u{16}\u{3}\u{1}\u{2}\0",
    ] {
        let mut socket = TcpStream::connect(scene.address).await.unwrap();
        socket.write_all(broken.as_bytes()).await.unwrap();
        socket.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 5"), "{broken:?}: {}", String::from_utf8_lossy(&answer));
    }
    send(scene.request("GET", "/readyz")).await.is(200);
    scene.end().await;
}

#[tokio::test]
async fn ten_thousand_requests_opened_and_dropped_leave_nothing_behind() {
    let scene = Scene::start().await;
    scene.put(REPOSITORY, b"before").await;
    let (grant, location) = begin(&scene, 1_000_000).await;
    let heads = [
        patch_head(&location, &grant, 0, 1_000_000),
        format!(
            "GET /log/events HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\nauthorization: Bearer {}\r\n\r\n",
            scene.admin
        ),
        "GET /v1/repositories HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
        format!(
            "POST /v1/tokens HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: 90\r\n\r\n{{",
            scene.admin
        ),
        "GET /healthz HTTP/1.1\r\nhost: x".to_owned(),
    ];
    let mut memory = Vec::new();
    for _ in 0..10 {
        let mut opened = JoinSet::new();
        for n in 0..1_000 {
            let (head, address) = (heads[n % heads.len()].clone(), scene.address);
            opened.spawn(async move {
                let mut socket = TcpStream::connect(address).await.expect("a connection");
                socket.write_all(head.as_bytes()).await.expect("bytes are taken");
            });
        }
        while let Some(done) = opened.join_next().await {
            done.expect("no panic");
        }
        send(scene.request("GET", "/readyz")).await.is(200);
        memory.push(resident_bytes());
    }
    // Nothing is lost, nobody is shut out, and the last thousands cost what the first did.
    scene.put(REPOSITORY, b"after").await;
    offset_reaches(&scene, &location, &grant, 0).await;
    let (early, late) = (memory[1], memory[9]);
    assert!(late < early + 64 * 1024 * 1024, "memory grows: {memory:?}");
    // The tests of damaged blobs, which share this process, have failures of their own: of GET only.
    let metrics = send(scene.request("GET", "/metrics")).await.is(200).text();
    let failed =
        metrics.lines().find(|line| line.contains("status=\"500\"") && !line.contains("method=\"GET\""));
    assert_eq!(failed, None);
    scene.end().await;
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: u64 = status.split(' ').nth(1).expect("resident").parse().expect("a number");
    pages * 4096
}

#[tokio::test]
async fn stopping_ends_followers_and_keeps_uploads() {
    let scene = Scene::start().await;
    scene.put(REPOSITORY, b"x").await;
    let follow = scene.admin("GET", "/log/events").header("accept", "text/event-stream");
    let follower = follow.send().await.unwrap();
    let (grant, location) = begin(&scene, 1_000).await;
    let mut socket = TcpStream::connect(scene.address).await.unwrap();
    socket.write_all(patch_head(&location, &grant, 0, 1_000).as_bytes()).await.unwrap();
    socket.write_all(&[1; 600]).await.unwrap();
    offset_reaches(&scene, &location, &grant, 600).await;
    scene.stop();
    // Ended in order: a stream that is cut off is an error.
    follower.bytes().await.expect("the stream ends cleanly");
    socket.write_all(&[1; 400]).await.unwrap();
    let mut answer = vec![0; 12];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 204", "a request in progress is finished");
    assert!(TcpStream::connect(scene.address).await.is_err(), "nothing new is accepted");
    scene.end().await;
}
