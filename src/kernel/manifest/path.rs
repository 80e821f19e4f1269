//! Paths inside a package.
//!
//! - Relative, with `/` between components; neither first, last nor doubled.
//! - No component is `.` or `..`; none has a backslash, a NUL or another control character.
//! - A component has at most 255 bytes, a path 4,096: what can be packed can be unpacked.
//! - Compared as bytes: neither case nor Unicode form is folded. Two paths that only some filesystem takes for one
//!   are two paths here, and that is for whoever unpacks to notice.
//!
//! The order of paths is that of a walk through the tree: what lies in a directory follows it before anything else.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::kernel::limits::{PACKAGE_PATH_COMPONENT_MAX_BYTES, PACKAGE_PATH_MAX_BYTES};

/// Why a text is not a path in a package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Empty, or longer than the bound.
    #[error("a path has 1 to {PACKAGE_PATH_MAX_BYTES} bytes, this has {0}")]
    Length(usize),
    /// It starts at the root of some filesystem.
    #[error("a path in a package is relative, this is absolute")]
    Absolute,
    /// Two slashes side by side, or one at the end.
    #[error("a path has no empty component")]
    EmptyComponent,
    /// `.` or `..`.
    #[error("a path has no component `{0}`")]
    Dots(&'static str),
    /// A component is longer than filesystems take.
    #[error("a component of a path has at most {PACKAGE_PATH_COMPONENT_MAX_BYTES} bytes, this has {0}")]
    ComponentLength(usize),
    /// A backslash, which some systems take for a separator.
    #[error("a path has no backslash")]
    Backslash,
    /// A control character, NUL among them.
    #[error("a path has no control character, this has {0:?}")]
    Control(char),
}

/// Where a file lies in its package.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PackagePath(String);

impl PackagePath {
    /// The text, with `/` between components.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names along the path.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// The last component.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().expect("a path has a component")
    }

    /// How many directories of the package it lies in.
    pub fn depth(&self) -> usize {
        self.0.bytes().filter(|b| *b == b'/').count()
    }

    /// Whether `other` lies somewhere beneath this, were this a directory.
    pub fn contains(&self, other: &Self) -> bool {
        other.0.strip_prefix(&self.0).is_some_and(|rest| rest.starts_with('/'))
    }
}

impl FromStr for PackagePath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.is_empty() || text.len() > PACKAGE_PATH_MAX_BYTES {
            return Err(Error::Length(text.len()));
        }
        if text.starts_with('/') {
            return Err(Error::Absolute);
        }
        check_characters(text)?;
        for component in text.split('/') {
            match component {
                "" => return Err(Error::EmptyComponent),
                "." => return Err(Error::Dots(".")),
                ".." => return Err(Error::Dots("..")),
                _ => check_component(component)?,
            }
        }
        Ok(Self(text.to_owned()))
    }
}

/// What neither a path nor a link's target may hold.
pub(super) fn check_characters(text: &str) -> Result<(), Error> {
    match text.chars().find(|c| *c == '\\' || c.is_control()) {
        Some('\\') => Err(Error::Backslash),
        Some(control) => Err(Error::Control(control)),
        None => Ok(()),
    }
}

/// What one name may not be longer than.
pub(super) fn check_component(component: &str) -> Result<(), Error> {
    if component.len() > PACKAGE_PATH_COMPONENT_MAX_BYTES {
        return Err(Error::ComponentLength(component.len()));
    }
    Ok(())
}

impl PartialOrd for PackagePath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PackagePath {
    /// Bytewise with `/` before every other byte, so that nothing stands between a directory and what it contains.
    fn cmp(&self, other: &Self) -> Ordering {
        let rank = |b: u8| if b == b'/' { 0 } else { b };
        self.0.bytes().map(rank).cmp(other.0.bytes().map(rank))
    }
}

impl fmt::Display for PackagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PackagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_people_give_files_are_paths() {
        let component = "c".repeat(255);
        let long = vec![component.as_str(); 15].join("/");
        for good in [
            "a",
            "a/b",
            ".git/HEAD",
            "...",
            "..a",
            "a..",
            "a b",
            "Übergabe.pdf",
            "日本/語",
            "a:b",
            "~",
            &long,
        ] {
            assert_eq!(good.parse::<PackagePath>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn every_way_out_of_the_package_is_refused() {
        let cases = [
            ("", Error::Length(0)),
            ("/etc/passwd", Error::Absolute),
            ("//a", Error::Absolute),
            ("..", Error::Dots("..")),
            ("../a", Error::Dots("..")),
            ("a/../b", Error::Dots("..")),
            ("a/..", Error::Dots("..")),
            (".", Error::Dots(".")),
            ("./a", Error::Dots(".")),
            ("a/./b", Error::Dots(".")),
            ("a//b", Error::EmptyComponent),
            ("a/", Error::EmptyComponent),
            ("a\\b", Error::Backslash),
            ("..\\a", Error::Backslash),
            ("C:\\a", Error::Backslash),
            ("a\0b", Error::Control('\0')),
            ("a\nb", Error::Control('\n')),
            ("a\u{7f}", Error::Control('\u{7f}')),
            ("a\u{9b}", Error::Control('\u{9b}')),
            (&"c".repeat(256), Error::ComponentLength(256)),
            (&"a/".repeat(2_049), Error::Length(4_098)),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<PackagePath>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn what_a_directory_contains_follows_it_at_once() {
        let mut paths = ["a-b", "a/c", "a", "a.b", "a/b/c", "ab"].map(|p| p.parse::<PackagePath>().unwrap());
        paths.sort();
        assert_eq!(paths.map(|p| p.to_string()), ["a", "a/b/c", "a/c", "a-b", "a.b", "ab"]);
    }

    proptest! {
        #[test]
        fn a_path_stays_under_any_directory_it_is_joined_to(text in "(\\.|\\.\\.|/|a|\\\\|\0){0,12}") {
            if let Ok(path) = text.parse::<PackagePath>() {
                let joined = std::path::Path::new("/root").join(path.as_str());
                prop_assert!(joined.starts_with("/root"));
                prop_assert!(joined.components().all(|c| c != std::path::Component::ParentDir));
                prop_assert_eq!(path.as_str(), text);
            }
        }
    }
}
