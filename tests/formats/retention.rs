//! Selectors, policies and plans: `retention.json`.

use serde_json::{Value as Json, json};
use strongroom::kernel::cbor::{self, Bounds, Value};
use strongroom::kernel::digest::Digests;
use strongroom::kernel::limits::DOCUMENT_MAX_BYTES;
use strongroom::kernel::manifest::Annotations;
use strongroom::retention::plan::Made;
use strongroom::retention::{FixedSelector, InForce, Package, Plan, Policy, TagOf, draft, evaluate};

use crate::files::{bytes, cases, compare, text};
use crate::notation::{from_json, to_json};

const BOUNDS: Bounds = Bounds::bytes(DOCUMENT_MAX_BYTES);

const SELECTORS: [&str; 3] = [
    "repository = '*'",
    "annotations = { 'org.acme.matter' = '2026-17' }",
    "repository = ['acme/reports', 'acme/drafts/*']\nartifact_type = 'application/vnd.acme.report'\n\
     media_type = 'application/vnd.strongroom.manifest.v1+cbor'\nhas_annotation = ['a', 'b']\n\
     accepted_after = '2020-01-01'\naccepted_before = '2026-01-01T12:00:00Z'",
];

const POLICIES: [&str; 2] = [
    "[[rules]]\nname = 'all'\nselect = {}\naction = 'keep'",
    r#"
description = "Nightly builds and releases"
schedule = { cron = "0 3 * * 1", apply = true }
limits = { packages = 1000, bytes = "10 GiB", approve = true }

[[rules]]
name = "releases"
select = { repository = "acme/*", tag = ["v*", "release-?"] }
action = { lock = { mode = "governance", for = "7y" } }

[[rules]]
name = "contracts"
select = { annotations = { class = "contract" } }
action = { lock = { mode = "compliance", until = "2040-01-01" } }

[[rules]]
name = "newest"
select = { repository = "acme/*", tag = "nightly-*", newest = 5 }
action = "keep"

[[rules]]
name = "large"
select = { larger_than = "1 GiB", not_read_for = "6mo" }
action = { tier = "cold" }

[[rules]]
name = "untagged"
select = { untagged = true, older_than = "2w", smaller_than = "1 TiB" }
action = "delete"

[[rules]]
name = "nightlies"
select = { repository = "acme/*", tag = "nightly-*", beyond_newest = 2 }
action = "delete"
"#,
];

fn policy(text: &str) -> Policy {
    draft::toml(text).expect("a policy").merge(None)
}

fn package(n: u64) -> Package {
    Package {
        repository: "acme/app".parse().expect("a name"),
        digest: Digests::of(&n.to_be_bytes()).blake3,
        media_type: "application/vnd.strongroom.manifest.v1+cbor".into(),
        artifact_type: None,
        annotations: Some(Annotations::new()),
        tags: vec![TagOf { tag: format!("nightly-{n}").parse().expect("a tag"), set_at_ms: n }],
        size_bytes: 1_000 + n,
        accepted_at_ms: n,
        clock_start_ms: n,
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

/// Something of everything that a plan may hold.
fn packages() -> Vec<Package> {
    let mut packages: Vec<Package> = (0..12).map(package).collect();
    packages[0].holds = vec!["matter-17".into()];
    packages[0].pins = vec!["prod".into()];
    packages[1].governance_until_ms = Some(1_900_000_000_000);
    packages[1].compliance_until_ms = Some(1_900_000_000_001);
    packages[2].listed_by = vec![Digests::of(b"an index").blake3];
    packages[3].subject = Some(packages[0].digest);
    packages[4].tags.clear();
    packages[5].size_bytes = 2 << 30;
    packages[6].tags[0].tag = "v1".parse().expect("a tag");
    packages[7].annotations = Some([("class".to_owned(), "contract".to_owned())].into());
    packages
}

fn plans() -> Vec<Plan> {
    let at = |name: &str, version, text: &str, acts| {
        let policy = policy(text);
        let document = Digests::of(&policy.encode()).blake3;
        InForce { name: name.parse().expect("a name"), version, document, policy, acts }
    };
    let made = Made {
        position: 4_711,
        at_ms: 1_795_262_400_000,
        actor: Some("svc:records".parse().expect("an actor")),
    };
    let policies = vec![at("nightly", 3, POLICIES[1], true)];
    let beside = vec![at("all", 1, POLICIES[0], false), at("nightly", 3, POLICIES[1], true)];
    let of = |made: &Made, policies: &[InForce], packages: &[Package]| {
        Plan::of(made.clone(), policies, packages, &evaluate(policies, packages, made.at_ms))
    };
    vec![
        of(&Made { actor: None, ..made.clone() }, &[], &[]),
        of(&made, &policies, &packages()),
        of(&made, &beside, &packages()),
    ]
}

/// A field of a document, changed or taken away, by steps.
fn changed(value: &Value, steps: &str, new: &Option<Value>) -> Value {
    let (step, rest) = steps.split_once(' ').map_or((steps, None), |(step, rest)| (step, Some(rest)));
    match value {
        Value::Array(items) => {
            let mut items = items.clone();
            let n: usize = step.parse().expect("an index");
            items[n] = changed(&items[n], rest.expect("a field of the item"), new);
            Value::Array(items)
        }
        Value::Map(fields) => {
            let inner = fields.iter().find(|(key, _)| key == step).map(|(_, value)| value);
            let value = match rest {
                Some(rest) => Some(changed(inner.expect("a field to change"), rest, new)),
                None => new.clone(),
            };
            let others = fields.iter().filter(|(key, _)| key != step).cloned();
            Value::Map(others.chain(value.map(|value| (step.to_owned(), value))).collect())
        }
        _ => panic!("no field in {value:?}"),
    }
}

/// Documents that are refused: which kind, what is wrong, the bytes, and the reason.
fn refused() -> Vec<Json> {
    let text = |text: &str| Some(Value::text(text));
    let selector = draft::selector(SELECTORS[2]).expect("a selector").encode();
    let policy = policy(POLICIES[1]).encode();
    let header = plans()[1].documents().expect("small").header;
    let rows: Vec<(&str, &[u8], &str, Option<Value>)> = vec![
        ("selector", &selector, "v", Some(Value::Unsigned(2))),
        ("selector", &selector, "repositories", Some(Value::Array(vec![]))),
        ("selector", &selector, "repositories", Some(Value::Array(["b", "a"].map(Value::text).into()))),
        ("selector", &selector, "tags", Some(Value::Array(vec![Value::text("v*")]))),
        ("selector", &selector, "accepted-before", Some(Value::Unsigned(0))),
        ("policy", &policy, "v", None),
        ("policy", &policy, "limits", Some(Value::Map(vec![]))),
        ("policy", &policy, "schedule cron", text("0 3 30 2 *")),
        ("policy", &policy, "rules", Some(Value::Array(vec![]))),
        ("policy", &policy, "rules 0 name", text("untagged")),
        ("policy", &policy, "rules 0 action mode", text("legal")),
        ("policy", &policy, "rules 0 action until", Some(Value::Unsigned(1))),
        ("policy", &policy, "rules 2 action do", text("delete")),
        ("policy", &policy, "rules 4 select older-than", text("14 days")),
        ("policy", &policy, "rules 5 select", Some(Value::Map(vec![]))),
        ("plan", &header, "v", Some(Value::Unsigned(2))),
        ("plan", &header, "totals bytes", Some(Value::Unsigned(1))),
        ("plan", &header, "parts", Some(Value::Array(vec![]))),
        ("plan", &header, "policies 0 acts", Some(Value::Bool(false))),
        ("plan", &header, "note", text("x")),
    ];
    let parts = plans()[1].documents().expect("small").parts.concat();
    let case = |(kind, good, steps, new): (&str, &[u8], &str, Option<Value>)| {
        let good = cbor::decode(good, BOUNDS).expect("canonical");
        let mut bytes = cbor::encode(&changed(&good, steps, &new));
        if kind == "plan" {
            bytes.extend(&parts);
        }
        let how = new.map_or("missing".into(), |value| format!("= {}", to_json(&value)));
        let reason = reason(kind, &bytes).expect("it is refused");
        json!({"kind": kind, "what": format!("{steps} {how}"), "document": hex::encode(bytes), "reason": reason})
    };
    rows.into_iter().map(case).collect()
}

fn reason(kind: &str, bytes: &[u8]) -> Option<String> {
    match kind {
        "selector" => FixedSelector::decode(bytes).err().map(|error| error.to_string()),
        "policy" => Policy::decode(bytes).err().map(|error| error.to_string()),
        _ => Plan::decode(bytes).err().map(|error| error.to_string()),
    }
}

fn document(source: &str, bytes: &[u8]) -> Json {
    let value = cbor::decode(bytes, BOUNDS).expect("canonical");
    json!({"written": source, "blake3": Digests::of(bytes).blake3, "document": hex::encode(bytes), "value": to_json(&value)})
}

#[test]
fn vectors_are_what_the_code_writes() {
    let selectors: Vec<Json> = SELECTORS
        .iter()
        .map(|text| document(text, &draft::selector(text).expect("a selector").encode()))
        .collect();
    let policies: Vec<Json> = POLICIES.iter().map(|text| document(text, &policy(text).encode())).collect();
    let plans: Vec<Json> = plans()
        .iter()
        .map(|plan| {
            let documents = plan.documents().expect("small");
            let value = |bytes: &[u8]| to_json(&cbor::decode(bytes, BOUNDS).expect("canonical"));
            json!({
                "plan": documents.digest(),
                "sequence": hex::encode(documents.to_sequence()),
                "header": value(&documents.header),
                "parts": documents.parts.iter().map(|part| value(part)).collect::<Vec<_>>(),
            })
        })
        .collect();
    compare(
        "retention",
        &json!({"selectors": selectors, "policies": policies, "plans": plans, "refused": refused()}),
    );
}

#[test]
fn every_document_of_the_file_is_its_value_and_what_was_written() {
    for case in cases("retention", "selectors") {
        let document = bytes(&case, "document");
        assert_eq!(cbor::encode(&from_json(&case["value"])), document);
        assert_eq!(FixedSelector::decode(&document).ok(), draft::selector(text(&case, "written")).ok());
    }
    for case in cases("retention", "policies") {
        let document = bytes(&case, "document");
        assert_eq!(cbor::encode(&from_json(&case["value"])), document);
        assert_eq!(Policy::decode(&document), Ok(policy(text(&case, "written"))));
    }
}

#[test]
fn every_plan_of_the_file_is_its_documents() {
    for (case, made) in cases("retention", "plans").iter().zip(plans()) {
        let sequence = bytes(case, "sequence");
        let plan = Plan::decode(&sequence).expect("a plan");
        assert_eq!(plan, made);
        let documents = plan.documents().expect("small");
        assert_eq!(documents.to_sequence(), sequence);
        assert_eq!(documents.digest().to_string(), text(case, "plan"));
        assert_eq!(cbor::encode(&from_json(&case["header"])), documents.header);
    }
}

#[test]
fn every_refused_document_of_the_file_is_refused() {
    for case in cases("retention", "refused") {
        let found = reason(text(&case, "kind"), &bytes(&case, "document")).expect("it is refused");
        assert_eq!(found, text(&case, "reason"), "{}", text(&case, "what"));
    }
}
