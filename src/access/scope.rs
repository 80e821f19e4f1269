//! Scopes: what a token may do, in the grammar of registry tokens.
//!
//! ```text
//! scopes     = scope *( " " scope )
//! scope      = "repository:" pattern ":" rights       rights: pull push delete
//!            / "log:read"
//!            / "retention:" rights                    rights: plan apply approve hold lock bypass erase
//!            / "node:" name                           speaks for that node of the data plane
//!            / "admin"
//! pattern    = name / name "/*" / "*"
//! rights     = right *( "," right )
//! ```
//! Source: distribution/distribution, "Token Scope Documentation" (`resourcetype:resourcename:actions`).
//! Printed in one form: patterns in order, rights in the order above, nothing twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use super::{Action, Error, Pattern, RepositoryRight, RetentionRight, excerpt};
use crate::kernel::id::NodeName;
use crate::kernel::limits::TOKEN_SCOPES_MAX;

/// A set of rights. The default is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes {
    repositories: BTreeMap<Pattern, BTreeSet<RepositoryRight>>,
    retention: BTreeSet<RetentionRight>,
    nodes: BTreeSet<NodeName>,
    log_read: bool,
    admin: bool,
}

impl Scopes {
    /// Reads scopes as a token's event or a request lists them, one or more in each text.
    ///
    /// # Errors
    /// With the first text that is no scope, or if there are too many.
    pub fn parse<S: AsRef<str>>(texts: impl IntoIterator<Item = S>) -> Result<Self, Error> {
        let mut scopes = Self::default();
        let mut found = 0;
        for text in texts {
            for scope in text.as_ref().split_ascii_whitespace() {
                found += 1;
                if found > TOKEN_SCOPES_MAX {
                    return Err(Error::TooMany { found, max: TOKEN_SCOPES_MAX });
                }
                scopes.add(scope)?;
            }
        }
        Ok(scopes)
    }

    fn add(&mut self, scope: &str) -> Result<(), Error> {
        let unknown = || Error::Scope(excerpt(scope));
        match scope.split_once(':') {
            None if scope == "admin" => self.admin = true,
            Some(("log", "read")) => self.log_read = true,
            Some(("log", right)) => return Err(no_right(right, "the log", ["read"])),
            Some(("node", name)) => {
                self.nodes.insert(name.parse().map_err(|_| unknown())?);
            }
            Some(("retention", rights)) => {
                let known = RetentionRight::ALL.iter().map(|right| right.name());
                for right in rights.split(',') {
                    let found = RetentionRight::ALL.iter().find(|known| known.name() == right);
                    self.retention.insert(*found.ok_or_else(|| no_right(right, "retention", known.clone()))?);
                }
            }
            Some(("repository", rest)) => {
                let (pattern, rights) = rest.rsplit_once(':').ok_or_else(unknown)?;
                let granted = self.repositories.entry(pattern.parse()?).or_default();
                let known = RepositoryRight::ALL.iter().map(|right| right.name());
                for right in rights.split(',') {
                    let found = RepositoryRight::ALL.iter().find(|known| known.name() == right);
                    granted.insert(*found.ok_or_else(|| no_right(right, "a repository", known.clone()))?);
                }
            }
            _ => return Err(unknown()),
        }
        Ok(())
    }

    /// With rights on repositories.
    #[must_use]
    pub fn with_repository(mut self, on: Pattern, rights: &[RepositoryRight]) -> Self {
        self.repositories.entry(on).or_default().extend(rights);
        self
    }

    /// With rights on retention.
    #[must_use]
    pub fn with_retention(mut self, rights: &[RetentionRight]) -> Self {
        self.retention.extend(rights);
        self
    }

    /// With the right to read the whole log.
    #[must_use]
    pub fn with_log_read(mut self) -> Self {
        self.log_read = true;
        self
    }

    /// With the right to speak for a node.
    #[must_use]
    pub fn with_node(mut self, node: NodeName) -> Self {
        self.nodes.insert(node);
        self
    }

    /// With the right to administer.
    #[must_use]
    pub fn with_admin(mut self) -> Self {
        self.admin = true;
        self
    }

    /// What either may do.
    #[must_use]
    pub fn union(mut self, other: Self) -> Self {
        for (pattern, rights) in other.repositories {
            self.repositories.entry(pattern).or_default().extend(rights);
        }
        self.retention.extend(other.retention);
        self.nodes.extend(other.nodes);
        self.log_read |= other.log_read;
        self.admin |= other.admin;
        self
    }

    /// Whether nothing is allowed at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it is allowed.
    pub fn allows(&self, action: Action<'_>) -> bool {
        match action {
            Action::Repository(right, repository) => self
                .repositories
                .iter()
                .any(|(pattern, rights)| pattern.matches(repository) && rights.contains(&right)),
            Action::LogRead => self.log_read,
            Action::Retention(right) => self.retention.contains(&right),
            // Whoever administers may record any key, so this gives nothing more.
            Action::Node(node) => self.admin || self.nodes.contains(node),
            Action::Deliver => self.admin || !self.nodes.is_empty(),
            Action::Administer => self.admin,
        }
    }

    /// The repositories on which that is allowed.
    pub fn patterns(&self, right: RepositoryRight) -> impl Iterator<Item = &Pattern> {
        self.repositories
            .iter()
            .filter(move |(_, rights)| rights.contains(&right))
            .map(|(pattern, _)| pattern)
    }

    /// Of what the other may do, that which this may not: empty if it covers all of it.
    #[must_use]
    pub fn lacking(&self, other: &Self) -> Self {
        let mut lacking = Self {
            retention: other.retention.difference(&self.retention).copied().collect(),
            nodes: match self.admin {
                true => BTreeSet::new(),
                false => other.nodes.difference(&self.nodes).cloned().collect(),
            },
            log_read: other.log_read && !self.log_read,
            admin: other.admin && !self.admin,
            ..Self::default()
        };
        for (pattern, rights) in &other.repositories {
            for right in rights {
                if !self.patterns(*right).any(|mine| mine.covers(pattern)) {
                    lacking.repositories.entry(pattern.clone()).or_default().insert(*right);
                }
            }
        }
        lacking
    }

    /// One text a scope, as events list them.
    pub fn to_texts(&self) -> Vec<String> {
        let names = |rights: Vec<&str>| rights.join(",");
        let mut texts: Vec<String> = self
            .repositories
            .iter()
            .map(|(on, rights)| {
                format!("repository:{on}:{}", names(rights.iter().map(|right| right.name()).collect()))
            })
            .collect();
        if self.log_read {
            texts.push("log:read".into());
        }
        if !self.retention.is_empty() {
            let rights = names(self.retention.iter().map(|right| right.name()).collect());
            texts.push(format!("retention:{rights}"));
        }
        texts.extend(self.nodes.iter().map(|node| format!("node:{node}")));
        if self.admin {
            texts.push("admin".into());
        }
        texts
    }
}

fn no_right<'a>(right: &str, on: &'static str, known: impl IntoIterator<Item = &'a str>) -> Error {
    let known: Vec<&str> = known.into_iter().collect();
    Error::Right { right: excerpt(right), on, known: known.join(", ") }
}

impl FromStr for Scopes {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse([text])
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_texts().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::id::RepositoryName;
    use proptest::prelude::*;

    fn scopes(text: &str) -> Scopes {
        text.parse().unwrap()
    }

    #[test]
    fn scopes_print_in_one_form() {
        let rows = [
            ("", ""),
            ("admin log:read", "log:read admin"),
            ("repository:acme/*:delete,pull,push", "repository:acme/*:pull,push,delete"),
            ("repository:a:pull repository:a:push,pull", "repository:a:pull,push"),
            ("retention:bypass,plan", "retention:plan,bypass"),
            ("admin node:d2 node:d1 node:d2", "node:d1 node:d2 admin"),
        ];
        for (written, printed) in rows {
            assert_eq!(scopes(written).to_string(), printed);
            assert_eq!(Scopes::parse(scopes(written).to_texts()).unwrap(), scopes(written));
        }
    }

    #[test]
    fn what_is_no_scope_is_refused_with_the_reason() {
        for text in [
            "root",
            "admin:all",
            "repository:acme",
            "repository",
            "catalog:*",
            ":",
            "a:b:c",
            "node:",
            "node:*",
            "node:a,b",
        ] {
            assert!(matches!(text.parse::<Scopes>(), Err(Error::Scope(_))), "{text}");
        }
        for text in [
            "repository:a:write",
            "repository:a:",
            "repository:a:pull,",
            "log:write",
            "retention:",
            "retention:x",
        ] {
            assert!(matches!(text.parse::<Scopes>(), Err(Error::Right { .. })), "{text}");
        }
        assert!(matches!("repository::pull".parse::<Scopes>(), Err(Error::Pattern { .. })));
        assert!(matches!("repository:A/b:pull".parse::<Scopes>(), Err(Error::Pattern { .. })));
        let many = vec!["admin"; TOKEN_SCOPES_MAX + 1];
        assert!(matches!(Scopes::parse(many), Err(Error::TooMany { .. })));
    }

    #[test]
    fn a_right_that_no_scope_grants_is_not_there() {
        let reports = "acme/reports".parse().unwrap();
        let other = "other/reports".parse().unwrap();
        let uploader = scopes("repository:acme/*:pull,push");
        assert!(uploader.allows(Action::pull(&reports)));
        assert!(uploader.allows(Action::push(&reports)));
        assert!(!uploader.allows(Action::delete(&reports)));
        assert!(!uploader.allows(Action::pull(&other)));
        for action in [Action::LogRead, Action::Administer, Action::Retention(RetentionRight::Plan)] {
            assert!(!uploader.allows(action));
            assert!(!Scopes::default().allows(action));
        }
        // Administration is a right of its own, not a key to the contents.
        assert!(!scopes("admin").allows(Action::pull(&reports)));
    }

    #[test]
    fn a_node_speaks_for_itself_alone_and_delivers_what_any_signed() {
        let (own, other) = ("d1".parse().unwrap(), "d2".parse().unwrap());
        let node = scopes("node:d1");
        assert!(node.allows(Action::Node(&own)) && node.allows(Action::Deliver));
        assert!(!node.allows(Action::Node(&other)) && !node.allows(Action::Administer));
        assert!(scopes("admin").allows(Action::Node(&other)) && scopes("admin").allows(Action::Deliver));
        assert!(!scopes("repository:*:pull,push,delete log:read").allows(Action::Deliver));
    }

    #[test]
    fn what_a_wider_set_has_more_is_named() {
        let rows = [
            ("repository:acme/*:pull,push", "repository:acme/reports:pull", ""),
            ("repository:acme/*:pull", "repository:acme/reports:pull,push", "repository:acme/reports:push"),
            ("repository:acme/*:pull", "repository:*:pull", "repository:*:pull"),
            ("admin", "admin log:read retention:hold", "log:read retention:hold"),
            ("", "admin", "admin"),
            ("node:d1", "node:d1 node:d2", "node:d2"),
            ("admin", "node:d1", ""),
        ];
        for (mine, wanted, more) in rows {
            assert_eq!(scopes(mine).lacking(&scopes(wanted)).to_string(), more, "{mine} / {wanted}");
        }
    }

    fn any_scopes() -> impl Strategy<Value = Scopes> {
        let pattern = prop::sample::select(vec!["*", "a/*", "a/b/*", "a", "a/b", "a/b/c", "ab"]);
        let right = prop::sample::select(RepositoryRight::ALL);
        let retention = prop::sample::select(RetentionRight::ALL);
        (
            prop::collection::vec((pattern, right), 0..6),
            prop::collection::vec(retention, 0..3),
            prop::collection::btree_set(prop::sample::select(vec!["n1", "n2"]), 0..2),
            any::<bool>(),
            any::<bool>(),
        )
            .prop_map(|(repositories, retention, nodes, log_read, admin)| {
                let nodes = nodes.into_iter().map(|node| node.parse().unwrap()).collect();
                let base = Scopes { nodes, log_read, admin, ..Scopes::default() }.with_retention(&retention);
                repositories.into_iter().fold(base, |scopes, (pattern, right)| {
                    scopes.with_repository(pattern.parse().unwrap(), &[right])
                })
            })
    }

    proptest! {
        #[test]
        fn nothing_is_lacking_only_where_every_action_is_allowed(mine in any_scopes(), wanted in any_scopes()) {
            prop_assert_eq!(Scopes::parse(mine.to_texts()).unwrap(), mine.clone());
            if mine.lacking(&wanted).is_empty() {
                for name in ["a", "a/b", "a/b/c", "a/x", "ab", "z"] {
                    let name: RepositoryName = name.parse().unwrap();
                    for right in RepositoryRight::ALL {
                        let action = Action::Repository(*right, &name);
                        prop_assert!(!wanted.allows(action) || mine.allows(action));
                    }
                }
            }
            prop_assert!(mine.clone().union(wanted.clone()).lacking(&wanted).is_empty());
        }
    }
}
