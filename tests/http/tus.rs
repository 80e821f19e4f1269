//! tus 1.0.0 as its text says it: statuses, headers, and what is durable. <https://tus.io/protocols/resumable-upload>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha1::Digest as _;
use strongroom::kernel::digest::Digests;

use crate::scene::{Answer, REPOSITORY, Scene, send};

const BYTES: &str = "application/offset+octet-stream";

type Headers<'h> = &'h [(&'h str, &'h str)];

struct Upload<'s> {
    scene: &'s Scene,
    grant: String,
    location: String,
}

impl<'s> Upload<'s> {
    async fn create(scene: &'s Scene, wanted: serde_json::Value, headers: &[(&str, &str)]) -> Self {
        let grant = scene.open(REPOSITORY, wanted).await;
        let answer = create(scene, &grant, headers, "").await;
        let location = answer.is(201).header("location").to_owned();
        Self { scene, grant, location }
    }

    fn request(&self, method: &str) -> reqwest::RequestBuilder {
        self.scene.request(method, &self.location).bearer_auth(&self.grant).header("tus-resumable", "1.0.0")
    }

    async fn head(&self) -> Answer {
        send(self.request("HEAD")).await
    }

    async fn patch(&self, offset: u64, bytes: impl Into<reqwest::Body>) -> Answer {
        self.patch_with(offset, bytes, &[]).await
    }

    async fn patch_with(
        &self,
        offset: u64,
        bytes: impl Into<reqwest::Body>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut patch =
            self.request("PATCH").header("content-type", BYTES).header("upload-offset", offset.to_string());
        for (name, value) in headers {
            patch = patch.header(*name, *value);
        }
        send(patch.body(bytes)).await
    }
}

async fn create(scene: &Scene, grant: &str, headers: &[(&str, &str)], body: &'static str) -> Answer {
    let mut request =
        scene.request("POST", "/data/uploads").bearer_auth(grant).header("tus-resumable", "1.0.0");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request.body(body)).await
}

#[tokio::test]
async fn discovery_names_version_extensions_and_limits() {
    let scene = Scene::start().await;
    let answer = send(scene.request("OPTIONS", "/data/uploads")).await;
    assert_eq!(answer.is(204).header("tus-version"), "1.0.0");
    assert_eq!(
        answer.header("tus-extension"),
        "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination"
    );
    assert_eq!(answer.header("tus-checksum-algorithm"), "sha1,sha256,blake3");
    assert_eq!(answer.header("tus-max-size"), (5u64 << 40).to_string());
    assert_eq!(answer.header("tus-resumable"), "1.0.0");
    scene.end().await;
}

#[tokio::test]
async fn an_upload_in_parts_ends_with_a_receipt() {
    let scene = Scene::start().await;
    let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n % 253) as u8).collect();
    let length = bytes.len().to_string();
    let said = "filename YS5iaW4=,private";
    let headers = [("upload-length", &*length), ("upload-metadata", said)];
    let upload = Upload::create(&scene, json!({ "size": bytes.len() }), &headers).await;
    let begun = upload.head().await;
    assert_eq!(begun.is(200).header("upload-offset"), "0");
    assert_eq!(begun.header("upload-length"), length);
    assert_eq!(begun.header("upload-metadata"), said);
    assert_eq!(begun.header("cache-control"), "no-store");
    assert_eq!(begun.header("tus-resumable"), "1.0.0");
    assert!(begun.header("upload-expires").ends_with(" GMT"));
    let mut offset = 0;
    for part in bytes.chunks(1_100_000) {
        let answer = upload.patch(offset, part.to_vec()).await;
        offset += part.len() as u64;
        assert_eq!(answer.is(204).header("upload-offset"), offset.to_string());
        assert_eq!(upload.head().await.header("upload-offset"), offset.to_string());
    }
    let done = upload.head().await;
    assert_eq!(done.header("strongroom-digest"), Digests::of(&bytes).blake3.to_string());
    let path = format!("/v1/repositories/{REPOSITORY}/-/receipts");
    let receipt = json!({ "receipt": done.header("strongroom-receipt") });
    send(scene.upload("POST", &path).json(&receipt)).await.is(200);
    scene.accept(REPOSITORY, "v1", &[&bytes]).await.is(201);
    upload.patch(offset, "more").await.refuses(413, "upload-too-large");
    scene.end().await;
}

#[tokio::test]
async fn what_the_protocol_refuses_is_refused_with_its_status() {
    let scene = Scene::start().await;
    let grant = scene.open(REPOSITORY, json!({ "size": 5 })).await;
    let no_version = scene.request("POST", "/data/uploads").bearer_auth(&grant).header("upload-length", "5");
    let refused = send(no_version).await;
    refused.refuses(412, "tus-version");
    assert_eq!(refused.header("tus-version"), "1.0.0");
    let rows: [(Headers<'_>, u16, &str); 10] = [
        (&[], 400, "invalid-header"),
        (&[("upload-length", "-1")], 400, "invalid-header"),
        (&[("upload-length", "five")], 400, "invalid-header"),
        (&[("upload-length", "99999999999999999999999")], 400, "invalid-header"),
        (&[("upload-length", "9999999999999999")], 413, "upload-too-large"),
        (&[("upload-length", "6")], 400, "length-mismatch"),
        (&[("upload-defer-length", "2")], 400, "invalid-header"),
        (&[("upload-defer-length", "1"), ("upload-length", "5")], 400, "invalid-header"),
        (&[("upload-length", "5"), ("upload-metadata", "a b c")], 400, "invalid-header"),
        (&[("upload-length", "5"), ("content-type", "text/plain")], 415, "media-type-unsupported"),
    ];
    for (headers, status, code) in rows {
        let answer = create(&scene, &grant, headers, "").await;
        assert_eq!(answer.status, status, "{headers:?}: {}", answer.text());
        answer.refuses(status, code);
        assert_eq!(answer.header("tus-resumable"), "1.0.0");
    }
    let upload = Upload::create(&scene, json!({ "size": 5 }), &[("upload-length", "5")]).await;
    let untyped = upload.request("PATCH").header("upload-offset", "0").body("abc");
    send(untyped).await.refuses(415, "media-type-unsupported");
    let no_offset = upload.request("PATCH").header("content-type", BYTES).body("abc");
    send(no_offset).await.refuses(400, "invalid-header");
    let ahead = upload.patch(3, "x").await;
    assert_eq!(ahead.refuses(409, "offset-mismatch")["offset"], 0);
    upload.patch(0, "toolong").await.refuses(413, "upload-too-large");
    assert_eq!(upload.head().await.is(200).header("upload-offset"), "0");
    upload.patch(0, "abc").await.is(204);
    upload.patch(0, "abc").await.refuses(409, "offset-mismatch");
    let never_opened = uuid::Uuid::now_v7().to_string();
    // By its id, its time has long been over.
    let long_over = "00000000-0000-7000-8000-000000000000";
    for (session, status) in [(&*never_opened, 404), (long_over, 410), ("nonsense", 400)] {
        let unknown = scene.request("HEAD", &format!("/data/uploads/{session}")).bearer_auth(&upload.grant);
        let answer = send(unknown.header("tus-resumable", "1.0.0")).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(!answer.headers.contains_key("upload-offset"));
    }
    scene.end().await;
}

#[tokio::test]
async fn bytes_that_do_not_match_their_checksum_are_not_kept() {
    let scene = Scene::start().await;
    let upload = Upload::create(&scene, json!({ "size": 6 }), &[("upload-length", "6")]).await;
    let sha1 = |bytes: &[u8]| format!("sha1 {}", STANDARD.encode(sha1::Sha1::digest(bytes)));
    let with = |offset, bytes: &'static str, checksum: String| {
        let upload = &upload;
        async move { upload.patch_with(offset, bytes, &[("upload-checksum", &checksum)]).await }
    };
    with(0, "abc", sha1(b"abd")).await.refuses(460, "checksum-mismatch");
    assert_eq!(upload.head().await.header("upload-offset"), "0");
    for bad in ["sha1", "md5 AAAA", "sha1 AAAA", "sha256 ?"] {
        with(0, "abc", bad.into()).await.refuses(400, "invalid-header");
    }
    with(0, "abc", sha1(b"abc")).await.is(204);
    let blake3 = format!("blake3 {}", STANDARD.encode(Digests::of(b"def").blake3.as_bytes()));
    let done = with(3, "def", blake3).await;
    assert_eq!(done.is(204).header("strongroom-digest"), Digests::of(b"abcdef").blake3.to_string());
    scene.end().await;
}

#[tokio::test]
async fn creation_may_bring_bytes_and_leave_the_length_open() {
    let scene = Scene::start().await;
    let grant = scene.open(REPOSITORY, json!({})).await;
    let begun = create(&scene, &grant, &[("upload-defer-length", "1"), ("content-type", BYTES)], "abc").await;
    assert_eq!(begun.is(201).header("upload-offset"), "3");
    let upload = Upload { scene: &scene, grant, location: begun.header("location").to_owned() };
    assert_eq!(upload.head().await.header("upload-defer-length"), "1");
    let done = upload.patch_with(3, "def", &[("upload-length", "6")]).await;
    assert_eq!(done.is(204).header("strongroom-digest"), Digests::of(b"abcdef").blake3.to_string());
    let whole = scene.open(REPOSITORY, json!({ "size": 3 })).await;
    let at_once = create(&scene, &whole, &[("upload-length", "3"), ("content-type", BYTES)], "xyz").await;
    assert_eq!(at_once.is(201).header("strongroom-digest"), Digests::of(b"xyz").blake3.to_string());
    scene.end().await;
}

#[tokio::test]
async fn an_upload_that_is_given_up_or_too_old_is_gone() {
    let scene = Scene::start().await;
    let upload = Upload::create(&scene, json!({ "size": 5 }), &[("upload-length", "5")]).await;
    upload.patch(0, "abc").await.is(204);
    send(upload.request("DELETE")).await.is(204);
    assert_eq!(upload.head().await.status, 410);
    upload.patch(3, "de").await.refuses(410, "session-gone");
    let old = Upload::create(&scene, json!({ "size": 5 }), &[("upload-length", "5")]).await;
    scene.clock.advance_ms(25 * 60 * 60 * 1_000);
    let grant = scene.open(REPOSITORY, json!({ "size": 5 })).await;
    let old = Upload { grant, ..old };
    old.patch(0, "abc").await.refuses(410, "session-gone");
    // Swept or not, it stays one whose time is over.
    scene.node.data().sweep().await.unwrap();
    assert_eq!(old.head().await.status, 410);
    old.patch(0, "abc").await.refuses(410, "session-gone");
    scene.end().await;
}

#[tokio::test]
async fn a_wrong_digest_ends_the_upload_with_both_named() {
    let scene = Scene::start().await;
    let declared = Digests::of(b"abc");
    let wanted = json!({ "digest": declared.blake3, "size": 3 });
    let upload = Upload::create(&scene, wanted, &[("upload-length", "3")]).await;
    let problem = upload.patch(0, "xyz").await.refuses(422, "digest-mismatch");
    assert_eq!(problem["expected"], declared.blake3.to_string());
    assert_eq!(problem["sha256"], Digests::of(b"xyz").sha256.to_string());
    let blob = format!("/v1/repositories/{REPOSITORY}/-/blobs/{}", Digests::of(b"xyz").blake3);
    let answer = send(scene.upload("GET", &blob)).await;
    assert_eq!(answer.status, 404, "{}", answer.text());
    scene.end().await;
}

#[tokio::test]
async fn a_method_may_be_given_in_a_header() {
    let scene = Scene::start().await;
    let upload = Upload::create(&scene, json!({ "size": 3 }), &[("upload-length", "3")]).await;
    let head = upload.request("POST").header("x-http-method-override", "HEAD");
    assert_eq!(send(head).await.is(200).header("upload-offset"), "0");
    let patch = upload.request("POST").header("x-http-method-override", "PATCH");
    let patch = patch.header("content-type", BYTES).header("upload-offset", "0").body("abc");
    assert_eq!(send(patch).await.is(204).header("upload-offset"), "3");
    scene.end().await;
}

#[tokio::test]
async fn an_upload_goes_on_with_a_renewed_grant_of_the_same_caller_only() {
    let scene = Scene::start().await;
    let upload = Upload::create(&scene, json!({ "size": 6 }), &[("upload-length", "6")]).await;
    upload.patch(0, "abc").await.is(204);
    scene.clock.advance_ms(17 * 60 * 1_000);
    upload.patch(3, "def").await.refuses(401, "grant-expired");
    let stranger = scene.token("repository:acme/*:pull,push").await;
    let open =
        scene.request("POST", &format!("/v1/repositories/{REPOSITORY}/-/uploads")).bearer_auth(stranger);
    let opened = send(open.json(&json!({ "blobs": [{ "size": 6 }] }))).await.is(200).json();
    let theirs = opened["blobs"][0]["grant"].as_str().unwrap().to_owned();
    let hijacked = Upload { scene: &scene, grant: theirs, location: upload.location.clone() };
    hijacked.patch(3, "xxx").await.refuses(403, "grant-narrower");
    let renewed = Upload { grant: scene.open(REPOSITORY, json!({ "size": 6 })).await, ..upload };
    assert_eq!(renewed.patch(3, "def").await.is(204).header("upload-offset"), "6");
    scene.end().await;
}
