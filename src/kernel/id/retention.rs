//! Identifiers of what governs how long packages are kept.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Error, RepositoryName, RetrievalId, StreamName, is_label};
use crate::kernel::digest::Blake3;
use crate::kernel::limits::{POLICY_NAME_MAX_BYTES, TAG_MAX_BYTES};

text_id!(
    /// A claim on a manifest, such as `prod`. Written as a tag is, and never confused with one: it stands behind `#`.
    PinName,
    "a pin",
    TAG_MAX_BYTES,
    "with letters, digits, `_`, `.` and `-`, and does not start with `.` or `-`",
    |text| !text.starts_with(['.', '-']) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
);

text_id!(
    /// A hold, such as `audit-2026`. Written as a tag is.
    HoldName,
    "a hold name",
    TAG_MAX_BYTES,
    "with letters, digits, `_`, `.` and `-`, and does not start with `.` or `-`",
    |text| !text.starts_with(['.', '-']) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
);

text_id!(
    /// A retention policy.
    PolicyName,
    "a policy name",
    POLICY_NAME_MAX_BYTES,
    "with lowercase letters, digits and `-`",
    is_label
);

text_id!(
    /// A rule of a retention policy.
    RuleName,
    "a rule name",
    POLICY_NAME_MAX_BYTES,
    "with lowercase letters, digits and `-`",
    is_label
);

impl StreamName {
    /// Of a pin in a repository.
    pub fn pin(repository: &RepositoryName, pin: &PinName) -> Self {
        Self(format!("pin/{repository}#{pin}"))
    }

    /// Of a hold.
    pub fn hold(hold: &HoldName) -> Self {
        Self(format!("hold/{hold}"))
    }

    /// Of a plan, by its digest.
    pub fn plan(plan: Blake3) -> Self {
        Self(format!("plan/{}", plan.hex()))
    }

    /// Of a document beside the log, by its primary address.
    pub fn document(document: Blake3) -> Self {
        Self(format!("document/{document}"))
    }

    /// Of a retrieval.
    pub fn retrieval(retrieval: RetrievalId) -> Self {
        Self(format!("retrieval/{retrieval}"))
    }

    /// Of a retention policy.
    pub fn policy(policy: &PolicyName) -> Self {
        Self(format!("policy/{policy}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_written_as_a_tag_is() {
        for good in ["prod", "v1.0_rc-1", "_", &"a".repeat(128)] {
            assert_eq!(good.parse::<PinName>().unwrap().to_string(), good);
        }
        for bad in ["", ".x", "-x", "a/b", "a#b", "a b", &"a".repeat(129)] {
            assert!(bad.parse::<PinName>().is_err(), "{bad}");
        }
        let (repository, pin) = ("acme/app".parse().unwrap(), "prod".parse().unwrap());
        assert_eq!(StreamName::pin(&repository, &pin).as_str(), "pin/acme/app#prod");
    }
}
