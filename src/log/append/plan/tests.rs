//! Plans as claims: given what the log holds, when a batch comes, then these rows and these answers.

use super::*;
use crate::kernel::digest::Digests;
use crate::kernel::event::{Fact, TagSet};
use crate::kernel::merkle::leaf_hash;
use crate::log::NewEvent;

const NOW_MS: u64 = 1_800_000_000_000;

fn tag_set(tag: &str, content: &str) -> NewEvent {
    let repository = "acme/reports".parse().unwrap();
    let tag = tag.parse().unwrap();
    let stream = StreamName::tag(&repository, &tag);
    let manifest = Digests::of(content.as_bytes()).blake3;
    let fact = TagSet { repository, tag, manifest, previous: None };
    NewEvent::new("tok_test".parse().unwrap(), stream, fact)
}

fn member(events: Vec<NewEvent>) -> Member {
    Member { events, ..Member::default() }
}

fn expecting(event: NewEvent, expected: Expected) -> Member {
    Member { expected: vec![(event.stream.clone(), expected)], ..member(vec![event]) }
}

fn head(size: u64) -> Head {
    let mut frontier = Frontier::new();
    (0..size).for_each(|n| frontier.push(leaf_hash(&n.to_be_bytes())));
    Head { frontier, last_at_ms: NOW_MS, fold_generation: 1 }
}

fn edge(size: u64) -> Edge {
    let mut edge = Edge::new();
    (0..size).for_each(|n| drop(edge.push(leaf_hash(&n.to_be_bytes()))));
    edge
}

fn run(members: &[Member], loaded: Loaded) -> Plan {
    plan(members, loaded, head(10), edge(10), NOW_MS)
}

fn positions(outcome: &Outcome) -> Vec<u64> {
    match outcome {
        Outcome::Answer(Ok(appended)) => appended.positions.clone(),
        other => panic!("expected positions, got {other:?}"),
    }
}

#[test]
fn members_take_gap_free_positions_in_order() {
    let plan = run(
        &[member(vec![tag_set("a", "1"), tag_set("b", "1")]), member(vec![tag_set("c", "1")])],
        Loaded::default(),
    );
    assert_eq!(positions(&plan.outcomes[0]), [10, 11]);
    assert_eq!(positions(&plan.outcomes[1]), [12]);
    assert_eq!((plan.frontier.size(), plan.edge.size(), plan.events.len()), (13, 13, 3));
}

#[test]
fn versions_count_within_a_stream_from_what_was_loaded() {
    let stream = tag_set("a", "1").stream;
    let loaded = Loaded { versions: HashMap::from([(stream.clone(), 6)]), ..Loaded::default() };
    let plan = run(&[member(vec![tag_set("a", "1"), tag_set("b", "1"), tag_set("a", "2")])], loaded);
    let seqs: Vec<u64> = plan.events.iter().map(|row| row.event.seq).collect();
    assert_eq!(seqs, [7, 0, 8]);
    assert_eq!(plan.versions[&stream], 8);
}

#[test]
fn of_two_members_that_expect_one_version_the_first_wins() {
    let batch =
        [expecting(tag_set("a", "1"), Expected::Absent), expecting(tag_set("a", "2"), Expected::Absent)];
    let plan = run(&batch, Loaded::default());
    assert_eq!(positions(&plan.outcomes[0]), [10]);
    assert!(matches!(
        plan.outcomes[1],
        Outcome::Answer(Err(Error::Conflict { expected: Expected::Absent, found: Expected::At(0), .. }))
    ));
    assert_eq!(plan.events.len(), 1);
}

#[test]
fn a_stale_version_is_a_conflict_that_names_the_present_one() {
    let stream = tag_set("a", "1").stream;
    let loaded = Loaded { versions: HashMap::from([(stream, 3)]), ..Loaded::default() };
    let plan = run(&[expecting(tag_set("a", "1"), Expected::At(2))], loaded);
    assert!(matches!(plan.outcomes[0], Outcome::Answer(Err(Error::Conflict { found: Expected::At(3), .. }))));
    assert!(plan.events.is_empty());
}

fn known(event: &NewEvent, position: u64) -> (EventId, (u64, Event)) {
    let old = Event {
        id: event.id,
        at_ms: NOW_MS - 5,
        actor: event.actor.clone(),
        stream: event.stream.clone(),
        seq: 0,
        fact: event.fact.clone(),
        cause: None,
    };
    (event.id, (position, old))
}

#[test]
fn a_repeated_append_gives_the_first_position_whatever_it_expects() {
    let event = tag_set("a", "1");
    let loaded = Loaded {
        versions: HashMap::from([(event.stream.clone(), 0)]),
        known: HashMap::from([known(&event, 4)]),
        ..Loaded::default()
    };
    let plan = run(&[expecting(event, Expected::Absent)], loaded);
    assert!(
        matches!(&plan.outcomes[0], Outcome::Answer(Ok(Appended { positions, repeated: true })) if *positions == [4])
    );
    assert!(plan.events.is_empty());
}

#[test]
fn another_content_under_a_known_id_is_refused() {
    let first = tag_set("a", "1");
    let mut second = tag_set("a", "2");
    second.id = first.id;
    let loaded = || Loaded { known: HashMap::from([known(&first, 4)]), ..Loaded::default() };
    let refused =
        |outcome: &Outcome| matches!(outcome, Outcome::Answer(Err(Error::IdReused { position: 4, .. })));
    assert!(refused(&run(&[member(vec![second])], loaded()).outcomes[0]));
    // Half of a member that is known and half that is not was never appended as one.
    assert!(refused(&run(&[member(vec![first.clone(), tag_set("b", "1")])], loaded()).outcomes[0]));
}

#[test]
fn an_id_repeated_within_the_batch_waits_for_the_next() {
    let event = tag_set("a", "1");
    let plan = run(&[member(vec![event.clone()]), member(vec![event])], Loaded::default());
    assert_eq!(positions(&plan.outcomes[0]), [10]);
    assert!(matches!(plan.outcomes[1], Outcome::Wait));
}

#[test]
fn a_member_that_reads_what_an_earlier_one_writes_waits() {
    let writes = Member { writes: vec!["retention".into()], ..member(vec![tag_set("a", "1")]) };
    let reads = Member { reads: vec!["retention".into()], ..member(vec![tag_set("b", "1")]) };
    let plan = run(&[reads.clone(), writes, reads], Loaded::default());
    assert_eq!(positions(&plan.outcomes[0]), [10]);
    assert_eq!(positions(&plan.outcomes[1]), [11]);
    assert!(matches!(plan.outcomes[2], Outcome::Wait));
}

#[test]
fn a_guard_that_fails_refuses_its_member_only() {
    let failure = GuardFailure::BlobsMissing { repository: "acme/reports".parse().unwrap(), missing: vec![] };
    let loaded = Loaded { failed_guards: HashMap::from([(0, failure.clone())]), ..Loaded::default() };
    let plan = run(&[member(vec![tag_set("a", "1")]), member(vec![tag_set("b", "1")])], loaded);
    assert!(matches!(&plan.outcomes[0], Outcome::Answer(Err(Error::Guard(found))) if *found == failure));
    assert_eq!(positions(&plan.outcomes[1]), [10]);
}

#[test]
fn a_member_that_counts_on_a_time_is_recorded_within_it_or_refused_with_the_time() {
    let within = |from_ms, until_ms| {
        let guards = vec![Guard::RecordedWithin { from_ms, until_ms }];
        run(&[Member { guards, ..member(vec![tag_set("a", "1")]) }], Loaded::default()).outcomes.remove(0)
    };
    for (from_ms, until_ms) in [(NOW_MS, NOW_MS), (0, NOW_MS), (NOW_MS, u64::MAX)] {
        assert_eq!(positions(&within(from_ms, until_ms)), [10]);
    }
    for (from_ms, until_ms) in [(0, NOW_MS - 1), (NOW_MS + 1, u64::MAX)] {
        let outcome = within(from_ms, until_ms);
        let elsewhen = GuardFailure::RecordedElsewhen { at_ms: NOW_MS };
        assert!(matches!(outcome, Outcome::Answer(Err(Error::Guard(found))) if found == elsewhen));
    }
}

#[test]
fn a_record_that_is_too_large_is_refused_and_costs_nobody_else() {
    let mut large = tag_set("a", "1");
    large.fact = Fact::BlobStored(crate::kernel::event::BlobStored {
        repository: "acme/reports".parse().unwrap(),
        blake3: Digests::of(b"").blake3,
        sha256: Digests::of(b"").sha256,
        size_bytes: 0,
        store: "main".parse().unwrap(),
        object: "ab/000000000000000000000000000000ab".parse().unwrap(),
        node: "here".parse().unwrap(),
        receipt: "x".repeat(70_000),
    });
    let plan = run(&[member(vec![large]), member(vec![tag_set("b", "1")])], Loaded::default());
    assert!(matches!(plan.outcomes[0], Outcome::Answer(Err(Error::Record(event::Error::TooLarge(_))))));
    assert_eq!(positions(&plan.outcomes[1]), [10]);
}

#[test]
fn what_exceeds_a_batch_waits() {
    let many = |name: &str| {
        member((0..APPEND_BATCH_MAX_EVENTS / 2 + 1).map(|n| tag_set(&format!("{name}{n}"), "1")).collect())
    };
    let plan = run(&[many("a"), many("b"), member(vec![tag_set("c", "1")])], Loaded::default());
    assert_eq!(positions(&plan.outcomes[0]).len(), APPEND_BATCH_MAX_EVENTS / 2 + 1);
    assert!(matches!(plan.outcomes[1], Outcome::Wait));
    assert_eq!(positions(&plan.outcomes[2]).len(), 1);
}

#[test]
fn time_never_goes_back_and_a_jump_stops_appends() {
    let head = head(10);
    assert_eq!(next_at(NOW_MS + 5, &head, false).unwrap(), NOW_MS + 5);
    assert_eq!(next_at(NOW_MS - 5, &head, false).unwrap(), NOW_MS);
    let ahead = NOW_MS + CLOCK_JUMP_FORWARD_MAX_MS + 1;
    let behind = NOW_MS - CLOCK_JUMP_BACK_MAX_MS - 1;
    for jumped in [ahead, behind] {
        assert!(matches!(next_at(jumped, &head, false), Err(Error::Clock { .. })));
    }
    assert_eq!(next_at(ahead, &head, true).unwrap(), ahead);
    assert_eq!(next_at(behind, &head, true).unwrap(), NOW_MS);
}

use crate::kernel::event;
