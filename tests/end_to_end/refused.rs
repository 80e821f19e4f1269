//! What is refused, and how it is said.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::harness::{Actor, Server, scratch, text};

#[test]
fn a_token_may_do_what_it_may_and_no_more() {
    let (server, work) = (Server::start(), scratch());
    let admin = server.admin();
    fs::write(work.path().join("file"), "secret").unwrap();
    let minted = admin.json(&["token", "mint", "--role", "uploader:acme/*"]);
    let uploader = Actor::new(server.url(), minted["secret"].as_str().unwrap().to_owned());
    uploader.ok(&["push", text(work.path()), "acme/mine:v1"]);
    for arguments in [
        &["push", text(work.path()), "other/yours:v1"][..],
        &["pull", "other/yours:v1", text(&work.path().join("target"))],
        &["token", "list"],
        &["token", "mint", "--role", "admin"],
        &["events"],
    ] {
        let run = uploader.run(arguments);
        assert_eq!(run.status, 1, "{arguments:?}: {run:?}");
        assert!(run.stderr.contains("hint: ") || run.stderr.contains("unknown"), "{arguments:?}: {run:?}");
    }
    let nobody = Actor::new(server.url(), String::new());
    assert_eq!(nobody.run(&["list", "acme/mine"]).status, 1);
    admin.ok(&["repository", "set", "acme/mine", "--public", "true"]);
    nobody.ok(&["pull", "acme/mine:v1", text(&work.path().join("public"))]);
    let run = nobody.run(&["status", "--json"]);
    assert!(run.status == 0 || run.stderr.contains("\"exit\":1"), "{run:?}");
}

#[test]
fn nothing_is_written_through_a_link() {
    let (server, work) = (Server::start(), scratch());
    let admin = server.admin();
    let at = |path: &str| work.path().join(path);
    fs::create_dir_all(at("source/directory")).unwrap();
    fs::write(at("source/directory/file"), "content").unwrap();
    admin.ok(&["push", text(&at("source")), "acme/link:v1"]);
    fs::create_dir_all(at("target")).unwrap();
    fs::create_dir_all(at("outside")).unwrap();
    symlink(at("outside"), at("target/directory")).unwrap();
    let run = admin.run(&["pull", "acme/link:v1", text(&at("target")), "--force"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("not a directory"), "{run:?}");
    assert_eq!(fs::read_dir(at("outside")).unwrap().count(), 0);
}

#[test]
fn what_cannot_be_in_a_package_is_named_with_the_way_out() {
    let (server, work) = (Server::start(), scratch());
    let admin = server.admin();
    fs::write(work.path().join("file"), "x").unwrap();
    symlink("/etc/passwd", work.path().join("absolute")).unwrap();
    let run = admin.run(&["push", text(work.path()), "acme/odd:v1"]);
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("absolute") && run.stderr.contains("--exclude"), "{run:?}");
    admin.ok(&["push", text(work.path()), "acme/odd:v1", "--exclude", "absolute"]);
}

#[test]
fn a_second_service_on_the_same_state_is_refused_with_the_reason() {
    let server = Server::start();
    let output = Command::new(env!("CARGO_BIN_EXE_strongroom"))
        .args(["serve", "--listen", "127.0.0.1:0", "--state-dir", text(&server.state())])
        .env_remove("DATABASE_URL")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("in use") || said.contains("another"), "{said}");
}
