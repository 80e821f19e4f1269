//! Targets of symbolic links in a package.
//!
//! A target is kept as the text that it is on disk. It is relative, and `..` stands at its beginning only, at most as
//! often as the link lies deep. That is enough to keep every link inside, also through other links: no entry lies
//! beneath a link, so the directories that those `..` leave are real ones, and after the first name nothing goes up
//! again. A target may name nothing, and links may form a loop: both lead nowhere, and so not outside.
//!
//! Refused: absolute targets, `..` after a name, backslashes, control characters, names and texts over the bounds.

use std::fmt;
use std::str::FromStr;

use super::path::{self, PackagePath, check_characters, check_component};
use crate::kernel::limits::PACKAGE_PATH_MAX_BYTES;

/// Why a text is not the target of a link in a package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A name or character in it is none for a path either.
    #[error(transparent)]
    Path(#[from] path::Error),
    /// `..` after a name: through another link it could lead anywhere.
    #[error("`..` stands only at the beginning of a link's target")]
    UpAfterName,
}

/// What a symbolic link says.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkTarget(String);

impl LinkTarget {
    /// The text as it is on disk.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it leads nowhere outside of the package from a link at that path.
    pub fn stays_inside(&self, link: &PackagePath) -> bool {
        self.0.split('/').filter(|name| *name == "..").count() <= link.depth()
    }
}

impl FromStr for LinkTarget {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.is_empty() || text.len() > PACKAGE_PATH_MAX_BYTES {
            return Err(path::Error::Length(text.len()).into());
        }
        if text.starts_with('/') {
            return Err(path::Error::Absolute.into());
        }
        check_characters(text)?;
        let mut named = false;
        for name in text.split('/') {
            match name {
                // Both stay where they are.
                "" | "." => {}
                ".." if named => return Err(Error::UpAfterName),
                ".." => {}
                _ => {
                    check_component(name)?;
                    named = true;
                }
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for LinkTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for LinkTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_goes_up_no_further_than_its_link_lies_deep() {
        let cases = [
            ("a", "b", true),
            ("a", "./b/", true),
            ("a", ".", true),
            ("a", "..", false),
            ("a", "../b", false),
            ("d/a", "../b", true),
            ("d/a", "..", true),
            ("d/a", "../..", false),
            ("d/e/a", ".././../b/c", true),
            ("d/e/a", "../../../b", false),
        ];
        for (link, target, inside) in cases {
            let target: LinkTarget = target.parse().unwrap();
            assert_eq!(target.stays_inside(&link.parse().unwrap()), inside, "{link} -> {target}");
        }
    }

    #[test]
    fn targets_that_could_lead_outside_are_refused() {
        let cases = [
            ("", Error::Path(path::Error::Length(0))),
            ("/", Error::Path(path::Error::Absolute)),
            ("/etc/passwd", Error::Path(path::Error::Absolute)),
            ("a/../b", Error::UpAfterName),
            ("../a/..", Error::UpAfterName),
            ("a\0", Error::Path(path::Error::Control('\0'))),
            ("..\\a", Error::Path(path::Error::Backslash)),
            (&"n".repeat(256), Error::Path(path::Error::ComponentLength(256))),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<LinkTarget>(), Err(error), "{text:?}");
        }
    }
}
