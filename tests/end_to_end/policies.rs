//! Policies and plans on the command line.

use std::fs;

use crate::harness::{Server, scratch, text};

#[test]
fn a_policy_is_tested_set_shown_planned_and_removed() {
    let (server, work) = (Server::start(), scratch());
    let admin = server.admin();
    let file = |name: &str, content: &str| {
        let path = work.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    for version in ["v1", "v2", "v3"] {
        let content = file(version, version);
        admin.ok(&["push", text(&content), &format!("acme/app:{version}")]);
    }
    let bad = file(
        "bad.toml",
        "[[rules]]\nname = \"old\"\nselect = { older_than = \"30 days\" }\naction = \"delete\"\n",
    );
    let refused = admin.run(&["policy", "set", "weekly", text(&bad)]);
    assert!(refused.stderr.contains("bad.toml:3:25: a period is"), "{}", refused.stderr);

    let rules = "[[rules]]\nname = \"old\"\nselect = { tag = \"v*\", beyond_newest = 1 }\naction = \"delete\"\n\
                 [[rules]]\nname = \"first\"\nselect = { tag = \"v1\" }\naction = \"keep\"\n";
    let good =
        file("weekly.toml", &format!("description = \"Old versions\"\nlimits = {{ packages = 5 }}\n{rules}"));
    let tested = admin.ok(&["policy", "test", text(&good)]);
    assert!(tested.contains("2 candidates of 3 packages: 1 deletion"), "{tested}");
    assert!(tested.contains("keep-rule weekly/first") && tested.contains("at most 5 deletions"), "{tested}");
    assert_eq!(admin.ok(&["policy", "list"]).lines().count(), 1, "testing sets nothing");

    let set = admin.json(&["policy", "set", "weekly", text(&good)]);
    assert_eq!((&set["version"], &set["changed"]), (&1.into(), &true.into()));
    assert_eq!(admin.json(&["policy", "set", "weekly", text(&good)])["changed"], false);
    let shown = admin.ok(&["policy", "show", "weekly"]);
    let again = file("shown.toml", &shown);
    assert_eq!(admin.json(&["policy", "set", "weekly", text(&again)])["changed"], false, "{shown}");

    let out = work.path().join("plan");
    let plan = admin.json(&["retention", "plan", "--policy", "weekly", "-o", text(&out)]);
    let parts = fs::read(&out).unwrap();
    let read = strongroom::retention::Plan::decode(&parts).expect("the file is a plan");
    assert_eq!(read.documents().unwrap().digest().to_string(), plan["digest"]);
    assert_eq!((&plan["totals"]["deletions"], &plan["totals"]["kept"]["keep_rule"]), (&1.into(), &1.into()));
    let printed = admin.ok(&["retention", "plan"]);
    assert!(printed.starts_with("plan      blake3:") && printed.contains("weekly/old"), "{printed}");

    admin.ok(&["policy", "remove", "weekly"]);
    assert_eq!(admin.ok(&["policy", "history", "weekly"]).lines().count(), 3);
    assert_eq!(admin.json(&["retention", "plan"])["totals"]["candidates"], 0);
    assert!(admin.run(&["policy", "show", "weekly"]).stderr.contains("there is no policy weekly"));
    admin.ok(&["views", "check", "--state-dir", text(&server.state())]);
}
