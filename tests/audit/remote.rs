//! What an auditor with records and checkpoints alone can tell.

use strongroom::audit::Subject;
use strongroom::audit::log::Verifier;
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
    assert_eq!((report.events, report.checkpoints), (306, 1));
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
