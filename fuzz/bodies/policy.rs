//! Invariants of policies, for any bytes and any text:
//! - what decodes encodes to the same bytes;
//! - what is written in TOML or JSON is refused with a place in it, or is a policy whose document is read back;
//! - a policy is shown as it may be written;
//! - every rule that deletes has a condition.

use strongroom::retention::draft::{self, Draft};
use strongroom::retention::policy::Action;
use strongroom::retention::{Policy, Selector};

pub(crate) fn check(data: &[u8]) {
    if let Ok(policy) = Policy::decode(data) {
        assert_eq!(policy.encode(), data, "what decodes is its own encoding");
        holds(&policy);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    for read in [draft::toml(text), draft::json(text)] {
        match read {
            Ok(draft) => written(&draft),
            Err(error) => {
                assert!(error.line >= 1 && error.column >= 1);
                assert!(error.line <= text.split('\n').count() + 1, "{error}");
            }
        }
    }
}

fn written(draft: &Draft) {
    let policy = draft.clone().merge(None);
    holds(&policy);
    assert_eq!(Policy::decode(&policy.encode()), Ok(policy.clone()));
    assert_eq!(draft.clone().merge(Some(&policy)), policy, "the same again changes nothing");
}

fn holds(policy: &Policy) {
    let empty = Selector::default();
    assert!(policy.rules.iter().all(|rule| rule.action != Action::Delete || rule.select != empty));
    let shown = draft::json(&draft::draw(policy).to_string());
    // A moment of which no calendar knows is shown as the last one.
    if let Ok(shown) = shown {
        assert_eq!(shown.merge(None).rules.len(), policy.rules.len());
    }
}
