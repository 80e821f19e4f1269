//! What is decided, case by case.

use super::*;
use crate::kernel::digest::Digests;
use crate::kernel::manifest::Annotations;
use crate::retention::package::TagOf;
use crate::retention::period::DAY_MS;

const DELETE_ALL: &str = "[[rules]]\nname = 'd'\nselect = { repository = '*' }\naction = 'delete'\n";

/// A package in `acme/a` with one tag, which nothing protects.
pub(super) fn package(name: &str) -> Package {
    Package {
        repository: "acme/a".parse().unwrap(),
        digest: Digests::of(name.as_bytes()).blake3,
        media_type: "application/vnd.strongroom.manifest.v1+cbor".into(),
        artifact_type: None,
        annotations: Some(Annotations::new()),
        tags: vec![TagOf { tag: "v1".parse().unwrap(), set_at_ms: 5 }],
        size_bytes: 100,
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

pub(super) fn policy(name: &str, text: &str) -> InForce {
    let policy = crate::retention::draft::toml(text).unwrap().merge(None);
    let document = Digests::of(&policy.encode()).blake3;
    InForce { name: name.parse().unwrap(), version: 1, document, policy, acts: true }
}

fn lock(mode: &str, term: &str) -> String {
    format!("[[rules]]\nname = 'l'\nselect = {{}}\naction = {{ lock = {{ mode = '{mode}', {term} }} }}\n")
}

/// Names of what is deleted, in the order in which it is.
fn deleted<'n>(names: &[&'n str], decisions: &[Decision]) -> Vec<&'n str> {
    let mut placed: Vec<_> =
        decisions.iter().zip(names).filter_map(|(decision, name)| Some((decision.place?, *name))).collect();
    placed.sort_unstable();
    placed.into_iter().map(|(_, name)| name).collect()
}

#[test]
fn no_policy_deletes_nothing() {
    let decisions = evaluate(&[], &[package("one")], u64::MAX);
    assert_eq!(decisions, [Decision::default()]);
    assert_eq!(decisions[0].outcome(), Outcome::KeptByDefault);
}

#[test]
fn the_first_rule_that_matches_decides_and_every_keep_rule_is_named() {
    let text = "[[rules]]\nname = 'k1'\nselect = {}\naction = 'keep'\n[[rules]]\nname = 'd1'\nselect = { tag = 'x' }\n\
                action = 'delete'\n[[rules]]\nname = 'd2'\nselect = { tag = 'v*' }\naction = 'delete'\n";
    let found = evaluate(&[policy("a", text), policy("b", text)], &[package("one")], 1).remove(0);
    let at = |policy, rule| RuleAt { policy, rule };
    assert_eq!(found.delete, Some(at(0, 2)));
    assert_eq!(found.blockers, [Blocker::Keep(at(0, 0)), Blocker::Keep(at(1, 0))]);
}

#[test]
fn a_policy_that_does_not_act_keeps_and_locks_and_does_nothing_else() {
    let text = format!(
        "{}{DELETE_ALL}[[rules]]\nname = 'k'\nselect = {{}}\naction = 'keep'\n[[rules]]\nname = 't'\nselect = {{}}\n\
         action = {{ tier = 'cold' }}\n",
        lock("governance", "for = '1d'")
    );
    let silent = InForce { acts: false, ..policy("silent", &text) };
    let found = evaluate(&[policy("a", DELETE_ALL), silent], &[package("one")], 1).remove(0);
    assert_eq!(found.delete, Some(RuleAt { policy: 0, rule: 0 }));
    assert_eq!((found.locks.len(), found.tier, found.place), (0, None, None));
    let due = Some(RuleAt { policy: 1, rule: 0 });
    assert_eq!(
        found.blockers,
        [
            Blocker::Lock { mode: LockMode::Governance, until_ms: DAY_MS, due },
            Blocker::Keep(RuleAt { policy: 1, rule: 2 })
        ]
    );
}

#[test]
fn a_lock_that_a_rule_says_protects_before_it_is_recorded() {
    let policies = [policy("p", &format!("{}{DELETE_ALL}", lock("compliance", "for = '10d'")))];
    let at = |now_ms, recorded| {
        let one = Package { compliance_until_ms: recorded, ..package("one") };
        evaluate(&policies, &[one], now_ms).remove(0)
    };
    let due = at(DAY_MS, None);
    assert_eq!(due.locks.iter().map(|due| due.until_ms).collect::<Vec<_>>(), [10 * DAY_MS]);
    assert!(matches!(due.outcome(), Outcome::KeptBy(Blocker::Lock { due: Some(_), .. })));
    // What is recorded only moves later.
    for recorded in [10 * DAY_MS, 11 * DAY_MS] {
        let found = at(DAY_MS, Some(recorded));
        assert_eq!(found.locks, []);
        let lock = Blocker::Lock { mode: LockMode::Compliance, until_ms: recorded, due: None };
        assert_eq!(found.blockers, [lock]);
    }
    // What would have ended already protects nothing and is not recorded.
    let over = at(10 * DAY_MS, None);
    assert!(over.locks.is_empty() && over.place.is_some());
}

#[test]
fn the_latest_of_several_locks_counts_for_each_mode() {
    let text = [
        lock("governance", "for = '3d'"),
        lock("governance", "for = '5d'").replace("'l'", "'m'"),
        lock("compliance", "for = '1d'").replace("'l'", "'n'"),
        lock("governance", "for = '4d'").replace("'l'", "'o'"),
    ]
    .concat();
    let found = evaluate(&[policy("p", &text)], &[package("one")], 1).remove(0);
    let locks: Vec<_> = found.locks.iter().map(|due| (due.mode, due.until_ms, due.rule.rule)).collect();
    assert_eq!(locks, [(LockMode::Compliance, DAY_MS, 2), (LockMode::Governance, 5 * DAY_MS, 1)]);
}

#[test]
fn a_bypass_lifts_governance_locks_up_to_its_time_and_no_other() {
    let policies = [policy("p", DELETE_ALL)];
    let blocked = |governance, compliance, bypassed| {
        let one = Package {
            governance_until_ms: governance,
            compliance_until_ms: compliance,
            bypassed_until_ms: bypassed,
            ..package("one")
        };
        evaluate(&policies, &[one], 10)[0].place.is_none()
    };
    assert!(blocked(Some(100), None, None));
    assert!(!blocked(Some(100), None, Some(100)));
    assert!(blocked(Some(101), None, Some(100)), "a lock beyond the bypass blocks again");
    assert!(blocked(None, Some(50), Some(100)), "nobody goes past compliance");
    assert!(!blocked(Some(10), Some(10), None), "a lock ends with its time");
    let again = [policy("p", &format!("{}{DELETE_ALL}", lock("governance", "until = '1970-01-02'")))];
    let one = Package { bypassed_until_ms: Some(DAY_MS), ..package("one") };
    let found = evaluate(&again, &[one], 10).remove(0);
    assert!(found.place.is_some() && found.locks.is_empty(), "what was bypassed is not recorded again");
}

#[test]
fn an_index_goes_before_its_parts_and_a_subject_before_what_refers_to_it() {
    let names = ["part", "index", "signature", "note"];
    let of = |name: &str| Digests::of(name.as_bytes()).blake3;
    let mut packages: Vec<Package> = names.iter().map(|name| package(name)).collect();
    packages[0].listed_by = vec![of("index")];
    packages[2].subject = Some(of("part"));
    packages[3].subject = Some(of("signature"));
    let policies = [policy("p", DELETE_ALL)];
    let all = evaluate(&policies, &packages, 1);
    assert_eq!(deleted(&names, &all), ["index", "part", "signature", "note"]);
    packages[1].holds.push("matter".into());
    let held = evaluate(&policies, &packages, 1);
    assert_eq!(deleted(&names, &held), [""; 0]);
    assert_eq!(held[0].blockers, [Blocker::Listed(of("index"))]);
    assert_eq!(held[2].blockers, [Blocker::Subject(of("part"))]);
    packages[1].holds.clear();
    packages[2].pins.push("prod".into());
    assert_eq!(deleted(&names, &evaluate(&policies, &packages, 1)), ["index", "part"]);
}

#[test]
fn a_reference_in_another_repository_protects_nothing_here() {
    let index = Package { repository: "acme/b".parse().unwrap(), ..package("index") };
    let part = Package { listed_by: vec![index.digest], ..package("part") };
    let found = evaluate(&[policy("p", DELETE_ALL)], &[index, part], 1);
    assert_eq!(deleted(&["index", "part"], &found), ["index"], "the index that lists it was not given");
}

#[test]
fn two_that_wait_for_each_other_stay() {
    // An index may list the package that it is about.
    let of = |name: &str| Digests::of(name.as_bytes()).blake3;
    let listed = Package { listed_by: vec![of("index")], ..package("listed") };
    let index = Package { subject: Some(of("listed")), ..package("index") };
    let found = evaluate(&[policy("p", DELETE_ALL)], &[listed, index], 1);
    assert!(found.iter().all(|decision| decision.place.is_none()));
    assert_eq!(found[0].blockers, [Blocker::Listed(of("index"))]);
    assert_eq!(found[1].blockers, [Blocker::Subject(of("listed"))]);
}

/// Seven packages of two repositories, the later ones newer; `a` to `e` in the first.
fn versions() -> (Vec<&'static str>, Vec<Package>) {
    let names = vec!["a", "b", "c", "d", "e", "f", "g"];
    let one = |(n, name): (u64, &&str)| Package {
        repository: if n < 5 { "acme/a" } else { "acme/b" }.parse().unwrap(),
        accepted_at_ms: n,
        tags: vec![TagOf { tag: format!("v{n}").parse().unwrap(), set_at_ms: n }],
        ..package(name)
    };
    let packages = (0..).zip(&names).map(one).collect();
    (names, packages)
}

fn selected(select: &str, names: &[&'static str], packages: &[Package]) -> Vec<&'static str> {
    let text = format!("[[rules]]\nname = 'r'\nselect = {{ {select} }}\naction = 'keep'\n");
    let found = evaluate(&[policy("p", &text)], packages, 1_000);
    found.iter().zip(names).filter(|(found, _)| !found.blockers.is_empty()).map(|(_, name)| *name).collect()
}

#[test]
fn the_newest_are_counted_in_each_repository_by_itself() {
    let (names, packages) = versions();
    assert_eq!(selected("newest = 2", &names, &packages), ["d", "e", "f", "g"]);
    assert_eq!(selected("beyond_newest = 2", &names, &packages), ["a", "b", "c"]);
    assert_eq!(selected("newest = 2, tag = 'v*'", &names, &packages), ["d", "e", "f", "g"]);
}

#[test]
fn each_glob_of_tags_has_its_own_newest() {
    let (names, mut packages) = versions();
    for at in [0, 1] {
        packages[at].tags = vec![TagOf { tag: format!("r{at}").parse().unwrap(), set_at_ms: 1 }];
    }
    assert_eq!(selected("newest = 1, tag = ['v*', 'r*']", &names, &packages), ["b", "e", "g"]);
    assert_eq!(selected("beyond_newest = 1, tag = ['v*', 'r*']", &names, &packages), ["a", "c", "d", "f"]);
    // With a tag for both, the newest of either is not beyond.
    packages[4].tags.push(TagOf { tag: "r0".parse().unwrap(), set_at_ms: 0 });
    assert_eq!(selected("beyond_newest = 1, tag = ['v*', 'r*']", &names, &packages), ["a", "c", "d", "f"]);
}

#[test]
fn a_tag_that_was_set_again_makes_its_package_new() {
    let (names, mut packages) = versions();
    packages[0].tags[0].set_at_ms = 100;
    assert_eq!(selected("newest = 1, tag = 'v*'", &names, &packages), ["a", "g"]);
    assert_eq!(selected("newest = 1", &names, &packages), ["e", "g"], "without tags acceptance counts");
}

#[test]
fn age_and_size_do_not_change_who_is_ranked_and_fixed_conditions_do() {
    let (names, mut packages) = versions();
    packages[0].size_bytes = 7;
    packages[4].size_bytes = 7;
    assert_eq!(selected("beyond_newest = 1, smaller_than = 10", &names, &packages), ["a"]);
    packages[0].artifact_type = Some("a/b".into());
    packages[1].artifact_type = Some("a/b".into());
    assert_eq!(selected("newest = 1, artifact_type = 'a/b'", &names, &packages), ["b"]);
}

#[test]
fn parts_and_notes_are_not_ranked_by_themselves() {
    let (names, mut packages) = versions();
    packages[4].listed_by = vec![Digests::of(b"d").blake3];
    packages[3].subject = Some(Digests::of(b"c").blake3);
    // Here the reference of `e` and `d` is in the way too, so only the others tell.
    let found = selected("newest = 1", &names, &packages);
    assert!(found.contains(&"c") && !found.contains(&"b"), "{found:?}");
}

#[test]
fn annotations_that_are_not_known_keep_and_do_nothing_else() {
    let rule = |action: &str| {
        format!(
            "[[rules]]\nname = '{}'\nselect = {{ has_annotation = 'k' }}\naction = {action}\n",
            &action[1..2]
        )
    };
    let unknown = Package { annotations: None, ..package("one") };
    let with = |action: &str, package: &Package| {
        evaluate(&[policy("p", &rule(action))], std::slice::from_ref(package), 1).remove(0)
    };
    assert!(with("'delete'", &unknown).delete.is_none());
    assert_eq!(with("'keep'", &unknown).blockers.len(), 1);
    assert_eq!(with("'keep'", &package("one")).blockers.len(), 0);
    let policies = [policy("p", &rule("'keep'"))];
    assert!(needs_annotations(&policies, &unknown));
    assert!(!needs_annotations(&[policy("p", DELETE_ALL)], &unknown));
}
