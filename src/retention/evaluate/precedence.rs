//! The table of precedence: for each pair of its classes a package that is in both, and which decides.

use super::tests::{package, policy};
use super::*;
use crate::kernel::digest::Digests;

const NOW_MS: u64 = 1_000_000;

/// The classes, first one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Hold,
    ComplianceLock,
    GovernanceLock,
    Pin,
    LiveReference,
    KeepRule,
    DeleteRule,
    Default,
}

/// The class of what decided.
fn class(outcome: &Outcome<'_>) -> Class {
    match outcome {
        Outcome::KeptBy(blocker) => class_of(blocker),
        Outcome::DeletedBy(_) => Class::DeleteRule,
        Outcome::KeptByDefault => Class::Default,
    }
}

fn class_of(blocker: &Blocker) -> Class {
    match blocker {
        Blocker::Hold(_) => Class::Hold,
        Blocker::Lock { mode: LockMode::Compliance, .. } => Class::ComplianceLock,
        Blocker::Lock { mode: LockMode::Governance, .. } => Class::GovernanceLock,
        Blocker::Pin(_) => Class::Pin,
        Blocker::Listed(_) | Blocker::Subject(_) => Class::LiveReference,
        Blocker::Keep(_) => Class::KeepRule,
    }
}

/// A package that is in those classes, and the policies that put it there.
fn decided(classes: &[Class]) -> Decision {
    let mut one = package("one");
    let mut rules = String::new();
    for class in classes {
        match class {
            Class::Hold => one.holds.push("matter".into()),
            Class::ComplianceLock => one.compliance_until_ms = Some(NOW_MS + 1),
            Class::GovernanceLock => one.governance_until_ms = Some(NOW_MS + 1),
            Class::Pin => one.pins.push("prod".into()),
            Class::LiveReference => one.listed_by.push(Digests::of(b"an index elsewhere").blake3),
            Class::KeepRule => rules += "[[rules]]\nname = 'k'\nselect = { tag = '*' }\naction = 'keep'\n",
            Class::DeleteRule => {
                rules += "[[rules]]\nname = 'd'\nselect = { tag = '*' }\naction = 'delete'\n"
            }
            Class::Default => {}
        }
    }
    let policies = if rules.is_empty() { vec![] } else { vec![policy("p", &rules)] };
    evaluate(&policies, &[one], NOW_MS).remove(0)
}

fn first_decides(first: Class, second: Class) {
    assert!(first < second);
    // Whether anything could be deleted at all changes nothing of who decides among what is in the way.
    for beside in [None, Some(Class::DeleteRule).filter(|delete| second < *delete)] {
        let classes: Vec<Class> = [first, second].into_iter().chain(beside).collect();
        let decision = decided(&classes);
        assert_eq!(class(&decision.outcome()), first, "{classes:?}");
        let blockers: Vec<Class> = decision.blockers.iter().map(class_of).collect();
        let expected: Vec<Class> =
            [first, second].into_iter().filter(|class| *class < Class::DeleteRule).collect();
        assert_eq!(blockers, expected, "all that is in the way is named, in order");
        assert_eq!(decision.place.is_some(), first == Class::DeleteRule, "{classes:?}");
    }
}

macro_rules! pairs {
    ($($test:ident: $first:ident, $second:ident;)*) => {
        $(
            #[test]
            fn $test() {
                first_decides(Class::$first, Class::$second);
            }
        )*

        #[test]
        fn every_pair_is_in_the_table() {
            let pairs = [$((Class::$first, Class::$second)),*];
            let distinct: std::collections::BTreeSet<_> = pairs.iter().collect();
            assert_eq!((pairs.len(), distinct.len()), (8 * 7 / 2, 8 * 7 / 2));
        }
    };
}

pairs! {
    a_hold_is_before_a_compliance_lock: Hold, ComplianceLock;
    a_hold_is_before_a_governance_lock: Hold, GovernanceLock;
    a_hold_is_before_a_pin: Hold, Pin;
    a_hold_is_before_a_live_reference: Hold, LiveReference;
    a_hold_is_before_a_keep_rule: Hold, KeepRule;
    a_hold_is_before_a_delete_rule: Hold, DeleteRule;
    a_hold_is_before_the_default: Hold, Default;
    a_compliance_lock_is_before_a_governance_lock: ComplianceLock, GovernanceLock;
    a_compliance_lock_is_before_a_pin: ComplianceLock, Pin;
    a_compliance_lock_is_before_a_live_reference: ComplianceLock, LiveReference;
    a_compliance_lock_is_before_a_keep_rule: ComplianceLock, KeepRule;
    a_compliance_lock_is_before_a_delete_rule: ComplianceLock, DeleteRule;
    a_compliance_lock_is_before_the_default: ComplianceLock, Default;
    a_governance_lock_is_before_a_pin: GovernanceLock, Pin;
    a_governance_lock_is_before_a_live_reference: GovernanceLock, LiveReference;
    a_governance_lock_is_before_a_keep_rule: GovernanceLock, KeepRule;
    a_governance_lock_is_before_a_delete_rule: GovernanceLock, DeleteRule;
    a_governance_lock_is_before_the_default: GovernanceLock, Default;
    a_pin_is_before_a_live_reference: Pin, LiveReference;
    a_pin_is_before_a_keep_rule: Pin, KeepRule;
    a_pin_is_before_a_delete_rule: Pin, DeleteRule;
    a_pin_is_before_the_default: Pin, Default;
    a_live_reference_is_before_a_keep_rule: LiveReference, KeepRule;
    a_live_reference_is_before_a_delete_rule: LiveReference, DeleteRule;
    a_live_reference_is_before_the_default: LiveReference, Default;
    a_keep_rule_is_before_a_delete_rule: KeepRule, DeleteRule;
    a_keep_rule_is_before_the_default: KeepRule, Default;
    a_delete_rule_is_before_the_default: DeleteRule, Default;
}
