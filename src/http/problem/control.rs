//! What the errors of access, log and control plane are told: one exhaustive match for each enum.

use super::{Code, Problem};
use crate::access;
use crate::contract;
use crate::control::orders::NotCarried;
use crate::control::retention as plans;
use crate::control::tags::Moved;
use crate::control::{
    self, blobs, keys, manifests, orders, policies, reads, receipts, repositories, tags, tokens, uploads,
};
use crate::kernel::digest::Blake3;
use crate::log;
use crate::node::SweepError;
use crate::retention;
use crate::views;
use crate::views::blobs::Damaged;
use crate::wire::blob::DamagedBlob;

impl From<access::Denied> for Problem {
    fn from(denied: access::Denied) -> Self {
        let code = if denied.authenticated { Code::ScopeMissing } else { Code::Unauthenticated };
        Self::new(code, format!("{denied}.")).member("needed", &denied.needed)
    }
}

impl From<access::Error> for Problem {
    fn from(error: access::Error) -> Self {
        use access::Error::{Pattern, Right, Role, Scope, TooMany};
        match error {
            Scope(_) | Right { .. } | Pattern { .. } | TooMany { .. } | Role(_) => {
                Self::new(Code::InvalidArgument, format!("{error}."))
            }
        }
    }
}

impl From<access::NotASecret> for Problem {
    fn from(error: access::NotASecret) -> Self {
        Self::new(Code::TokenInvalid, format!("{error}."))
    }
}

impl From<log::Error> for Problem {
    fn from(error: log::Error) -> Self {
        use log::Error as E;
        match error {
            E::Busy { retry_after_seconds } => Self::busy(Code::Busy, retry_after_seconds.into(), error),
            E::Closed => Self::busy(Code::Unavailable, 5, error),
            E::Conflict { .. } => Self::busy(Code::Contended, 1, error),
            E::IdReused { .. } => {
                Self::new(Code::IdempotencyConflict, "Use a fresh Idempotency-Key for each request.")
            }
            E::Clock { .. } | E::OtherFolds { .. } | E::Database(_) => {
                Self::failure(Code::Unavailable, error)
            }
            E::Guard(_) | E::Count(_) | E::Record(_) | E::Damaged(_) => Self::failure(Code::Internal, error),
        }
    }
}

impl From<log::read::Error> for Problem {
    fn from(error: log::read::Error) -> Self {
        use log::read::Error::{Database, Gap, Undecodable};
        match error {
            Database(_) => Self::failure(Code::Unavailable, error),
            Gap { .. } | Undecodable { .. } => Self::failure(Code::Internal, error),
        }
    }
}

impl From<log::head::Error> for Problem {
    fn from(error: log::head::Error) -> Self {
        match error {
            log::head::Error::Database(_) => Self::failure(Code::Unavailable, error),
            log::head::Error::Damaged(_) => Self::failure(Code::Internal, error),
        }
    }
}

impl From<log::documents::Error> for Problem {
    fn from(error: log::documents::Error) -> Self {
        use log::documents::Error::{Damaged, Database, TooLarge};
        match error {
            TooLarge(_) => Self::new(Code::BodyTooLarge, format!("{error}.")),
            Damaged(_) => Self::failure(Code::Internal, error),
            Database(_) => Self::failure(Code::Unavailable, error),
        }
    }
}

impl From<views::Error> for Problem {
    fn from(error: views::Error) -> Self {
        match error {
            views::Error::Database(_) => Self::failure(Code::Unavailable, error),
            views::Error::Damaged { .. } => Self::failure(Code::Internal, error),
        }
    }
}

impl From<control::Error> for Problem {
    fn from(error: control::Error) -> Self {
        use control::Error as E;
        match error {
            E::Denied(denied) => denied.into(),
            E::IdempotencyKeyReused => Self::new(Code::IdempotencyConflict, format!("{error}.")),
            E::Contended => Self::busy(Code::Contended, 1, error),
            E::OwnKeyRetired(_) => Self::busy(Code::Unavailable, 30, error),
            E::Log(error) => error.into(),
            E::Database(_) => Self::failure(Code::Unavailable, error),
            E::Views(error) => error.into(),
            E::Read(error) => error.into(),
            E::Document(error) => error.into(),
        }
    }
}

impl From<repositories::Error> for Problem {
    fn from(error: repositories::Error) -> Self {
        use repositories::Error as E;
        match error {
            E::Exists(_) => Self::new(Code::RepositoryExists, format!("{error}.")),
            E::Unknown(_) => Self::new(Code::RepositoryUnknown, format!("{error}.")),
            E::Shared(error) => error.into(),
        }
    }
}

impl From<uploads::Error> for Problem {
    fn from(error: uploads::Error) -> Self {
        use uploads::Error as E;
        match error {
            E::Count(_) | E::SizeDiffers { .. } => Self::new(Code::InvalidArgument, format!("{error}.")),
            E::TooLarge { .. } => Self::new(Code::UploadTooLarge, format!("{error}.")),
            E::Quota(exceeded) => exceeded.into(),
            E::Shared(error) => error.into(),
        }
    }
}

impl From<receipts::Error> for Problem {
    fn from(error: receipts::Error) -> Self {
        use receipts::Error as E;
        let told = format!("{error}.");
        match error {
            E::Statement(error) => match error {
                contract::Error::Expired(_) => Self::new(Code::ReceiptRefused, told),
                contract::Error::Forged
                | contract::Error::WrongKind { .. }
                | contract::Error::WrongAudience(_)
                | contract::Error::UnknownKey(_)
                | contract::Error::RetiredKey(_)
                | contract::Error::Malformed(_) => Self::new(Code::ReceiptInvalid, told),
            },
            E::OtherNode(_) | E::OtherRepository { .. } => Self::new(Code::ReceiptInvalid, told),
            E::Late { .. } | E::Discarded(_) | E::GrantSpent(_) => Self::new(Code::ReceiptRefused, told),
            E::Shared(error) => error.into(),
        }
    }
}

impl From<orders::Error> for Problem {
    fn from(error: orders::Error) -> Self {
        use orders::Error as E;
        let told = format!("{error}.");
        match error {
            E::NoOrder(_) => Self::new(Code::OrderInvalid, told),
            E::Statement(_) | E::OtherNode(_) | E::OtherOrder => Self::new(Code::ReportInvalid, told),
            E::NotCarried(NotCarried(why)) => Self::new(Code::OrderUntaken, format!("{why}.")),
            E::Shared(error) => error.into(),
        }
    }
}

impl From<SweepError> for Problem {
    fn from(error: SweepError) -> Self {
        match error {
            SweepError::Log(error) => error.into(),
            SweepError::Report(error) => error.into(),
            error => Self::failure(Code::Unavailable, error),
        }
    }
}

impl From<blobs::Error> for Problem {
    fn from(error: blobs::Error) -> Self {
        use blobs::Error as E;
        match error {
            E::RepositoryUnknown(_) => Self::new(Code::RepositoryUnknown, format!("{error}.")),
            E::Unknown { .. } => Self::new(Code::BlobUnknown, format!("{error}.")),
            E::Shared(error) => error.into(),
        }
    }
}

impl From<manifests::Error> for Problem {
    fn from(error: manifests::Error) -> Self {
        use manifests::Error as E;
        let told = format!("{error}.");
        match error {
            E::Invalid(_) | E::TreeTooLarge { .. } => Self::new(Code::ManifestInvalid, told),
            E::DigestDiffers { found, .. } => Self::new(Code::DigestMismatch, told)
                .member("blake3", found.blake3)
                .member("sha256", found.sha256),
            E::BlobsMissing { missing } => Self::new(Code::BlobsMissing, told).member("missing", missing),
            E::BlobsDiffer { blobs } => Self::new(Code::ManifestInvalid, told).member("blobs", blobs),
            E::ManifestsMissing { missing } => {
                Self::new(Code::ManifestsMissing, told).member("missing", missing)
            }
            E::ManifestsDiffer { manifests } => {
                Self::new(Code::ManifestInvalid, told).member("manifests", manifests)
            }
            E::SubjectMissing(subject) => Self::new(Code::SubjectUnknown, told).member("subject", subject),
            E::RepositoryUnknown(_) => Self::new(Code::RepositoryUnknown, told),
            E::Unknown { .. } => Self::new(Code::ManifestUnknown, told),
            E::NoRendering => Self::new(Code::NotAcceptable, told),
            E::DocumentMissing(_) => Self::failure(Code::Internal, told),
            E::Erased { position, .. } => Self::new(Code::Erased, told).member("position", position),
            E::ErasedBefore { position, .. } => {
                Self::new(Code::ManifestErased, told).member("position", position)
            }
            E::BlobsDamaged { damaged } => Self::new(Code::BlobsDamaged, told).member("damaged", damaged),
            E::TagMoved(Moved { current }) => Self::tag_moved(told, current),
            E::Pin(refused) => refused.into(),
            E::Quota(exceeded) => exceeded.into(),
            E::Retention(error) => error.into(),
            E::Shared(error) => error.into(),
        }
    }
}

impl From<tags::Error> for Problem {
    fn from(error: tags::Error) -> Self {
        use tags::Error as E;
        let told = format!("{error}.");
        match error {
            E::RepositoryUnknown(_) => Self::new(Code::RepositoryUnknown, told),
            E::ManifestUnknown(_) => Self::new(Code::ManifestUnknown, told),
            E::Unknown(_) => Self::new(Code::TagUnknown, told),
            E::TagMoved(Moved { current }) => Self::tag_moved(told, current),
            E::Retention(error) => error.into(),
            E::Shared(error) => error.into(),
        }
    }
}

impl Problem {
    /// The one refusal that two use cases share: `current` is what the tag names, null if nothing.
    fn tag_moved(told: String, current: Option<Blake3>) -> Self {
        Self::new(Code::TagMoved, told).member("current", current)
    }
}

impl From<reads::Error> for Problem {
    fn from(error: reads::Error) -> Self {
        use reads::Error as E;
        let told = format!("{error}.");
        match error {
            E::Package(error) => error.into(),
            E::NotInPackage { digests } => Self::new(Code::BlobUnknown, told).member("digests", digests),
            E::BlobsMissing { .. } => Self::failure(Code::Internal, told),
            E::BlobsDamaged { damaged } => {
                let one = |(digest, damaged): (Blake3, Damaged)| DamagedBlob {
                    digest,
                    found: damaged.found.to_string(),
                    since: damaged.position,
                };
                let damaged: Vec<DamagedBlob> = damaged.into_iter().map(one).collect();
                Self::new(Code::BlobsDamaged, told).member("damaged", damaged)
            }
            E::RetrievalNeeded { repository, manifest, retrieval, .. } => {
                Self::retrieval_needed(&told, &repository, manifest, retrieval)
            }
            E::Shared(error) => error.into(),
        }
    }
}

impl From<keys::Error> for Problem {
    fn from(error: keys::Error) -> Self {
        use keys::Error as E;
        let told = format!("{error}.");
        match error {
            E::Unknown(_) => Self::new(Code::KeyUnknown, told),
            E::InUse(_) => Self::new(Code::KeyInUse, told),
            E::Taken { kind, node, .. } => {
                Self::new(Code::KeyTaken, told).member("kind", kind.name()).member("node", node)
            }
            E::Shared(error) => error.into(),
        }
    }
}

impl From<retention::draft::Error> for Problem {
    fn from(error: retention::draft::Error) -> Self {
        let retention::draft::Error { line, column, message } = &error;
        Self::new(Code::PolicyInvalid, format!("Line {line}, column {column}: {message}."))
            .member("line", line)
            .member("column", column)
    }
}

impl From<policies::Error> for Problem {
    fn from(error: policies::Error) -> Self {
        use policies::Error as E;
        let told = format!("{error}.");
        match error {
            E::Invalid(error) => error.into(),
            E::Unknown(_) => Self::new(Code::PolicyUnknown, told),
            E::TooMany => Self::new(Code::TooManyPolicies, told),
            E::TooLong(_) => Self::new(Code::PolicyInvalid, told),
            E::Damaged { .. } => Self::failure(Code::Internal, told),
            E::Shared(error) => error.into(),
        }
    }
}

impl From<plans::Error> for Problem {
    fn from(error: plans::Error) -> Self {
        use plans::Error as E;
        match error {
            E::Policy(error) => error.into(),
            E::Plan(error) => Self::new(Code::PlanTooLarge, format!("{error}.")),
            E::IndexMissing(_) | E::SelectorMissing(_) => Self::failure(Code::Internal, error),
            E::Shared(error) => error.into(),
        }
    }
}

impl From<tokens::Error> for Problem {
    fn from(error: tokens::Error) -> Self {
        use tokens::Error as E;
        let told = format!("{error}.");
        match error {
            E::NothingAllowed | E::SubjectReserved => Self::new(Code::InvalidArgument, told),
            E::Wider { lacking } => Self::new(Code::ScopeMissing, told).member("lacking", lacking.to_texts()),
            E::Expiry { max_seconds } => {
                Self::new(Code::InvalidArgument, told).member("max_seconds", max_seconds)
            }
            E::AlreadyMinted(token) => Self::new(Code::AlreadyMinted, told).member("token", token),
            E::Unknown(_) => Self::new(Code::TokenUnknown, told),
            E::Unauthenticated => Self::new(Code::TokenInvalid, told),
            E::Shared(error) => error.into(),
        }
    }
}
