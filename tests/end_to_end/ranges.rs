//! Ranges of files: proven against the digest alone, whatever server and network do.

use std::fs;

use strongroom::kernel::digest::Digests;

use crate::harness::{Server, noise, scratch, text};

#[test]
fn ranges_of_a_file_are_proven_and_damage_is_named() {
    let (server, work) = (Server::start(), scratch());
    let admin = server.admin();
    let large = noise(40, 20_000_000);
    let (source, part) = (work.path().join("large"), work.path().join("part"));
    fs::write(&source, &large).unwrap();
    admin.ok(&["push", text(&source), "acme/ranges:v1"]);
    let shown = admin.json(&["show", "acme/ranges:v1"]);
    let path = shown["entries"][0]["path"].as_str().unwrap().to_owned();

    let got = |range: &str| {
        let file = work.path().join(format!("got{range}"));
        admin.ok(&["pull", "acme/ranges:v1", text(&file), "--range", range]);
        fs::read(file).unwrap()
    };
    assert!(got("0-0") == large[..1]);
    assert!(got("5000000-7000000") == large[5_000_000..=7_000_000]);
    assert!(got("19999000-") == large[19_999_000..]);
    assert!(got("-10") == large[19_999_990..]);
    let catted = admin.command(&["cat", "acme/ranges:v1", &path, "--range", "100-199"]).output().unwrap();
    assert!(catted.status.success() && catted.stdout == large[100..200], "{catted:?}");
    let sha256 = format!("acme/ranges@{}", shown["sha256"].as_str().unwrap());
    let by_alias = admin.command(&["cat", &sha256, &path, "--range=-3"]).output().unwrap();
    assert_eq!(by_alias.stdout, large[19_999_997..], "{by_alias:?}");

    assert_eq!(admin.run(&["cat", "acme/ranges:v1", &path, "--range", "20000000-"]).status, 1);
    assert_eq!(admin.run(&["cat", "acme/ranges:v1", &path, "--range", "5-4"]).status, 2);
    fs::write(&part, "mine").unwrap();
    assert_eq!(admin.run(&["pull", "acme/ranges:v1", text(&part), "--range", "0-0"]).status, 1);
    assert_eq!(fs::read(&part).unwrap(), b"mine", "what is there stays");

    let object = object_of(&server, large.len() as u64);
    let mut content = fs::read(&object).unwrap();
    content[6_000_000] ^= 1;
    fs::write(&object, content).unwrap();
    let file = work.path().join("damaged");
    let damaged = admin.run(&["pull", "acme/ranges:v1", text(&file), "--range", "5999999-6000001"]);
    assert_eq!(damaged.status, 3, "{damaged:?}");
    let digest = Digests::of(&large).blake3.to_string();
    assert!(damaged.stderr.contains(&digest) && damaged.stderr.contains(&path), "{damaged:?}");
    assert!(!file.exists(), "nothing that looks like the range");
    assert!(got("1000000-2000000") == large[1_000_000..=2_000_000], "the rest is right");
}

/// The only object of that size.
fn object_of(server: &Server, size_bytes: u64) -> std::path::PathBuf {
    let mut waiting = vec![server.state().join("blobs/objects")];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if fs::metadata(&path).unwrap().len() == size_bytes {
                return path;
            }
        }
    }
    panic!("no object has that size")
}
