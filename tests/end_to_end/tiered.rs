//! Tiers with the planes apart: a data node has the stores, a control node knows their names, and bytes move by orders.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::apart::Apart;
use crate::harness::{scratch, text, until};

const COLD: &str =
    "[[rules]]\nname = 'all'\nselect = { repository = 'acme/*' }\naction = { tier = 'cold' }\n";

/// Files under a directory, however deep.
fn files(directory: &Path) -> usize {
    let entries = fs::read_dir(directory).map(|found| found.map(Result::unwrap).collect::<Vec<_>>());
    let of = |path: &Path| if path.is_dir() { files(path) } else { 1 };
    entries.unwrap_or_default().iter().map(|entry| of(&entry.path())).sum()
}

#[test]
fn what_a_plan_makes_cold_is_moved_by_its_data_node_and_retrieved_from_it() {
    let directory = scratch();
    let (hot, cold) = (directory.path().join("hot"), directory.path().join("vault"));
    let write = |name: &str, content: &str| {
        let path = directory.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let store = |name: &str, place: &str| format!("[[store]]\nname = '{name}'\n{place}\n");
    let on_disk = |path: &Path| format!("kind = 'filesystem'\npath = '{}'", path.display());
    let cold_tier = |place: &str| store("vault", &format!("{place}\ntier = 'cold'"));
    let elsewhere = "kind = 'elsewhere'";
    let at_control = write("c1.toml", &format!("{}{}", store("main", elsewhere), cold_tier(elsewhere)));
    let at_data =
        write("d1.toml", &format!("{}{}", store("main", &on_disk(&hot)), cold_tier(&on_disk(&cold))));
    let policy = write("cold.toml", COLD);
    let plan = directory.path().join("plan.cbor");
    let target = directory.path().join("retrieved");
    let mut apart =
        Apart::start_in(directory, &["--config", text(&at_control)], &["--config", text(&at_data)]);
    apart.enroll();
    let (admin, source) = (apart.admin(), apart.source(300_000));
    admin.ok(&["push", text(&source), "acme/reports:v1"]);

    admin.ok(&["policy", "set", "archive", text(&policy)]);
    admin.ok(&["retention", "plan", "--output", text(&plan)]);
    assert_eq!(admin.json(&["retention", "apply", text(&plan)])["tiered"], 1);
    assert_eq!(files(&cold.join("objects")), 0);
    let moved = admin.json(&["tier", "run"]);
    assert_eq!(moved["moved"]["count"], 22, "21 files and the empty config: {moved}");
    assert_eq!(files(&cold.join("objects")), 22);
    let refused = admin.run(&["pull", "acme/reports:v1", text(&target)]);
    assert!(refused.status == 1 && refused.stderr.contains("retrieval-needed"), "{refused:?}");

    // A data node that is away when a retrieval is asked for costs a wait.
    apart.data.kill();
    let pull = ["pull", "acme/reports:v1", text(&target), "--retrieve", "--wait"];
    let pulling = admin.command(&pull).stderr(Stdio::piped()).spawn().unwrap();
    until("the retrieval to be asked for", || {
        admin.ok(&["events", "--type", "retrieval.requested"]).lines().count() == 2
    });
    apart.data.restart();
    let pulled = pulling.wait_with_output().unwrap();
    assert!(pulled.status.success(), "{}", String::from_utf8_lossy(&pulled.stderr));
    apart.check("acme/reports:v1", &source);
    assert!(admin.ok(&["why", "acme/reports:v1"]).contains("available until"));
}
