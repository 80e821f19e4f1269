//! Packages come back as they were, and nothing is sent or written twice.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::harness::{Server, noise, scratch, text, tree};

/// Everything that a directory of real files has.
fn fill(directory: &Path) {
    let at = |path: &str| directory.join(path);
    fs::create_dir_all(at("bin")).unwrap();
    fs::create_dir_all(at("empty/deeper")).unwrap();
    fs::create_dir_all(at(".git/objects")).unwrap();
    fs::write(at("bin/run.sh"), "#!/bin/sh\nexit 0\n").unwrap();
    fs::set_permissions(at("bin/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(at("read-only"), "look, do not touch").unwrap();
    fs::set_permissions(at("read-only"), fs::Permissions::from_mode(0o444)).unwrap();
    fs::write(at("zero bytes"), "").unwrap();
    fs::write(at("Übergabe – 日本.txt"), "ü").unwrap();
    fs::write(at(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    fs::write(at(".git/objects/copy"), "ref: refs/heads/main\n").unwrap();
    symlink("../bin/run.sh", at("empty/link")).unwrap();
    symlink("nowhere", at("dangling")).unwrap();
    fs::write(at("large"), noise(1, 100 * 1024 * 1024)).unwrap();
    fs::write(at("one more than small"), noise(2, 1024 * 1024 + 1)).unwrap();
}

#[test]
fn a_directory_comes_back_as_it_was_and_is_not_sent_twice() {
    let (server, work) = (Server::start(), scratch());
    let admin = server.admin();
    let (source, target) = (work.path().join("source"), work.path().join("target"));
    fill(&source);

    let pushed = admin.ok(&["push", text(&source), "acme/reports:v1", "-a", "case=47"]);
    let digest = pushed.lines().last().unwrap();
    let package = format!("acme/reports@{digest}");
    admin.ok(&["pull", "acme/reports:v1", text(&target)]);
    assert_eq!(tree(&source), tree(&target));
    assert_eq!(admin.remembered(), 0, "a finished upload is forgotten");

    let again = admin.json(&["push", text(&source), "acme/reports:v1", "-a", "case=47"]);
    assert_eq!((&again["digest"], &again["sent_blobs"]), (&digest.into(), &0.into()));
    let again = admin.json(&["pull", &package, text(&target)]);
    assert_eq!((&again["written"], &again["received_bytes"]), (&0.into(), &0.into()));
    let dry = admin.json(&["push", text(&source), "acme/reports:v1", "-a", "case=47", "--dry-run"]);
    assert_eq!((&dry["digest"], &dry["sent_blobs"]), (&digest.into(), &0.into()));

    let shown = admin.json(&["show", &package]);
    assert_eq!(shown["annotations"]["case"], "47");
    let entries = |path: &str| shown["entries"].as_array().unwrap().iter().any(|entry| entry["path"] == path);
    assert!(entries("empty/deeper") && entries("Übergabe – 日本.txt") && !entries("bin"));
    assert_eq!(admin.ok(&["cat", "acme/reports:v1", "Übergabe – 日本.txt"]), "ü");
    assert_eq!(admin.json(&["list", "acme/reports"])[0]["tags"][0], "v1");
    assert_eq!(admin.ok(&["audit", "--state-dir", text(&server.state())]).lines().count(), 2);
    assert!(admin.ok(&["audit", "--url", &server.url()]).starts_with("clean: "));
    admin.ok(&["views", "check", "--state-dir", text(&server.state())]);
}

#[test]
fn what_differs_is_found_and_only_overwritten_when_asked() {
    let (server, work) = (Server::start(), scratch());
    let admin = server.admin();
    let (source, target) = (work.path().join("source"), work.path().join("target"));
    fs::create_dir_all(source.join("a")).unwrap();
    fs::write(source.join("a/one"), "one").unwrap();
    fs::write(source.join("two"), "two").unwrap();
    admin.ok(&["push", text(&source), "acme/small:v1"]);
    admin.ok(&["pull", "acme/small:v1", text(&target)]);
    assert!(admin.ok(&["verify", "acme/small:v1", text(&target)]).contains("2 entries"));

    fs::write(target.join("a/one"), "eno").unwrap();
    fs::write(target.join("extra"), "").unwrap();
    fs::remove_file(target.join("two")).unwrap();
    let verified = admin.run(&["verify", "acme/small:v1", text(&target)]);
    assert_eq!(verified.status, 3);
    for line in ["changed  a/one", "extra    extra", "missing  two"] {
        assert!(verified.stdout.contains(line), "{verified:?}");
    }
    let refused = admin.run(&["pull", "acme/small:v1", text(&target)]);
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains("a/one") && refused.stderr.contains("--force"), "{refused:?}");
    assert!(!target.join("two").exists(), "nothing is written before that is found out");
    admin.ok(&["pull", "acme/small:v1", text(&target), "--force"]);
    assert_eq!(fs::read(target.join("a/one")).unwrap(), b"one");
    assert!(target.join("extra").exists(), "nothing is deleted");
}

#[test]
fn a_stream_is_deposited_whatever_its_length() {
    let server = Server::start();
    let admin = server.admin();
    for (tag, length) in [("empty", 0), ("small", 10), ("one-part", 3_000_000), ("parts", 20_000_001)] {
        let content = noise(3, length);
        let target = format!("acme/streams:{tag}");
        let run = admin.run_with_input(&["push", "-", &target, "--name", "dump.sql"], content.clone());
        assert_eq!(run.status, 0, "{run:?}");
        let output = admin.command(&["cat", &target, "dump.sql"]).output().unwrap();
        assert!(output.stdout == content, "{tag}: {} bytes came back", output.stdout.len());
    }
}

#[test]
fn a_package_beyond_one_manifest_is_one_package_all_the_same() {
    let (server, work) = (Server::start(), scratch());
    let admin = server.admin();
    let (source, target) = (work.path().join("source"), work.path().join("target"));
    for n in 0..8_010 {
        let directory = source.join(format!("d{}", n % 100));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(format!("f{n}")), format!("{}", n % 40)).unwrap();
    }
    let pushed = admin.json(&["push", text(&source), "acme/many:v1"]);
    assert_eq!(pushed["entries"], 8_010);
    admin.ok(&["pull", "acme/many:v1", text(&target)]);
    assert_eq!(tree(&source), tree(&target));
    admin.ok(&["verify", "acme/many:v1", text(&target)]);
    admin.ok(&["audit", "--state-dir", text(&server.state())]);
}

#[test]
fn login_is_remembered_and_tags_move_only_as_expected() {
    let (server, work) = (Server::start(), scratch());
    let admin = server.admin();
    fs::write(work.path().join("file"), "1").unwrap();
    let first = admin.ok(&["push", text(work.path()), "acme/tags:v1"]);
    fs::write(work.path().join("file"), "2").unwrap();
    let second = admin.ok(&["push", text(work.path()), "acme/tags"]);
    let (first, second) = (first.lines().last().unwrap(), second.lines().last().unwrap());

    let stale = admin.run(&["tag", "set", "acme/tags:v1", second, "--expected", second]);
    assert_eq!(stale.status, 1);
    assert!(stale.stderr.contains("tag-moved"), "{stale:?}");
    admin.ok(&["tag", "set", "acme/tags:v1", second, "--expected", first]);
    admin.ok(&["tag", "set", "acme/tags:old", first, "--expected", "none"]);
    assert_eq!(admin.run(&["tag", "set", "acme/tags:old", first, "--expected", "none"]).status, 1);
    admin.ok(&["tag", "remove", "acme/tags:old"]);
    let tags = admin.json(&["tag", "list", "acme/tags"]);
    assert_eq!(tags.as_array().unwrap().len(), 1);

    let minted =
        admin.json(&["token", "mint", "--role", "uploader:acme/*", "--subject", "ci", "--expires", "1h"]);
    let home = scratch();
    let fresh = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_strongroom"));
        command.args(arguments).env_clear().env("HOME", home.path());
        command
    };
    let token = home.path().join("token");
    fs::write(&token, minted["secret"].as_str().unwrap()).unwrap();
    let login = fresh(&["login", &server.url()]).stdin(fs::File::open(&token).unwrap()).output().unwrap();
    assert!(login.status.success(), "{login:?}");
    let status = fresh(&["status", "--json"]).output().unwrap();
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["caller"]["subject"], "ci");
    admin.ok(&["token", "revoke", minted["token"].as_str().unwrap()]);
    assert_eq!(fresh(&["status"]).output().unwrap().status.code(), Some(1));
}
