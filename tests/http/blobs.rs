//! Bytes back: whole, in ranges, and not again.

use strongroom::kernel::digest::Digests;

use crate::scene::{REPOSITORY, Scene, send};

#[tokio::test]
async fn a_blob_is_given_whole_or_in_ranges() {
    let scene = Scene::start().await;
    let bytes: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
    scene.deposit(REPOSITORY, "v1", &[&bytes]).await;
    let digests = Digests::of(&bytes);
    let grant = scene.read_grant(REPOSITORY, "v1", &bytes).await;
    let path = format!("/data/blobs/{}", digests.blake3);
    let get = |name: &'static str, value: String| {
        send(scene.request("GET", &path).bearer_auth(&grant).header(name, value))
    };
    let whole = get("accept", "*/*".into()).await;
    assert_eq!(whole.is(200).body, bytes);
    let etag = format!("\"{}\"", digests.blake3);
    assert_eq!(whole.header("etag"), etag);
    assert_eq!(whole.header("content-length"), "300000");
    assert_eq!(whole.header("accept-ranges"), "bytes");
    assert_eq!(whole.header("strongroom-sha256"), digests.sha256.to_string());
    for (range, expected) in [
        ("bytes=0-0", 0..1),
        ("bytes=100-199", 100..200),
        ("bytes=16380-16390", 16_380..16_391),
        ("bytes=299999-", 299_999..300_000),
        ("bytes=-10", 299_990..300_000),
        ("bytes=0-999999999", 0..300_000),
    ] {
        let part = get("range", range.into()).await;
        assert_eq!(part.is(206).body, bytes[expected.clone()], "{range}");
        let content = format!("bytes {}-{}/300000", expected.start, expected.end - 1);
        assert_eq!(part.header("content-range"), content);
    }
    for range in ["bytes=300000-", "bytes=5-4", "bytes=-0", "bytes=x-y", "nonsense"] {
        let refused = get("range", range.into()).await;
        refused.refuses(416, "range-not-satisfiable");
        assert_eq!(refused.header("content-range"), "bytes */300000");
    }
    assert_eq!(get("range", "bytes=0-1,3-4".into()).await.is(200).body.len(), 300_000);
    get("if-none-match", etag.clone()).await.is(304);
    get("if-none-match", "\"blake3:00\"".into()).await.is(200);
    get("if-none-match", "nonsense".into()).await.refuses(400, "invalid-header");
    let resumed = |tag: String| {
        let request = scene.request("GET", &path).bearer_auth(&grant);
        send(request.header("range", "bytes=1-").header("if-range", tag))
    };
    resumed(etag).await.is(206);
    resumed("\"other\"".into()).await.is(200);
    let by_alias = scene.request("GET", &format!("/data/blobs/{}?grant={grant}", digests.sha256));
    assert_eq!(send(by_alias).await.is(200).body, bytes);
    let head = send(scene.request("HEAD", &path).bearer_auth(&grant)).await;
    assert_eq!(head.is(200).header("content-length"), "300000");
    scene.end().await;
}

#[tokio::test]
async fn a_redirect_leads_to_the_bytes_of_a_package() {
    let scene = Scene::start().await;
    scene.deposit(REPOSITORY, "v1", &[b"bytes"]).await;
    let digest = Digests::of(b"bytes").blake3;
    let path = format!("/v1/repositories/{REPOSITORY}/-/blobs/{digest}/content");
    send(scene.upload("GET", &path)).await.refuses(400, "invalid-query");
    let answer = send(scene.upload("GET", &format!("{path}?package=v1"))).await;
    let location = answer.is(307).header("location").to_owned();
    assert_eq!(send(scene.request("GET", &location)).await.is(200).body, b"bytes");
    // A client that follows within one host shows its token again; the grant in the link is what counts.
    assert_eq!(send(scene.upload("GET", &location)).await.is(200).body, b"bytes");
    let other = format!("/v1/repositories/{REPOSITORY}/-/blobs/{}/content", Digests::of(b"other").blake3);
    send(scene.upload("GET", &format!("{other}?package=v1"))).await.refuses(404, "blob-unknown");
    scene.end().await;
}

#[tokio::test]
async fn an_empty_blob_is_a_blob() {
    let scene = Scene::start().await;
    scene.deposit(REPOSITORY, "v1", &[b""]).await;
    let grant = scene.read_grant(REPOSITORY, "v1", b"").await;
    let path = format!("/data/blobs/{}", Digests::of(b"").blake3);
    let answer = send(scene.request("GET", &path).bearer_auth(&grant)).await;
    assert!(answer.is(200).body.is_empty());
    let ranged = scene.request("GET", &path).bearer_auth(&grant).header("range", "bytes=0-");
    send(ranged).await.refuses(416, "range-not-satisfiable");
    scene.end().await;
}

#[tokio::test]
async fn a_blob_that_is_damaged_on_disk_is_not_given() {
    let scene = Scene::start().await;
    let bytes = vec![7u8; 200_000];
    scene.deposit(REPOSITORY, "v1", &[&bytes]).await;
    let grant = scene.read_grant(REPOSITORY, "v1", &bytes).await;
    let object = largest_file(scene.node.settings().blobs_dir().unwrap());
    let mut stored = std::fs::read(&object).unwrap();
    let middle = stored.len() / 2;
    stored[middle] ^= 1;
    std::fs::write(&object, stored).unwrap();
    let path = format!("/data/blobs/{}", Digests::of(&bytes).blake3);
    // A small one is looked at whole before it is answered; one that goes on after the head breaks off.
    send(scene.request("GET", &path).bearer_auth(&grant)).await.refuses(500, "blob-corrupt");
    scene.end().await;
}

#[tokio::test]
async fn a_large_blob_that_is_damaged_on_disk_breaks_off() {
    let scene = Scene::start().await;
    let bytes: Vec<u8> = (0..1_000_000u32).map(|n| (n % 251) as u8).collect();
    scene.deposit(REPOSITORY, "v1", &[&bytes]).await;
    let grant = scene.read_grant(REPOSITORY, "v1", &bytes).await;
    let object = largest_file(scene.node.settings().blobs_dir().unwrap());
    let mut stored = std::fs::read(&object).unwrap();
    *stored.last_mut().unwrap() ^= 1;
    std::fs::write(&object, stored).unwrap();
    let path = format!("/data/blobs/{}", Digests::of(&bytes).blake3);
    let response = scene.request("GET", &path).bearer_auth(&grant).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.is_err(), "the damage is passed on as the blob");
    scene.end().await;
}

fn largest_file(directory: &std::path::Path) -> std::path::PathBuf {
    let mut files: Vec<_> = walkdir::WalkDir::new(directory)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| (entry.metadata().unwrap().len(), entry.into_path()))
        .collect();
    files.sort();
    files.pop().expect("there is an object").1
}
