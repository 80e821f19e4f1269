//! What can be allowed: the things that a use case asks for.

use std::fmt;

use crate::kernel::id::{NodeName, RepositoryName};

/// A closed set of rights with names, as they stand behind the colon of a scope.
macro_rules! rights {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// All of them, in the order in which they are printed.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name in scopes.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

rights! {
    /// A right on repositories.
    RepositoryRight {
        /// Read packages, tags, blobs, and the events about them.
        Pull = "pull",
        /// Deposit blobs and packages, move tags; makes the repository if there is none.
        Push = "push",
        /// Remove tags.
        Delete = "delete",
    }
}

rights! {
    /// A right on retention.
    RetentionRight {
        /// See what a policy would do.
        Plan = "plan",
        /// Do it.
        Apply = "apply",
        /// Allow a plan that somebody else submitted.
        Approve = "approve",
        /// Place and release holds.
        Hold = "hold",
        /// Lock packages.
        Lock = "lock",
        /// Go past a governance lock, on record.
        Bypass = "bypass",
        /// Erase packages and documents for ever, where a law demands it.
        Erase = "erase",
    }
}

/// One thing that a caller wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action<'a> {
    /// Something in one repository.
    Repository(RepositoryRight, &'a RepositoryName),
    /// Read the whole log.
    LogRead,
    /// Something that governs how long things are kept.
    Retention(RetentionRight),
    /// Speak for that node of the data plane: record its receipt keys.
    Node(&'a NodeName),
    /// Hand over what nodes of the data plane signed: for any of them, since a session of one is ended by another.
    Deliver,
    /// Settings of repositories, tokens, keys.
    Administer,
}

impl<'a> Action<'a> {
    /// Read from the repository.
    pub const fn pull(repository: &'a RepositoryName) -> Self {
        Self::Repository(RepositoryRight::Pull, repository)
    }

    /// Deposit in the repository.
    pub const fn push(repository: &'a RepositoryName) -> Self {
        Self::Repository(RepositoryRight::Push, repository)
    }

    /// Remove from the repository.
    pub const fn delete(repository: &'a RepositoryName) -> Self {
        Self::Repository(RepositoryRight::Delete, repository)
    }
}

/// As the narrowest scope that allows it.
impl fmt::Display for Action<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository(right, repository) => write!(f, "repository:{repository}:{}", right.name()),
            Self::LogRead => f.write_str("log:read"),
            Self::Retention(right) => write!(f, "retention:{}", right.name()),
            Self::Node(node) => write!(f, "node:{node}"),
            Self::Deliver => f.write_str("node:<name>"),
            Self::Administer => f.write_str("admin"),
        }
    }
}
