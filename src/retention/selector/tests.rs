//! What selectors select, and what their documents may be.

use super::*;
use crate::kernel::cbor::{self, Bounds};
use crate::kernel::digest::Digests;
use crate::kernel::manifest::Annotations;
use crate::retention::package::TagOf;

fn package() -> Package {
    Package {
        repository: "acme/reports".parse().unwrap(),
        digest: Digests::of(b"one").blake3,
        media_type: "application/vnd.strongroom.manifest.v1+cbor".into(),
        artifact_type: Some("application/vnd.acme.report".into()),
        annotations: Some(Annotations::from([("class".into(), "contract".into())])),
        tags: vec![TagOf { tag: "v1".parse().unwrap(), set_at_ms: 7 }],
        size_bytes: 100,
        accepted_at_ms: 10 * DAY_MS,
        clock_start_ms: 20 * DAY_MS,
        last_read_day: None,
        governance_until_ms: None,
        compliance_until_ms: None,
        bypassed_until_ms: None,
        tier: Default::default(),
        early_byte_days: Default::default(),
        pins: vec![],
        holds: vec![],
        listed_by: vec![],
        subject: None,
    }
}

fn fixed(text: &str) -> FixedSelector {
    crate::retention::draft::selector(text).unwrap()
}

fn selector(select: &str) -> Selector {
    let text = format!("[[rules]]\nname = \"r\"\nselect = {{ {select} }}\naction = \"keep\"\n");
    let draft = crate::retention::draft::toml(&text).unwrap();
    draft.merge(None).rules[0].select.clone()
}

#[test]
fn all_conditions_must_hold_and_of_the_values_of_one_any_will_do() {
    let rows = [
        ("repository = 'acme/*'", true),
        ("repository = ['other', 'acme/r*']", true),
        ("repository = 'other/*'", false),
        ("artifact_type = 'application/vnd.acme.report'", true),
        ("artifact_type = 'application/vnd.acme.log'", false),
        ("media_type = ['a/b', 'application/vnd.strongroom.manifest.v1+cbor']", true),
        ("annotations = { class = 'contract' }", true),
        ("annotations = { class = 'draft' }", false),
        ("annotations = { class = 'contract', other = '' }", false),
        ("has_annotation = 'class'", true),
        ("has_annotation = ['class', 'other']", false),
        ("accepted_after = '1970-01-11'", true),
        ("accepted_after = '1970-01-12'", false),
        ("accepted_before = '1970-01-11'", false),
        ("accepted_before = '1970-01-12'", true),
        ("repository = 'acme/*', accepted_before = '1970-01-01T00:00:01Z'", false),
        ("tag = 'v*'", true),
        ("tag = ['x', 'v1']", true),
        ("tag = 'w*'", false),
        ("untagged = true", false),
        ("larger_than = 99", true),
        ("larger_than = 100", false),
        ("smaller_than = '101 B'", true),
        ("smaller_than = 100", false),
    ];
    for (select, expected) in rows {
        let found = selector(select).matches_unranked(&package(), 1_000 * DAY_MS);
        assert_eq!(found, if expected { Match::Yes } else { Match::No }, "{select}");
    }
}

#[test]
fn age_counts_from_the_start_of_the_clock() {
    let age = selector("older_than = '30d'");
    assert_eq!(age.matches_unranked(&package(), 50 * DAY_MS - 1), Match::No);
    assert_eq!(age.matches_unranked(&package(), 50 * DAY_MS), Match::Yes);
}

#[test]
fn what_was_never_read_counts_from_its_acceptance_and_a_read_from_the_end_of_its_day() {
    let unread = selector("not_read_for = '30d'");
    assert_eq!(unread.matches_unranked(&package(), 40 * DAY_MS - 1), Match::No);
    assert_eq!(unread.matches_unranked(&package(), 40 * DAY_MS), Match::Yes);
    let read = Package { last_read_day: Some(15), ..package() };
    assert_eq!(unread.matches_unranked(&read, 46 * DAY_MS - 1), Match::No);
    assert_eq!(unread.matches_unranked(&read, 46 * DAY_MS), Match::Yes);
    let always = Package { last_read_day: Some(u64::MAX), ..package() };
    assert_eq!(unread.matches_unranked(&always, u64::MAX - 1), Match::No);
}

#[test]
fn annotations_that_are_not_known_matter_only_where_nothing_else_decides() {
    let unknown = Package { annotations: None, ..package() };
    let matches = |text: &str| fixed(text).matches(&unknown.properties());
    assert_eq!(matches("repository = 'acme/*'"), Match::Yes);
    assert_eq!(matches("repository = 'acme/*'\nhas_annotation = 'class'"), Match::Unknown);
    assert_eq!(matches("repository = 'other'\nhas_annotation = 'class'"), Match::No);
}

#[test]
fn a_fixed_selector_is_read_back() {
    let all = fixed(
        "repository = ['b/*', 'a']\nartifact_type = 'a/b'\nmedia_type = ['c/d', 'a/b']\naccepted_after = '2020-01-01'\n\
         accepted_before = '2021-01-01'\nhas_annotation = ['x', 'y']\nannotations = { k = 'v', kk = '' }",
    );
    for selector in [all, fixed("repository = '*'")] {
        assert_eq!(FixedSelector::decode(&selector.encode()).unwrap(), selector);
    }
}

#[test]
fn what_can_change_is_refused_in_a_fixed_selector() {
    for text in ["tag = 'v*'", "untagged = true", "older_than = '1d'", "newest = 1", "larger_than = 1"] {
        assert!(
            crate::retention::draft::selector(text).unwrap_err().message.contains("unknown field"),
            "{text}"
        );
    }
}

/// Each a document that is canonical CBOR and no selector.
#[test]
fn documents_in_another_form_are_refused() {
    let good = fixed("repository = ['a', 'b']\nannotations = { k = 'v' }").encode();
    let Value::Map(good) = cbor::decode(&good, Bounds::bytes(1_000)).unwrap() else { panic!("a map") };
    let texts = |texts: &[&str]| Value::Array(texts.iter().map(Value::text).collect());
    let rows: [(&str, Option<Value>, &str); 14] = [
        ("v", Some(Value::Unsigned(2)), "version"),
        ("v", None, "missing"),
        ("repositories", Some(texts(&["b", "a"])), "in order"),
        ("repositories", Some(texts(&["a", "a"])), "nothing twice"),
        ("repositories", Some(texts(&[])), "absent, or"),
        ("repositories", Some(Value::text("a")), "an array"),
        ("repositories", Some(texts(&["A"])), "a glob"),
        ("annotations", Some(Value::Map(vec![])), "absent, or a map"),
        ("annotations", Some(Value::Map(vec![("k".into(), Value::Unsigned(1))])), "texts to texts"),
        ("annotations", Some(Value::Map(vec![(String::new(), Value::text("v"))])), "keys of 1"),
        ("accepted-after", Some(Value::text("2020-01-01")), "an unsigned integer"),
        ("has-annotations", Some(texts(&[""])), "keys of 1"),
        ("tags", Some(texts(&["v*"])), "unknown field"),
        ("else", Some(Value::Null), "unknown field"),
    ];
    for (field, value, reason) in rows {
        let mut fields: Vec<_> = good.iter().filter(|(key, _)| key != field).cloned().collect();
        fields.extend(value.map(|value| (field.to_owned(), value)));
        let refused = FixedSelector::decode(&cbor::encode(&Value::Map(fields))).unwrap_err().to_string();
        assert!(refused.contains(reason), "{field}: {refused}");
    }
    let empty = cbor::encode(&Value::Map(vec![("v".into(), Value::Unsigned(1))]));
    assert!(FixedSelector::decode(&empty).is_err(), "it would hold everything by accident");
}

#[test]
fn conditions_that_nothing_can_meet_are_refused() {
    let never = "accepted_after = '2021-01-01'\naccepted_before = '2021-01-01'";
    assert!(crate::retention::draft::selector(never).unwrap_err().message.contains("nothing is between"));
}
