//! The log is followed live, across broken connections, without a gap or a repeat.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;

use serde_json::Value;

use crate::harness::{Actor, LONG, Network, Server, scratch, text};

fn positions(events: &[Value]) -> Vec<u64> {
    events.iter().map(|event| event["position"].as_u64().unwrap()).collect()
}

/// Something to happen, again and again.
fn move_tags(admin: &Actor, digest: &str, times: std::ops::Range<usize>) {
    for n in times {
        admin.ok(&["tag", "set", &format!("acme/live:t{n}"), digest]);
    }
}

fn deposited(admin: &Actor) -> String {
    let work = scratch();
    fs::write(work.path().join("file"), "x").unwrap();
    let pushed = admin.ok(&["push", text(work.path()), "acme/live:v1"]);
    pushed.lines().last().unwrap().to_owned()
}

#[test]
fn a_follower_that_is_cut_again_and_again_misses_nothing() {
    let server = Server::start();
    let (admin, network) = (server.admin(), Network::to(server.address));
    let digest = deposited(&admin);
    let follower = server.admin().through(network.url());
    let mut following = follower
        .command(&["events", "--follow", "--format", "ndjson"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (send, events) = mpsc::channel::<Value>();
    let lines = BufReader::new(following.stdout.take().unwrap()).lines();
    let reading = thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let _ = send.send(serde_json::from_str(&line).unwrap());
        }
    });
    let mut seen = vec![events.recv_timeout(LONG).unwrap()];
    for round in 0..4 {
        move_tags(&admin, &digest, round * 5..round * 5 + 5);
        let last = format!("tag/acme/live:t{}", round * 5 + 4);
        while seen.last().unwrap()["stream"] != *last {
            seen.push(events.recv_timeout(LONG).unwrap());
        }
        network.cut();
    }
    following.kill().unwrap();
    following.wait().unwrap();
    reading.join().unwrap();
    let expected: Vec<u64> = (0..seen.len() as u64).collect();
    assert_eq!(positions(&seen), expected);
}

#[test]
fn server_sent_events_resume_by_their_last_id() {
    let server = Server::start();
    let admin = server.admin();
    let digest = deposited(&admin);
    let (url, token) = (format!("{}/log/events", server.url()), server.token());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let take = |last: Option<u64>, count: usize| {
        runtime.block_on(async {
            let _ = rustls::crypto::ring::default_provider().install_default();
            let http = reqwest::Client::builder().tls_certs_only([]).no_proxy().build().unwrap();
            let request = http.get(&url).bearer_auth(&token).header("Accept", "text/event-stream");
            let request = match last {
                Some(last) => request.header("Last-Event-ID", last),
                None => request,
            };
            let (mut response, mut text) = (request.send().await.unwrap(), String::new());
            loop {
                let ids: Vec<u64> = text
                    .split_inclusive("\n\n")
                    .filter(|frame| frame.ends_with("\n\n"))
                    .filter_map(|frame| frame.lines().find_map(|line| line.strip_prefix("id: ")))
                    .map(|id| id.parse().unwrap())
                    .collect();
                if ids.len() >= count {
                    // Dropped here: the connection is cut.
                    return ids[..count].to_vec();
                }
                text += std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap();
            }
        })
    };
    let mut seen = take(None, 3);
    move_tags(&admin, &digest, 0..3);
    seen.extend(take(seen.last().copied(), 4));
    move_tags(&admin, &digest, 3..6);
    seen.extend(take(seen.last().copied(), 5));
    assert_eq!(seen, (0..12).collect::<Vec<u64>>());
}

#[test]
fn every_form_says_the_same() {
    let server = Server::start();
    let admin = server.admin();
    deposited(&admin);
    let ndjson = admin.ok(&["events", "--json"]);
    let events: Vec<Value> = ndjson.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let records = admin.command(&["events", "--format", "cbor"]).output().unwrap().stdout;
    let mut rest = &records[..];
    let mut frontier = strongroom::kernel::merkle::Frontier::new();
    for event in &events {
        let length = record_length(rest);
        let (record, after) = rest.split_at(length);
        let decoded = strongroom::kernel::event::Event::decode(record).unwrap();
        assert_eq!(decoded.id.to_string(), event["id"].as_str().unwrap());
        frontier.push(strongroom::kernel::merkle::leaf_hash(record));
        rest = after;
    }
    assert!(rest.is_empty());
    let root = admin.json(&["status"])["server"]["log"]["root"].as_str().unwrap().to_owned();
    assert_eq!(hex::encode(frontier.root()), root);
    let table = admin.ok(&["events", "--type", "tag.set", "--repository", "acme/live"]);
    assert_eq!(table.lines().count(), 2, "{table}");
    let after = admin.ok(&["events", "--after", "2", "--limit", "2", "--format", "ndjson"]);
    let after: Vec<Value> = after.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(positions(&after), [3, 4]);
}

/// The first prefix that is a record: records need no separator.
fn record_length(bytes: &[u8]) -> usize {
    let is_record = |length: &usize| strongroom::kernel::event::Event::decode(&bytes[..*length]).is_ok();
    (1..=bytes.len()).find(is_record).expect("a record")
}
