//! Plans: made the same from the same, read back, and refused in every other form.

use super::*;
use crate::kernel::digest::Digests;
use crate::kernel::manifest::Annotations;
use crate::retention::evaluate;
use crate::retention::policy::LockMode;

fn package(n: usize) -> Package {
    Package {
        repository: if n.is_multiple_of(2) { "acme/a" } else { "acme/b" }.parse().unwrap(),
        digest: Digests::of(&n.to_be_bytes()).blake3,
        media_type: "application/vnd.strongroom.manifest.v1+cbor".into(),
        artifact_type: None,
        annotations: Some(Annotations::new()),
        tags: vec![],
        size_bytes: n as u64,
        accepted_at_ms: 0,
        clock_start_ms: 0,
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

fn policy(name: &str, text: &str) -> InForce {
    let policy = crate::retention::draft::toml(text).unwrap().merge(None);
    let document = Digests::of(&policy.encode()).blake3;
    InForce { name: name.parse().unwrap(), version: 3, document, policy, acts: true }
}

const RULES: &str = r#"
limits = { packages = 9, approve = true }
[[rules]]
name = "all"
select = { smaller_than = 100 }
action = "delete"
[[rules]]
name = "lock"
select = { larger_than = 200 }
action = { lock = { mode = "governance", for = "1d" } }
[[rules]]
name = "cold"
select = { larger_than = 200 }
action = { tier = "cold" }
"#;

fn plan(packages: &[Package]) -> Plan {
    let policies = [policy("a", RULES), InForce { acts: false, ..policy("b", RULES) }];
    let made = Made { position: 7, at_ms: 1_000, actor: Some("records".parse().unwrap()) };
    Plan::of(made, &policies, packages, &evaluate(&policies, packages, 1_000))
}

/// Something of everything.
fn varied() -> Vec<Package> {
    let mut packages: Vec<Package> = [1, 2, 3, 4, 5, 6, 7, 8, 201, 202].map(package).into();
    packages[0].listed_by = vec![packages[2].digest];
    packages[3].holds = (0..40).map(|n| format!("matter-{n}")).collect();
    packages[4].pins = vec!["prod".into()];
    packages[5].compliance_until_ms = Some(5_000);
    packages[5].governance_until_ms = Some(6_000);
    packages[6].subject = Some(packages[4].digest);
    packages[7].listed_by = vec![Digests::of(b"elsewhere").blake3];
    packages
}

#[test]
fn items_are_in_the_order_in_which_they_are_applied() {
    let plan = plan(&varied());
    let what: Vec<&str> = plan
        .items
        .iter()
        .map(|item| match item.what {
            What::Lock { .. } => "lock",
            What::Tier(_) => "tier",
            What::Delete => "delete",
            What::Keep => "keep",
        })
        .collect();
    let counts: Vec<(&str, usize)> =
        what.chunk_by(|one, two| one == two).map(|run| (run[0], run.len())).collect();
    assert_eq!(counts, [("lock", 2), ("tier", 2), ("delete", 3), ("keep", 5)]);
    let place = |n: usize| plan.items.iter().position(|item| item.digest == package(n).digest).unwrap();
    assert!(place(3) < place(1), "the index goes before its part");
}

#[test]
fn totals_are_those_of_the_items() {
    let totals = plan(&varied()).totals();
    let kept = Kept { hold: 1, compliance_lock: 1, governance_lock: 1, pin: 1, reference: 2, keep_rule: 0 };
    let expected = Totals {
        packages: 10,
        candidates: 8,
        deletions: 3,
        bytes: 1 + 2 + 3,
        locks: 2,
        tiers: 2,
        early_byte_days: 0,
        kept,
    };
    assert_eq!(totals, expected);
}

#[test]
fn the_same_input_is_the_same_plan_to_the_byte_in_whatever_order_it_comes() {
    let (one, mut packages) = (plan(&varied()), varied());
    packages.reverse();
    assert_eq!(plan(&packages).documents().unwrap(), one.documents().unwrap());
    let later = Plan { made: Made { position: 8, ..one.made.clone() }, ..one.clone() };
    assert_ne!(later.documents().unwrap().digest(), one.documents().unwrap().digest());
}

#[test]
fn a_plan_is_read_back_from_its_file() {
    for packages in [varied(), vec![]] {
        let plan = plan(&packages);
        let documents = plan.documents().unwrap();
        assert_eq!(Plan::decode(&documents.to_sequence()).unwrap(), plan);
    }
}

#[test]
fn only_the_first_of_many_blockers_are_named_and_the_rest_is_counted() {
    let plan = plan(&varied());
    let held = plan.items.iter().find(|item| matches!(item.kept_by.first(), Some(Named::Hold(_)))).unwrap();
    assert_eq!((held.kept_by.len(), held.unnamed), (32, 8));
}

#[test]
fn many_items_are_dealt_to_several_parts() {
    let packages: Vec<Package> =
        (0..PLAN_PART_ITEMS_MAX + 5).map(|n| Package { size_bytes: 0, ..package(n) }).collect();
    let plan = plan(&packages);
    let documents = plan.documents().unwrap();
    assert_eq!(documents.parts.len(), 2);
    assert!(documents.parts.iter().all(|part| part.len() <= DOCUMENT_MAX_BYTES));
    assert_eq!(Plan::decode(&documents.to_sequence()).unwrap(), plan);
}

#[test]
fn a_part_of_long_items_stays_within_a_document() {
    let held = |n| Package {
        size_bytes: 0,
        holds: (0..32).map(|h| format!("{h:0>255}")).collect(),
        pins: (0..32).map(|p| format!("{p:0>255}")).collect(),
        ..package(n)
    };
    let packages: Vec<Package> = (0..300).map(held).collect();
    let documents = plan(&packages).documents().unwrap();
    assert!(documents.parts.len() > 1);
    assert!(documents.parts.iter().all(|part| part.len() <= DOCUMENT_MAX_BYTES));
    assert!(Plan::decode(&documents.to_sequence()).is_ok());
}

#[test]
fn parts_that_are_not_those_of_the_header_are_refused() {
    let Documents { header, parts } = plan(&varied()).documents().unwrap();
    let part = parts[0].as_slice();
    assert_eq!(Plan::of_documents(&header, &[]), Err(Error::Parts { listed: 1, found: 0 }));
    assert_eq!(Plan::of_documents(&header, &[part, part]), Err(Error::Parts { listed: 1, found: 2 }));
    let other = plan(&[package(1)]).documents().unwrap();
    assert_eq!(Plan::of_documents(&header, &[&other.parts[0]]), Err(Error::Part(0)));
    assert_eq!(Plan::decode(&[]), Err(Error::Empty));
    assert_eq!(Plan::decode(&header[..header.len() - 1]), Err(Error::Sequence));
}

/// A plan whose header lists its parts, but whose items were changed.
fn refused(change: impl FnOnce(&mut Plan)) -> Error {
    let mut plan = plan(&varied());
    change(&mut plan);
    let documents = plan.documents().unwrap();
    Plan::decode(&documents.to_sequence()).unwrap_err()
}

#[test]
fn items_that_no_evaluation_gives_are_refused() {
    assert_eq!(refused(|plan| plan.items.swap(0, 2)), Error::Order(1), "a tier before a lock");
    assert_eq!(refused(|plan| plan.items.swap(0, 1)), Error::Order(1), "locks in another order");
    assert_eq!(refused(|plan| plan.items.insert(5, plan.items[4].clone())), Error::Order(5), "deleted twice");
    assert_eq!(refused(|plan| plan.items[0].rule.policy = 1), Error::Order(0), "a policy that does not act");
    assert_eq!(refused(|plan| plan.items[0].rule.policy = 9), Error::Order(0), "no policy of the plan");
    assert!(matches!(refused(|plan| plan.items[4].kept_by.push(Named::Pin("x".into()))), Error::Encoding(_)));
    assert!(matches!(refused(|plan| plan.items[8].kept_by.clear()), Error::Encoding(_)));
    let unknown = |plan: &mut Plan| {
        let rule = RuleOf { policy: 9, rule: "x".parse().unwrap() };
        plan.items[8].kept_by =
            vec![Named::Lock { mode: LockMode::Compliance, until_ms: 1, due: Some(rule) }];
    };
    assert_eq!(refused(unknown), Error::Order(8));
    assert!(matches!(refused(|plan| plan.policies.swap(0, 1)), Error::Encoding(_)));
}

#[test]
fn totals_and_parts_that_are_not_those_of_the_items_are_refused() {
    let plan = plan(&varied());
    let documents = plan.documents().unwrap();
    let mut header = Header::decode(&documents.header).unwrap();
    header.totals.bytes += 1;
    let parts: Vec<&[u8]> = documents.parts.iter().map(Vec::as_slice).collect();
    assert_eq!(Plan::of_documents(&header.encode(), &parts), Err(Error::NotOfItsItems));
    // The same items in two parts, where one holds them.
    let (first, second) = plan.items.split_at(3);
    let parts: Vec<Vec<u8>> =
        [first, second].map(|items| part_of(items.iter().map(Item::write).collect())).into();
    header.totals.bytes -= 1;
    header.parts = parts.iter().map(|part| Digests::of(part).blake3).collect();
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    assert_eq!(Plan::of_documents(&header.encode(), &parts), Err(Error::NotOfItsItems));
}
