//! What an auditor with records and checkpoints alone can tell.

use strongroom::audit::log::Verifier;
use strongroom::audit::{Report, Subject};
use strongroom::contract::SigningKey;
use strongroom::kernel::checkpoint::Checkpoint;
use strongroom::kernel::event::{Event, Fact, KeyAdded, KeyKind, KeyRetired};
use strongroom::kernel::id::EventId;
use strongroom::kernel::merkle::{Frontier, leaf_hash};
use strongroom::log::checkpoint::Anchor as _;
use strongroom::log::read;

use crate::evidence::Evidence;

async fn records(evidence: &Evidence) -> Vec<Vec<u8>> {
    let page = read::page(evidence.database.database.pool(), &read::Query::from(0), 1_000).await.unwrap();
    page.records.into_iter().map(|raw| raw.record).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn records_and_a_checkpoint_are_enough_to_verify_the_log() {
    let evidence = Evidence::new().await;
    let note = evidence.anchor.load().await.unwrap().unwrap();
    let mut verifier = Verifier::new();
    verifier.expect(&note);
    records(&evidence).await.iter().for_each(|record| drop(verifier.push(record)));
    let report = verifier.finish();
    assert!(report.is_clean(), "{:#?}", report.findings);
    assert_eq!((report.events, report.checkpoints), (308, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_a_dropped_and_a_swapped_record_are_found() {
    let evidence = Evidence::new().await;
    let note = evidence.anchor.load().await.unwrap().unwrap();
    let records = records(&evidence).await;
    let mut changed = records.clone();
    changed[7][60] ^= 1;
    let mut swapped = records.clone();
    swapped.swap(7, 8);
    let dropped = records[..300].to_vec();
    for (what, records, subject) in [
        ("changed", changed, Subject::Checkpoint),
        ("swapped", swapped, Subject::Checkpoint),
        ("dropped", dropped, Subject::Tail),
    ] {
        let mut verifier = Verifier::new();
        verifier.expect(&note);
        records.iter().for_each(|record| drop(verifier.push(record)));
        let report = verifier.finish();
        assert!(
            report.findings.iter().any(|finding| finding.subject == subject),
            "{what}: {:#?}",
            report.findings
        );
    }
}

/// Keys are added, `retired` at position 2, and the log goes on to four records.
fn rotation(old: &SigningKey, new: &SigningKey) -> Vec<Vec<u8>> {
    let node = || "node-1".parse().unwrap();
    let added = |key: &SigningKey| -> Fact {
        let key = key.verifying_key();
        KeyAdded { key: key.id(), kind: key.kind(), public: *key.public(), node: node() }.into()
    };
    let receipts = SigningKey::from_seed(KeyKind::Receipt, [7; 32]);
    let facts = [added(old), added(new), KeyRetired { key: old.id() }.into(), added(&receipts)];
    let event = |(n, fact): (u64, Fact)| Event {
        id: EventId(uuid::Uuid::from_u128(u128::from(n) + 1)),
        at_ms: 1_000 + n,
        actor: "tester".parse().unwrap(),
        stream: fact.stream(),
        seq: u64::from(matches!(fact, Fact::KeyRetired(_))),
        fact,
        cause: None,
    };
    (0..).zip(facts).map(|fact| event(fact).encode().unwrap()).collect()
}

fn signed(records: &[Vec<u8>], key: &SigningKey) -> String {
    let mut frontier = Frontier::new();
    records.iter().for_each(|record| frontier.push(leaf_hash(record)));
    let checkpoint =
        Checkpoint { origin: "strongroom/test".into(), size: frontier.size(), root: frontier.root() };
    checkpoint.sign(key.verifying_key().public(), |body| key.sign(body))
}

fn verified(records: &[Vec<u8>], expect: impl FnOnce(&mut Verifier)) -> Report {
    let mut verifier = Verifier::new();
    expect(&mut verifier);
    records.iter().for_each(|record| drop(verifier.push(record)));
    verifier.finish()
}

#[test]
fn a_checkpoint_by_a_retired_key_counts_up_to_its_retirement_and_no_further() {
    let old = SigningKey::from_seed(KeyKind::Checkpoint, [1; 32]);
    let new = SigningKey::from_seed(KeyKind::Checkpoint, [2; 32]);
    let records = rotation(&old, &new);
    for (size, key, found) in [(2, &old, 0), (3, &new, 0), (4, &new, 0), (3, &old, 1), (4, &old, 1)] {
        let note = signed(&records[..size], key);
        let report = verified(&records, |verifier| verifier.expect(&note));
        assert_eq!(report.findings_total, found, "{size}: {:?}", report.findings);
        if found > 0 {
            assert!(report.findings[0].to_string().contains("retired at position 2"), "{report:?}");
            assert_eq!(report.checkpoint_note, None);
        } else {
            assert_eq!(report.checkpoint_note, Some(note));
        }
    }
}

#[test]
fn a_log_that_does_not_continue_what_was_noted_is_named_a_fork_or_cut() {
    let old = SigningKey::from_seed(KeyKind::Checkpoint, [1; 32]);
    let new = SigningKey::from_seed(KeyKind::Checkpoint, [2; 32]);
    let records = rotation(&old, &new);
    let noted = signed(&records, &new);
    let clean = verified(&records, |verifier| verifier.expect_noted(&noted).unwrap());
    assert!(clean.is_clean(), "{:?}", clean.findings);

    // The same keys sign another history, of the same length and shorter: whoever has the keys can do that.
    let other = rotation(&old, &SigningKey::from_seed(KeyKind::Checkpoint, [3; 32]));
    let forked = [records[..2].to_vec(), other[2..3].to_vec(), other[1..2].to_vec()].concat();
    let short = records[..3].to_vec();
    for (what, history, subject, said) in [
        ("forked", &forked, Subject::Checkpoint, "forked"),
        ("cut", &short, Subject::Tail, "its tail is missing"),
    ] {
        let today = signed(history, &new);
        let report = verified(history, |verifier| {
            verifier.expect(&today);
            verifier.expect_noted(&noted).unwrap();
        });
        let named = |finding: &strongroom::audit::Finding| {
            finding.subject == subject && finding.detail.contains(said) && finding.detail.contains("noted")
        };
        assert!(report.findings.iter().any(named), "{what}: {:#?}", report.findings);
    }
    // A log that was made anew has other keys.
    let anew = SigningKey::from_seed(KeyKind::Checkpoint, [4; 32]);
    let report = verified(&rotation(&anew, &anew), |verifier| verifier.expect_noted(&noted).unwrap());
    assert!(report.findings.iter().any(|finding| finding.detail.contains("made anew")), "{report:?}");
    // What is no checkpoint says nothing of the log.
    assert!(Verifier::new().expect_noted("nonsense").is_err());
}
