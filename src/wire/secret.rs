//! Texts that open something.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An API token's secret, a grant or a receipt: written where it has to go, and nowhere by `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Of this text.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for the one place that has to send or print it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown_by_debug() {
        assert_eq!(format!("{:?}", Secret::new("srt_abc".into())), "[secret]");
    }
}
