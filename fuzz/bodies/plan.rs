//! Invariants of plans, for any bytes:
//! - what decodes encodes to the same bytes, and its documents are within their bound;
//! - its totals are those of its items, and every rule that it names is of a policy that it lists;
//! - nothing is deleted twice.

use std::collections::BTreeSet;

use strongroom::kernel::limits::DOCUMENT_MAX_BYTES;
use strongroom::retention::Plan;
use strongroom::retention::plan::What;

pub(crate) fn check(data: &[u8]) {
    let Ok(plan) = Plan::decode(data) else { return };
    let documents = plan.documents().expect("what was read can be written");
    assert_eq!(documents.to_sequence(), data, "what decodes is its own encoding");
    assert!(documents.header.len() <= DOCUMENT_MAX_BYTES);
    assert!(documents.parts.iter().all(|part| part.len() <= DOCUMENT_MAX_BYTES));
    let totals = plan.totals();
    let mut deleted = BTreeSet::new();
    for item in &plan.items {
        let policy = usize::try_from(item.rule.policy).expect("a place in a list");
        assert!(plan.policies[policy].acts);
        assert_eq!(item.kept_by.is_empty(), item.what != What::Keep);
        if item.what == What::Delete {
            assert!(deleted.insert((&item.repository, item.digest)), "deleted once");
        }
    }
    assert_eq!(totals.deletions, deleted.len() as u64);
    assert!(totals.deletions <= totals.candidates);
}
