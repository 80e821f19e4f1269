//! What the errors of pins and quotas are told: one exhaustive match for each enum.

use super::{Code, Problem};
use crate::control::{Exceeded, pins};

impl From<pins::Refused> for Problem {
    fn from(refused: pins::Refused) -> Self {
        use pins::Refused as R;
        let told = format!("{refused}.");
        match refused {
            R::Moved { pin, current } => {
                Self::new(Code::PinMoved, told).member("pin", pin).member("current", current)
            }
            R::Said(_) => Self::new(Code::InvalidArgument, told),
            R::ProvenanceMissing { missing } => {
                Self::new(Code::ProvenanceMissing, told).member("missing", missing)
            }
        }
    }
}

impl From<pins::Error> for Problem {
    fn from(error: pins::Error) -> Self {
        use pins::Error as E;
        let told = format!("{error}.");
        match error {
            E::RepositoryUnknown(_) => Self::new(Code::RepositoryUnknown, told),
            E::ManifestUnknown(_) => Self::new(Code::ManifestUnknown, told),
            E::Unknown(_) | E::UnknownThen { .. } => Self::new(Code::PinUnknown, told),
            E::Ahead(_) => Self::new(Code::InvalidQuery, told),
            E::Refused(refused) => refused.into(),
            E::Package(error) => error.into(),
            E::Shared(error) => error.into(),
        }
    }
}

impl From<Exceeded> for Problem {
    fn from(exceeded: Exceeded) -> Self {
        let told = format!("{exceeded}. An admin can raise the quota: `strongroom repository set`.");
        Self::new(Code::QuotaExceeded, told)
            .member("what", exceeded.what.to_string())
            .member("limit", exceeded.limit)
            .member("used", exceeded.used)
            .member("wanted", exceeded.wanted)
    }
}
