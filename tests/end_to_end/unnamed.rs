//! A flag that is absent never changes how long anything is kept.

use std::fs;

use serde_json::Value;

use crate::harness::{Server, scratch, text};

/// A setting with its flag, a value, and another, as text and as the program shows it.
type Setting = (&'static str, &'static str, [(&'static str, &'static str); 2]);

const REPOSITORY: [Setting; 4] = [
    ("public", "--public", [("true", "true"), ("false", "false")]),
    ("provenance", "--provenance", [("enforce", "\"enforce\""), ("warn", "\"warn\"")]),
    ("quota_bytes", "--quota-bytes", [("1000000", "1000000"), ("2000000", "2000000")]),
    ("quota_packages", "--quota-packages", [("10", "10"), ("20", "20")]),
];

#[test]
fn a_setting_of_a_repository_whose_flag_is_absent_stays() {
    let server = Server::start();
    let admin = server.admin();
    admin.ok(&["repository", "create", "acme/app"]);
    let set = |value: usize, left_out: Option<&str>| -> Value {
        let named = REPOSITORY.iter().filter(|(_, flag, _)| Some(*flag) != left_out);
        let flags = named.flat_map(|(_, flag, values)| [*flag, values[value].0]);
        admin.json(&["repository", "set", "acme/app"].into_iter().chain(flags).collect::<Vec<_>>())
    };
    set(0, None);
    for (left_out, flag, _) in &REPOSITORY {
        set(1, Some(flag));
        let shown = admin.json(&["repository", "show", "acme/app"]);
        for (field, _, values) in &REPOSITORY {
            let expected = if field == left_out { values[0].1 } else { values[1].1 };
            assert_eq!(shown[field].to_string(), expected, "{field}, where {flag} was absent: {shown}");
        }
        set(0, None);
    }
}

#[test]
fn what_a_pin_that_moves_does_not_name_is_said_as_before() {
    let (server, work) = (Server::start(), scratch());
    let admin = server.admin();
    for version in ["v1", "v2", "v3"] {
        let path = work.path().join(version);
        fs::write(&path, version).unwrap();
        admin.ok(&["push", text(&path), &format!("acme/app:{version}")]);
    }
    let revision = "0123456789abcdef0123456789abcdef01234567";
    let named = ["--source", "https://git.example/app", "--revision", revision, "--build", "run 7"];
    let set = |version: &str, more: &[&str]| {
        let first = ["pin", "set", "acme/app#prod", version, "--reason", "released"];
        admin.ok(&[&first, more].concat());
        admin.json(&["pin", "show", "acme/app#prod"])
    };
    let said = |shown: &Value| ["source", "revision", "build"].map(|key| shown["said"][key].clone());
    let before = set("v1", &named);
    assert_eq!(said(&before), ["https://git.example/app", revision, "run 7"].map(Value::from), "{before}");
    assert_eq!(said(&set("v2", &[])), said(&before));
    let another = set("v3", &["--build", "run 8"]);
    assert_eq!(said(&another), ["https://git.example/app", revision, "run 8"].map(Value::from));
}

#[test]
fn what_a_file_of_a_policy_does_not_name_stays() {
    let (server, work) = (Server::start(), scratch());
    let admin = server.admin();
    let rules = "[[rules]]\nname = 'r'\nselect = { repository = 'acme/*' }\naction = 'keep'\n";
    let set = |head: &str| -> Value {
        let path = work.path().join("policy.toml");
        fs::write(&path, format!("{head}{rules}")).unwrap();
        admin.ok(&["policy", "set", "weekly", text(&path)]);
        admin.json(&["policy", "show", "weekly"])["says"].clone()
    };
    let all = "description = 'd'\nlimits = { packages = 5, bytes = 1000, approve = true }\n\
               schedule = { cron = '0 3 * * 1', apply = false }\n";
    let before = set(all);
    assert_eq!(before["limits"]["packages"], 5, "{before}");
    assert_eq!(set(""), before);
    assert_eq!(set("limits = {}\n"), before);
    let fewer = set("limits = { packages = 4 }\n");
    assert_eq!((&fewer["limits"]["packages"], &fewer["limits"]["approve"]), (&4.into(), &true.into()));
    assert_eq!(fewer["schedule"], before["schedule"]);
}
