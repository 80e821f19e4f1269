//! Many small blobs in one request.

use serde_json::{Value as Json, json};
use strongroom::kernel::cbor::{Value, encode};
use strongroom::kernel::digest::Digests;
use strongroom::kernel::limits::{SMALL_BATCH_BLOBS_MAX, SMALL_BATCH_BYTES_MAX, SMALL_BLOB_MAX_BYTES};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::scene::{Answer, REPOSITORY, Scene, send};

const MEDIA_TYPE: &str = "application/cbor-seq";

fn item(grant: &str, content: &[u8]) -> Vec<u8> {
    encode(&Value::Map(vec![
        ("grant".into(), Value::text(grant)),
        ("content".into(), Value::Bytes(content.to_vec())),
    ]))
}

/// Grants for blobs of which nothing is known yet.
async fn grants(scene: &Scene, count: usize) -> Vec<String> {
    let path = format!("/v1/repositories/{REPOSITORY}/-/uploads");
    let answer = send(scene.upload("POST", &path).json(&json!({ "blobs": vec![json!({}); count] }))).await;
    let opened = answer.is(200).json();
    assert_eq!(opened["together"]["blobs"], SMALL_BATCH_BLOBS_MAX);
    assert_eq!(opened["together"]["bytes"], SMALL_BATCH_BYTES_MAX);
    let grant = |blob: &Json| blob["grant"].as_str().unwrap().to_owned();
    opened["blobs"].as_array().unwrap().iter().map(grant).collect()
}

async fn post(scene: &Scene, grant: &str, body: Vec<u8>) -> Answer {
    let request = scene.request("POST", "/data/blobs").bearer_auth(grant);
    send(request.header("content-type", MEDIA_TYPE).body(body)).await
}

/// The head of a request that is written by hand.
fn head(grant: &str, length: u64) -> String {
    format!(
        "POST /data/blobs HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {grant}\r\ncontent-type: {MEDIA_TYPE}\r\n\
         content-length: {length}\r\n\r\n"
    )
}

#[tokio::test]
async fn blobs_that_come_together_are_blobs_like_any_other() {
    let scene = Scene::start().await;
    // More than are stored at once, of all small sizes.
    let contents: Vec<Vec<u8>> = (0..600usize).map(|n| format!("{n} ").repeat(n).into_bytes()).collect();
    let grants = grants(&scene, contents.len()).await;
    let body = grants.iter().zip(&contents).flat_map(|(grant, content)| item(grant, content)).collect();
    let answer = post(&scene, &grants[7], body).await;
    let stored = answer.is(200).json();
    let stored = stored["blobs"].as_array().unwrap();
    assert_eq!(stored.len(), contents.len());
    for (blob, content) in stored.iter().zip(&contents) {
        let digests = Digests::of(content);
        assert_eq!(blob["status"], "stored", "{blob}");
        assert_eq!(blob["digest"], digests.blake3.to_string());
        assert_eq!(blob["sha256"], digests.sha256.to_string());
        assert_eq!(blob["size"], content.len());
        assert!(blob["receipt"].as_str().unwrap().len() > 100);
    }
    let blobs: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
    scene.accept(REPOSITORY, "v1", &blobs).await.is(201);
    let grant = scene.read_grant(REPOSITORY, "v1", &contents[599]).await;
    let path = format!("/data/blobs/{}", Digests::of(&contents[599]).blake3);
    assert_eq!(send(scene.request("GET", &path).bearer_auth(grant)).await.is(200).body, contents[599]);
    scene.end().await;
}

#[tokio::test]
async fn one_that_is_refused_says_so_in_its_place() {
    let scene = Scene::start().await;
    let declared = scene.open(REPOSITORY, json!({ "digest": Digests::of(b"declared").blake3 })).await;
    let grants = grants(&scene, 2).await;
    let body = [
        item(&grants[0], b"first"),
        item(&declared, b"something else"),
        item("no.grant.this", b"third"),
        item(&grants[1], b"fourth"),
    ]
    .concat();
    let answer = post(&scene, &grants[0], body.clone()).await;
    let stored = answer.is(200).json();
    let told: Vec<&Json> = stored["blobs"].as_array().unwrap().iter().collect();
    assert_eq!(told[0]["digest"], Digests::of(b"first").blake3.to_string());
    assert_eq!(told[1]["status"], "refused");
    assert_eq!(told[1]["problem"]["code"], "digest-mismatch");
    assert_eq!(told[1]["problem"]["status"], 422);
    assert_eq!(told[1]["problem"]["blake3"], Digests::of(b"something else").blake3.to_string());
    assert_eq!(told[2]["problem"]["code"], "grant-invalid");
    assert_eq!(told[3]["digest"], Digests::of(b"fourth").blake3.to_string());
    let again = post(&scene, &grants[1], body).await;
    let again = again.is(200).json();
    assert_eq!(again["blobs"][0]["digest"], stored["blobs"][0]["digest"], "the same request, the same blobs");
    scene.end().await;
}

#[tokio::test]
async fn a_body_that_is_none_is_refused_and_what_came_before_is_stored() {
    let scene = Scene::start().await;
    let grants = grants(&scene, 4).await;
    let good = |n: usize| item(&grants[n], format!("good {n}").as_bytes());
    let post = |body| post(&scene, &grants[0], body);
    post(Vec::new()).await.refuses(400, "invalid-body");
    post(b"plain text, not CBOR".to_vec()).await.refuses(400, "invalid-body");
    post(vec![0x5f]).await.refuses(400, "invalid-body");
    post([good(0), vec![0xff]].concat()).await.refuses(400, "invalid-body");
    post([good(1), good(2)[..20].to_vec()].concat()).await.refuses(400, "incomplete-body");
    let wrong = encode(&Value::Map(vec![("grant".into(), Value::text(&grants[3]))]));
    post([good(2), wrong].concat()).await.refuses(400, "invalid-body");
    let large = usize::try_from(SMALL_BLOB_MAX_BYTES).unwrap() + 10_000;
    post(item(&grants[3], &vec![0; large])).await.refuses(400, "invalid-body");
    let request = scene.request("POST", "/data/blobs").bearer_auth(&grants[0]).body(good(3));
    send(request).await.refuses(415, "media-type-unsupported");
    scene.accept(REPOSITORY, "v1", &[b"good 0", b"good 1", b"good 2"]).await.is(201);
    scene.accept(REPOSITORY, "v1", &[b"good 3"]).await.refuses(409, "blobs-missing");
    scene.end().await;
}

#[tokio::test]
async fn a_request_with_too_much_is_refused() {
    let scene = Scene::start().await;
    let grant = grants(&scene, 1).await.remove(0);
    // What is announced as too much is refused before any of it comes.
    let mut socket = tokio::net::TcpStream::connect(scene.address).await.unwrap();
    socket.write_all(head(&grant, SMALL_BATCH_BYTES_MAX + 1).as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    let many = item(&grant, b"x").repeat(SMALL_BATCH_BLOBS_MAX + 1);
    post(&scene, &grant, many).await.refuses(413, "body-too-large");
    scene.end().await;
}

#[tokio::test]
async fn a_caller_that_goes_away_half_way_sends_the_rest_later() {
    let scene = Scene::start().await;
    let grants = grants(&scene, 3).await;
    let body: Vec<u8> = (0..3).flat_map(|n| item(&grants[n], &vec![n as u8; 200_000])).collect();
    let mut socket = tokio::net::TcpStream::connect(scene.address).await.unwrap();
    socket.write_all(head(&grants[0], body.len() as u64).as_bytes()).await.unwrap();
    socket.write_all(&body[..500_000]).await.unwrap();
    drop(socket);
    let stored = post(&scene, &grants[0], body).await.is(200).json();
    assert!(stored["blobs"].as_array().unwrap().iter().all(|blob| blob["status"] == "stored"), "{stored}");
    scene.end().await;
}

#[tokio::test]
async fn a_damaged_blob_is_repaired_by_one_that_comes_together_with_others() {
    let scene = Scene::start().await;
    scene.deposit(REPOSITORY, "v1", &[b"all is well", b"unharmed"]).await;
    let objects = scene.node.settings().blobs_dir().expect("on this disk").join("objects");
    let mut all = std::fs::read_dir(objects)
        .unwrap()
        .flat_map(|shard| std::fs::read_dir(shard.unwrap().path()).unwrap())
        .map(|object| object.unwrap().path());
    let object = all.find(|path| std::fs::read(path).unwrap() == b"all is well").unwrap();
    std::fs::write(&object, b"all is ill!").unwrap();
    let found = scene.node.scrub(Default::default(), None, &Default::default(), &|_| {}).await.unwrap();
    assert_eq!((found.corrupt, found.missing), (1, 0));
    let reads = format!("/v1/repositories/{REPOSITORY}/-/reads");
    let read = || async { send(scene.upload("POST", &reads).json(&json!({ "reference": "v1" }))).await };
    let refused = read().await.refuses(409, "blobs-damaged");
    assert_eq!(refused["damaged"][0]["digest"], Digests::of(b"all is well").blake3.to_string());

    let grants = grants(&scene, 2).await;
    let body = [item(&grants[0], b"another"), item(&grants[1], b"all is well")].concat();
    let answer = post(&scene, &grants[0], body).await;
    let stored = answer.is(200).json();
    assert!(stored["blobs"].as_array().unwrap().iter().all(|blob| blob["status"] == "stored"), "{stored}");
    read().await.is(200);
    let grant = scene.read_grant(REPOSITORY, "v1", b"all is well").await;
    let path = format!("/data/blobs/{}", Digests::of(b"all is well").blake3);
    assert_eq!(send(scene.request("GET", &path).bearer_auth(grant)).await.is(200).body, b"all is well");
    assert!(object.exists(), "the damaged object is given up, and swept later");
    let found = scene.node.scrub(Default::default(), None, &Default::default(), &|_| {}).await.unwrap();
    assert_eq!((found.corrupt, found.missing, found.restored), (0, 0, 0));
    scene.end().await;
}
