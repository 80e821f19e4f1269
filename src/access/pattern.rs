//! Patterns: which repositories a scope is about.
//!
//! Three forms, so that "covers" between two patterns is exact and a database can answer them with a prefix:
//! `acme/reports` that one, `acme/*` all below `acme/` at any depth (not `acme` itself), `*` all.

use std::fmt;
use std::str::FromStr;

use super::{Error, excerpt};
use crate::kernel::id::RepositoryName;

/// One or many repositories.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pattern {
    /// Every repository.
    All,
    /// Every repository whose name goes on after this one and a slash.
    Below(RepositoryName),
    /// That repository.
    Exactly(RepositoryName),
}

impl Pattern {
    /// Whether it is about that repository.
    pub fn matches(&self, repository: &RepositoryName) -> bool {
        match self {
            Self::All => true,
            Self::Below(prefix) => is_below(repository, prefix),
            Self::Exactly(name) => name == repository,
        }
    }

    /// Whether it is about every repository that the other is about.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (_, Self::All) | (Self::Exactly(_), Self::Below(_)) => false,
            (Self::Below(mine), Self::Below(theirs)) => mine == theirs || is_below(theirs, mine),
            (_, Self::Exactly(name)) => self.matches(name),
        }
    }
}

fn is_below(name: &RepositoryName, prefix: &RepositoryName) -> bool {
    name.as_str().strip_prefix(prefix.as_str()).is_some_and(|rest| rest.starts_with('/'))
}

impl FromStr for Pattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = |reason| Error::Pattern { pattern: excerpt(text), reason };
        if text == "*" {
            Ok(Self::All)
        } else if let Some(prefix) = text.strip_suffix("/*") {
            prefix.parse().map(Self::Below).map_err(refused)
        } else {
            text.parse().map(Self::Exactly).map_err(refused)
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Below(prefix) => write!(f, "{prefix}/*"),
            Self::Exactly(name) => name.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_pattern_matches_whole_components_only() {
        let rows = [
            ("*", "acme/reports", true),
            ("acme/*", "acme/reports", true),
            ("acme/*", "acme/reports/2026", true),
            ("acme/*", "acme", false),
            ("acme/*", "acmecorp/reports", false),
            ("acme/reports", "acme/reports", true),
            ("acme/reports", "acme/reports/2026", false),
        ];
        for (text, name, expected) in rows {
            assert_eq!(pattern(text).matches(&name.parse().unwrap()), expected, "{text} {name}");
        }
    }

    #[test]
    fn a_pattern_covers_only_what_it_matches_whole() {
        let rows = [
            ("*", "*", true),
            ("acme/*", "*", false),
            ("*", "acme/*", true),
            ("acme/*", "acme/*", true),
            ("acme/*", "acme/eu/*", true),
            ("acme/eu/*", "acme/*", false),
            ("acme/*", "acmecorp/*", false),
            ("acme/*", "acme/reports", true),
            ("acme/reports", "acme/reports/*", false),
            ("acme/reports", "acme/reports", true),
        ];
        for (wide, narrow, expected) in rows {
            assert_eq!(pattern(wide).covers(&pattern(narrow)), expected, "{wide} {narrow}");
        }
    }

    #[test]
    fn other_wildcards_are_refused() {
        for text in ["", "/*", "acme*", "*/reports", "acme/*/x", "a?me", "../*", "Acme/*", "**"] {
            assert!(matches!(text.parse::<Pattern>(), Err(Error::Pattern { .. })), "{text}");
        }
    }
}
