//! What the errors of holds, locks, deletions and garbage collection are told.

use super::{Code, Problem};
use crate::control::gone::Gone;
use crate::control::{collection, deletions, erasures, holds, locks, plans, why};
use crate::http::deletions::in_the_way;
use crate::kernel::event::Authority;
use crate::kernel::statement;
use crate::node::{CollectError, EraseError};
use crate::wire::deletion::KeptBy;
use crate::wire::time::Timestamp;

impl From<statement::Error> for Problem {
    fn from(error: statement::Error) -> Self {
        Self::new(Code::InvalidArgument, format!("{error}."))
    }
}

impl From<holds::Error> for Problem {
    fn from(error: holds::Error) -> Self {
        use holds::Error as E;
        let told = format!("{error}.");
        match error {
            E::Exists(_) => Self::new(Code::HoldExists, told),
            E::Unknown(_) => Self::new(Code::HoldUnknown, told),
            E::Released { position, .. } => Self::new(Code::HoldReleased, told).member("position", position),
            E::EmptySelector => Self::new(Code::InvalidArgument, told),
            E::Package(error) => error.into(),
            E::Repository(error) => error.into(),
            E::Shared(error) => error.into(),
        }
    }
}

impl From<locks::Error> for Problem {
    fn from(error: locks::Error) -> Self {
        use locks::Error as E;
        let told = format!("{error}.");
        match error {
            E::NotLater { current_ms, .. } => {
                Self::new(Code::LockNotLater, told).member("current", current_ms.map(Timestamp::from_ms))
            }
            E::NotLocked => Self::new(Code::NotLocked, told),
            E::Package(error) => error.into(),
            E::Shared(error) => error.into(),
        }
    }
}

impl From<collection::Error> for Problem {
    fn from(error: collection::Error) -> Self {
        use collection::Error as E;
        match error {
            E::Unrecorded { .. } => Self::failure(Code::Internal, error),
            E::Order(error) => error.into(),
            E::Shared(error) => error.into(),
        }
    }
}

impl From<CollectError> for Problem {
    fn from(error: CollectError) -> Self {
        match error {
            CollectError::Collection(error) => error.into(),
            CollectError::Unproven(_) | CollectError::Node(_) => Self::failure(Code::Unavailable, error),
        }
    }
}

impl From<deletions::Error> for Problem {
    fn from(error: deletions::Error) -> Self {
        use deletions::Error as E;
        let told = format!("{error}.");
        match error {
            E::Kept { blockers } => {
                let kept_by: Vec<KeptBy> = blockers.into_iter().map(in_the_way).collect();
                Self::new(Code::PackageKept, told).member("kept_by", kept_by)
            }
            E::Retention(error) => error.into(),
            E::Package(error) => error.into(),
            E::Shared(error) => error.into(),
        }
    }
}

impl From<erasures::Error> for Problem {
    fn from(error: erasures::Error) -> Self {
        use erasures::Error as E;
        let told = format!("{error}.");
        match error {
            E::Kept { blockers } => {
                let kept_by: Vec<KeptBy> = blockers.into_iter().map(in_the_way).collect();
                Self::new(Code::PackageKept, told).member("kept_by", kept_by)
            }
            E::Needed { document, .. } => Self::new(Code::DocumentNeeded, told).member("document", document),
            E::DocumentUnknown(_) => Self::new(Code::DocumentUnknown, told),
            E::Retention(error) => error.into(),
            E::Package(error) => error.into(),
            E::Collection(error) => error.into(),
            E::Shared(error) => error.into(),
        }
    }
}

impl From<EraseError> for Problem {
    fn from(error: EraseError) -> Self {
        match error {
            EraseError::Erasure(error) => error.into(),
            EraseError::Unproven(_) | EraseError::Node(_) => Self::failure(Code::Unavailable, error),
        }
    }
}

impl From<why::Error> for Problem {
    fn from(error: why::Error) -> Self {
        use why::Error as E;
        match error {
            E::Retention(error) => error.into(),
            E::Deleted(gone) => gone_from(&gone),
            E::Package(error) => error.into(),
            E::Shared(error) => error.into(),
        }
    }
}

/// With what the tombstone says, field by field.
fn gone_from(gone: &Gone) -> Problem {
    let problem = Problem::new(Code::PackageDeleted, format!("{gone}."))
        .member("position", gone.position)
        .member("actor", &gone.by)
        .member("at", Timestamp::from_ms(gone.at_ms));
    match &gone.authority {
        Authority::Plan { plan, policy, version, rule } => problem
            .member("plan", plan)
            .member("policy", policy)
            .member("version", version)
            .member("rule", rule),
        Authority::Actor { .. } | Authority::Erasure { .. } => problem,
    }
}

impl From<plans::Error> for Problem {
    fn from(error: plans::Error) -> Self {
        use plans::Error as E;
        let told = format!("{error}.");
        match error {
            E::Invalid(_) => Self::new(Code::PlanInvalid, told),
            E::Unknown(_) => Self::new(Code::PlanUnknown, told),
            E::DocumentMissing { .. } => Self::failure(Code::Internal, told),
            E::Stale(policy) => Self::new(Code::PlanStale, told).member("policy", policy),
            E::TooMuch { what, found, limit } => Self::new(Code::PlanTooMuch, told)
                .member("what", what)
                .member("found", found)
                .member("limit", limit),
            E::NotApproved(_) => Self::new(Code::PlanNotApproved, told),
            E::OwnPlan(_) => Self::new(Code::OwnPlan, told),
            E::Retention(error) => error.into(),
            E::Shared(error) => error.into(),
        }
    }
}
