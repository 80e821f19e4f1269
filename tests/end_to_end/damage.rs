//! What is damaged on the server is named, by whoever meets it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{Server, noise, scratch, text};

/// The object that has this content.
fn object_with(server: &Server, content: &[u8]) -> PathBuf {
    let mut waiting = vec![server.state().join("blobs/objects")];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if fs::read(&path).unwrap() == content {
                return path;
            }
        }
    }
    panic!("no object has it")
}

fn change_a_byte(path: &Path, at: usize) {
    let mut content = fs::read(path).unwrap();
    content[at] ^= 1;
    fs::write(path, content).unwrap();
}

#[test]
fn a_changed_blob_is_named_by_pull_cat_and_audit_and_the_others_are_retrieved() {
    let (server, work) = (Server::start(), scratch());
    let admin = server.admin();
    let (source, target) = (work.path().join("source"), work.path().join("target"));
    fs::create_dir(&source).unwrap();
    let (small, large) = (noise(20, 5_000), noise(21, 5_000_000));
    fs::write(source.join("good"), "good").unwrap();
    fs::write(source.join("small"), &small).unwrap();
    fs::write(source.join("large"), &large).unwrap();
    admin.ok(&["push", text(&source), "acme/damage:v1"]);
    change_a_byte(&object_with(&server, &small), 2_500);
    change_a_byte(&object_with(&server, &large), 4_000_000);

    let pulled = admin.run(&["pull", "acme/damage:v1", text(&target)]);
    assert_eq!(pulled.status, 3, "{pulled:?}");
    for (path, content) in [("small", &small), ("large", &large)] {
        let digest = strongroom::kernel::digest::Digests::of(content).blake3.to_string();
        assert!(pulled.stderr.contains(path) && pulled.stderr.contains(&digest), "{pulled:?}");
        assert!(!target.join(path).exists(), "what is damaged takes no place");
    }
    assert_eq!(fs::read(target.join("good")).unwrap(), b"good");
    assert_eq!(admin.run(&["cat", "acme/damage:v1", "small"]).status, 3);

    let audited = admin.run(&["audit", "--state-dir", text(&server.state())]);
    assert_eq!(audited.status, 3, "{audited:?}");
    let digest = strongroom::kernel::digest::Digests::of(&small).blake3.to_string();
    assert!(audited.stdout.contains(&digest), "{audited:?}");
    let quick = admin.run(&["audit", "--quick", "--state-dir", text(&server.state())]);
    assert_eq!(quick.status, 0, "its size is still right: {quick:?}");
    fs::remove_file(object_with(&server, b"good")).unwrap();
    assert_eq!(admin.run(&["audit", "--quick", "--state-dir", text(&server.state())]).status, 3);
}

#[test]
fn an_audit_that_cannot_look_says_so_and_finds_nothing() {
    let work = scratch();
    let server = Server::start();
    let admin = server.admin();
    let nowhere = admin.run(&["audit", "--database-url", "postgres://nobody@127.0.0.1:1/none"]);
    assert_eq!(nowhere.status, 1, "{nowhere:?}");
    let remote = admin.run(&["audit", "--url", "http://127.0.0.1:1"]);
    assert_eq!(remote.status, 1, "{remote:?}");
    let minted = admin.json(&["token", "mint", "--role", "uploader"]);
    let uploader = crate::harness::Actor::new(server.url(), minted["secret"].as_str().unwrap().to_owned());
    let refused = uploader.run(&["audit"]);
    assert_eq!(refused.status, 1, "{refused:?}");
    drop(work);
}
