//! Roles: names for bundles of scopes, for people who mint tokens.

use super::{Error, Pattern, RepositoryRight, RetentionRight, Scopes, excerpt};

/// A named bundle. Written `uploader`, or `uploader:acme/*` to narrow it to some repositories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A service that deposits, and reads back what it deposited.
    Uploader,
    /// Reads the log and everything it speaks of; changes nothing.
    Auditor,
    /// Governs how long things are kept; does not deposit, does not approve what it plans, and does not bypass locks.
    RecordsManager,
    /// Approves what others plan to delete, and does nothing else.
    Approver,
    /// Everything.
    Admin,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Uploader, Self::Auditor, Self::RecordsManager, Self::Approver, Self::Admin];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uploader => "uploader",
            Self::Auditor => "auditor",
            Self::RecordsManager => "records-manager",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }

    /// What it may do, on these repositories where it is about repositories.
    pub fn scopes(self, on: &Pattern) -> Scopes {
        use RepositoryRight::{Delete, Pull, Push};
        use RetentionRight::{Apply, Approve, Bypass, Erase, Hold, Lock, Plan};
        let none = Scopes::default();
        match self {
            Self::Uploader => none.with_repository(on.clone(), &[Pull, Push]),
            Self::Auditor => none.with_repository(on.clone(), &[Pull]).with_log_read(),
            Self::RecordsManager => none
                .with_repository(on.clone(), &[Pull])
                .with_log_read()
                .with_retention(&[Plan, Apply, Hold, Lock]),
            Self::Approver => {
                none.with_repository(on.clone(), &[Pull]).with_log_read().with_retention(&[Plan, Approve])
            }
            Self::Admin => none
                .with_repository(on.clone(), &[Pull, Push, Delete])
                .with_log_read()
                .with_retention(&[Plan, Apply, Approve, Hold, Lock, Bypass, Erase])
                .with_admin(),
        }
    }

    /// The scopes of a role as it is written, with or without repositories behind it.
    ///
    /// # Errors
    /// If no role has that name, or what follows is no pattern.
    pub fn parse_scopes(text: &str) -> Result<Scopes, Error> {
        let (name, pattern) = match text.split_once(':') {
            Some((name, pattern)) => (name, pattern.parse()?),
            None => (text, Pattern::All),
        };
        let role = Self::ALL.into_iter().find(|role| role.name() == name);
        let role = role.ok_or_else(|| Error::Role(excerpt(text)))?;
        Ok(role.scopes(&pattern))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Action;
    use super::*;

    #[test]
    fn a_role_is_its_bundle() {
        let rows = [
            ("uploader", "repository:*:pull,push"),
            ("uploader:acme/*", "repository:acme/*:pull,push"),
            ("auditor", "repository:*:pull log:read"),
            ("records-manager", "repository:*:pull log:read retention:plan,apply,hold,lock"),
            ("approver", "repository:*:pull log:read retention:plan,approve"),
            (
                "admin",
                "repository:*:pull,push,delete log:read retention:plan,apply,approve,hold,lock,bypass,erase admin",
            ),
        ];
        for (role, scopes) in rows {
            assert_eq!(Role::parse_scopes(role).unwrap().to_string(), scopes);
        }
    }

    #[test]
    fn only_the_admin_may_administer_bypass_or_erase() {
        for role in Role::ALL {
            let scopes = role.scopes(&Pattern::All);
            assert_eq!(scopes.allows(Action::Administer), role == Role::Admin);
            assert_eq!(scopes.allows(Action::Retention(RetentionRight::Bypass)), role == Role::Admin);
            assert_eq!(scopes.allows(Action::Retention(RetentionRight::Erase)), role == Role::Admin);
        }
    }

    #[test]
    fn an_unknown_role_is_refused() {
        assert_eq!(Role::parse_scopes("root"), Err(Error::Role("root".into())));
        assert!(matches!(Role::parse_scopes("uploader:A"), Err(Error::Pattern { .. })));
    }
}
