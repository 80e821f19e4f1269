//! What a walk leaves out.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::kernel::manifest::PackagePath;

/// Why a text is not a pattern.
#[derive(Debug, thiserror::Error)]
#[error("`{glob}` is no pattern: {reason}")]
pub struct Error {
    /// As given.
    glob: String,
    /// What is wrong with it.
    reason: String,
}

/// Patterns of paths to leave out. One without `/` is matched with each name, at any depth (`*.tmp`, `target`); one
/// with `/` with the path from the top of the package (`build/*.o`, `**/cache/*`). `*` and `?` do not match `/`. What
/// lies in a directory that is left out is left out too.
#[derive(Debug, Clone, Default)]
pub struct Exclude {
    names: GlobSet,
    paths: GlobSet,
}

impl Exclude {
    /// Of those patterns.
    ///
    /// # Errors
    /// With the first that is none.
    pub fn new<T: AsRef<str>>(globs: impl IntoIterator<Item = T>) -> Result<Self, Error> {
        let (mut names, mut paths) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for glob in globs {
            let text = glob.as_ref();
            let error =
                |reason: globset::Error| Error { glob: text.into(), reason: reason.kind().to_string() };
            let trimmed = text.trim_start_matches("./").trim_end_matches('/');
            let glob = GlobBuilder::new(trimmed.trim_start_matches('/'))
                .literal_separator(true)
                .build()
                .map_err(error)?;
            if trimmed.contains('/') {
                paths.add(glob)
            } else {
                names.add(glob)
            };
        }
        let build = |set: GlobSetBuilder| {
            set.build()
                .map_err(|reason| Error { glob: "the patterns together".into(), reason: reason.to_string() })
        };
        Ok(Self { names: build(names)?, paths: build(paths)? })
    }

    /// Whether this path itself is left out; a walk does not descend into what is.
    pub fn matches(&self, path: &PackagePath) -> bool {
        self.names.is_match(path.file_name()) || self.paths.is_match(path.as_str())
    }

    /// The same for a path that is no package path, so that a name that would be refused can be left out.
    pub(crate) fn matches_raw(&self, path: &std::path::Path) -> bool {
        path.file_name().is_some_and(|name| self.names.is_match(name)) || self.paths.is_match(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_without_slash_matches_names_and_one_with_slash_paths() {
        let cases: &[(&str, &str, bool)] = &[
            ("*.tmp", "a/b.tmp", true),
            ("*.tmp", "a.tmp/b", false),
            ("target", "x/target", true),
            ("target/", "target", true),
            ("a/*.o", "a/b.o", true),
            ("a/*.o", "a/b/c.o", false),
            ("a/**/*.o", "a/b/c.o", true),
            ("/a", "a", true),
            ("/a", "b/a", false),
            ("./a/b", "a/b", true),
            ("{x,y}", "d/y", true),
        ];
        for (glob, path, expected) in cases {
            let exclude = Exclude::new([glob]).unwrap();
            assert_eq!(exclude.matches(&path.parse().unwrap()), *expected, "{glob} {path}");
            assert_eq!(exclude.matches_raw(std::path::Path::new(path)), *expected, "{glob} {path}");
        }
        assert!(Exclude::new(["a[".to_owned()]).unwrap_err().to_string().contains("`a[`"));
    }
}
