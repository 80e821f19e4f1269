//! Webhooks: a real node tells a real receiver, which fails, hangs, goes away and comes back.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "../harness/mod.rs"]
mod harness;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::node::{Prepared, TestNode, package};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use strongroom::config::WebhookSettings;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const SECRET: [u8; 32] = [7; 32];

/// What the receiver does next; taken, when nothing is left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Refuse,
    Hang,
}

#[derive(Clone, Default)]
struct Seen {
    moods: Arc<Mutex<VecDeque<Mood>>>,
    /// Position and type of each call, and whether it was taken.
    calls: Arc<Mutex<Vec<(u64, String, bool)>>>,
}

impl Seen {
    fn taken(&self) -> Vec<(u64, String)> {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|(.., taken)| *taken).map(|(at, name, _)| (*at, name.clone())).collect()
    }

    async fn until(&self, taken: usize) -> Vec<(u64, String)> {
        loop {
            let found = self.taken();
            if found.len() >= taken {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn receive(State(seen): State<Seen>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    let mut mac = Hmac::<Sha256>::new_from_slice(&SECRET).unwrap();
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(&body);
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    assert_eq!(header("webhook-signature"), expected);
    assert_eq!(header("content-type"), "application/cloudevents+json");
    let event: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&event["specversion"], &event["id"]), (&"1.0".into(), &id.clone().into()));
    let mood = seen.moods.lock().unwrap().pop_front();
    let name = event["type"].as_str().unwrap().to_owned();
    seen.calls.lock().unwrap().push((id.parse().unwrap(), name, mood.is_none()));
    match mood {
        None => StatusCode::NO_CONTENT,
        Some(Mood::Refuse) => StatusCode::INTERNAL_SERVER_ERROR,
        Some(Mood::Hang) => std::future::pending().await,
    }
}

async fn listen(address: SocketAddr, seen: &Seen) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/hook", post(receive)).with_state(seen.clone());
    (address, tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }))
}

async fn prepare(address: SocketAddr, types: &[&str], repositories: &[&str]) -> Prepared {
    let mut prepared = TestNode::prepare().await;
    let secret_file = prepared.state_dir().join("hook.secret");
    std::fs::write(&secret_file, format!("whsec_{}\n", STANDARD.encode(SECRET))).unwrap();
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    prepared.settings_mut().webhooks = vec![WebhookSettings {
        name: "test".into(),
        url: format!("http://{address}/hook"),
        secret_file,
        types: texts(types),
        repositories: texts(repositories),
        timeout: Duration::from_secs(1),
    }];
    prepared
}

async fn deposit(node: &TestNode, to: &str) {
    let file = node.file(&to.replace([':', '/'], "-"), to.as_bytes());
    node.deposit(&package(to), [("file".parse().unwrap(), &file)]).await.unwrap();
}

/// Positions of the events of that type, by the log.
async fn positions(node: &TestNode, type_name: &str) -> Vec<(u64, String)> {
    let mut found = Vec::new();
    node.replay(|recorded| {
        if recorded.event.fact.type_name() == type_name {
            found.push((recorded.position, format!("strongroom.{type_name}")));
        }
    })
    .await
    .unwrap();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_told_of_in_order_whatever_the_receiver_does() {
    let seen = Seen::default();
    let (address, server) = listen("127.0.0.1:0".parse().unwrap(), &seen).await;
    let mut node = prepare(address, &["tag.set"], &["acme/*"]).await.open().await;
    seen.moods.lock().unwrap().extend([Mood::Refuse, Mood::Hang, Mood::Refuse]);
    for n in 0..3 {
        deposit(&node, &format!("acme/a:v{n}")).await;
        deposit(&node, &format!("other/a:v{n}")).await;
    }
    seen.until(3).await;
    // The receiver goes away, and so does the node; what happens meanwhile is told of afterwards.
    server.abort();
    _ = server.await;
    deposit(&node, "acme/a:v3").await;
    node.restart().await;
    deposit(&node, "acme/b:v4").await;
    let (_, server) = listen(address, &seen).await;
    let taken = seen.until(5).await;
    let recorded = positions(&node, "tag.set").await;
    let mut unique = taken.clone();
    unique.dedup();
    let expected: Vec<_> = recorded.into_iter().enumerate().filter(|(n, _)| ![1, 3, 5].contains(n)).collect();
    assert_eq!(
        unique,
        expected.into_iter().map(|(_, event)| event).collect::<Vec<_>>(),
        "none lost, in order"
    );
    let calls = seen.calls.lock().unwrap().len();
    assert!(calls >= taken.len() + 3, "what was not taken came again");
    node.stop().await;
    server.abort();
}
