//! Identifiers of what governs how long packages are kept.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Error, RepositoryName, StreamName};
use crate::kernel::limits::TAG_MAX_BYTES;

text_id!(
    /// A claim on a manifest, such as `prod`. Written as a tag is, and never confused with one: it stands behind `#`.
    PinName,
    "a pin",
    TAG_MAX_BYTES,
    "with letters, digits, `_`, `.` and `-`, and does not start with `.` or `-`",
    |text| !text.starts_with(['.', '-']) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
);

impl StreamName {
    /// Of a pin in a repository.
    pub fn pin(repository: &RepositoryName, pin: &PinName) -> Self {
        Self(format!("pin/{repository}#{pin}"))
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
