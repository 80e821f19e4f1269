//! Quotas: how much a repository may hold, compared with what the log says it holds.
//!
//! - A package that is accepted, and a blob that it links from elsewhere, are counted under the head lock: exact.
//! - An upload is compared when it is opened, which records nothing: uploads that are open at once can exceed the quota
//!   by their bytes, and what is stored then is kept. The next one is refused.
//! - A quota binds what is decided after it was set. It removes nothing.

use std::fmt;

use crate::kernel::id::RepositoryName;
use crate::views::repositories::Repository;

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limited {
    /// Packages accepted in it.
    Packages,
    /// Bytes of the blobs linked in it.
    Bytes,
}

impl fmt::Display for Limited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Packages => "packages",
            Self::Bytes => "bytes",
        })
    }
}

/// A repository would hold more than it may.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{repository} may hold {limit} {what}, holds {used}, and would get {wanted} more")]
pub struct Exceeded {
    /// Which.
    pub repository: RepositoryName,
    /// Of what.
    pub what: Limited,
    /// It may hold so many.
    pub limit: u64,
    /// It holds so many.
    pub used: u64,
    /// It would get so many more.
    pub wanted: u64,
}

/// That a repository may get so many packages and bytes more.
pub(super) fn check(repository: &Repository, packages: u64, bytes: u64) -> Result<(), Exceeded> {
    let each = [
        (Limited::Packages, repository.quota_packages, repository.packages, packages),
        (Limited::Bytes, repository.quota_bytes, repository.blobs_bytes, bytes),
    ];
    for (what, limit, used, wanted) in each {
        if limit > 0 && wanted > 0 && used.saturating_add(wanted) > limit {
            return Err(Exceeded { repository: repository.name.clone(), what, limit, used, wanted });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holding(packages: u64, blobs_bytes: u64, quota_packages: u64, quota_bytes: u64) -> Repository {
        Repository {
            name: "acme/app".parse().unwrap(),
            public: false,
            provenance: Default::default(),
            quota_bytes,
            quota_packages,
            created_at_ms: 0,
            updated_at_ms: 0,
            position: 0,
            packages,
            blobs: 0,
            blobs_bytes,
        }
    }

    #[test]
    fn the_last_byte_and_package_fit_and_the_next_do_not() {
        let full = holding(3, 100, 3, 100);
        assert_eq!(check(&holding(2, 99, 3, 100), 1, 1), Ok(()));
        let refused = check(&full, 1, 0).unwrap_err();
        assert_eq!((refused.what, refused.limit, refused.used, refused.wanted), (Limited::Packages, 3, 3, 1));
        let refused = check(&full, 0, 7).unwrap_err();
        assert_eq!(
            (refused.what, refused.limit, refused.used, refused.wanted),
            (Limited::Bytes, 100, 100, 7)
        );
    }

    #[test]
    fn no_quota_is_no_bound_and_what_adds_nothing_is_never_refused() {
        assert_eq!(check(&holding(u64::MAX, u64::MAX, 0, 0), 1, u64::MAX), Ok(()));
        assert_eq!(check(&holding(9, 900, 3, 100), 0, 0), Ok(()));
    }
}
