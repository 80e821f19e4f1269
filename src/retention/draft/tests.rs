//! Policies as they are written, what they mean, and where they are refused.

use super::*;
use crate::retention::policy::{Action, LockMode, Term};

const WHOLE: &str = r#"
description = "Nightly builds"
schedule = { cron = "0 3 * * 1", apply = true }
limits = { packages = 1000, bytes = "10 GiB", approve = true }

[[rules]]
name = "releases"
select = { repository = "acme/*", tag = "v*" }
action = { lock = { mode = "governance", for = "7y" } }

[[rules]]
name = "old-nightlies"
select = { repository = ["acme/*", "lab"], tag = "nightly-*", beyond_newest = 5, older_than = "30d" }
action = "delete"
"#;

const RULE: &str = "[[rules]]\nname = \"r\"\nselect = { repository = \"*\" }\naction = \"keep\"\n";

#[test]
fn a_policy_is_read_from_toml() {
    let policy = toml(WHOLE).unwrap().merge(None);
    assert_eq!(policy.description.as_deref(), Some("Nightly builds"));
    let schedule = policy.schedule.unwrap();
    assert_eq!((schedule.cron.as_str(), schedule.apply), ("0 3 * * 1", true));
    assert_eq!(policy.limits, Limits { packages: Some(1_000), bytes: Some(10 << 30), approve: true });
    let [releases, nightlies] = policy.rules.as_slice() else { panic!("two rules") };
    assert_eq!(
        releases.action,
        Action::Lock { mode: LockMode::Governance, term: Term::For("7y".parse().unwrap()) }
    );
    assert_eq!((nightlies.name.as_str(), nightlies.action), ("old-nightlies", Action::Delete));
    assert_eq!(nightlies.select.fixed.repositories.len(), 2);
}

#[test]
fn json_with_the_same_fields_is_the_same_policy() {
    let value: ::toml::Value = ::toml::from_str(WHOLE).unwrap();
    let text = serde_json::to_string_pretty(&value).unwrap();
    assert_eq!(json(&text).unwrap(), toml(WHOLE).unwrap());
}

#[test]
fn a_policy_is_shown_as_it_may_be_written() {
    let more = "[[rules]]\nname = 'm'\naction = { lock = { mode = 'compliance', until = '2030-01-01' } }\n\
                select = { annotations = { k = 'v' }, has_annotation = 'l', newest = 2, accepted_after = '2020-01-01',\n\
                accepted_before = '2021-01-01T00:00:00.5Z', media_type = 'a/b', artifact_type = 'c/d', larger_than = 1,\n\
                smaller_than = 9, not_read_for = '1y' }\n[[rules]]\nname = 'n'\nselect = { untagged = true }\n\
                action = { tier = 'cold' }\n";
    for text in [WHOLE.to_owned(), RULE.to_owned(), format!("{WHOLE}{more}")] {
        let policy = toml(&text).unwrap().merge(None);
        let shown = draw(&policy);
        assert_eq!(json(&shown.to_string()).unwrap().merge(None), policy);
        assert_eq!(toml(&::toml::to_string(&shown).unwrap()).unwrap().merge(None), policy);
    }
}

#[test]
fn what_a_new_version_does_not_name_stays() {
    let before = toml(WHOLE).unwrap().merge(None);
    let after = toml(RULE).unwrap().merge(Some(&before));
    assert_eq!(after.rules.len(), 1);
    assert_eq!(Policy { rules: before.rules.clone(), ..after }, before);
    let one = toml(&format!("limits = {{ packages = 5 }}\n{RULE}")).unwrap().merge(Some(&before));
    assert_eq!(one.limits, Limits { packages: Some(5), ..before.limits });
    let moved = toml(&format!("schedule = {{ cron = \"0 4 * * *\" }}\n{RULE}")).unwrap().merge(Some(&before));
    assert!(moved.schedule.unwrap().apply, "applying was not named");
}

#[test]
fn what_is_removed_is_named() {
    let before = toml(WHOLE).unwrap().merge(None);
    let text = format!(
        "description = \"\"\nschedule = \"none\"\n\
         limits = {{ packages = \"none\", bytes = \"none\", approve = false }}\n{RULE}"
    );
    let after = toml(&text).unwrap().merge(Some(&before));
    assert_eq!((after.description, after.schedule, after.limits), (None, None, Limits::default()));
}

/// What is appended to a good rule, or written in its place, with line and column and a part of the reason.
#[test]
fn an_error_names_the_line_at_fault() {
    let select = |select: &str| {
        format!("# first line\n[[rules]]\nname = \"r\"\nselect = {{ {select} }}\naction = \"delete\"\n")
    };
    let action =
        |action: &str| format!("[[rules]]\nname = \"r\"\naction = {action}\nselect = {{ tag = \"*\" }}\n");
    let rows = [
        (format!("{RULE}\n[[rules]]\nnome = 1\n"), (7, 1), "unknown field `nome`"),
        (format!("colour = 1\n{RULE}"), (1, 1), "unknown field `colour`"),
        (format!("schedule = {{ cron = \"0 3 * *\" }}\n{RULE}"), (1, 21), "cron expression"),
        (format!("schedule = \"never\"\n{RULE}"), (1, 12), "\"none\""),
        (format!("limits = {{ packages = -1 }}\n{RULE}"), (1, 23), "number of packages"),
        (format!("limits = {{ bytes = \"10 gigs\" }}\n{RULE}"), (1, 20), "a size"),
        (format!("{RULE}{RULE}"), (5, 1), "two rules are called `r`"),
        ("description = \"x\"\n".into(), (1, 1), "missing field `rules`"),
        ("rules = []\n".into(), (1, 1), "1 to 128 rules"),
        (select("repository = \"Acme\""), (4, 25), "a glob of repositories"),
        (select("repository = [\"a\", \"B\"]"), (4, 31), "a glob of repositories"),
        (select("repository = []"), (4, 25), "empty"),
        (select("older_than = \"30 days\""), (4, 25), "a period"),
        (select("older_than = 30"), (4, 25), "a text in quotes"),
        (select("accepted_before = \"soon\""), (4, 30), "a time"),
        (select("tag = \"v*\", untagged = true"), (4, 10), "not both"),
        (select("tag = \"v*\", newest = 5"), (2, 1), "`beyond_newest`"),
        (select("tag = \"v*\", beyond_newest = 0"), (4, 10), "1 to 1000000"),
        (select(""), (2, 1), "a condition at least"),
        (action("\"purge\""), (3, 10), "unknown variant `purge`"),
        (action("{ tier = \"icy\" }"), (3, 19), "`cold`"),
        (action("{ lock = { for = \"7y\" } }"), (3, 19), "missing field `mode`"),
        (action("{ lock = { mode = \"governance\" } }"), (3, 19), "say how long"),
        (action("{ lock = { mode = \"legal\", for = \"7y\" } }"), (3, 28), "`compliance`"),
        ("[[rules]]\nname = \"r\n".into(), (2, 10), ""),
    ];
    for (text, (line, column), reason) in rows {
        let error = toml(&text).unwrap_err();
        assert!(error.message.contains(reason), "{text}\ngave {error}");
        assert_eq!((error.line, error.column), (line, column), "{text}\ngave {error}");
    }
}

#[test]
fn an_error_in_json_names_its_line_too() {
    let text = "{\n  \"rules\": [\n    { \"name\": \"r\", \"select\": { \"repository\": \"A\" }, \"action\": \"keep\" }\n  ]\n}";
    let error = json(text).unwrap_err();
    assert_eq!(error.line, 3, "{error}");
    assert!(
        error.message.starts_with("a glob of repositories") && !error.message.contains("line"),
        "{error}"
    );
}

#[test]
fn what_is_too_long_to_be_written_by_anyone_is_refused_unread() {
    let text = format!("# {}\n{RULE}", "x".repeat(POLICY_SOURCE_MAX_BYTES));
    assert!(toml(&text).unwrap_err().message.contains("bytes"));
    assert!(json(&text).unwrap_err().message.contains("bytes"));
}
