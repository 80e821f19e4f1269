//! The document of a policy: read back, and refused in every other form.

use super::*;

fn policy(text: &str) -> Policy {
    crate::retention::draft::toml(text).unwrap().merge(None)
}

const ALL: &str = r#"
description = "Everything"
schedule = { cron = "0 3 * * 1" }
limits = { packages = 0, bytes = 7, approve = true }
[[rules]]
name = "a"
select = { tag = ["b*", "a"], newest = 3, larger_than = 1, smaller_than = 9, older_than = "1d", not_read_for = "2w" }
action = "keep"
[[rules]]
name = "b"
select = { untagged = true, beyond_newest = 1 }
action = "delete"
[[rules]]
name = "c"
select = {}
action = { lock = { mode = "compliance", until = "2030-01-01" } }
[[rules]]
name = "d"
select = { annotations = { k = "v" } }
action = { lock = { mode = "governance", for = "7y" } }
[[rules]]
name = "e"
select = { accepted_before = "2020-01-01" }
action = { tier = "cold" }
"#;

#[test]
fn a_policy_is_read_back_from_its_document() {
    let small = "[[rules]]\nname = \"a\"\nselect = {}\naction = \"keep\"\n";
    for text in [ALL, small] {
        let policy = policy(text);
        assert_eq!(Policy::decode(&policy.encode()).unwrap(), policy);
    }
}

/// One field of the document, by steps, set to something else.
fn changed(value: &Value, steps: &[&str], new: &Option<Value>) -> Value {
    match value {
        Value::Array(items) => {
            let mut items = items.clone();
            let at: usize = steps[0].parse().unwrap();
            items[at] = changed(&items[at], &steps[1..], new);
            Value::Array(items)
        }
        Value::Map(fields) => {
            let inner = fields.iter().find(|(key, _)| key == steps[0]).map(|(_, value)| value);
            let value = match &steps[1..] {
                [] => new.clone(),
                rest => Some(changed(inner.unwrap(), rest, new)),
            };
            let others = fields.iter().filter(|(key, _)| key != steps[0]).cloned();
            Value::Map(others.chain(value.map(|value| (steps[0].to_owned(), value))).collect())
        }
        _ => panic!("no field in {value:?}"),
    }
}

#[test]
fn documents_in_another_form_are_refused() {
    let good = cbor::decode(&policy(ALL).encode(), Bounds::bytes(POLICY_MAX_BYTES)).unwrap();
    let none = || Some(Value::Map(vec![]));
    let rows: [(&str, Option<Value>, &str); 22] = [
        ("v", Some(Value::Unsigned(2)), "version"),
        ("description", Some(Value::text("")), "absent, or"),
        ("limits", none(), "absent where there are none"),
        ("limits approve", Some(Value::Bool(false)), "true or absent"),
        ("limits files", Some(Value::Unsigned(1)), "unknown field"),
        ("schedule apply", None, "missing"),
        ("schedule cron", Some(Value::text("never")), "cron expression"),
        ("rules", Some(Value::Array(vec![])), "1 to 128"),
        ("rules", None, "missing"),
        ("rules 0 name", Some(Value::text("b")), "two are called `b`"),
        ("rules 0 name", Some(Value::text("B")), "a rule name"),
        ("rules 0 else", Some(Value::Null), "unknown field"),
        ("rules 0 select untagged", Some(Value::Bool(true)), "absent where there are tags"),
        ("rules 0 select beyond-newest", Some(Value::Unsigned(1)), "absent beside"),
        ("rules 0 select newest", Some(Value::Unsigned(0)), "1 to"),
        ("rules 0 select older-than", Some(Value::text("01d")), "a period"),
        ("rules 0 select larger-than", Some(Value::Unsigned(8)), "nothing is between"),
        ("rules 1 select", none(), "a condition at least"),
        ("rules 0 action do", Some(Value::text("delete")), "would delete the newest"),
        ("rules 2 action for", Some(Value::text("1d")), "not both"),
        ("rules 2 action mode", Some(Value::text("legal")), "`governance`"),
        ("rules 4 action tier", None, "missing"),
    ];
    for (steps, value, reason) in rows {
        let steps: Vec<&str> = steps.split(' ').collect();
        let refused = Policy::decode(&cbor::encode(&changed(&good, &steps, &value))).unwrap_err().to_string();
        assert!(refused.contains(reason), "{steps:?}: {refused}");
    }
}

#[test]
fn the_tighter_of_two_limits_counts() {
    let one = Limits { packages: Some(5), bytes: None, approve: false };
    let two = Limits { packages: Some(9), bytes: Some(7), approve: true };
    assert_eq!(one.and(two), Limits { packages: Some(5), bytes: Some(7), approve: true });
    assert_eq!(one.and(Limits::default()), one);
}
