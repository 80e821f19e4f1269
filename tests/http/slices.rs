//! Slices over HTTP: the bytes that prove themselves, and who gets none.

use strongroom::kernel::digest::Digests;
use strongroom::kernel::tree::slice;

use crate::scene::{REPOSITORY, Scene, send};

#[tokio::test]
async fn a_range_comes_with_its_proof() {
    let scene = Scene::start().await;
    let bytes: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
    scene.deposit(REPOSITORY, "v1", &[&bytes]).await;
    let digests = Digests::of(&bytes);
    let grant = scene.read_grant(REPOSITORY, "v1", &bytes).await;
    let path = format!("/data/blobs/{}/slices", digests.blake3);
    let get = |query: &str| send(scene.request("GET", &format!("{path}{query}")).bearer_auth(&grant));
    for (query, range) in [
        ("?range=0-0", 0..1),
        ("?range=100000-100099", 100_000..100_100),
        ("?range=299999-", 299_999..300_000),
        ("?range=-5", 299_995..300_000),
        ("?range=7-99999999", 7..300_000),
        ("", 0..300_000),
    ] {
        let answer = get(query).await;
        assert_eq!(answer.is(200).body, slice::encode(&bytes, &range), "{query}");
        assert_eq!(answer.header("content-type"), "application/vnd.strongroom.slice");
        assert_eq!(answer.header("content-length"), answer.body.len().to_string());
        assert_eq!(answer.header("strongroom-digest"), digests.blake3.to_string());
        let known = scene.request("GET", &format!("{path}{query}")).bearer_auth(&grant);
        send(known.header("if-none-match", answer.header("etag"))).await.is(304);
    }
    for query in ["?range=300000-", "?range=5-4", "?range=-0", "?range=bytes%3D0-1", "?range=0-1,3-4"] {
        let refused = get(query).await;
        refused.refuses(416, "range-not-satisfiable");
        assert_eq!(refused.header("content-range"), "bytes */300000");
    }
    get("?length=3").await.refuses(400, "invalid-query");
    let other = format!("/data/blobs/{}/slices", Digests::of(b"other").blake3);
    send(scene.request("GET", &other).bearer_auth(&grant)).await.refuses(403, "grant-narrower");
    scene.end().await;
}
