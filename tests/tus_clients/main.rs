//! Third-party tus clients through a grant, each cut in the middle and resumed: tus-js-client from npm, tuspy from PyPI.
//!
//! Their exact versions stand in `package-lock.json` and `requirements.txt` here; they are installed below `target/`.
//! Where one cannot be installed (no npm, no Python, no registry), the test says so in a line that begins `left out:`.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "../harness/mod.rs"]
mod harness;
mod install;
mod proxy;
#[expect(dead_code, reason = "made for the tests of the HTTP surface; these use a part of it")]
#[path = "../http/scene.rs"]
mod scene;

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use strongroom::kernel::digest::Digests;
use tokio::process::Command;

use crate::proxy::Proxy;
use crate::scene::{REPOSITORY, Scene, send};

const LENGTH: usize = 12 * 1024 * 1024;

/// Where in the stream of the client's bytes the connection breaks, once.
const CUT_AFTER: u64 = 7 * 1024 * 1024;

fn here(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tus_clients").join(file)
}

fn bytes() -> Vec<u8> {
    (0..LENGTH).map(|n| (n * 7 % 251) as u8).collect()
}

/// Runs a client and gives what it printed last.
async fn run(command: &mut Command) -> Json {
    let output = command.kill_on_drop(true).output().await.expect("the client starts");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    serde_json::from_str(out.lines().last().unwrap_or_default()).unwrap_or_else(|_| panic!("{out}{err}"))
}

/// That the upload is sealed as those bytes, and may be used in a package.
async fn is_whole(scene: &Scene, grant: &str, url: &str, bytes: &[u8]) {
    let path = &url[url.find("/data/").expect("an upload's URL")..];
    let head = scene.request("HEAD", path).bearer_auth(grant).header("tus-resumable", "1.0.0");
    let answer = send(head).await;
    assert_eq!(answer.is(200).header("strongroom-digest"), Digests::of(bytes).blake3.to_string());
    let receipt = json!({ "receipt": answer.header("strongroom-receipt") });
    let deliver = scene.upload("POST", &format!("/v1/repositories/{REPOSITORY}/-/receipts")).json(&receipt);
    send(deliver).await.is(200);
    scene.accept(REPOSITORY, "v1", &[bytes]).await.is(201);
}

#[tokio::test]
async fn tus_js_client_resumes_an_upload_that_was_cut() {
    let Some(modules) = install::npm().await else { return };
    let scene = Scene::start().await;
    let (bytes, directory) = (bytes(), harness::postgres::scratch_directory());
    let file = directory.path().join("evidence.bin");
    std::fs::write(&file, &bytes).unwrap();
    let grant = scene.open(REPOSITORY, json!({ "size": LENGTH })).await;
    let proxy = Proxy::start(scene.address, CUT_AFTER).await;
    let mut client = Command::new("node");
    client.arg(here("upload.cjs")).arg(modules).arg(proxy.url("/data/uploads")).arg(&grant).arg(&file);
    let outcome = run(&mut client).await;
    assert!(outcome["interruptions"].as_u64() >= Some(1), "{outcome}");
    assert_eq!(proxy.cuts(), 1);
    assert!(
        proxy.passed() < LENGTH as u64 + CUT_AFTER,
        "it began again instead of going on: {}",
        proxy.passed()
    );
    is_whole(&scene, &grant, outcome["url"].as_str().unwrap(), &bytes).await;
    scene.end().await;
}

#[tokio::test]
async fn tuspy_resumes_an_upload_that_was_cut() {
    let Some(python) = install::python().await else { return };
    let scene = Scene::start().await;
    let (bytes, directory) = (bytes(), harness::postgres::scratch_directory());
    let file = directory.path().join("evidence.bin");
    std::fs::write(&file, &bytes).unwrap();
    let grant = scene.open(REPOSITORY, json!({ "size": LENGTH })).await;
    let proxy = Proxy::start(scene.address, CUT_AFTER).await;
    let client = || {
        let mut client = Command::new(&python);
        client.arg(here("upload.py")).arg(proxy.url("/data/uploads")).arg(&grant).arg(&file);
        client
    };
    let cut = run(&mut client()).await;
    assert_eq!(cut["outcome"], "TusUploadFailed", "{cut}");
    let url = cut["url"].as_str().unwrap();
    let resumed = run(client().arg(url)).await;
    assert_eq!(resumed["outcome"], "done", "{resumed}");
    // It had sent two chunks and a part of the third, and the server kept them.
    assert!(resumed["begun_at"].as_u64() >= Some(6 * 1024 * 1024), "{resumed}");
    is_whole(&scene, &grant, url, &bytes).await;
    scene.end().await;
}
