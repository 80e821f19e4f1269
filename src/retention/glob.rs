//! Globs: `*` is any run of characters, also none and also over `/`; `?` is any one. So `acme/*` is everything below
//! `acme/` at any depth, as in scopes. Nothing else is special, and a character that no name can have is refused.
//!
//! The grammar is this small because what a hold or a policy of years ago selects must not depend on the version of
//! anything.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use crate::kernel::id::{RepositoryName, Tag};
use crate::kernel::limits::GLOB_MAX_BYTES;

/// Why a text is no such glob.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a glob of {what} has 1 to {GLOB_MAX_BYTES} of the characters that {what} have, and `*` or `?` for any others"
)]
pub struct Error {
    what: &'static str,
}

/// What globs are about.
pub trait Named {
    /// In the plural.
    const WHAT: &'static str;

    /// Whether such a name may have that character.
    fn may_have(character: u8) -> bool;

    /// The name.
    fn name(&self) -> &str;
}

impl Named for RepositoryName {
    const WHAT: &'static str = "repositories";

    fn may_have(character: u8) -> bool {
        character.is_ascii_lowercase() || character.is_ascii_digit() || b"._-/".contains(&character)
    }

    fn name(&self) -> &str {
        self.as_str()
    }
}

impl Named for Tag {
    const WHAT: &'static str = "tags";

    fn may_have(character: u8) -> bool {
        character.is_ascii_alphanumeric() || b"_.-".contains(&character)
    }

    fn name(&self) -> &str {
        self.as_str()
    }
}

/// A glob of such names.
pub struct Glob<T> {
    text: String,
    of: PhantomData<fn(&T)>,
}

/// Of repositories.
pub type RepositoryGlob = Glob<RepositoryName>;

/// Of tags.
pub type TagGlob = Glob<Tag>;

impl<T: Named> Glob<T> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the name is one of those.
    pub fn matches(&self, name: &T) -> bool {
        matches(self.text.as_bytes(), name.name().as_bytes())
    }
}

/// Greedy with one way back, to the last `*`: at most the product of both lengths.
fn matches(glob: &[u8], name: &[u8]) -> bool {
    let (mut g, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match glob.get(g) {
            Some(b'*') => {
                star = Some((g, n));
                g += 1;
            }
            Some(character) if *character == b'?' || *character == name[n] => {
                g += 1;
                n += 1;
            }
            _ => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                g = at + 1;
                n = from + 1;
            }
        }
    }
    glob[g..].iter().all(|character| *character == b'*')
}

impl<T: Named> FromStr for Glob<T> {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let fits = (1..=GLOB_MAX_BYTES).contains(&text.len());
        if fits && text.bytes().all(|b| b == b'*' || b == b'?' || T::may_have(b)) {
            Ok(Self { text: text.to_owned(), of: PhantomData })
        } else {
            Err(Error { what: T::WHAT })
        }
    }
}

impl<T> Clone for Glob<T> {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), of: PhantomData }
    }
}

impl<T> PartialEq for Glob<T> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<T> Eq for Glob<T> {}

impl<T> PartialOrd for Glob<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Glob<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl<T> fmt::Display for Glob<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<T> fmt::Debug for Glob<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_star_is_any_run_and_a_question_mark_one_character() {
        let rows = [
            ("*", "acme/reports", true),
            ("acme/*", "acme/reports", true),
            ("acme/*", "acme/reports/2026", true),
            ("acme/*", "acme", false),
            ("acme/*", "acmecorp/reports", false),
            ("acme/reports", "acme/reports", true),
            ("acme/reports", "acme/report", false),
            ("*/logs", "acme/eu/logs", true),
            ("*/logs", "logs", false),
            ("a?me/*", "acme/x", true),
            ("a?me/*", "ame/x", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("**", "a", true),
        ];
        for (glob, name, expected) in rows {
            let glob: RepositoryGlob = glob.parse().unwrap();
            assert_eq!(glob.matches(&name.parse().unwrap()), expected, "{glob} {name}");
        }
    }

    #[test]
    fn what_no_name_can_have_is_refused() {
        for bad in ["", "Acme/*", "acme/[a-z]", "{a,b}", "a b", "ä", &"a".repeat(256)] {
            assert!(bad.parse::<RepositoryGlob>().is_err(), "{bad}");
        }
        for bad in ["", "v1/x", "v:1", "v 1"] {
            assert!(bad.parse::<TagGlob>().is_err(), "{bad}");
        }
        assert!("V1.*".parse::<TagGlob>().is_ok());
    }

    proptest! {
        #[test]
        fn a_glob_matches_as_the_regular_expression_of_it_does(glob in "[ab*?]{1,8}", name in "[ab]{1,10}") {
            let pattern = globset::GlobBuilder::new(&glob).literal_separator(false).build().unwrap();
            let matcher = pattern.compile_matcher();
            prop_assert_eq!(matches(glob.as_bytes(), name.as_bytes()), matcher.is_match(&name));
        }
    }
}
