//! An auditor who keeps checkpoints, and keys that are followed by others, by the program alone.

use std::fs;

use crate::harness::{Actor, Server, scratch, text, until};

/// Retires the key of checkpoints for a successor, as the help says.
fn rotate(server: &mut Server, admin: &Actor) {
    let keys = admin.json(&["key", "list"]);
    let checkpoint = keys.as_array().unwrap().iter().find(|key| key["kind"] == "checkpoint").unwrap();
    let first = checkpoint["key"].as_str().unwrap().to_owned();
    let early = admin.run(&["key", "retire", &first]);
    assert_eq!(early.status, 1, "{early:?}");
    assert!(early.stderr.contains("key add --kind checkpoint"), "{early:?}");
    admin.ok(&["key", "add", "--kind", "checkpoint", "--state-dir", text(&server.state())]);
    server.kill();
    server.restart();
    // What the auditor sees signed by the successor may come a second later.
    admin.ok(&["repository", "create", "acme/after"]);
    until("the successor to sign", || admin.run(&["key", "retire", &first]).status == 0);
}

#[test]
fn an_auditor_who_noted_a_checkpoint_learns_of_a_fork_whoever_signs_the_log() {
    let (mut server, work) = (Server::start(), scratch());
    let admin = server.admin();
    let minted = admin.json(&["token", "mint", "--scope", "log:read"]);
    let auditor = Actor::new(server.url(), minted["secret"].as_str().unwrap().to_owned());
    let note = work.path().join("noted");
    fs::write(work.path().join("file"), "evidence").unwrap();
    admin.ok(&["push", text(&work.path().join("file")), "acme/noted:v1"]);
    let save = ["audit", "--url", &server.url(), "--save", text(&note)].map(str::to_owned);
    let save: Vec<&str> = save.iter().map(String::as_str).collect();
    auditor.ok(&save);
    let kept = fs::read_to_string(&note).unwrap();
    assert!(kept.starts_with("strongroom/"), "{kept}");

    // The log grows, its key changes, the server is killed: it still continues what was noted.
    rotate(&mut server, &admin);
    let again = [&save[..], &["--checkpoint", text(&note)]].concat();
    auditor.ok(&again);
    assert_ne!(fs::read_to_string(&note).unwrap(), kept, "the newest is noted now");
    admin.ok(&["audit", "--state-dir", text(&server.state()), "--checkpoint", text(&note)]);

    // A service that was set up anew at the same address: cleanly signed, and not that log.
    let anew = Server::start();
    let noted = fs::read_to_string(&note).unwrap();
    let forked = anew.admin().run(&[
        "audit",
        "--url",
        &anew.url(),
        "--checkpoint",
        text(&note),
        "--save",
        text(&note),
    ]);
    assert_eq!(forked.status, 3, "{forked:?}");
    assert!(forked.stdout.contains("made anew") && forked.stdout.contains("noted"), "{forked:?}");
    assert_eq!(fs::read_to_string(&note).unwrap(), noted, "nothing is noted of a log with findings");

    // What is no checkpoint says nothing of the log: that is no finding.
    fs::write(&note, "nonsense").unwrap();
    assert_eq!(auditor.run(&again).status, 1);
    fs::remove_file(&note).unwrap();
    assert_eq!(auditor.run(&again).status, 1);
}
