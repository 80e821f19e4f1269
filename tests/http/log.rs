//! The log over HTTP: five forms of one order.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use serde_json::Value as Json;
use strongroom::kernel::event::Event;

use crate::scene::{REPOSITORY, Scene, send};

/// What follows of a streamed answer, as text, until that many parts ended by `end` have come.
async fn take(response: reqwest::Response, end: &str, parts: usize) -> Vec<String> {
    let mut stream = response.bytes_stream();
    let mut text = String::new();
    while text.matches(end).count() < parts {
        let chunk = stream.next().await.expect("the stream goes on").expect("bytes");
        text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
    }
    text.split(end).filter(|part| !part.is_empty()).take(parts).map(str::to_owned).collect()
}

fn id(event: &str) -> u64 {
    event.lines().find_map(|line| line.strip_prefix("id: ")).expect("an id").parse().expect("a position")
}

#[tokio::test]
async fn the_four_forms_tell_the_same_events() {
    let scene = Scene::start().await;
    scene.deposit(REPOSITORY, "v1", &[b"one", b"two"]).await;
    let page = send(scene.admin("GET", "/log/events?limit=1000")).await.is(200).json();
    let events = page["events"].as_array().unwrap().clone();
    assert_eq!(page["head"], events.len());
    assert!(page.get("next").is_none(), "{page}");
    let positions: Vec<u64> = events.iter().map(|event| event["position"].as_u64().unwrap()).collect();
    assert_eq!(positions, (0..events.len() as u64).collect::<Vec<_>>());

    let get = |accept: &'static str| send(scene.admin("GET", "/log/events").header("accept", accept));
    let lines = get("application/x-ndjson").await;
    assert_eq!(lines.is(200).header("content-type"), "application/x-ndjson");
    let lines: Vec<Json> = lines.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, events);

    let sequence = get("application/cbor-seq").await;
    let mut rest = &sequence.is(200).body[..];
    for (position, event) in events.iter().enumerate() {
        let entry = send(scene.admin("GET", &format!("/log/entries/{position}"))).await;
        let record = &entry.is(200).body;
        assert_eq!(Event::decode(record).unwrap().id.to_string(), event["id"].as_str().unwrap());
        rest = rest.strip_prefix(&record[..]).expect("the exact records follow each other");
    }
    assert!(rest.is_empty());

    let live = scene.admin("GET", "/log/events").header("accept", "text/event-stream").send().await.unwrap();
    assert_eq!(live.headers()["content-type"], "text/event-stream");
    for (event, text) in events.iter().zip(take(live, "\n\n", events.len()).await) {
        let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        assert_eq!(serde_json::from_str::<Json>(data).unwrap(), *event);
        assert_eq!(id(&text), event["position"].as_u64().unwrap());
        assert!(text.contains(&format!("event: {}\n", event["type"].as_str().unwrap())));
    }
    scene.end().await;
}

#[tokio::test]
async fn cloud_events_come_in_pages_that_link_to_the_next() {
    let scene = Scene::start().await;
    scene.deposit(REPOSITORY, "v1", &[b"one", b"two"]).await;
    let events = send(scene.admin("GET", "/log/events?limit=1000")).await.is(200).json()["events"].clone();
    let events = events.as_array().unwrap();
    let batch = "application/cloudevents-batch+json";
    let mut path = "/log/events?limit=3".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = send(scene.admin("GET", &path).header("accept", batch)).await;
        assert_eq!(page.is(200).header("content-type"), batch);
        seen.extend(page.json().as_array().unwrap().clone());
        let Some(link) = page.headers.get("link") else { break };
        let link = link.to_str().unwrap().strip_suffix(">; rel=\"next\"").expect("the next page");
        path = link.strip_prefix('<').unwrap().to_owned();
    }
    let sources: BTreeSet<_> = seen.iter().map(|event| event["source"].as_str().unwrap()).collect();
    assert_eq!(sources.len(), 1);
    assert!(sources.first().unwrap().starts_with("strongroom/"), "{sources:?}");
    assert_eq!(seen.len(), events.len());
    for (cloud, event) in seen.iter().zip(events) {
        assert_eq!(cloud["specversion"], "1.0");
        assert_eq!(cloud["id"], event["position"].to_string());
        assert_eq!(cloud["sequence"], format!("{:020}", event["position"].as_u64().unwrap()));
        assert_eq!(cloud["type"], format!("strongroom.{}", event["type"].as_str().unwrap()));
        for (theirs, ours) in [("subject", "stream"), ("time", "at"), ("actor", "actor"), ("data", "data")] {
            assert_eq!(cloud[theirs], event[ours], "{theirs}");
        }
        assert_eq!(cloud.get("cause"), event.get("cause"));
    }
    let only = format!("/log/events?limit=1&repository={REPOSITORY}&type=blob.stored&stream=none/x");
    send(scene.admin("GET", &only).header("accept", batch)).await.is(200);
    scene.end().await;
}

#[tokio::test]
async fn a_follower_that_is_cut_off_resumes_without_gap_or_repeat() {
    let scene = Scene::start().await;
    scene.deposit(REPOSITORY, "v1", &[b"x"]).await;
    let follow = || scene.admin("GET", "/log/events").header("accept", "text/event-stream");
    let seen = take(follow().send().await.unwrap(), "\n\n", 3).await;
    let last = id(seen.last().unwrap());
    let resumed = follow().header("last-event-id", last.to_string()).send().await.unwrap();
    let grow = async {
        for n in 0..20 {
            scene.accept(REPOSITORY, &format!("t{n}"), &[b"x"]).await.is(200);
        }
    };
    let (more, ()) = tokio::join!(take(resumed, "\n\n", 20), grow);
    let ids: Vec<u64> = seen.iter().chain(&more).map(|event| id(event)).collect();
    assert_eq!(ids, (0..ids.len() as u64).collect::<Vec<_>>());
    scene.end().await;
}

#[tokio::test]
async fn a_page_says_where_the_next_one_begins() {
    let scene = Scene::start().await;
    scene.deposit(REPOSITORY, "v1", &[b"x"]).await;
    let (mut after, mut seen) = (String::new(), 0);
    loop {
        let page = send(scene.admin("GET", &format!("/log/events?limit=2{after}"))).await.is(200).json();
        for event in page["events"].as_array().unwrap() {
            assert_eq!(event["position"], seen);
            seen += 1;
        }
        let Some(next) = page["next"].as_u64() else {
            assert_eq!(page["head"], seen);
            break;
        };
        after = format!("&after={next}");
    }
    let limited =
        scene.admin("GET", "/log/events?limit=3&follow=true").header("accept", "application/x-ndjson");
    assert_eq!(send(limited).await.is(200).text().lines().count(), 3);
    scene.end().await;
}

#[tokio::test]
async fn filters_give_what_they_name() {
    let scene = Scene::start().await;
    scene.deposit(REPOSITORY, "v1", &[b"x"]).await;
    scene.deposit("other/place", "v1", &[b"y"]).await;
    let get = |query: String| send(scene.admin("GET", &format!("/log/events?{query}")));
    let types = get("type=tag.set&type=manifest.accepted".into()).await.is(200).json();
    let names: Vec<_> =
        types["events"].as_array().unwrap().iter().map(|event| event["type"].clone()).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    let one = get(format!("repository={REPOSITORY}&type=tag.set")).await.json();
    assert_eq!(one["events"].as_array().unwrap().len(), 1);
    assert_eq!(one["events"][0]["data"]["repository"], REPOSITORY);
    let stream = get(format!("stream=tag/{REPOSITORY}:v1")).await.json();
    assert_eq!(stream["events"].as_array().unwrap().len(), 1);
    scene.end().await;
}

#[tokio::test]
async fn who_may_pull_a_repository_may_follow_it_and_nothing_else() {
    let scene = Scene::start().await;
    scene.deposit(REPOSITORY, "v1", &[b"x"]).await;
    let puller = scene.token("repository:acme/*:pull").await;
    let get = |path: String| send(scene.request("GET", &path).bearer_auth(&puller));
    let events = get(format!("/log/events?repository={REPOSITORY}")).await.is(200).json();
    for event in events["events"].as_array().unwrap() {
        assert_eq!(event["data"]["repository"], REPOSITORY);
    }
    get("/log/events".into()).await.refuses(403, "scope-missing");
    get("/log/events?repository=other/place".into()).await.refuses(403, "scope-missing");
    get("/log/entries/0".into()).await.refuses(403, "scope-missing");
    get("/log/checkpoint".into()).await.refuses(403, "scope-missing");
    scene.end().await;
}

#[tokio::test]
async fn a_checkpoint_is_signed_soon_and_not_sent_twice() {
    let scene = Scene::start().await;
    scene.deposit(REPOSITORY, "v1", &[b"x"]).await;
    let note = loop {
        let answer = send(scene.admin("GET", "/log/checkpoint")).await;
        if answer.status == 200 {
            break answer;
        }
        answer.refuses(404, "checkpoint-unknown");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert!(note.text().contains("\n\n\u{2014} "), "{}", note.text());
    let status = send(scene.admin("GET", "/v1/status")).await.is(200).json();
    assert!(status["log"]["checkpoint"].as_u64().is_some(), "{status}");
    assert_eq!(status["log"]["root"].as_str().unwrap().len(), 64);
    let entry = send(scene.admin("GET", "/log/entries/0")).await;
    let again = scene.admin("GET", "/log/entries/0").header("if-none-match", entry.header("etag"));
    send(again).await.is(304);
    scene.end().await;
}

#[tokio::test]
async fn a_damaged_log_breaks_every_stream_off() {
    let scene = Scene::start().await;
    scene.deposit(REPOSITORY, "v1", &[b"x"]).await;
    let damage = "alter table log.events disable trigger all; delete from log.events where position = 2";
    sqlx::raw_sql(damage).execute(scene.node.pool()).await.unwrap();
    for form in ["application/cbor-seq", "application/x-ndjson", "text/event-stream"] {
        let response = scene.admin("GET", "/log/events").header("accept", form).send().await.unwrap();
        assert_eq!(response.status(), 200, "it is met on the way");
        response.bytes().await.expect_err("an end that looked clean would be a lie");
        let response = scene.admin("GET", "/log/events?limit=2").header("accept", form).send().await.unwrap();
        assert!(!response.bytes().await.unwrap().is_empty(), "what is before it can be had");
    }
    scene.end().await;
}
