//! A disk that fills up in the middle of a push.

use std::fs;

use crate::disk::Disk;
use crate::harness::{Actor, noise, scratch, text, tree, until};
use crate::process::Process;

const MIB: usize = 1024 * 1024;

#[test]
fn a_push_that_met_a_full_disk_goes_on_from_where_it_was_when_there_is_room() {
    let Some(disk) = Disk::mount() else { return };
    let (directory, filler) = (scratch(), disk.path().join("filler"));
    fs::write(&filler, noise(1, 20 * MIB)).unwrap();
    let blobs = disk.path().join("blobs");
    let arguments = ["--blobs-dir", text(&blobs), "--limit", "free-space-mib=16"];
    let server = Process::start(directory.path().join("state"), ([127, 0, 0, 1], 0).into(), &arguments);
    let token = fs::read_to_string(server.state.join("admin.token")).unwrap();
    let admin = Actor::new(format!("http://{}", server.address), token.trim().to_owned());
    let source = directory.path().join("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("large"), noise(2, 40 * MIB)).unwrap();

    let refused = admin.run(&["push", text(&source), "acme/full:v1"]);
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(refused.stderr.contains("storage-full") && refused.stderr.contains("made room"), "{refused:?}");
    assert_eq!(admin.remembered(), 1);
    let shown = admin.ok(&["status"]);
    assert!(shown.contains("MiB of it kept free"), "{shown}");

    // Room for the rest of it, not for all of it once more.
    fs::remove_file(&filler).unwrap();
    until("the push to finish", || admin.run(&["push", text(&source), "acme/full:v1"]).status == 0);
    assert_eq!(admin.remembered(), 0);
    let target = directory.path().join("target");
    admin.ok(&["pull", "acme/full:v1", text(&target)]);
    assert_eq!(tree(&source), tree(&target));
    assert!(admin.ok(&["audit"]).contains("clean"));
}
