//! What is said when a pin is set: checked where it enters, and completed from what was said before. Pure.
//!
//! - There is always a reason of its own. Source, revision and build that are not named stay as they were.
//! - A revision is whole: a short one may name another commit one day.
//! - A source is a URL without a password: statements are read by everyone who may read the repository.

use crate::kernel::statement::{self, Key, Statement};

/// Why it cannot be said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A value is not what a value may be.
    #[error(transparent)]
    Statement(#[from] statement::Error),
    /// A key that pins do not have.
    #[error("a pin has no {0}")]
    Key(Key),
    /// No reason.
    #[error("say why: `reason` is required")]
    NoReason,
    /// The revision is not whole.
    #[error("a revision is the full id in lowercase hex, 40 or 64 characters; this has {0}")]
    ShortRevision(usize),
    /// The revision is something else.
    #[error("a revision is the full id in lowercase hex, 40 or 64 characters")]
    NoRevision,
    /// The source is no URL.
    #[error("a source is an absolute URL, such as https://git.example/acme/app")]
    NoUrl,
    /// The source holds a secret.
    #[error("a source has no password or token in it: whoever may read the repository reads it")]
    Password,
}

/// What was said in one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said(Statement);

impl Said {
    /// Checked.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn new(values: impl IntoIterator<Item = (Key, String)>) -> Result<Self, Error> {
        let statement = match Statement::new(values) {
            Err(statement::Error::Empty) => return Err(Error::NoReason),
            other => other?,
        };
        if let Some(key) = [Key::Authority, Key::Matter].into_iter().find(|key| statement.get(*key).is_some())
        {
            return Err(Error::Key(key));
        }
        statement.reason().ok_or(Error::NoReason)?;
        statement.get(Key::Revision).map_or(Ok(()), check_revision)?;
        statement.get(Key::Source).map_or(Ok(()), check_source)?;
        Ok(Self(statement))
    }

    /// The whole of it, if that was said before.
    pub(super) fn after(&self, before: Option<&Statement>) -> Statement {
        let stays = |key: Key| Some((key, before?.get(key)?.to_owned()));
        let kept = [Key::Source, Key::Revision, Key::Build].into_iter().filter_map(stays);
        let named = self.0.values().map(|(key, value)| (key, value.to_owned()));
        Statement::new(kept.chain(named)).expect("of values that were checked, a reason among them")
    }

    /// Whether a statement has all of it.
    pub(super) fn is_in(&self, statement: &Statement) -> bool {
        self.0.values().all(|(key, value)| statement.get(key) == Some(value))
    }
}

fn check_revision(revision: &str) -> Result<(), Error> {
    if !revision.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(Error::NoRevision);
    }
    match revision.len() {
        40 | 64 => Ok(()),
        short => Err(Error::ShortRevision(short)),
    }
}

fn check_source(source: &str) -> Result<(), Error> {
    let (scheme, rest) = source.split_once("://").ok_or(Error::NoUrl)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+.-".contains(&b));
    if !is_scheme || (host.is_empty() && scheme != "file") || source.contains(char::is_whitespace) {
        return Err(Error::NoUrl);
    }
    match authority.rsplit_once('@') {
        // `ssh://git@host` names an account; anything else before the host is a secret.
        Some((user, _)) if user.contains(':') || scheme.starts_with("http") => Err(Error::Password),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA1: &str = "0123456789abcdef0123456789abcdef01234567";

    fn said(values: &[(Key, &str)]) -> Result<Said, Error> {
        Said::new(values.iter().map(|(key, value)| (*key, (*value).to_owned())))
    }

    #[test]
    fn there_is_a_reason_each_time() {
        assert_eq!(said(&[]), Err(Error::NoReason));
        assert_eq!(said(&[(Key::Revision, SHA1)]), Err(Error::NoReason));
        assert_eq!(said(&[(Key::Reason, "x"), (Key::Matter, "y")]), Err(Error::Key(Key::Matter)));
    }

    #[test]
    fn a_revision_that_is_short_is_refused() {
        let revision = |revision: &str| said(&[(Key::Reason, "x"), (Key::Revision, revision)]);
        assert_eq!(revision("0123abc"), Err(Error::ShortRevision(7)));
        assert_eq!(revision("main"), Err(Error::NoRevision));
        assert_eq!(revision(&SHA1.to_uppercase()), Err(Error::NoRevision));
        assert!(revision(SHA1).is_ok() && revision(&"a".repeat(64)).is_ok());
    }

    #[test]
    fn a_source_is_a_url_without_a_secret() {
        let source = |source: &str| said(&[(Key::Reason, "x"), (Key::Source, source)]);
        for good in ["https://git.example/a/b", "ssh://git@git.example/a", "git+ssh://h/a", "file:///srv/git"]
        {
            assert!(source(good).is_ok(), "{good}");
        }
        for bad in ["git.example/a", "https://", "https:///a", "HTTPS://x/a", "https://a b/c", "://x"] {
            assert_eq!(source(bad), Err(Error::NoUrl), "{bad}");
        }
        for bad in ["https://u:p@git.example/a", "https://ghp_token@git.example/a", "ssh://git:p@h/a"] {
            assert_eq!(source(bad), Err(Error::Password), "{bad}");
        }
    }

    #[test]
    fn what_is_not_named_stays_and_the_reason_never_does() {
        let first = said(&[(Key::Reason, "first"), (Key::Source, "https://a/b"), (Key::Revision, SHA1)]);
        let first = first.unwrap().after(None);
        for (key, value) in
            [(Key::Build, "run 7"), (Key::Source, "https://a/c"), (Key::Revision, &"b".repeat(64))]
        {
            let after = said(&[(Key::Reason, "second"), (key, value)]).unwrap().after(Some(&first));
            for other in [Key::Source, Key::Revision, Key::Build] {
                let expected = if other == key { Some(value) } else { first.get(other) };
                assert_eq!(after.get(other), expected, "{key} names {other}");
            }
            assert_eq!(after.reason(), Some("second"));
        }
    }
}
