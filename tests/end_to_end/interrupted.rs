//! Whatever is killed or cut, the same command finishes, and sends only what was missing.

use std::fs;
use std::process::Stdio;

use crate::harness::{Network, Server, noise, scratch, text, tree};

const MIB: u64 = 1024 * 1024;

#[test]
fn a_killed_client_goes_on_where_it_was() {
    let (server, work) = (Server::start(), scratch());
    let network = Network::to(server.address);
    let admin = server.admin().through(network.url());
    fs::create_dir(work.path().join("source")).unwrap();
    let source = work.path().join("source");
    fs::write(source.join("large"), noise(10, 48 * MIB as usize)).unwrap();

    network.hold_after(24 * MIB);
    let mut push =
        admin.command(&["push", text(&source), "acme/killed:v1"]).stderr(Stdio::null()).spawn().unwrap();
    network.until_held();
    push.kill().unwrap();
    push.wait().unwrap();
    network.cut();
    assert_eq!(admin.remembered(), 1, "the upload is remembered");

    network.release();
    let before = network.passed();
    let pushed = admin.json(&["push", text(&source), "acme/killed:v1"]);
    let sent = network.passed() - before;
    let [told, resumed] = ["sent_bytes", "resumed_bytes"].map(|name| pushed[name].as_u64().unwrap());
    assert!(told < 40 * MIB && resumed > 8 * MIB && told + resumed >= 48 * MIB, "{pushed}");
    assert!(sent < 40 * MIB, "{sent} bytes were sent again of an upload that was half there");
    assert_eq!(admin.remembered(), 0);
    admin.ok(&["pull", "acme/killed:v1", text(&work.path().join("target"))]);
    assert_eq!(tree(&source), tree(&work.path().join("target")));
}

#[test]
fn a_broken_connection_is_made_again_without_anyone_noticing() {
    let (server, work) = (Server::start(), scratch());
    let network = Network::to(server.address);
    let admin = server.admin().through(network.url());
    let source = work.path().join("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("large"), noise(11, 32 * MIB as usize)).unwrap();
    for n in 0..50 {
        fs::write(source.join(format!("small-{n}")), noise(n, 1_000)).unwrap();
    }
    network.hold_after(8 * MIB);
    let push = admin.command(&["push", text(&source), "acme/cut:v1"]).stderr(Stdio::piped()).spawn().unwrap();
    for _ in 0..3 {
        network.until_held();
        network.hold_after(8 * MIB);
        network.cut();
    }
    network.release();
    let output = push.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(network.passed() < 56 * MIB, "{} bytes for 32 MiB", network.passed());
    admin.ok(&["pull", "acme/cut:v1", text(&work.path().join("target"))]);
    assert_eq!(tree(&source), tree(&work.path().join("target")));
}

#[test]
fn a_killed_server_keeps_what_it_had_and_the_push_finishes() {
    let (mut server, work) = (Server::start(), scratch());
    let network = Network::to(server.address);
    let admin = server.admin().through(network.url());
    let source = work.path().join("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("large"), noise(12, 32 * MIB as usize)).unwrap();
    for n in 0..200 {
        fs::write(source.join(format!("small-{n}")), noise(n, 10_000)).unwrap();
    }
    network.hold_after(16 * MIB);
    let push =
        admin.command(&["push", text(&source), "acme/crash:v1"]).stderr(Stdio::piped()).spawn().unwrap();
    network.until_held();
    server.kill();
    network.cut();
    network.release();
    server.restart();
    let output = push.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let again = admin.json(&["push", text(&source), "acme/crash:v1"]);
    assert_eq!(again["sent_blobs"], 0);
    admin.ok(&["pull", "acme/crash:v1", text(&work.path().join("target"))]);
    assert_eq!(tree(&source), tree(&work.path().join("target")));
    admin.ok(&["audit", "--state-dir", text(&server.state())]);
    admin.ok(&["views", "check", "--state-dir", text(&server.state())]);
}

#[test]
fn a_pull_that_was_killed_is_finished_by_another() {
    let (server, work) = (Server::start(), scratch());
    let admin = server.admin();
    let (source, target) = (work.path().join("source"), work.path().join("target"));
    fs::create_dir(&source).unwrap();
    for n in 0..20 {
        fs::write(source.join(format!("file-{n}")), noise(n, 2 * MIB as usize)).unwrap();
    }
    admin.ok(&["push", text(&source), "acme/pull:v1"]);
    let mut pull =
        admin.command(&["pull", "acme/pull:v1", text(&target)]).stderr(Stdio::null()).spawn().unwrap();
    crate::harness::until("some file to be there", || {
        target.join("file-0").exists() || pull.try_wait().unwrap().is_some()
    });
    let _ = pull.kill();
    pull.wait().unwrap();
    admin.ok(&["pull", "acme/pull:v1", text(&target)]);
    assert_eq!(tree(&source), tree(&target));
}
